//! What API Gateway answers by itself, when no function has: the same for every route, so it is said here.
//!
//! Source: AWS, "Quotas for configuring and running an HTTP API".

use serde_json::{Map, Value, json};

/// Which statuses, and why. One of them may be an answer of a function, too, as a problem document.
const ANSWERS: [(&str, &str); 5] = [
    (LARGE_BODY, "The body is larger than 6 MB."),
    ("429", "Too many requests, over all callers."),
    (
        "431",
        "The request line and the headers are larger than 10,240 bytes.",
    ),
    ("500", "A function failed."),
    ("503", "There was no answer within 29 seconds."),
];

/// Only a route that takes a body is described as refusing one.
const LARGE_BODY: &str = "413";

/// Adds these answers to every route of a document.
pub(super) fn add_answers(document: &mut Value) {
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
        schemas.insert("GatewayRefusal".to_owned(), refusal());
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let operations = paths.into_iter().flat_map(Map::values_mut);
    let operations = operations.filter_map(Value::as_object_mut);
    for operation in operations.flat_map(Map::values_mut) {
        let takes_a_body = operation.get("requestBody").is_some();
        let Some(Value::Object(responses)) = operation.get_mut("responses") else {
            continue;
        };
        for (status, reason) in ANSWERS {
            if takes_a_body || status != LARGE_BODY {
                add_answer(responses, status, reason);
            }
        }
    }
}

fn add_answer(responses: &mut Map<String, Value>, status: &str, reason: &str) {
    let response = responses
        .entry(status)
        .or_insert_with(|| json!({"description": reason, "content": {}}));
    if let Some(Value::Object(content)) = response.get_mut("content") {
        let schema = json!({"schema": {"$ref": "#/components/schemas/GatewayRefusal"}});
        content.insert("application/json".to_owned(), schema);
    }
}

fn refusal() -> Value {
    json!({
        "description": "What the gateway in front of the functions says by itself: a text, and no `code`.",
        "type": "object",
        "required": ["message"],
        "properties": {"message": {"type": "string", "example": "Too Many Requests"}},
    })
}
