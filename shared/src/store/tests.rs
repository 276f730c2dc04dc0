//! The store against an embedded DynamoDB over loopback; every test has one of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod callers;
mod claims;
mod concurrency;
mod credentials;
mod eras;
mod histories;
mod items;
mod jobs;
mod lists;
mod number_checks;
mod pace;
mod partitions;
mod people;
mod portfolios;
mod provider_settings;
mod recipients;
mod slots;
mod tiers;
mod transactions;

use super::*;
use crate::domain::account::NumberFacts;
use crate::domain::job::{Job, JobEvent};
use crate::domain::ledger::tests::{at, queued};
use crate::domain::message::{Lane, Message, Outbound};
use crate::domain::pace::Portfolio;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// An empty store with both tables.
pub(crate) async fn empty_store() -> Store {
    empty_store_and_url().await.0
}

/// An empty store with both tables, and where its database answers.
pub(crate) async fn empty_store_and_url() -> (Store, String) {
    let url = serve(&engine()).await;
    let store = store_at(&url);
    store.create_tables().await.unwrap();
    (store, url)
}

/// An embedded database without tables.
pub(crate) fn engine() -> dynoxide::Database {
    dynoxide::Database::memory().unwrap()
}

/// Where a database answers from now on.
pub(crate) async fn serve(engine: &dynoxide::Database) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let for_ever = std::future::pending();
    let serving = dynoxide::server::serve_with_shutdown(listener, engine.clone(), for_ever);
    #[expect(clippy::disallowed_methods, reason = "a test's server")]
    tokio::spawn(serving);
    url
}

/// A store whose database is at `url`.
pub(crate) fn store_at(url: &str) -> Store {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(Credentials::for_tests())
        .build();
    Store::new(Client::from_conf(config), "messages", "logs")
}

/// A store whose calls reach the database at `url` if `passes` lets them; all others end with the error `refusal`.
pub(crate) async fn store_behind(
    url: &str,
    refusal: &'static str,
    passes: impl Fn(&HeaderMap) -> bool + Clone + Send + Sync + 'static,
) -> Store {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = url.to_owned();
    let pass = move |headers: HeaderMap, body: Bytes| async move {
        if !passes(&headers) {
            let refusal = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{refusal}")});
            return (StatusCode::BAD_REQUEST, refusal.to_string());
        }
        let answer = client.post(url).headers(headers).body(body).send().await;
        let answer = answer.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let serving = axum::serve(listener, Router::new().fallback(pass));
    #[expect(clippy::disallowed_methods, reason = "a test's server")]
    tokio::spawn(serving.into_future());
    store_at(&own)
}

/// What a store asked its database for.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    /// The operations since the last look, in their order.
    pub(crate) fn look(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A store at the database at `url`, and what it asks for.
pub(crate) async fn watched_store(url: &str) -> (Store, Calls) {
    let calls = Calls::default();
    let seen = calls.clone();
    let watching = move |headers: &HeaderMap| {
        seen.0.lock().unwrap().push(operation(headers).to_owned());
        true
    };
    let store = store_behind(url, "ValidationException", watching).await;
    (store, calls)
}

/// Writes a message down.
pub(crate) async fn write(store: &Store, message: &Outbound) {
    let mut transaction = Transaction::new();
    let message = Message::Outbound(Box::new(message.clone()));
    store.create_message(&mut transaction, &message).unwrap();
    store.commit(transaction).await.unwrap();
}

/// The sender that messages in tests leave from.
pub(crate) fn sender(window: WindowPolicy) -> Sender {
    Sender {
        id: "100000000000001".parse().unwrap(),
        tenant: "demo".parse().unwrap(),
        account: "acct_demo".parse().unwrap(),
        waba: Some("200000000000001".parse().unwrap()),
        portfolio: None,
        display_number: "+15550001000".to_owned(),
        messages_per_second: 80,
        coexistence: false,
        calls_per_second: None,
        reserved_percent: 10,
        window,
        facts: NumberFacts::default(),
        era: 0,
    }
}

/// A sender whose portfolio, which is written down, may write to so many people a day.
pub(crate) async fn limited(store: &Store, people_per_day: u64) -> Sender {
    let portfolio = Portfolio {
        id: "300000000000001".parse().unwrap(),
        people_per_day: Some(people_per_day),
    };
    let sender = Sender {
        portfolio: Some(portfolio.id.clone()),
        ..sender(WindowPolicy::Off)
    };
    store
        .put_portfolio(&sender.tenant, &portfolio)
        .await
        .unwrap();
    sender
}

/// A job without recipients, made at `now`.
pub(crate) fn job(now: Timestamp) -> Job {
    let message = serde_json::from_value(
        json!({"kind": "text", "body": {"type": "text", "text": {"body": "Hi {{name}}"}}}),
    );
    Job::draft(
        "demo".parse().unwrap(),
        "acct_demo".parse().unwrap(),
        "100000000000001".parse().unwrap(),
        "spring".to_owned(),
        message.unwrap(),
        now,
    )
}

/// Writes a job down.
pub(crate) async fn write_job(store: &Store, job: &Job) {
    let mut transaction = Transaction::new();
    store.create_job(&mut transaction, job).unwrap();
    store.commit(transaction).await.unwrap();
}

/// Lets an event happen to a job as it is now.
pub(crate) async fn happens(store: &Store, job: &Job, event: &JobEvent, now: Timestamp) -> Job {
    let known = store.job(&job.tenant, &job.id).await.unwrap().unwrap();
    store
        .move_job(known, event, Asked::default(), now)
        .await
        .unwrap()
}

/// A job with one recipient, written down and started.
pub(crate) async fn running_job(store: &Store) -> Job {
    let job = job(at(0));
    write_job(store, &job).await;
    let recipients = [recipient(&job, 1)];
    let added = store.add_recipients(&job, &recipients, at(0));
    added.await.unwrap();
    happens(store, &job, &JobEvent::Started, at(0)).await
}

/// Whether a request asks for this operation of the database.
pub(crate) fn asks_for(headers: &HeaderMap, operation: &str) -> bool {
    self::operation(headers) == operation
}

fn operation(headers: &HeaderMap) -> &str {
    let target = headers.get("x-amz-target").unwrap().to_str().unwrap();
    target.rsplit('.').next().unwrap()
}

/// Recipient number `number` of a job.
pub(crate) fn recipient(job: &Job, number: u32) -> Outbound {
    let mut message = queued(job.created_at);
    let to = format!("+1555{number:07}");
    message.id = crate::domain::id::MessageId::derived(job.created_at, &[job.id.as_str(), &to]);
    message.to = crate::domain::identity::Recipient::Phone(to.parse().unwrap());
    message.lane = Lane::Bulk;
    message.content = None;
    message.variables = Some(json!({"name": "Ada"}));
    message.job = Some(job.id.clone());
    message
}
