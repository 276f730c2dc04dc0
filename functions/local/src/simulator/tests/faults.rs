//! Each fault does what it says, to the send it is meant for.

use super::*;

/// What a send under a fault led to: its HTTP status or none, and how many messages were accepted.
async fn under(order: Value) -> (Option<u16>, u64) {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    client.order_fault(order).await;
    let answer = client.send(ANNA, "msg_1").await.ok();
    let accepted = client.accepted().await;
    let (status, _) = client.send(ANNA, "msg_2").await.unwrap();
    assert_eq!(status, StatusCode::OK, "a fault shows once");
    (answer.map(|(status, _)| status.as_u16()), accepted)
}

#[tokio::test]
async fn a_failing_server_accepts_nothing() {
    assert_eq!(under(json!({"fault": "http_500"})).await, (Some(500), 0));
    assert_eq!(under(json!({"fault": "http_503"})).await, (Some(503), 0));
}

#[tokio::test]
async fn a_timeout_before_accept_accepts_nothing() {
    let order = json!({"fault": "timeout_before_accept", "delay_ms": 20});
    assert_eq!(under(order).await, (None, 0));
}

#[tokio::test]
async fn a_timeout_after_accept_accepts() {
    let order = json!({"fault": "timeout_after_accept", "delay_ms": 20});
    assert_eq!(under(order).await, (None, 1));
}

#[tokio::test]
async fn a_reset_connection_gives_no_answer() {
    assert_eq!(under(json!({"fault": "reset_connection"})).await, (None, 0));
}

#[tokio::test]
async fn a_slow_answer_is_a_good_one() {
    let order = json!({"fault": "slow", "delay_ms": 20});
    assert_eq!(under(order).await, (Some(200), 1));
}

#[tokio::test]
async fn an_error_is_metas_own_object() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    client.order_fault(json!({"fault": "error:131000"})).await;
    let (status, answer) = client.send(ANNA, "msg_1").await.unwrap();
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let error = &answer["error"];
    assert_eq!(error["message"], "(#131000) Something went wrong");
    assert_eq!(error["error_data"]["messaging_product"], "whatsapp");
    assert_eq!(client.accepted().await, 0);
}

#[tokio::test]
async fn a_caller_that_hangs_up_after_accept_changes_nothing() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    client
        .order_fault(json!({"fault": "timeout_after_accept", "delay_ms": 60_000}))
        .await;
    let hurried = client
        .http
        .post(format!("{}/v25.0/{SENDER}/messages", client.url))
        .bearer_auth("demo-access-token")
        .timeout(Duration::from_millis(300))
        .json(&text(ANNA, "msg_1"));
    assert!(hurried.send().await.unwrap_err().is_timeout());
    assert_eq!(client.accepted().await, 1);
    simulator.shutdown().await;
}

#[tokio::test]
async fn an_unknown_fault_or_field_is_refused_with_a_reason() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    for order in [
        json!({"fault": "explode"}),
        json!({"fault": "slow", "when": "now"}),
        json!({"times": 3}),
    ] {
        let (status, answer) = client.post("/_sim/faults", &order).await.unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(answer["error"].is_string());
    }
}

#[tokio::test]
async fn faults_can_be_seen_and_taken_back() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    client
        .order_fault(json!({"fault": "http_500", "to": ANNA, "share": 1.0}))
        .await;
    client.send(BERT, "msg_1").await.unwrap();
    client.send(ANNA, "msg_2").await.unwrap();
    let faults = client.get("/_sim/faults").await;
    assert_eq!(faults["data"][0]["applied"], 1);
    let request = client.http.delete(format!("{}/_sim/faults", client.url));
    let removed: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(removed, json!({"removed": 1}));
    assert_eq!(client.accepted().await, 1);
}
