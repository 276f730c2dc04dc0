//! Every sample in `events/`, brought to the very routers and handlers that `local` mounts, over an emulated AWS and a
//! simulated Meta. What the samples name is there: the message, the job, the contact with its conversation, the account.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod answers;
mod counted;
mod emulated;
mod figures;
mod named;

use crate::aws::{self, Endpoints};
use crate::functions::Functions;
use crate::provision::Provisioned;
use crate::simulator::{self, Simulator, StatusPlan};
use crate::{demo, pollers, provision};
use answers::Answer::{self, Again, Done, Status};
use answers::{ANSWERS, FIRST};
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
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tower::ServiceExt;

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

/// Where webhooks would go. Nobody is there: no status disturbs the samples.
const NOBODY: &str = "http://127.0.0.1:1";

/// The functions with what they stand on, and what the samples name.
struct Desk {
    functions: Arc<Functions>,
    store: Store,
    aws: Aws,
    provisioned: Provisioned,
    endpoints: Endpoints,
    simulator: Simulator,
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
            webhook_url: NOBODY.to_owned(),
            statuses: StatusPlan::default(),
        };
        let senders = vec![simulator::Sender::demo()];
        let simulator = Simulator::start(listener().await, options, senders)
            .await
            .unwrap();
        let provisioned = provision::provision(&aws, &endpoints.url()).await.unwrap();
        let around = demo::Surroundings {
            providers: &provisioned.providers(&simulator.url(), NOBODY).unwrap(),
            webhook_url: NOBODY,
        };
        demo::make(&aws, &around).await.unwrap();
        let functions = Functions::new(&provisioned, &simulator.url(), NOBODY, &aws).unwrap();
        let desk = Self {
            functions: Arc::new(functions),
            store: provision::store(&aws),
            aws,
            provisioned,
            endpoints,
            simulator,
        };
        named::make(&desk.store).await;
        desk
    }

    /// How many messages wait on a queue.
    async fn depth(&self, queue: &str) -> u64 {
        let queue = Queue::new(self.aws.sqs(), &self.provisioned.queues[queue]);
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
                again(failures.map(|it| it.item_identifier.as_str()))
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
                let rotated = rotate::handle(&functions.rotate, lambda(parse(event))).await;
                rotated.map(|()| Done).unwrap()
            }
            other => panic!("{other} is no function"),
        }
    }
}

impl Desk {
    /// A rotation of the secret of this name: its ARN ends in characters of chance.
    async fn rotation(&self, mut event: Value) -> Value {
        let arn = event["SecretId"].as_str().unwrap();
        let (_, name) = arn.split_once(":secret:").unwrap();
        let (name, _) = name.rsplit_once('-').unwrap();
        let secrets = self.aws.secrets();
        let described = secrets.describe_secret().secret_id(name).send().await;
        event["SecretId"] = described.unwrap().arn.unwrap().into();
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

/// The messages of a queue that are to come again.
fn again<'a>(failed: impl Iterator<Item = &'a str>) -> Answer {
    match failed.collect::<Vec<_>>()[..] {
        [] => Again(&[]),
        [FIRST] => Again(&[FIRST]),
        ref others => panic!("{others:?} are to come again"),
    }
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
