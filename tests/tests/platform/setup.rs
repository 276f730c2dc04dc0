//! Accounts: set up in six steps against Meta, from nothing to a first message.

use crate::access::{ask, give, text_of};
use crate::id_of;
use crate::neighbour::{Key, Neighbour};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ADMIN_KEY, Answer, Desk, OPERATOR_KEY, eventually, read};

pub(crate) const WABA: &str = "200000000000002";
pub(crate) const APP: &str = "400000000000002";
pub(crate) const APP_SECRET: &str = "playground-app-secret";
pub(crate) const TOKEN: &str = "playground-access-token";
pub(crate) const NUMBER: &str = "100000000000002";

/// A person who writes to the new number.
pub(crate) const PERSON: &str = "+15550009001";

pub(crate) async fn put(desk: &Desk, path: &str, body: &Value) -> Answer {
    give(desk, ADMIN_KEY, Method::PUT, path, body).await
}

/// A tenant that has nothing yet: its admin's key.
pub(crate) async fn new_tenant(desk: &Desk) -> String {
    let acme = json!({"id": "acme", "name": "Acme"});
    let made = give(desk, OPERATOR_KEY, Method::POST, "/v1/tenants", &acme).await;
    made.with(201);
    let admin = json!({"name": "Admin", "role": "admin"});
    let keys = "/v1/tenants/acme/api-keys";
    let made = give(desk, OPERATOR_KEY, Method::POST, keys, &admin).await;
    text_of(&made.with(201)).to_owned()
}

/// A new account of the demo tenant's: its path.
pub(crate) async fn new_account(desk: &Desk) -> String {
    let made = desk.post("/v1/accounts", &json!({"name": "Shop"})).await;
    format!("/v1/accounts/{}", id_of(&made.with(201)))
}

fn business() -> Value {
    json!({"waba_id": WABA, "app_id": APP, "app_secret": APP_SECRET})
}

/// The first three steps.
pub(crate) async fn connect(desk: &Desk, account: &str) -> Value {
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
    event_comes(desk, ADMIN_KEY, &account).await;
    let active = desk.post(&format!("{account}/activate"), &json!({})).await;
    assert_eq!(active.with(200)["status"], "active");
    account
}

/// Somebody writes to the number, and the set-up shows it.
pub(crate) async fn event_comes(desk: &Desk, key: &str, account: &str) {
    desk.inbound(&json!({"from": PERSON, "to": NUMBER, "text": "Hello"}))
        .await;
    let look = async || {
        let setup = ask(desk, key, Method::GET, &format!("{account}/setup")).await;
        let setup = setup.with(200);
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
    let key = new_tenant(&desk).await;
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
async fn a_profile_that_meta_would_refuse_is_told_field_by_field() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let profile = json!({"about": "", "email": "nobody", "websites": ["example.com"]});
    let answer = put(&desk, &format!("{account}/setup/profile"), &profile).await;
    let problem = answer.problem(400, "invalid_request");
    let mut places: Vec<_> = problem["errors"].as_array().unwrap().iter().collect();
    places.sort_by_key(|it| it["pointer"].as_str().unwrap().to_owned());
    let places: Vec<_> = places
        .iter()
        .map(|it| it["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(places, ["/about", "/email", "/websites/0"]);
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
