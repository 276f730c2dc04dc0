//! When a single message may go: the soonest free slot of its sender for its lane.
//!
//! Bulk jobs take their slots a second at a time (function `dispatch`). Here those that wait in one worker for slots of
//! the same lane have them leased together: one write, however many they are. A worker that is kept busy takes slots for
//! those that come next as well, if the sender is fast: a thousand messages a second cost its pace some two hundred writes.

use crate::domain::identity::{SenderId, TenantId};
use crate::domain::message::Lane;
use crate::domain::pace::{Held, Leasable, Pause, Shares, Slowed};
use crate::domain::purpose::Purpose;
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

/// When to ask again if others were faster each time.
const SOON: SignedDuration = SignedDuration::from_secs(1);

/// When to ask again if every slot of the next minute is taken.
const LATER: SignedDuration = SignedDuration::from_secs(30);

/// What is known of a sender for longer than this may not know that it was slowed down since.
const FRESH: Duration = Duration::from_millis(100);

/// Lines remembered at most; they are small, and all are forgotten beyond that.
const LINES: usize = 1_000;

/// A spare slot with less time left than this is let go.
const SHORTEST: SignedDuration = SignedDuration::from_millis(50);

/// A worker will need as many slots within this time as it did in the one before. Slots taken ahead of need last as long.
const GOES_ON: SignedDuration = SignedDuration::from_millis(400);

/// Slots taken ahead of need are as many as the sender has in this part of a second, so that other workers do not wait
/// long behind them; a slow sender's are not taken ahead at all.
const PART_AHEAD: u32 = 200;

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
    /// There is none just now: ask again after this long.
    After(SignedDuration),
    /// Not before somebody has looked after the sender.
    Paused(Pause),
}

/// Of whom a slot is asked for, and in which lane.
type Of<'a> = (&'a TenantId, &'a SenderId, Lane);

/// Messages of one lane that wait for a slot of one sender.
#[derive(Debug, Default)]
struct Line {
    waiting: AtomicUsize,
    stock: Mutex<Stock>,
}

/// What a worker has of a line, and what it had.
#[derive(Debug, Default)]
struct Stock {
    spare: VecDeque<Held>,
    /// When it lately needed one.
    needed: VecDeque<Timestamp>,
}

impl Stock {
    /// Notes that a slot is needed. The slot, if there is a spare one that can still be used.
    fn take(&mut self, now: Timestamp) -> Option<Held> {
        let lately = now.saturating_sub(GOES_ON).unwrap_or(Timestamp::MIN);
        while self.needed.front().is_some_and(|time| *time < lately) {
            self.needed.pop_front();
        }
        self.needed.push_back(now);
        let usable = now.saturating_add(SHORTEST).unwrap_or(Timestamp::MAX);
        while let Some(held) = self.spare.pop_front() {
            if !held.slot.is_over(usable) {
                return Some(held);
            }
        }
        None
    }
}

/// For how many messages slots are taken together.
#[derive(Debug, Clone, Copy)]
struct Need {
    /// That wait.
    waiting: usize,
    /// That are to come if it goes on as it did.
    coming: usize,
}

impl Need {
    /// Of a sender of this rate.
    fn at(self, rate: u32) -> usize {
        let ahead = usize::try_from(rate / PART_AHEAD).unwrap_or(MOST);
        self.waiting.max(self.coming.min(ahead)).clamp(1, MOST)
    }
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
        sender: &SenderId,
        lane: Lane,
        known: Option<PacedSender>,
    ) -> Result<Leave, StoreError> {
        self.leave_for(Purpose::Delivery, (tenant, sender, lane), known)
            .await
    }

    /// The same for a message that is sent for this.
    pub async fn leave_for(
        &self,
        purpose: Purpose,
        (tenant, sender, lane): Of<'_>,
        known: Option<PacedSender>,
    ) -> Result<Leave, StoreError> {
        let queue = self.line(tenant, sender, lane);
        let waiting = Waiting::in_line(&queue);
        let mut stock = queue.stock.lock().await;
        if let Some(held) = stock.take((self.now)()) {
            return Ok(Leave::At(held));
        }
        let need = Need {
            waiting: queue.waiting.load(Ordering::Relaxed),
            coming: stock.needed.len(),
        };
        drop(waiting);
        let of = (tenant, sender, lane);
        let (leave, rest) = self.lease(purpose, of, need, known).await?;
        stock.spare.extend(rest);
        Ok(leave)
    }

    async fn lease(
        &self,
        purpose: Purpose,
        (tenant, sender, lane): Of<'_>,
        need: Need,
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
            if let Some(pause) = pace.paused.clone().filter(|it| purpose.heeds(it)) {
                return Ok((Leave::Paused(pause), VecDeque::new()));
            }
            let now = (self.now)();
            // A sender that was taken away has no pace any more; the provider refuses what it sends.
            let (rate, reserved) =
                known.map_or((1, 0), |sender| (sender.rate(), sender.reserved_percent));
            let rate = Slowed::rate(pace.slowed.as_ref(), rate, now);
            let (shares, count) = (Shares::of(rate, reserved), need.at(rate));
            let leased = match pace.rows().leasable(lane, shares, count, now, tries) {
                Some(Leasable::Behind(behind)) => {
                    let leased = self.store.lease_behind(tenant, sender, &pace, &behind);
                    leased.await?
                }
                Some(Leasable::Exactly(taken)) => {
                    let leased = self.store.lease_slots(tenant, sender, &pace, &taken);
                    leased.await?.then_some(taken.slots)
                }
                None => return Ok((Leave::After(LATER), VecDeque::new())),
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
        Ok((Leave::After(SOON), VecDeque::new()))
    }

    fn line(&self, tenant: &TenantId, sender: &SenderId, lane: Lane) -> Arc<Line> {
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
