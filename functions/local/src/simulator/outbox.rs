//! Which updates are due, and which POSTs wait to be repeated: an outbox for each account, or else for each WABA, and
//! for each device of Fonnte's.
//!
//! One small entry per message, whatever the webhook does: a message's next status is entered when the one
//! before it leaves. Time is an argument.

use super::assets::Callback;
use super::statuses::Stage;
use super::webhooks::Outcome;
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// The most updates in one POST.
const BATCH_UPDATES: usize = 100;
/// How long the first update of a batch waits for others.
const GATHER_MS: i64 = 50;
/// POSTs from one outbox at a time.
const CONCURRENT_POSTS: usize = 16;
/// With so many POSTs waiting to be repeated, no new ones are begun.
const WAITING_POSTS: usize = 64;
/// After each failure: at once, then ever more slowly.
const RETRY_MS: [i64; 7] = [0, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
/// A webhook that is not there is asked again this often: at a desk it is being restarted.
const LONGEST_UNANSWERED_MS: i64 = 5_000;
/// After this long a POST is given up.
const GIVE_UP_MS: i64 = 7 * 24 * 3_600_000;

/// A status that is to leave at a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scheduled {
    pub(super) due_ms: i64,
    pub(super) number: u32,
    pub(super) stage: Stage,
    pub(super) turn: Turn,
}

/// Whether faults and the next status are still to be considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    First,
    Again,
}

/// One POST.
#[derive(Debug, Clone)]
pub(super) struct Post {
    /// The outbox it comes from.
    pub(super) outbox: String,
    pub(super) callback: Callback,
    pub(super) body: Bytes,
    pub(super) statuses: Vec<(u32, Stage)>,
    pub(super) epoch: u32,
    pub(super) first_ms: i64,
    pub(super) failures: usize,
}

/// Something that is to be done now.
#[derive(Debug)]
pub(super) enum Due {
    /// Statuses to write into POSTs.
    Fresh {
        outbox: String,
        epoch: u32,
        statuses: Vec<Scheduled>,
    },
    /// A POST to repeat.
    Repeat(Post),
}

/// What becomes of a POST that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Afterwards {
    WaitsForRepeat,
    GivenUp,
}

/// All outboxes.
#[derive(Debug, Default)]
pub(super) struct Outboxes {
    boxes: BTreeMap<String, Outbox>,
    epoch: u32,
    serial: u64,
}

#[derive(Debug, Default)]
struct Outbox {
    scheduled: BinaryHeap<Reverse<Scheduled>>,
    /// By due time, then in order of failure.
    waiting: BTreeMap<(i64, u64), Post>,
    posting: usize,
    unanswered: bool,
}

impl Outboxes {
    /// Enters a status; whether it is the next thing due in its outbox.
    pub(super) fn schedule(&mut self, name: &str, status: Scheduled) -> bool {
        let outbox = match self.boxes.get_mut(name) {
            Some(outbox) => outbox,
            None => self.boxes.entry(name.to_owned()).or_default(),
        };
        outbox.scheduled.push(Reverse(status));
        outbox.scheduled.peek() == Some(&Reverse(status))
    }

    /// Takes something that is due, if any outbox may post now.
    pub(super) fn take_due(&mut self, now_ms: i64) -> Option<Due> {
        let epoch = self.epoch;
        self.boxes.iter_mut().find_map(|(name, outbox)| {
            if outbox.next_ms()? > now_ms {
                return None;
            }
            if let Some(waiting) = outbox.waiting.first_entry()
                && waiting.key().0 <= now_ms
            {
                outbox.posting += 1;
                return Some(Due::Repeat(waiting.remove()));
            }
            outbox.posting += 1;
            Some(Due::Fresh {
                outbox: name.clone(),
                epoch,
                statuses: outbox.take_scheduled(now_ms),
            })
        })
    }

    /// When [`Self::take_due`] will next give something, if nothing else happens.
    pub(super) fn next_ms(&self) -> Option<i64> {
        self.boxes.values().filter_map(Outbox::next_ms).min()
    }

    /// Notes how many POSTs were made of what was taken as [`Due::Fresh`], which counted as one.
    pub(super) fn written(&mut self, name: &str, posts: usize) {
        if let Some(outbox) = self.boxes.get_mut(name) {
            outbox.posting = (outbox.posting + posts).saturating_sub(1);
        }
    }

    /// Notes that a POST was taken. A webhook that answers again gets at once everything it did not answer.
    pub(super) fn taken(&mut self, post: &Post, now_ms: i64) {
        let Some(outbox) = self.boxes.get_mut(&post.outbox) else {
            return;
        };
        outbox.posting = outbox.posting.saturating_sub(1);
        if std::mem::take(&mut outbox.unanswered) {
            let waiting = std::mem::take(&mut outbox.waiting);
            let at_once =
                |((due_ms, serial), post): ((i64, u64), Post)| ((due_ms.min(now_ms), serial), post);
            outbox.waiting = waiting.into_iter().map(at_once).collect();
        }
    }

    /// Notes that a POST failed.
    pub(super) fn failed(&mut self, mut post: Post, outcome: Outcome, now_ms: i64) -> Afterwards {
        self.serial += 1;
        let Some(outbox) = self.boxes.get_mut(&post.outbox) else {
            return Afterwards::GivenUp;
        };
        outbox.posting = outbox.posting.saturating_sub(1);
        outbox.unanswered |= outcome == Outcome::Unanswered;
        if post.epoch != self.epoch || now_ms - post.first_ms > GIVE_UP_MS {
            return Afterwards::GivenUp;
        }
        let delay = retry_after_ms(post.failures, outcome);
        post.failures += 1;
        outbox.waiting.insert((now_ms + delay, self.serial), post);
        Afterwards::WaitsForRepeat
    }

    /// Forgets everything but the POSTs that are under way, whose end changes nothing any more.
    pub(super) fn clear(&mut self, epoch: u32) {
        self.epoch = epoch;
        for outbox in self.boxes.values_mut() {
            outbox.scheduled.clear();
            outbox.waiting.clear();
        }
    }
}

fn retry_after_ms(failures: usize, outcome: Outcome) -> i64 {
    let last = RETRY_MS.last().copied().unwrap_or_default();
    let delay = RETRY_MS.get(failures).copied().unwrap_or(last);
    match outcome {
        Outcome::Unanswered => delay.min(LONGEST_UNANSWERED_MS),
        Outcome::Refused | Outcome::Taken => delay,
    }
}

impl Outbox {
    fn next_ms(&self) -> Option<i64> {
        if self.posting >= CONCURRENT_POSTS {
            return None;
        }
        let repeat = self.waiting.keys().next().map(|key| key.0);
        let fresh = self.scheduled.peek().map(|next| next.0.due_ms + GATHER_MS);
        let fresh = fresh.filter(|_| self.waiting.len() < WAITING_POSTS);
        repeat.into_iter().chain(fresh).min()
    }

    fn take_scheduled(&mut self, now_ms: i64) -> Vec<Scheduled> {
        let mut taken = Vec::new();
        while taken.len() < BATCH_UPDATES
            && let Some(next) = self.scheduled.peek()
            && next.0.due_ms <= now_ms
        {
            taken.extend(self.scheduled.pop().map(|next| next.0));
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn sent(number: u32, due_ms: i64) -> Scheduled {
        Scheduled {
            due_ms,
            number,
            stage: Stage::Sent,
            turn: Turn::First,
        }
    }

    fn post(outboxes: &mut Outboxes, now_ms: i64) -> Post {
        match outboxes.take_due(now_ms).unwrap() {
            Due::Repeat(post) => post,
            Due::Fresh {
                outbox,
                epoch,
                statuses,
            } => Post {
                outbox,
                callback: Callback {
                    app_id: None,
                    url: String::new(),
                },
                body: Bytes::new(),
                statuses: statuses.iter().map(|it| (it.number, it.stage)).collect(),
                epoch,
                first_ms: now_ms,
                failures: 0,
            },
        }
    }

    #[test]
    fn updates_are_gathered_before_they_leave() {
        let mut outboxes = Outboxes::default();
        for number in 0..150 {
            outboxes.schedule("acct_demo", sent(number, 10));
        }
        assert_eq!(outboxes.next_ms(), Some(60));
        assert!(outboxes.take_due(59).is_none());
        assert_eq!(post(&mut outboxes, 60).statuses.len(), 100);
        assert_eq!(post(&mut outboxes, 60).statuses.len(), 50);
        assert!(outboxes.take_due(60).is_none());
    }

    #[test]
    fn a_failed_post_is_repeated_at_once_then_more_slowly() {
        let mut outboxes = Outboxes::default();
        outboxes.schedule("acct_demo", sent(0, 0));
        let mut now_ms = 50;
        for delay in [0, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 60_000] {
            let failed = post(&mut outboxes, now_ms);
            let afterwards = outboxes.failed(failed, Outcome::Refused, now_ms);
            assert_eq!(afterwards, Afterwards::WaitsForRepeat);
            assert_eq!(outboxes.next_ms(), Some(now_ms + delay));
            now_ms += delay;
        }
        now_ms += GIVE_UP_MS;
        let failed = post(&mut outboxes, now_ms);
        let afterwards = outboxes.failed(failed, Outcome::Refused, now_ms);
        assert_eq!(afterwards, Afterwards::GivenUp);
    }

    #[test]
    fn a_webhook_that_answers_again_gets_everything_at_once() {
        let mut outboxes = Outboxes::default();
        for number in 0..200 {
            outboxes.schedule("acct_demo", sent(number, 0));
        }
        for _ in 0..4 {
            let failed = post(&mut outboxes, 50);
            outboxes.failed(failed, Outcome::Unanswered, 50);
        }
        assert_eq!(outboxes.next_ms(), Some(1_050));
        let answered = post(&mut outboxes, 1_050);
        outboxes.taken(&answered, 1_050);
        assert_eq!(outboxes.next_ms(), Some(1_050));
        assert_eq!(post(&mut outboxes, 1_050).statuses.len(), 100);
    }

    #[test]
    fn a_silent_webhook_does_not_collect_posts_without_bound() {
        let mut outboxes = Outboxes::default();
        for number in 0..100_000 {
            outboxes.schedule("acct_demo", sent(number, 0));
        }
        for now_ms in 50..1_000 {
            if outboxes.next_ms().is_some_and(|next| next <= now_ms) {
                let failed = post(&mut outboxes, now_ms);
                outboxes.failed(failed, Outcome::Unanswered, now_ms);
            }
        }
        let outbox = outboxes.boxes.get("acct_demo").unwrap();
        assert!(outbox.waiting.len() <= WAITING_POSTS);
    }
}
