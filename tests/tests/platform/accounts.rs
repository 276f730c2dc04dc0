//! Accounts once they are set up: their numbers, senders and bots, and how they are disabled and deleted.

use crate::access::{ask, give};
use crate::id_of;
use crate::setup::{NUMBER, PERSON, message, new_account, put, set_up};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ADMIN_KEY, Desk, eventually, read};

const SECOND_NUMBER: &str = "100000000000003";

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_sends_nothing_and_takes_what_comes_in() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let disable = async |disabled: bool| {
        let body = json!({"disabled": disabled});
        let answer = give(&desk, ADMIN_KEY, Method::PATCH, &account, &body).await;
        answer.with(200)["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(disable(true).await, "disabled");
    desk.send(&message()).await.problem(409, "sender_paused");
    let resume = format!("/v1/senders/{NUMBER}/resume");
    let resumed = desk.post(&resume, &Value::Null).await;
    resumed.problem(409, "account_not_active");
    let wamid = desk
        .inbound(&json!({"from": PERSON, "to": NUMBER, "text": "Anybody there?"}))
        .await;
    let look = async || {
        let all = desk.all("/v1/messages").await;
        all.into_iter()
            .find(|it| it["provider_id"] == wamid.as_str())
    };
    eventually("the message to come in", look).await;
    assert_eq!(disable(false).await, "active");
    assert_eq!(desk.send(&message()).await.with(200)["state"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_leaves_its_number_to_the_next() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let delete = async || ask(&desk, ADMIN_KEY, Method::DELETE, &account).await;
    delete().await.problem(409, "account_enabled");
    let disable = json!({"disabled": true});
    give(&desk, ADMIN_KEY, Method::PATCH, &account, &disable)
        .await
        .with(200);
    assert_eq!(delete().await.status, 204);
    delete().await.problem(404, "not_found");
    desk.get(&format!("/v1/senders/{NUMBER}"))
        .await
        .problem(404, "not_found");
    let next = set_up(&desk).await;
    assert_ne!(next, account);
    assert_eq!(desk.send(&message()).await.with(200)["state"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_verified_registered_and_made_a_sender() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let number = format!("{account}/phone-numbers/{SECOND_NUMBER}");
    let post = async |what: &str, body: &Value| desk.post(&format!("{number}/{what}"), body).await;
    let pin = json!({"pin": "246810"});
    assert_eq!(post("register", &pin).await.status, 422);
    let method = json!({"method": "sms"});
    assert_eq!(post("request-code", &method).await.status, 204);
    let wrong = post("verify-code", &json!({"code": "000000"})).await;
    assert_eq!(wrong.status, 422);
    let codes = format!(
        "{}/_sim/codes?phone_number_id={SECOND_NUMBER}",
        desk.simulator_url()
    );
    let codes = read(desk.http().get(codes)).await.with(200);
    let code = codes["data"][0]["code"].as_str().unwrap().to_owned();
    let verified = post("verify-code", &json!({"code": code})).await;
    assert_eq!(verified.status, 204, "{}", verified.text);
    assert_eq!(post("register", &pin).await.status, 204);
    let shown = desk.get(&number).await.with(200);
    assert_eq!(shown["code_verification_status"], "VERIFIED");
    assert_eq!(shown["is_sender"], false);
    let id = account.rsplit('/').next().unwrap();
    let sender = json!({"account_id": id, "phone_number_id": SECOND_NUMBER});
    let made = desk.post("/v1/senders", &sender).await.with(201);
    assert_eq!(made["state"], "active");
    let from_it =
        json!({"from": SECOND_NUMBER, "to": PERSON, "type": "text", "text": {"body": "Hi"}});
    assert_eq!(desk.send(&from_it).await.with(200)["state"], "accepted");
    let trail = desk.get("/v1/audit").await;
    for secret in [code.as_str(), "246810"] {
        assert!(!trail.text.contains(secret), "{}", trail.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_says_and_knows_what_it_was_told() {
    let desk = Desk::start().await;
    let account = new_account(&desk).await;
    let bot = format!("{account}/setup/bot");
    let away = json!({
        "message": "Back tomorrow", "time_zone": "Europe/Berlin",
        "open": [{"day": "monday", "from": "09:00:00", "to": "17:30:00"}],
    });
    let told = json!({"auto_reply": true, "greeting": "Hello", "away": away});
    assert_eq!(put(&desk, &bot, &told).await.with(200), told);
    assert_eq!(desk.get(&bot).await.with(200), told);
    let mut wrong = told.clone();
    wrong["away"]["time_zone"] = "Europe/Atlantis".into();
    wrong["away"]["open"][0]["to"] = "08:00".into();
    let faults = put(&desk, &bot, &wrong).await.faults();
    assert_eq!(faults, ["/away/open/0/to", "/away/time_zone"]);
    let knowledge = format!("{account}/knowledge");
    let islands = json!({"question": "Do you ship to islands?", "answer": "We do."});
    let made = desk.post(&knowledge, &islands).await.with(201);
    let entry = format!("{knowledge}/{}", id_of(&made));
    let slowly = json!({"question": "Do you ship to islands?", "answer": "Within a week."});
    put(&desk, &entry, &slowly).await.with(200);
    let known = desk.all(&knowledge).await;
    assert_eq!(known.len(), 1);
    assert_eq!(known[0]["answer"], "Within a week.");
    let gone = ask(&desk, ADMIN_KEY, Method::DELETE, &entry).await;
    assert_eq!(gone.status, 204);
    assert_eq!(desk.all(&knowledge).await, [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_told_twice_with_one_key_knows_it_once() {
    let desk = Desk::start().await;
    let knowledge = format!("{}/knowledge", new_account(&desk).await);
    let islands = json!({"question": "Do you ship to islands?", "answer": "We do."});
    let tell = || desk.post_with(&knowledge, &islands, ("idempotency-key", "islands"));
    let made = tell().await.with(201);
    let again = tell().await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.with(201), made);
    let other = json!({"question": "Do you ship abroad?", "answer": "We do."});
    let other = desk.post_with(&knowledge, &other, ("idempotency-key", "islands"));
    other.await.problem(422, "idempotency_mismatch");
    assert_eq!(desk.all(&knowledge).await.len(), 1);
    // The key is of this account's knowledge alone.
    let elsewhere = format!("{}/knowledge", new_account(&desk).await);
    let answer = desk.post_with(&elsewhere, &islands, ("idempotency-key", "islands"));
    assert_ne!(id_of(&answer.await.with(201)), id_of(&made));
    // Eight at once are one.
    let tell = || desk.post_with(&elsewhere, &islands, ("idempotency-key", "at-once"));
    for answer in join_all((0..8).map(|_| tell())).await {
        assert!(matches!(answer.status, 201 | 409), "{answer:?}");
    }
    assert_eq!(desk.all(&elsewhere).await.len(), 2);
    // What is forgotten stays so.
    let entry = format!("{knowledge}/{}", id_of(&made));
    assert_eq!(
        ask(&desk, ADMIN_KEY, Method::DELETE, &entry).await.status,
        204
    );
    let tell = || desk.post_with(&knowledge, &islands, ("idempotency-key", "islands"));
    tell().await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_is_changed_and_deleted() {
    let desk = Desk::start().await;
    set_up(&desk).await;
    let path = format!("/v1/senders/{NUMBER}");
    let slower = json!({"messages_per_second": 20, "window": "enforce", "calls_per_second": 5});
    let changed = give(&desk, ADMIN_KEY, Method::PATCH, &path, &slower).await;
    let changed = changed.with(200);
    assert_eq!(
        (&changed["messages_per_second"], &changed["window"]),
        (&json!(20), &json!("enforce"))
    );
    let cleared = json!({"calls_per_second": null});
    let cleared = give(&desk, ADMIN_KEY, Method::PATCH, &path, &cleared).await;
    assert!(cleared.with(200).get("calls_per_second").is_none());
    let gone = ask(&desk, ADMIN_KEY, Method::DELETE, &path).await;
    assert_eq!(gone.status, 204);
    desk.get(&path).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_is_deleted_once_however_often_it_is_asked() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let limits = json!({"limits": {"senders": 5}});
    give(
        &desk,
        tests::OPERATOR_KEY,
        Method::PATCH,
        "/v1/tenants/demo",
        &limits,
    )
    .await
    .with(200);
    let path = format!("/v1/senders/{NUMBER}");
    let delete = (0..12).map(|_| ask(&desk, ADMIN_KEY, Method::DELETE, &path));
    let answers = futures_util::future::join_all(delete).await;
    let gone = answers.iter().filter(|it| it.status == 204).count();
    assert_eq!(gone, 1, "{answers:?}");
    let setup = desk.get(&format!("{account}/setup")).await.with(200);
    assert_eq!(setup["steps"][1]["state"], "open", "{setup}");
    let id = account.rsplit('/').next().unwrap();
    let make = async |number: &str| {
        let sender = json!({"account_id": id, "phone_number_id": number});
        desk.post("/v1/senders", &sender).await
    };
    make(NUMBER).await.with(201);
    // The demo's own four and this one: the places are taken, and none was given back twice.
    make(SECOND_NUMBER)
        .await
        .problem(403, "sender_limit_reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_scheduled_from_a_deleted_account_ends_with_a_reason() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let mut later = message();
    later["send_at"] = tests::in_seconds(4).to_string().into();
    let id = id_of(&desk.send(&later).await.with(202));
    let disable = json!({"disabled": true});
    give(&desk, ADMIN_KEY, Method::PATCH, &account, &disable)
        .await
        .with(200);
    let gone = ask(&desk, ADMIN_KEY, Method::DELETE, &account).await;
    assert_eq!(gone.status, 204);
    let failed = desk.message_once(&id, "failed").await;
    assert!(
        failed["error"]["provider"]["remedy"].is_string(),
        "{failed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_accounts_can_be_deleted_and_their_numbers_put_in_anew() {
    let desk = Desk::start().await;
    for (provider, number, key) in [
        ("notifapi", "+15550003000", "demo-notifapi-key"),
        ("fonnte", "+15550002000", "demo-fonnte-token"),
        ("mock", "+15550004000", "demo-mock-key"),
        ("meta", "", ""),
    ] {
        let demo = match provider {
            "meta" => tests::ACCOUNT.to_owned(),
            gateway => format!("acct_demo-{gateway}"),
        };
        let path = format!("/v1/accounts/{demo}");
        let disable = desk.with_key(ADMIN_KEY, Method::PATCH, &path);
        read(disable.json(&json!({"disabled": true})))
            .await
            .with(200);
        let deleted = read(desk.with_key(ADMIN_KEY, Method::DELETE, &path)).await;
        assert!(
            [200, 204].contains(&deleted.status),
            "{provider}: {deleted:?}"
        );
        if provider == "meta" {
            continue;
        }
        let account = json!({"name": "Anew", "provider": provider});
        let made = desk.post("/v1/accounts", &account).await.with(201);
        let path = format!("/v1/accounts/{}/keys/main", made["id"].as_str().unwrap());
        let put = desk.with_key(ADMIN_KEY, Method::PUT, &path);
        let put = read(put.json(&json!({"key": key, "number": number}))).await;
        assert_eq!(
            put.with(200)["sender_id"],
            format!("{provider}-{}", &number[1..])
        );
    }
    assert_eq!(desk.all("/v1/senders").await.len(), 3);
}
