//! What a caller sees of a problem, and what it never sees.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;
use crate::domain::fault::{FaultCode, Faults};
use serde_json::{Value, json};

fn json_of(problem: &Problem) -> Value {
    serde_json::to_value(problem).unwrap()
}

#[test]
fn a_validation_problem_names_every_fault_with_its_place() {
    let faults = Faults::new();
    faults.add("/to", FaultCode::Required, "is required");
    faults.add("/text/body", FaultCode::TooLong, "has 5000 characters");
    let problem = Problem::validation(faults.into_result::<()>(None).unwrap_err());
    assert_eq!(
        json_of(&problem),
        json!({
            "type": "urn:heliograph:problem:invalid_request",
            "title": "Bad Request",
            "status": 400,
            "code": "invalid_request",
            "detail": "2 fields are not as they must be: see errors",
            "errors": [
                {"pointer": "/to", "code": "required", "detail": "is required"},
                {"pointer": "/text/body", "code": "too_long", "detail": "has 5000 characters"},
            ],
        })
    );
}

#[test]
fn an_answer_of_ours_never_shows_its_cause() {
    let cause = std::io::Error::other("password hunter2 refused");
    for problem in [Problem::internal(&cause), Problem::unavailable(&cause)] {
        assert!(!json_of(&problem).to_string().contains("hunter2"));
        assert!(problem.status().is_server_error());
    }
}

#[test]
fn a_problem_half_way_says_what_was_done_and_never_that_nothing_was() {
    let cause = std::io::Error::other("connection lost");
    let problem = Problem::unavailable(&cause).besides("98 were added before");
    let problem = json_of(&problem);
    let detail = problem.get("detail").unwrap().as_str().unwrap();
    assert!(detail.ends_with("; 98 were added before"), "{detail}");
    assert!(detail.contains("Idempotency-Key"), "{detail}");
    assert!(!detail.contains("nothing"), "{detail}");
}

#[test]
fn the_headers_say_how_to_authenticate_and_when_to_come_back() {
    let answer = Problem::unauthenticated().into_response();
    assert_eq!(answer.headers().get("www-authenticate").unwrap(), "Bearer");
    assert_eq!(answer.headers().get("content-type").unwrap(), PROBLEM_JSON);
    let answer = Problem::provider("meta", throttled()).into_response();
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers().get("retry-after").unwrap(), "2");
    assert_eq!(
        answer.headers().get("ratelimit").unwrap(),
        "\"default\";r=0;t=2"
    );
    let answer = Problem::in_progress(1).into_response();
    assert_eq!(answer.headers().get("retry-after").unwrap(), "1");
    assert!(answer.headers().get("ratelimit").is_none());
}

fn throttled() -> ProviderFailure {
    ProviderFailure {
        class: Class::Throttled,
        code: Some(130_429),
        subcode: None,
        message: "rate limit hit".to_owned(),
        remedy: "send more slowly".to_owned(),
        trace_id: Some("Atrace".to_owned()),
        retry_after_s: None,
    }
}

#[test]
fn a_provider_failure_keeps_what_the_provider_said() {
    let problem = Problem::provider("meta", throttled());
    assert_eq!(problem.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        json_of(&problem).get("provider").unwrap(),
        &json!({
            "name": "meta", "class": "throttled", "code": 130_429, "message": "rate limit hit",
            "remedy": "send more slowly", "trace_id": "Atrace",
        })
    );
}

#[test]
fn a_refused_role_hears_which_roles_may() {
    let problem = json_of(&Problem::forbidden(Right::Send));
    assert_eq!(
        problem.get("detail").unwrap(),
        "this needs a key of role admin or agent or sender"
    );
}

#[test]
fn the_openapi_document_can_describe_a_problem() {
    let schema = serde_json::to_value(<Problem as utoipa::PartialSchema>::schema()).unwrap();
    for name in ["type", "code", "errors", "provider", "retry_after"] {
        let property = schema.pointer(&format!("/properties/{name}"));
        assert!(property.is_some(), "{name} in {schema}");
    }
}
