//! What a provider's report does to a message: any order and any duplication of reports end alike.

use super::names::{attempt_of, lend_name, name_person, only_newest_is_unnamed, which};
use super::verdict;
use crate::domain::failure::ProviderFailure;
use crate::domain::message::{Outbound, Price};
use crate::domain::state::{OfAttempt, State, Status, advance};
use crate::domain::webhook::StatusUpdate;
use serde_json::Value;

/// Takes in a provider's report. `None` if it is about no attempt of this message.
pub(super) fn take(message: &mut Outbound, update: &StatusUpdate) -> Option<()> {
    let known = attempt_of(message, &update.wamid);
    let place = known.or_else(|| lend_name(message, &update.wamid))?;
    if known.is_none() && failed_by_what_is_disproved(message) {
        message.state = State::Accepted;
        message.times.ended = None;
    }
    name_person(message, &update.recipient);
    let of = which(message, place);
    if verdict::standing(message).is_some() && advance(State::Unknown, update.status, of).is_some()
    {
        verdict::set_aside(message);
    }
    if let Some(failure) = &update.failure {
        let attempt = message.attempts.get_mut(place)?;
        if attempt
            .failure
            .as_ref()
            .is_none_or(|known| order(failure) < order(known))
        {
            attempt.failure = Some(failure.clone());
        }
    }
    if let Some(pricing) = &update.pricing {
        take_price(message, update.status, pricing);
    }
    if of == OfAttempt::Latest || update.status.state() != State::Failed {
        message.times.note(update.status, update.at);
    }
    if let Some(state) = advance(message.state, update.status, of) {
        message.state = state;
    }
    Some(())
}

/// Whether it stands as failed by nothing but its newest attempt's refusal, which has just turned out to be none.
fn failed_by_what_is_disproved(message: &Outbound) -> bool {
    let newest = message.attempts.last();
    message.state == State::Failed
        && newest.is_some_and(|attempt| attempt.failure.is_none())
        && verdict::standing(message).is_none()
        && only_newest_is_unnamed(&message.attempts)
}

/// The later status tells the price better. Of two prices told by the same status one wins, whichever came first.
fn take_price(message: &mut Outbound, told_by: Status, pricing: &Value) {
    let known = message.price.as_ref();
    if known.is_none_or(|price| {
        (price.told_by, price.pricing.to_string()) < (told_by, pricing.to_string())
    }) {
        message.price = Some(Price {
            told_by,
            pricing: pricing.clone(),
        });
    }
}

/// Of two reasons for the same failure one wins, whichever came first.
fn order(failure: &ProviderFailure) -> impl Ord + '_ {
    let ProviderFailure {
        code,
        subcode,
        message,
        trace_id,
        retry_after_s,
        ..
    } = failure;
    (code, subcode, message, trace_id, retry_after_s)
}
