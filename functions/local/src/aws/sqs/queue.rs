//! One queue: what stands in it, who has it, and what becomes visible when.
//!
//! Time is passed in, in milliseconds of Unix time. Each change is in the journal before the call returns; the lock
//! is held over that write (a copy to the page cache), so that the journal's order is the order of what happened.

use super::error::Fault;
use super::journal::{Journal, Record, replay};
use super::message::Message;
use super::settings::Settings;
use super::state::State;
use anyhow::Result;
use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A queue in memory, and its journal.
pub(super) struct Queue {
    pub(super) name: String,
    /// Woken by everything that can make a message visible earlier than was foreseen.
    pub(super) arrivals: Notify,
    state: Mutex<State>,
}

/// One delivery of a message: its sequence and which delivery it was. A later one makes it stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) sequence: u64,
    pub(super) receive_count: u32,
}

/// A message in somebody's hands.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) receipt: Receipt,
    pub(super) first_received_at: i64,
    pub(super) message: Arc<Message>,
}

/// What a receive found.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) delivered: Vec<Delivery>,
    /// Received too often: to be moved to the dead-letter queue.
    pub(super) dead: Vec<Delivery>,
}

/// How many messages stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) visible: usize,
    pub(super) in_flight: usize,
    pub(super) delayed: usize,
}

impl Queue {
    /// An empty queue; its journal is at `path`, or nowhere.
    pub(super) fn create(
        name: &str,
        settings: Settings,
        path: Option<&Path>,
        now: i64,
    ) -> io::Result<Self> {
        let mut state = State::new(settings, now);
        if let Some(path) = path {
            state.journal = Journal::create(path, state.records())?;
        }
        Ok(Self::of(name, state))
    }

    /// The queue whose journal is at `path`. What was in flight is visible again, its receive count kept.
    pub(super) fn open(name: &str, path: &Path, now: i64) -> Result<Self> {
        let mut state = State::new(Settings::new(now / 1000), now);
        replay(path, |record| state.apply(record))?;
        state.journal = Journal::create(path, state.records())?;
        Ok(Self::of(name, state))
    }

    fn of(name: &str, state: State) -> Self {
        Self {
            name: name.to_owned(),
            arrivals: Notify::new(),
            state: Mutex::new(state),
        }
    }

    /// The present settings.
    pub(super) fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    /// Puts other settings in force.
    pub(super) fn set(&self, settings: Settings) -> io::Result<()> {
        let mut state = self.state();
        state
            .journal
            .append(&[Record::Settings(Cow::Borrowed(&settings))])?;
        state.settings = settings;
        Ok(())
    }

    /// Adds messages, each visible at its time.
    pub(super) fn push(&self, messages: Vec<(Message, i64)>, now: i64) -> io::Result<()> {
        self.state().push(messages, now)?;
        self.arrivals.notify_waiters();
        Ok(())
    }

    /// Takes up to `most` visible messages and hides them until `visible_at`.
    pub(super) fn take(&self, most: usize, visible_at: i64, now: i64) -> io::Result<Taken> {
        self.state().take(most, visible_at, now)
    }

    /// Hides up to `most` visible messages without counting it as a receive, to move them.
    pub(super) fn lease(&self, most: usize, visible_at: i64, now: i64) -> Vec<Delivery> {
        self.state().lease(most, visible_at, now)
    }

    /// When the next message becomes visible by itself.
    pub(super) fn next_visible(&self) -> Option<i64> {
        self.state().next_visible()
    }

    /// Removes delivered messages; a stale receipt removes nothing.
    pub(super) fn delete(&self, receipts: &[Receipt]) -> io::Result<()> {
        self.state().delete(receipts)
    }

    /// Hides a delivered message until `visible_at` instead.
    pub(super) fn hide(&self, receipt: Receipt, visible_at: i64, now: i64) -> Result<(), Fault> {
        self.state().hide(receipt, visible_at, now)?;
        self.arrivals.notify_waiters();
        Ok(())
    }

    /// How many messages stand where.
    pub(super) fn counts(&self, now: i64) -> Counts {
        self.state().counts(now)
    }

    /// Removes everything.
    pub(super) fn purge(&self) -> io::Result<()> {
        self.state().purge()
    }

    /// Puts the journal on the platter.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.state().journal.sync()
    }

    /// Takes the journal away.
    pub(super) fn remove(&self) -> io::Result<()> {
        self.state().journal.remove()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::{Counts, Queue};
    use crate::aws::sqs::message::Message;
    use crate::aws::sqs::settings::Settings;

    const NOW: i64 = 1_800_000_000_000;

    fn message(body: String) -> Message {
        let id = uuid::Uuid::new_v4().to_string();
        let attributes = std::collections::BTreeMap::new();
        Message {
            id,
            body,
            attributes,
            group: None,
            trace: None,
            sent_at: NOW,
            source: None,
        }
    }

    fn in_memory() -> Queue {
        Queue::create("q", Settings::new(NOW / 1000), None, NOW).unwrap()
    }

    #[test]
    fn a_message_is_visible_again_when_its_time_has_come() {
        let queue = in_memory();
        queue
            .push(vec![(message("x".to_owned()), NOW)], NOW)
            .unwrap();
        assert_eq!(queue.take(1, NOW + 30_000, NOW).unwrap().delivered.len(), 1);
        assert_eq!(queue.take(1, NOW, NOW + 29_999).unwrap().delivered.len(), 0);
        assert_eq!(queue.next_visible(), Some(NOW + 30_000));
        assert_eq!(queue.take(1, NOW, NOW + 30_000).unwrap().delivered.len(), 1);
    }

    #[test]
    fn a_receipt_holds_after_its_time_until_the_message_is_received_again() {
        let queue = in_memory();
        queue
            .push(vec![(message("x".to_owned()), NOW)], NOW)
            .unwrap();
        let taken = queue.take(1, NOW + 1, NOW).unwrap();
        let receipt = taken.delivered.first().unwrap().receipt;
        let visible = Counts {
            visible: 1,
            in_flight: 0,
            delayed: 0,
        };
        assert_eq!(queue.counts(NOW + 2), visible);
        queue.delete(&[receipt]).unwrap();
        assert_eq!(
            queue.counts(NOW + 2),
            Counts {
                visible: 0,
                ..visible
            }
        );
    }

    #[test]
    fn a_message_older_than_the_retention_is_never_delivered() {
        let queue = in_memory();
        queue
            .push(vec![(message("x".to_owned()), NOW)], NOW)
            .unwrap();
        let later = NOW + 345_600_000;
        assert!(queue.take(1, later, later).unwrap().delivered.is_empty());
        assert_eq!(
            queue.counts(later),
            Counts {
                visible: 0,
                in_flight: 0,
                delayed: 0
            }
        );
    }

    #[test]
    fn a_journal_does_not_grow_with_what_is_gone() {
        let path = std::env::temp_dir().join(format!("{}.journal", uuid::Uuid::new_v4()));
        let settings = Settings::new(NOW / 1000);
        let queue = Queue::create("q", settings, Some(&path), NOW).unwrap();
        queue
            .push(vec![(message("kept".to_owned()), NOW + 1000)], NOW)
            .unwrap();
        for _ in 0..70 {
            queue
                .push(vec![(message("x".repeat(1 << 20)), NOW)], NOW)
                .unwrap();
            let taken = queue.take(1, NOW + 30_000, NOW).unwrap();
            queue
                .delete(&[taken.delivered.first().unwrap().receipt])
                .unwrap();
        }
        let size = std::fs::metadata(&path).unwrap().len();
        drop(queue);
        let queue = Queue::open("q", &path, NOW).unwrap();
        let counts = queue.counts(NOW);
        std::fs::remove_file(&path).unwrap();
        assert!(size < 34 << 20, "{size}");
        assert_eq!(
            counts,
            Counts {
                visible: 0,
                in_flight: 0,
                delayed: 1
            }
        );
    }
}
