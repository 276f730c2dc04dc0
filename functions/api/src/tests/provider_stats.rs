//! Statistics of a provider: what a period holds, of whom, and who sees it.

use super::desk::{Desk, noon, tenant};
use axum::http::{Method, StatusCode};
use heliograph::domain::calls::{CallError, CalledWith};
use heliograph::domain::failure::Class;
use heliograph::domain::provider::{Gateway, Provider};
use heliograph::store::{CallUse, CallUses, Counter, CounterDelta, KEY_COUNTERS, hour_counters};
use serde_json::{Value, json};

fn with(account: &str, key: &str) -> CalledWith {
    CalledWith {
        provider: Provider::Gateway(Gateway::Mock),
        account: account.parse().unwrap(),
        key: Some(key.to_owned()),
    }
}

fn counter(day: &str, with: &CalledWith, hour: i8, name: &str) -> Counter {
    Counter {
        tenant: tenant(),
        of: hour_counters(day.parse().unwrap()),
        part: with.name_at(hour),
        name: name.to_owned(),
    }
}

/// Calls of two accounts on three days, of which one has a key that was refused.
async fn counted(desk: &Desk) {
    let (main, other) = (with("acct_a", "main"), with("acct_b", "other"));
    let refused = CallUse {
        last_used: noon(),
        last_error: Some(CallError {
            class: Class::Recipient,
            code: Some(17),
            message: "nobody is there".to_owned(),
            at: noon(),
        }),
    };
    let uses = CallUses::from([((tenant(), main.name()), refused)]);
    let of_key = Counter {
        of: KEY_COUNTERS.to_owned(),
        part: main.name(),
        ..counter("2026-11-20", &main, 0, "accepted")
    };
    let delta = CounterDelta::from([
        (of_key, 9),
        (counter("2026-11-19", &main, 23, "accepted"), 6),
        (counter("2026-11-19", &main, 23, "took_16"), 6),
        (counter("2026-11-20", &main, 0, "refused_recipient"), 2),
        (counter("2026-11-20", &main, 0, "took_16"), 2),
        (counter("2026-11-20", &other, 0, "ambiguous"), 2),
        (counter("2026-11-20", &other, 0, "took_35"), 2),
        (counter("2026-11-21", &main, 5, "accepted"), 100),
    ]);
    let from = desk.store.position("shard-1").await.unwrap();
    let counted = desk.store.count_calls(&delta, &uses, &from, "1");
    assert!(counted.await.unwrap());
}

async fn stats(desk: &Desk, query: &str) -> Value {
    let path = format!("/v1/providers/mock/stats?to=2026-11-20{query}");
    let (status, found) = desk.get(&path).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    found
}

#[tokio::test]
async fn calls_are_told_in_total_and_by_day_hour_and_key() {
    let desk = Desk::start().await;
    counted(&desk).await;
    let found = stats(&desk, "").await;
    let latency = json!({"p50": 134, "p95": 10_131, "p99": 10_131});
    assert_eq!(
        found["totals"],
        json!({"calls": 10, "accepted": 6, "refused": 2, "refused_by_class": {"recipient": 2},
            "ambiguous": 2, "success_share": 0.6, "latency_ms": latency})
    );
    let calls = |list: &str, name: &str| -> Vec<(Value, Value)> {
        let entries = found[list].as_array().unwrap().iter();
        entries
            .map(|entry| (entry[name].clone(), entry["calls"].clone()))
            .collect()
    };
    assert_eq!(
        calls("days", "date"),
        [
            (json!("2026-11-19"), json!(6)),
            (json!("2026-11-20"), json!(4))
        ]
    );
    assert_eq!(
        calls("hours", "hour"),
        [
            (json!("2026-11-19T23:00:00Z"), json!(6)),
            (json!("2026-11-20T00:00:00Z"), json!(4))
        ]
    );
    assert_eq!(
        calls("keys", "key"),
        [(json!("main"), json!(8)), (json!("other"), json!(2))]
    );
    let main = &found["keys"][0];
    assert_eq!(main["account_id"], "acct_a");
    assert_eq!(main["last_used"], "2026-11-20T12:00:00Z");
    assert_eq!(
        main["last_error"],
        json!({"class": "recipient", "code": 17, "message": "nobody is there", "at": "2026-11-20T12:00:00Z"})
    );
}

#[tokio::test]
async fn an_account_is_counted_alone_and_a_period_without_calls_has_none() {
    let desk = Desk::start().await;
    counted(&desk).await;
    let alone = stats(&desk, "&account_id=acct_b").await;
    assert_eq!(alone["totals"]["calls"], 2);
    assert_eq!(alone["keys"].as_array().unwrap().len(), 1);
    assert_eq!(alone["totals"]["success_share"], 0.0);
    let (_, none) = desk
        .get("/v1/providers/mock/stats?from=2026-10-01&to=2026-10-02")
        .await;
    assert_eq!(none["totals"]["calls"], 0);
    assert_eq!(none["totals"].get("success_share"), None);
    assert_eq!(none["totals"].get("latency_ms"), None);
}

#[tokio::test]
async fn another_tenant_sees_nothing_of_it() {
    let desk = Desk::start().await;
    counted(&desk).await;
    let path = "/v1/providers/mock/stats?to=2026-11-20";
    let (status, found) = desk.call(Method::GET, path, Some("hg_stranger")).await;
    assert_eq!(
        (status, &found["totals"]["calls"]),
        (StatusCode::OK, &json!(0))
    );
    assert_eq!(found["keys"], json!([]));
}

#[tokio::test]
async fn what_is_no_provider_is_not_found_and_no_period_is_longer_than_31_days() {
    let desk = Desk::start().await;
    let (status, _) = desk.get("/v1/providers/telepathy/stats").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    for query in [
        "from=2026-10-20&to=2026-11-20",
        "account_id=main",
        "key=main",
    ] {
        let (status, _) = desk.get(&format!("/v1/providers/mock/stats?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
    let (status, _) = desk
        .get("/v1/providers/mock/stats?from=2026-10-21&to=2026-11-20")
        .await;
    assert_eq!(status, StatusCode::OK);
}
