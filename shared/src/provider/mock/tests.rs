//! The mock provider's wire, and what its answers mean.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::domain::failure::Class;
use crate::provider::tests::{KEY, anna, body_of, failure_of, id, ok, served, text, whole};
use serde_json::{Value, json};

#[tokio::test]
async fn a_message_is_metas_own_object() {
    let call = async |access: Access<'_>| send(access, &anna(), &text(), &id()).await;
    let (_, requests) = served(vec![ok(&json!({"id": "mock_1"}))], call).await;
    let request = requests.first().unwrap();
    assert!(request.starts_with("POST /base/messages "));
    assert!(request.contains(&format!("authorization: Bearer {KEY}\r\n")));
    let body: Value = serde_json::from_str(body_of(request)).unwrap();
    assert_eq!(body, Value::Object(text().wire(&anna(), id().as_str())));
}

#[tokio::test]
async fn a_refusal_has_the_class_that_it_names() {
    let call = async |access: Access<'_>| send(access, &anna(), &text(), &id()).await;
    for class in Class::ALL {
        let answer = json!({"error": {"class": class.as_str(), "message": "as ordered"}});
        let script = whole("400 Bad Request\r\nRetry-After: 7", &answer.to_string());
        let (outcome, _) = served(vec![script], call).await;
        let is_open = matches!(outcome, SendOutcome::Ambiguous(_));
        assert_eq!(is_open, class == Class::Ambiguous);
        let failure = failure_of(outcome);
        assert_eq!((failure.class, failure.retry_after_s), (class, Some(7)));
    }
    let both = ok(&json!({"id": "mock_1", "error": {"class": "permanent"}}));
    let (outcome, _) = served(vec![both], call).await;
    assert!(matches!(outcome, SendOutcome::Ambiguous(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_key_is_good_or_not() {
    let call = async |access: Access<'_>| check_key(access, None).await;
    let (good, requests) = served(vec![ok(&json!({"name": "mock"}))], call).await;
    assert_eq!(good.unwrap().number, None);
    assert!(requests.first().unwrap().starts_with("GET /base/me "));
    let dead = json!({"error": {"class": "credential", "message": "no such key"}});
    let (dead, _) = served(vec![ok(&dead)], call).await;
    assert_eq!(dead.unwrap_err().class, Class::Credential);
    let (lost, _) = served(vec![whole("502 Bad Gateway", "<html>")], call).await;
    assert_eq!(lost.unwrap_err().class, Class::Transient);
}
