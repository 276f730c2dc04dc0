//! Statistics: days, senders, rates.

use super::desk::{Desk, tenant};
use axum::http::StatusCode;
use heliograph::store::{Counter, CounterDelta};
use serde_json::json;

#[tokio::test]
async fn messages_are_counted_by_day_and_sender_with_rates() {
    let desk = Desk::start().await;
    let counter = |day: &str, name: &str| Counter {
        tenant: tenant(),
        of: format!("day:{day}"),
        part: "100000000000001".to_owned(),
        name: name.to_owned(),
    };
    let delta = CounterDelta::from([
        (counter("2026-11-19", "outbound_read"), 3),
        (counter("2026-11-19", "outbound_delivered"), 3),
        (counter("2026-11-19", "outbound_failed"), 2),
        (counter("2026-11-20", "outbound_queued"), 5),
        (counter("2026-11-20", "inbound_received"), 4),
        (counter("2026-11-21", "inbound_received"), 100),
    ]);
    let from = desk.store.position("shard-1").await.unwrap();
    assert!(desk.store.count(&delta, &from, "1").await.unwrap());
    let (status, found) = desk.get("/v1/stats?from=2026-11-14&to=2026-11-20").await;
    assert_eq!(status, StatusCode::OK);
    let totals = &found["totals"];
    assert_eq!(
        (&totals["inbound"], &totals["outbound"]["total"]),
        (&json!(4), &json!(13))
    );
    assert_eq!(
        (&totals["delivery_rate"], &totals["read_rate"]),
        (&json!(0.75), &json!(0.5))
    );
    let days = found["days"].as_array().unwrap();
    assert_eq!(days.len(), 2);
    assert_eq!(
        (&days[0]["date"], &days[1]["date"]),
        (&json!("2026-11-19"), &json!("2026-11-20"))
    );
    assert_eq!(days[1]["sender_id"], "100000000000001");
    assert_eq!(days[1].get("delivery_rate"), None);
}

#[tokio::test]
async fn events_that_were_only_kept_are_counted_by_day_and_kind() {
    let desk = Desk::start().await;
    let counter = |day: &str, kind: &str, name: &str| Counter {
        tenant: tenant(),
        of: format!("kept:{day}"),
        part: kind.to_owned(),
        name: name.to_owned(),
    };
    let delta = CounterDelta::from([
        (counter("2026-11-19#0", "telepathy/X", "kept"), 2),
        (counter("2026-11-19#3", "telepathy/X", "kept"), 1),
        (
            counter("2026-11-20#1", "messages/text", "unknown_account"),
            4,
        ),
    ]);
    let from = desk.store.position("shard-1").await.unwrap();
    assert!(desk.store.count(&delta, &from, "1").await.unwrap());
    let (_, found) = desk.get("/v1/stats?from=2026-11-14&to=2026-11-20").await;
    assert_eq!(
        found["kept_events"],
        json!([
            {"date": "2026-11-19", "kind": "telepathy/X", "kept": 3, "unknown_account": 0, "malformed": 0},
            {"date": "2026-11-20", "kind": "messages/text", "kept": 0, "unknown_account": 4, "malformed": 0},
        ])
    );
    assert_eq!(found["totals"]["inbound"], 0);
}

#[tokio::test]
async fn a_period_that_is_none_is_refused() {
    let desk = Desk::start().await;
    for query in [
        "from=2026-11-20&to=2026-11-19",
        "from=2026-08-01&to=2026-11-20",
        "from=yesterday",
        "to=2026-11-20T00:00:00Z",
        "to=2026-02-30",
        "day=2026-11-20",
    ] {
        let (status, problem) = desk.get(&format!("/v1/stats?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{problem}");
    }
    let (status, _) = desk.get("/v1/stats?from=2026-08-21&to=2026-11-20").await;
    assert_eq!(status, StatusCode::OK);
}
