//! Takes the statuses that are due to the webhooks: gathers, posts, repeats.

use super::assets::Callback;
use super::faults::WebhookFault;
use super::gateways;
use super::outbox::{Afterwards, Due, Post, Scheduled, Turn};
use super::record::Record;
use super::state::{State, locked, now_ms};
use super::statuses::{self, Stage};
use super::webhooks::{self, Outcome};
use bytes::Bytes;
use heliograph::domain::provider::Provider;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Nothing due: look again after this long, or when woken.
const IDLE: Duration = Duration::from_mins(1);

/// POSTs that are under way at the end have this long to be answered; the others are owed.
const LAST_POSTS: Duration = Duration::from_secs(1);

/// Runs until the simulator ends.
pub(super) async fn run(state: Arc<State>) {
    let mut stop = state.stop.clone();
    let mut posts = JoinSet::new();
    loop {
        while let Some(due) = take_due(&state) {
            for post in posts_for(&state, due) {
                let state = Arc::clone(&state);
                posts.spawn(async move { carry(&state, post).await });
            }
        }
        let wait = time_to_next(&state);
        tokio::select! {
            _ = stop.changed() => break,
            Some(_) = posts.join_next() => {}
            () = state.wake.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    let under_way = async { while posts.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST_POSTS, under_way).await;
}

fn take_due(state: &State) -> Option<Due> {
    locked(&state.outboxes).take_due(now_ms())
}

fn time_to_next(state: &State) -> Duration {
    let next_ms = locked(&state.outboxes).next_ms();
    next_ms.map_or(IDLE, |next_ms| {
        let wait_ms = (next_ms - now_ms()).max(1);
        Duration::from_millis(wait_ms.unsigned_abs()).min(IDLE)
    })
}

async fn carry(state: &State, post: Post) {
    let outcome = state.post(&post.callback, post.body.clone()).await;
    let (epoch, statuses) = (post.epoch, post.statuses.clone());
    let settled = match outcome {
        Outcome::Taken => {
            locked(&state.outboxes).taken(&post, now_ms());
            true
        }
        Outcome::Refused | Outcome::Unanswered => {
            let afterwards = locked(&state.outboxes).failed(post, outcome, now_ms());
            afterwards == Afterwards::GivenUp
        }
    };
    if settled {
        settle(state, epoch, &statuses);
    }
}

fn posts_for(state: &State, due: Due) -> Vec<Post> {
    let (outbox, epoch, scheduled) = match due {
        Due::Repeat(post) => return vec![post],
        Due::Fresh {
            outbox,
            epoch,
            statuses,
        } => (outbox, epoch, statuses),
    };
    let mut leaving = Vec::new();
    for status in scheduled {
        let record = locked(&state.ledger).read(epoch, status.number);
        if let Some(record) = record
            && leaves(state, &outbox, epoch, &record, status)
        {
            leaving.push((record, status));
        }
    }
    let posts = write(state, &outbox, epoch, &leaving);
    locked(&state.outboxes).written(&outbox, posts.len());
    posts
}

/// Whether a status leaves now. Enters the one after it, and what a fault makes of this one.
fn leaves(state: &State, outbox: &str, epoch: u32, record: &Record, status: Scheduled) -> bool {
    if status.turn == Turn::Again {
        return true;
    }
    if let Some(next) = state.plan.next(status.stage, status.number) {
        let after = state.plan.after_ms(next) - state.plan.after_ms(status.stage);
        let next = Scheduled {
            due_ms: status.due_ms + after,
            stage: next,
            ..status
        };
        locked(&state.outboxes).schedule(outbox, next);
    }
    let fault =
        locked(&state.faults).for_webhook(record.provider, &record.sender, &record.recipient);
    let again_at = |due_ms| {
        let again = Scheduled {
            due_ms,
            turn: Turn::Again,
            ..status
        };
        locked(&state.outboxes).schedule(outbox, again);
    };
    match fault {
        None => true,
        Some((WebhookFault::Drop, _)) => {
            settle(state, epoch, &[(status.number, status.stage)]);
            false
        }
        Some((WebhookFault::Duplicate, _)) => {
            again_at(now_ms());
            true
        }
        Some((WebhookFault::Reorder, delay)) => {
            again_at(now_ms() + i64::try_from(delay.as_millis()).unwrap_or_default());
            false
        }
    }
}

/// Writes the POSTs of what leaves.
fn write(state: &State, outbox: &str, epoch: u32, leaving: &[(Record, Scheduled)]) -> Vec<Post> {
    let of_meta = |(record, _): &&(Record, Scheduled)| record.provider == Provider::Meta;
    let (metas, others): (Vec<_>, Vec<_>) = leaving.iter().partition(of_meta);
    let mut posts = posts_of_meta(state, outbox, epoch, &metas);
    for (record, status) in others {
        let told = [(status.number, status.stage)];
        match gateways::status(state, record, status.stage) {
            Some((callback, body)) => posts.push(post(outbox, epoch, callback, body, told.into())),
            // Nobody is to hear of it.
            None => settle(state, epoch, &told),
        }
    }
    posts
}

/// A POST per callback: in it an entry per sender, in that the statuses in the order in which they were due.
fn posts_of_meta(
    state: &State,
    outbox: &str,
    epoch: u32,
    leaving: &[&(Record, Scheduled)],
) -> Vec<Post> {
    let mut by_sender: BTreeMap<&str, Vec<&(Record, Scheduled)>> = BTreeMap::new();
    for status in leaving {
        by_sender.entry(&status.0.sender).or_default().push(status);
    }
    let mut posts: BTreeMap<Callback, Parts> = BTreeMap::new();
    for (phone_number_id, statuses) in by_sender {
        let mut numbers: Vec<(u32, Stage)> = statuses
            .iter()
            .map(|(_, status)| (status.number, status.stage))
            .collect();
        let (callbacks, entry) = entry(state, phone_number_id, &statuses);
        for callback in callbacks {
            let parts = posts.entry(callback).or_default();
            parts.entries.push(entry.clone());
            // Several apps may hear of a status; it is owed until the first of them has taken it.
            parts.statuses.append(&mut numbers);
        }
        // Nobody is to hear of these.
        settle(state, epoch, &numbers);
    }
    let written = posts.into_iter().map(|(callback, parts)| {
        let body = webhooks::body(&parts.entries);
        post(outbox, epoch, callback, body, parts.statuses)
    });
    written.collect()
}

fn post(
    outbox: &str,
    epoch: u32,
    callback: Callback,
    body: Bytes,
    statuses: Vec<(u32, Stage)>,
) -> Post {
    Post {
        outbox: outbox.to_owned(),
        callback,
        body,
        statuses,
        epoch,
        first_ms: now_ms(),
        failures: 0,
    }
}

#[derive(Default)]
struct Parts {
    entries: Vec<Value>,
    statuses: Vec<(u32, Stage)>,
}

/// The entry of a number, and where it goes.
fn entry(
    state: &State,
    phone_number_id: &str,
    statuses: &[&(Record, Scheduled)],
) -> (Vec<Callback>, Value) {
    let assets = locked(&state.assets);
    let Some(number) = assets.number(phone_number_id) else {
        return (Vec::new(), Value::Null);
    };
    let callbacks = assets.callbacks(&number);
    drop(assets);
    let rendered = statuses
        .iter()
        .map(|(record, status)| statuses::render(record, status.stage, status.due_ms));
    let rendered = rendered.collect::<Vec<_>>().into();
    (
        callbacks,
        webhooks::entry(&number, &[("statuses", rendered)]),
    )
}

fn settle(state: &State, epoch: u32, statuses: &[(u32, Stage)]) {
    if statuses.is_empty() {
        return;
    }
    if let Err(error) = locked(&state.ledger).settle(epoch, statuses) {
        tracing::warn!(%error, "delivered statuses could not be noted: they will be sent again");
    }
}
