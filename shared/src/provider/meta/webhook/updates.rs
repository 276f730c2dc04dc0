//! Reads a change into updates, in our words. Never fails: what cannot be read is said to be so, and kept raw.

mod limit;
mod message;
mod other;
mod person;
mod status;

use super::{UNPARSED, lists_of};
use crate::domain::identity::{PhoneNumberId, SenderId};
use crate::domain::queue::Change;
use crate::domain::webhook::{Fact, Update};
use crate::provider::lenient;
use person::Contacts;
use serde_json::{Map, Value};

/// The updates of a change, in the order in which they stand in it; one at least.
#[must_use]
pub fn updates(change: &Change) -> Vec<Update> {
    let value = lenient::read(change.value.get());
    let reading = Reading { change, value };
    let units = reading.units();
    if units.is_empty() {
        return vec![reading.whole()];
    }
    let contacts = Contacts::of(&reading.value, units.len());
    let mut updates = Vec::with_capacity(units.len());
    for (list, unit) in units {
        updates.push(reading.part(list, unit, &contacts, updates.is_empty()));
    }
    updates
}

/// A member that is a text, or a number that should have been one.
fn text(object: &Value, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The first of `names` that is there and is a name of this kind.
fn named<T: std::str::FromStr>(object: &Value, names: &[&str]) -> Option<T> {
    names
        .iter()
        .find_map(|name| text(object, name)?.parse().ok())
}

/// Meta's `timestamp`: seconds, as a text or as a number.
fn timestamp(object: &Value) -> Option<jiff::Timestamp> {
    let seconds = text(object, "timestamp")?.parse().ok()?;
    jiff::Timestamp::from_second(seconds).ok()
}

struct Reading<'a> {
    change: &'a Change,
    value: Value,
}

impl Reading<'_> {
    /// Each update with the name of the list it stands in.
    fn units(&self) -> Vec<(&'static str, &Value)> {
        let of_list = |list: &'static str| {
            let units = self.value.get(list).and_then(Value::as_array);
            units.into_iter().flatten().map(move |unit| (list, unit))
        };
        lists_of(&self.change.field)
            .iter()
            .copied()
            .flat_map(of_list)
            .collect()
    }

    /// A change without a list is one update.
    fn whole(&self) -> Update {
        let misshapen = lists_of(&self.change.field).iter().find(|list| {
            self.value
                .get(**list)
                .is_some_and(|value| !value.is_null() && !value.is_array())
        });
        let fact = match misshapen {
            Some(list) => Fact::Malformed(format!("{list} is not a list")),
            None if self.change.field == UNPARSED && self.is_part() => {
                Fact::Malformed("too large to be read: a part of its text".to_owned())
            }
            None if self.change.field == UNPARSED => {
                Fact::Malformed("not of a webhook's form".to_owned())
            }
            None if self.change.field == "messages" && !self.value.is_object() => {
                Fact::Malformed("the value is not an object".to_owned())
            }
            None => self.of_change(),
        };
        self.update(fact, self.value.clone())
    }

    fn of_change(&self) -> Fact {
        let field = &self.change.field;
        let name = other::name_of_change(field, &self.value);
        match limit::read(field, &self.value) {
            Some(limit) => Fact::PortfolioLimit {
                name,
                limit,
                told_at: self.told_at(),
            },
            None => Fact::Other(name),
        }
    }

    /// Meta's `entry.time`.
    fn told_at(&self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_second(self.change.time?).ok()
    }

    fn is_part(&self) -> bool {
        ["part", "of", "whole", "text"]
            .iter()
            .all(|name| self.value.get(name).is_some())
    }

    fn part(&self, list: &str, unit: &Value, contacts: &Contacts<'_>, is_first: bool) -> Update {
        let fact = match (self.change.field.as_str(), list) {
            ("messages", "messages") => message::read(unit, contacts),
            ("messages", "statuses") => status::read(unit, contacts),
            (field, list) => Ok(Fact::Other(other::name_of_part(field, list, unit))),
        };
        let fact = fact.unwrap_or_else(|reason| Fact::Malformed(reason.to_owned()));
        self.update(fact, self.raw(list, unit, contacts, is_first))
    }

    /// The value with nothing but `unit` in its lists. What belongs to no update stands beside the first.
    fn raw(&self, list: &str, unit: &Value, contacts: &Contacts<'_>, is_first: bool) -> Value {
        let Value::Object(value) = &self.value else {
            return unit.clone();
        };
        let lists = lists_of(&self.change.field);
        let mut raw = Map::new();
        for (name, member) in value {
            let kept = match name.as_str() {
                name if name == list => Some(Value::Array(vec![unit.clone()])),
                name if lists.contains(&name) && member.is_array() => None,
                "contacts" if member.is_array() => contacts.beside(unit, is_first),
                "messaging_product" | "metadata" => Some(member.clone()),
                _ => is_first.then(|| member.clone()),
            };
            if let Some(kept) = kept {
                raw.insert(name.clone(), kept);
            }
        }
        Value::Object(raw)
    }

    fn update(&self, fact: Fact, raw: Value) -> Update {
        Update {
            entry: self.change.entry.clone(),
            field: self.change.field.clone(),
            sender: self.sender().map(SenderId::from),
            fact,
            raw,
        }
    }

    fn sender(&self) -> Option<PhoneNumberId> {
        named(self.value.get("metadata")?, &["phone_number_id"])
    }
}

#[cfg(test)]
mod tests;
