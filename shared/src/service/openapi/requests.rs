//! What a request may say and an answer does not, and the other way round: their schemas are derived from the same kind
//! of struct, and `null` and names that nobody asked for mean something else in each.

use super::without_null;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Where the schemas stand that have a name.
const SCHEMAS: &str = "/components/schemas";

/// In a request `null` counts as absent, and a field that nobody asked for is refused; in an answer there is no `null`, and
/// a field may come with a later version. What stands in both may be `null`, and is left open.
pub(super) fn tell_apart(document: &mut Value) {
    let asked = reached(document, |operation| operation.get("requestBody"));
    let answered = reached(document, |operation| operation.get("responses"));
    let parts = parts_of_others(document);
    document.get_mut("paths").into_iter().for_each(without_null);
    let schemas = document.pointer_mut(SCHEMAS).and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        if !asked.contains(name) {
            without_null(schema);
        } else if !answered.contains(name) && !parts.contains(name) {
            close(schema);
        }
    }
}

/// Says in every route's `Idempotency-Key` what every route checks.
pub(super) fn bound_keys(document: &mut Value) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let operations = paths.into_iter().flat_map(Map::values_mut);
    let operations = operations.filter_map(Value::as_object_mut);
    for operation in operations.flat_map(Map::values_mut) {
        let parameters = operation.get_mut("parameters");
        for parameter in parameters
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if parameter.get("name") == Some(&json!("Idempotency-Key"))
                && let Some(Value::Object(schema)) = parameter.get_mut("schema")
            {
                schema.insert("pattern".to_owned(), json!("^[!-~]{1,255}$"));
            }
        }
    }
}

/// The names of the schemas that are reached from a part of the operations.
fn reached(document: &Value, part: impl Fn(&Value) -> Option<&Value>) -> BTreeSet<String> {
    let paths = document.get("paths").and_then(Value::as_object);
    let operations = paths.into_iter().flat_map(Map::values);
    let operations = operations
        .filter_map(Value::as_object)
        .flat_map(Map::values);
    let mut waiting: Vec<&Value> = operations.filter_map(part).collect();
    let mut names = BTreeSet::new();
    while let Some(value) = waiting.pop() {
        waiting.extend(within(value));
        if let Some(name) = named(value)
            && names.insert(name.to_owned())
        {
            waiting.extend(document.pointer(&format!("{SCHEMAS}/{name}")));
        }
    }
    names
}

/// The names of the schemas that others have as a part: closed, they would refuse what stands beside them.
fn parts_of_others(document: &Value) -> BTreeSet<String> {
    let mut waiting: Vec<&Value> = document.pointer(SCHEMAS).into_iter().collect();
    let mut names = BTreeSet::new();
    while let Some(value) = waiting.pop() {
        waiting.extend(within(value));
        let parts = value.get("allOf").and_then(Value::as_array);
        let parts = parts.into_iter().flatten().filter_map(named);
        names.extend(parts.map(str::to_owned));
    }
    names
}

fn within(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(members) => members.iter().collect(),
        Value::Object(members) => members.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// The name that a reference leads to.
fn named(value: &Value) -> Option<&str> {
    let reference = value.get("$ref")?.as_str()?;
    reference.strip_prefix("#/components/schemas/")
}

fn close(schema: &mut Value) {
    let Value::Object(schema) = schema else {
        return;
    };
    if schema.contains_key("allOf") {
        schema.insert("unevaluatedProperties".to_owned(), json!(false));
    } else if schema.contains_key("properties") {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn reference(name: &str) -> Value {
        json!({"schema": {"$ref": format!("#/components/schemas/{name}")}})
    }

    /// A body of three parts, of which the answer has one, too.
    fn told_apart() -> Value {
        let object = |name: &str| json!({"type": "object", "properties": {name: {"type": ["string", "null"]}}});
        let both = json!({"type": "object", "properties": {
            "frame": {"$ref": "#/components/schemas/Frame"}, "shared": {"$ref": "#/components/schemas/Shared"},
        }});
        let parts = json!([{"$ref": "#/components/schemas/Part"}, both]);
        let mut document = json!({
            "paths": {"/v1/things": {"post": {
                "requestBody": reference("Body"), "responses": {"200": reference("Shared"), "400": reference("Answer")},
            }}},
            "components": {"schemas": {
                "Body": {"allOf": parts}, "Part": object("part"), "Frame": object("frame"), "Shared": object("shared"),
                "Answer": object("answer"),
            }},
        });
        tell_apart(&mut document);
        document
    }

    fn schema<'a>(document: &'a Value, name: &str) -> &'a Value {
        document.pointer(&format!("{SCHEMAS}/{name}")).unwrap()
    }

    #[test]
    fn null_may_stand_in_a_request_and_in_no_answer() {
        let document = told_apart();
        for (name, field) in [("Part", "part"), ("Frame", "frame"), ("Shared", "shared")] {
            let kind = schema(&document, name).pointer(&format!("/properties/{field}/type"));
            assert_eq!(kind, Some(&json!(["string", "null"])), "{name}");
        }
        let kind = schema(&document, "Answer").pointer("/properties/answer/type");
        assert_eq!(kind, Some(&json!("string")));
    }

    #[test]
    fn what_only_a_request_says_has_no_field_that_nobody_asked_for() {
        let document = told_apart();
        let closed = |name: &str, by: &str| schema(&document, name).get(by) == Some(&json!(false));
        assert!(closed("Body", "unevaluatedProperties"));
        assert!(closed("Frame", "additionalProperties"));
        for open in ["Part", "Shared", "Answer"] {
            assert!(!closed(open, "additionalProperties"), "{open}");
        }
    }

    #[test]
    fn an_idempotency_key_is_told_by_its_characters() {
        let parameters =
            json!([{"name": "Idempotency-Key", "schema": {"type": "string"}}, {"name": "Prefer"}]);
        let mut document = json!({"paths": {"/v1/things": {"post": {"parameters": parameters}}}});
        bound_keys(&mut document);
        let schema = document.pointer("/paths/~1v1~1things/post/parameters/0/schema/pattern");
        assert_eq!(schema, Some(&json!("^[!-~]{1,255}$")));
    }
}
