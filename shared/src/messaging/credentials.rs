//! What calls say about the credentials they were made with; and whether a sender's credentials rest, for whoever hands
//! messages out and may read no secret.

use crate::domain::breaker::{Learnt, Stance};
use crate::domain::credential::{self, Known};
use crate::domain::failure::Class;
use crate::domain::id::AccountId;
use crate::domain::identity::{SenderId, TenantId};
use crate::domain::message::{Attempt, Outbound, Outcome};
use crate::domain::provider::Provider;
use crate::store::{Store, StoreError};
use jiff::Timestamp;

/// What a message's newest call says about the credential that it was made with.
#[must_use]
pub fn learnt(message: &Outbound) -> Learnt {
    let Some(newest) = message.attempts.last() else {
        return Learnt::Nothing;
    };
    if newest.provider_id.is_some() {
        return Learnt::Accepted;
    }
    let is_trouble = match (newest.outcome, &newest.failure) {
        (Some(Outcome::Accepted), _) => return Learnt::Accepted,
        (Some(Outcome::Ambiguous), _) => true,
        (Some(Outcome::Refused), Some(failure)) => failure.class == Class::Transient,
        (Some(Outcome::Refused), None) | (Some(Outcome::NotStarted) | None, _) => false,
    };
    if !is_trouble {
        return Learnt::Nothing;
    }
    let leg = message.leg_of(newest);
    let is_call_there = |attempt: &&Attempt| attempt.is_call() && message.leg_of(attempt) == leg;
    let calls = message.attempts.iter().filter(is_call_there).count();
    Learnt::Failed {
        is_first: calls == 1,
    }
}

/// Until when nothing can be sent from a sender because all its credentials rest, or its provider's limits are reached;
/// `None` if one may be used, and if there is none that rests: then a message is to be tried, so that it says what is
/// wrong.
pub async fn resting(
    store: &Store,
    (tenant, account): (&TenantId, &AccountId),
    sender: &SenderId,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let provider = sender.provider();
    let full = full(store, tenant, provider, now).await?;
    if full.is_some() {
        return Ok(full);
    }
    let known = store.known_credentials(tenant, account).await?;
    match provider {
        Provider::Meta => Ok(resting_token(&known, now)),
        Provider::Gateway(_) => {
            // Nothing rests of which nothing is known.
            if known.is_empty() {
                return Ok(None);
            }
            let account = store.account(tenant, account).await?;
            let keys = account.as_ref().map(|it| it.usable_keys(sender, now));
            Ok(credential::resting(&keys.unwrap_or_default(), &known, now))
        }
    }
}

/// When there is room again within the limits that a tenant sets to a provider, if they are reached.
pub(super) async fn full(
    store: &Store,
    tenant: &TenantId,
    provider: Provider,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let settings = store.known_provider_settings(tenant, provider).await?;
    if settings.limits.is_empty() {
        return Ok(None);
    }
    let used = store.provider_calls(tenant, provider).await?;
    Ok(used.taking(&settings.limits, now).err())
}

/// Which of the tokens is the one in use only the secret tells. One that gave way to another rests five minutes at most.
pub(super) fn resting_token(known: &[Known], now: Timestamp) -> Option<Timestamp> {
    let tokens = known.iter().filter(|it| it.refused.is_none());
    let rests = tokens.filter_map(|it| match it.breaker.stance(now) {
        Stance::Open(until) => Some(until),
        Stance::Closed | Stance::HalfOpen => None,
    });
    rests.min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::ProviderFailure;
    use crate::domain::ledger::tests::{at, claimed, ended, queued};
    use crate::domain::ledger::{CallResult, apply};
    use crate::domain::state::State;

    #[test]
    fn an_answer_that_proves_nothing_ends_no_message_and_is_trouble_of_its_credential() {
        let silence = CallResult::Ambiguous(ProviderFailure::ambiguous("a proxy answered 403"));
        let sending = claimed(&queued(at(0)), "one", at(0));
        let message = sending.and_then(|it| apply(&it, &ended("one", silence), at(1)));
        let message = message.unwrap_or_else(|| unreachable!("the call has ended"));
        assert_eq!(message.state, State::Unknown);
        assert_eq!(learnt(&message), Learnt::Failed { is_first: true });
    }
}
