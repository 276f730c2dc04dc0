//! A platform that was deployed, to which the tests go instead of one of their own: `HELIOGRAPH_API` says so.
//!
//! It is given what a desk's demo tenant has, as a customer would: the operator makes a tenant, and its admin imports a
//! configuration and puts the secrets in. All tests share it, so they run one after another, and before each of them it is
//! made what it was then: it must stand on an emulated AWS that holds nothing else.

mod holdings;

use crate::{ACCOUNT, ADMIN_KEY, APP_SECRET, Desk, OPERATOR_KEY, SENDER, VIEWER_KEY};
use crate::{eventually, read};
use heliograph::service::aws::Aws;
use heliograph::service::config::Environment;
use holdings::{Holdings, queues};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use tokio::sync::OnceCell;

/// The deployment, once it is furnished.
static FURNISHED: OnceCell<Furnished> = OnceCell::const_new();

struct Furnished {
    /// The key for each that a desk has from the start.
    keys: HashMap<&'static str, String>,
    /// All that it has.
    holdings: Holdings,
}

/// Account, number and key at each provider that is not Meta.
const GATEWAYS: [(&str, &str, &str); 3] = [
    ("acct_demo-notifapi", "+15550003000", "demo-notifapi-key"),
    ("acct_demo-fonnte", "+15550002000", "demo-fonnte-token"),
    ("acct_demo-mock", "+15550004000", "demo-mock-key"),
];

/// The deployed platform, if there is one: with the demo tenant, a simulator that has forgotten everything, and nothing
/// that a test before this one has let die.
pub(crate) async fn desk() -> Option<Desk> {
    let environment = Environment::process();
    environment.get("HELIOGRAPH_API")?;
    let url = |name: &str| environment.get(name).unwrap().to_owned();
    let mut desk = Desk::at(&[
        ("api", url("HELIOGRAPH_API")),
        ("webhook", url("HELIOGRAPH_WEBHOOK")),
        ("simulator", url("HELIOGRAPH_SIMULATOR")),
        ("aws", url("HELIOGRAPH_AWS")),
    ]);
    let aws = desk.aws();
    no_dead_letters(&aws).await;
    desk.end_faults().await;
    read(desk.http.post(format!("{}/_sim/reset", desk.simulator))).await;
    let furnished = async || {
        furnish(&mut desk, &url("HELIOGRAPH_OPERATOR_KEY")).await;
        Furnished {
            keys: desk.keys.clone(),
            holdings: Holdings::read(&aws).await,
        }
    };
    let furnished = FURNISHED.get_or_init(furnished).await;
    furnished.holdings.put_back(&aws).await;
    desk.keys.clone_from(&furnished.keys);
    Some(desk)
}

/// Fails if a message lies in a dead-letter queue.
async fn no_dead_letters(aws: &Aws) {
    let queues = queues(aws).await.into_iter();
    for queue in queues.filter(|it| it.ends_with("-dead-letters")) {
        let received = aws.sqs().receive_message().queue_url(&queue).send().await;
        let dead = received.unwrap().messages.unwrap_or_default();
        assert!(dead.is_empty(), "{queue} has {dead:?}");
    }
}

/// Makes the demo tenant, with the keys that it has at a desk.
async fn furnish(desk: &mut Desk, operator: &str) {
    desk.keys.insert(OPERATOR_KEY, operator.to_owned());
    let tenant = json!({"id": "demo", "name": "Demo"});
    let made = desk.with_key(OPERATOR_KEY, Method::POST, "/v1/tenants");
    let made = read(made.json(&tenant)).await;
    assert!([201, 409].contains(&made.status), "{made:?}");
    for (at_a_desk, role) in [(ADMIN_KEY, "admin"), (VIEWER_KEY, "viewer")] {
        let key = json!({"name": format!("Demo {role}"), "role": role});
        let made = desk.with_key(OPERATOR_KEY, Method::POST, "/v1/tenants/demo/api-keys");
        let key = read(made.json(&key)).await.with(201)["key"].clone();
        desk.keys
            .insert(at_a_desk, key.as_str().unwrap().to_owned());
    }
    let entries = json!({"data": configuration().await});
    import(desk, &entries).await;
    for (account, number, key) in GATEWAYS {
        let path = format!("/v1/accounts/{account}/keys/demo");
        let body = json!({"key": key, "number": number});
        let put = desk.with_key(ADMIN_KEY, Method::PUT, &path);
        read(put.json(&body)).await.with(200);
    }
    import(desk, &entries).await;
    activate(desk).await;
}

/// What a desk's demo tenant has, with the secrets put in.
async fn configuration() -> Vec<Value> {
    let demo = Desk::of_its_own(None).await;
    let mut entries = demo.all("/v1/configuration").await;
    demo.stop().await;
    let secrets = [
        ("app_secret", APP_SECRET),
        ("access_token", "demo-access-token"),
    ];
    let account = entries.iter_mut().find(|it| it["id"] == ACCOUNT).unwrap();
    for credential in account["credentials"].as_array_mut().unwrap() {
        let secret = secrets.iter().find(|(kind, _)| credential["kind"] == *kind);
        if let Some((_, secret)) = secret {
            credential["secret"] = json!(secret);
        }
    }
    // Who may call is the other platform's own affair.
    entries.retain(|it| it["kind"] != "api_key" && it["kind"] != "tenant");
    entries
}

async fn import(desk: &Desk, entries: &Value) {
    let came = desk.post("/v1/configuration", entries).await.with(200);
    let failed = |it: &&Value| it["status"] == "failed";
    assert_eq!(came["data"].as_array().unwrap().iter().find(failed), None);
}

/// What is left of the set-up of Meta's account: Meta is told whom to call, and calls.
async fn activate(desk: &Desk) {
    for step in ["profile", "webhook"] {
        let path = format!("/v1/accounts/{ACCOUNT}/setup/{step}");
        let put = desk.with_key(ADMIN_KEY, Method::PUT, &path);
        read(put.json(&json!({}))).await.with(200);
    }
    desk.inbound(&json!({"from": "+15550009000", "to": SENDER, "text": "Hello"}))
        .await;
    let path = format!("/v1/accounts/{ACCOUNT}/activate");
    let look = async || (desk.post(&path, &json!({})).await.status == 200).then_some(());
    eventually("the account to be active", look).await;
}
