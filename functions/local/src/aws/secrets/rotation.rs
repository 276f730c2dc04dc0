//! Rotation, as far as a secret knows of it: that it is due. The steps are done by whoever runs functions.

use super::api::{living_mut, named};
use super::error::Refusal;
use super::file::Shelf;
use super::secret::{CURRENT, Rotation, Secret};
use serde::Deserialize;
use serde_json::Value;

/// The stage of the version that is to follow.
const PENDING: &str = "AWSPENDING";

/// A month, unless told.
const USUAL_DAYS: i64 = 30;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Rotate {
    secret_id: String,
    #[serde(rename = "RotationLambdaARN")]
    function: Option<String>,
    #[serde(rename = "RotationRules")]
    rules: Option<Rules>,
    #[serde(rename = "RotateImmediately")]
    now: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rules {
    automatically_after_days: Option<i64>,
}

pub(super) fn rotate(shelf: &mut Shelf, wish: Rotate, now: i64) -> Result<Value, Refusal> {
    let secret = living_mut(shelf, &wish.secret_id)?;
    let is_under_way = secret
        .staged(PENDING)
        .is_some_and(|(_, version)| !version.stages.contains(CURRENT));
    if is_under_way {
        return Err(Refusal::Request(
            "A previous rotation isn't complete. That rotation will be reattempted.",
        ));
    }
    let before = secret.rotation.take();
    let function = wish
        .function
        .or(before.as_ref().map(|it| it.function.clone()));
    let function = function.ok_or(Refusal::Request(
        "No Lambda rotation function ARN is associated with this secret.",
    ))?;
    let days = wish.rules.and_then(|it| it.automatically_after_days);
    let known = before.as_ref().map(|it| it.days);
    let mut rotation = Rotation {
        function,
        days: days.or(known).unwrap_or(USUAL_DAYS),
        due_at: now,
        last_at: before.and_then(|it| it.last_at),
    };
    if wish.now == Some(false) {
        rotation.due_at = rotation.after(now);
    }
    secret.rotation = Some(rotation);
    Ok(named(secret, None))
}

/// A rotation is over when another version is in force; the next is due so many days later.
pub(super) fn is_over(secret: &mut Secret, stage: &str, now: i64) {
    if let Some(rotation) = secret.rotation.as_mut().filter(|_| stage == CURRENT) {
        rotation.last_at = Some(now);
        rotation.due_at = rotation.after(now);
    }
}

/// And when its pending version has been taken back: then nothing was rotated.
pub(super) fn is_given_up(secret: &mut Secret, stage: &str, now: i64) {
    if let Some(rotation) = secret.rotation.as_mut().filter(|_| stage == PENDING) {
        rotation.due_at = rotation.after(now);
    }
}
