//! What stands in a queue, without the lock around it.
//!
//! Every message is in exactly one place; `lift` and `settle` are the only ways from one to another.

use super::error::Fault;
use super::journal::{Journal, Record, Sent};
use super::message::Message;
use super::queue::{Counts, Delivery, Receipt, Taken};
use super::settings::Settings;
use super::turns::Turns;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

/// How long a message on its way to the dead-letter queue is kept from others.
const BURIAL_MS: i64 = 30_000;

/// A queue's messages, settings and journal.
pub(super) struct State {
    pub(super) settings: Settings,
    held: HashMap<u64, Held>,
    ready: Turns,
    /// What is not visible, by the time it will be.
    waiting: BTreeSet<(i64, u64)>,
    delayed: usize,
    next: u64,
    pub(super) journal: Journal,
}

struct Held {
    message: Arc<Message>,
    receive_count: u32,
    first_received_at: i64,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    Ready,
    Delayed(i64),
    InFlight(i64),
}

impl State {
    /// An empty queue in memory.
    pub(super) fn new(settings: Settings, now: i64) -> Self {
        Self {
            settings,
            held: HashMap::new(),
            ready: Turns::default(),
            waiting: BTreeSet::new(),
            delayed: 0,
            next: first_sequence(now),
            journal: Journal::nowhere(),
        }
    }

    /// The queue as a journal tells it from the beginning.
    pub(super) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let messages = self
            .held
            .iter()
            .map(|(sequence, held)| Record::Sent(held.sent(*sequence)));
        std::iter::once(Record::Settings(Cow::Borrowed(&self.settings))).chain(messages)
    }

    /// Does again what a journal tells.
    pub(super) fn apply(&mut self, record: Record<'static>) {
        match record {
            Record::Settings(settings) => self.settings = settings.into_owned(),
            Record::Sent(sent) => {
                self.next = self.next.max(sent.sequence + 1);
                let held = Held {
                    message: Arc::new(sent.message.into_owned()),
                    receive_count: sent.receive_count,
                    first_received_at: sent.first_received_at,
                    place: sent.visible_at.map_or(Place::Ready, Place::Delayed),
                };
                self.hold(sent.sequence, held);
            }
            Record::Received(sequence, receive_count, first_received_at) => {
                self.put(sequence, Place::Ready);
                if let Some(held) = self.held.get_mut(&sequence) {
                    held.receive_count = receive_count;
                    held.first_received_at = first_received_at;
                }
            }
            Record::Deleted(sequence) => self.forget(sequence),
        }
    }

    /// Adds messages, each visible at its time.
    pub(super) fn push(&mut self, messages: Vec<(Message, i64)>, now: i64) -> io::Result<()> {
        let sequences = self.next..;
        let fresh: Vec<_> = sequences
            .zip(messages)
            .map(|(sequence, message)| (sequence, Held::fresh(message, now)))
            .collect();
        let records: Vec<_> = fresh
            .iter()
            .map(|(sequence, held)| Record::Sent(held.sent(*sequence)))
            .collect();
        self.journal.append(&records)?;
        self.next += fresh.len() as u64;
        for (sequence, held) in fresh {
            self.hold(sequence, held);
        }
        self.compact();
        Ok(())
    }

    /// Takes up to `most` visible messages; what must not be delivered any more goes aside.
    pub(super) fn take(&mut self, most: usize, visible_at: i64, now: i64) -> io::Result<Taken> {
        self.wake(now);
        let mut taken = Taken::default();
        let mut records = Vec::new();
        let oldest = now - self.settings.retention * 1000;
        let limit = self
            .settings
            .redrive
            .as_ref()
            .map(|redrive| redrive.max_receive_count);
        while taken.delivered.len() < most
            && let Some(sequence) = self.ready.next()
        {
            let Some(held) = self.held.get_mut(&sequence) else {
                continue;
            };
            if held.message.sent_at <= oldest {
                self.held.remove(&sequence);
                records.push(Record::Deleted(sequence));
            } else if limit.is_some_and(|limit| held.receive_count >= limit) {
                taken.dead.push(held.delivery(sequence));
                self.settle(sequence, Place::InFlight(now + BURIAL_MS));
            } else {
                let delivery = held.deliver(sequence, now);
                let Receipt { receive_count, .. } = delivery.receipt;
                records.push(Record::Received(
                    sequence,
                    receive_count,
                    held.first_received_at,
                ));
                taken.delivered.push(delivery);
            }
        }
        // Only now: with no visibility timeout one answer would hold the same message twice.
        for delivery in &taken.delivered {
            self.settle(delivery.receipt.sequence, Place::after(visible_at, now));
        }
        self.journal.append(&records)?;
        self.compact();
        Ok(taken)
    }

    /// Hides up to `most` visible messages without counting it as a receive.
    pub(super) fn lease(&mut self, most: usize, visible_at: i64, now: i64) -> Vec<Delivery> {
        self.wake(now);
        let mut leased = Vec::new();
        while leased.len() < most
            && let Some(sequence) = self.ready.next()
        {
            let Some(held) = self.held.get(&sequence) else {
                continue;
            };
            leased.push(held.delivery(sequence));
            self.settle(sequence, Place::InFlight(visible_at));
        }
        leased
    }

    /// How many messages stand where.
    pub(super) fn counts(&mut self, now: i64) -> Counts {
        self.wake(now);
        Counts {
            visible: self.ready.len(),
            in_flight: self.waiting.len() - self.delayed,
            delayed: self.delayed,
        }
    }

    /// When the next message becomes visible by itself.
    pub(super) fn next_visible(&self) -> Option<i64> {
        self.waiting.first().map(|(at, _)| *at)
    }

    /// Removes what is in the hands of these receipts.
    pub(super) fn delete(&mut self, receipts: &[Receipt]) -> io::Result<()> {
        let current: Vec<_> = receipts
            .iter()
            .filter(|receipt| self.is_current(**receipt))
            .collect();
        let records: Vec<_> = current
            .iter()
            .map(|receipt| Record::Deleted(receipt.sequence))
            .collect();
        self.journal.append(&records)?;
        for receipt in current {
            self.forget(receipt.sequence);
        }
        self.compact();
        Ok(())
    }

    /// Hides a delivered message until `visible_at` instead.
    pub(super) fn hide(
        &mut self,
        receipt: Receipt,
        visible_at: i64,
        now: i64,
    ) -> Result<(), Fault> {
        self.wake(now);
        if !self.is_current(receipt) {
            let reason = "Value for parameter ReceiptHandle is invalid. Reason: Message does not \
                          exist or is not available for visibility timeout change.";
            return Err(Fault::BadParameter(reason.to_owned()));
        }
        match self.held.get(&receipt.sequence).map(|held| held.place) {
            Some(Place::InFlight(_)) => {}
            Some(Place::Ready | Place::Delayed(_)) | None => return Err(Fault::NotInFlight),
        }
        self.put(receipt.sequence, Place::after(visible_at, now));
        Ok(())
    }

    /// Removes everything.
    pub(super) fn purge(&mut self) -> io::Result<()> {
        let settings = std::iter::once(Record::Settings(Cow::Borrowed(&self.settings)));
        self.journal.rewrite(settings)?;
        self.held.clear();
        self.waiting.clear();
        self.ready = Turns::default();
        self.delayed = 0;
        Ok(())
    }

    /// Makes visible what has waited long enough.
    fn wake(&mut self, now: i64) {
        while let Some((at, sequence)) = self.waiting.first().copied()
            && at <= now
        {
            self.put(sequence, Place::Ready);
        }
    }

    fn is_current(&self, receipt: Receipt) -> bool {
        let held = self.held.get(&receipt.sequence);
        held.is_some_and(|held| held.receive_count == receipt.receive_count)
    }

    fn hold(&mut self, sequence: u64, held: Held) {
        let place = held.place;
        self.held.insert(sequence, held);
        self.settle(sequence, place);
    }

    /// Moves a message from where it stands.
    fn put(&mut self, sequence: u64, place: Place) {
        self.lift(sequence);
        self.settle(sequence, place);
    }

    fn forget(&mut self, sequence: u64) {
        self.lift(sequence);
        self.held.remove(&sequence);
    }

    fn lift(&mut self, sequence: u64) {
        let Some(held) = self.held.get(&sequence) else {
            return;
        };
        match held.place {
            Place::Ready => self.ready.remove(held.message.turn(), sequence),
            Place::InFlight(at) => {
                self.waiting.remove(&(at, sequence));
            }
            Place::Delayed(at) => {
                self.waiting.remove(&(at, sequence));
                self.delayed -= 1;
            }
        }
    }

    fn settle(&mut self, sequence: u64, place: Place) {
        let Some(held) = self.held.get_mut(&sequence) else {
            return;
        };
        held.place = place;
        match place {
            Place::Ready => self.ready.insert(held.message.turn(), sequence),
            Place::InFlight(at) => {
                self.waiting.insert((at, sequence));
            }
            Place::Delayed(at) => {
                self.waiting.insert((at, sequence));
                self.delayed += 1;
            }
        }
    }

    /// Writes the journal anew if that is worth it. If it cannot be done, the longer one is as good.
    fn compact(&mut self) {
        if !self.journal.is_stale() {
            return;
        }
        // Taken out for the while, because the records are borrowed from what remains.
        let mut journal = std::mem::replace(&mut self.journal, Journal::nowhere());
        if let Err(error) = journal.rewrite(self.records()) {
            tracing::warn!(%error, "could not shorten a queue's journal");
        }
        self.journal = journal;
    }
}

/// Where sequences begin at `now`: above all that were ever drawn before a restart, so that no old receipt fits.
fn first_sequence(now: i64) -> u64 {
    u64::try_from(now).unwrap_or_default() << 20
}

impl Place {
    /// Where a delivered message stands until `visible_at`.
    fn after(visible_at: i64, now: i64) -> Self {
        if visible_at > now {
            Self::InFlight(visible_at)
        } else {
            Self::Ready
        }
    }
}

impl Held {
    fn fresh((message, visible_at): (Message, i64), now: i64) -> Self {
        let place = if visible_at > now {
            Place::Delayed(visible_at)
        } else {
            Place::Ready
        };
        Self {
            message: Arc::new(message),
            receive_count: 0,
            first_received_at: 0,
            place,
        }
    }

    fn sent(&self, sequence: u64) -> Sent<'_> {
        let visible_at = match self.place {
            Place::Delayed(at) => Some(at),
            Place::Ready | Place::InFlight(_) => None,
        };
        Sent {
            sequence,
            visible_at,
            receive_count: self.receive_count,
            first_received_at: self.first_received_at,
            message: Cow::Borrowed(&self.message),
        }
    }

    fn deliver(&mut self, sequence: u64, now: i64) -> Delivery {
        if self.receive_count == 0 {
            self.first_received_at = now;
        }
        self.receive_count += 1;
        self.delivery(sequence)
    }

    fn delivery(&self, sequence: u64) -> Delivery {
        Delivery {
            receipt: Receipt {
                sequence,
                receive_count: self.receive_count,
            },
            first_received_at: self.first_received_at,
            message: Arc::clone(&self.message),
        }
    }
}
