//! Tenants, and the operator, who makes and disables them.

use crate::access::{ask, give, text_of};
use reqwest::Method;
use serde_json::json;
use tests::{ADMIN_KEY, Desk, OPERATOR_KEY, VIEWER_KEY, read};

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_makes_a_tenant_whose_first_key_makes_the_others() {
    let desk = Desk::start().await;
    let acme = json!({"id": "acme", "name": "Acme"});
    let made = give(&desk, OPERATOR_KEY, Method::POST, "/v1/tenants", &acme).await;
    assert_eq!(made.header("location"), Some("/v1/tenants/acme"));
    assert_eq!(made.with(201)["name"], "Acme");
    let again = give(&desk, OPERATOR_KEY, Method::POST, "/v1/tenants", &acme).await;
    again.problem(409, "tenant_exists");
    let first = json!({"name": "First", "role": "admin"});
    let keys = "/v1/tenants/acme/api-keys";
    let first = give(&desk, OPERATOR_KEY, Method::POST, keys, &first)
        .await
        .with(201);
    let second = json!({"name": "Second", "role": "agent"});
    let second = give(
        &desk,
        text_of(&first),
        Method::POST,
        "/v1/api-keys",
        &second,
    )
    .await
    .with(201);
    let me = ask(&desk, text_of(&second), Method::GET, "/v1/me")
        .await
        .with(200);
    assert_eq!(
        (&me["tenant"], &me["role"]),
        (&json!("acme"), &json!("agent"))
    );
    let messages = ask(&desk, text_of(&second), Method::GET, "/v1/messages")
        .await
        .with(200);
    assert_eq!(messages["data"], json!([]), "nothing of anybody else's");
    let trail = ask(&desk, text_of(&first), Method::GET, "/v1/audit")
        .await
        .with(200);
    let who: Vec<_> = trail["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["actor"]["kind"])
        .collect();
    assert_eq!(who, ["api_key", "operator", "operator"]);
    let listed = ask(&desk, OPERATOR_KEY, Method::GET, "/v1/tenants")
        .await
        .with(200);
    let ids: Vec<_> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["id"])
        .collect();
    assert_eq!(ids, ["acme", "demo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_disabled_tenant_open_nothing_until_it_is_enabled() {
    let desk = Desk::start().await;
    let acme = json!({"id": "acme", "name": "Acme"});
    give(&desk, OPERATOR_KEY, Method::POST, "/v1/tenants", &acme)
        .await
        .with(201);
    let keys = "/v1/tenants/acme/api-keys";
    let admin = json!({"name": "First", "role": "admin"});
    let key = give(&desk, OPERATOR_KEY, Method::POST, keys, &admin)
        .await
        .with(201);
    let change = async |disabled: bool| {
        let body = json!({"disabled": disabled});
        let answer = give(
            &desk,
            OPERATOR_KEY,
            Method::PATCH,
            "/v1/tenants/acme",
            &body,
        )
        .await;
        answer.with(200)
    };
    ask(&desk, text_of(&key), Method::GET, "/v1/me")
        .await
        .with(200);
    let since = change(true).await["disabled_at"].clone();
    assert!(since.is_string());
    assert_eq!(
        change(true).await["disabled_at"],
        since,
        "disabled twice is disabled since the first time"
    );
    for path in ["/v1/me", "/v1/messages"] {
        let answer = ask(&desk, text_of(&key), Method::GET, path).await;
        answer.problem(403, "tenant_disabled");
    }
    let answer = give(&desk, OPERATOR_KEY, Method::POST, keys, &admin).await;
    answer.problem(403, "tenant_disabled");
    assert!(change(false).await.get("disabled_at").is_none());
    change(false).await;
    let trail = ask(&desk, text_of(&key), Method::GET, "/v1/audit")
        .await
        .with(200);
    let changes = trail["data"].as_array().unwrap().iter();
    let changes = changes
        .filter(|it| it["action"] == "tenant.changed")
        .count();
    assert_eq!(
        changes, 2,
        "what changes nothing leaves nothing in the trail"
    );
    ask(&desk, text_of(&key), Method::GET, "/v1/me")
        .await
        .with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_operator_runs_the_installation() {
    let desk = Desk::start().await;
    let acme = json!({"id": "acme", "name": "Acme"});
    for key in [ADMIN_KEY, VIEWER_KEY] {
        let answer = give(&desk, key, Method::POST, "/v1/tenants", &acme).await;
        answer.problem(403, "forbidden");
    }
    for key in [
        "hg_operator_wrong",
        "hg_operator_",
        "hg_operator_demo2",
        "hg_unknown",
    ] {
        let answer = give(&desk, key, Method::POST, "/v1/tenants", &acme).await;
        answer.problem(401, "unauthenticated");
    }
    // The operator is nobody's caller: he reads no tenant's messages.
    let answer = ask(&desk, OPERATOR_KEY, Method::GET, "/v1/messages").await;
    answer.problem(401, "unauthenticated");
    let answer = ask(&desk, OPERATOR_KEY, Method::GET, "/v1/tenants/acme").await;
    answer.problem(404, "not_found");
    for (body, fault) in [
        (json!({"id": "Acme", "name": "Acme"}), "/id"),
        (json!({"id": "acme#1", "name": "Acme"}), "/id"),
        (json!({"id": "acme"}), "/name"),
        (
            json!({"id": "acme", "name": "Acme", "plan": "gold"}),
            "/plan",
        ),
    ] {
        let answer = give(&desk, OPERATOR_KEY, Method::POST, "/v1/tenants", &body).await;
        assert_eq!(answer.faults(), [fault]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_idempotency_key_is_one_tenant() {
    let desk = Desk::start().await;
    let keyed = json!({"id": "keyed", "name": "Keyed"});
    for (place, replayed) in [None, Some("true")].into_iter().enumerate() {
        let request = desk
            .with_key(OPERATOR_KEY, Method::POST, "/v1/tenants")
            .json(&keyed);
        let answer = read(request.header("idempotency-key", "once")).await;
        assert_eq!(answer.with(201)["id"], "keyed");
        assert_eq!(answer.header("idempotent-replayed"), replayed, "{place}");
    }
}
