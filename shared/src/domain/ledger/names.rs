//! Which attempt a provider's id of a message names, and how the provider calls the person, whatever the order in which
//! statuses and answers came.

use crate::domain::identity::{Identity, Wamid};
use crate::domain::message::{Attempt, Outbound, Outcome};
use crate::domain::state::OfAttempt;
use crate::domain::webhook::Person;

/// The attempt with this provider id.
pub(super) fn attempt_of(message: &Outbound, wamid: &Wamid) -> Option<usize> {
    let named = |attempt: &Attempt| attempt.provider_id.as_ref() == Some(wamid);
    message.attempts.iter().position(named)
}

/// Whether a status belongs to the newest attempt. Nobody can tell those apart whose names no answer has told.
pub(super) fn which(message: &Outbound, place: usize) -> OfAttempt {
    let attempts = &message.attempts;
    let unnamed = |attempt: Option<&Attempt>| attempt.is_some_and(is_unnamed);
    if place + 1 == attempts.len() || (unnamed(attempts.get(place)) && unnamed(attempts.last())) {
        OfAttempt::Latest
    } else {
        OfAttempt::Earlier
    }
}

/// Whether a status alone could tell the attempt's provider id: no answer has come, or one that says that there is none,
/// which is no longer believed once the provider speaks of the message.
fn is_unnamed(attempt: &Attempt) -> bool {
    attempt.is_unanswered() || attempt.outcome == Some(Outcome::Refused)
}

/// Whether the provider's answers tell apart which attempt is meant: all but the newest are named by them.
pub(super) fn only_newest_is_unnamed(attempts: &[Attempt]) -> bool {
    attempts
        .split_last()
        .is_some_and(|(newest, earlier)| is_unnamed(newest) && !earlier.iter().any(is_unnamed))
}

/// The attempt an unseen provider id goes to: the newest without an answer, or else the newest that was refused.
fn nameless(attempts: &[Attempt]) -> Option<usize> {
    let free = |attempt: &Attempt| attempt.provider_id.is_none() && is_unnamed(attempt);
    let unanswered = |attempt: &Attempt| free(attempt) && attempt.is_unanswered();
    let place = attempts.iter().rposition(unanswered);
    place.or_else(|| attempts.iter().rposition(free))
}

/// Gives an unseen provider id to an attempt that has none. Among several the ids then stand in their own order, so that
/// the order in which they came leaves no trace.
pub(super) fn lend_name(message: &mut Outbound, wamid: &Wamid) -> Option<usize> {
    let place = nameless(&message.attempts)?;
    let attempt = message.attempts.get_mut(place)?;
    attempt.provider_id = Some(wamid.clone());
    // That nobody knew whether it was accepted is settled, and so is that it was not.
    attempt.failure = None;
    let lent = |attempt: &&mut Attempt| attempt.provider_id.is_some() && is_unnamed(attempt);
    let mut lent: Vec<&mut Attempt> = message.attempts.iter_mut().filter(lent).collect();
    let mut names: Vec<_> = lent
        .iter_mut()
        .map(|attempt| (attempt.provider_id.take(), attempt.failure.take()))
        .collect();
    names.sort_by(|one, other| one.0.cmp(&other.0));
    for (attempt, (provider_id, failure)) in lent.into_iter().zip(names) {
        attempt.provider_id = provider_id;
        attempt.failure = failure;
    }
    attempt_of(message, wamid)
}

/// The answer names the newest attempt for certain. The name a status had lent it goes to the attempt that had this
/// one, or to an earlier one without.
pub(super) fn name_newest(message: &mut Outbound, wamid: &Wamid) {
    let holder = attempt_of(message, wamid);
    let Some((newest, earlier)) = message.attempts.split_last_mut() else {
        return;
    };
    if newest.provider_id.as_ref() == Some(wamid) {
        return;
    }
    let heir = holder.or_else(|| {
        let lent = newest.provider_id.as_ref();
        lent.and_then(|_| nameless(earlier))
    });
    if let Some(heir) = heir.and_then(|place| earlier.get_mut(place)) {
        std::mem::swap(&mut newest.failure, &mut heir.failure);
        heir.provider_id = newest.provider_id.take();
    }
    if holder.is_none() {
        newest.failure = None;
    }
    newest.provider_id = Some(wamid.clone());
}

/// Keeps the provider's name for the person, if it is another than ours. Of two the lesser stays, a phone before a user
/// id, so that any order ends alike.
pub(super) fn name_person(message: &mut Outbound, told: &Person) {
    let told = told.identity_beside(&message.to);
    let names = message.known_as.take().into_iter().chain(told);
    message.known_as = names.min_by_key(Identity::canonical);
}
