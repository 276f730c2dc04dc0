//! A change of some attributes of an item: each is set, removed or counted up, and all others stay.

use super::condition::Condition;
use super::item::number;
use super::transaction::Change;
use aws_sdk_dynamodb::types::AttributeValue;

/// An attribute: its placeholder in expressions, for many names are DynamoDB's own words, and its name.
pub(super) type Attribute = (&'static str, &'static str);

/// What is set, removed and counted up.
#[derive(Debug, Default)]
pub(super) struct Edit {
    sets: Vec<(Attribute, AttributeValue)>,
    removes: Vec<Attribute>,
    counted: Vec<Attribute>,
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

    /// Adds one to a number, whatever it is by then.
    pub(super) fn count_up(&mut self, attribute: Attribute) {
        self.counted.push(attribute);
    }

    /// The change, under this condition. At least one attribute must be part of it.
    pub(super) fn when(self, condition: Condition) -> Change {
        let (condition, mut names, mut values) = condition.into_parts();
        names.extend(self.sets.iter().map(|(attribute, _)| *attribute));
        names.extend(&self.removes);
        names.extend(&self.counted);
        let clauses: Vec<_> = (0..)
            .zip(&self.sets)
            .map(|(place, ((short, _), _)): (usize, _)| format!("{short} = :v{place}"))
            .collect();
        let removed: Vec<_> = self.removes.iter().map(|(short, _)| *short).collect();
        let counted = self.counted.iter();
        let counted: Vec<_> = counted.map(|(short, _)| format!("{short} :one")).collect();
        let mut parts = Vec::new();
        if !clauses.is_empty() {
            parts.push(format!("SET {}", clauses.join(", ")));
        }
        if !removed.is_empty() {
            parts.push(format!("REMOVE {}", removed.join(", ")));
        }
        if !counted.is_empty() {
            parts.push(format!("ADD {}", counted.join(", ")));
            values.push((":one".to_owned(), number(1)));
        }
        let sets = (0..).zip(self.sets);
        values.extend(sets.map(|(place, (_, value)): (usize, _)| (format!(":v{place}"), value)));
        Change {
            update: parts.join(" "),
            condition: Some(condition),
            names,
            values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::text;
    use super::*;

    const NAME: Attribute = ("#name", "name");
    const ROLE: Attribute = ("#role", "role");
    const TIMES: Attribute = ("#times", "times");

    #[test]
    fn what_is_set_removed_and_counted_stand_in_one_expression_under_one_condition() {
        let mut edit = Edit::default();
        edit.set(NAME, text("a"));
        edit.put(ROLE, None);
        edit.count_up(TIMES);
        let condition = Condition::is_there()
            .having(ROLE, Some(text("b")))
            .having(NAME, None);
        let change = edit.when(condition);
        assert_eq!(
            change.update,
            "SET #name = :v0 REMOVE #role ADD #times :one"
        );
        let expected = "attribute_exists(pk) AND #role = :is0 AND attribute_not_exists(#name)";
        assert_eq!(change.condition.as_deref(), Some(expected));
        assert_eq!(change.names().map(|names| names.len()), Some(3));
        let values = [
            (":is0".to_owned(), text("b")),
            (":one".to_owned(), number(1)),
            (":v0".to_owned(), text("a")),
        ];
        assert_eq!(change.values, values);
        let mut edit = Edit::default();
        edit.put(ROLE, None);
        assert_eq!(edit.when(Condition::is_there()).update, "REMOVE #role");
    }
}
