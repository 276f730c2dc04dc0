//! A plan reckons as the job is dispatched: from the sender that is ready, as fast as that is now.

use serde_json::{Value, json};
use tests::neighbour::slow_down;
use tests::{ADMIN_KEY, Desk, SENDER, eventually, recipients};

const MOCK: &str = "mock-15550004000";

async fn plan_of(desk: &Desk, job: &str) -> Value {
    let path = format!("/v1/bulk-jobs/{job}/plan");
    desk.get(&path).await.with(200)
}

async fn enable(desk: &Desk, provider: &str, enabled: bool) {
    let path = format!("/v1/providers/{provider}");
    let request = desk.with_key(ADMIN_KEY, "PUT".parse().unwrap(), &path);
    let body = json!({"enabled": enabled});
    tests::read(request.json(&body)).await.with(200);
}

fn told(plan: &Value) -> (&Value, &Value, &Value) {
    (&plan["sender_id"], &plan["limited_by"], &plan["rate"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_over_a_route_reckons_with_the_first_sender_that_is_ready() {
    let desk = Desk::start().await;
    let route = json!({"name": "Offers", "senders": [SENDER, MOCK], "other_number": true});
    let route = crate::id_of(&desk.post("/v1/routes", &route).await.with(201));
    let job = json!({"name": "over", "from": route, "type": "text", "text": {"body": "Hello"}});
    let job = crate::id_of(&desk.post("/v1/bulk-jobs", &job).await.with(201));
    desk.add(&job, &recipients(144)).await.with(200);
    let first = plan_of(&desk, &job).await;
    let by_rate = json!("sender_rate");
    assert_eq!(told(&first), (&json!(SENDER), &by_rate, &json!(900.0)));
    enable(&desk, "meta", false).await;
    let look = async || {
        let plan = plan_of(&desk, &job).await;
        (plan["sender_id"] == MOCK).then_some(plan)
    };
    let next = eventually("the next sender's turn", look).await;
    assert_eq!(told(&next), (&json!(MOCK), &by_rate, &json!(80.0)));
    enable(&desk, "mock", false).await;
    let look = async || {
        let plan = plan_of(&desk, &job).await;
        (plan["limited_by"] == "provider_disabled").then_some(plan)
    };
    let stopped = eventually("nobody to be ready", look).await;
    assert_eq!(
        (&stopped["sender_id"], &stopped["rate"]),
        (&json!(SENDER), &json!(0.0))
    );
    assert_eq!(stopped.get("eta"), None, "nobody knows when it is enabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_reckons_with_the_rate_that_a_sender_is_slowed_down_to() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    desk.add(&job, &recipients(900)).await.with(200);
    slow_down(&desk).await;
    let plan = plan_of(&desk, &job).await;
    assert_eq!(plan["limited_by"], "slowed_down", "{plan}");
    let rate = plan["rate"].as_f64().unwrap();
    assert!(
        (450.0..900.0).contains(&rate),
        "half of it, and what it has regained: {rate}"
    );
}
