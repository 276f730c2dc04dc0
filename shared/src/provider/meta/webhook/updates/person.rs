//! Who is meant: the names in an update and the contact that stands beside it.

use super::{named, text};
use crate::domain::webhook::Person;
use serde_json::Value;
use std::collections::HashSet;

/// Where an update names the person's phone. A group's status names the group as `recipient_id`.
const PHONES: [&str; 5] = [
    "from",
    "recipient_participant_id",
    "participant_recipient_id",
    "recipient_id",
    "wa_id",
];

/// Where an update names the person's business-scoped user id. The parent's id is another person's to us: it belongs to
/// the whole business portfolio.
const USERS: [&str; 4] = [
    "from_user_id",
    "recipient_participant_user_id",
    "recipient_user_id",
    "user_id",
];

/// Where else an update names somebody: the other end of an echo or a call.
const OTHERS: [&str; 2] = ["to", "to_user_id"];

/// The `contacts[]` of a change.
#[derive(Debug)]
pub(super) struct Contacts<'a> {
    contacts: Vec<Contact<'a>>,
    /// The one contact beside the one update: it is that update's, though the update names nobody.
    sole: Option<&'a Value>,
}

#[derive(Debug)]
struct Contact<'a> {
    names: Vec<String>,
    raw: &'a Value,
}

impl<'a> Contacts<'a> {
    /// The contacts of `value`, which holds this many `updates`.
    pub(super) fn of(value: &'a Value, updates: usize) -> Self {
        let list = value.get("contacts").and_then(Value::as_array);
        let contacts: Vec<Contact<'a>> = list
            .into_iter()
            .flatten()
            .map(|raw| Contact {
                names: ["wa_id", "user_id"]
                    .iter()
                    .filter_map(|name| text(raw, name))
                    .collect(),
                raw,
            })
            .collect();
        let sole = match contacts.as_slice() {
            [contact] if updates == 1 => Some(contact.raw),
            _ => None,
        };
        Self { contacts, sole }
    }

    /// The person `unit` names, with what the contact beside it adds.
    pub(super) fn person(&self, unit: &Value) -> Person {
        let is_group = text(unit, "recipient_type").as_deref() == Some("group");
        let phones: Vec<&str> = PHONES
            .into_iter()
            .filter(|name| !(is_group && *name == "recipient_id"))
            .collect();
        let mut person = Person {
            wa_id: named(unit, &phones),
            user_id: named(unit, &USERS),
            ..Person::default()
        };
        // One contact beside one update whose phone is withheld: it is that person's, even if the ids are spelt apart.
        let sole = self.sole.filter(|_| person.wa_id.is_none() && !is_group);
        if let Some(contact) = self.matching(unit).or(sole) {
            add(&mut person, contact);
        }
        person
    }

    /// What stands in `contacts` beside `unit` alone; the first update also keeps those that belong to nobody.
    pub(super) fn beside(&self, unit: &Value, is_first: bool) -> Option<Value> {
        if self.sole.is_some() {
            return Some(self.contacts.iter().map(|who| who.raw.clone()).collect());
        }
        let names = all_names(unit);
        let kept: Vec<Value> = self
            .contacts
            .iter()
            .filter(|contact| is_first || contact.names.iter().any(|name| names.contains(name)))
            .map(|contact| contact.raw.clone())
            .collect();
        (!kept.is_empty()).then_some(Value::Array(kept))
    }

    fn matching(&self, unit: &Value) -> Option<&'a Value> {
        let names = all_names(unit);
        let found = self
            .contacts
            .iter()
            .find(|contact| contact.names.iter().any(|name| names.contains(name)))?;
        Some(found.raw)
    }
}

/// Fills what the update itself leaves open.
fn add(person: &mut Person, contact: &Value) {
    person.wa_id = person.wa_id.take().or_else(|| named(contact, &["wa_id"]));
    person.user_id = person
        .user_id
        .take()
        .or_else(|| named(contact, &["user_id"]));
    if let Some(profile) = contact.get("profile") {
        person.name = text(profile, "name").filter(|name| !name.trim().is_empty());
        person.username = text(profile, "username")
            .map(|name| name.trim_start_matches('@').to_owned())
            .filter(|name| !name.is_empty());
    }
}

fn all_names(unit: &Value) -> HashSet<String> {
    PHONES
        .iter()
        .chain(&USERS)
        .chain(&OTHERS)
        .filter_map(|name| text(unit, name))
        .collect()
}
