//! The simulator over loopback, seen by a client and by a webhook that checks signatures.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod endpoint;
mod faults;
mod gateways;
mod keeping;
mod numbers;
mod sending;
mod subscriptions;
mod tokens;
mod webhooks;

use super::webhooks::signature;
use super::{Options, Sender, Simulator, StatusPlan};
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// The token of the playground, its WABA, and its number that is ready.
const PLAYGROUND: &str = "playground-access-token";
const WABA: &str = "200000000000002";
const READY: &str = "100000000000002";
/// The playground's number of which nothing is done yet.
const NEW: &str = "100000000000003";
const SENDER: &str = "100000000000001";
const ANNA: &str = "+15550001111";
const BERT: &str = "+15550002222";
/// The playground's app, as its own caller.
const APP_TOKEN: &str = "400000000000002|playground-app-secret";
/// Where that app's own webhook is set up.
const APP_WEBHOOK: &str = "/v25.0/400000000000002/subscriptions";
/// A port on which nothing listens.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Statuses without waiting, so that a test is over soon.
fn quick() -> StatusPlan {
    StatusPlan {
        sent_after: Duration::ZERO,
        delivered_after: Duration::from_millis(1),
        read_after: Duration::from_millis(2),
        read_share: 1.0,
    }
}

async fn port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

async fn start(webhook_url: &str) -> Simulator {
    let mut options = Options::in_memory(webhook_url);
    options.statuses = quick();
    Simulator::start(port().await, options, vec![Sender::demo()])
        .await
        .unwrap()
}

async fn start_in(folder: &Folder, webhook_url: &str) -> Simulator {
    let mut options = Options::in_memory(webhook_url);
    options.statuses = quick();
    options.data_dir = Some(folder.0.clone());
    Simulator::start(port().await, options, vec![Sender::demo()])
        .await
        .unwrap()
}

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("heliograph-simulator-{}", uuid::Uuid::new_v4());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A client of one simulator.
struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    fn of(simulator: &Simulator) -> Self {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(20))
            .no_proxy()
            .build()
            .unwrap();
        let url = simulator.url();
        Self { http, url }
    }

    async fn post(&self, path: &str, body: &Value) -> reqwest::Result<(StatusCode, Value)> {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .bearer_auth("demo-access-token")
            .json(body);
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    async fn send(&self, to: &str, callback: &str) -> reqwest::Result<(StatusCode, Value)> {
        let path = format!("/v25.0/{SENDER}/messages");
        self.post(&path, &text(to, callback)).await
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.url));
        let response = request.bearer_auth("demo-access-token").send().await;
        response.unwrap().json().await.unwrap()
    }

    /// A call with any token; its status and its answer.
    async fn call(&self, method: Method, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(token);
        if !body.is_null() {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Has the playground's app hear of these fields at this URL.
    async fn hear(&self, url: &str, fields: &str) -> (u16, Value) {
        let body = json!({"object": "whatsapp_business_account", "callback_url": url,
            "verify_token": "right", "fields": fields});
        self.call(Method::POST, APP_WEBHOOK, APP_TOKEN, &body).await
    }

    /// A `GET` with the playground's token.
    async fn look(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, PLAYGROUND, &Value::Null).await
    }

    /// A `POST` with the playground's token.
    async fn set(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, PLAYGROUND, &body).await
    }

    async fn order_fault(&self, order: Value) {
        let (status, answer) = self.post("/_sim/faults", &order).await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    }

    async fn accepted(&self) -> u64 {
        self.get("/_sim/stats").await["accepted"].as_u64().unwrap()
    }
}

fn text(to: &str, callback: &str) -> Value {
    json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "text",
        "text": {"body": "Hello"},
        "biz_opaque_callback_data": callback,
    })
}

/// A webhook that takes only what is signed.
#[derive(Default)]
struct Webhook {
    values: Mutex<Vec<Value>>,
    refusals_left: AtomicUsize,
    refused: AtomicUsize,
    arrived: Notify,
}

impl Webhook {
    async fn start() -> (Arc<Self>, String) {
        let webhook = Arc::new(Self::default());
        let listener = port().await;
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(webhook.clone().serve(listener));
        (webhook, url)
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        let routes = Router::new()
            .route("/webhooks/meta/{account}", post(take))
            .with_state(self);
        axum::serve(listener, routes).await.unwrap();
    }

    /// Everything in arrays of this name, in order of arrival.
    fn all(&self, name: &str) -> Vec<Value> {
        let values = self.values.lock().unwrap();
        let arrays = values.iter().filter_map(|value| value[name].as_array());
        arrays.flatten().cloned().collect()
    }

    /// As [`Self::all`], once there are so many.
    async fn at_least(&self, name: &str, count: usize) -> Vec<Value> {
        let wait = async {
            loop {
                let arrived = self.arrived.notified();
                let all = self.all(name);
                if all.len() >= count {
                    return all;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait)
            .await
            .unwrap()
    }
}

async fn take(
    State(webhook): State<Arc<Webhook>>,
    UrlPath(account): UrlPath<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    assert_eq!(account, "acct_demo");
    let expected = signature("demo-app-secret", &body);
    if headers["x-hub-signature-256"] != expected {
        return StatusCode::UNAUTHORIZED;
    }
    let one_less = |left: usize| left.checked_sub(1);
    let refusals = &webhook.refusals_left;
    if refusals
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
        .is_ok()
    {
        webhook.refused.fetch_add(1, Ordering::SeqCst);
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    for entry in body["entry"].as_array().unwrap() {
        assert_eq!(entry["id"], "200000000000001");
        let value = entry["changes"][0]["value"].clone();
        webhook.values.lock().unwrap().push(value);
    }
    webhook.arrived.notify_waiters();
    StatusCode::OK
}
