//! What the simulator's routes and its courier share.

use super::Sender;
use super::chance::mixed;
use super::faults::Faults;
use super::ledger::Ledger;
use super::outbox::{Outboxes, Scheduled, Turn};
use super::rate::Window;
use super::recipient::Recipient;
use super::record::Record;
use super::statuses::StatusPlan;
use super::templates::Templates;
use super::webhooks::Webhooks;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Everything one simulator knows. Locks are taken in the order ledger, outboxes, senders.
#[derive(Debug)]
pub(super) struct State {
    pub(super) ledger: Mutex<Ledger>,
    pub(super) faults: Mutex<Faults>,
    pub(super) outboxes: Mutex<Outboxes>,
    pub(super) latency: Mutex<Latency>,
    pub(super) templates: Mutex<Templates>,
    pub(super) webhooks: Webhooks,
    pub(super) plan: StatusPlan,
    /// Wakes the courier when something is due earlier than it knew.
    pub(super) wake: Notify,
    pub(super) stop: watch::Receiver<()>,
    senders: Mutex<BTreeMap<String, KnownSender>>,
    refused: AtomicU64,
    calls: AtomicU64,
}

/// How long a send takes to answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Latency {
    pub(super) min_ms: u64,
    pub(super) max_ms: u64,
}

#[derive(Debug)]
struct KnownSender {
    sender: Sender,
    called: Window,
    accepted: Window,
}

/// Locks, whether or not another holder panicked: each value is whole between any two statements.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// The state at start: what the ledger still owes is scheduled anew.
    pub(super) fn new(
        ledger: Ledger,
        senders: Vec<Sender>,
        webhooks: Webhooks,
        plan: StatusPlan,
        stop: watch::Receiver<()>,
    ) -> Self {
        let state = Self {
            ledger: Mutex::new(ledger),
            faults: Mutex::default(),
            outboxes: Mutex::default(),
            latency: Mutex::default(),
            templates: Mutex::default(),
            webhooks,
            plan,
            wake: Notify::new(),
            stop,
            senders: Mutex::default(),
            refused: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        };
        for sender in senders {
            state.know(sender);
        }
        state.schedule_owed();
        state
    }

    /// Adds a sender, or puts it in the place of the one with its id.
    pub(super) fn know(&self, sender: Sender) {
        let known = KnownSender {
            called: Window::default(),
            accepted: Window::default(),
            sender,
        };
        locked(&self.senders).insert(known.sender.phone_number_id.clone(), known);
    }

    /// The sender with this phone number id.
    pub(super) fn sender(&self, phone_number_id: &str) -> Option<Sender> {
        let senders = locked(&self.senders);
        senders.get(phone_number_id).map(|it| it.sender.clone())
    }

    /// All senders.
    pub(super) fn senders(&self) -> Vec<Sender> {
        let senders = locked(&self.senders);
        senders.values().map(|known| known.sender.clone()).collect()
    }

    /// Notes that a sender was called, whatever comes of it.
    pub(super) fn note_call(&self, phone_number_id: &str) {
        if let Some(known) = locked(&self.senders).get_mut(phone_number_id) {
            known.called.note(now_micros());
        }
    }

    /// Takes leave for one more message within the sender's rate; whether there was any.
    pub(super) fn take_leave(&self, phone_number_id: &str) -> bool {
        let mut senders = locked(&self.senders);
        let Some(known) = senders.get_mut(phone_number_id) else {
            return false;
        };
        let now = now_micros();
        let limit = usize::try_from(known.sender.messages_per_second).unwrap_or(usize::MAX);
        let free = known.accepted.count(now) < limit;
        if free {
            known.accepted.note(now);
        }
        free
    }

    /// The most calls within one second, by phone number id.
    pub(super) fn highest_rates(&self) -> BTreeMap<String, usize> {
        let senders = locked(&self.senders);
        let rates = senders.iter();
        rates
            .map(|(id, known)| (id.clone(), known.called.highest()))
            .collect()
    }

    /// Writes a message down, then owes its statuses. Nothing is awaited in between: a caller that hangs up
    /// changes nothing.
    pub(super) fn accept(&self, account_id: &str, record: &Record) -> io::Result<()> {
        let number = locked(&self.ledger).accept(record, &self.plan)?;
        self.schedule_first(account_id, number, &record.recipient, record.at_ms);
        Ok(())
    }

    /// Counts a send that was answered with an error.
    pub(super) fn note_refusal(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Sends that were answered with an error.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Waits as long as the next send takes to answer.
    pub(super) async fn wait_latency(&self) {
        let Latency { min_ms, max_ms } = *locked(&self.latency);
        if max_ms == 0 {
            return;
        }
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let spread = max_ms.saturating_sub(min_ms).saturating_add(1);
        self.pause(Duration::from_millis(min_ms + mixed(call) % spread))
            .await;
    }

    /// Waits, but not beyond the end of the simulator.
    pub(super) async fn pause(&self, duration: Duration) {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            _ = stop.changed() => {}
        }
    }

    /// Forgets messages, faults and counts; the senders stay.
    pub(super) fn reset(&self) -> io::Result<()> {
        {
            let mut ledger = locked(&self.ledger);
            ledger.clear()?;
            locked(&self.outboxes).clear(ledger.epoch());
            for sender in self.senders() {
                ledger.keep_sender(&sender)?;
            }
        }
        for known in locked(&self.senders).values_mut() {
            known.called = Window::default();
            known.accepted = Window::default();
        }
        locked(&self.faults).clear();
        *locked(&self.latency) = Latency::default();
        self.refused.store(0, Ordering::Relaxed);
        self.webhooks.clear();
        Ok(())
    }

    fn schedule_owed(&self) {
        let now_ms = now_ms();
        let owed = locked(&self.ledger);
        for (number, record) in owed.owed() {
            if let Some(sender) = self.sender(&record.sender) {
                self.schedule_first(&sender.account_id, number, &record.recipient, now_ms);
            }
        }
    }

    fn schedule_first(&self, account_id: &str, number: u32, recipient: &Recipient, at_ms: i64) {
        let stage = StatusPlan::first(recipient);
        let first = Scheduled {
            due_ms: at_ms + self.plan.after_ms(stage),
            number,
            stage,
            turn: Turn::First,
        };
        if locked(&self.outboxes).schedule(account_id, first) {
            self.wake.notify_one();
        }
    }
}

/// The time, in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

fn now_micros() -> i64 {
    Timestamp::now().as_microsecond()
}
