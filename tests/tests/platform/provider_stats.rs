//! Statistics of providers and keys equal the attempts that stand in the messages.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::{Desk, SENDER, eventually, recipients, text};

const PROVIDERS: [&str; 4] = ["meta", "notifapi", "fonnte", "mock"];

/// How many calls ended how, by the provider and then by `accepted`, `ambiguous` or the class of a refusal.
type Counted = BTreeMap<(String, String), u64>;

fn from(sender: &str, to: &str) -> Value {
    let mut message = text(to, "Hello");
    message["from"] = sender.into();
    message
}

async fn send_some_of_each(desk: &Desk) {
    for (sender, person) in [
        (SENDER, 10),
        ("notifapi-15550003000", 20),
        ("fonnte-15550002000", 30),
        ("mock-15550004000", 40),
    ] {
        for place in 0..2 {
            let to = format!("+1555006{:04}", person + place);
            desk.send(&from(sender, &to)).await;
        }
    }
    // Refused for good, refused for a while, and of one nobody knows.
    desk.send(&text("+15558131026", "Refused")).await.with(422);
    desk.fault(&json!({"provider": "mock", "fault": "error:transient", "times": 1}))
        .await;
    desk.send(&from("mock-15550004000", "+15550060051")).await;
    desk.fault(&json!({"fault": "http_503", "times": 1})).await;
    desk.send(&text("+15550060052", "Lost")).await.with(202);
    let job = desk.make_job("Hello").await;
    desk.add(&job, &recipients(12)).await.with(200);
    desk.start_job(&job).await.with(202);
}

fn provider_of(message: &Value) -> String {
    let from = message["from"].as_str().unwrap();
    let named = from.split_once('-').map(|(provider, _)| provider);
    named.unwrap_or("meta").to_owned()
}

/// What the attempts of all messages say.
async fn recounted(desk: &Desk) -> Counted {
    let mut counted = Counted::new();
    for message in desk.all("/v1/messages").await {
        if message["direction"] == "inbound" {
            continue;
        }
        let path = format!("/v1/messages/{}/attempts", message["id"].as_str().unwrap());
        for attempt in desk.all(&path).await {
            let ended = match attempt["outcome"].as_str() {
                Some("refused") => attempt["provider"]["class"].as_str().unwrap(),
                Some("not_started") | None => continue,
                Some(other) => other,
            };
            let of = (provider_of(&message), ended.to_owned());
            *counted.entry(of).or_default() += 1;
        }
    }
    counted
}

fn number(of: &Value, name: &str) -> u64 {
    of[name].as_u64().unwrap()
}

/// What the statistics say. Days, hours and keys sum to the total.
async fn told(desk: &Desk) -> Counted {
    let mut counted = Counted::new();
    for provider in PROVIDERS {
        let stats = desk.get(&format!("/v1/providers/{provider}/stats")).await;
        let stats = stats.with(200);
        let totals = &stats["totals"];
        for list in ["days", "hours", "keys"] {
            for name in ["calls", "accepted", "refused", "ambiguous"] {
                let parts = stats[list].as_array().unwrap().iter();
                let sum: u64 = parts.map(|part| number(part, name)).sum();
                assert_eq!(sum, number(totals, name), "{provider} {list} {name}");
            }
        }
        let refused = totals["refused_by_class"].as_object().unwrap();
        let refused = refused
            .iter()
            .map(|(class, count)| (class.as_str(), count.as_u64().unwrap()));
        let ends = ["accepted", "ambiguous"].map(|name| (name, number(totals, name)));
        for (ended, count) in refused.chain(ends).filter(|(_, count)| *count > 0) {
            counted.insert((provider.to_owned(), ended.to_owned()), count);
        }
    }
    counted
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_equal_the_attempts_of_the_messages_once_they_are_counted() {
    let desk = Desk::start().await;
    send_some_of_each(&desk).await;
    let settled = async || {
        let open = ["queued", "sending"];
        let messages = desk.all("/v1/messages").await;
        let is_over = |it: &Value| !open.contains(&it["state"].as_str().unwrap());
        let told = told(&desk).await;
        let same = told == recounted(&desk).await;
        (same && messages.len() >= 23 && messages.iter().all(is_over)).then_some(told)
    };
    let told = eventually("the counters to equal the attempts", settled).await;
    let count = |provider: &str, ended: &str| {
        told.get(&(provider.to_owned(), ended.to_owned()))
            .copied()
            .unwrap_or(0)
    };
    assert_eq!(
        (count("meta", "accepted"), count("meta", "recipient")),
        (14, 1)
    );
    assert_eq!(count("meta", "ambiguous"), 1);
    assert_eq!(
        (count("mock", "accepted"), count("mock", "transient")),
        (3, 1)
    );
    for provider in ["notifapi", "fonnte"] {
        assert_eq!(count(provider, "accepted"), 2, "{told:?}");
    }
    let meta = desk.get("/v1/providers/meta/stats").await.with(200);
    let latency = &meta["totals"]["latency_ms"];
    assert!(number(latency, "p50") <= number(latency, "p99"), "{meta}");
    assert_eq!(meta["totals"]["success_share"], 0.875);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_shows_what_it_was_used_for() {
    let desk = Desk::start().await;
    let sender = "mock-15550004000";
    let keys = "/v1/accounts/acct_demo-mock/keys";
    let unused = desk.get(keys).await.with(200);
    let usage = json!({"sent": 0, "failed": 0, "sent_today": 0, "failed_today": 0});
    assert_eq!(unused["data"][0]["usage"], usage);
    desk.send(&from(sender, "+15550060061")).await.with(200);
    desk.fault(&json!({"provider": "mock", "fault": "error:recipient", "times": 1}))
        .await;
    desk.send(&from(sender, "+15550060062")).await.with(422);
    let look = async || {
        let usage = desk.get(keys).await.with(200)["data"][0]["usage"].clone();
        (usage["sent"] == 1 && usage["failed"] == 1).then_some(usage)
    };
    let usage = eventually("the calls to be counted", look).await;
    assert_eq!(usage["last_error"]["class"], "recipient");
    assert!(usage["last_used"].is_string());
    assert!(!usage.to_string().contains("1555006"), "{usage}");
}
