//! The calls of Secrets Manager, each a function of the secrets and the request.

use super::error::Refusal;
use super::file::Shelf;
use super::rotation;
use super::secret::{CURRENT, Content, Secret, Version};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// What a value may weigh.
const MOST_BYTES: usize = 65_536;

/// A call about one secret.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Of {
    secret_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Get {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Create {
    name: String,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Value>,
    client_request_token: Option<String>,
    #[serde(flatten)]
    value: Given,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Put {
    secret_id: String,
    client_request_token: Option<String>,
    version_stages: Option<BTreeSet<String>>,
    #[serde(flatten)]
    value: Given,
}

/// A value as a request gives it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    secret_string: Option<String>,
    secret_binary: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MoveStage {
    secret_id: String,
    version_stage: String,
    remove_from_version_id: Option<String>,
    move_to_version_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    secret_id: String,
    #[serde(default)]
    force_delete_without_recovery: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    max_results: Option<usize>,
    next_token: Option<String>,
    #[serde(default)]
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    key: String,
    #[serde(default)]
    values: Vec<String>,
}

pub(super) fn get(shelf: &Shelf, get: &Get) -> Result<Value, Refusal> {
    let secret = living(shelf, &get.secret_id)?;
    let stage = get.version_stage.as_deref();
    let found = match &get.version_id {
        Some(id) => secret.versions.get_key_value(id),
        None => secret.staged(stage.unwrap_or(CURRENT)),
    };
    let asked = get.version_id.as_deref().or(stage).unwrap_or(CURRENT);
    let found = found.filter(|(_, version)| stage.is_none_or(|it| version.stages.contains(it)));
    let (id, version) = found.ok_or_else(|| Refusal::NoVersion(asked.to_owned()))?;
    let (field, content) = match &version.content {
        Content::Text(text) => ("SecretString", text),
        Content::Binary(bytes) => ("SecretBinary", bytes),
    };
    Ok(json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": id,
        "VersionStages": version.stages,
        "CreatedDate": seconds(version.created_at),
        field: content,
    }))
}

pub(super) fn describe(shelf: &Shelf, of: &Of) -> Result<Value, Refusal> {
    find(shelf, &of.secret_id).map(|secret| describe_one(secret, "VersionIdsToStages"))
}

/// As long as one of Secrets Manager's is unless another length is asked for.
pub(super) fn random_password() -> Value {
    json!({"RandomPassword": uuid::Uuid::new_v4().simple().to_string()})
}

/// In the order of names; the token is the last name of the page before.
pub(super) fn list(shelf: &Shelf, list: &List) -> Result<Value, Refusal> {
    if list.filters.iter().any(|filter| filter.key != "name") {
        return Err(Refusal::Parameter(
            "the local endpoints filter secrets by name only",
        ));
    }
    let start = list
        .next_token
        .as_ref()
        .map_or(Bound::Unbounded, Bound::Excluded);
    let most = list.max_results.unwrap_or(100).clamp(1, 100);
    let matches = |name: &str| {
        list.filters
            .iter()
            .all(|filter| filter.values.iter().any(|value| name.starts_with(value)))
    };
    let living = shelf
        .range::<String, _>((start, Bound::Unbounded))
        .map(|(_, secret)| secret);
    let living = living.filter(|secret| secret.deleted_at.is_none() && matches(&secret.name));
    let mut page: Vec<_> = living.take(most + 1).collect();
    let more = page.len() > most;
    page.truncate(most);
    let token = page
        .last()
        .filter(|_| more)
        .map(|secret| secret.name.as_str());
    let secrets: Vec<_> = page
        .iter()
        .map(|secret| describe_one(secret, "SecretVersionsToStages"))
        .collect();
    Ok(without_nulls(
        json!({ "SecretList": secrets, "NextToken": token }),
    ))
}

pub(super) fn create(shelf: &mut Shelf, create: Create, now: i64) -> Result<Value, Refusal> {
    let content = create.value.content()?;
    let version = create.client_request_token.unwrap_or_else(fresh_id);
    if let Some(secret) = shelf.get(&create.name) {
        if secret.deleted_at.is_some() {
            return Err(Refusal::Request(
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ));
        }
        // The SDK asks again with the same token when an answer was lost.
        let same = secret.versions.get(&version).map(|known| &known.content) == content.as_ref();
        let known = secret.versions.contains_key(&version) && same;
        return if known {
            Ok(named(secret, Some(&version)))
        } else {
            Err(Refusal::SecretExists)
        };
    }
    let mut secret = Secret::new(&create.name, now);
    secret.description = create.description;
    secret.tags = create.tags;
    let mut id = None;
    if let Some(content) = content {
        secret.put(&version, content, current(), now)?;
        id = Some(version);
    }
    let answer = named(&secret, id.as_deref());
    shelf.insert(create.name, secret);
    Ok(answer)
}

pub(super) fn put(shelf: &mut Shelf, put: Put, now: i64) -> Result<Value, Refusal> {
    let content = put.value.content()?;
    let content = content.ok_or(Refusal::Parameter(
        "You must provide a value for the secret.",
    ))?;
    let secret = living_mut(shelf, &put.secret_id)?;
    let id = put.client_request_token.unwrap_or_else(fresh_id);
    secret.put(
        &id,
        content,
        put.version_stages.unwrap_or_else(current),
        now,
    )?;
    let stages = secret.versions.get(&id).map(|version| &version.stages);
    Ok(json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": id, "VersionStages": stages }))
}

/// A stage leaves a version only if the caller knows which one bears it.
pub(super) fn move_stage(shelf: &mut Shelf, wish: &MoveStage, now: i64) -> Result<Value, Refusal> {
    let secret = living_mut(shelf, &wish.secret_id)?;
    let stage = wish.version_stage.as_str();
    let bearer = secret.staged(stage).map(|(id, _)| id.clone());
    let (from, to) = (&wish.remove_from_version_id, &wish.move_to_version_id);
    if from.is_some() && *from != bearer {
        return Err(Refusal::Parameter(
            "the staging label isn't on the version to remove it from",
        ));
    }
    if bearer.is_some() && from.is_none() && *to != bearer {
        return Err(Refusal::Parameter(
            "the staging label is on another version; name it in RemoveFromVersionId",
        ));
    }
    match to {
        Some(to) if !secret.versions.contains_key(to) => {
            return Err(Refusal::NoVersion(to.clone()));
        }
        Some(to) => {
            secret.put_stage(stage, to);
            rotation::is_over(secret, stage, now);
        }
        None if stage == CURRENT => {
            return Err(Refusal::Parameter(
                "AWSCURRENT can only be moved, not removed",
            ));
        }
        None => {
            secret.take_stage(stage);
            rotation::is_given_up(secret, stage, now);
        }
    }
    secret.changed_at = now;
    Ok(named(secret, None))
}

pub(super) fn delete(shelf: &mut Shelf, delete: &Delete, now: i64) -> Result<Value, Refusal> {
    let secret = find(shelf, &delete.secret_id);
    let (name, arn) = match secret {
        Ok(secret) => (secret.name.clone(), secret.arn.clone()),
        // Forced deletion answers well for a secret that is gone.
        Err(_) if delete.force_delete_without_recovery => {
            let Secret { name, arn, .. } = Secret::new(&delete.secret_id, now);
            (name, arn)
        }
        Err(refusal) => return Err(refusal),
    };
    if delete.force_delete_without_recovery {
        shelf.remove(&name);
    } else {
        living_mut(shelf, &name)?.deleted_at = Some(now);
    }
    Ok(json!({ "ARN": arn, "Name": name, "DeletionDate": seconds(now) }))
}

pub(super) fn restore(shelf: &mut Shelf, of: &Of) -> Result<Value, Refusal> {
    let name = find(shelf, &of.secret_id)?.name.clone();
    let secret = shelf.get_mut(&name).ok_or(Refusal::NoSecret)?;
    secret.deleted_at = None;
    Ok(named(secret, None))
}

impl Given {
    fn content(self) -> Result<Option<Content>, Refusal> {
        let sizes =
            [&self.secret_string, &self.secret_binary].map(|it| it.as_ref().map_or(0, String::len));
        if sizes.iter().any(|size| *size > MOST_BYTES) {
            return Err(Refusal::Parameter(
                "A secret value can have 65536 bytes at most.",
            ));
        }
        match (self.secret_string, self.secret_binary) {
            (Some(_), Some(_)) => Err(Refusal::Parameter(
                "You can't specify both a binary and a text value.",
            )),
            (Some(text), None) => Ok(Some(Content::Text(text))),
            (None, Some(bytes)) => Ok(Some(Content::Binary(bytes))),
            (None, None) => Ok(None),
        }
    }
}

/// By name, by ARN, or by an ARN without its last six characters.
fn find<'a>(shelf: &'a Shelf, id: &str) -> Result<&'a Secret, Refusal> {
    let partial = |secret: &Secret| {
        secret
            .arn
            .rsplit_once('-')
            .is_some_and(|(arn, _)| arn == id)
    };
    let mut secrets = shelf.values();
    let found = shelf
        .get(id)
        .or_else(|| secrets.find(|it| it.arn == id || partial(it)));
    found.ok_or(Refusal::NoSecret)
}

fn living<'a>(shelf: &'a Shelf, id: &str) -> Result<&'a Secret, Refusal> {
    let secret = find(shelf, id)?;
    if secret.deleted_at.is_some() {
        Err(Refusal::Deleted)
    } else {
        Ok(secret)
    }
}

pub(super) fn living_mut<'a>(shelf: &'a mut Shelf, id: &str) -> Result<&'a mut Secret, Refusal> {
    let name = living(shelf, id)?.name.clone();
    shelf.get_mut(&name).ok_or(Refusal::NoSecret)
}

pub(super) fn named(secret: &Secret, version: Option<&str>) -> Value {
    without_nulls(json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": version }))
}

fn describe_one(secret: &Secret, stages_field: &str) -> Value {
    let staged = |(_, version): &(&String, &Version)| !version.stages.is_empty();
    let staged = secret.versions.iter().filter(staged);
    let versions: BTreeMap<_, _> = staged.map(|(id, version)| (id, &version.stages)).collect();
    without_nulls(json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "Description": secret.description,
        "Tags": secret.tags,
        "CreatedDate": seconds(secret.created_at),
        "LastChangedDate": seconds(secret.changed_at),
        "DeletedDate": secret.deleted_at.map(seconds),
        stages_field: versions,
        "RotationEnabled": secret.rotation.is_some(),
        "RotationLambdaARN": secret.rotation.as_ref().map(|it| &it.function),
        "RotationRules": secret.rotation.as_ref().map(|it| json!({"AutomaticallyAfterDays": it.days})),
        "NextRotationDate": secret.rotation.as_ref().map(|it| seconds(it.due_at)),
        "LastRotatedDate": secret.rotation.as_ref().and_then(|it| it.last_at).map(seconds),
    }))
}

fn without_nulls(mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    answer
}

fn current() -> BTreeSet<String> {
    BTreeSet::from([CURRENT.to_owned()])
}

fn fresh_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// As the protocol writes times: seconds, with a fraction.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of this era fit into 53 bits"
)]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}
