//! Accounts at providers that are not Meta: their keys, and what is sent through them.

use serde_json::{Value, json};
use tests::{Desk, text};

const NOTIFAPI: &str = "notifapi-15550003000";
const FONNTE: &str = "fonnte-15550002000";
const MOCK: &str = "mock-15550004000";

fn from(sender: &str, to: &str) -> Value {
    let mut message = text(to, "Hello");
    message["from"] = sender.into();
    message
}

/// An account of this provider that has no key yet.
async fn account_at(desk: &Desk, provider: &str) -> String {
    let account = json!({"name": "Backup", "provider": provider});
    let made = desk.post("/v1/accounts", &account).await.with(201);
    assert_eq!(made["provider"], provider);
    assert_eq!(made["status"], "active");
    made["id"].as_str().unwrap().to_owned()
}

async fn put_key(desk: &Desk, account: &str, alias: &str, key: &Value) -> tests::Answer {
    let path = format!("/v1/accounts/{account}/keys/{alias}");
    tests::read(
        desk.with_key(tests::ADMIN_KEY, "PUT".parse().unwrap(), &path)
            .json(key),
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_sends_and_the_attempt_tells_with_which_key() {
    let desk = Desk::start().await;
    for (sender, to) in [
        (NOTIFAPI, "+15550041001"),
        (FONNTE, "+15550041002"),
        (MOCK, "+15550041003"),
    ] {
        let sent = desk.send(&from(sender, to)).await.with(200);
        assert_eq!(
            (&sent["state"], &sent["from"]),
            (&json!("accepted"), &json!(sender))
        );
        let attempts = format!("/v1/messages/{}/attempts", sent["id"].as_str().unwrap());
        let attempts = desk.get(&attempts).await.with(200);
        assert_eq!(attempts["data"][0]["credential"], "demo", "{attempts}");
        assert_eq!(desk.accepted(Some(to)).await.len(), 1, "{sender}");
        let warns = sent["warnings"]
            .as_array()
            .is_some_and(|all| all.contains(&json!("no_statuses")));
        assert_eq!(warns, sender != FONNTE, "{sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_has_no_way_to_send_is_refused_before_it_is_called() {
    let desk = Desk::start().await;
    let template = json!({
        "from": FONNTE, "to": "+15550041011", "type": "template",
        "template": {"name": "order_shipped", "language": {"code": "en"}},
    });
    let refused = desk.send(&template).await;
    assert_eq!(refused.faults(), ["/type"]);
    let detail = refused.problem(400, "invalid_request")["errors"][0]["detail"].to_string();
    assert!(detail.contains("Fonnte"), "{detail}");
    let uploaded =
        json!({"from": NOTIFAPI, "to": "+15550041011", "type": "image", "image": {"id": "123"}});
    assert_eq!(desk.send(&uploaded).await.faults(), ["/image/id"]);
    assert_eq!(
        desk.accepted(Some("+15550041011")).await,
        Vec::<Value>::new()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_asked_about_before_it_is_kept_and_brings_its_sender() {
    let desk = Desk::start().await;
    let account = account_at(&desk, "mock").await;
    let keys = format!("/v1/accounts/{account}/keys");
    let wrong = json!({"key": "nobody-has-this-key", "number": "+15550004009"});
    let refused = put_key(&desk, &account, "main", &wrong).await;
    refused.problem(422, "refused_by_provider");
    assert!(!refused.text.contains("nobody-has-this-key"));
    let numberless = put_key(&desk, &account, "main", &json!({"key": "demo-mock-key"})).await;
    assert_eq!(numberless.faults(), ["/number"]);
    assert_eq!(
        put_key(&desk, &account, "main", &json!({})).await.faults(),
        ["/key"]
    );
    assert_eq!(
        put_key(&desk, &account, "No Alias", &json!({}))
            .await
            .faults(),
        ["/alias"]
    );
    assert_eq!(desk.get(&keys).await.with(200)["data"], json!([]));

    let good = json!({"key": "demo-mock-key", "number": "+15550004009", "weight": 3});
    let kept = put_key(&desk, &account, "main", &good).await.with(200);
    assert_eq!(kept["sender_id"], "mock-15550004009");
    assert_eq!(
        (&kept["weight"], &kept["enabled"]),
        (&json!(3), &json!(true))
    );
    assert!(!kept.to_string().contains("demo-mock-key"));
    let changed = put_key(&desk, &account, "main", &json!({"weight": 5}))
        .await
        .with(200);
    assert_eq!(
        (&changed["weight"], &changed["mask"]),
        (&json!(5), &kept["mask"])
    );
    let mut listed = desk.get(&keys).await.with(200)["data"].clone();
    assert_eq!(listed[0]["usage"].take()["sent"], 0);
    listed[0].as_object_mut().unwrap().remove("usage");
    assert_eq!(listed, json!([changed]));
    desk.send(&from("mock-15550004009", "+15550041021"))
        .await
        .with(200);

    let test = format!("{keys}/main/test");
    assert_eq!(
        desk.post(&test, &Value::Null).await.with(200)["is_good"],
        true
    );
    let other = account_at(&desk, "mock").await;
    put_key(&desk, &other, "main", &good)
        .await
        .problem(409, "number_taken");
    let at_meta = put_key(&desk, tests::ACCOUNT, "main", &good).await;
    at_meta.problem(409, "at_meta");
    let setup = desk.get(&format!("/v1/accounts/{account}/setup")).await;
    setup.problem(409, "not_at_meta");
}

#[tokio::test(flavor = "multi_thread")]
async fn fonnte_tells_the_number_of_its_key() {
    let desk = Desk::start().await;
    let account = account_at(&desk, "fonnte").await;
    let token = json!({"provider": "fonnte", "key": "second-token", "sender": "15550002009"});
    desk.order_key(&token).await;
    let other = json!({"key": "second-token", "number": "+15550002008"});
    let refused = put_key(&desk, &account, "main", &other).await;
    let refused = refused.problem(422, "refused_by_provider");
    assert_eq!(refused["errors"][0]["pointer"], "/number");
    let key = json!({"key": "second-token"});
    let kept = put_key(&desk, &account, "main", &key).await.with(200);
    assert_eq!(kept["sender_id"], "fonnte-15550002009");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_gives_way_to_the_next_and_the_last_one_pauses_its_sender() {
    let desk = Desk::start().await;
    let account = account_at(&desk, "mock").await;
    for (alias, key) in [("one", "key-one"), ("two", "key-two")] {
        desk.order_key(&json!({"provider": "mock", "key": key}))
            .await;
        let key = json!({"key": key, "number": "+15550004010"});
        put_key(&desk, &account, alias, &key).await.with(200);
    }
    let sender = "mock-15550004010";
    desk.revoke_key("key-one").await;
    for person in 0..8 {
        let to = format!("+1555004103{person}");
        let sent = desk.send(&from(sender, &to)).await.json();
        let id = sent["id"].as_str().unwrap().to_owned();
        desk.message_once(&id, "accepted").await;
        assert_eq!(desk.accepted(Some(&to)).await.len(), 1);
    }
    desk.revoke_key("key-two").await;
    desk.send(&from(sender, "+15550041040"))
        .await
        .problem(502, "provider_credential");
    let paused = desk.get(&format!("/v1/senders/{sender}")).await.with(200);
    assert_eq!(paused["state"], "paused");
    // Others of the tenant go on.
    desk.send(&from(MOCK, "+15550041041")).await.with(200);
    desk.order_key(&json!({"provider": "mock", "key": "key-three"}))
        .await;
    put_key(
        &desk,
        &account,
        "one",
        &json!({"key": "key-three", "number": "+15550004010"}),
    )
    .await
    .with(200);
    desk.send(&from(sender, "+15550041042")).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_disabled_deleted_or_over_is_not_used() {
    let desk = Desk::start().await;
    let account = account_at(&desk, "mock").await;
    let key = json!({"key": "demo-mock-key", "number": "+15550004011", "enabled": false});
    put_key(&desk, &account, "main", &key).await.with(200);
    let sender = "mock-15550004011";
    let refused = desk.send(&from(sender, "+15550041051")).await;
    refused.problem(502, "provider_credential");
    assert_eq!(desk.accepted(Some("+15550041051")).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_groups_of_a_sender_are_listed_and_can_be_written_to() {
    let desk = Desk::start().await;
    for (account, sender) in [
        ("acct_demo-fonnte", FONNTE),
        ("acct_demo-notifapi", NOTIFAPI),
    ] {
        let groups = desk.get(&format!("/v1/accounts/{account}/groups")).await;
        let groups = groups.with(200);
        assert_eq!(groups["sender_id"], sender);
        let group = groups["data"][0]["id"].as_str().unwrap();
        let mut message = from(sender, group);
        message["recipient_type"] = "group".into();
        desk.send(&message).await.with(200);
        let accepted = desk.accepted(None).await;
        let took = |it: &&Value| {
            it["to"] == group && it["provider"] == account.trim_start_matches("acct_demo-")
        };
        assert_eq!(accepted.iter().filter(took).count(), 1, "{accepted:?}");
    }
    let none = desk.get("/v1/accounts/acct_demo-mock/groups").await;
    none.problem(409, "no_groups");
    let stranger = desk.get("/v1/accounts/acct_demo-fonnte/groups?sender=fonnte-15550002999");
    assert_eq!(stranger.await.faults(), ["?sender"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_disabled_is_asked_for_no_groups() {
    let desk = Desk::start().await;
    let path = "/v1/providers/fonnte";
    let off = json!({"enabled": false});
    let put = desk.with_key(tests::ADMIN_KEY, "PUT".parse().unwrap(), path);
    tests::read(put.json(&off)).await.with(200);
    let refused = desk.get("/v1/accounts/acct_demo-fonnte/groups").await;
    refused.problem(409, "provider_disabled");
    let others = desk.get("/v1/accounts/acct_demo-notifapi/groups").await;
    others.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_keys_is_rebuilt_from_its_configuration_and_its_keys() {
    let old = Desk::start().await;
    let account = account_at(&old, "mock").await;
    let key = json!({"key": "demo-mock-key", "number": "+15550004012", "weight": 7});
    put_key(&old, &account, "main", &key).await.with(200);
    let sender = "/v1/senders/mock-15550004012";
    let faster = json!({"messages_per_second": 12});
    tests::read(
        old.with_key(tests::ADMIN_KEY, "PATCH".parse().unwrap(), sender)
            .json(&faster),
    )
    .await
    .with(200);
    let mut entries = old.all("/v1/configuration").await;
    entries.retain(|it| it["id"] == account.as_str() || it["account_id"] == account.as_str());
    assert!(
        !serde_json::to_string(&entries)
            .unwrap()
            .contains("demo-mock-key")
    );

    let new = Desk::start().await;
    let import = async |entries: &[Value]| -> Vec<String> {
        let came = new
            .post("/v1/configuration", &json!({"data": entries}))
            .await
            .with(200);
        let came = came["data"].as_array().unwrap().clone();
        came.iter()
            .map(|it| it["status"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(import(&entries).await, ["made", "waiting"]);
    let with_key = entries
        .iter_mut()
        .find(|it| it["kind"] == "account")
        .unwrap();
    with_key["keys"][0]["secret"] = "demo-mock-key".into();
    assert_eq!(import(&entries).await, ["made", "made"]);
    assert_eq!(import(&entries).await, ["unchanged", "unchanged"]);
    let there = new.get(sender).await.with(200);
    assert_eq!(there["messages_per_second"], 12);
    new.send(&from("mock-15550004012", "+15550041061"))
        .await
        .with(200);
}

/// The simulator's devices that took messages to a person.
async fn devices(desk: &Desk, to: &str) -> Vec<String> {
    let accepted = desk.accepted(Some(to)).await;
    let sender = |it: &Value| it["sender"].as_str().unwrap().to_owned();
    accepted.iter().map(sender).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_refused_leaves_the_one_before_as_it_was() {
    let desk = Desk::start().await;
    let account = account_at(&desk, "fonnte").await;
    for (key, device) in [("token-a", "15550002021"), ("token-b", "15550002022")] {
        desk.order_key(&json!({"provider": "fonnte", "key": key, "sender": device}))
            .await;
    }
    put_key(&desk, &account, "main", &json!({"key": "token-a"}))
        .await
        .with(200);
    // The demo's four and this one.
    let limits = json!({"limits": {"senders": 5}});
    let patch = desk.with_key(
        tests::OPERATOR_KEY,
        "PATCH".parse().unwrap(),
        "/v1/tenants/demo",
    );
    tests::read(patch.json(&limits)).await.with(200);
    put_key(&desk, &account, "main", &json!({"key": "token-b"}))
        .await
        .problem(403, "sender_limit_reached");
    desk.send(&from("fonnte-15550002021", "+15550041071"))
        .await
        .with(200);
    assert_eq!(devices(&desk, "+15550041071").await, ["15550002021"]);
    let demos = json!({"key": "demo-fonnte-token"});
    put_key(&desk, &account, "main", &demos)
        .await
        .problem(409, "number_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_put_in_while_another_is_deleted_stays() {
    let desk = Desk::start().await;
    let account = account_at(&desk, "mock").await;
    let key = json!({"key": "demo-mock-key", "number": "+15550004013"});
    for round in 0..10 {
        put_key(&desk, &account, "old", &key).await.with(200);
        let path = format!("/v1/accounts/{account}/keys/old");
        let delete = desk.with_key(tests::ADMIN_KEY, "DELETE".parse().unwrap(), &path);
        let put = async {
            loop {
                let put = put_key(&desk, &account, "new", &key).await;
                // Somebody else changes the account just then.
                if put.status != 409 {
                    return put.with(200);
                }
            }
        };
        let delete = async {
            loop {
                let deleted = tests::read(delete.try_clone().unwrap()).await;
                if deleted.status != 409 {
                    assert_eq!(deleted.status, 204, "{}", deleted.text);
                    return;
                }
            }
        };
        futures_util::join!(delete, put);
        let test = format!("/v1/accounts/{account}/keys/new/test");
        let tested = desk.post(&test, &Value::Null).await.with(200);
        assert_eq!(tested["is_good"], true, "round {round}: {tested}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_good_again_sends_once_it_is_put_in_again() {
    let desk = Desk::start().await;
    let account = account_at(&desk, "mock").await;
    let order = json!({"provider": "mock", "key": "key-four"});
    desk.order_key(&order).await;
    let key = json!({"key": "key-four", "number": "+15550004014"});
    put_key(&desk, &account, "main", &key).await.with(200);
    desk.revoke_key("key-four").await;
    let sender = "mock-15550004014";
    let refused = desk.send(&from(sender, "+15550041081")).await;
    refused.problem(502, "provider_credential");
    let light = put_key(&desk, &account, "main", &json!({"weight": 2})).await;
    light.with(200);
    let path = format!("/v1/senders/{sender}");
    assert_eq!(desk.get(&path).await.with(200)["state"], "paused");
    desk.order_key(&order).await;
    put_key(&desk, &account, "main", &key).await.with(200);
    desk.send(&from(sender, "+15550041082")).await.with(200);
}
