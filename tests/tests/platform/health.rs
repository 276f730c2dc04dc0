//! Accounts that are not well: tokens that die, numbers that people complain of, webhooks that Meta does not call.

use crate::id_of;
use crate::setup::{
    APP, NUMBER, PERSON, TOKEN, WABA, another_token, connect, message, new_account, put, revoke,
    set_up,
};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Desk, SENDER, eventually, read};

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
    assert_eq!(first["provider"]["class"], "credential", "{first}");
    assert_eq!(first["decision"]["then"], "try_again", "{first}");
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
    let (newest, oldest) = (&log[0]["checks"], &log[log.len() - 1]["checks"]);
    let parts = [newest, oldest].map(|it| it.as_array().unwrap().len());
    assert_eq!(parts, [1, 5], "{log:?}");
    assert_eq!(newest[0]["check"], "phone_number");
}

/// The standing of the access token, each time it was another one, the newest first.
async fn token_log(desk: &Desk, account: &str) -> Vec<String> {
    let log = desk.all(&format!("{account}/health/log")).await;
    let checks = log.iter().flat_map(|it| it["checks"].as_array().unwrap());
    let of_token = checks.filter(|it| it["check"] == "access_token");
    let standings = of_token.map(|it| it["standing"].as_str().unwrap().to_owned());
    standings.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_looked_at_too_and_its_log_shows_when_its_token_works_again() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let disable = json!({"disabled": true});
    let disabled = desk.with_key(tests::ADMIN_KEY, Method::PATCH, &account);
    read(disabled.json(&disable)).await.with(200);
    let stands = async |expected: &str| {
        let look = async || {
            let health = desk.get(&format!("{account}/health")).await.with(200);
            let token = &health["checks"][0];
            (token["check"] == "access_token" && token["standing"] == expected).then_some(())
        };
        eventually(&format!("the token to be {expected}"), look).await;
    };
    stands("well").await;
    revoke(&desk, TOKEN).await;
    change_number(&desk, &json!({"quality_rating": "RED"})).await;
    stands("failing").await;
    another_token(&desk, TOKEN).await;
    change_number(&desk, &json!({"quality_rating": "GREEN"})).await;
    stands("well").await;
    let log = token_log(&desk, &account).await;
    assert_eq!(log, ["well", "failing", "well"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_webhooks_of_a_number_go_that_meta_does_not_show_is_not_known() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let check = format!("{account}/health-check");
    let webhook = async || {
        let health = desk.post(&check, &Value::Null).await.with(200);
        let mut checks = health["checks"].as_array().unwrap().iter();
        checks.find(|it| it["check"] == "webhook").unwrap().clone()
    };
    assert_eq!(webhook().await["standing"], "well");
    let elsewhere = json!({"waba_id": "200000000000077", "app_id": APP});
    let url = format!("{}/_sim/wabas", desk.simulator_url());
    read(desk.http().post(url).json(&elsewhere)).await.with(201);
    change_number(&desk, &json!({"waba_id": "200000000000077"})).await;
    let unseen = webhook().await;
    assert_eq!(unseen["standing"], "unknown", "{unseen}");
    let detail = unseen["detail"].as_str().unwrap();
    assert!(detail.contains("callback URL of its own"), "{unseen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_says_what_it_lacks_and_is_looked_at_from_its_access_token_on() {
    let desk = Desk::start().await;
    let account = new_account(&desk).await;
    let health = async || desk.get(&format!("{account}/health")).await.with(200);
    let draft = health().await;
    assert!(draft.get("checked_at").is_none(), "{draft}");
    let checks = draft["checks"].as_array().unwrap().iter();
    let lacks: Vec<_> = checks
        .map(|it| it["detail"].as_str().unwrap().to_owned())
        .collect();
    for (detail, step) in lacks.iter().zip([3, 1, 2]) {
        let remedy = format!("do step {step} of the set-up");
        assert!(detail.ends_with(&remedy), "{detail}");
    }
    assert_eq!(lacks.len(), 3, "{draft}");
    connect(&desk, &account).await;
    let look = async || {
        let seen = health().await;
        seen.get("checked_at").is_some().then_some(seen)
    };
    let seen = eventually("the draft to be looked at", look).await;
    let ill = seen["checks"].as_array().unwrap().iter();
    let ill: Vec<_> = ill.filter(|it| it["standing"] != "well").collect();
    assert_eq!(ill.len(), 1, "{seen}");
    assert!(ill[0]["detail"].as_str().unwrap().contains("do step 6"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_looked_at_by_itself_and_may_write_to_as_many_people_as_before() {
    let desk = Desk::start().await;
    let look = async || {
        let health = desk.get("/v1/accounts/acct_demo/health").await.with(200);
        health.get("checked_at").is_some().then_some(health)
    };
    let health = eventually("the demo to be looked at", look).await;
    assert_eq!(health["standing"], "well", "{health}");
    let sender = desk.get(&format!("/v1/senders/{SENDER}")).await.with(200);
    // What Meta says of a number limits a portfolio, and the demo is in none.
    assert!(sender["number"]["messaging_limit"].is_string(), "{sender}");
    assert!(sender.get("portfolio").is_none(), "{sender}");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_meta_pauses_is_told_by_name_refused_and_forgotten_when_it_goes_again() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let stand = async |status: &str| {
        let template = json!({"waba_id": WABA, "name": "order_shipped", "language": "en",
            "category": "UTILITY", "status": status});
        desk.put_template(&template).await;
    };
    let templates = async |standing: &str| {
        let look = async || {
            let health = desk.get(&format!("{account}/health")).await.with(200);
            let mut checks = health["checks"].as_array().unwrap().iter();
            let check = checks.find(|it| it["check"] == "templates")?.clone();
            (check["standing"] == standing).then_some(check)
        };
        eventually(&format!("the templates to be {standing}"), look).await
    };
    templates("well").await;
    let template = json!({"name": "order_shipped", "language": {"code": "en"}});
    let message = json!({"from": NUMBER, "to": PERSON, "type": "template", "template": template});
    stand("PAUSED").await;
    let ill = templates("warning").await;
    assert!(ill["detail"].as_str().unwrap().contains("order_shipped"));
    let refused = desk.send(&message).await;
    assert_eq!(refused.json()["provider"]["code"], 132_015);
    stand("APPROVED").await;
    templates("well").await;
    assert_eq!(desk.send(&message).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_sends_nothing_though_meta_had_paused_its_sender_before() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    revoke(&desk, TOKEN).await;
    assert_eq!(desk.send(&message()).await.status, 502);
    let disable = json!({"disabled": true});
    crate::access::give(
        &desk,
        tests::ADMIN_KEY,
        reqwest::Method::PATCH,
        &account,
        &disable,
    )
    .await
    .with(200);
    let resume = format!("/v1/senders/{NUMBER}/resume");
    let resumed = desk.post(&resume, &Value::Null).await;
    resumed.problem(409, "account_not_active");
    another_token(&desk, "playground-second-token").await;
    let second = json!({"access_token": "playground-second-token"});
    put(&desk, &format!("{account}/setup/tokens"), &second)
        .await
        .with(200);
    desk.send(&message()).await.problem(409, "sender_paused");
    desk.post(&format!("{account}/activate"), &json!({}))
        .await
        .problem(409, "account_disabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_does_not_see_what_the_account_uses_is_not_put_in() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let order = json!({"token": "playground-blind-token", "app_id": "400000000000002", "wabas": ["200000000000001"]});
    let url = format!("{}/_sim/tokens", desk.simulator_url());
    read(desk.http().post(url).json(&order)).await.with(201);
    let blind = json!({"access_token": "playground-blind-token"});
    let refused = put(&desk, &format!("{account}/setup/tokens"), &blind).await;
    let problem = refused.problem(422, "refused_by_provider");
    assert_eq!(problem["errors"][0]["pointer"], "/access_token");
    assert_eq!(desk.send(&message()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stops_sending_is_seen_though_meta_says_all_is_well() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let failing = async || {
        let health = desk
            .post(&format!("{account}/health-check"), &Value::Null)
            .await;
        let health = health.with(200);
        let ill = health["checks"].as_array().unwrap().iter();
        let ill = ill.filter(|it| it["standing"] == "failing");
        ill.map(|it| it["check"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(failing().await, [""; 0]);
    change_number(&desk, &json!({"status": "BANNED"})).await;
    assert_eq!(failing().await, ["phone_number"]);
    let narrow = json!({"token": TOKEN, "app_id": APP, "wabas": [WABA],
        "scopes": ["whatsapp_business_management"]});
    let url = format!("{}/_sim/tokens", desk.simulator_url());
    read(desk.http().post(url).json(&narrow)).await.with(201);
    assert_eq!(failing().await, ["access_token", "phone_number"]);
}
