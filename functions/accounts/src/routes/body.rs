//! Routes as they are written and shown.

use heliograph::domain::failure::Class;
use heliograph::domain::fault::{Fault, FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::RouteId;
use heliograph::domain::identity::SenderId;
use heliograph::domain::message::OnUnknown;
use heliograph::domain::provider::Provider;
use heliograph::domain::route::{Failover, MOST_SENDERS, Route, Way};
use heliograph::service::dto::OnUnknownDto;
use heliograph::store::{Sender, stop};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use utoipa::ToSchema;

const LONGEST_NAME: usize = 200;

/// A message is tried for a minute at least: less than that is over before anything has passed.
const TRY_FOR_S: std::ops::RangeInclusive<u32> = 60..=86_400;

/// An ordered list of senders with a failover policy.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Route)]
pub(crate) struct RouteDto {
    /// Our id: what `from` of a message or a bulk job may name.
    #[schema(value_type = String)]
    id: RouteId,
    /// What people call it.
    #[schema(example = "Offers")]
    name: String,
    /// The senders, in their order.
    senders: Vec<StopDto>,
    /// After failures of these classes the next sender takes over.
    fail_over_on: Vec<Class>,
    /// What to do when a call's outcome is not known, unless the message says so itself: `hold` or `retry`.
    on_unknown: OnUnknownDto,
    /// Whether a message may leave from another phone number than the first sender's.
    other_number: bool,
    /// For how many seconds from its first failure on a message is tried.
    try_for_s: u32,
    /// When it was made, or last changed.
    changed_at: Timestamp,
    /// What keeps it from doing what it seems to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// A sender of a route.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RouteSender)]
pub(crate) struct StopDto {
    /// Which.
    #[schema(value_type = String, example = "100000000000001")]
    sender_id: SenderId,
    /// Its provider.
    provider: Provider,
    /// Its number as people read it; absent if there is no such sender any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+15550001000")]
    number: Option<String>,
}

/// A route to make, or what takes its place.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `read`")]
pub(crate) struct RouteBody {
    /// What people call it.
    #[schema(min_length = 1, max_length = 200, example = "Offers")]
    name: String,
    /// The senders, in their order: ten at most.
    #[schema(min_items = 1, max_items = 10, example = json!(["100000000000001", "fonnte-15550002000"]))]
    senders: Vec<String>,
    /// After failures of these classes the next sender takes over: `transient` and `credential`, unless told. They provably
    /// did not arrive, and neither the person nor the content is at fault.
    #[schema(value_type = Option<Vec<FailoverClass>>, max_items = 7)]
    fail_over_on: Option<Vec<Class>>,
    /// What to do when a call's outcome is not known, unless the message says so itself: `hold`, unless told. With `retry`
    /// the next sender takes over at once, and the message may be sent twice.
    #[schema(pattern = "^(hold|retry)$", example = "hold")]
    on_unknown: Option<String>,
    /// Whether a message may leave from another phone number than the first sender's: people would see it come from a
    /// stranger. No, unless told.
    other_number: Option<bool>,
    /// For how many seconds from its first failure on a message is tried: 3600 unless told.
    #[schema(minimum = 60, maximum = 86400)]
    try_for_s: Option<u32>,
}

/// The classes of failure after which the next sender may take over: all that tell whether the message arrived.
#[derive(ToSchema)]
#[schema(as = FailoverClass)]
#[serde(rename_all = "snake_case")]
#[expect(
    dead_code,
    reason = "it describes what is read by `read_classes`: `Failover::CHOICE`"
)]
pub(crate) enum FailoverClass {
    Transient,
    Throttled,
    Credential,
    Recipient,
    Template,
    Policy,
    Permanent,
}

impl RouteDto {
    /// A route, and those of its senders that there are.
    pub(crate) fn of(route: &Route, senders: &[Sender]) -> Self {
        let Route {
            id, name, policy, ..
        } = route;
        let stops = route.senders.iter().map(|id| StopDto {
            sender_id: id.clone(),
            provider: id.provider(),
            number: senders
                .iter()
                .find(|sender| sender.id == *id)
                .map(|sender| sender.display_number.clone()),
        });
        Self {
            id: id.clone(),
            name: name.clone(),
            senders: stops.collect(),
            fail_over_on: policy.fail_over_on.iter().copied().collect(),
            on_unknown: policy.on_unknown.into(),
            other_number: policy.other_number,
            try_for_s: policy.try_for_s,
            changed_at: route.changed_at,
            warnings: warnings(route, senders),
        }
    }
}

fn warnings(route: &Route, senders: &[Sender]) -> Vec<String> {
    let mut warnings = Vec::new();
    if senders.len() < route.senders.len() {
        warnings.push("some of its senders are gone: nothing leaves from them".to_owned());
    }
    let way = Way {
        route: route.id.clone(),
        stops: senders.iter().map(stop).collect(),
        policy: route.policy.clone(),
    };
    if way.has_other_numbers() && !route.policy.other_number {
        let text = "senders with another number than the first one never take over, for `other_number` is false";
        warnings.push(text.to_owned());
    }
    warnings
}

/// What a body says of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// What people call it.
    pub(crate) name: String,
    /// Its senders.
    pub(crate) senders: Vec<SenderId>,
    /// When the next one takes over.
    pub(crate) policy: Failover,
}

/// Reads a route; every fault of it at once.
pub(super) fn read(body: &Value) -> Result<Said, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let said = read_fields(&mut fields);
        fields.finish();
        said
    });
    faults.into_result(read)
}

/// Reads what is said of a route; whoever hands the fields over finishes them.
pub(crate) fn read_fields(fields: &mut Fields<'_>) -> Option<Said> {
    let name = fields.required_line("name", 1..=LONGEST_NAME);
    let senders = read_senders(fields);
    let fail_over_on = read_classes(fields);
    let on_unknown = fields.choice("on_unknown", &["hold", "retry"]);
    let other_number = fields.boolean("other_number");
    let try_for_s = fields.whole("try_for_s", TRY_FOR_S);
    let usual = Failover::default();
    let policy = Failover {
        fail_over_on: fail_over_on.unwrap_or(usual.fail_over_on),
        on_unknown: match on_unknown {
            Some("retry") => OnUnknown::Retry,
            Some(_) | None => OnUnknown::Hold,
        },
        other_number: other_number.unwrap_or(usual.other_number),
        try_for_s: try_for_s.unwrap_or(usual.try_for_s),
    };
    Some(Said {
        name: name?.to_owned(),
        senders: senders?,
        policy,
    })
}

fn read_senders(fields: &mut Fields<'_>) -> Option<Vec<SenderId>> {
    let mut senders: Vec<SenderId> = Vec::new();
    for (pointer, value) in fields.required_array("senders", 1..=MOST_SENDERS)? {
        let sender = value.as_str().and_then(|text| text.parse().ok());
        let faults = fields.faults();
        match sender {
            Some(sender) if senders.contains(&sender) => {
                faults.add(pointer, FaultCode::Duplicate, "stands in the list twice");
            }
            Some(sender) => senders.push(sender),
            None => {
                let detail = "must be the id of a sender: Meta's id of a phone number, or a provider's name, a dash and \
                              its number";
                faults.add(pointer, FaultCode::Invalid, detail);
            }
        }
    }
    Some(senders)
}

fn read_classes(fields: &mut Fields<'_>) -> Option<BTreeSet<Class>> {
    let mut classes = BTreeSet::new();
    for (pointer, value) in fields.array("fail_over_on", 0..=Failover::CHOICE.len())? {
        let class = value.as_str().and_then(Class::named);
        let class = class.filter(|class| Failover::CHOICE.contains(class));
        if class.is_none() {
            let detail = "must be transient, throttled, credential, recipient, template, policy or permanent; what nobody \
                          knows the outcome of is on_unknown's";
            let faults = fields.faults();
            faults.add(pointer, FaultCode::Invalid, detail);
        }
        classes.extend(class);
    }
    Some(classes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use utoipa::PartialSchema;

    #[test]
    fn the_document_names_the_classes_that_may_be_chosen() {
        let schema = serde_json::to_value(FailoverClass::schema()).unwrap();
        let expected = Failover::CHOICE.map(Class::as_str);
        assert_eq!(schema.get("enum"), Some(&serde_json::json!(expected)));
    }
}
