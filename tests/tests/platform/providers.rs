//! What a tenant says of providers, while messages go out: where each is, whether it is used, how long a call may last.

use crate::neighbour::{Key, Neighbour};
use axum::Router;
use axum::extract::State;
use axum::http::{Method, Uri};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tests::{ADMIN_KEY, Answer, Desk, VIEWER_KEY, read, text};
use tokio::net::TcpListener;

const FONNTE: &str = "fonnte-15550002000";
const NOTIFAPI: &str = "notifapi-15550003000";
const MOCK: &str = "mock-15550004000";

fn from(sender: &str, to: &str) -> Value {
    let mut message = text(to, "Hello");
    message["from"] = sender.into();
    message
}

async fn say(desk: &Desk, provider: &str, body: &Value) -> Answer {
    let path = format!("/v1/providers/{provider}");
    read(desk.with_key(ADMIN_KEY, Method::PUT, &path).json(body)).await
}

async fn take_back(desk: &Desk, provider: &str) {
    let path = format!("/v1/providers/{provider}");
    let answer = read(desk.with_key(ADMIN_KEY, Method::DELETE, &path)).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
}

/// A message once it was refused or taken under settings that may be a second old where they are used.
async fn sent_under(desk: &Desk, message: &Value, status: u16) -> Answer {
    let look = async || {
        let answer = desk.send(message).await;
        (answer.status == status).then_some(answer)
    };
    tests::eventually("the settings to be used", look).await
}

/// A provider of the tenant's own, which answers so to everything or never, and what it was asked.
struct Gateway {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Manner {
    asked: Arc<Mutex<Vec<String>>>,
    answer: Option<Value>,
}

impl Gateway {
    async fn answering(answer: Option<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/gateway", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let manner = Manner {
            asked: asked.clone(),
            answer,
        };
        let served = Router::new().fallback(answer_so).with_state(manner);
        #[expect(clippy::disallowed_methods, reason = "a test's server")]
        tokio::spawn(async move { axum::serve(listener, served).await });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer_so(
    State(manner): State<Manner>,
    method: Method,
    uri: Uri,
) -> (StatusCode, axum::Json<Value>) {
    let asked = format!("{method} {}", uri.path());
    manner.asked.lock().unwrap().push(asked);
    match manner.answer {
        Some(answer) => (StatusCode::OK, axum::Json(answer)),
        None => pending().await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_provider_is_listed_with_what_is_said_of_it_and_what_it_can_do() {
    let desk = Desk::start().await;
    let listed = desk.get("/v1/providers").await.with(200);
    let listed = listed["data"].as_array().unwrap();
    let names: Vec<_> = listed.iter().map(|it| it["id"].clone()).collect();
    assert_eq!(names, ["meta", "notifapi", "fonnte", "mock"]);
    for provider in listed {
        assert_eq!(provider["enabled"], true);
        assert_eq!(provider["priority"], 100);
        assert_eq!(provider["timeout_ms"], 10_000);
        assert_eq!(provider["limits"], json!({}));
        let said = ["base_url", "changed_at"].map(|name| provider.get(name).is_some());
        assert_eq!(said, [false, false], "{provider}");
        let path = format!("/v1/providers/{}", provider["id"].as_str().unwrap());
        assert_eq!(&desk.get(&path).await.with(200), provider);
    }
    let abilities = |of: usize| listed[of]["abilities"].clone();
    assert_eq!(abilities(0)["types"].as_array().unwrap().len(), 11);
    let notifapi =
        json!({"types": ["text", "image", "document"], "statuses": false, "groups": true});
    assert_eq!(abilities(1), notifapi);
    assert_eq!(
        (&abilities(2)["statuses"], &abilities(2)["groups"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(abilities(3)["groups"], false);
    desk.get("/v1/providers/twilio")
        .await
        .problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_of_a_provider_is_kept_until_it_is_taken_back_and_stands_in_the_trail() {
    let desk = Desk::start().await;
    let body = json!({"priority": 5, "timeout_ms": 4_000, "limits": {"per_minute": 30}});
    let changed = say(&desk, "fonnte", &body).await.with(200);
    assert_eq!(changed["priority"], 5);
    assert_eq!(changed["limits"], json!({"per_minute": 30}));
    let more = json!({"enabled": false, "limits": {"per_minute": null, "per_day": 9}});
    let changed = say(&desk, "fonnte", &more).await.with(200);
    assert_eq!(
        (&changed["priority"], &changed["timeout_ms"]),
        (&json!(5), &json!(4_000))
    );
    assert_eq!(changed["limits"], json!({"per_day": 9}));
    assert_eq!(desk.get("/v1/providers/fonnte").await.with(200), changed);
    // Nothing new was said.
    assert_eq!(say(&desk, "fonnte", &more).await.with(200), changed);

    take_back(&desk, "fonnte").await;
    take_back(&desk, "fonnte").await;
    let usual = desk.get("/v1/providers/fonnte").await.with(200);
    assert_eq!(
        (&usual["enabled"], &usual["priority"]),
        (&json!(true), &json!(100))
    );
    let trail = desk.all("/v1/audit").await;
    let told: Vec<_> = trail
        .iter()
        .filter(|it| it["action"] == "provider.changed" && it["target"] == "fonnte")
        .map(|it| it["changes"]["enabled"].clone())
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told.iter().filter(|it| **it == json!(false)).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_change_is_told_at_once_and_changes_nothing() {
    let desk = Desk::start().await;
    let body = json!({
        "base_url": "ftp://gateway.example.com", "enabled": "yes", "priority": 1_001, "timeout_ms": 2_000,
        "limits": {"per_second": 0}, "colour": "red",
    });
    let refused = say(&desk, "mock", &body).await;
    let pointers = [
        "/base_url",
        "/colour",
        "/enabled",
        "/limits/per_second",
        "/priority",
        "/timeout_ms",
    ];
    assert_eq!(refused.faults(), pointers);
    for address in [
        "gateway.example.com",
        "http://user:secret@127.0.0.1/",
        "http://127.0.0.1/?to=1",
        "http://127.0.0.1/#top",
        "file:///etc/passwd",
    ] {
        let refused = say(&desk, "mock", &json!({"base_url": address})).await;
        assert_eq!(refused.faults(), ["/base_url"], "{address}");
        assert!(!refused.text.contains("secret"), "{}", refused.text);
    }
    let at_meta = say(
        &desk,
        "meta",
        &json!({"base_url": "https://graph.example.com"}),
    )
    .await;
    assert_eq!(at_meta.faults(), ["/base_url"]);
    say(&desk, "twilio", &json!({"enabled": true}))
        .await
        .problem(404, "not_found");
    let viewer = desk.with_key(VIEWER_KEY, Method::PUT, "/v1/providers/mock");
    read(viewer.json(&json!({"enabled": false})))
        .await
        .problem(403, "forbidden");
    let mock = desk.get("/v1/providers/mock").await.with(200);
    assert_eq!(
        (&mock["enabled"], mock.get("base_url")),
        (&json!(true), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_message_goes_where_the_provider_is_said_to_be() {
    let desk = Desk::start().await;
    let taken = json!({"id": "m-1", "status": true, "code": 200, "detail": "success"});
    for (provider, sender, path) in [
        ("mock", MOCK, "POST /gateway/messages"),
        ("fonnte", FONNTE, "POST /gateway/send"),
        ("notifapi", NOTIFAPI, "POST /gateway/send_message"),
    ] {
        let gateway = Gateway::answering(Some(taken.clone())).await;
        let there = json!({"base_url": gateway.url});
        say(&desk, provider, &there).await.with(200);
        let to = "+15550051001";
        // Whatever it makes of the answer, it asked there.
        let sent = desk.send(&from(sender, to)).await;
        assert!(sent.status < 500, "{}", sent.text);
        assert_eq!(gateway.asked(), [path], "{provider}");
        assert_eq!(desk.accepted(Some(to)).await, Vec::<Value>::new());
    }
    take_back(&desk, "mock").await;
    let back = async || {
        desk.send(&from(MOCK, "+15550051002")).await.with(200);
        desk.accepted(Some("+15550051002")).await.first().cloned()
    };
    tests::eventually("messages to go by the installation's address", back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_asked_about_and_groups_are_listed_where_the_provider_is_said_to_be() {
    let desk = Desk::start().await;
    let gateway = Gateway::answering(Some(json!({"code": 200, "results": []}))).await;
    let there = json!({"base_url": format!("{}/", gateway.url)});
    say(&desk, "notifapi", &there).await.with(200);
    let groups = desk.get("/v1/accounts/acct_demo-notifapi/groups").await;
    assert_eq!(groups.with(200)["data"], json!([]));
    let test = "/v1/accounts/acct_demo-notifapi/keys/demo/test";
    desk.post(test, &Value::Null).await.with(200);
    let asked = gateway.asked();
    assert_eq!(
        asked,
        ["GET /gateway/get_group_id", "POST /gateway/check_number"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_later_than_a_call_may_last_leaves_the_message_unknown() {
    let desk = Desk::start().await;
    let silent = Gateway::answering(None).await;
    let body = json!({"base_url": silent.url, "timeout_ms": 3_000});
    say(&desk, "mock", &body).await.with(200);
    let began = Instant::now();
    let sent = desk.send(&from(MOCK, "+15550051011")).await.with(202);
    assert_eq!(sent["state"], "unknown");
    let took = began.elapsed();
    assert!((3..8).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_through_a_disabled_provider_and_what_waits_goes_once_it_is_enabled() {
    let desk = Desk::start().await;
    let disabled = json!({"enabled": false});
    say(&desk, "mock", &disabled).await.with(200);
    let to = "+15550051021";
    let refused = desk.send(&from(MOCK, to)).await;
    let told = refused.problem(409, "provider_disabled");
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains("PUT /v1/providers/mock"), "{detail}");
    // Others go on, and what is to go later is taken in.
    desk.send(&from(FONNTE, to)).await.with(200);
    let later = async |sender: &str, seconds: i64| {
        let mut later = from(sender, to);
        later["send_at"] = json!(tests::in_seconds(seconds));
        let waiting = desk.send(&later).await.with(202);
        waiting["id"].as_str().unwrap().to_owned()
    };
    let (id, after_it) = (later(MOCK, 1).await, later(NOTIFAPI, 3).await);
    desk.message_once(&after_it, "accepted").await;
    assert_ne!(desk.message(&id).await["state"], "accepted");
    let accepted = desk.accepted(Some(to)).await;
    assert!(
        accepted.iter().all(|it| it["provider"] != "mock"),
        "{accepted:?}"
    );
    say(&desk, "mock", &json!({"enabled": true}))
        .await
        .with(200);
    desk.message_once(&id, "accepted").await;
    sent_under(&desk, &from(MOCK, to), 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_would_begin_at_once_is_not_started_through_a_provider_that_is_disabled() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    desk.add(&job, &tests::recipients(3)).await.with(200);
    say(&desk, "meta", &json!({"enabled": false}))
        .await
        .with(200);
    desk.start_job(&job).await.problem(409, "provider_disabled");
    assert_eq!(desk.job(&job).await["status"], "ready");
    take_back(&desk, "meta").await;
    let started = async || (desk.start_job(&job).await.status == 202).then_some(());
    tests::eventually("the job to be started", started).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tenant_says_of_a_provider_is_its_own() {
    let desk = Desk::start().await;
    Neighbour::move_in(&desk).await;
    let path = "/v1/providers/mock";
    let body = json!({"enabled": false, "priority": 3});
    let theirs = desk.with_key(Key::Admin.text(), Method::PUT, path);
    read(theirs.json(&body)).await.with(200);
    let ours = desk.get(path).await.with(200);
    assert_eq!(
        (&ours["enabled"], &ours["priority"]),
        (&json!(true), &json!(100))
    );
    desk.send(&from(MOCK, "+15550051031")).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_providers_is_part_of_the_configuration() {
    let old = Desk::start().await;
    let body = json!({"base_url": "https://gateway.example.com/f", "priority": 9, "limits": {"per_day": 5}});
    say(&old, "fonnte", &body).await.with(200);
    let mut entries = old.all("/v1/configuration").await;
    entries.retain(|it| it["kind"] == "provider");
    let expected = json!([{
        "kind": "provider", "id": "fonnte", "base_url": "https://gateway.example.com/f", "enabled": true, "priority": 9,
        "limits": {"per_day": 5}, "timeout_ms": 10_000,
    }]);
    assert_eq!(json!(entries), expected);

    let new = Desk::start().await;
    let import = async || {
        let page = json!({"data": entries});
        let came = new.post("/v1/configuration", &page).await.with(200);
        came["data"][0]["status"].clone()
    };
    assert_eq!(import().await, "made");
    assert_eq!(import().await, "unchanged");
    let there = new.get("/v1/providers/fonnte").await.with(200);
    assert_eq!(
        (&there["base_url"], &there["priority"]),
        (&body["base_url"], &body["priority"])
    );
    say(&new, "fonnte", &json!({"priority": 10}))
        .await
        .with(200);
    assert_eq!(import().await, "differs");
}
