//! Routes: the next sender takes over where one fails, and nothing is sent twice for it.

use serde_json::{Value, json};
use std::time::Duration;
use tests::neighbour::pace;
use tests::{ADMIN_KEY, Desk, SENDER, eventually, recipients, text};

const FONNTE: &str = "fonnte-15550002000";
const MOCK: &str = "mock-15550004000";
const NOTIFAPI: &str = "notifapi-15550003000";

/// A route over these senders, whose numbers differ.
async fn route(desk: &Desk, senders: &[&str], policy: &Value) -> String {
    let mut body = json!({"name": "Offers", "senders": senders, "other_number": true});
    let policy = policy.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(policy);
    let made = desk.post("/v1/routes", &body).await.with(201);
    made["id"].as_str().unwrap().to_owned()
}

fn over(route: &str, to: &str) -> Value {
    let mut message = text(to, "Hello");
    message["from"] = route.into();
    message
}

async fn attempts(desk: &Desk, message: &Value) -> Vec<Value> {
    let path = format!("/v1/messages/{}/attempts", message["id"].as_str().unwrap());
    let attempts = desk.get(&path).await.with(200);
    attempts["data"].as_array().unwrap().clone()
}

async fn quicken(desk: &Desk, sender: &str) {
    let path = format!("/v1/senders/{sender}");
    let fast = json!({"messages_per_second": 80});
    let request = desk.with_key(ADMIN_KEY, "PATCH".parse().unwrap(), &path);
    tests::read(request.json(&fast)).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_sender_takes_over_at_once_and_the_attempts_tell_why() {
    let desk = Desk::start().await;
    let route = route(&desk, &[SENDER, FONNTE, MOCK], &json!({})).await;
    desk.fault(&json!({"fault": "error:131016", "times": 1}))
        .await;
    desk.fault(&json!({"provider": "fonnte", "fault": "error:token invalid", "times": 1}))
        .await;
    let to = "+15550061001";
    let sent = desk.send(&over(&route, to)).await.with(200);
    assert_eq!(
        (&sent["from"], &sent["route_id"]),
        (&json!(MOCK), &json!(route))
    );
    assert_eq!(desk.accepted(Some(to)).await.len(), 1);
    let attempts = attempts(&desk, &sent).await;
    let told: Vec<_> = attempts
        .iter()
        .map(|it| {
            (
                &it["sender_id"],
                &it["provider"]["class"],
                &it["decision"]["then"],
            )
        })
        .collect();
    let (over, none) = (json!("fail_over"), Value::Null);
    assert_eq!(
        told,
        [
            (&json!(SENDER), &json!("transient"), &over),
            (&json!(FONNTE), &json!("credential"), &over),
            (&json!(MOCK), &none, &none),
        ]
    );
    assert_eq!(attempts[0]["decision"]["sender"], FONNTE, "{attempts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_the_outcome_of_is_held_and_no_other_sender_gets_it() {
    let desk = Desk::start().await;
    let held = route(&desk, &[SENDER, MOCK], &json!({})).await;
    let retried = route(&desk, &[SENDER, MOCK], &json!({"on_unknown": "retry"})).await;
    desk.fault(&json!({"fault": "reset_connection", "times": 2}))
        .await;
    let sent = desk.send(&over(&held, "+15550061011")).await.with(202);
    assert_eq!(
        (&sent["state"], &sent["from"]),
        (&json!("unknown"), &json!(SENDER))
    );
    let told = attempts(&desk, &sent).await;
    assert_eq!(told[0]["decision"]["then"], "hold", "{told:?}");
    let sent = desk.send(&over(&retried, "+15550061012")).await.with(200);
    assert_eq!(
        (&sent["state"], &sent["from"]),
        (&json!("accepted"), &json!(MOCK))
    );
    assert_eq!(sent["on_unknown"], "retry");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_no_other_number_unless_the_route_allows_it() {
    let desk = Desk::start().await;
    let policy = json!({"other_number": false, "try_for_s": 60});
    let kept = route(&desk, &[SENDER, MOCK], &policy).await;
    let shown = desk.get(&format!("/v1/routes/{kept}")).await.with(200);
    assert!(
        shown["warnings"][0]
            .as_str()
            .unwrap()
            .contains("other_number")
    );
    desk.fault(&json!({"fault": "error:131016", "times": 1}))
        .await;
    let sent = desk.send(&over(&kept, "+15550061021")).await.with(202);
    let told = attempts(&desk, &sent).await;
    assert_eq!(told[0]["decision"]["then"], "try_again");
    let why = told[0]["decision"]["why"].as_str().unwrap();
    assert!(why.contains("other_number"), "{why}");
    let sent = desk
        .message_once(sent["id"].as_str().unwrap(), "read")
        .await;
    assert_eq!(sent["from"], SENDER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_paused_is_passed_over_without_a_call() {
    let desk = Desk::start().await;
    let route = route(&desk, &[SENDER, MOCK], &json!({})).await;
    desk.fault(&json!({"fault": "error:190", "times": 2})).await;
    let first = desk.send(&over(&route, "+15550061031")).await.with(200);
    assert_eq!(first["from"], MOCK);
    assert!(pace(&desk).await.paused.is_some());
    let second = desk.send(&over(&route, "+15550061032")).await.with(200);
    let told = attempts(&desk, &second).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let passed = json!([{"sender": SENDER, "why": "paused"}]);
    assert_eq!(told[0]["passed"], passed);
    let alone = desk.send(&text("+15550061033", "Hello")).await;
    alone.problem(409, "sender_paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sender_has_no_way_to_send_goes_by_the_others() {
    let desk = Desk::start().await;
    let route = route(&desk, &[FONNTE, NOTIFAPI, SENDER], &json!({})).await;
    let mut order = json!({"to": "+15550061041", "type": "interactive", "from": route});
    order["interactive"] = json!({"type": "button", "body": {"text": "Which?"}, "action": {"buttons": [
        {"type": "reply", "reply": {"id": "a", "title": "This"}}]}});
    let sent = desk.send(&order).await.with(200);
    assert_eq!(sent["from"], SENDER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_over_a_route_reaches_everybody_once_while_its_first_sender_fails_half_of_the_time() {
    let desk = Desk::start().await;
    quicken(&desk, MOCK).await;
    let route = route(&desk, &[SENDER, MOCK], &json!({})).await;
    desk.fault(&json!({"fault": "error:131016", "share": 0.5}))
        .await;
    let job = job_over(&desk, &route).await;
    desk.add(&job, &recipients(200)).await.with(200);
    desk.start_job(&job).await.with(202);
    let done = desk.job_once_all_are(&job, &TAKEN, PATIENCE).await;
    assert_eq!(done["counts"]["total"], 200);
    let stats = desk.stats().await;
    assert_eq!(
        (
            &stats["accepted"],
            &stats["distinct_recipients"],
            &stats["duplicates"]
        ),
        (&json!(200), &json!(200), &json!(0)),
        "{stats}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_goes_on_from_the_next_sender_when_the_first_one_is_stopped_in_its_middle() {
    let desk = Desk::start().await;
    quicken(&desk, MOCK).await;
    let route = route(&desk, &[SENDER, MOCK], &json!({})).await;
    let job = job_over(&desk, &route).await;
    desk.add(&job, &recipients(300)).await.with(200);
    desk.start_job(&job).await.with(202);
    let begun = async || {
        let counts = desk.job(&job).await["counts"].clone();
        (counts["queued"].as_u64().unwrap() < 250).then_some(())
    };
    eventually("a sixth to be sent", begun).await;
    desk.fault(&json!({"provider": "meta", "fault": "error:190"}))
        .await;
    let done = desk.job_once_all_are(&job, &TAKEN, PATIENCE).await;
    assert_eq!(done["counts"]["total"], 300);
    let stats = desk.stats().await;
    assert_eq!(
        (&stats["accepted"], &stats["duplicates"]),
        (&json!(300), &json!(0)),
        "{stats}"
    );
    assert!(pace(&desk).await.paused.is_some());
}

const TAKEN: [&str; 4] = ["accepted", "sent", "delivered", "read"];

const PATIENCE: Duration = Duration::from_mins(4);

async fn job_over(desk: &Desk, route: &str) -> String {
    let body = json!({"name": "test", "from": route, "type": "text", "text": {"body": "Hello"}});
    let job = desk.post("/v1/bulk-jobs", &body).await.with(201);
    assert_eq!(job["route_id"], route);
    job["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_is_made_once_replaced_and_taken_away() {
    let desk = Desk::start().await;
    let body = json!({"name": "Offers", "senders": [SENDER, FONNTE]});
    let header = ("Idempotency-Key", "the-route");
    let made = desk.post_with("/v1/routes", &body, header).await.with(201);
    let again = desk.post_with("/v1/routes", &body, header).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.with(201)["id"], made["id"]);
    assert_eq!(made["fail_over_on"], json!(["transient", "credential"]));
    assert_eq!(
        (&made["on_unknown"], &made["other_number"]),
        (&json!("hold"), &json!(false))
    );
    let path = format!("/v1/routes/{}", made["id"].as_str().unwrap());
    let next = json!({"name": "Codes", "senders": [MOCK], "fail_over_on": ["throttled"], "on_unknown": "retry"});
    let put = desk.with_key(ADMIN_KEY, "PUT".parse().unwrap(), &path);
    let changed = tests::read(put.json(&next)).await.with(200);
    assert_eq!(changed["senders"][0]["number"], "+15550004000");
    assert!(desk.all("/v1/routes").await.contains(&changed));
    let delete = desk.with_key(ADMIN_KEY, "DELETE".parse().unwrap(), &path);
    assert_eq!(tests::read(delete).await.status, 204);
    desk.get(&path).await.problem(404, "not_found");
    let refused = desk
        .send(&over(made["id"].as_str().unwrap(), "+15550061061"))
        .await;
    assert_eq!(refused.faults(), ["/from"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_route_is_told_at_once() {
    let desk = Desk::start().await;
    let bad = json!({"senders": [SENDER, "nobody", SENDER], "fail_over_on": ["ambiguous"], "on_unknown": "wait",
        "other_number": "yes", "try_for_s": 1, "extra": 1});
    let mut faults = desk.post("/v1/routes", &bad).await.faults();
    faults.sort();
    assert_eq!(
        faults,
        [
            "/extra",
            "/fail_over_on/0",
            "/name",
            "/on_unknown",
            "/other_number",
            "/senders/1",
            "/senders/2",
            "/try_for_s"
        ]
    );
    let stranger = json!({"name": "Offers", "senders": [SENDER, "999999999999999"]});
    assert_eq!(
        desk.post("/v1/routes", &stranger).await.faults(),
        ["/senders/1"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_comes_with_the_configuration_under_its_own_id() {
    let desk = Desk::start().await;
    let id = route(&desk, &[SENDER, MOCK], &json!({"on_unknown": "retry"})).await;
    let path = format!("/v1/routes/{id}");
    let before = desk.get(&path).await.with(200);
    let exported = desk.all("/v1/configuration").await;
    let entry = exported.iter().find(|it| it["id"] == id.as_str()).unwrap();
    assert_eq!(entry["kind"], "route");
    let taken_away = desk.with_key(ADMIN_KEY, "DELETE".parse().unwrap(), &path);
    assert_eq!(tests::read(taken_away).await.status, 204);
    for expected in ["made", "unchanged"] {
        let page = json!({"data": [entry]});
        let came = desk.post("/v1/configuration", &page).await.with(200);
        assert_eq!(came["data"][0]["status"], expected, "{came}");
    }
    let mut after = desk.get(&path).await.with(200);
    after["changed_at"] = before["changed_at"].clone();
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_no_sender_of_its_route_can_send_is_refused_and_one_that_another_can_is_sent() {
    let desk = Desk::start().await;
    let gateways = route(&desk, &[FONNTE, NOTIFAPI], &json!({})).await;
    let job = json!({"name": "test", "from": gateways, "type": "interactive", "interactive": {
        "type": "button", "body": {"text": "Which?"},
        "action": {"buttons": [{"type": "reply", "reply": {"id": "a", "title": "This"}}]}}});
    let refused = desk.post("/v1/bulk-jobs", &job).await;
    assert_eq!(refused.faults(), ["/type"]);
    let mixed = route(&desk, &[FONNTE, SENDER], &json!({})).await;
    let mut job = job;
    job["from"] = mixed.into();
    let made = desk.post("/v1/bulk-jobs", &job).await.with(201);
    let job = made["id"].as_str().unwrap();
    desk.add(job, &recipients(3)).await.with(200);
    desk.start_job(job).await.with(202);
    desk.job_once_all_are(job, &TAKEN, PATIENCE).await;
    let told = desk.stats().await;
    assert_eq!(told["accepted_by"]["meta"], 3, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_waits_longer_each_time_while_the_other_sender_is_not_ready() {
    let desk = Desk::start().await;
    let route = route(&desk, &[SENDER, MOCK], &json!({})).await;
    desk.fault(&json!({"fault": "error:190", "times": 1})).await;
    desk.send(&over(&route, "+15550061071")).await.with(200);
    assert!(pace(&desk).await.paused.is_some());
    let failing =
        json!({"provider": "mock", "fault": "error:transient", "to": "+15550061072", "times": 9});
    desk.fault(&failing).await;
    let sent = desk.send(&over(&route, "+15550061072")).await.with(202);
    let told = attempts(&desk, &sent).await;
    assert!((2..=3).contains(&told.len()), "{told:?}");
    assert_eq!(sent["state"], "queued");
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_are_listed_by_their_ids_the_last_first_and_named_in_one_line() {
    let desk = Desk::start().await;
    let first = route(&desk, &[SENDER], &json!({})).await;
    let second = route(&desk, &[MOCK], &json!({})).await;
    let listed = desk.all("/v1/routes").await;
    let ids: Vec<_> = listed.iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, ["route_demo", &second, &first]);
    for name in ["two\nlines", "a\u{202e}turn", " "] {
        let body = json!({"name": name, "senders": [SENDER]});
        let refused = desk.post("/v1/routes", &body).await;
        assert_eq!(refused.faults(), ["/name"], "{name:?}");
    }
}
