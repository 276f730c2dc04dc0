//! What is not applied is counted, whoever tried to apply it.

use super::{Again, Desk, FIRST, named, parse};
use heliograph::service::telemetry;
use heliograph::store::StoredRecord;
use serde_json::json;

/// How often this was counted, by every test of this process.
fn counted(state: &str) -> u64 {
    let counts = telemetry::counts();
    let counts = counts.get("webhook_not_applied");
    counts.and_then(|it| it.get(state)).copied().unwrap_or(0)
}

#[tokio::test]
async fn an_update_that_failed_is_counted_as_failed() {
    let desk = Desk::start().await;
    let table = crate::provision::messages_table();
    let delete = desk.aws.dynamodb().delete_table().table_name(table);
    delete.send().await.unwrap();
    let before = counted("failed");
    assert_eq!(desk.bring("ingest-message").await, Again(&[FIRST]));
    assert_eq!(counted("failed"), before + 1);
}

#[tokio::test]
async fn a_status_that_nobody_waits_for_any_more_is_counted_as_unmatched() {
    let desk = Desk::start().await;
    desk.store.keep_events(&waiting()).await.unwrap();
    let before = counted("unmatched");
    desk.bring("schedule-minute").await;
    assert_eq!(counted("unmatched"), before + 1);
    desk.bring("schedule-minute").await;
    assert_eq!(counted("unmatched"), before + 1, "once");
}

/// A status of a message that is nobody's, tried for days.
fn waiting() -> StoredRecord {
    let status = json!({
        "id": "wamid.NOBODYS", "status": "read", "timestamp": "1795174245", "recipient_id": "15550002009",
    });
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001000", "phone_number_id": "100000000000001"},
        "statuses": [status],
    });
    let change = json!({"entry": "200000000000001", "field": "messages", "value": value});
    let head = json!({
        "id": "evt_019e92a7c8887000a000000000000008", "tenant": "demo", "account": "acct_demo",
    });
    let mut raw = head.clone();
    raw["received_at"] = json!("2026-11-20T11:30:45Z");
    raw["changes"] = json!([change]);
    StoredRecord {
        id: parse(head["id"].clone()),
        tenant: named::message().tenant,
        account: named::message().account,
        received_at: named::message().created_at,
        raw: json!({"1": raw}).to_string(),
        events: vec![parse(json!({
            "field": "messages", "kind": "messages/status/read", "state": "waiting",
        }))],
        tries: 8,
        try_again_at: Some(named::message().created_at),
    }
}
