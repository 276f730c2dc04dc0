//! The endpoints as the real SDKs meet them, over loopback.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod dynamodb;
mod faults;
mod journal;
mod queues;
mod redrive;
mod secrets;
mod wire;

use super::{Endpoints, Options, REGION};
use aws_sdk_sqs::config::{Credentials, Region};
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;

/// A directory that goes with its test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("aws-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// The files as they are at this moment: what a process finds whose predecessor was killed now.
    fn as_if_killed(&self) -> Self {
        let copy = Self::new();
        copy_tree(&self.0, &copy.0);
        copy
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn in_memory() -> Endpoints {
    start(None).await
}

async fn on_disk(scratch: &Scratch) -> Endpoints {
    start(Some(scratch.0.clone())).await
}

async fn start(data_dir: Option<PathBuf>) -> Endpoints {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Endpoints::start(listener, Options { data_dir })
        .await
        .unwrap()
}

fn credentials() -> Credentials {
    Credentials::new("test", "test", None, None, "tests")
}

fn sqs(endpoints: &Endpoints) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .endpoint_url(endpoints.url())
        .region(Region::new(REGION))
        .credentials_provider(credentials());
    aws_sdk_sqs::Client::from_conf(config.build())
}

fn secrets_manager(endpoints: &Endpoints) -> aws_sdk_secretsmanager::Client {
    let config = aws_sdk_secretsmanager::Config::builder()
        .endpoint_url(endpoints.url())
        .region(Region::new(REGION))
        .credentials_provider(credentials());
    aws_sdk_secretsmanager::Client::from_conf(config.build())
}

fn dynamodb_at(url: String) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .endpoint_url(url)
        .region(Region::new(REGION))
        .credentials_provider(credentials());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

async fn queue(sqs: &aws_sdk_sqs::Client, name: &str) -> String {
    sqs.create_queue()
        .queue_name(name)
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap()
}

async fn send(sqs: &aws_sdk_sqs::Client, url: &str, body: &str) {
    sqs.send_message()
        .queue_url(url)
        .message_body(body)
        .send()
        .await
        .unwrap();
}

/// What a short poll finds, hidden for `visibility` seconds.
async fn receive(sqs: &aws_sdk_sqs::Client, url: &str, visibility: i32) -> Vec<Message> {
    let call = sqs
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10);
    let call = call.visibility_timeout(visibility);
    let call = call
        .message_system_attribute_names("All".into())
        .message_attribute_names("All");
    call.send().await.unwrap().messages.unwrap_or_default()
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::body).collect()
}

async fn attribute(sqs: &aws_sdk_sqs::Client, url: &str, name: QueueAttributeName) -> String {
    let call = sqs
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(name.clone());
    call.send()
        .await
        .unwrap()
        .attributes
        .unwrap()
        .remove(&name)
        .unwrap()
}
