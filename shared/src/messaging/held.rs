//! What holds a message, or a job, back: found out by reading what is known of its senders, whenever somebody asks.
//!
//! Nothing is written for it while messages are sent. The rules are those of `departures`, which choose a sender, a
//! credential and a slot; here nothing is chosen or taken.

use super::credentials::{full, resting_token};
use crate::domain::account::CredentialKind;
use crate::domain::credential::{self, Known};
use crate::domain::held::{HeldBack, Holds, first};
use crate::domain::identity::TenantId;
use crate::domain::job::{Duty, Job};
use crate::domain::limits::Used;
use crate::domain::message::{Lane, Leg, Outbound};
use crate::domain::provider::Provider;
use crate::domain::state::State;
use crate::domain::tier::{CallRoom, Rooms};
use crate::provider::fits;
use crate::store::{Sender, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

/// A message that has just begun to wait is looked at again this soon.
const SOONEST: SignedDuration = SignedDuration::from_secs(5);

/// One that has waited for long, this late.
const LATEST: SignedDuration = SignedDuration::from_mins(1);

/// After how long the hint of a single message comes again that nobody is ready to send before `until`, if that is known.
///
/// What it waits for may end sooner: somebody raises a limit, enables a provider, puts in a key. Nobody tells the hints of
/// that, so each comes again when the message has waited a tenth as long again, and once a minute at the least.
#[must_use]
pub fn look_again(message: &Outbound, until: Option<Timestamp>, now: Timestamp) -> SignedDuration {
    let due = message.not_before.unwrap_or(message.created_at);
    let again = (now.duration_since(due) / 10).clamp(SOONEST, LATEST);
    until.map_or(again, |until| until.duration_since(now).min(again))
}

/// What holds back a message whose time has come. A recipient of a job that does not run waits for that, and for nothing
/// else.
pub async fn of_message(
    store: &Store,
    message: &Outbound,
    now: Timestamp,
) -> Result<Option<HeldBack>, StoreError> {
    let is_due = message.not_before.is_none_or(|time| time <= now);
    if message.state != State::Queued || !is_due {
        return Ok(None);
    }
    let job = match (&message.job, message.lane) {
        (Some(id), Lane::Bulk) => store.job(&message.tenant, id).await?,
        (Some(_) | None, Lane::Otp | Lane::Single | Lane::Bulk) => None,
    };
    if job.as_ref().is_some_and(|job| job.duty(now) != Duty::Send) {
        return Ok(None);
    }
    let way = message.way.as_ref();
    let legs = match way.or_else(|| job.as_ref().and_then(|job| job.way.as_ref())) {
        Some(way) => {
            let content = message.content.as_ref();
            let can_send = |provider| {
                content.is_none_or(|content| fits(provider, &message.to, content).is_ok())
            };
            let legs = way.in_turn(&message.sender, &message.attempts, can_send);
            legs.into_iter().cloned().collect()
        }
        None => vec![message.leg()],
    };
    by_all(store, &message.tenant, &legs, now).await
}

/// What holds back a job that runs.
pub async fn of_job(
    store: &Store,
    job: &Job,
    now: Timestamp,
) -> Result<Option<HeldBack>, StoreError> {
    if job.duty(now) != Duty::Send {
        return Ok(None);
    }
    by_all(store, &job.tenant, &legs_of(job), now).await
}

/// What a job's recipients leave from: the first of its senders that nothing holds back, as `dispatch` has them leave.
/// Where each is held back, the one that may be ready first, and what holds it.
pub async fn leg_of_job(
    store: &Store,
    job: &Job,
    now: Timestamp,
) -> Result<(Leg, Option<Holds>), StoreError> {
    let legs = legs_of(job);
    let held = match ready(store, &job.tenant, &legs, now).await? {
        Ok(leg) => return Ok((leg, None)),
        Err(held) => first(held),
    };
    let is_it = |leg: &Leg| held.as_ref().is_some_and(|held| held.sender == leg.sender);
    let leg = legs.into_iter().find(is_it).unwrap_or_else(|| own(job));
    Ok((leg, held.map(|held| held.by)))
}

/// The senders that a job's recipients may leave from, in their turn.
fn legs_of(job: &Job) -> Vec<Leg> {
    match &job.way {
        Some(way) => {
            let legs = way.in_turn(&job.sender, &[], |_| true);
            legs.into_iter().cloned().collect()
        }
        None => vec![own(job)],
    }
}

fn own(job: &Job) -> Leg {
    Leg {
        account: job.account.clone(),
        sender: job.sender.clone(),
    }
}

/// What holds back whatever may leave from any of these; nothing if one of them is ready.
async fn by_all(
    store: &Store,
    tenant: &TenantId,
    legs: &[Leg],
    now: Timestamp,
) -> Result<Option<HeldBack>, StoreError> {
    let ready = ready(store, tenant, legs, now).await?;
    Ok(ready.err().and_then(first))
}

/// The first of these that nothing holds back, or what holds each of them.
async fn ready(
    store: &Store,
    tenant: &TenantId,
    legs: &[Leg],
    now: Timestamp,
) -> Result<Result<Leg, Vec<HeldBack>>, StoreError> {
    let mut held = Vec::new();
    for leg in legs {
        match by_one(store, tenant, leg, now).await? {
            Some((by, until)) => held.push(HeldBack {
                by,
                sender: leg.sender.clone(),
                until,
            }),
            None => return Ok(Ok(leg.clone())),
        }
    }
    Ok(Err(held))
}

/// What keeps a sender that may go on from sending all the same until somebody does something, and what that is.
pub async fn in_the_way(
    store: &Store,
    tenant: &TenantId,
    leg: &Leg,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let Leg { account, sender } = leg;
    let provider = sender.provider();
    let held = by_one(store, tenant, leg, now).await?;
    Ok(match held.map(|(by, _)| by) {
        Some(Holds::Disabled) => Some(format!(
            "the provider is disabled, so nothing leaves {sender}: PUT /v1/providers/{} with {{\"enabled\": true}}",
            provider.as_str()
        )),
        Some(Holds::Credential) => Some(format!(
            "{sender} has no key that may be used, so nothing leaves it: PUT one in at /v1/accounts/{account}/keys, enable \
             one, or test one that was refused and is good again"
        )),
        None if provider == Provider::Meta => {
            let read = store.account(tenant, account).await?;
            let token = read.and_then(|it| it.credential(CredentialKind::AccessToken).cloned());
            token.is_none().then(|| {
                format!(
                    "{sender}'s account has no access token, so nothing leaves it: PUT one in at \
                     /v1/accounts/{account}/setup/tokens"
                )
            })
        }
        // Nobody has to do anything for that to end, or it is told elsewhere.
        Some(Holds::Limit | Holds::Resting | Holds::Paused) | None => None,
    })
}

/// How many calls the limits of a sender's provider and keys leave room for.
pub async fn call_rooms(
    store: &Store,
    sender: &Sender,
    now: Timestamp,
) -> Result<Rooms, StoreError> {
    let (tenant, provider) = (&sender.tenant, sender.id.provider());
    let limits = store.provider_settings(tenant, provider).await?.limits;
    let used = store.provider_calls(tenant, provider).await?;
    let known = store.known_credentials(tenant, &sender.account).await?;
    let account = store.account(tenant, &sender.account).await?;
    let keys = account.as_ref().map(|it| it.usable_keys(&sender.id, now));
    let keys = keys.unwrap_or_default();
    // One that has no limit takes whatever the others have no room for.
    let all_limited = keys.iter().all(|key| !key.limits.is_empty());
    let rooms = keys
        .into_iter()
        .filter(|_| all_limited)
        .map(|key| CallRoom {
            limits: key.limits,
            used: Known::of_key(&known, key).map_or_else(Used::default, |known| known.used),
        });
    Ok(Rooms {
        provider: (!limits.is_empty()).then_some(CallRoom { limits, used }),
        keys: rooms.collect(),
        ..Rooms::default()
    })
}

async fn by_one(
    store: &Store,
    tenant: &TenantId,
    leg: &Leg,
    now: Timestamp,
) -> Result<Option<(Holds, Option<Timestamp>)>, StoreError> {
    let provider = leg.sender.provider();
    if store.pace(tenant, &leg.sender).await?.paused.is_some() {
        return Ok(Some((Holds::Paused, None)));
    }
    // Whoever asks may have just changed them.
    let settings = store.provider_settings(tenant, provider).await?;
    if !settings.enabled {
        return Ok(Some((Holds::Disabled, None)));
    }
    if let Some(until) = full(store, tenant, provider, now).await? {
        return Ok(Some((Holds::Limit, Some(until))));
    }
    let known = store.known_credentials(tenant, &leg.account).await?;
    if provider == Provider::Meta {
        return Ok(resting_token(&known, now).map(|until| (Holds::Resting, Some(until))));
    }
    let account = store.account(tenant, &leg.account).await?;
    let keys = account.as_ref().map(|it| it.usable_keys(&leg.sender, now));
    Ok(credential::held(&keys.unwrap_or_default(), &known, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ledger::tests::{at, queued};

    #[test]
    fn a_message_that_waits_is_looked_at_within_seconds_at_first_and_once_a_minute_for_ever() {
        let message = queued(at(0));
        let again = |second| look_again(&message, None, at(second)).as_secs();
        assert_eq!([0, 30, 120, 3_600, 86_400].map(again), [5, 5, 12, 60, 60]);
        let until = |second| look_again(&message, Some(at(second)), at(3_600)).as_secs();
        assert_eq!([3_602, 3_660, 90_000].map(until), [2, 60, 60]);
    }
}
