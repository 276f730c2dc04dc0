//! Every sample in `events/`, brought to the very routers and handlers that `local` mounts, over an emulated AWS and a
//! simulated Meta. What the samples name is there: the message, the job, the contact with its conversation, the account.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod counted;
mod named;

use crate::aws::{self, Endpoints};
use crate::functions::Functions;
use crate::simulator::{self, Simulator, StatusPlan};
use crate::{demo, pollers, provision};
use axum::Router;
use heliograph::domain::state::State;
use heliograph::service::aws::{Aws, Endpoints as AwsEndpoints};
use heliograph::service::queue::Queue;
use heliograph::store::{EventState, Store};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, LambdaEvent};
use lambda_runtime::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tower::ServiceExt;

/// What a function answers to a sample.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// An HTTP status.
    Status(u64),
    /// The messages of a queue that are to come again.
    Again(&'static [&'static str]),
    /// It went well.
    Done,
}

use Answer::{Again, Done, Status};

/// In the order in which they are brought: what one makes, the next may ask for.
const ANSWERS: [(&str, Answer); 140] = [
    ("webhook-verify", Status(200)),
    ("webhook-verify-wrong-token", Status(403)),
    ("webhook-message", Status(200)),
    ("webhook-message-base64", Status(200)),
    ("webhook-status", Status(200)),
    ("webhook-no-signature", Status(401)),
    ("webhook-wrong-signature", Status(401)),
    ("webhook-unknown-account", Status(401)),
    ("ingest-message", Again(&[])),
    ("ingest-message-compressed", Again(&[])),
    ("ingest-status", Again(&[])),
    ("ingest-status-failed", Again(&[])),
    ("ingest-undecodable", Again(&[FIRST])),
    ("send-text", Status(200)),
    ("send-text-async", Status(202)),
    ("send-template", Status(200)),
    ("send-bad-body", Status(400)),
    ("send-not-json", Status(400)),
    ("send-bad-key", Status(401)),
    ("send-viewer", Status(403)),
    ("send-bulk-create", Status(201)),
    ("send-bulk-change", Status(200)),
    ("send-bulk-recipients", Status(200)),
    ("send-bulk-csv", Status(200)),
    ("send-bulk-start", Status(202)),
    ("send-bulk-pause", Status(202)),
    ("send-bulk-resume", Status(202)),
    // It still runs.
    ("send-bulk-retry-failed", Status(409)),
    ("send-resume-sender", Status(200)),
    ("dispatch-hint", Again(&[])),
    ("dispatch-undecodable", Again(&[FIRST])),
    ("deliver-otp", Again(&[])),
    ("deliver-single", Again(&[])),
    ("deliver-bulk", Again(&[])),
    ("deliver-undecodable", Again(&[FIRST])),
    // It has gone, and its outcome is known.
    ("send-cancel", Status(409)),
    ("send-settle", Status(409)),
    ("send-bulk-cancel", Status(202)),
    ("tally-created", Done),
    ("tally-changed", Done),
    ("schedule-minute", Done),
    ("api-list-messages", Status(200)),
    ("api-get-message", Status(200)),
    ("api-list-attempts", Status(200)),
    ("api-list-conversations", Status(200)),
    ("api-get-conversation", Status(200)),
    ("api-list-conversation-messages", Status(200)),
    ("api-list-contacts", Status(200)),
    ("api-get-contact", Status(200)),
    ("api-list-bulk-jobs", Status(200)),
    ("api-get-bulk-job", Status(200)),
    ("api-bulk-plan", Status(200)),
    ("api-bulk-report", Status(200)),
    ("api-list-recipients", Status(200)),
    ("api-list-senders", Status(200)),
    ("api-get-sender", Status(200)),
    ("api-list-webhook-events", Status(200)),
    ("api-get-webhook-event", Status(200)),
    ("api-replay", Status(202)),
    ("api-stats", Status(200)),
    ("api-usage", Status(200)),
    ("api-health", Status(200)),
    ("api-openapi", Status(200)),
    ("api-bad-cursor", Status(400)),
    ("api-bad-key", Status(401)),
    ("api-unknown-route", Status(404)),
    ("api-wrong-method", Status(405)),
    ("accounts-me", Status(200)),
    ("accounts-list-api-keys", Status(200)),
    ("accounts-create-api-key", Status(201)),
    ("accounts-create-api-key-bad-role", Status(400)),
    ("accounts-create-api-key-viewer", Status(403)),
    ("accounts-get-api-key", Status(200)),
    ("accounts-change-api-key", Status(200)),
    ("accounts-create-tenant", Status(201)),
    ("accounts-create-tenant-no-operator", Status(403)),
    ("accounts-create-tenant-bad-key", Status(401)),
    ("accounts-list-tenants", Status(200)),
    ("accounts-get-tenant", Status(200)),
    ("accounts-create-tenant-key", Status(201)),
    ("accounts-change-tenant", Status(200)),
    ("accounts-export-configuration", Status(200)),
    ("accounts-import-configuration", Status(200)),
    ("accounts-create-account", Status(201)),
    ("accounts-list-accounts", Status(200)),
    ("accounts-get-account", Status(200)),
    ("accounts-change-account", Status(200)),
    ("accounts-get-setup", Status(200)),
    ("accounts-setup-business-a-number", Status(400)),
    ("accounts-setup-business", Status(200)),
    ("accounts-setup-phone-number", Status(200)),
    ("accounts-setup-tokens-expired", Status(422)),
    ("accounts-setup-tokens", Status(200)),
    ("accounts-setup-profile", Status(200)),
    ("accounts-get-setup-profile", Status(200)),
    ("accounts-setup-bot", Status(200)),
    ("accounts-get-setup-bot", Status(200)),
    // Nobody is there whom Meta could call.
    ("accounts-setup-webhook", Status(422)),
    ("accounts-activate-account", Status(200)),
    ("accounts-test-account", Status(200)),
    ("accounts-list-phone-numbers", Status(200)),
    ("accounts-add-phone-number", Status(201)),
    ("accounts-get-phone-number", Status(200)),
    ("accounts-get-profile", Status(200)),
    ("accounts-change-profile", Status(200)),
    ("accounts-get-settings", Status(200)),
    ("accounts-change-settings", Status(204)),
    ("accounts-request-code", Status(204)),
    ("accounts-verify-code-wrong", Status(422)),
    ("accounts-set-pin", Status(204)),
    ("accounts-register", Status(204)),
    ("accounts-create-sender", Status(201)),
    ("accounts-change-sender", Status(200)),
    ("accounts-delete-sender", Status(204)),
    ("accounts-deregister", Status(204)),
    ("accounts-create-knowledge", Status(201)),
    ("accounts-list-knowledge", Status(200)),
    ("accounts-change-knowledge", Status(200)),
    ("accounts-delete-knowledge", Status(204)),
    ("accounts-delete-account", Status(204)),
    ("accounts-check-health", Status(200)),
    ("accounts-get-health", Status(200)),
    ("accounts-list-health-log", Status(200)),
    ("accounts-rotate", Status(202)),
    ("rotate-create-secret", Done),
    ("rotate-set-secret", Done),
    ("rotate-test-secret", Done),
    ("rotate-finish-secret", Done),
    ("accounts-audit", Status(200)),
    ("accounts-create-user", Status(201)),
    ("accounts-list-users", Status(200)),
    ("accounts-get-user", Status(200)),
    ("accounts-change-user", Status(200)),
    ("accounts-invite-user", Status(201)),
    ("accounts-accept-invitation-over", Status(401)),
    ("accounts-sign-in-unknown", Status(401)),
    ("accounts-refresh-over", Status(401)),
    ("accounts-change-password-of-a-key", Status(409)),
    ("accounts-sign-out-of-a-key", Status(409)),
    ("accounts-revoke-api-key", Status(204)),
];

/// The message ids of the queue samples.
const FIRST: &str = "00000000-0000-4000-8000-000000000001";

#[tokio::test]
async fn every_sample_is_answered_by_its_function_as_its_name_says() {
    let desk = Desk::start().await;
    let known: BTreeSet<_> = ANSWERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(known, names());
    for (name, expected) in &ANSWERS {
        assert_eq!(&desk.bring(name).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_webhook_call_in_base64_is_the_same_call() {
    let desk = Desk::start().await;
    for (name, inbound, status) in [
        ("webhook-message", 1, 0),
        ("webhook-message-base64", 2, 0),
        ("webhook-status", 2, 1),
        ("webhook-wrong-signature", 2, 1),
    ] {
        desk.bring(name).await;
        let waiting = (desk.depth("inbound").await, desk.depth("status").await);
        assert_eq!(waiting, (inbound, status), "{name}");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_decoded_fails_its_record_alone() {
    let desk = Desk::start().await;
    assert_eq!(desk.bring("ingest-undecodable").await, Again(&[FIRST]));
    let neighbour = "evt_019e92a7c8887000a000000000000006".parse().unwrap();
    let kept = desk
        .store
        .events(&named::message().tenant, &neighbour)
        .await;
    assert_eq!(kept.unwrap().unwrap().worst(), EventState::Applied);
}

#[tokio::test]
async fn the_message_that_a_hint_names_is_sent() {
    let desk = Desk::start().await;
    desk.bring("deliver-single").await;
    let message = desk
        .store
        .outbound(&named::message().tenant, &named::message().id)
        .await
        .unwrap();
    assert_eq!(message.unwrap().state, State::Accepted);
}

/// The functions with what they stand on, and what the samples name.
struct Desk {
    functions: Arc<Functions>,
    store: Store,
    aws: Aws,
    queues: BTreeMap<&'static str, String>,
    _endpoints: Endpoints,
    _simulator: Simulator,
}

impl Desk {
    async fn start() -> Self {
        let endpoints = Endpoints::start(listener().await, aws::Options::default())
            .await
            .unwrap();
        let aws = Aws::at(&AwsEndpoints {
            aws: endpoints.url(),
            dynamodb: Some(endpoints.dynamodb_url()),
        });
        let options = simulator::Options {
            data_dir: None,
            // Nobody is there: no status disturbs the samples.
            webhook_url: "http://127.0.0.1:1".to_owned(),
            statuses: StatusPlan::default(),
        };
        let senders = vec![simulator::Sender::demo()];
        let simulator = Simulator::start(listener().await, options, senders)
            .await
            .unwrap();
        let provisioned = provision::provision(&aws, &endpoints.url()).await.unwrap();
        demo::make(&aws).await.unwrap();
        let functions =
            Functions::new(&provisioned, &simulator.url(), "http://127.0.0.1:1", &aws).unwrap();
        let desk = Self {
            functions: Arc::new(functions),
            store: provision::store(&aws),
            aws,
            queues: provisioned.queues,
            _endpoints: endpoints,
            _simulator: simulator,
        };
        named::make(&desk.store).await;
        desk
    }

    /// How many messages wait on a queue.
    async fn depth(&self, queue: &str) -> u64 {
        let queue = Queue::new(self.aws.sqs(), &self.queues[queue]);
        queue.depth().await.unwrap()
    }

    /// Brings a sample to its function, as AWS would.
    async fn bring(&self, name: &str) -> Answer {
        let event = read(name);
        let functions = &self.functions;
        match name.split('-').next().unwrap() {
            "send" | "api" | "accounts" => ask(&functions.http_api(), event).await,
            "webhook" => ask(&functions.function_url(), event).await,
            "ingest" | "dispatch" | "deliver" => {
                let queue = queue_of(&event);
                let answer = pollers::invoke(functions.clone(), queue, parse(event)).await;
                let failures = answer.batch_item_failures.iter();
                let again: Vec<_> = failures.map(|it| it.item_identifier.as_str()).collect();
                Again(match again[..] {
                    [] => &[],
                    [FIRST] => &[FIRST],
                    _ => panic!("{name}: {again:?}"),
                })
            }
            "tally" => {
                let counted = tally::handle(&functions.tally, lambda(parse(event))).await;
                counted.map(|_| Done).unwrap()
            }
            "schedule" => {
                let swept = schedule::handle(&functions.schedule, lambda(parse(event))).await;
                swept.map(|()| Done).unwrap()
            }
            "rotate" => {
                let event = self.rotation(event).await;
                let rotated = rotate::handle(&functions.rotate, lambda(event)).await;
                rotated.map(|()| Done).unwrap()
            }
            other => panic!("{other} is no function"),
        }
    }
}

impl Desk {
    /// A rotation of the secret of this name: its ARN ends in characters of chance.
    async fn rotation(&self, event: Value) -> rotate::RotationEvent {
        let mut event: rotate::RotationEvent = parse(event);
        let (_, name) = event.secret_id.split_once(":secret:").unwrap();
        let (name, _) = name.rsplit_once('-').unwrap();
        let secrets = self.aws.secrets();
        let described = secrets.describe_secret().secret_id(name).send().await;
        event.secret_id = described.unwrap().arn.unwrap();
        event
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// An HTTP event, as `lambda_http` brings it to the router that its method and path lead to.
async fn ask(route: &impl Fn(&axum::http::Method, &str) -> Router, event: Value) -> Answer {
    let http = &event["requestContext"]["http"];
    let method = http["method"].as_str().unwrap().parse().unwrap();
    let router = route(&method, event["rawPath"].as_str().unwrap());
    let request = LambdaRequest::deserialize(event).unwrap();
    let answer = Adapter::from(router).oneshot(lambda(request)).await;
    let answer = serde_json::to_value(answer.unwrap()).unwrap();
    Status(answer["statusCode"].as_u64().unwrap())
}

/// `otp` of an ARN that ends in `heliograph-dev-otp`.
fn queue_of(event: &Value) -> &'static str {
    let arn = event["Records"][0]["eventSourceARN"].as_str().unwrap();
    let name = arn.rsplit('-').next().unwrap();
    let queues = ["otp", "single", "bulk", "dispatch", "inbound", "status"];
    queues.into_iter().find(|it| *it == name).unwrap()
}

fn lambda<T>(payload: T) -> LambdaEvent<T> {
    LambdaEvent::new(payload, Context::default())
}

fn parse<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events")
}

fn names() -> BTreeSet<String> {
    let files = std::fs::read_dir(folder()).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    paths
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn read(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_conversation_in_the_samples_is_the_contacts() {
    let conversation = named::inbound(&named::contact()).conversation;
    for name in ["api-get-conversation", "api-list-conversation-messages"] {
        let path = read(name)["rawPath"].as_str().unwrap().to_owned();
        assert!(path.contains(conversation.as_str()), "{conversation}");
    }
}
