//! What a tenant's tier allows: set by the operator, told to the tenant, and held.

use crate::access::{ask, give, text_of};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ADMIN_KEY, Answer, Desk, OPERATOR_KEY};

async fn operator(desk: &Desk, method: Method, path: &str, body: &Value) -> Answer {
    give(desk, OPERATOR_KEY, method, path, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sets_limits_which_are_shown_and_stand_in_the_trail() {
    let desk = Desk::start().await;
    let acme = json!({"id": "acme", "name": "Acme", "tier": "starter",
                      "limits": {"messages_per_day": 1000, "senders": 2}});
    let made = operator(&desk, Method::POST, "/v1/tenants", &acme)
        .await
        .with(201);
    assert_eq!(made["tier"], "starter");
    assert_eq!(
        made["limits"],
        json!({"messages_per_day": 1000, "senders": 2})
    );
    let path = "/v1/tenants/acme";
    let change = json!({"tier": null, "limits": {"requests_per_minute": 60, "senders": null}});
    for _ in 0..2 {
        let changed = operator(&desk, Method::PATCH, path, &change)
            .await
            .with(200);
        assert!(changed.get("tier").is_none());
        let limits = json!({"requests_per_minute": 60, "messages_per_day": 1000});
        assert_eq!(changed["limits"], limits);
    }
    let read = ask(&desk, OPERATOR_KEY, Method::GET, path).await.with(200);
    assert_eq!(read["limits"]["requests_per_minute"], 60);
    let key = json!({"name": "First", "role": "admin"});
    let key = operator(&desk, Method::POST, "/v1/tenants/acme/api-keys", &key).await;
    let key = key.with(201);
    let trail = ask(&desk, text_of(&key), Method::GET, "/v1/audit")
        .await
        .with(200);
    let trail = trail["data"].as_array().unwrap().iter();
    let changes: Vec<_> = trail
        .filter(|it| it["action"] == "tenant.changed")
        .collect();
    assert_eq!(
        changes.len(),
        1,
        "what changes nothing leaves nothing in the trail"
    );
    assert_eq!(changes[0]["changes"], change);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_limit_is_refused_with_its_place() {
    let desk = Desk::start().await;
    for (body, fault) in [
        (
            json!({"limits": {"messages_per_day": -1}}),
            "/limits/messages_per_day",
        ),
        (
            json!({"limits": {"requests_per_minute": 0}}),
            "/limits/requests_per_minute",
        ),
        (json!({"limits": {"senders": "three"}}), "/limits/senders"),
        (json!({"limits": {"colours": 3}}), "/limits/colours"),
        (json!({"limits": 3}), "/limits"),
        (json!({"tier": ""}), "/tier"),
    ] {
        let answer = operator(&desk, Method::PATCH, "/v1/tenants/demo", &body).await;
        assert_eq!(answer.faults(), [fault], "{body}");
    }
    // A tenant does not set its own.
    let more = json!({"limits": {"senders": 100}});
    let answer = give(&desk, ADMIN_KEY, Method::PATCH, "/v1/tenants/demo", &more).await;
    answer.problem(403, "forbidden");
}
