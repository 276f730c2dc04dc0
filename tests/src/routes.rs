//! The routes of the OpenAPI document, with ids in their paths, and what is sent to them in `events/`.

use crate::described::DOCUMENT;
use crate::samples::{Sample, samples};
use reqwest::Method;
use serde_json::json;

/// An id of nothing for each kind of thing, named as in paths.
const NOTHING: [(&str, &str); 15] = [
    ("accounts", "acct_1"),
    ("api-keys", "key_1"),
    ("bulk-jobs", "job_1"),
    ("contacts", "cont_1"),
    ("conversations", "conv_1"),
    ("keys", "nothing"),
    ("knowledge", "kb_1"),
    ("messages", "msg_1"),
    ("phone-numbers", "999999999999999"),
    // A name that everybody knows, and no id.
    ("providers", "mock"),
    ("routes", "route_1"),
    ("senders", "999999999999999"),
    ("tenants", "nobody"),
    ("users", "usr_1"),
    ("webhook-events", "evt_1"),
];

/// A route that asks for a key.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its method.
    pub method: Method,
    path: &'static str,
}

/// Every route that asks for a key.
#[must_use]
pub fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            if described["security"] != json!([{}]) {
                let method = method.to_uppercase().parse().unwrap();
                routes.push(Route { method, path });
            }
        }
    }
    routes
}

/// The id of nothing of this kind.
#[must_use]
pub fn nothing(kind: &str) -> &'static str {
    let known = NOTHING.iter().find(|(of, _)| *of == kind);
    known.map_or_else(|| panic!("no id is known of {kind}"), |(_, id)| id)
}

impl Route {
    /// Whether its path names something by an id. Every tenant has every provider, by the same name.
    #[must_use]
    pub fn has_ids(&self) -> bool {
        self.path.replace("/providers/{id}", "").contains('{')
    }

    /// Whether its path names something within another thing.
    #[must_use]
    pub fn has_ids_of_parts(&self) -> bool {
        self.path.matches('{').count() > 1
    }

    /// Its path with an id of nothing wherever it has one.
    #[must_use]
    pub fn of_nothing(&self) -> String {
        self.with(|kind| nothing(kind).to_owned())
    }

    /// Its path with these ids: each is asked for by the kind of thing it names, which is the part of the path before it.
    pub fn with(&self, id: impl Fn(&str) -> String) -> String {
        let mut parts: Vec<String> = Vec::new();
        for part in self.path.split('/') {
            let kind = parts.last().map_or("", String::as_str);
            parts.push(if part.starts_with('{') {
                id(kind)
            } else {
                part.to_owned()
            });
        }
        parts.join("/")
    }

    /// The bodies that `events/` has for it, each with its type; one of nothing if it takes none.
    #[must_use]
    pub fn bodies(&self) -> Vec<(String, String)> {
        let mut bodies = Vec::new();
        for Sample { event, .. } in samples() {
            let http = &event["requestContext"]["http"];
            let is_asked = http["method"] == self.method.as_str()
                && leads_to(http["path"].as_str().unwrap(), self.path);
            if let (true, Some(body)) = (is_asked, event["body"].as_str()) {
                let content_type = event["headers"]["content-type"].as_str().unwrap();
                bodies.push((content_type.to_owned(), body.to_owned()));
            }
        }
        if bodies.is_empty() {
            bodies.push(("application/json".to_owned(), String::new()));
        }
        bodies
    }
}

/// Whether a path is one of a route, `{id}` standing for anything.
#[must_use]
pub fn leads_to(path: &str, route: &str) -> bool {
    let same = |(part, known): (&str, &str)| known.starts_with('{') || part == known;
    path.split('/').count() == route.split('/').count()
        && path.split('/').zip(route.split('/')).all(same)
}
