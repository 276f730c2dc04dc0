//! What an emulated AWS holds of a deployment: read once, and put back before each test.

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, PutRequest, WriteRequest};
use heliograph::service::aws::Aws;
use std::collections::HashMap;

/// How many writes a batch takes. Source: AWS, "`BatchWriteItem`".
const WRITES: usize = 25;

/// How many secrets a page of them takes; a test makes fewer. Source: AWS, "`ListSecrets`".
const MOST_LISTED: i32 = 100;

type Item = HashMap<String, AttributeValue>;

/// The items of its tables and the values of its secrets, each by name.
#[derive(Debug)]
pub(super) struct Holdings {
    tables: HashMap<String, HashMap<String, Item>>,
    secrets: HashMap<String, String>,
}

impl Holdings {
    /// What it holds now.
    pub(super) async fn read(aws: &Aws) -> Self {
        let listed = aws.dynamodb().list_tables().send().await.unwrap();
        let mut tables = HashMap::new();
        for name in listed.table_names.unwrap() {
            let items = items(aws, &name).await;
            tables.insert(name, items);
        }
        Self {
            tables,
            secrets: secrets(aws).await,
        }
    }

    /// Makes it hold this and nothing else, and its queues nothing.
    pub(super) async fn put_back(&self, aws: &Aws) {
        for queue in queues(aws).await {
            let purge = aws.sqs().purge_queue().queue_url(queue);
            purge.send().await.unwrap();
        }
        let now = Self::read(aws).await;
        for (name, items) in &self.tables {
            write(aws, name, changes(&now.tables[name], items)).await;
        }
        for name in now.secrets.keys() {
            if !self.secrets.contains_key(name) {
                let delete = aws.secrets().delete_secret().secret_id(name);
                let deleted = delete.force_delete_without_recovery(true).send().await;
                deleted.unwrap();
            }
        }
        for (name, value) in &self.secrets {
            if now.secrets.get(name) == Some(value) {
                continue;
            }
            let secrets = aws.secrets();
            if !now.secrets.contains_key(name) {
                let restore = secrets.restore_secret().secret_id(name);
                restore.send().await.unwrap();
            }
            let put = secrets.put_secret_value().secret_id(name);
            put.secret_string(value).send().await.unwrap();
        }
    }
}

/// The URLs of its queues.
pub(super) async fn queues(aws: &Aws) -> Vec<String> {
    let listed = aws.sqs().list_queues().send().await.unwrap();
    listed.queue_urls.unwrap()
}

/// A table's items, each by what tells it from the others.
async fn items(aws: &Aws, table: &str) -> HashMap<String, Item> {
    let pages = aws
        .dynamodb()
        .scan()
        .table_name(table)
        .consistent_read(true);
    let mut pages = pages.into_paginator().items().send();
    let mut items = HashMap::new();
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        let part = |name: &str| item[name].as_s().unwrap().clone();
        items.insert(format!("{}\n{}", part("pk"), part("sk")), item);
    }
    items
}

async fn secrets(aws: &Aws) -> HashMap<String, String> {
    let listed = aws.secrets().list_secrets().max_results(MOST_LISTED);
    let listed = listed.send().await.unwrap();
    assert_eq!(listed.next_token, None);
    let mut values = HashMap::new();
    for secret in listed.secret_list.unwrap_or_default() {
        let name = secret.name.unwrap();
        let value = aws.secrets().get_secret_value().secret_id(&name);
        let value = value.send().await.unwrap().secret_string.unwrap();
        values.insert(name, value);
    }
    values
}

/// What makes items that there are `now` those that there shall be.
fn changes(now: &HashMap<String, Item>, shall: &HashMap<String, Item>) -> Vec<WriteRequest> {
    let gone = now.iter().filter(|(key, _)| !shall.contains_key(*key));
    let gone = gone.map(|(_, item)| {
        let key = ["pk", "sk"].map(|name| (name.to_owned(), item[name].clone()));
        let delete = DeleteRequest::builder().set_key(Some(HashMap::from(key)));
        let delete = delete.build().unwrap();
        WriteRequest::builder().delete_request(delete).build()
    });
    let changed = shall
        .iter()
        .filter(|(key, item)| now.get(*key) != Some(item));
    let changed = changed.map(|(_, item)| {
        let put = PutRequest::builder().set_item(Some(item.clone()));
        let put = put.build().unwrap();
        WriteRequest::builder().put_request(put).build()
    });
    gone.chain(changed).collect()
}

async fn write(aws: &Aws, table: &str, changes: Vec<WriteRequest>) {
    for together in changes.chunks(WRITES) {
        let batch = aws.dynamodb().batch_write_item();
        let batch = batch.request_items(table, together.to_vec());
        let written = batch.send().await.unwrap();
        let left = written.unprocessed_items.unwrap_or_default();
        assert!(left.is_empty(), "{left:?}");
    }
}
