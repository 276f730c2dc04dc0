//! `{{1}}` and `{{name}}` in a bulk job's message, filled from each recipient's variables.
//!
//! A name is anything between the braces but braces and line breaks; spaces around it do not count. What is filled
//! in is never read again, so that a recipient's value cannot bring in a placeholder of its own.

use super::fault::in_pointer;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// How many bytes one filling may add: far beyond any message, and a bound on what a body can make us build.
const MOST_ADDED: usize = 256 * 1024;

/// Fills every placeholder in the strings of `content`; keys stay as they are.
///
/// `Err` names, once each, the variables that are missing, are neither text nor number nor truth value, or are so
/// long that no message could hold them.
pub fn fill(content: &Value, variables: &Value) -> Result<Value, Vec<String>> {
    let filling = Filling {
        variables,
        left: RefCell::new(MOST_ADDED),
        wrong: RefCell::default(),
    };
    let filled = filling.value(content);
    let wrong = filling.wrong.into_inner();
    if wrong.is_empty() {
        Ok(filled)
    } else {
        Err(wrong)
    }
}

/// The placeholders in the strings of `content`, once each.
#[must_use]
pub fn names(content: &Value) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    collect(content, &mut names);
    names
}

/// Whether a placeholder stands in `text`.
#[must_use]
pub fn is_in(text: &str) -> bool {
    first(text).is_some()
}

/// Where in `content` a text has `{{` that begins no placeholder, as JSON pointers: a slip, for it would be sent as it
/// stands. `}}` alone is none; it ends many a JSON text.
#[must_use]
pub fn unfinished(content: &Value) -> Vec<String> {
    let mut places = Vec::new();
    find_unfinished(content, "", &mut places);
    places
}

/// The variable of this name: by position from 1 in an array, by key in an object; `null` counts as absent.
#[must_use]
pub fn variable<'a>(variables: &'a Value, name: &str) -> Option<&'a Value> {
    let found = match variables {
        Value::Array(values) => values.get(position(name)?),
        Value::Object(values) => values.get(name),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    found.filter(|value| !value.is_null())
}

fn position(name: &str) -> Option<usize> {
    let counted: usize = name.parse().ok()?;
    counted.checked_sub(1)
}

struct Filling<'a> {
    variables: &'a Value,
    left: RefCell<usize>,
    wrong: RefCell<Vec<String>>,
}

impl Filling<'_> {
    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(entries) => entries.iter().map(|entry| self.value(entry)).collect(),
            Value::Object(fields) => Value::Object(self.fields(fields)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn fields(&self, fields: &Map<String, Value>) -> Map<String, Value> {
        fields
            .iter()
            .map(|(key, value)| (key.clone(), self.value(value)))
            .collect()
    }

    fn text(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(found) = first(rest) {
            filled.push_str(found.before);
            match self.rendered(found.name) {
                Some(value) => filled.push_str(&value),
                None => push_once(&mut self.wrong.borrow_mut(), found.name),
            }
            rest = found.after;
        }
        filled.push_str(rest);
        filled
    }

    fn rendered(&self, name: &str) -> Option<String> {
        let rendered = match variable(self.variables, name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        let mut left = self.left.borrow_mut();
        *left = left.checked_sub(rendered.len())?;
        Some(rendered)
    }
}

fn collect<'a>(content: &'a Value, names: &mut BTreeSet<&'a str>) {
    match content {
        Value::String(text) => {
            let mut rest = text.as_str();
            while let Some(found) = first(rest) {
                names.insert(found.name);
                rest = found.after;
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| collect(entry, names)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn find_unfinished(content: &Value, pointer: &str, places: &mut Vec<String>) {
    match content {
        Value::String(text) if is_unfinished(text) => places.push(pointer.to_owned()),
        Value::Array(entries) => {
            for (place, entry) in entries.iter().enumerate() {
                find_unfinished(entry, &format!("{pointer}/{place}"), places);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = in_pointer(name);
                find_unfinished(field, &format!("{pointer}/{name}"), places);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_unfinished(text: &str) -> bool {
    let mut rest = text;
    while let Some(found) = first(rest) {
        if found.before.contains("{{") {
            return true;
        }
        rest = found.after;
    }
    rest.contains("{{")
}

fn push_once(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

struct Found<'a> {
    before: &'a str,
    name: &'a str,
    after: &'a str,
}

fn first(text: &str) -> Option<Found<'_>> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find("{{")?;
        let (before, inside) = (text.get(..at)?, text.get(at + 2..)?);
        let end = inside.find(['{', '}', '\n', '\r'])?;
        let (name, rest) = inside.split_at(end);
        let name = name.trim();
        match rest.strip_prefix("}}") {
            Some(after) if !name.is_empty() => {
                return Some(Found {
                    before,
                    name,
                    after,
                });
            }
            _ => from = at + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn placeholders_are_filled_by_position_or_by_name_anywhere_in_the_strings() {
        let content = json!({"body": "Hi {{1}}, {{ 2 }}", "rows": [{"title": "{{1}}"}], "n": 3});
        assert_eq!(
            fill(&content, &json!(["Ann", 7])).unwrap(),
            json!({"body": "Hi Ann, 7", "rows": [{"title": "Ann"}], "n": 3})
        );
        assert_eq!(
            fill(
                &json!("{{first name}} is {{vip}}"),
                &json!({"first name": "Ann", "vip": true})
            )
            .unwrap(),
            json!("Ann is true")
        );
    }

    #[test]
    fn keys_and_texts_without_a_placeholder_stay_as_they_are() {
        for text in ["", "{1}", "{{}}", "{{ }}", "a }} b {{", "{{a\nb}}", "{{a}"] {
            let content = json!({"{{1}}": text});
            assert_eq!(fill(&content, &json!([])).unwrap(), content, "{text}");
            assert!(!is_in(text), "{text}");
        }
        assert_eq!(
            fill(&json!("{{{1}}}"), &json!(["x"])).unwrap(),
            json!("{x}")
        );
    }

    #[test]
    fn a_placeholder_that_is_not_finished_is_found_where_it_stands() {
        let slips = json!({
            "body": "Hi {{name}, and {{offer}}", "a/b": ["{{", "{{}}", "{{1}} {{ }}", "{{a\nb}}", "{{{{1}}"],
        });
        let places = [
            "/body", "/a~1b/0", "/a~1b/1", "/a~1b/2", "/a~1b/3", "/a~1b/4",
        ];
        let mut found = unfinished(&slips);
        found.sort_by_key(|it| places.iter().position(|place| place == it));
        assert_eq!(found, places);
        let sound = json!(["{{1}}", "{{{1}}}", r#"{"a":{"b":1}}"#, "{", "}}", {"{{": 1}]);
        assert_eq!(unfinished(&sound), [""; 0]);
    }

    #[test]
    fn every_missing_variable_is_named_once() {
        let content = json!(["{{a}} {{b}} {{a}}", "{{c}} {{d}} {{e}}"]);
        let variables = json!({"b": "x", "c": null, "d": {"x": 1}, "e": [1]});
        assert_eq!(
            fill(&content, &variables).unwrap_err(),
            ["a", "c", "d", "e"]
        );
        assert_eq!(
            fill(&json!("{{0}}{{2}}{{name}}"), &json!(["x"])).unwrap_err(),
            ["0", "2", "name"]
        );
        assert_eq!(fill(&json!("{{1}}"), &Value::Null).unwrap_err(), ["1"]);
    }

    #[test]
    fn a_value_cannot_bring_in_a_placeholder() {
        let variables = json!({"a": "{{b}}", "b": "secret", "open": "{{"});
        assert_eq!(fill(&json!("{{a}}"), &variables).unwrap(), json!("{{b}}"));
        assert_eq!(
            fill(&json!("{{open}}b}}"), &variables).unwrap(),
            json!("{{b}}")
        );
    }

    #[test]
    fn a_filling_cannot_grow_without_bound() {
        let content = json!("{{big}}".repeat(100));
        let variables = json!({"big": "x".repeat(10_000)});
        assert_eq!(fill(&content, &variables).unwrap_err(), ["big"]);
    }

    #[test]
    fn every_name_comes_once() {
        let content = json!(["{{b}} {{ a }}", {"x": "{{b}}{{Flow-ID}}"}]);
        assert_eq!(names(&content), BTreeSet::from(["Flow-ID", "a", "b"]));
    }

    proptest! {
        #[test]
        fn filling_never_panics_and_fails_only_on_names_that_are_there(
            text in "([{}a1 \n]|\\{\\{|\\}\\}|\u{e9}){0,40}",
            value in "[{}a1]{0,8}",
        ) {
            let content = json!([text]);
            match fill(&content, &json!({"a": value})) {
                Ok(_) => prop_assert!(names(&content).iter().all(|name| *name == "a")),
                Err(missing) => {
                    prop_assert!(!missing.is_empty());
                    prop_assert!(missing.iter().all(|name| names(&content).contains(name.as_str())));
                }
            }
        }
    }
}
