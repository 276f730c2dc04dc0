//! A change of some attributes of an item: each is set or removed, and all others stay.

use super::transaction::Change;
use aws_sdk_dynamodb::types::AttributeValue;

/// An attribute: its placeholder in expressions, for many names are DynamoDB's own words, and its name.
pub(super) type Attribute = (&'static str, &'static str);

/// What is set and removed.
#[derive(Debug, Default)]
pub(super) struct Edit {
    sets: Vec<(Attribute, AttributeValue)>,
    removes: Vec<Attribute>,
}

impl Edit {
    /// Sets an attribute.
    pub(super) fn set(&mut self, attribute: Attribute, value: AttributeValue) {
        self.sets.push((attribute, value));
    }

    /// Sets an attribute, or removes it if there is nothing to set.
    pub(super) fn put(&mut self, attribute: Attribute, value: Option<AttributeValue>) {
        match value {
            Some(value) => self.set(attribute, value),
            None => self.removes.push(attribute),
        }
    }

    /// The change of an item that must be there.
    pub(super) fn of_what_is_there(self) -> Change {
        self.when("attribute_exists(pk)")
    }

    /// The change, under this condition. At least one attribute must have been set or removed.
    pub(super) fn when(self, condition: &str) -> Change {
        let names = self.sets.iter().map(|(attribute, _)| attribute);
        let names = names.chain(&self.removes).copied().collect();
        let clauses: Vec<_> = (0..)
            .zip(&self.sets)
            .map(|(place, ((short, _), _)): (usize, _)| format!("{short} = :v{place}"))
            .collect();
        let removed: Vec<_> = self.removes.iter().map(|(short, _)| *short).collect();
        let mut parts = Vec::new();
        if !clauses.is_empty() {
            parts.push(format!("SET {}", clauses.join(", ")));
        }
        if !removed.is_empty() {
            parts.push(format!("REMOVE {}", removed.join(", ")));
        }
        let values = (0..).zip(self.sets);
        Change {
            update: parts.join(" "),
            condition: Some(condition.to_owned()),
            names,
            values: values
                .map(|(place, (_, value)): (usize, _)| (format!(":v{place}"), value))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::text;
    use super::*;

    const NAME: Attribute = ("#name", "name");
    const ROLE: Attribute = ("#role", "role");

    #[test]
    fn what_is_set_and_what_is_removed_stand_in_one_expression() {
        let mut edit = Edit::default();
        edit.set(NAME, text("a"));
        edit.put(ROLE, None);
        let change = edit.of_what_is_there();
        assert_eq!(change.update, "SET #name = :v0 REMOVE #role");
        assert_eq!(change.names, [NAME, ROLE]);
        assert_eq!(change.values, [(":v0".to_owned(), text("a"))]);
        let mut edit = Edit::default();
        edit.put(ROLE, None);
        assert_eq!(edit.of_what_is_there().update, "REMOVE #role");
    }
}
