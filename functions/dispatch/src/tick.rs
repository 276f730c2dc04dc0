//! One tick of a sender: learns how its workers do, takes slots for the next second, hands them out to its running
//! jobs, and puts the hint for the next tick.

use crate::{DispatchError, State, handing};
use heliograph::domain::identity::{PhoneNumberId, TenantId};
use heliograph::domain::job::{Duty, Job};
use heliograph::domain::message::{Attempt, Message, Outcome};
use heliograph::domain::pace::{InboundRate, Shares, Slot, Slowed, Speed};
use heliograph::domain::queue::{DispatchBody, Probe};
use heliograph::domain::state::State as MessageState;
use heliograph::service::clock;
use heliograph::service::queue::Entry;
use heliograph::store::{Lease, Pace, Sender, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

/// A hint that comes sooner after the beginning of a tick is one too many.
const AT_LEAST_BETWEEN: SignedDuration = SignedDuration::from_millis(900);

/// The hint for the next tick goes this long after the beginning of this one, or later: clocks may differ a little.
const NEXT_AFTER: SignedDuration = SignedDuration::from_millis(950);

/// What a slot's use may take to be seen.
const SEEN_AFTER: SignedDuration = SignedDuration::from_millis(200);

/// Leases that are lost to others before one gives up.
const TRIES: usize = 5;

/// Runs one tick, and puts the hint for the next one while the sender has jobs.
pub(crate) async fn run(
    state: &State,
    tenant: &TenantId,
    sender: &PhoneNumberId,
    handed_out: Vec<Probe>,
) -> Result<(), DispatchError> {
    let began = clock::now();
    let (due, mut probes): (Vec<_>, Vec<_>) = handed_out
        .into_iter()
        .partition(|probe| is_due(probe, began));
    let learnt = look_at(state, tenant, &due).await?;
    let Some(tick) = begin(state, tenant, sender, learnt).await? else {
        return Ok(());
    };
    if tick.has_slowed_down {
        // They were handed out at the speed before.
        probes.clear();
    }
    probes.extend(handing::hand_out(state, &tick.sender, tick.jobs, &tick.slots).await?);
    let rest = NEXT_AFTER - clock::now().duration_since(began);
    tokio::time::sleep(rest.try_into().unwrap_or_default()).await;
    let hint = DispatchBody::V1 {
        tenant: tenant.clone(),
        sender: sender.clone(),
        handed_out: probes,
    };
    Ok(state.dispatch.send(tenant, Entry::of(&hint)?).await?)
}

/// What became of the slots that were looked at again.
#[derive(Clone, Copy)]
pub(crate) struct Learnt {
    pub(crate) seen: usize,
    pub(crate) missed: usize,
}

/// A tick with its slots taken.
struct Tick {
    sender: Sender,
    jobs: Vec<Job>,
    slots: Vec<Slot>,
    /// The workers had missed too many slots.
    has_slowed_down: bool,
}

fn is_due(probe: &Probe, now: Timestamp) -> bool {
    let until = Timestamp::from_millisecond(probe.until).unwrap_or(Timestamp::MIN);
    now.duration_since(until) >= SEEN_AFTER
}

async fn look_at(state: &State, tenant: &TenantId, probes: &[Probe]) -> Result<Learnt, StoreError> {
    let ids: Vec<_> = probes.iter().map(|probe| probe.message.clone()).collect();
    let messages = state.store.messages(tenant, &ids).await?;
    let missed = |message: &Message| match message {
        Message::Outbound(message) => {
            let attempt = message.attempts.last();
            let probe = probes.iter().find(|probe| probe.message == message.id);
            message.state == MessageState::Queued
                && !attempt
                    .zip(probe)
                    .is_some_and(|(attempt, probe)| used(attempt, probe))
        }
        Message::Inbound(_) => false,
    };
    Ok(Learnt {
        seen: messages.len(),
        missed: messages.iter().filter(|message| missed(message)).count(),
    })
}

/// Whether this attempt was a call in the probe's slot: it has been refused, and the message is queued again.
fn used(attempt: &Attempt, probe: &Probe) -> bool {
    let outcome = attempt.outcome;
    // No slot is longer than a second.
    let recent = attempt.started_at.as_millisecond() > probe.until - 2_000;
    outcome != Some(Outcome::NotStarted) && recent
}

/// Takes the slots of this tick. `None` if another tick has just done so, or there is nothing to hand out.
async fn begin(
    state: &State,
    tenant: &TenantId,
    id: &PhoneNumberId,
    learnt: Learnt,
) -> Result<Option<Tick>, DispatchError> {
    for _ in 0..TRIES {
        let now = clock::now();
        let pace = state.store.pace(tenant, id).await?;
        if pace.next_run.is_some_and(|next_run| now < next_run) {
            return Ok(None);
        }
        let jobs = to_do(state, tenant, &pace, now).await?;
        let sender = state.store.sender(tenant, id).await?;
        let Some(sender) = sender.filter(|_| !jobs.is_empty()) else {
            state.store.rest(tenant, id, &pace).await?;
            return Ok(None);
        };
        let inbound = inbound(&state.store, &sender, &pace, now).await?;
        let lease = lease(&sender, &pace, learnt, inbound, now);
        if state.store.lease_bulk(tenant, id, &pace, &lease).await? {
            return Ok(Some(Tick {
                sender,
                jobs,
                has_slowed_down: pace.speed.is_some_and(|before| lease.speed < before),
                slots: lease.taken.slots,
            }));
        }
    }
    Err(StoreError::Conflict.into())
}

/// The jobs for which something can be done: while the sender is paused, recipients are only taken back.
async fn to_do(
    state: &State,
    tenant: &TenantId,
    pace: &Pace,
    now: Timestamp,
) -> Result<Vec<Job>, StoreError> {
    let mut jobs = Vec::new();
    for id in pace.job_ids() {
        let job = state.store.job(tenant, &id).await?;
        jobs.extend(job.filter(|job| match job.duty(now) {
            Duty::Nothing => false,
            Duty::Send => pace.paused.is_none(),
            Duty::Withdraw(_) => true,
        }));
    }
    Ok(jobs)
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
    let speed = pace.speed.map_or_else(
        || Speed::first(share),
        |speed| speed.after(learnt.seen, learnt.missed),
    );
    Lease {
        taken: pace.rows().take_bulk(share, speed.of(share), now),
        next_run: now.saturating_add(AT_LEAST_BETWEEN).unwrap_or(now),
        speed,
        inbound,
    }
}
