//! Reads a JSON body, or says what is wrong with it as a whole. What it says is read field by field in `domain`.

use super::shape;
use crate::service::problem::Problem;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value;
use serde_json::error::Category;

/// As much as a JSON body may have, unless a route says otherwise: one megabyte.
pub const MAX_JSON: usize = 1_000_000;

/// The JSON of a body of at most `limit` bytes, of a shape that can be kept and read again.
pub fn read_json(headers: &HeaderMap, body: &[u8], limit: usize) -> Result<Value, Problem> {
    if !is_json(headers) {
        return Err(Problem::unsupported_media_type());
    }
    if body.len() > limit {
        return Err(Problem::too_large(limit));
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::bad_request("invalid_json", "the body is empty"));
    }
    shape::check(body)
        .and_then(|()| serde_json::from_slice(body))
        .map_err(|error| invalid(&error))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = value.and_then(|value| value.split(';').next());
    media_type.is_some_and(|media_type| {
        let media_type = media_type.trim().to_ascii_lowercase();
        let subtype = media_type.strip_prefix("application/");
        subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
    })
}

/// The words of the parser and the walker quote nothing of the body: they name the fault and its place.
fn invalid(error: &serde_json::Error) -> Problem {
    let detail = match error.classify() {
        Category::Eof => format!(
            "the JSON ends too early, at line {}, column {}",
            error.line(),
            error.column()
        ),
        Category::Syntax | Category::Data | Category::Io => {
            format!("the body cannot be read as JSON: {error}")
        }
    };
    Problem::bad_request("invalid_json", detail)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use axum::http::HeaderValue;

    fn read(content_type: &str, body: &[u8]) -> Result<Value, Problem> {
        let value = HeaderValue::from_str(content_type).unwrap();
        read_json(&HeaderMap::from_iter([(CONTENT_TYPE, value)]), body, 64)
    }

    fn code(result: Result<Value, Problem>) -> &'static str {
        result.unwrap_err().code()
    }

    #[test]
    fn json_is_read_under_each_of_its_names() {
        for name in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/merge-patch+json",
        ] {
            assert_eq!(
                read(name, b" {\"a\":1} ").unwrap(),
                serde_json::json!({"a": 1})
            );
        }
    }

    #[test]
    fn a_body_that_is_not_json_is_refused_for_what_is_wrong_with_it() {
        assert_eq!(code(read("text/plain", b"{}")), "unsupported_media_type");
        assert_eq!(
            code(read_json(&HeaderMap::new(), b"{}", 64)),
            "unsupported_media_type"
        );
        assert_eq!(code(read("application/json", &[b' '; 65])), "too_large");
        for wrong in [
            &b""[..],
            b"  ",
            b"{",
            b"{} {}",
            b"nonsense",
            b"{\"a\":\xff}",
            b"[NaN]",
        ] {
            assert_eq!(code(read("application/json", wrong)), "invalid_json");
        }
    }

    #[test]
    fn a_mistake_is_shown_by_its_place_and_not_by_its_words() {
        let problem = read("application/json", b"{\n \"to\": sesame}").unwrap_err();
        let problem = serde_json::to_string(&problem).unwrap();
        assert!(problem.contains("line 2 column"), "{problem}");
        assert!(!problem.contains("sesame"));
    }

    #[test]
    fn a_body_nested_too_deeply_is_refused_and_nothing_overflows() {
        let deep = "[".repeat(10_000);
        let headers =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        assert_eq!(
            code(read_json(&headers, deep.as_bytes(), MAX_JSON)),
            "invalid_json"
        );
    }
}
