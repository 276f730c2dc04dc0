//! Queues themselves: made, found, listed, set, emptied, deleted.

use super::error::Fault;
use super::queue::Queue;
use super::settings::{Named, Settings};
use super::{Sqs, arn_of, nothing, now, write};
use crate::aws::AWS_ACCOUNT;
use serde::Deserialize;
use serde_json::json;
use std::ops::Bound;
use std::sync::{Arc, PoisonError};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Create {
    queue_name: String,
    #[serde(default)]
    attributes: Named,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Find {
    queue_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    #[serde(default)]
    queue_name_prefix: String,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// A call about one queue.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Of {
    #[serde(default)]
    queue_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Ask {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Set {
    #[serde(default)]
    queue_url: String,
    attributes: Named,
}

impl Sqs {
    /// Making a queue again with the same attributes finds it.
    pub(super) fn create_queue(&self, create: &Create) -> Result<Vec<u8>, Fault> {
        check_name(&create.queue_name)?;
        let now = now();
        let settings = Settings::new(now / 1000).with(&create.attributes, now / 1000)?;
        self.check_redrive(&settings)?;
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(&create.queue_name) {
            differs(&queue.settings(), &settings, &create.attributes)?;
        } else {
            let name = &create.queue_name;
            let path = self
                .journals
                .as_ref()
                .map(|dir| dir.join(format!("{name}.journal")));
            let queue = Queue::create(name, settings, path.as_deref(), now)?;
            queues.insert(name.clone(), Arc::new(queue));
        }
        write(&json!({ "QueueUrl": self.url_of(&create.queue_name) }))
    }

    pub(super) fn queue_url(&self, find: &Find) -> Result<Vec<u8>, Fault> {
        let queue = self.named(&find.queue_name).ok_or(Fault::NoQueue)?;
        write(&json!({ "QueueUrl": self.url_of(&queue.name) }))
    }

    /// Pages only if asked to; the token is the last name of the page before.
    pub(super) fn list_queues(&self, list: &List) -> Result<Vec<u8>, Fault> {
        let start = list
            .next_token
            .as_ref()
            .map_or(Bound::Unbounded, Bound::Excluded);
        let most = list.max_results.unwrap_or(1000);
        let queues = self.queues();
        let found = queues
            .range::<String, _>((start, Bound::Unbounded))
            .map(|(name, _)| name);
        let found = found.filter(|name| name.starts_with(&list.queue_name_prefix));
        let mut names: Vec<_> = found.take(most.saturating_add(1)).collect();
        let more = names.len() > most;
        names.truncate(most);
        let token = names.last().filter(|_| more);
        let urls: Vec<_> = names.iter().map(|name| self.url_of(name)).collect();
        let mut answer = json!({ "QueueUrls": urls });
        if let (Some(token), Some(answer)) = (token, answer.as_object_mut()) {
            answer.insert("NextToken".to_owned(), json!(token));
        }
        write(&answer)
    }

    pub(super) fn queue_attributes(&self, ask: &Ask) -> Result<Vec<u8>, Fault> {
        let queue = self.queue(&ask.queue_url)?;
        let counts = queue.counts(now());
        let mut named = queue.settings().named();
        for (name, count) in [
            ("ApproximateNumberOfMessages", counts.visible),
            ("ApproximateNumberOfMessagesNotVisible", counts.in_flight),
            ("ApproximateNumberOfMessagesDelayed", counts.delayed),
        ] {
            named.insert(name.to_owned(), count.to_string());
        }
        named.insert("QueueArn".to_owned(), arn_of(&queue.name));
        named.retain(|name, _| {
            ask.attribute_names
                .iter()
                .any(|asked| asked == "All" || asked == name)
        });
        write(&json!({ "Attributes": named }))
    }

    pub(super) fn set_queue_attributes(&self, set: &Set) -> Result<Vec<u8>, Fault> {
        let queue = self.queue(&set.queue_url)?;
        let settings = queue.settings().with(&set.attributes, now() / 1000)?;
        self.check_redrive(&settings)?;
        queue.set(settings)?;
        Ok(nothing())
    }

    pub(super) fn purge_queue(&self, of: &Of) -> Result<Vec<u8>, Fault> {
        self.queue(&of.queue_url)?.purge()?;
        Ok(nothing())
    }

    pub(super) fn delete_queue(&self, of: &Of) -> Result<Vec<u8>, Fault> {
        let queue = self.queue(&of.queue_url)?;
        self.queues
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&queue.name);
        queue.remove()?;
        Ok(nothing())
    }

    fn url_of(&self, name: &str) -> String {
        format!("{}/{AWS_ACCOUNT}/{name}", self.url)
    }

    fn check_redrive(&self, settings: &Settings) -> Result<(), Fault> {
        let Some(redrive) = &settings.redrive else {
            return Ok(());
        };
        match self.queue_by_arn(&redrive.dead_letter_target_arn) {
            Some(_) => Ok(()),
            None => Err(Fault::BadParameter(
                "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.".to_owned(),
            )),
        }
    }
}

fn check_name(name: &str) -> Result<(), Fault> {
    if name.strip_suffix(".fifo").is_some() {
        return Err(Fault::Unsupported(
            "the local endpoints have standard queues only",
        ));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=80).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    let reason =
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
    Err(Fault::BadParameter(reason.to_owned()))
}

/// Only what was asked for is compared, as SQS does.
fn differs(present: &Settings, wanted: &Settings, asked: &Named) -> Result<(), Fault> {
    let (present, wanted) = (present.named(), wanted.named());
    match asked
        .keys()
        .find(|name| present.get(*name) != wanted.get(*name))
    {
        Some(name) => Err(Fault::QueueExists(name.clone())),
        None => Ok(()),
    }
}
