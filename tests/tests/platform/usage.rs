//! What was used equals the messages that are there, whatever way they came and however they ended.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::{ACCOUNT, Desk, SENDER, eventually, recipients, text};

/// Messages, inbound, outbound, billable.
type Used = (u64, u64, u64, u64);

/// By day and category.
type Counted = BTreeMap<(String, String), Used>;

fn template(to: &str, name: &str) -> Value {
    json!({"from": SENDER, "to": to, "type": "template",
           "template": {"name": name, "language": {"code": "en_US"}}})
}

/// What whoever reads a message can tell of its use.
fn use_of(message: &Value) -> Option<((String, String), Used)> {
    let day = message["created_at"].as_str().unwrap().get(..10).unwrap();
    let of = |category: &str| (day.to_owned(), category.to_owned());
    if message["direction"] == "inbound" {
        return Some((of("inbound"), (1, 1, 0, 0)));
    }
    message.get("provider_id")?;
    let charged = message["pricing"]["billable"] == true && message["state"] != "failed";
    let category = message["pricing"]["category"].as_str().unwrap_or("unknown");
    Some((of(category), (1, 0, 1, u64::from(charged))))
}

fn add(sum: &mut Used, more: Used) {
    *sum = (
        sum.0 + more.0,
        sum.1 + more.1,
        sum.2 + more.2,
        sum.3 + more.3,
    );
}

async fn recounted(desk: &Desk) -> Counted {
    let mut counted = Counted::new();
    for message in desk.all("/v1/messages").await {
        if let Some((of, one)) = use_of(&message) {
            add(counted.entry(of).or_default(), one);
        }
    }
    counted
}

fn used(row: &Value) -> Used {
    let number = |name: &str| row[name].as_u64().unwrap();
    (
        number("messages"),
        number("inbound"),
        number("outbound"),
        number("billable"),
    )
}

fn rows(usage: &Value) -> Counted {
    let name = |row: &Value, of: &str| row[of].as_str().unwrap().to_owned();
    let rows = usage["rows"].as_array().unwrap().iter();
    rows.map(|row| ((name(row, "day"), name(row, "category")), used(row)))
        .collect()
}

async fn send_some_of_each(desk: &Desk) {
    for place in 0..3 {
        desk.send(&text(&format!("+1555001310{place}"), "Hello"))
            .await
            .with(200);
    }
    for (to, name) in [
        ("+15550013111", "spring_sale"),
        ("+15550013112", "order_shipped"),
        ("+15550013113", "order_shipped"),
        ("+15550013114", "login_code"),
        // Taken, and not delivered.
        ("+15559131026", "spring_sale"),
    ] {
        desk.send(&template(to, name)).await.with(200);
    }
    desk.send(&text("+15558131026", "Refused")).await.with(422);
    let person = json!({"from": "+15550013121", "text": "Hello"});
    desk.inbound(&person).await;
    let job = desk.make_job("Hello").await;
    desk.add(&job, &recipients(8)).await.with(200);
    desk.start_job(&job).await.with(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_equals_the_messages_by_day_and_category_once_they_are_counted() {
    let desk = Desk::start().await;
    send_some_of_each(&desk).await;
    let settled = async || {
        let usage = desk.get("/v1/usage?by=day,category").await.with(200);
        // Every message has ended, and been counted.
        let is_over = |message: &Value| {
            let state = message["state"].as_str().unwrap();
            ["read", "failed", "received"].contains(&state)
        };
        let messages = desk.all("/v1/messages").await;
        let same = rows(&usage) == recounted(&desk).await;
        (messages.iter().all(is_over) && same).then_some(usage)
    };
    let usage = eventually("the counters to equal the messages", settled).await;
    let mut by_category: BTreeMap<String, Used> = BTreeMap::new();
    for ((_, category), used) in rows(&usage) {
        add(by_category.entry(category).or_default(), used);
    }
    assert_eq!(by_category["marketing"], (1, 0, 1, 1));
    assert_eq!(by_category["utility"], (2, 0, 2, 2));
    assert_eq!(by_category["authentication"], (1, 0, 1, 1));
    assert!(by_category["service"].2 >= 11 && by_category["service"].3 == 0);
    assert_eq!(
        by_category["unknown"],
        (1, 0, 1, 0),
        "what was not delivered has no price"
    );
    let mut sum = Used::default();
    for row in rows(&usage).into_values() {
        add(&mut sum, row);
    }
    assert_eq!(used(&usage["totals"]), sum, "the rows sum to the totals");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_told_apart_by_what_is_asked_for() {
    let desk = Desk::start().await;
    desk.send(&text("+15550013131", "Hello")).await.with(200);
    let look = async || {
        let usage = desk.get("/v1/usage").await.with(200);
        let sent = usage["totals"]["outbound"] == 1;
        (sent && usage.to_string().contains("service")).then_some(usage)
    };
    let usage = eventually("the message to be counted", look).await;
    assert_eq!(usage["by"], json!(["day", "sender", "category"]));
    assert_eq!(usage["rows"][0]["sender"], SENDER);
    assert!(usage["rows"][0].get("account").is_none());
    let whole = desk.get("/v1/usage?by=account").await.with(200);
    let row =
        json!({"account": ACCOUNT, "messages": 5, "inbound": 4, "outbound": 1, "billable": 0});
    assert_eq!(whole["rows"], json!([row]), "with the demo's history");
    for (query, fault) in [
        ("by=colour", "?by"),
        ("by=", "?by"),
        ("from=yesterday", "?from"),
        ("from=2026-01-01&to=2026-11-20", "?from"),
        ("per=day", "?per"),
    ] {
        let answer = desk.get(&format!("/v1/usage?{query}")).await;
        assert_eq!(answer.faults(), [fault]);
    }
}
