//! What Meta tells beside messages: that the quality, the limit or the state of the name of a number changed, or how a
//! template stands.

use super::assets::{NameStatus, Number, Quality};
use super::record::fingerprint;
use super::state::{State, locked, now_s};
use super::templates::Template;
use super::webhooks::{self, Outcome};
use serde_json::{Value, json};
use std::cmp::Ordering;

/// Posts what follows from a change of a number to the apps that hear of it, once each; tells what was taken.
pub(super) async fn send(state: &State, before: &Number, after: &Number) -> Vec<Value> {
    let mut posted = Vec::new();
    for (field, value) in changes(before, after) {
        posted.extend(post(state, after, field, &value).await);
    }
    posted
}

/// The same of a template. Whichever of its WABA's numbers leads to the apps that hear of it; a WABA without one is told of
/// nothing.
pub(super) async fn send_status(state: &State, template: &Template) -> Vec<Value> {
    let numbers = locked(&state.assets).numbers_of(&template.waba_id);
    let Some(number) = numbers.first() else {
        return Vec::new();
    };
    let value = json!({
        "event": template.status,
        "message_template_id": fingerprint(&template.name) >> 16,
        "message_template_name": template.name,
        "message_template_language": template.language,
        "message_template_category": template.category,
        "reason": "NONE",
    });
    post(state, number, "message_template_status_update", &value).await
}

async fn post(state: &State, number: &Number, field: &str, value: &Value) -> Vec<Value> {
    let change = json!({"field": field, "value": value});
    let entry = json!({"id": number.waba_id, "time": now_s(), "changes": [change]});
    let body = webhooks::body(&[entry]);
    let callbacks = locked(&state.assets).callbacks_for(number, field);
    let mut posted = Vec::new();
    for callback in &callbacks {
        let outcome = state.post(callback, body.clone()).await;
        let delivered = outcome == Outcome::Taken;
        posted.push(json!({"field": field, "app_id": callback.app_id, "delivered": delivered}));
    }
    posted
}

/// The updates a change gives, as field and value.
fn changes(before: &Number, after: &Number) -> Vec<(&'static str, Value)> {
    let quality = flag(before.quality_rating, after.quality_rating);
    let limit = match after.messaging_limit.cmp(&before.messaging_limit) {
        Ordering::Less => Some("DOWNGRADE"),
        Ordering::Equal => None,
        Ordering::Greater => Some("UPGRADE"),
    };
    let events = quality.into_iter().chain(limit);
    let mut changes: Vec<_> = events
        .map(|event| ("phone_number_quality_update", told(event, before, after)))
        .collect();
    let decision = decision(after.name_status).filter(|_| before.name_status != after.name_status);
    changes.extend(decision.map(|(decision, reason)| {
        let value = json!({
            "display_phone_number": after.digits(),
            "decision": decision,
            "requested_verified_name": after.verified_name,
            "rejection_reason": reason,
        });
        ("phone_number_name_update", value)
    }));
    changes
}

/// Meta tells when a number becomes red, and when it is red no more; of green and yellow it tells nothing.
fn flag(before: Quality, after: Quality) -> Option<&'static str> {
    match (before == Quality::Red, after == Quality::Red) {
        (false, true) => Some("FLAGGED"),
        (true, false) => Some("UNFLAGGED"),
        (true, true) | (false, false) => None,
    }
}

fn told(event: &str, before: &Number, after: &Number) -> Value {
    json!({
        "display_phone_number": after.digits(),
        "event": event,
        "old_limit": before.messaging_limit,
        "current_limit": after.messaging_limit,
        "max_daily_conversations_per_business": after.messaging_limit,
    })
}

/// Meta's decision on a name, with a reason where it needs one.
fn decision(status: NameStatus) -> Option<(&'static str, Option<&'static str>)> {
    match status {
        NameStatus::Approved | NameStatus::AvailableWithoutReview => Some(("APPROVED", None)),
        NameStatus::Declined => Some(("REJECTED", Some("NAME_EMPLOYEE_ISSUE"))),
        NameStatus::PendingReview => Some(("PENDING", None)),
        NameStatus::Expired | NameStatus::None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::assets::Tier;

    fn events(before: &Number, after: &Number) -> Vec<Value> {
        let changes = changes(before, after).into_iter();
        let word = |value: &Value| value.get("event").or(value.get("decision")).cloned();
        changes.filter_map(|(_, value)| word(&value)).collect()
    }

    #[test]
    fn each_change_gives_the_update_meta_gives() {
        let before = Number::new("1", "+15550001009", "2").connected();
        let red = Number {
            quality_rating: Quality::Red,
            ..before.clone()
        };
        let grown = Number {
            messaging_limit: Tier::TenThousand,
            ..before.clone()
        };
        let declined = Number {
            name_status: NameStatus::Declined,
            ..before.clone()
        };
        let yellow = Number {
            quality_rating: Quality::Yellow,
            ..before.clone()
        };
        assert_eq!(events(&before, &red), ["FLAGGED"]);
        assert_eq!(events(&red, &before), ["UNFLAGGED"]);
        assert_eq!(events(&before, &grown), ["UPGRADE"]);
        assert_eq!(events(&grown, &before), ["DOWNGRADE"]);
        assert_eq!(events(&before, &declined), ["REJECTED"]);
        assert!(events(&before, &yellow).is_empty());
    }
}
