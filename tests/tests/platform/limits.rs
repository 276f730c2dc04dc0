//! Meta's limits beside the rate: how many people a portfolio may write to, and how often one person.

use crate::neighbour::{limit_people, set_window};
use futures_util::future::join_all;
use heliograph::store::WindowPolicy;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Desk, SENDER, WABA, eventually_within, text};

const RECIPIENTS: u32 = 65;
const LIMIT: u32 = 50;

fn template() -> Value {
    json!({"name": "hello", "language": {"code": "en"}})
}

async fn template_job(desk: &Desk) -> String {
    let body = json!({"name": "n", "from": SENDER, "type": "template", "template": template()});
    let job = desk.post("/v1/bulk-jobs", &body).await.with(201);
    let id = job["id"].as_str().unwrap().to_owned();
    let recipients = (0..RECIPIENTS).map(|number| json!({"to": format!("+155500310{number:02}")}));
    let recipients: Vec<Value> = recipients.collect();
    desk.add(&id, &recipients).await.with(200);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_reaches_as_many_people_as_its_portfolio_may_write_to_and_goes_on_when_meta_raises_that()
 {
    let desk = Desk::start().await;
    limit_people(&desk, LIMIT.into()).await;
    let job = template_job(&desk).await;
    let plan = desk
        .get(&format!("/v1/bulk-jobs/{job}/plan"))
        .await
        .with(200);
    assert_eq!(plan["limited_by"], "portfolio_limit");
    desk.start_job(&job).await.with(202);
    let look = async || {
        let counts = &desk.job(&job).await["counts"];
        (counts["read"] == LIMIT).then_some(())
    };
    eventually_within(Duration::from_mins(1), "the limit to be reached", look).await;
    let sender = desk.get(&format!("/v1/senders/{SENDER}")).await.with(200);
    assert_eq!(sender["portfolio"]["left"], 0);
    let single =
        json!({"from": SENDER, "to": "+15550031090", "type": "template", "template": template()});
    desk.send(&single).await.problem(409, "portfolio_limit");
    // Whoever has written may be answered.
    desk.send(&text("+15550031091", "Hello")).await.with(200);
    assert_eq!(desk.job(&job).await["counts"]["queued"], RECIPIENTS - LIMIT);
    let raised = json!({"field": "business_capability_update", "value": {
        "max_daily_conversations_per_business": "TIER_UNLIMITED", "max_phone_numbers_per_waba": 25,
    }});
    let entry = json!({"id": WABA, "time": 1_800_000_000, "changes": [raised]});
    let body = json!({"object": "whatsapp_business_account", "entry": [entry]});
    let answer = desk.webhook(body.to_string().as_bytes()).await;
    assert_eq!(answer.status, 200);
    desk.job_once_all_are(&job, &["read"], Duration::from_mins(1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_for_one_person_waits_for_its_turn() {
    let desk = Desk::start().await;
    // Not waited for, and all at once: within the six seconds of a burst, on a busy machine, too.
    let ask = async || {
        let at_once = ("prefer", "respond-async");
        let body = text("+15550031092", "Hello");
        let answer = desk.post_with("/v1/messages", &body, at_once).await;
        answer.with(202)
    };
    let first = ask().await;
    assert!(first.get("send_at").is_none(), "{first}");
    for goes_along in join_all((1..44).map(|_| ask())).await {
        assert!(goes_along.get("send_at").is_none(), "{goes_along}");
    }
    let waits = ask().await;
    assert_eq!(waits["state"], "queued");
    assert!(waits["send_at"].is_string(), "{waits}");
    desk.send(&text("+15550031093", "Hello")).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_no_template_is_refused_where_the_window_is_enforced_and_warned_of_where_it_is_told()
 {
    let desk = Desk::start().await;
    let free_form = json!({"name": "n", "from": SENDER, "type": "text", "text": {"body": "Hello"}});
    let create = async |body: &Value| desk.post("/v1/bulk-jobs", body).await;
    let made = create(&free_form).await.with(201);
    assert!(made.get("warnings").is_none(), "{made}");
    set_window(&desk, WindowPolicy::Warn).await;
    let made = create(&free_form).await.with(201);
    assert_eq!(made["warnings"], json!(["window_closed"]));
    set_window(&desk, WindowPolicy::Enforce).await;
    let problem = create(&free_form).await.problem(409, "window_closed");
    assert!(problem["detail"].as_str().unwrap().contains("template"));
    let job = template_job(&desk).await;
    assert_eq!(desk.job(&job).await["counts"]["queued"], RECIPIENTS);
    assert_eq!(desk.all("/v1/bulk-jobs").await.len(), 3);
}
