//! The senders that jobs over routes leave from beside the one whose tick it is: which of them are ready, and their slots.
//!
//! A job is dispatched by its first sender's ticks, wherever its recipients leave from: one place keeps how far it has
//! come. Slots of another sender are borrowed of that one's pace, so its rate holds whoever uses it; where it has jobs of
//! its own, it keeps half of what bulk may use. How fast its workers are is learnt from its own slots, borrowed or not.

use crate::tick::Learnt;
use futures_util::future::try_join_all;
use heliograph::domain::content::Kind;
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::job::{Duty, Job};
use heliograph::domain::message::{Attempt, Leg, Passed, Unready};
use heliograph::domain::pace::{Held, Room, Shares, Slowed};
use heliograph::messaging::credentials;
use heliograph::service::clock;
use heliograph::store::{Pace, PacedSender, Sender, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use tokio::try_join;

/// Borrowings that are lost to others before one does without.
const TRIES: usize = 5;

/// A tick that finds no sender ready looks again after this long: nobody tells it that one is ready again, nor that those
/// under way have ended.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// The senders that a tick's jobs may leave from.
#[derive(Debug, Default)]
pub(crate) struct Legs {
    /// Who is not ready, and why.
    pub(crate) unready: BTreeMap<SenderId, Unready>,
    /// How slots that were borrowed of them were used.
    pub(crate) learnt: BTreeMap<SenderId, Learnt>,
    /// Those beside the tick's own that are.
    others: Vec<PacedSender>,
    /// Whether templates are sent: those alone take room in a portfolio.
    sends_templates: bool,
    /// When the first of those whose credentials rest may be ready again.
    rested_at: Option<Timestamp>,
}

/// How many slots there are of each sender beside the tick's own, and who is not ready.
#[derive(Debug, Default, Clone)]
pub(crate) struct Places {
    pub(crate) unready: BTreeMap<SenderId, Unready>,
    pub(crate) slots: BTreeMap<SenderId, usize>,
}

/// Slots, by their senders.
pub(crate) type Borrowed = BTreeMap<SenderId, VecDeque<Held>>;

/// A recipient over a route, and what it leaves from.
#[derive(Debug, Clone)]
pub(crate) struct Routed {
    pub(crate) id: MessageId,
    pub(crate) leg: Leg,
    /// Whose turn it was before.
    pub(crate) passed: Vec<Passed>,
}

/// Where a recipient may leave from now.
pub(crate) enum Place {
    /// From the job's own sender, the only one it has.
    Own,
    /// From one of its route's.
    Over(Leg, Vec<Passed>),
    /// From a sender that has no slot left.
    Full,
    /// From nobody.
    Nowhere,
}

impl Legs {
    /// Reads the senders of these jobs' routes.
    pub(crate) async fn read(
        store: &Store,
        tenant: &TenantId,
        (home, read): (&SenderId, &PacedSender),
        jobs: &[Job],
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut legs = Self {
            sends_templates: jobs.iter().any(|job| job.message.kind() == Kind::Template),
            ..Self::default()
        };
        legs.take(store, home, read, now).await?;
        let ways = jobs.iter().filter_map(|job| job.way.as_ref());
        let stops = ways.flat_map(|way| &way.stops).map(|stop| &stop.leg.sender);
        let mut senders: Vec<&SenderId> = stops.filter(|sender| *sender != home).collect();
        senders.sort_unstable();
        senders.dedup();
        let read = senders
            .iter()
            .map(|sender| store.paced_sender(tenant, sender));
        for (sender, paced) in senders.iter().zip(try_join_all(read).await?) {
            legs.take(store, sender, &paced, now).await?;
            if !legs.unready.contains_key(*sender) {
                legs.others.push(paced);
            }
        }
        Ok(legs)
    }

    /// Takes in whether a sender is ready.
    async fn take(
        &mut self,
        store: &Store,
        id: &SenderId,
        read: &PacedSender,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let why = match &read.sender {
            _ if read.pace.paused.is_some() => Some(Unready::Paused),
            // It was taken away.
            None => Some(Unready::NoCredential),
            Some(sender) => {
                let tenant = &sender.tenant;
                let (settings, rested_at) = try_join!(
                    store.known_provider_settings(tenant, id.provider()),
                    credentials::resting(store, (tenant, &sender.account), id, now),
                )?;
                self.rested_at = self.rested_at.into_iter().chain(rested_at).min();
                let disabled = (!settings.enabled).then_some(Unready::Disabled);
                disabled.or(rested_at.map(|_| Unready::Resting))
            }
        };
        self.unready.extend(why.map(|why| (id.clone(), why)));
        Ok(())
    }

    /// Whether anybody is ready to send for this job.
    pub(crate) fn are_ready(&self, job: &Job) -> bool {
        let is_ready = |sender: &SenderId| !self.unready.contains_key(sender);
        match &job.way {
            None => is_ready(&job.sender),
            Some(way) => {
                let legs = way.in_turn(&job.sender, &[], |_| true);
                legs.iter().any(|leg| is_ready(&leg.sender))
            }
        }
    }

    /// When a tick that can do nothing for these jobs looks again.
    pub(crate) fn look_again_at(&self, jobs: &[Job], now: Timestamp) -> Option<Timestamp> {
        let waits = |job: &Job| job.duty(now) == Duty::Send;
        let later = now.saturating_add(LOOK_AGAIN).ok();
        let again = later.into_iter().chain(self.rested_at).min();
        again.filter(|_| jobs.iter().any(waits))
    }

    /// Borrows slots of those senders that these jobs use now.
    pub(crate) async fn borrow(&self, store: &Store, jobs: &[Job]) -> Result<Borrowed, StoreError> {
        let used = |sender: &SenderId| jobs.iter().any(|job| self.uses(job, sender));
        let others = self.others.iter().filter_map(|paced| {
            let sender = paced.sender.as_ref()?;
            used(&sender.id).then_some((sender, &paced.pace))
        });
        let borrowing = others.map(|(sender, pace)| async move {
            let learnt = self.learnt.get(&sender.id).copied().unwrap_or_default();
            let held = borrow_of(store, sender, pace, learnt).await?;
            Ok::<_, StoreError>((sender.id.clone(), held))
        });
        Ok(try_join_all(borrowing).await?.into_iter().collect())
    }

    /// Whether somebody of a job leaves from there: all do whose turn comes to it, as do those whom another one refused.
    fn uses(&self, job: &Job, sender: &SenderId) -> bool {
        let Some(way) = &job.way else {
            return false;
        };
        let legs = way.in_turn(&job.sender, &[], |_| true);
        let first = legs
            .iter()
            .find(|leg| !self.unready.contains_key(&leg.sender));
        let is_first = first.is_some_and(|leg| leg.sender == *sender);
        is_first || job.progress.elsewhere.contains(sender)
    }

    /// The portfolio's limit of a sender beside the tick's own, if what is sent counts against it.
    pub(crate) async fn room(
        &self,
        store: &Store,
        id: &SenderId,
    ) -> Result<Option<Room>, StoreError> {
        let mut senders = self.others.iter().filter_map(|paced| paced.sender.as_ref());
        let sender = senders.find(|sender| sender.id == *id);
        match sender.filter(|_| self.sends_templates) {
            Some(sender) => store.room(sender).await,
            None => Ok(None),
        }
    }
}

impl Places {
    /// Where a recipient of this job leaves from who is at `at` after these attempts, with so many slots of the job's own
    /// sender left, and those used that stand in `routed`.
    pub(crate) fn place(
        &self,
        job: &Job,
        (at, attempts): (&SenderId, &[Attempt]),
        own: usize,
        routed: &[Routed],
    ) -> Place {
        let Some(way) = &job.way else {
            return if own == 0 { Place::Full } else { Place::Own };
        };
        let mut passed = Vec::new();
        // What a sender has no way to send it has refused for good, once it was asked.
        for leg in way.in_turn(at, attempts, |_| true) {
            if let Some(why) = self.unready.get(&leg.sender) {
                let sender = leg.sender.clone();
                passed.push(Passed { sender, why: *why });
                continue;
            }
            let used = routed.iter().filter(|it| it.leg.sender == leg.sender);
            let slots = if leg.sender == job.sender {
                own
            } else {
                self.slots.get(&leg.sender).copied().unwrap_or(0)
            };
            return if used.count() < slots {
                Place::Over(leg.clone(), passed)
            } else {
                Place::Full
            };
        }
        Place::Nowhere
    }

    /// The part of one of so many jobs that are left.
    pub(crate) fn part(&self, jobs: usize) -> Self {
        let slots = self.slots.iter();
        Self {
            unready: self.unready.clone(),
            slots: slots
                .map(|(sender, slots)| (sender.clone(), slots.div_ceil(jobs.max(1))))
                .collect(),
        }
    }

    /// Takes off what was used.
    pub(crate) fn take(&mut self, routed: &[Routed]) {
        for it in routed {
            if let Some(slots) = self.slots.get_mut(&it.leg.sender) {
                *slots = slots.saturating_sub(1);
            }
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.slots.values().sum()
    }
}

async fn borrow_of(
    store: &Store,
    sender: &Sender,
    pace: &Pace,
    learnt: Learnt,
) -> Result<VecDeque<Held>, StoreError> {
    let mut pace = pace.clone();
    for _ in 0..TRIES {
        let now = clock::now();
        let rate = Slowed::rate(pace.slowed.as_ref(), sender.rate(), now);
        let share = Shares::of(rate, sender.reserved_percent).bulk;
        // Its own ticks learn it where it has jobs of its own.
        let (part, speed) = if pace.jobs.is_empty() {
            (share, learnt.speed(pace.speed, share))
        } else {
            let known = Learnt::default().speed(pace.speed, share);
            (share.div_ceil(2), known)
        };
        let taken = pace.rows().take_bulk(share, speed.of(part), now);
        let of = (&sender.tenant, &sender.id);
        if store.borrow_bulk(of, &pace, (&taken, speed), now).await? {
            let held = |slot| Held {
                slot,
                since: now,
                era: pace.era,
            };
            return Ok(taken.slots.into_iter().map(held).collect());
        }
        pace = store.pace(of.0, of.1).await?;
        if pace.paused.is_some() {
            break;
        }
    }
    Ok(VecDeque::new())
}
