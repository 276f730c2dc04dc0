//! AWS on its bad days: whoever calls is told to come again, nothing is lost, and all goes on when the day is over.

use crate::id_of;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Desk, Emulators, recipients, text};

/// How a service fails: before it did anything, or after it did it all.
const WAYS: [&str; 4] = ["throttled", "http_500", "http_503", "http_500_when_done"];

/// For a job that has to be found again by the clock.
const PATIENCE: Duration = Duration::from_mins(4);

#[track_caller]
fn come_again(answer: &Answer) {
    answer.problem(503, "unavailable");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}

/// Asks until nobody answers that it is still under way.
async fn repeated(desk: &Desk, body: &Value, key: &str) -> Value {
    let look = async || {
        let header = ("idempotency-key", key);
        let answer = desk.post_with("/v1/messages", body, header).await;
        match answer.status {
            200 | 202 => Some(answer.json()),
            409 => None,
            _ => panic!("{answer:?}"),
        }
    };
    tests::eventually("the repeated request to be answered", look).await
}

/// A call of Meta's: a text of this person's.
fn call(wamid: &str) -> Vec<u8> {
    let message = json!({"from": "15550021001", "id": wamid, "timestamp": "1795000000", "type": "text",
        "text": {"body": "Hello"}});
    let value = json!({"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001000", "phone_number_id": tests::SENDER},
        "contacts": [{"profile": {"name": "Anna"}, "wa_id": "15550021001"}], "messages": [message]});
    let call = json!({"object": "whatsapp_business_account",
        "entry": [{"id": tests::WABA, "changes": [{"field": "messages", "value": value}]}]});
    call.to_string().into_bytes()
}

/// What this person wrote, once it is there.
async fn heard(desk: &Desk, wamid: &str) {
    let look = async || {
        let messages = desk.all("/v1/messages").await;
        let of_it = messages.iter().filter(|it| it["provider_id"] == wamid);
        let count = of_it.count();
        assert!(count <= 1, "{wamid} is there {count} times");
        (count == 1).then_some(())
    };
    tests::eventually("what a person wrote to be there", look).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_database_out_callers_are_told_to_come_again_and_a_repeat_sends_once() {
    let emulators = Emulators::start().await;
    let desk = emulators.functions().await;
    for (place, way) in WAYS.into_iter().enumerate() {
        let body = text(&format!("+155500220{place:02}"), "Hello");
        let header = ("idempotency-key", way);
        desk.aws_fault(&json!({"service": "dynamodb", "fault": way}))
            .await;
        come_again(&desk.post_with("/v1/messages", &body, header).await);
        come_again(&desk.get("/v1/messages").await);
        assert!(desk.end_aws_faults().await > 0);
        let message = repeated(&desk, &body, way).await;
        desk.message_once(&id_of(&message), "read").await;
    }
    let stats = desk.stats().await;
    assert_eq!(
        (&stats["accepted"], &stats["duplicates"]),
        (&json!(4), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_writes_out_nobody_is_called_and_a_repeat_sends_once() {
    let emulators = Emulators::start().await;
    let desk = emulators.functions().await;
    let mut sent = 0;
    for operation in ["TransactWriteItems", "UpdateItem"] {
        for way in WAYS {
            sent += 1;
            let key = format!("{operation}-{way}");
            let body = text(&format!("+155500221{sent:02}"), "Hello");
            let header = ("idempotency-key", key.as_str());
            let fault = json!({"service": "dynamodb", "operation": operation, "fault": way});
            desk.aws_fault(&fault).await;
            let answer = desk.post_with("/v1/messages", &body, header).await;
            desk.end_aws_faults().await;
            // What is written down is taken in, and goes by itself: nobody is told to come again for that.
            match answer.status {
                200 | 202 => {}
                _ => come_again(&answer),
            }
            let message = repeated(&desk, &body, &key).await;
            desk.message_once(&id_of(&message), "read").await;
        }
    }
    let stats = desk.stats().await;
    assert_eq!(
        (&stats["accepted"], &stats["duplicates"]),
        (&json!(sent), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_database_out_a_webhook_is_brought_again_and_nothing_is_lost() {
    let emulators = Emulators::start().await;
    emulators.functions().await.stop().await;
    let desk = emulators.cold_functions().await;
    for way in ["throttled", "http_500", "http_503"] {
        desk.aws_fault(&json!({"service": "dynamodb", "operation": "GetItem", "fault": way}))
            .await;
        come_again(&desk.webhook(&call("wamid.database")).await);
        desk.end_aws_faults().await;
    }
    assert_eq!(desk.webhook(&call("wamid.database")).await.status, 200);
    heard(&desk, "wamid.database").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_queues_out_a_webhook_is_brought_again_and_nothing_comes_twice() {
    let desk = Desk::start().await;
    for way in WAYS {
        let wamid = format!("wamid.{way}");
        let fault = json!({"service": "sqs", "operation": "SendMessageBatch", "fault": way});
        desk.aws_fault(&fault).await;
        come_again(&desk.webhook(&call(&wamid)).await);
        assert!(desk.end_aws_faults().await > 0);
        assert_eq!(desk.webhook(&call(&wamid)).await.status, 200);
        heard(&desk, &wamid).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_queues_out_a_message_that_waits_for_nobody_is_kept_and_goes_by_itself() {
    let desk = Desk::start().await;
    desk.aws_fault(
        &json!({"service": "sqs", "operation": "SendMessageBatch", "fault": "http_503"}),
    )
    .await;
    let body = text("+15550022201", "Hello");
    let waited_for = desk.send(&body).await.with(200);
    let later = text("+15550022202", "Hello");
    let answer = desk
        .post_with("/v1/messages", &later, ("prefer", "respond-async"))
        .await;
    let kept = id_of(&answer.with(202));
    desk.end_aws_faults().await;
    for id in [kept, id_of(&waited_for)] {
        desk.message_once(&id, "read").await;
    }
    let stats = desk.stats().await;
    assert_eq!(
        (&stats["accepted"], &stats["duplicates"]),
        (&json!(2), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_queues_out_a_job_stands_still_and_goes_on_by_itself() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello").await;
    desk.add(&job, &recipients(120)).await.with(200);
    desk.aws_fault(
        &json!({"service": "sqs", "operation": "SendMessageBatch", "fault": "http_500"}),
    )
    .await;
    desk.start_job(&job).await.with(202);
    let refused = async || {
        let url = format!("{}/_aws/faults", desk.aws_url());
        let faults = tests::read(desk.http().get(url)).await.with(200);
        (faults["data"][0]["applied"].as_u64() >= Some(6)).then_some(())
    };
    tests::eventually("the queue to refuse more than one call", refused).await;
    desk.end_aws_faults().await;
    desk.job_once_all_are(&job, &["accepted", "sent", "delivered", "read"], PATIENCE)
        .await;
    let stats = desk.stats().await;
    assert_eq!(
        (&stats["accepted"], &stats["duplicates"]),
        (&json!(120), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_ends_though_one_call_in_five_of_the_database_fails() {
    let emulators = Emulators::start().await;
    let desk = emulators.functions().await;
    let job = desk.make_job("Hello").await;
    desk.add(&job, &recipients(120)).await.with(200);
    desk.start_job(&job).await.with(202);
    for way in ["throttled", "http_500", "http_500_when_done"] {
        desk.aws_fault(&json!({"service": "dynamodb", "fault": way, "share": 0.07}))
            .await;
    }
    let url = format!("{}/_sim/stats", desk.simulator_url());
    let look = async || {
        let stats = tests::read(desk.http().get(&url)).await.with(200);
        (stats["accepted"].as_u64() >= Some(60)).then_some(())
    };
    tests::eventually("half of the job to be sent", look).await;
    assert!(desk.end_aws_faults().await > 0);
    let known = ["accepted", "sent", "delivered", "read", "unknown"];
    desk.job_once_all_are(&job, &known, PATIENCE).await;
    let stats = desk.stats().await;
    assert_eq!(stats["duplicates"], 0, "{stats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_secrets_out_warm_functions_go_on_and_cold_ones_recover_by_themselves() {
    let emulators = Emulators::start().await;
    let desk = emulators.functions().await;
    let body = text("+15550022301", "Hello");
    desk.send(&body).await.with(200);
    assert_eq!(desk.webhook(&call("wamid.before")).await.status, 200);
    for way in ["throttled", "http_500", "http_503"] {
        desk.aws_fault(&json!({"service": "secretsmanager", "fault": way}))
            .await;
        desk.send(&body).await.with(200);
        let wamid = format!("wamid.{way}");
        assert_eq!(desk.webhook(&call(&wamid)).await.status, 200);
        desk.end_aws_faults().await;
    }
    // Before there are cold ones: a status of what was sent above would warm them.
    desk.aws_fault(&json!({
        "service": "secretsmanager", "operation": "GetSecretValue", "fault": "http_503",
    }))
    .await;
    desk.stop().await;
    let desk = emulators.cold_functions().await;
    let body = text("+15550022302", "Hello");
    let header = ("idempotency-key", "cold");
    let kept = desk
        .post_with("/v1/messages", &body, header)
        .await
        .with(202);
    come_again(&desk.webhook(&call("wamid.cold")).await);
    assert!(desk.end_aws_faults().await > 0);
    desk.message_once(&id_of(&kept), "read").await;
    assert_eq!(desk.webhook(&call("wamid.cold")).await.status, 200);
    heard(&desk, "wamid.cold").await;
    assert_eq!(desk.stats().await["duplicates"], 0);
}
