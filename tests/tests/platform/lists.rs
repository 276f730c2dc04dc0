//! Every list in pages: each entry once, in order, whatever the size of a page.

use serde_json::{Value, json};
use tests::{Desk, eventually, text};

/// The list in pages of three, which must be the list.
async fn assert_pages(desk: &Desk, path: &str, least: usize) {
    let whole: Vec<Value> = desk.all(path).await;
    assert!(whole.len() >= least, "{path} has {}", whole.len());
    let pages = desk.pages(path, 3).await;
    let filled = pages.iter().filter(|it| !it.is_empty()).count();
    assert!(pages.iter().all(|it| it.len() <= 3), "{path}");
    assert!(filled >= whole.len().div_ceil(3), "{path}");
    let joined: Vec<Value> = pages.into_iter().flatten().collect();
    let names = |list: &[Value]| -> Vec<String> {
        let name = |it: &Value| it.get("id").or(it.get("number")).unwrap().to_string();
        list.iter().map(name).collect()
    };
    assert_eq!(names(&whole), names(&joined), "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_has_each_entry_once_whatever_the_size_of_a_page() {
    let desk = Desk::start().await;
    for place in 0..7 {
        let from = format!("+1555001200{place}");
        desk.inbound(&json!({"from": from, "text": "Hello"})).await;
        desk.inbound(&json!({"from": "+15550012100", "text": place.to_string()}))
            .await;
        let refused = desk.send(&text("+15558131026", "Hello")).await;
        assert_eq!(refused.status, 422);
        desk.make_job("Hello!").await;
    }
    let job = desk.make_job("Hello!").await;
    let recipients: Vec<Value> = (0..10)
        .map(|place| json!({"to": format!("+15550012{place:03}")}))
        .collect();
    desk.add(&job, &recipients).await.with(200);
    let look = async || {
        let all = desk.all("/v1/conversations").await;
        all.into_iter().find(|it| it["unread"] == 7)
    };
    let busy = eventually("the busy conversation", look).await;
    let busy = format!(
        "/v1/conversations/{}/messages",
        busy["id"].as_str().unwrap()
    );
    // The demo's history came as four events, and fourteen messages were written since.
    let look = async || {
        let events = desk.all("/v1/webhook-events").await;
        (events.len() >= 18).then_some(())
    };
    eventually("every event", look).await;
    for (path, least) in [
        ("/v1/messages", 25),
        ("/v1/messages?state=failed", 7),
        ("/v1/contacts", 11),
        ("/v1/conversations", 11),
        (&busy, 7),
        ("/v1/bulk-jobs", 8),
        (&format!("/v1/bulk-jobs/{job}/recipients"), 10),
        (&format!("/v1/bulk-jobs/{job}/recipients?state=queued"), 10),
        ("/v1/webhook-events", 18),
    ] {
        assert_pages(&desk, path, least).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usage_counts_equal_the_messages_they_count() {
    let desk = Desk::start().await;
    for place in 0..5 {
        let to = format!("+1555001220{place}");
        desk.send(&text(&to, "Hello")).await.with(200);
    }
    desk.send(&text("+15558131026", "Hello")).await.with(422);
    let look = async || {
        let totals = desk.get("/v1/stats").await.with(200)["totals"].take();
        let outbound = &totals["outbound"];
        (outbound["read"] == 5 && outbound["failed"] == 1).then_some(totals)
    };
    let totals = eventually("the counts", look).await;
    assert_eq!(totals["outbound"]["total"], 6);
    assert_eq!(totals["inbound"], 4, "the demo's history");
}
