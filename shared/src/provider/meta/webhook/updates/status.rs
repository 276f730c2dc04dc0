//! What happened to a message we sent.

use super::other;
use super::person::Contacts;
use super::{named, text, timestamp};
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::state::Status;
use crate::domain::webhook::{Fact, StatusUpdate};
use serde_json::Value;

/// Reads one element of `statuses`, or says what is wrong with it.
pub(super) fn read(unit: &Value, contacts: &Contacts<'_>) -> Result<Fact, &'static str> {
    if !unit.is_object() {
        return Err("the status is not an object");
    }
    let name = text(unit, "status").ok_or("the status does not say what happened")?;
    let (Some(status), None) = (status(&name), unit.get("type")) else {
        return Ok(Fact::Other(other::name_of_part(
            "messages", "statuses", unit,
        )));
    };
    Ok(Fact::Status(Box::new(StatusUpdate {
        wamid: named(unit, &["id"]).ok_or("the status has no id, or one that is none")?,
        message: named(unit, &["biz_opaque_callback_data"]),
        status,
        at: timestamp(unit).ok_or("the status has no timestamp in seconds")?,
        recipient: contacts.person(unit),
        pricing: unit.get("pricing").filter(|it| it.is_object()).cloned(),
        failure: (status == Status::Failed).then(|| failure(unit)),
    })))
}

fn status(name: &str) -> Option<Status> {
    const ALL: [Status; 5] = [
        Status::Sent,
        Status::Delivered,
        Status::Read,
        Status::Played,
        Status::Failed,
    ];
    ALL.into_iter()
        .find(|status| status.as_str().eq_ignore_ascii_case(name))
}

/// The first error counts; the others are kept raw.
fn failure(unit: &Value) -> ProviderFailure {
    let error = unit.pointer("/errors/0");
    let code = error.and_then(|error| text(error, "code")?.parse().ok());
    let (Some(error), Some(code)) = (error, code) else {
        return ProviderFailure::without_code(
            Class::Permanent,
            "Meta reports that the message failed and does not say why",
            "ask Meta's support, quoting the provider's message id",
        );
    };
    let title = text(error, "title").or_else(|| text(error, "message"));
    let details = error
        .get("error_data")
        .and_then(|error| text(error, "details"));
    let said = [title.unwrap_or_default(), details.unwrap_or_default()];
    let mut failure = ProviderFailure::from_meta(code, &said.each_ref().map(String::as_str));
    // Beside a request these codes leave open whether Meta took the message; a status says that it failed.
    if failure.class == Class::Ambiguous {
        failure.class = Class::Transient;
        "Meta failed to deliver the message".clone_into(&mut failure.message);
        "it may be sent again".clone_into(&mut failure.remedy);
    }
    failure
}
