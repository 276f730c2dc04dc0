//! One tick of a sender: learns how its workers do, takes slots for the next second, hands them out to its running
//! jobs, and puts the hint for the next tick.

use crate::legs::Legs;
use crate::{DispatchError, State, handing, idle};
use futures_util::future::join_all;
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::job::{Duty, Job};
use heliograph::domain::message::{Attempt, Message, Outbound, Outcome};
use heliograph::domain::pace::{Held, InboundRate, Shares, Slowed, Speed};
use heliograph::domain::queue::{DispatchBody, Probe};
use heliograph::domain::state::State as MessageState;
use heliograph::messaging::pace;
use heliograph::service::clock;
use heliograph::service::queue::Entry;
use heliograph::service::telemetry::chain;
use heliograph::store::{Lease, Pace, PacedSender, Sender, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A hint that comes sooner after the beginning of a tick is one too many.
const AT_LEAST_BETWEEN: SignedDuration = SignedDuration::from_millis(900);

/// The hint for the next tick goes this long after it may come: clocks may differ a little.
const SPARE: SignedDuration = SignedDuration::from_millis(50);

/// What a slot's use may take to be seen.
const SEEN_AFTER: SignedDuration = SignedDuration::from_millis(200);

/// Leases that are lost to others before one gives up.
const TRIES: usize = 5;

/// Runs one tick, and puts the hint for the next one while the sender has jobs. The chain of hints goes on if
/// handing out failed: what was not handed out is met again.
pub(crate) async fn run(
    state: &State,
    tenant: &TenantId,
    sender: &SenderId,
    handed_out: Vec<Probe>,
) -> Result<(), DispatchError> {
    let began = clock::now();
    let (due, mut probes): (Vec<_>, Vec<_>) = handed_out
        .into_iter()
        .partition(|probe| is_due(probe, began));
    let mut learnt = look_at(state, tenant, &due).await?;
    // They were handed out at the speed before.
    probes.retain(|probe| !learnt.get(&probe.lender).is_some_and(Learnt::slows_down));
    let own = learnt.remove(&None).unwrap_or_default();
    // Boxed, because jobs are large.
    let Some(mut tick) = Box::pin(begin(state, tenant, sender, own)).await? else {
        return Ok(());
    };
    let borrowed = learnt.into_iter();
    tick.legs.learnt = borrowed
        .filter_map(|(lender, learnt)| Some((lender?, learnt)))
        .collect();
    match handing::hand_out(state, &tick.sender, tick.jobs, (&tick.slots, &tick.legs)).await {
        Ok(handed_out) => probes.extend(handed_out),
        Err(error) => tracing::error!(
            sender.id = sender.logged(),
            error = chain(&error),
            "a tick did not hand out all it had slots for"
        ),
    }
    let next = tick.next_run.saturating_add(SPARE).unwrap_or(tick.next_run);
    let rest = next.duration_since(clock::now());
    pace::wait(rest).await;
    let hint = DispatchBody::V1 {
        tenant: tenant.clone(),
        sender: sender.clone(),
        handed_out: probes,
    };
    Ok(state.dispatch.send(tenant, Entry::of(&hint)?).await?)
}

/// What became of the slots of a sender that were looked at again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Learnt {
    pub(crate) seen: usize,
    pub(crate) missed: usize,
}

impl Learnt {
    /// How fast it goes from now on, of a share of so many calls a second.
    pub(crate) fn speed(self, before: Option<Speed>, share: u32) -> Speed {
        before.map_or_else(
            || Speed::first(share),
            |speed| speed.after(self.seen, self.missed),
        )
    }

    const fn slows_down(&self) -> bool {
        Speed::falls(self.seen, self.missed)
    }
}

/// A tick with its slots taken.
pub(crate) struct Tick {
    sender: Sender,
    jobs: Vec<Job>,
    slots: Vec<Held>,
    /// The other senders of the jobs' routes.
    legs: Legs,
    /// When the next one may begin.
    next_run: Timestamp,
}

fn is_due(probe: &Probe, now: Timestamp) -> bool {
    let until = Timestamp::from_microsecond(probe.until).unwrap_or(Timestamp::MIN);
    now.duration_since(until) >= SEEN_AFTER
}

/// What became of these slots, of each lender's and of the sender's own.
async fn look_at(
    state: &State,
    tenant: &TenantId,
    probes: &[Probe],
) -> Result<BTreeMap<Option<SenderId>, Learnt>, StoreError> {
    let ids: Vec<_> = probes.iter().map(|probe| probe.message.clone()).collect();
    let mut learnt: BTreeMap<_, Learnt> = BTreeMap::new();
    for message in state.store.messages(tenant, &ids).await? {
        let Message::Outbound(message) = message else {
            continue;
        };
        if let Some(probe) = probes.iter().find(|probe| probe.message == message.id) {
            let of = learnt.entry(probe.lender.clone()).or_default();
            of.seen += 1;
            of.missed += usize::from(was_missed(&message, probe));
        }
    }
    Ok(learnt)
}

fn was_missed(message: &Outbound, probe: &Probe) -> bool {
    let attempt = message.attempts.last();
    message.state == MessageState::Queued && !attempt.is_some_and(|attempt| used(attempt, probe))
}

/// Whether this attempt was a call in the probe's slot: it has been refused, and the message is queued again.
fn used(attempt: &Attempt, probe: &Probe) -> bool {
    let outcome = attempt.outcome;
    // No slot is longer than a second.
    let recent = attempt.started_at.as_microsecond() > probe.until - 2_000_000;
    outcome != Some(Outcome::NotStarted) && recent
}

/// Takes the slots of this tick. `None` if another tick has just done so, or there is nothing to hand out.
pub(crate) async fn begin(
    state: &State,
    tenant: &TenantId,
    id: &SenderId,
    learnt: Learnt,
) -> Result<Option<Tick>, DispatchError> {
    let now = clock::now();
    let read = state.store.paced_sender(tenant, id).await?;
    if is_too_soon(&read.pace, now) {
        return Ok(None);
    }
    let jobs = jobs(&state.store, tenant, &read.pace).await?;
    let legs = Legs::read(&state.store, tenant, (id, &read), &jobs, now).await?;
    let PacedSender {
        sender, mut pace, ..
    } = read;
    let wake_at = legs.look_again_at(&jobs, now);
    let (jobs, waiting) = to_do(jobs, &legs, now);
    // Boxed, because it is rare and holds a job.
    Box::pin(idle::all(&state.store, waiting, now)).await;
    let Some(sender) = sender.filter(|_| !jobs.is_empty()) else {
        state.store.rest(tenant, id, &pace, wake_at).await?;
        return Ok(None);
    };
    let inbound = inbound(&state.store, &sender, &pace, now).await?;
    for _ in 0..TRIES {
        let now = clock::now();
        if is_too_soon(&pace, now) {
            return Ok(None);
        }
        let lease = lease(&sender, &pace, learnt, inbound, now);
        let mut is_ours = state.store.lease_bulk(tenant, id, &pace, &lease).await?;
        if !is_ours {
            pace = state.store.pace(tenant, id).await?;
            // It was written, and the answer alone was lost: then the client's own second try has found it so.
            is_ours = pace.tick.as_ref() == Some(&lease.tick);
        }
        if is_ours {
            let held = |slot| Held {
                slot,
                since: lease.now,
                era: pace.era,
            };
            return Ok(Some(Tick {
                sender,
                jobs,
                legs,
                next_run: lease.next_run,
                slots: lease.taken.slots.into_iter().map(held).collect(),
            }));
        }
    }
    Err(StoreError::Conflict.into())
}

fn is_too_soon(pace: &Pace, now: Timestamp) -> bool {
    pace.next_run.is_some_and(|next_run| now < next_run)
}

/// The sender's jobs. One that cannot be read keeps no other from being sent.
async fn jobs(store: &Store, tenant: &TenantId, pace: &Pace) -> Result<Vec<Job>, StoreError> {
    let ids = pace.job_ids();
    let read = join_all(ids.iter().map(|id| store.job(tenant, id))).await;
    let mut jobs = Vec::new();
    let mut failure = None;
    for (id, job) in ids.iter().zip(read) {
        match job {
            Ok(job) => jobs.extend(job),
            Err(error) => {
                tracing::error!(job.id = %id, error = chain(&error), "a job could not be read");
                failure = Some(error);
            }
        }
    }
    // Without any that could be read nobody knows that there is nothing to do.
    match failure {
        Some(error) if jobs.is_empty() => Err(error),
        Some(_) | None => Ok(jobs),
    }
}

/// The jobs for which something can be done, and those that no sender is ready to send for: of these recipients are only
/// taken back.
fn to_do(jobs: Vec<Job>, legs: &Legs, now: Timestamp) -> (Vec<Job>, Vec<Job>) {
    let at_work = jobs
        .into_iter()
        .filter(|job| job.duty(now) != Duty::Nothing);
    at_work.partition(|job| job.duty(now) != Duty::Send || legs.are_ready(job))
}

/// How many messages come in. Those of the last second of a day may be missed, as may those not counted yet.
pub(crate) async fn inbound(
    store: &Store,
    sender: &Sender,
    pace: &Pace,
    now: Timestamp,
) -> Result<InboundRate, StoreError> {
    let counted = store.received_today(&sender.tenant, &sender.id, now);
    Ok(InboundRate::after(
        pace.inbound.as_ref(),
        counted.await?,
        now,
    ))
}

pub(crate) fn lease(
    sender: &Sender,
    pace: &Pace,
    learnt: Learnt,
    inbound: InboundRate,
    now: Timestamp,
) -> Lease {
    let rate = Slowed::rate(pace.slowed.as_ref(), sender.rate(), now);
    let share = inbound.leave(Shares::of(rate, sender.reserved_percent).bulk);
    let speed = learnt.speed(pace.speed, share);
    Lease {
        tick: Uuid::new_v4().simple().to_string(),
        taken: pace.rows().take_bulk(share, speed.of(share), now),
        now,
        next_run: now.saturating_add(AT_LEAST_BETWEEN).unwrap_or(now),
        speed,
        inbound,
    }
}
