//! What is answered where nothing is routed: everything that no route of the template takes comes here by `$default`.
//!
//! A path may be shared with other functions, or be theirs alone; the document knows the methods of all of them.

use super::document;
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, Method, Uri};
use axum::response::{IntoResponse, Response};
use heliograph::service::problem::Problem;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The methods of each path, as the document names them.
static PATHS: LazyLock<Paths<'static>> = LazyLock::new(|| {
    let read: Result<Paths<'_>, _> = serde_json::from_str(document::TEXT);
    read.unwrap_or_default()
});

#[derive(Deserialize, Default)]
struct Paths<'a> {
    #[serde(borrow)]
    paths: BTreeMap<String, BTreeMap<String, &'a RawValue>>,
}

/// A path that no route of this function has: 405 if another function has it, with another method.
pub(crate) async fn unrouted(method: Method, uri: Uri) -> Response {
    let allowed = allowed(uri.path());
    if allowed.is_empty() || allowed.iter().any(|it| it == method.as_str()) {
        return Problem::not_found().into_response();
    }
    not_allowed(&allowed)
}

/// A path of this function, and none of its methods. Whatever it answers to GET it answers to HEAD.
pub(crate) async fn of_another_method(uri: Uri) -> Response {
    let mut allowed = allowed(uri.path());
    if allowed.iter().any(|method| method == "GET") {
        allowed.push("HEAD".to_owned());
    }
    not_allowed(&allowed)
}

fn not_allowed(allowed: &[String]) -> Response {
    let mut answer = Problem::method_not_allowed().into_response();
    if let Ok(allow) = HeaderValue::try_from(allowed.join(",")) {
        answer.headers_mut().insert(ALLOW, allow);
    }
    answer
}

/// The methods that the document has at a path; of two ways to read it the one with fewer parameters.
fn allowed(path: &str) -> Vec<String> {
    let described = PATHS.paths.iter().filter(|(known, _)| fits(known, path));
    let closest = described.min_by_key(|(known, _)| known.matches('{').count());
    let methods = closest.into_iter().flat_map(|(_, methods)| methods.keys());
    methods.map(|method| method.to_ascii_uppercase()).collect()
}

/// Whether a path of the document is this one; a parameter is anything but nothing.
fn fits(known: &str, path: &str) -> bool {
    let is_part =
        |(known, part): (&str, &str)| known == part || known.starts_with('{') && !part.is_empty();
    known.split('/').count() == path.split('/').count()
        && known.split('/').zip(path.split('/')).all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_methods_of_every_function_that_shares_it() {
        for (path, methods) in [
            ("/v1/bulk-jobs", &["GET", "POST"][..]),
            ("/v1/senders/100000000000001", &["DELETE", "GET", "PATCH"]),
            ("/v1/contacts/cont_1", &["GET"]),
            ("/v1/contacts/availability", &["POST"]),
            ("/v1/accounts/acct_1/keys/main/rotate", &["POST"]),
        ] {
            assert_eq!(allowed(path), methods, "{path}");
        }
    }

    #[test]
    fn a_path_that_nobody_has_has_no_methods() {
        for path in [
            "/",
            "/v1",
            "/v1/messages/",
            "/v1/nowhere",
            "/v1/messages/a/b/c",
        ] {
            assert!(allowed(path).is_empty(), "{path}");
        }
    }
}
