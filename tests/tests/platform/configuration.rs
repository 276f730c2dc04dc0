//! A tenant's configuration: out of one stack, without secrets, and into another.

use crate::access::{ask, give, text_of};
use crate::setup::{APP, NUMBER, PERSON, TOKEN, WABA, new_tenant, put, set_up};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ADMIN_KEY, Desk, SENDER};

const PATH: &str = "/v1/configuration";

/// Imports entries: what came of each, as its kind and status.
async fn import(desk: &Desk, key: &str, entries: &[Value]) -> Vec<Value> {
    let body = json!({"data": entries});
    let answer = give(desk, key, Method::POST, PATH, &body).await.with(200);
    let came = answer["data"].as_array().unwrap().clone();
    assert_eq!(came.len(), entries.len(), "each is told of");
    came
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap()
}

fn statuses(came: &[Value]) -> Vec<(&str, &str)> {
    let both = |it| (text(it, "kind"), text(it, "status"));
    came.iter().map(both).collect()
}

/// What a tenant with everything has: an account with a sender and a bot that knows something, and a person.
async fn furnish(desk: &Desk) -> String {
    let account = set_up(desk).await;
    let settings = json!({"messages_per_second": 40, "window": "off", "calls_per_second": 25});
    let sender = format!("/v1/senders/{NUMBER}");
    let changed = give(desk, ADMIN_KEY, Method::PATCH, &sender, &settings).await;
    changed.with(200);
    let bot = json!({"auto_reply": true, "greeting": "Hello", "away": {
        "message": "Tomorrow", "time_zone": "Europe/Berlin", "open": [{"day": "monday", "from": "09:00", "to": "17:00"}]}});
    put(desk, &format!("{account}/setup/bot"), &bot)
        .await
        .with(200);
    for question in ["Do you ship to islands?", "When do you open?"] {
        let known = json!({"question": question, "answer": "Ask Ada."});
        desk.post(&format!("{account}/knowledge"), &known)
            .await
            .with(201);
    }
    let ada = json!({"email": "ada@example.com", "name": "Ada", "role": "agent"});
    desk.post("/v1/users", &ada).await.with(201);
    account
}

/// The exported entries that speak of one account, and of no account.
fn without_the_demo(entries: Vec<Value>) -> Vec<Value> {
    let is_demo = |entry: &Value| {
        [&entry["id"], &entry["account_id"]]
            .iter()
            .filter_map(|id| id.as_str())
            .any(|id| id.starts_with("acct_demo") || id == SENDER)
    };
    entries.into_iter().filter(|it| !is_demo(it)).collect()
}

fn put_secret(entries: &mut [Value], kind: &str, secret: &str) {
    let account = entries.iter_mut().find(|it| it["kind"] == "account");
    let credentials = account.unwrap()["credentials"].as_array_mut().unwrap();
    let credential = credentials.iter_mut().find(|it| it["kind"] == kind);
    credential.unwrap()["secret"] = json!(secret);
}

/// Does what is left of a set-up, which needs no secret: then a message leaves.
async fn finish(desk: &Desk, key: &str, account: &str) {
    let step = |name: &str| format!("{account}/setup/{name}");
    for (name, body) in [("profile", json!({})), ("webhook", Value::Null)] {
        let done = give(desk, key, Method::PUT, &step(name), &body).await;
        done.with(200);
    }
    crate::setup::event_comes(desk, key, account).await;
    let active = format!("{account}/activate");
    let active = give(desk, key, Method::POST, &active, &json!({})).await;
    assert_eq!(active.with(200)["status"], "active");
    let message = json!({"from": NUMBER, "to": PERSON, "type": "text", "text": {"body": "Back"}});
    let sent = give(desk, key, Method::POST, "/v1/messages", &message).await;
    assert_eq!(sent.with(200)["state"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_is_rebuilt_from_its_configuration_and_its_secrets() {
    let old = Desk::start().await;
    let account = furnish(&old).await;
    // In pages as small as they can be, which change nothing of the whole.
    let pages = old.pages(PATH, 1).await;
    let whole: Vec<Value> = pages.into_iter().flatten().collect();
    assert_eq!(whole, old.all(PATH).await);
    let text = serde_json::to_string(&whole).unwrap();
    for secret in ["app-secret", "access-token", "verify-token", "hg_"] {
        assert!(!text.contains(secret), "{secret} stands in the export");
    }
    let mut entries = without_the_demo(whole);

    let new = Desk::start().await;
    let key = new_tenant(&new).await;
    let came = import(&new, &key, &entries).await;
    let expected = [
        ("tenant", "differs"),
        ("user", "made"),
        ("api_key", "left_out"),
        ("api_key", "left_out"),
        ("account", "made"),
        ("sender", "waiting"),
        ("bot", "made"),
        ("knowledge", "made"),
        ("knowledge", "made"),
        // The demo's, over senders that are not here.
        ("route", "waiting"),
    ];
    assert_eq!(statuses(&came), expected, "{came:?}");
    let next = format!("PUT {account}/setup/business");
    assert_eq!(came[4]["next"], next, "what takes secrets is left");

    put_secret(&mut entries, "app_secret", "playground-app-secret");
    put_secret(&mut entries, "access_token", TOKEN);
    let came = import(&new, &key, &entries).await;
    let of = |kind: &str| came.iter().find(|it| it["kind"] == kind).unwrap();
    assert_eq!(of("account")["status"], "made", "{came:?}");
    assert!(of("account")["verify_token"].is_string(), "shown this once");
    assert_eq!(of("sender")["status"], "made", "{came:?}");
    assert_eq!(of("bot")["status"], "unchanged", "{came:?}");

    let again = import(&new, &key, &entries).await;
    let changed = |it: &&Value| it["status"] == "made" || it["status"] == "failed";
    assert_eq!(again.iter().find(changed), None);
    let exported = ask(&new, &key, Method::GET, "/v1/configuration?limit=100").await;
    let exported = exported.with(200)["data"].as_array().unwrap().clone();
    for kind in ["user", "sender", "bot", "knowledge"] {
        let of_kind = |all: &[Value]| -> Vec<Value> {
            all.iter()
                .filter(|it| it["kind"] == kind)
                .cloned()
                .collect()
        };
        assert_eq!(of_kind(&exported), of_kind(&entries), "{kind}");
    }

    finish(&new, &key, &account).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_stays_as_it_is_and_is_told_to_differ() {
    let desk = Desk::start().await;
    let account = furnish(&desk).await;
    let before = desk.all(PATH).await;
    let sender = format!("/v1/senders/{NUMBER}");
    let slower = json!({"messages_per_second": 5});
    give(&desk, ADMIN_KEY, Method::PATCH, &sender, &slower)
        .await
        .with(200);
    let renamed = json!({"name": "Another shop"});
    give(&desk, ADMIN_KEY, Method::PATCH, &account, &renamed)
        .await
        .with(200);
    let silent = json!({"auto_reply": false});
    put(&desk, &format!("{account}/setup/bot"), &silent)
        .await
        .with(200);
    let after = desk.all(PATH).await;

    let came = import(&desk, ADMIN_KEY, &before).await;
    let mut told: Vec<_> = statuses(&came);
    told.retain(|(kind, status)| *kind != "api_key" && *status != "unchanged");
    let expected = [
        ("account", "differs"),
        ("sender", "differs"),
        ("bot", "differs"),
    ];
    assert_eq!(told, expected);
    assert_eq!(desk.all(PATH).await, after, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_entered_is_not_entered_anew() {
    let desk = Desk::start().await;
    let account = crate::setup::new_account(&desk).await;
    let business = json!({"waba_id": WABA, "app_id": APP, "app_secret": "playground-app-secret"});
    put(&desk, &format!("{account}/setup/business"), &business)
        .await
        .with(200);
    let mut own = without_the_demo(desk.all(PATH).await);
    own.retain(|it| it["kind"] == "account");
    put_secret(&mut own, "app_secret", "playground-app-secret");
    let came = import(&desk, ADMIN_KEY, &own).await;
    assert_eq!(statuses(&came), [("account", "unchanged")]);
    own[0]["waba_id"] = json!("200000000000077");
    let came = import(&desk, ADMIN_KEY, &own).await;
    assert_eq!(statuses(&came), [("account", "differs")]);
    let after = without_the_demo(desk.all(PATH).await);
    let after = after.iter().find(|it| it["kind"] == "account").unwrap();
    assert_eq!(after["waba_id"], WABA);
    assert_eq!(import(&desk, ADMIN_KEY, &[]).await, [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_entered_and_what_was_disabled_is_so_elsewhere_too() {
    let desk = Desk::start().await;
    let account = crate::setup::new_account(&desk).await;
    let business = json!({"waba_id": WABA, "app_id": APP, "app_secret": "playground-app-secret"});
    for (step, body) in [
        ("business", business),
        ("phone-number", json!({"phone_number_id": NUMBER})),
    ] {
        put(&desk, &format!("{account}/setup/{step}"), &body)
            .await
            .with(200);
    }
    let disabled = json!({"disabled": true});
    give(&desk, ADMIN_KEY, Method::PATCH, &account, &disabled)
        .await
        .with(200);
    let mut own = without_the_demo(desk.all(PATH).await);
    own.retain(|it| it["kind"] == "account");
    assert_eq!(own[0]["phone_number_id"], NUMBER);
    assert_eq!(own[0]["disabled"], true);

    let new = Desk::start().await;
    let key = new_tenant(&new).await;
    put_secret(&mut own, "app_secret", "playground-app-secret");
    assert_eq!(
        statuses(&import(&new, &key, &own).await),
        [("account", "made")]
    );
    let there = ask(&new, &key, Method::GET, PATH).await.with(200);
    let is_account = |it: &&Value| it["kind"] == "account";
    let there = there["data"].as_array().unwrap().iter().find(is_account);
    for what in ["phone_number_id", "disabled", "waba_id", "app_id"] {
        assert_eq!(there.unwrap()[what], own[0][what], "{what}");
    }
    assert_eq!(
        statuses(&import(&new, &key, &own).await),
        [("account", "unchanged")]
    );
    own[0]["disabled"] = json!(false);
    assert_eq!(
        statuses(&import(&new, &key, &own).await),
        [("account", "differs")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_secrets_are_being_deleted_is_told_so() {
    let desk = Desk::start().await;
    let account = furnish(&desk).await;
    let mut entries = without_the_demo(desk.all(PATH).await);
    let disabled = json!({"disabled": true});
    give(&desk, ADMIN_KEY, Method::PATCH, &account, &disabled)
        .await
        .with(200);
    ask(&desk, ADMIN_KEY, Method::DELETE, &account).await;
    put_secret(&mut entries, "app_secret", "playground-app-secret");
    let came = import(&desk, ADMIN_KEY, &entries).await;
    let of_account = came.iter().find(|it| it["kind"] == "account").unwrap();
    assert_eq!(
        of_account["problem"]["code"], "secrets_deleted",
        "{of_account}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_entry_fails_alone_and_says_why() {
    let desk = Desk::start().await;
    let key = new_tenant(&desk).await;
    let (shop, other) = ("acct_shop", "acct_other");
    let secret = |kind: &str, secret: &str| json!({"kind": kind, "secret": secret});
    let entries = [
        json!({"kind": "account", "id": "acct_demo", "name": "Somebody else's"}),
        json!({"kind": "account", "id": shop, "name": "Shop", "waba_id": WABA, "app_id": APP,
            "credentials": [secret("app_secret", "not-this-apps-secret")]}),
        json!({"kind": "account", "id": other, "name": "Other", "waba_id": "200000000000001", "app_id": APP,
            "credentials": [secret("app_secret", "playground-app-secret")]}),
        json!({"kind": "bot", "account_id": "acct_missing", "auto_reply": false}),
        json!({"kind": "bot", "account_id": shop, "auto_reply": false}),
    ];
    let came = import(&desk, &key, &entries).await;
    let codes: Vec<_> = came.iter().map(|it| &it["problem"]["code"]).collect();
    let expected = [
        json!("id_taken"),
        json!("refused_by_provider"),
        json!("waba_taken"),
        json!("not_found"),
        Value::Null,
    ];
    assert_eq!(codes, expected.iter().collect::<Vec<_>>(), "{came:?}");
    assert_eq!(came[4]["status"], "made");
    let accounts = ask(&desk, &key, Method::GET, "/v1/accounts")
        .await
        .with(200);
    let named = |id: &str| {
        let mut all = accounts["data"].as_array().unwrap().iter();
        all.any(|it| it["id"] == id)
    };
    assert!(named(shop) && named(other), "they go on from there");
    assert!(!named("acct_demo"), "it is another tenant's still");
    let theirs = desk.get("/v1/accounts/acct_demo").await.with(200);
    assert_eq!(theirs["name"], "Demo");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_faults_is_refused_whole_and_each_is_named() {
    let desk = Desk::start().await;
    let key = new_tenant(&desk).await;
    let entries = json!([
        {"kind": "user", "email": "nobody", "name": "", "role": "king"},
        {"kind": "planet"},
        {"kind": "account", "id": "acct_shop", "name": "Shop", "waba_id": "+15550001000"},
        {"kind": "sender", "id": NUMBER, "account_id": "acct_shop", "messages_per_second": 0},
        {"kind": "account", "id": "acct_fine", "name": "Fine", "surprise": 1},
    ]);
    let body = json!({"data": entries, "next_cursor": {}, "more": 1});
    let answer = give(&desk, &key, Method::POST, PATH, &body).await;
    let problem = answer.problem(400, "invalid_request");
    let errors = problem["errors"].as_array().unwrap().iter();
    let mut pointers: Vec<_> = errors.map(|it| it["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    let expected = [
        "/data/0/email",
        "/data/0/name",
        "/data/0/role",
        "/data/1/kind",
        "/data/2/waba_id",
        "/data/3/coexistence",
        "/data/3/messages_per_second",
        "/data/3/reserved_percent",
        "/data/3/window",
        "/data/4/surprise",
        "/more",
        "/next_cursor",
    ];
    assert_eq!(pointers, expected);
    let accounts = ask(&desk, &key, Method::GET, "/v1/accounts")
        .await
        .with(200);
    assert_eq!(accounts["data"], json!([]), "nothing was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_back_by_an_import_who_was_shut_out_or_gets_more_than_the_importer_has() {
    let desk = Desk::start().await;
    let gone = json!({"email": "gone@example.com", "name": "Gone", "role": "admin"});
    let gone = desk.post("/v1/users", &gone).await.with(201);
    let path = format!("/v1/users/{}", gone["id"].as_str().unwrap());
    let disabled = json!({"disabled": true});
    give(&desk, ADMIN_KEY, Method::PATCH, &path, &disabled)
        .await
        .with(200);
    let revoked = json!({"name": "Revoked", "role": "viewer"});
    let revoked = desk.post("/v1/api-keys", &revoked).await.with(201);
    let path = format!("/v1/api-keys/{}", revoked["id"].as_str().unwrap());
    ask(&desk, ADMIN_KEY, Method::DELETE, &path).await;
    let names: Vec<_> = desk.all(PATH).await;
    let is_gone = |it: &&Value| it["name"] == "Gone" || it["name"] == "Revoked";
    assert_eq!(names.iter().find(is_gone), None);

    let keeper = json!({"name": "Keeper", "role": "admin", "scopes": ["configure", "read"]});
    let keeper = desk.post("/v1/api-keys", &keeper).await.with(201);
    let root =
        json!({"kind": "user", "email": "root@example.com", "name": "Root", "role": "admin"});
    let came = import(&desk, text_of(&keeper), &[root]).await;
    assert_eq!(came[0]["problem"]["code"], "not_yours_to_give");
    let people = desk.all("/v1/users").await;
    assert!(people.iter().all(|it| it["email"] != "root@example.com"));
}
