//! What the simulator's routes and its courier share.

use super::assets::{Assets, Callback, Change, Number};
use super::faults::Faults;
use super::ledger::Ledger;
use super::outbox::{Outboxes, Scheduled, Turn};
use super::rate::{Seconds, Window};
use super::recipient::Recipient;
use super::record::Record;
use super::statuses::StatusPlan;
use super::templates::Templates;
use super::webhooks::{Outcome, Webhooks};
use crate::chance::mixed;
use bytes::Bytes;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Everything one simulator knows. Locks are taken in the order ledger, outboxes, assets, rates.
#[derive(Debug)]
pub(super) struct State {
    pub(super) ledger: Mutex<Ledger>,
    pub(super) assets: Mutex<Assets>,
    pub(super) faults: Mutex<Faults>,
    pub(super) outboxes: Mutex<Outboxes>,
    pub(super) latency: Mutex<Latency>,
    pub(super) templates: Mutex<Templates>,
    pub(super) webhooks: Webhooks,
    pub(super) plan: StatusPlan,
    /// Wakes the courier when something is due earlier than it knew.
    pub(super) wake: Notify,
    pub(super) stop: watch::Receiver<()>,
    rates: Mutex<HashMap<String, Rates>>,
    refused: AtomicU64,
    calls: AtomicU64,
}

/// How long a send takes to answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Latency {
    pub(super) min_ms: u64,
    pub(super) max_ms: u64,
}

/// How often a number was called, and how often that went well.
#[derive(Debug, Default)]
struct Rates {
    called: Window,
    seconds: Seconds,
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
        assets: Assets,
        webhooks: Webhooks,
        plan: StatusPlan,
        stop: watch::Receiver<()>,
    ) -> Self {
        let state = Self {
            ledger: Mutex::new(ledger),
            assets: Mutex::new(assets),
            faults: Mutex::default(),
            outboxes: Mutex::default(),
            latency: Mutex::default(),
            templates: Mutex::default(),
            webhooks,
            plan,
            wake: Notify::new(),
            stop,
            rates: Mutex::default(),
            refused: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        };
        state.schedule_owed();
        state
    }

    /// Changes assets: what `decide` makes of them is in the journal, and known, when this returns.
    pub(super) fn change<T, E: From<io::Error>>(
        &self,
        decide: impl FnOnce(&Assets) -> Result<(Change, T), E>,
    ) -> Result<T, E> {
        let mut ledger = locked(&self.ledger);
        let mut assets = locked(&self.assets);
        let (change, outcome) = decide(&assets)?;
        ledger.keep(&change)?;
        assets.apply(change);
        Ok(outcome)
    }

    /// Posts a webhook, signed with the secret its app has now, if it is an app's.
    pub(super) async fn post(&self, callback: &Callback, body: Bytes) -> Outcome {
        let Some(app_id) = &callback.app_id else {
            return self.webhooks.post(&callback.url, None, body).await;
        };
        let app = locked(&self.assets).app(app_id);
        match app {
            Some(app) => {
                let secret = Some(app.secret.as_str());
                self.webhooks.post(&callback.url, secret, body).await
            }
            None => Outcome::Refused,
        }
    }

    /// Notes that a sender was called, whatever comes of it.
    pub(super) fn note_call(&self, sender: &str) {
        let mut rates = locked(&self.rates);
        let rates = rates.entry(sender.to_owned()).or_default();
        let now = now_micros();
        rates.called.note(now);
        rates.seconds.note(now);
    }

    /// How many calls of a sender came in each second, from that of the first on.
    pub(super) fn calls_by_second(&self, sender: &str) -> Vec<u32> {
        let rates = locked(&self.rates);
        let rates = rates.get(sender);
        rates.map_or(Vec::new(), |it| it.seconds.calls().to_vec())
    }

    /// Takes leave for one more message within the number's rate; whether there was any.
    pub(super) fn take_leave(&self, number: &Number) -> bool {
        let mut rates = locked(&self.rates);
        let accepted = &mut rates
            .entry(number.phone_number_id.clone())
            .or_default()
            .accepted;
        let now = now_micros();
        let limit = usize::try_from(number.messages_per_second).unwrap_or(usize::MAX);
        let free = accepted.count(now) < limit;
        if free {
            accepted.note(now);
        }
        free
    }

    /// The most calls within one second, by sender: of all of Meta's, and of whoever else was called.
    pub(super) fn highest_rates(&self) -> BTreeMap<String, usize> {
        let senders = locked(&self.assets).senders();
        let senders = senders.iter().map(|it| (it.phone_number_id.clone(), 0));
        let mut highest: BTreeMap<_, _> = senders.collect();
        let rates = locked(&self.rates);
        let called = rates.iter();
        highest.extend(called.map(|(id, rates)| (id.clone(), rates.called.highest())));
        highest
    }

    /// Writes a message down, then owes its statuses. Nothing is awaited in between: a caller that hangs up
    /// changes nothing.
    pub(super) fn accept(&self, record: &Record) -> io::Result<()> {
        let number = locked(&self.ledger).accept(record, &self.plan)?;
        let outbox = locked(&self.assets).outbox(record);
        if let Some(outbox) = outbox {
            self.schedule_first(&outbox, number, &record.recipient, record.at_ms);
        }
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

    /// Forgets messages, faults, counts, and what was changed of assets; the senders stay.
    pub(super) fn reset(&self) -> io::Result<()> {
        {
            let mut ledger = locked(&self.ledger);
            ledger.clear()?;
            locked(&self.outboxes).clear(ledger.epoch());
            let mut assets = locked(&self.assets);
            let (anew, kept) = assets.started_anew();
            ledger.keep(&kept)?;
            *assets = anew;
        }
        locked(&self.rates).clear();
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
            let outbox = locked(&self.assets).outbox(&record);
            if let Some(outbox) = outbox {
                self.schedule_first(&outbox, number, &record.recipient, now_ms);
            }
        }
    }

    fn schedule_first(&self, outbox: &str, number: u32, recipient: &Recipient, at_ms: i64) {
        let stage = StatusPlan::first(recipient);
        let first = Scheduled {
            due_ms: at_ms + self.plan.after_ms(stage),
            number,
            stage,
            turn: Turn::First,
        };
        if locked(&self.outboxes).schedule(outbox, first) {
            self.wake.notify_one();
        }
    }
}

/// The time, in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// The time, in seconds since 1970.
pub(super) fn now_s() -> i64 {
    Timestamp::now().as_second()
}

fn now_micros() -> i64 {
    Timestamp::now().as_microsecond()
}
