//! Accounts: set up in six steps against Meta, from nothing to a first message.

use crate::access::{ask, give, text_of};
use crate::id_of;
use crate::neighbour::{Key, Neighbour};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ADMIN_KEY, Answer, Desk, OPERATOR_KEY, eventually, read};

pub(crate) const WABA: &str = "200000000000002";
pub(crate) const APP: &str = "400000000000002";
const APP_SECRET: &str = "playground-app-secret";
pub(crate) const TOKEN: &str = "playground-access-token";
pub(crate) const NUMBER: &str = "100000000000002";
const SECOND_NUMBER: &str = "100000000000003";

/// A person who writes to the new number.
pub(crate) const PERSON: &str = "+15550009001";

pub(crate) async fn put(desk: &Desk, path: &str, body: &Value) -> Answer {
    give(desk, ADMIN_KEY, Method::PUT, path, body).await
}

/// A new account of the demo tenant's: its path.
async fn new_account(desk: &Desk) -> String {
    let made = desk.post("/v1/accounts", &json!({"name": "Shop"})).await;
    format!("/v1/accounts/{}", id_of(&made.with(201)))
}

fn business() -> Value {
    json!({"waba_id": WABA, "app_id": APP, "app_secret": APP_SECRET})
}

/// The first three steps.
async fn connect(desk: &Desk, account: &str) -> Value {
    let step = |name: &str| format!("{account}/setup/{name}");
    put(desk, &step("business"), &business()).await.with(200);
    let number = json!({"phone_number_id": NUMBER});
    put(desk, &step("phone-number"), &number).await.with(200);
    let token = json!({"access_token": TOKEN});
    put(desk, &step("tokens"), &token).await.with(200)
}

/// All of them, and an event of Meta's.
pub(crate) async fn set_up(desk: &Desk) -> String {
    let account = new_account(desk).await;
    connect(desk, &account).await;
    let step = |name: &str| format!("{account}/setup/{name}");
    put(desk, &step("profile"), &json!({})).await.with(200);
    let bot = json!({"auto_reply": false});
    put(desk, &step("bot"), &bot).await.with(200);
    put(desk, &step("webhook"), &Value::Null).await.with(200);
    event_comes(desk, &account).await;
    let active = desk.post(&format!("{account}/activate"), &json!({})).await;
    assert_eq!(active.with(200)["status"], "active");
    account
}

/// Somebody writes to the number, and the set-up shows it.
async fn event_comes(desk: &Desk, account: &str) {
    desk.inbound(&json!({"from": PERSON, "to": NUMBER, "text": "Hello"}))
        .await;
    let look = async || {
        let setup = desk.get(&format!("{account}/setup")).await.with(200);
        setup.get("last_event_at").cloned()
    };
    eventually("the event to be seen", look).await;
}

pub(crate) fn message() -> Value {
    json!({"from": NUMBER, "to": PERSON, "type": "text", "text": {"body": "Hello back"}})
}

fn states(setup: &Value) -> Vec<&str> {
    let steps = setup["steps"].as_array().unwrap().iter();
    steps.map(|it| it["state"].as_str().unwrap()).collect()
}

/// What a refusal by Meta names: its field and what is said of it.
fn refused(answer: &Answer) -> (String, String) {
    let problem = answer.problem(422, "refused_by_provider");
    let fault = &problem["errors"][0];
    let text = |name: &str| fault[name].as_str().unwrap().to_owned();
    (text("pointer"), text("detail"))
}

#[tokio::test(flavor = "multi_thread")]
async fn six_steps_lead_from_nothing_to_a_first_message() {
    let desk = Desk::start().await;
    let acme = json!({"id": "acme", "name": "Acme"});
    give(&desk, OPERATOR_KEY, Method::POST, "/v1/tenants", &acme)
        .await
        .with(201);
    let keys = "/v1/tenants/acme/api-keys";
    let admin = json!({"name": "Admin", "role": "admin"});
    let admin = give(&desk, OPERATOR_KEY, Method::POST, keys, &admin)
        .await
        .with(201);
    let key = text_of(&admin).to_owned();
    let account = give(
        &desk,
        &key,
        Method::POST,
        "/v1/accounts",
        &json!({"name": "Shop"}),
    )
    .await;
    let account = format!("/v1/accounts/{}", id_of(&account.with(201)));
    let step = |name: &str| format!("{account}/setup/{name}");
    let steps = [
        ("business", business()),
        ("phone-number", json!({"phone_number_id": NUMBER})),
        ("tokens", json!({"access_token": TOKEN})),
        ("profile", json!({"about": "Open from nine to five"})),
        ("bot", json!({"auto_reply": true, "greeting": "Hello"})),
        ("webhook", Value::Null),
    ];
    for (name, body) in steps {
        let setup = ask(&desk, &key, Method::GET, &format!("{account}/setup")).await;
        let next = setup.with(200)["next"].as_str().unwrap().to_owned();
        assert!(next.ends_with(&step(name)), "{next}");
        give(&desk, &key, Method::PUT, &step(name), &body)
            .await
            .with(200);
    }
    let setup = ask(&desk, &key, Method::GET, &format!("{account}/setup")).await;
    assert_eq!(states(&setup.with(200)), ["done"; 6]);
    let early = give(&desk, &key, Method::POST, "/v1/messages", &message()).await;
    early.problem(409, "sender_paused");
    let activate = format!("{account}/activate");
    let unseen = give(&desk, &key, Method::POST, &activate, &json!({})).await;
    unseen.problem(409, "no_event_seen");
    desk.inbound(&json!({"from": PERSON, "to": NUMBER, "text": "Hello"}))
        .await;
    let look = async || {
        let answer = give(&desk, &key, Method::POST, &activate, &json!({})).await;
        (answer.status == 200).then_some(())
    };
    eventually("the account to be active", look).await;
    let sent = give(&desk, &key, Method::POST, "/v1/messages", &message()).await;
    assert_eq!(sent.with(200)["state"], "accepted");
    assert_eq!(desk.accepted(Some(PERSON)).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_entered_before_the_token_is_checked_with_it_and_told_at_its_step() {
    let desk = Desk::start().await;
    let account = new_account(&desk).await;
    let step = |name: &str| format!("{account}/setup/{name}");
    let setup = put(&desk, &step("business"), &business()).await.with(200);
    assert_eq!(states(&setup)[..3], ["entered", "open", "open"]);
    // The number itself, without a sign of being one.
    let number = json!({"phone_number_id": "15550001002"});
    let setup = put(&desk, &step("phone-number"), &number).await.with(200);
    assert_eq!(states(&setup)[..3], ["entered", "entered", "open"]);
    desk.get(&format!("/v1/senders/{NUMBER}"))
        .await
        .problem(404, "not_found");
    let token = json!({"access_token": TOKEN});
    let setup = put(&desk, &step("tokens"), &token).await.with(200);
    assert_eq!(states(&setup)[..3], ["done", "faulty", "done"]);
    let fault = &setup["steps"][1]["fault"];
    assert!(
        fault["remedy"].as_str().unwrap().contains(NUMBER),
        "{fault}"
    );
    let again = put(&desk, &step("phone-number"), &number).await;
    assert_eq!(refused(&again).0, "/phone_number_id");
    let right = json!({"phone_number_id": NUMBER});
    let setup = put(&desk, &step("phone-number"), &right).await.with(200);
    assert_eq!(states(&setup)[..3], ["done", "done", "done"]);
    let sender = desk.get(&format!("/v1/senders/{NUMBER}")).await.with(200);
    assert_eq!(
        (&sender["state"], &sender["display_number"]),
        (&json!("paused"), &json!("+15550001002"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_waited_for_the_right_waba_is_checked_with_it() {
    let desk = Desk::start().await;
    let account = new_account(&desk).await;
    let step = |name: &str| format!("{account}/setup/{name}");
    let mut wrong = business();
    wrong["waba_id"] = "200000000000009".into();
    put(&desk, &step("business"), &wrong).await.with(200);
    let number = json!({"phone_number_id": NUMBER});
    put(&desk, &step("phone-number"), &number).await.with(200);
    let token = json!({"access_token": TOKEN});
    let setup = put(&desk, &step("tokens"), &token).await.with(200);
    assert_eq!(states(&setup)[..3], ["faulty", "entered", "done"]);
    let setup = put(&desk, &step("business"), &business()).await.with(200);
    assert_eq!(states(&setup)[..3], ["done", "done", "done"]);
    desk.get(&format!("/v1/senders/{NUMBER}")).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_meta_does_not_take_is_explained_and_nothing_of_it_is_kept() {
    let desk = Desk::start().await;
    let account = new_account(&desk).await;
    let step = |name: &str| format!("{account}/setup/{name}");
    let before = desk.get(&account).await.with(200);
    for (field, value) in [
        ("waba_id", "+1 555 000 1002"),
        ("waba_id", "my waba"),
        ("app_id", "15 5500 01002"),
        ("app_secret", "with space"),
    ] {
        let mut body = business();
        body[field] = value.into();
        let answer = put(&desk, &step("business"), &body).await;
        assert_eq!(answer.faults(), [format!("/{field}")], "{value}");
    }
    let mut wrong = business();
    wrong["app_secret"] = "some-other-secret".into();
    let answer = put(&desk, &step("business"), &wrong).await;
    assert_eq!(refused(&answer).0, "/app_secret");
    let early = json!({"access_token": TOKEN});
    let early = put(&desk, &step("tokens"), &early).await;
    early.problem(409, "no_app");
    assert_eq!(desk.get(&account).await.with(200), before);
    put(&desk, &step("business"), &business()).await.with(200);
    let before = desk.get(&account).await.with(200);
    for (token, told) in [
        ("playground-expired-token", "expired"),
        ("playground-narrow-token", "whatsapp_business_messaging"),
        ("demo-access-token", "another app"),
        ("nobody-knows-it", "does not take"),
    ] {
        let answer = put(&desk, &step("tokens"), &json!({"access_token": token})).await;
        let (field, detail) = refused(&answer);
        assert!(
            field == "/access_token" && detail.contains(told),
            "{detail}"
        );
        assert!(!answer.text.contains(token), "{}", answer.text);
    }
    assert_eq!(desk.get(&account).await.with(200), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waba_and_a_number_belong_to_one_account_of_the_installation() {
    let desk = Desk::start().await;
    Neighbour::move_in(&desk).await;
    set_up(&desk).await;
    let theirs = give(
        &desk,
        Key::Admin.text(),
        Method::POST,
        "/v1/accounts",
        &json!({"name": "Theirs"}),
    )
    .await
    .with(201);
    let theirs = format!("/v1/accounts/{}/setup", id_of(&theirs));
    let put_theirs = async |step: &str, body: &Value| {
        let path = format!("{theirs}/{step}");
        give(&desk, Key::Admin.text(), Method::PUT, &path, body).await
    };
    let taken = put_theirs("business", &business()).await;
    taken.problem(409, "waba_taken");
    assert!(!taken.text.contains("demo"), "another tenant is not named");
    let number = json!({"phone_number_id": NUMBER});
    put_theirs("phone-number", &number)
        .await
        .problem(409, "number_taken");
    let mine = new_account(&desk).await;
    put(&desk, &format!("{mine}/setup/business"), &business())
        .await
        .problem(409, "waba_taken");
}

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
async fn a_sender_that_is_made_again_is_not_held_by_what_its_account_was_before() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let sender = format!("/v1/senders/{NUMBER}");
    let disable = async |disabled: bool| {
        let body = json!({"disabled": disabled});
        give(&desk, ADMIN_KEY, Method::PATCH, &account, &body)
            .await
            .with(200);
    };
    disable(true).await;
    assert_eq!(
        ask(&desk, ADMIN_KEY, Method::DELETE, &sender).await.status,
        204
    );
    disable(false).await;
    let id = account.rsplit('/').next().unwrap();
    let again = json!({"account_id": id, "phone_number_id": NUMBER});
    let made = desk.post("/v1/senders", &again).await.with(201);
    assert_eq!(made["state"], "active");
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
async fn a_test_of_the_connection_says_of_each_part_whether_it_is_well() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let test = async || {
        desk.post(&format!("{account}/test"), &Value::Null)
            .await
            .with(200)
    };
    let well = test().await;
    assert_eq!(well["ok"], true, "{well}");
    assert_eq!(well["checks"].as_array().unwrap().len(), 6);
    let token = format!("{}/_sim/tokens/{TOKEN}", desk.simulator_url());
    let revoked = desk.http().delete(token).send().await.unwrap();
    assert!(revoked.status().is_success());
    let ill = test().await;
    assert_eq!(ill["ok"], false);
    let wrong: Vec<_> = ill["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["standing"] != "well")
        .map(|it| it["check"].as_str().unwrap())
        .collect();
    assert_eq!(wrong, ["access_token", "waba"], "{ill}");
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
async fn a_sender_is_changed_and_deleted_by_its_tenant_alone() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    Neighbour::move_in(&desk).await;
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
    for (method, path) in [
        (Method::PATCH, path.as_str()),
        (Method::DELETE, &path),
        (Method::GET, &account),
        (Method::GET, &format!("{account}/setup")),
        (Method::POST, &format!("{account}/test")),
        (Method::GET, &format!("{account}/phone-numbers")),
    ] {
        let answer = give(&desk, Key::Admin.text(), method, path, &json!({})).await;
        answer.problem(404, "not_found");
    }
    let gone = ask(&desk, ADMIN_KEY, Method::DELETE, &path).await;
    assert_eq!(gone.status, 204);
    desk.get(&path).await.problem(404, "not_found");
}

/// Has Meta know another token, with the same rights.
pub(crate) async fn another_token(desk: &Desk, token: &str) {
    let order = json!({"token": token, "app_id": APP, "wabas": [WABA]});
    let url = format!("{}/_sim/tokens", desk.simulator_url());
    read(desk.http().post(url).json(&order)).await.with(201);
}

/// What an account shows of its secret of this kind.
pub(crate) async fn shown_credential(desk: &Desk, account: &str, kind: &str) -> Value {
    let account = desk.get(account).await.with(200);
    let mut all = account["credentials"].as_array().unwrap().iter();
    all.find(|it| it["kind"] == kind).unwrap().clone()
}

/// Has Meta take a token no more.
pub(crate) async fn revoke(desk: &Desk, token: &str) {
    let url = format!("{}/_sim/tokens/{token}", desk.simulator_url());
    read(desk.http().delete(url)).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_dies_gives_way_to_the_one_before_and_its_message_is_sent_all_the_same() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    another_token(&desk, "playground-second-token").await;
    let second = json!({"access_token": "playground-second-token"});
    put(&desk, &format!("{account}/setup/tokens"), &second)
        .await
        .with(200);
    revoke(&desk, "playground-second-token").await;
    let sent = desk.send(&message()).await;
    let id = id_of(&sent.json());
    let sent = desk.message_once(&id, "read").await;
    assert!(sent["attempt_count"].as_u64() >= Some(2), "{sent}");
    let attempts = desk.get(&format!("/v1/messages/{id}/attempts")).await;
    let first = &attempts.with(200)["data"][0];
    assert_eq!(first["provider"]["class"], "transient", "{first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_whose_last_token_dies_is_paused_and_goes_on_with_the_next() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    revoke(&desk, TOKEN).await;
    let failed = desk.send(&message()).await;
    assert_eq!(failed.status, 502, "{}", failed.text);
    let sender = desk.get(&format!("/v1/senders/{NUMBER}")).await.with(200);
    assert_eq!(
        (&sender["state"], &sender["paused"]["code"]),
        (&json!("paused"), &json!(190))
    );
    let wamid = desk
        .inbound(&json!({"from": PERSON, "to": NUMBER, "text": "Still there?"}))
        .await;
    let look = async || {
        let all = desk.all("/v1/messages").await;
        all.into_iter()
            .find(|it| it["provider_id"] == wamid.as_str())
    };
    eventually("what comes in to go on coming in", look).await;
    another_token(&desk, "playground-second-token").await;
    let second = json!({"access_token": "playground-second-token"});
    put(&desk, &format!("{account}/setup/tokens"), &second)
        .await
        .with(200);
    let look = async || {
        let sent = desk.send(&message()).await;
        (sent.status == 200).then_some(())
    };
    eventually("messages to be sent again", look).await;
}

/// Has Meta change something of the number.
async fn change_number(desk: &Desk, change: &Value) {
    let mut order = change.clone();
    order["phone_number_id"] = NUMBER.into();
    let url = format!("{}/_sim/numbers", desk.simulator_url());
    read(desk.http().post(url).json(&order)).await.with(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_active_account_is_looked_at_by_itself_and_again_when_meta_tells_of_a_change() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let standing = async |expected: &str| {
        let look = async || {
            let health = desk.get(&format!("{account}/health")).await.with(200);
            (health["standing"] == expected).then_some(health)
        };
        eventually(&format!("the account to be {expected}"), look).await
    };
    let well = standing("well").await;
    assert_eq!(well["checks"].as_array().unwrap().len(), 5, "{well}");
    change_number(&desk, &json!({"quality_rating": "RED"})).await;
    let ill = standing("warning").await;
    let number = ill["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["check"] == "phone_number");
    assert_eq!(number.unwrap()["phone_number_id"], NUMBER);
    let sender = desk.get(&format!("/v1/senders/{NUMBER}")).await.with(200);
    assert_eq!(sender["number"]["quality_rating"], "RED");
    let log = desk.all(&format!("{account}/health/log")).await;
    let changed: Vec<_> = log
        .iter()
        .map(|it| it["checks"].as_array().unwrap().len())
        .collect();
    assert_eq!(changed, [1, 5], "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_can_have_an_account_looked_at_at_any_time() {
    let desk = Desk::start().await;
    let account = new_account(&desk).await;
    let check = async || {
        let answer = desk
            .post(&format!("{account}/health-check"), &Value::Null)
            .await;
        answer.with(200)
    };
    assert_eq!(check().await["standing"], "failing");
    connect(&desk, &account).await;
    let health = check().await;
    let webhook = health["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["check"] == "webhook");
    assert_eq!(webhook.unwrap()["standing"], "failing", "{health}");
    let read = desk.get(&format!("{account}/health")).await.with(200);
    assert_eq!(read, health);
}
