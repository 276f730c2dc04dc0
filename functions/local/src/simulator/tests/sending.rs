//! What is accepted, and that it stays so.

use super::super::is_locked;
use super::super::ledger::Ledger;
use super::*;

#[tokio::test]
async fn a_send_is_answered_as_meta_answers_and_kept_as_it_came() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let (status, answer) = client.send(ANNA, "msg_1").await.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        answer["contacts"][0],
        json!({"input": ANNA, "wa_id": "15550001111"})
    );
    let kept = client.get("/_sim/messages").await;
    assert_eq!(kept["data"][0]["id"], answer["messages"][0]["id"]);
    assert_eq!(kept["data"][0]["to"], ANNA);
    assert_eq!(kept["data"][0]["sender"], SENDER);
    assert_eq!(kept["data"][0]["body"], text(ANNA, "msg_1"));
    assert_eq!(kept["data"][0]["at"].as_str().unwrap().len(), 24);
}

#[tokio::test]
async fn a_user_id_is_a_recipient_too() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let mut body = text(ANNA, "msg_1");
    body.as_object_mut().unwrap().remove("to");
    body["recipient"] = "US.13491208655302741918".into();
    let path = format!("/v25.0/{SENDER}/messages");
    let (status, answer) = client.post(&path, &body).await.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["contacts"][0]["user_id"], "US.13491208655302741918");
    let kept = client
        .get("/_sim/messages?to=US.13491208655302741918")
        .await;
    assert_eq!(kept["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_wrong_token_or_sender_is_refused() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let url = format!("{}/v25.0/{SENDER}/messages", client.url);
    let request = client.http.post(url).bearer_auth("wrong");
    let response = request.json(&text(ANNA, "msg_1")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["error"]["code"], 190);
    assert!(answer["error"]["fbtrace_id"].is_string());

    let path = "/v25.0/999/messages";
    let (status, answer) = client.post(path, &text(ANNA, "msg_1")).await.unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["error"]["error_subcode"], 33);
    assert_eq!(client.accepted().await, 0);
}

#[tokio::test]
async fn a_read_receipt_is_no_message() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let receipt =
        json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.AAA="});
    let path = format!("/v25.0/{SENDER}/messages");
    let (status, answer) = client.post(&path, &receipt).await.unwrap();
    assert_eq!((status, answer), (StatusCode::OK, json!({"success": true})));
    assert_eq!(client.accepted().await, 0);
}

#[tokio::test]
async fn an_accepted_message_survives_a_simulator_that_was_never_shut_down() {
    let folder = Folder::new();
    let first = start_in(&folder, NOWHERE).await;
    let client = Client::of(&first);
    for callback in ["msg_1", "msg_2"] {
        client.send(ANNA, callback).await.unwrap();
    }
    let before = client.get("/_sim/messages").await;
    let torn = "m\t175124754";
    drop((first, client));
    append(&folder, torn);

    let second = start_in(&folder, NOWHERE).await;
    let client = Client::of(&second);
    assert_eq!(client.get("/_sim/messages").await, before);
    client.send(BERT, "msg_1").await.unwrap();
    let stats = client.get("/_sim/stats").await;
    assert_eq!(stats["accepted"], 3);
    assert_eq!(stats["duplicates"], 1);
    assert_eq!(stats["distinct_recipients"], 2);
}

fn append(folder: &Folder, text: &str) {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    let mut file = options.open(folder.0.join("simulator.journal")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[tokio::test]
async fn messages_are_listed_in_order_by_page_and_by_recipient() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    for number in 0..5 {
        let to = if number % 2 == 0 { ANNA } else { BERT };
        client.send(to, &format!("msg_{number}")).await.unwrap();
    }
    let callbacks = |page: &Value| -> Vec<Value> {
        let messages = page["data"].as_array().unwrap().iter();
        messages
            .map(|message| message["body"]["biz_opaque_callback_data"].clone())
            .collect()
    };
    let first = client.get("/_sim/messages?limit=3").await;
    assert_eq!(callbacks(&first), ["msg_0", "msg_1", "msg_2"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let path = format!("/_sim/messages?limit=3&cursor={cursor}");
    let rest = client.get(&path).await;
    assert_eq!(callbacks(&rest), ["msg_3", "msg_4"]);
    assert_eq!(rest["next_cursor"], Value::Null);
    let annas = client.get("/_sim/messages?to=%2B15550001111&limit=2").await;
    assert_eq!(callbacks(&annas), ["msg_0", "msg_2"]);
    let cursor = annas["next_cursor"].as_str().unwrap();
    let path = format!("/_sim/messages?to=15550001111&cursor={cursor}");
    assert_eq!(callbacks(&client.get(&path).await), ["msg_4"]);
}

#[tokio::test]
async fn a_sender_above_its_rate_is_refused_and_seen() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let slow = json!({
        "phone_number_id": "100000000000002", "display_phone_number": "+15550001002",
        "waba_id": "200000000000001", "account_id": "acct_demo", "messages_per_second": 3,
    });
    let added = client.post("/_sim/senders", &slow).await.unwrap();
    assert_eq!(added.0, StatusCode::CREATED);
    let path = "/v25.0/100000000000002/messages";
    let mut codes = Vec::new();
    for number in 0..5 {
        let body = text(ANNA, &format!("msg_{number}"));
        let (status, answer) = client.post(path, &body).await.unwrap();
        codes.push((status.as_u16(), answer["error"]["code"].as_u64()));
    }
    let refused = (400, Some(130_429));
    assert_eq!(
        codes,
        [(200, None), (200, None), (200, None), refused, refused]
    );
    let stats = client.get("/_sim/stats").await;
    assert_eq!(
        (&stats["accepted"], &stats["refused"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(stats["max_rate_per_sender"]["100000000000002"], 5);
    let calls = client.get("/_sim/calls?sender=100000000000002").await;
    let by_second = calls["data"].as_array().unwrap().iter();
    assert_eq!(by_second.filter_map(Value::as_u64).sum::<u64>(), 5);
}

#[tokio::test]
async fn a_reset_forgets_messages_and_keeps_senders() {
    let folder = Folder::new();
    let simulator = start_in(&folder, NOWHERE).await;
    let client = Client::of(&simulator);
    client.send(ANNA, "msg_1").await.unwrap();
    client.order_fault(json!({"fault": "http_500"})).await;
    client.post("/_sim/reset", &Value::Null).await.unwrap();
    assert_eq!(client.accepted().await, 0);
    assert_eq!(client.get("/_sim/faults").await, json!({"data": []}));
    let (status, _) = client.send(ANNA, "msg_1").await.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(client.get("/_sim/stats").await["duplicates"], 0);
}

#[tokio::test]
async fn a_health_check_finds_something_to_call() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    assert_eq!(client.get("/v25.0/").await, json!({"success": true}));
    let number = client.get(&format!("/v25.0/{SENDER}?fields=status")).await;
    assert_eq!(number, json!({"id": SENDER, "status": "CONNECTED"}));
    let numbers = client.get("/v25.0/200000000000001/phone_numbers").await;
    assert_eq!(numbers["data"][0]["display_phone_number"], "+15550001000");
    simulator.shutdown().await;
}

#[test]
fn a_journal_in_use_is_left_alone() {
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    let path = folder.0.join("simulator.journal");
    let first = Ledger::open(&path, &quick()).unwrap();
    let second = Ledger::open(&path, &quick()).unwrap_err();
    assert!(is_locked(&second));
    drop(first);
    assert!(Ledger::open(&path, &quick()).is_ok());
}

#[test]
fn a_damaged_journal_is_not_replayed_as_if_it_were_whole() {
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    append(&folder, "m\tnonsense\n");
    let path = folder.0.join("simulator.journal");
    let error = Ledger::open(&path, &quick()).unwrap_err();
    assert!(error.to_string().contains("is damaged at byte 0"));
}

#[tokio::test]
async fn a_latency_is_kept() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let latency = json!({"min_ms": 40, "max_ms": 50});
    client.post("/_sim/latency", &latency).await.unwrap();
    let begun = std::time::Instant::now();
    client.send(ANNA, "msg_1").await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn a_malformed_sender_is_refused() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let sender = json!({
        "phone_number_id": "100000000000002", "display_phone_number": "5550001002",
        "waba_id": "200000000000001", "account_id": "acct_demo",
    });
    let (status, answer) = client.post("/_sim/senders", &sender).await.unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("display_phone_number")
    );
}
