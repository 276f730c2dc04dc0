//! What a tenant's tier allows: set by the operator, told to the tenant, and held.

use crate::access::{ask, give, text_of};
use crate::neighbour::Neighbour;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{
    ADMIN_KEY, Answer, Desk, OPERATOR_KEY, VIEWER_KEY, eventually, eventually_within, in_seconds,
    recipients, text,
};

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

/// Sets limits of the demo tenant, which nobody has called for yet: so every function learns of them at once.
async fn limit(desk: &Desk, limits: Value) {
    let body = json!({"tier": "starter", "limits": limits});
    operator(desk, Method::PATCH, "/v1/tenants/demo", &body)
        .await
        .with(200);
}

/// A test of a day does not begin where the day is about to end.
async fn not_before_midnight() {
    let look = async || {
        (in_seconds(90).to_string().get(..10) == in_seconds(0).to_string().get(..10)).then_some(())
    };
    eventually_within(Duration::from_mins(3), "midnight to pass", look).await;
}

async fn used(desk: &Desk) -> Value {
    desk.get("/v1/usage").await.with(200)["limits"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn single_messages_beyond_the_days_limit_are_refused_and_nothing_of_them_is_kept() {
    not_before_midnight().await;
    let desk = Desk::start().await;
    limit(&desk, json!({"messages_per_day": 3, "senders": 1})).await;
    let to = |place: usize| text(&format!("+1555001410{place}"), "Hello");
    for place in 0..3 {
        desk.send(&to(place)).await.with(200);
    }
    let refused = desk.send(&to(3)).await;
    refused.problem(429, "daily_limit_reached");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    assert_eq!(
        refused.header("ratelimit-policy"),
        Some("\"messages\";q=3;w=86400")
    );
    let left = format!("\"messages\";r=0;t={wait}");
    assert_eq!(refused.header("ratelimit"), Some(left.as_str()));
    // Tomorrow there is room.
    let mut tomorrow = to(4);
    tomorrow["send_at"] = json!(in_seconds(86_400));
    desk.send(&tomorrow).await.with(202);
    let messages = desk.all("/v1/messages").await;
    let outbound = messages.iter().filter(|it| it["direction"] == "outbound");
    assert_eq!(outbound.count(), 4);
    let limits =
        json!({"messages_per_day": {"limit": 3, "used": 3}, "senders": {"limit": 1, "used": 4}});
    assert_eq!(used(&desk).await, limits);
    assert_eq!(desk.get("/v1/usage").await.with(200)["tier"], "starter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_room_today_waits_says_why_and_leaves_none_to_others() {
    not_before_midnight().await;
    let desk = Desk::start().await;
    limit(&desk, json!({"messages_per_day": 12})).await;
    let job = desk.make_job("Hello").await;
    desk.add(&job, &recipients(20)).await.with(200);
    let plan = format!("/v1/bulk-jobs/{job}/plan");
    let before = desk.get(&plan).await.with(200);
    assert_eq!(
        (&before["limited_by"], &before["to_send"]),
        (&json!("daily_limit"), &json!(20))
    );
    desk.start_job(&job).await.with(202);
    let look = async || (desk.job(&job).await["counts"]["read"] == 12).then_some(());
    eventually("the day's room to be used", look).await;
    desk.send(&text("+15550014111", "Hello"))
        .await
        .problem(429, "daily_limit_reached");
    let waiting = desk.job(&job).await;
    assert_eq!(
        (&waiting["status"], &waiting["counts"]["queued"]),
        (&json!("running"), &json!(8))
    );
    let plan = desk.get(&plan).await.with(200);
    assert_eq!(
        (&plan["limited_by"], &plan["to_send"]),
        (&json!("daily_limit"), &json!(8))
    );
    assert_eq!(
        used(&desk).await["messages_per_day"],
        json!({"limit": 12, "used": 12})
    );
    // An operator may give it more: within half a minute it goes on.
    limit(&desk, json!({"messages_per_day": 20})).await;
    desk.job_once_all_are(&job, &["read"], Duration::from_mins(2))
        .await;
    assert_eq!(desk.stats().await["duplicates"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_minutes_limit_are_refused_whoever_of_the_tenant_makes_them() {
    let desk = Desk::start().await;
    limit(&desk, json!({"requests_per_minute": 5})).await;
    // Of twelve requests within two minutes of the clock ten are let through.
    let mut refused = Vec::new();
    for place in 0..12 {
        let key = if place % 2 == 0 {
            ADMIN_KEY
        } else {
            VIEWER_KEY
        };
        let path = ["/v1/messages", "/v1/me"][place / 2 % 2];
        let answer = ask(&desk, key, Method::GET, path).await;
        if answer.status != 200 {
            refused.push(answer);
        }
    }
    let refused = refused.first().unwrap();
    refused.problem(429, "rate_limited");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(
        refused.header("ratelimit-policy"),
        Some("\"requests\";q=5;w=60")
    );
    let left = format!("\"requests\";r=0;t={wait}");
    assert_eq!(refused.header("ratelimit"), Some(left.as_str()));
    // Neither the operator nor another tenant is counted.
    let neighbour = Neighbour::move_in(&desk).await;
    for _ in 0..8 {
        ask(&desk, OPERATOR_KEY, Method::GET, "/v1/tenants/demo")
            .await
            .with(200);
        neighbour.get(&desk, "/v1/messages").await.with(200);
    }
    // The next minute has room again.
    let look = async || {
        let usage = desk.get("/v1/usage").await;
        (usage.status == 200).then(|| usage.json())
    };
    let usage = eventually("the minute to pass", look).await;
    let limits = &usage["limits"]["requests_per_minute"];
    assert_eq!(limits["limit"], 5);
    assert!(
        (1..=5).contains(&limits["used"].as_u64().unwrap()),
        "{limits}"
    );
}
