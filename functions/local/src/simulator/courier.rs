//! Takes the statuses that are due to the webhooks: gathers, signs, posts, repeats.

use super::faults::WebhookFault;
use super::outbox::{Afterwards, Due, Post, Scheduled, Turn};
use super::record::Record;
use super::state::{State, locked, now_ms};
use super::statuses::{self, Stage};
use super::webhooks::{self, Outcome};
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
            if let Some(post) = post_for(&state, due) {
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
    let body = post.body.clone();
    let outcome = state
        .webhooks
        .post(&post.account_id, &post.app_secret, body)
        .await;
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

fn post_for(state: &State, due: Due) -> Option<Post> {
    let (account_id, epoch, scheduled) = match due {
        Due::Repeat(post) => return Some(post),
        Due::Fresh {
            account_id,
            epoch,
            statuses,
        } => (account_id, epoch, statuses),
    };
    let mut leaving = Vec::new();
    for status in scheduled {
        let record = locked(&state.ledger).read(epoch, status.number);
        if let Some(record) = record
            && leaves(state, &account_id, epoch, &record, status)
        {
            leaving.push((record, status));
        }
    }
    let post = write(state, account_id.clone(), epoch, &leaving);
    if post.is_none() {
        locked(&state.outboxes).nothing_to_post(&account_id);
    }
    post
}

/// Whether a status leaves now. Enters the one after it, and what a fault makes of this one.
fn leaves(state: &State, account_id: &str, epoch: u32, record: &Record, status: Scheduled) -> bool {
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
        locked(&state.outboxes).schedule(account_id, next);
    }
    let fault = locked(&state.faults).for_webhook(&record.sender, &record.recipient);
    let again_at = |due_ms| {
        let again = Scheduled {
            due_ms,
            turn: Turn::Again,
            ..status
        };
        locked(&state.outboxes).schedule(account_id, again);
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

/// Writes one POST: an entry per sender, in it the statuses in the order in which they were due.
fn write(
    state: &State,
    account_id: String,
    epoch: u32,
    leaving: &[(Record, Scheduled)],
) -> Option<Post> {
    let mut by_sender: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (record, status) in leaving {
        let rendered = statuses::render(record, status.stage, status.due_ms);
        by_sender.entry(&record.sender).or_default().push(rendered);
    }
    let mut app_secret = None;
    let mut entries = Vec::new();
    for (phone_number_id, rendered) in by_sender {
        let sender = state.sender(phone_number_id)?;
        entries.push(webhooks::entry(&sender, &[("statuses", rendered.into())]));
        app_secret = Some(sender.app_secret);
    }
    Some(Post {
        app_secret: app_secret?,
        account_id,
        body: webhooks::body(&entries),
        statuses: leaving
            .iter()
            .map(|(_, status)| (status.number, status.stage))
            .collect(),
        epoch,
        first_ms: now_ms(),
        failures: 0,
    })
}

fn settle(state: &State, epoch: u32, statuses: &[(u32, Stage)]) {
    if let Err(error) = locked(&state.ledger).settle(epoch, statuses) {
        tracing::warn!(%error, "delivered statuses could not be noted: they will be sent again");
    }
}
