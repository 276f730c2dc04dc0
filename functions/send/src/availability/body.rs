//! The people that a body asks about, and whether a provider is to be asked.

use heliograph::domain::availability::checker;
use heliograph::domain::fault::{Fault, FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::ContactId;
use heliograph::domain::identity::{Bsuid, SenderId};
use heliograph::domain::phone::PhoneNumber;
use serde_json::Value;

/// The most people of one request.
const MOST: usize = 100;

/// What a body asks.
pub(super) struct Question {
    /// Each of the people, or what is wrong with the entry.
    pub(super) people: Vec<Result<Asked, Vec<Fault>>>,
    pub(super) check: Check,
    /// The sender by whose key a provider is asked.
    pub(super) from: Option<SenderId>,
}

/// A person, as the caller names them.
pub(super) enum Asked {
    Phone(PhoneNumber),
    User(Bsuid),
    /// Our own id, and where it stands.
    Contact(ContactId, String),
}

/// Whom a provider is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(as = AvailabilityCheck, rename_all = "snake_case")]
pub(super) enum Check {
    /// Nobody.
    Never,
    /// Those of whom nothing is known, or nothing new enough.
    IfUnknown,
    /// Everybody.
    Always,
}

impl Question {
    /// Reads a body. What is wrong with one of the people is kept with the entry.
    pub(super) fn read(body: &Value) -> Result<Self, Vec<Fault>> {
        let faults = Faults::new();
        let question = Self::of(body, &faults);
        faults.into_result(question)
    }

    fn of(body: &Value, faults: &Faults) -> Option<Self> {
        let mut fields = Fields::of(body, "", faults)?;
        let people = fields.required_array("contacts", 1..=MOST);
        let check = match fields.choice("check", &["never", "if_unknown", "always"]) {
            Some("if_unknown") => Check::IfUnknown,
            Some("always") => Check::Always,
            Some(_) | None => Check::Never,
        };
        let from = from(&mut fields, check);
        fields.finish();
        let people = people?.into_iter();
        Some(Self {
            people: people.map(|(place, entry)| asked(&place, entry)).collect(),
            check,
            from,
        })
    }
}

/// The sender to ask by, which must be one of a provider that can be asked.
fn from(fields: &mut Fields<'_>, check: Check) -> Option<SenderId> {
    let from: SenderId = fields.parsed("from", str::parse)?;
    if check == Check::Never {
        let detail = "goes only with check if_unknown or always";
        fields.fault("from", FaultCode::NotAllowed, detail);
    } else if checker(&from).is_none() {
        let title = from.provider().title();
        let detail = format!(
            "must be a sender of a provider that can be asked: {title} does not tell whether a number is on WhatsApp"
        );
        fields.fault("from", FaultCode::NotAllowed, detail);
    }
    Some(from)
}

/// An entry: a phone number, or an object that names a person in one way.
fn asked(place: &str, entry: &Value) -> Result<Asked, Vec<Fault>> {
    let faults = Faults::new();
    let asked = match entry {
        Value::String(number) => match number.parse::<PhoneNumber>() {
            Ok(number) => Some(Asked::Phone(number)),
            Err(error) => {
                faults.add(place, FaultCode::Invalid, error.to_string());
                None
            }
        },
        Value::Object(_) => named(place, entry, &faults),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            let detail =
                "must be a phone number as a text, or an object with to, recipient or contact_id";
            faults.add(place, FaultCode::WrongType, detail);
            None
        }
    };
    faults.into_result(asked)
}

fn named(place: &str, entry: &Value, faults: &Faults) -> Option<Asked> {
    let mut fields = Fields::of(entry, place, faults)?;
    let to = fields.parsed("to", str::parse).map(Asked::Phone);
    let user = fields.parsed("recipient", str::parse).map(Asked::User);
    let contact = fields.parsed("contact_id", str::parse);
    let contact = contact.map(|id| Asked::Contact(id, fields.pointer_to("contact_id")));
    let names = ["to", "recipient", "contact_id"];
    if names.iter().filter(|name| fields.has(name)).count() != 1 {
        let detail = "must have one of to, recipient and contact_id, and not more";
        faults.add(place, FaultCode::Invalid, detail);
    }
    fields.finish();
    to.or(user).or(contact)
}

/// Whose availability is asked.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `Question::read`"
)]
pub(crate) struct AvailabilityRequest {
    /// The people, up to 100.
    #[schema(min_items = 1, max_items = 100, example = json!(["+15550002001", {"contact_id": "cont_019e92a7c8887000a000000000000001"}]))]
    contacts: Vec<PersonBody>,
    /// Whom a provider is asked about: `never` unless told.
    check: Option<Check>,
    /// Only with `check`: the sender by whose key a provider is asked, one of yours at a provider that can be asked.
    /// Unless told, the first of them that has a key which can be used.
    #[schema(min_length = 1, example = "fonnte-15550002000")]
    from: Option<String>,
}

/// A person: the phone number alone, or an object.
#[derive(utoipa::ToSchema)]
#[schema(as = AvailabilityPerson)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `Question::read`"
)]
pub(crate) enum PersonBody {
    /// The phone number, with its country code.
    #[schema(example = "+15550002001")]
    Number(String),
    /// By one of these names.
    Named(NamedPerson),
}

/// A person by one name.
#[derive(utoipa::ToSchema)]
#[schema(as = AvailabilityNamedPerson)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `Question::read`"
)]
pub(crate) struct NamedPerson {
    /// The phone number, with its country code.
    #[schema(example = "+15550002001")]
    to: Option<String>,
    /// A business-scoped user id.
    recipient: Option<String>,
    /// Our id of the contact.
    #[schema(example = "cont_019e92a7c8887000a000000000000001")]
    contact_id: Option<String>,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use serde_json::json;

    fn places(faults: &[Fault]) -> Vec<&str> {
        faults.iter().map(|fault| fault.pointer.as_str()).collect()
    }

    #[test]
    fn a_person_is_named_in_one_way_and_a_bad_name_spoils_no_other() {
        let contact = "cont_019e92a7c8887000a000000000000001";
        let body = json!({"contacts": [
            "+15550002001", {"to": "+1 555 000 2002"}, {"recipient": "US.1"}, {"contact_id": contact},
            "0171", 15_550_002_001_u64, {}, {"to": "+15550002001", "recipient": "US.1"},
            {"to": "12", "name": "Ada"}, {"contact_id": "nobody"},
        ]});
        let question = Question::read(&body).unwrap();
        assert_eq!(question.check, Check::Never);
        let wrong: Vec<Vec<&str>> = question
            .people
            .iter()
            .map(|person| {
                person
                    .as_ref()
                    .err()
                    .map_or(vec![], |faults| places(faults))
            })
            .collect();
        let (good, bad) = wrong.split_at(4);
        assert!(good.iter().all(Vec::is_empty), "{good:?}");
        let expected = [
            vec!["/contacts/4"],
            vec!["/contacts/5"],
            vec!["/contacts/6"],
            vec!["/contacts/7"],
            vec!["/contacts/8/to", "/contacts/8/name"],
            vec!["/contacts/9/contact_id"],
        ];
        assert_eq!(bad, expected);
    }

    #[test]
    fn what_is_wrong_with_the_question_is_told_with_its_place() {
        for (body, expected) in [
            (json!([]), vec![""]),
            (json!({}), vec!["/contacts"]),
            (json!({"contacts": []}), vec!["/contacts"]),
            (
                json!({"contacts": vec!["+15550002001"; 101]}),
                vec!["/contacts"],
            ),
            (
                json!({"contacts": ["+15550002001"], "check": "maybe", "when": 1}),
                vec!["/check", "/when"],
            ),
            (
                json!({"contacts": ["+15550002001"], "from": "fonnte-15550002000"}),
                vec!["/from"],
            ),
            (
                json!({"contacts": ["+15550002001"], "check": "always", "from": "100000000000001"}),
                vec!["/from"],
            ),
        ] {
            let Err(faults) = Question::read(&body) else {
                unreachable!("{body} was taken");
            };
            assert_eq!(places(&faults), expected, "{body}");
        }
    }
}
