//! Where a thing that was just made is found: the answer of a POST leads to the routes below its path that take the id of
//! what it made. The paths say so already; told as links, a program can follow them.

use serde_json::{Map, Value, json};

/// What a POST may answer that made something.
const MADE: [&str; 3] = ["200", "201", "202"];

/// Adds the links to the answers of every route that makes something.
pub(super) fn add_links(document: &mut Value) {
    let names = names(document);
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, operations) in paths.into_iter().flatten() {
        let links = links(path, &names);
        let Some(Value::Object(responses)) = operations.pointer_mut("/post/responses") else {
            continue;
        };
        let made = responses.iter_mut();
        let made = made.filter(|(status, _)| MADE.contains(&status.as_str()));
        for response in made.filter_map(|(_, response)| response.as_object_mut()) {
            if !links.is_empty() && response.contains_key("content") {
                response.insert("links".to_owned(), links.clone().into());
            }
        }
    }
}

/// Every route by its path and the name of its operation.
fn names(document: &Value) -> Vec<(String, String)> {
    let paths = document.get("paths").and_then(Value::as_object);
    let operations = paths.into_iter().flatten().flat_map(|(path, operations)| {
        let operations = operations.as_object().into_iter().flat_map(Map::values);
        operations.map(move |operation| (path.clone(), operation))
    });
    let names = operations.filter_map(|(path, operation)| {
        let name = operation.get("operationId")?.as_str()?;
        Some((path, name.to_owned()))
    });
    names.collect()
}

/// The routes below `path` that take one parameter more than it has, which is the id of what was made.
fn links(path: &str, names: &[(String, String)]) -> Map<String, Value> {
    let below = names.iter().filter_map(|(known, name)| {
        let rest = known.strip_prefix(path)?.strip_prefix("/{")?;
        let (made, rest) = rest.split_once('}')?;
        (!rest.contains('{')).then_some((name, made))
    });
    let links = below.map(|(name, made)| {
        let mut parameters: Map<String, Value> = parameters(path)
            .map(|it| (it.to_owned(), json!(format!("$request.path.{it}"))))
            .collect();
        parameters.insert(made.to_owned(), json!("$response.body#/id"));
        (
            name.clone(),
            json!({"operationId": name, "parameters": parameters}),
        )
    });
    links.collect()
}

/// The names of a path's parameters.
fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn what_was_made_leads_to_the_routes_that_take_its_id() {
        let route = |name: &str| json!({"operationId": name});
        let answers = json!({"201": {"content": {}}, "400": {"content": {}}});
        let mut document = json!({"paths": {
            "/v1/jobs": {"post": {"operationId": "make", "responses": answers.clone()}, "get": route("list")},
            "/v1/jobs/{id}": {"get": route("show")},
            "/v1/jobs/{id}/lines": {"post": {"operationId": "add", "responses": answers}},
            "/v1/jobs/{id}/lines/{line}": {"delete": route("remove")},
            "/v1/jobs-of-others/{id}": {"get": route("look")},
        }});
        add_links(&mut document);
        let links = |path: &str, status: &str| {
            let responses = document.get("paths").unwrap().get(path).unwrap();
            let answer = responses.pointer(&format!("/post/responses/{status}"));
            answer.unwrap().get("links").cloned()
        };
        let id = json!({"id": "$response.body#/id"});
        let expected = json!({
            "show": {"operationId": "show", "parameters": id}, "add": {"operationId": "add", "parameters": id},
        });
        assert_eq!(links("/v1/jobs", "201"), Some(expected));
        assert_eq!(links("/v1/jobs", "400"), None);
        let both = json!({"id": "$request.path.id", "line": "$response.body#/id"});
        let expected = json!({"remove": {"operationId": "remove", "parameters": both}});
        assert_eq!(links("/v1/jobs/{id}/lines", "201"), Some(expected));
    }
}
