//! When a single message may go: the soonest free slot of its sender for its lane.
//!
//! Bulk jobs take their slots a second at a time (function `dispatch`). Here those that wait in one worker for slots of
//! the same lane have them leased together: one write, however many they are.

use crate::domain::identity::{PhoneNumberId, TenantId};
use crate::domain::message::Lane;
use crate::domain::pace::{Held, Leasable, Pause, Shares, Slowed};
use crate::store::{PacedSender, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as PlainMutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use uuid::Uuid;

/// Slots taken by one write at most.
const MOST: usize = 25;

/// Writes that are lost to others before one gives up for now.
const TRIES: u32 = 8;

/// After a write that was lost, the next one waits up to this long, and each time up to so much longer: those who lost
/// together do not try together.
const GIVE_WAY: Duration = Duration::from_millis(15);

/// What is known of a sender for longer than this may not know that it was slowed down since.
const FRESH: Duration = Duration::from_millis(100);

/// Lines remembered at most; they are small, and all are forgotten beyond that.
const LINES: usize = 1_000;

/// A spare slot with less time left than this is let go.
const SHORTEST: SignedDuration = SignedDuration::from_millis(50);

/// Gives slots to single messages.
#[derive(Debug)]
pub struct Pacer {
    store: Store,
    now: fn() -> Timestamp,
    lines: PlainMutex<HashMap<String, Arc<Line>>>,
}

/// Leave to send, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// In this slot.
    At(Held),
    /// There are slots, but others were faster each time: ask again in a second.
    Soon,
    /// Every slot of the next minute is taken: ask again then.
    NotSoon,
    /// Not before somebody has looked after the sender.
    Paused(Pause),
}

/// Messages of one lane that wait for a slot of one sender.
#[derive(Debug, Default)]
struct Line {
    waiting: AtomicUsize,
    spare: Mutex<VecDeque<Held>>,
}

/// Counts as waiting until it is dropped, as a future is whose caller has gone.
struct Waiting<'a>(&'a Line);

impl<'a> Waiting<'a> {
    fn in_line(line: &'a Line) -> Self {
        line.waiting.fetch_add(1, Ordering::Relaxed);
        Self(line)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pacer {
    /// Takes slots from `store`; `now` is the clock.
    #[must_use]
    pub fn new(store: Store, now: fn() -> Timestamp) -> Self {
        Self {
            store,
            now,
            lines: PlainMutex::default(),
        }
    }

    /// Leave for one message of a sender, which is read, unless it is known from a moment ago.
    pub async fn leave(
        &self,
        tenant: &TenantId,
        sender: &PhoneNumberId,
        lane: Lane,
        known: Option<PacedSender>,
    ) -> Result<Leave, StoreError> {
        let queue = self.line(tenant, sender, lane);
        let waiting = Waiting::in_line(&queue);
        let mut spare = queue.spare.lock().await;
        let usable = (self.now)()
            .saturating_add(SHORTEST)
            .unwrap_or(Timestamp::MAX);
        while let Some(held) = spare.pop_front() {
            if !held.slot.is_over(usable) {
                return Ok(Leave::At(held));
            }
        }
        let count = queue.waiting.load(Ordering::Relaxed).clamp(1, MOST);
        drop(waiting);
        let (leave, rest) = self.lease(tenant, sender, lane, count, known).await?;
        spare.extend(rest);
        Ok(leave)
    }

    async fn lease(
        &self,
        tenant: &TenantId,
        sender: &PhoneNumberId,
        lane: Lane,
        count: usize,
        mut read: Option<PacedSender>,
    ) -> Result<(Leave, VecDeque<Held>), StoreError> {
        for tries in 0..TRIES {
            wait_by_chance(tries).await;
            let is_fresh = |read: &PacedSender| read.as_of.elapsed() < FRESH;
            let PacedSender {
                sender: known,
                pace,
                ..
            } = match read.take().filter(is_fresh) {
                Some(read) => read,
                None => self.store.paced_sender(tenant, sender).await?,
            };
            if let Some(pause) = pace.paused {
                return Ok((Leave::Paused(pause), VecDeque::new()));
            }
            let now = (self.now)();
            // A sender that was taken away has no pace any more; the provider refuses what it sends.
            let (rate, reserved) =
                known.map_or((1, 0), |sender| (sender.rate(), sender.reserved_percent));
            let shares = Shares::of(Slowed::rate(pace.slowed.as_ref(), rate, now), reserved);
            let leased = match pace.rows().leasable(lane, shares, count, now, tries) {
                Some(Leasable::Behind(behind)) => {
                    let leased = self.store.lease_behind(tenant, sender, &pace, &behind);
                    leased.await?
                }
                Some(Leasable::Exactly(taken)) => {
                    let leased = self.store.lease_slots(tenant, sender, &pace, &taken);
                    leased.await?.then_some(taken.slots)
                }
                None => return Ok((Leave::NotSoon, VecDeque::new())),
            };
            let held = |slot| Held {
                slot,
                since: now,
                era: pace.era,
            };
            let mut leased: VecDeque<Held> = leased.into_iter().flatten().map(held).collect();
            if let Some(first) = leased.pop_front() {
                return Ok((Leave::At(first), leased));
            }
        }
        Ok((Leave::Soon, VecDeque::new()))
    }

    fn line(&self, tenant: &TenantId, sender: &PhoneNumberId, lane: Lane) -> Arc<Line> {
        let name = format!("{tenant}/{sender}/{}", lane.as_str());
        // No line is ever half made, so a panic elsewhere leaves the map usable.
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= LINES && !lines.contains_key(&name) {
            lines.clear();
        }
        lines.entry(name).or_default().clone()
    }
}

/// Waits for a random time, none before the first try.
async fn wait_by_chance(tries: u32) {
    let most = u64::from(tries) * u64::try_from(GIVE_WAY.as_micros()).unwrap_or(u64::MAX);
    if let Some(wait) = Uuid::new_v4().as_u64_pair().1.checked_rem(most) {
        tokio::time::sleep(Duration::from_micros(wait)).await;
    }
}

/// Lets so much time pass. A timer rings at the next millisecond, also for no time at all: who need not wait does not
/// ask for one.
pub async fn wait(time: SignedDuration) {
    if time.is_positive() {
        tokio::time::sleep(time.unsigned_abs()).await;
    }
}
