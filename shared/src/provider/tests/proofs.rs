//! What is a proof that a message was not taken, and what is none: the same for every gateway.

use super::{Then, is_ambiguous, ok, send, served, whole};
use crate::domain::failure::Class;
use crate::domain::provider::Gateway;
use crate::provider::SendOutcome;
use serde_json::{Value, json};

/// What a gateway refuses a message with.
fn refusal(gateway: Gateway) -> Value {
    match gateway {
        Gateway::Fonnte => json!({"status": false, "reason": "target invalid"}),
        Gateway::Notifapi => json!({"code": 400, "message": "invalid number"}),
        Gateway::Mock => json!({"error": {"class": "recipient", "message": "nobody is there"}}),
    }
}

async fn outcome(gateway: Gateway, script: Then) -> SendOutcome {
    served(vec![script], async |access| send(gateway, access).await)
        .await
        .0
}

#[tokio::test]
async fn a_refusal_that_comes_with_a_servers_own_trouble_proves_nothing() {
    for &gateway in Gateway::ALL {
        let refusal = refusal(gateway).to_string();
        for head in ["200 OK", "400 Bad Request", "422 Unprocessable Content"] {
            let SendOutcome::NotAccepted(failure) = outcome(gateway, whole(head, &refusal)).await
            else {
                unreachable!("{gateway:?} has refused it: {head}");
            };
            assert_eq!(failure.class, Class::Recipient, "{gateway:?} {head}");
        }
        for head in ["500 Internal Server Error", "503 Service Unavailable"] {
            let script = whole(head, &refusal);
            assert!(is_ambiguous(gateway, script).await, "{gateway:?} {head}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_says_forbidden_condemns_no_key_and_proves_nothing() {
    let bodies = [
        "",
        "<html><h1>403 Forbidden</h1></html>",
        r#"{"message":"Unauthorized"}"#,
        r#"{"error":"forbidden"}"#,
        r#"{"status":403,"error":"Forbidden"}"#,
    ];
    for &gateway in Gateway::ALL {
        for head in ["401 Unauthorized", "403 Forbidden"] {
            for body in bodies {
                let script = whole(head, body);
                assert!(
                    is_ambiguous(gateway, script).await,
                    "{gateway:?} {head} {body}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_status_that_is_no_boolean_is_not_fonntes() {
    // None of its recorded answers has one, so nobody knows what it would mean.
    for said in [
        json!({"status": "true", "id": ["80367170"]}),
        json!({"status": "false", "reason": "token invalid"}),
        json!({"status": 0, "reason": "token invalid"}),
    ] {
        let is_open = is_ambiguous(Gateway::Fonnte, ok(&said)).await;
        assert!(is_open, "{said}");
    }
}
