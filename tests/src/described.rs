//! Holds bodies against the OpenAPI document: what the platform takes, its document must describe.
//!
//! Knows as much of JSON Schema as the document uses. A name that the document does not know is a fault.

use crate::routes::leads_to;
use reqwest::Method;
use serde_json::{Map, Value};
use std::sync::LazyLock;

pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../functions/api/openapi.json")).unwrap()
});

/// What the document has against a body posted to a path: where, and what.
#[must_use]
pub fn undescribed(path: &str, body: &Value) -> Vec<String> {
    undescribed_by(&Method::POST, path, body)
}

/// The same of a body sent by this method.
#[must_use]
pub fn undescribed_by(method: &Method, path: &str, body: &Value) -> Vec<String> {
    let schema = body_of(method, path)
        .unwrap_or_else(|| panic!("{method} {path} is not described with a body"));
    let mut faults = Vec::new();
    check(schema, body, "", &mut faults);
    faults
}

/// The schema of the body that a path takes, if it takes one. Ids in the path count as the document's names for them.
fn body_of(method: &Method, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap_or(path);
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let (_, found) = paths.iter().find(|(route, _)| leads_to(path, route))?;
    let method = method.as_str().to_lowercase();
    found.pointer(&format!(
        "/{method}/requestBody/content/application~1json/schema"
    ))
}

fn check(schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    let schema = resolved(schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice| {
            let mut found = Vec::new();
            check(choice, value, place, &mut found);
            found.is_empty()
        };
        if choices.iter().filter(|choice| fits(choice)).count() != 1 {
            faults.push(format!("{place}: is not one of what it may be"));
        }
        return;
    }
    let (names, required) = members(schema);
    let kinds = kinds(schema, &names);
    if !kinds.is_empty() && !kinds.iter().any(|kind| is_a(kind, value)) {
        faults.push(format!("{place}: is not of type {}", kinds.join(" or ")));
        return;
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|known| !known.contains(value))
    {
        faults.push(format!("{place}: is none of those allowed"));
    }
    for (index, entry) in value.as_array().into_iter().flatten().enumerate() {
        check(&schema["items"], entry, &format!("{place}/{index}"), faults);
    }
    // An object without named members is Meta's own, which the document leaves to Meta's.
    if let (Some(object), false) = (value.as_object(), names.is_empty()) {
        check_members(object, &names, &required, place, faults);
    }
}

fn check_members(
    object: &Map<String, Value>,
    names: &Map<String, Value>,
    required: &[String],
    place: &str,
    faults: &mut Vec<String>,
) {
    for name in required.iter().filter(|name| !object.contains_key(*name)) {
        faults.push(format!("{place}/{name}: is required"));
    }
    for (name, value) in object {
        let place = format!("{place}/{name}");
        match names.get(name) {
            Some(schema) => check(schema, value, &place, faults),
            None => faults.push(format!("{place}: is not known")),
        }
    }
}

/// The members that a schema and the ones it is made of name, and those of them that are required.
fn members(schema: &Value) -> (Map<String, Value>, Vec<String>) {
    let mut names = schema["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let required = schema["required"].as_array().into_iter().flatten();
    let mut required: Vec<String> = required.map(|it| it.as_str().unwrap().to_owned()).collect();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        let (more, needed) = members(resolved(part));
        names.extend(more);
        required.extend(needed);
    }
    (names, required)
}

/// The types that a schema names; one with members is an object's.
fn kinds<'a>(schema: &'a Value, names: &Map<String, Value>) -> Vec<&'a str> {
    match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ if names.is_empty() => Vec::new(),
        _ => vec!["object"],
    }
}

fn resolved(schema: &Value) -> &Value {
    match schema["$ref"].as_str() {
        Some(name) => resolved(DOCUMENT.pointer(name.trim_start_matches('#')).unwrap()),
        None => schema,
    }
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        _ => panic!("a type of schema that these tests do not know: {kind}"),
    }
}
