//! One tick of a sender: slots for the next second, shared among its running jobs in turn.

use crate::recipients::{self, Taken};
use crate::{DispatchError, State};
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::{PhoneNumberId, TenantId};
use heliograph::domain::message::Lane;
use heliograph::domain::pace::{Slots, interval, row_of_jobs, window};
use heliograph::domain::queue::{DeliverBody, DispatchBody};
use heliograph::service::clock;
use heliograph::service::queue::{Entry, QueueError};
use heliograph::store::{Job, JobStatus, Lease, Pace, Sender, StoreError};
use jiff::{SignedDuration, Timestamp};

/// How far ahead slots are handed out: a second, and one more for the way through the queue.
const AHEAD: SignedDuration = SignedDuration::from_secs(2);

/// A hint that comes sooner after the last one than this is one too many. The queue's delay is a second.
const AT_LEAST_BETWEEN: SignedDuration = SignedDuration::from_millis(900);

/// The time a hint takes from here to a worker, cold starts aside.
const LEAD: SignedDuration = SignedDuration::from_millis(500);

/// Runs one tick, and puts the hint for the next one while the sender has jobs.
pub(crate) async fn run(
    state: &State,
    tenant: &TenantId,
    sender: &PhoneNumberId,
) -> Result<(), DispatchError> {
    let now = clock::now();
    let (pace, singles) = state.store.pace_and_row(tenant, sender, now).await?;
    if pace.next_run.is_some_and(|next_run| now < next_run) {
        return Ok(());
    }
    let jobs = running(state, tenant, &pace).await?;
    let sender = match state.store.sender(tenant, sender).await? {
        Some(sender) if !jobs.is_empty() => sender,
        Some(_) | None => {
            state.store.rest(tenant, sender, &pace).await?;
            return Ok(());
        }
    };
    let (slots, window) = slots(state, &sender, &pace, singles, now).await?;
    let next_run = now.saturating_add(AT_LEAST_BETWEEN).unwrap_or(now);
    let lease = Lease {
        until: slots.until(),
        next_run,
        window,
    };
    if !state
        .store
        .lease_slots(tenant, &sender.id, &pace, lease)
        .await?
    {
        return Ok(());
    }
    hand_out(state, &sender, jobs, slots, now).await?;
    let hint = DispatchBody::V1 {
        tenant: tenant.clone(),
        sender: sender.id.clone(),
    };
    Ok(state
        .dispatch
        .send(tenant, Entry::of(&hint)?.after(1))
        .await?)
}

async fn running(state: &State, tenant: &TenantId, pace: &Pace) -> Result<Vec<Job>, StoreError> {
    let mut jobs = Vec::new();
    for id in pace.job_ids() {
        let job = state.store.job(tenant, &id).await?;
        jobs.extend(job.filter(|job| job.status == JobStatus::Running));
    }
    Ok(jobs)
}

/// The slots of this tick, and how many they might have been: fewer than the rate allows while the workers are behind.
async fn slots(
    state: &State,
    sender: &Sender,
    pace: &Pace,
    singles: Option<Timestamp>,
    now: Timestamp,
) -> Result<(Slots, u32), QueueError> {
    let interval = interval(sender.messages_per_second, 100 - sender.reserved());
    // The first slot is far enough away for its hint to get there in time.
    let earliest = now.saturating_add(LEAD).unwrap_or(now);
    let next = row_of_jobs(pace.next_slot, singles, earliest);
    let slots = Slots::up_to(Some(next), now, interval, AHEAD);
    let full = u32::try_from(AHEAD.as_micros() / interval.as_micros().max(1)).unwrap_or(u32::MAX);
    let (window, hand_out) = window(pace.window, full.max(1), state.bulk.depth().await?);
    let most = hand_out
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(0);
    Ok((slots.at_most(most), window))
}

/// Takes open recipients from the jobs in turn, one slot each, and puts them on the queue.
async fn hand_out(
    state: &State,
    sender: &Sender,
    jobs: Vec<Job>,
    slots: Slots,
    now: Timestamp,
) -> Result<(), DispatchError> {
    let mut left = slots.count;
    let mut waiting = jobs.len();
    let mut taken = Vec::new();
    for job in jobs {
        let share = left.div_ceil(waiting.max(1));
        let from_job = recipients::take(&state.store, job, share, now).await?;
        left -= from_job.ids.len();
        waiting -= 1;
        taken.push(from_job);
    }
    let mut entries = Vec::new();
    for (place, id) in in_turn(&taken).into_iter().enumerate() {
        let slot = slots.time(place);
        let body = DeliverBody::V1 {
            tenant: sender.tenant.clone(),
            account: sender.account.clone(),
            message: id.clone(),
            lane: Lane::Bulk,
            slot: Some(slot.as_millisecond()),
        };
        let late = slot.duration_since(now) >= SignedDuration::from_secs(1);
        entries.push(Entry::of(&body)?.after(u32::from(late)));
    }
    state.bulk.send_all(&sender.tenant, entries).await?;
    for Taken { job, progress, .. } in &taken {
        if *progress != job.progress {
            state.store.save_progress(job, progress).await?;
        }
    }
    Ok(())
}

/// One of each job, then the next of each, so that no job waits behind another.
fn in_turn(taken: &[Taken]) -> Vec<&MessageId> {
    let longest = taken.iter().map(|taken| taken.ids.len()).max().unwrap_or(0);
    (0..longest)
        .flat_map(|place| taken.iter().filter_map(move |taken| taken.ids.get(place)))
        .collect()
}
