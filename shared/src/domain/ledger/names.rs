//! Which attempt a provider's id of a message names, and how the provider calls the person, whatever the order in which
//! statuses and answers came.

use crate::domain::identity::{Identity, Wamid};
use crate::domain::message::{Attempt, Outbound};
use crate::domain::state::OfAttempt;
use crate::domain::webhook::Person;

/// The attempt with this provider id.
pub(super) fn attempt_of(message: &Outbound, wamid: &Wamid) -> Option<usize> {
    let named = |attempt: &Attempt| attempt.provider_id.as_ref() == Some(wamid);
    message.attempts.iter().position(named)
}

/// Whether a status belongs to the newest attempt. Nobody can tell unanswered ones apart.
pub(super) fn which(message: &Outbound, place: usize) -> OfAttempt {
    let attempts = &message.attempts;
    let unanswered = |attempt: Option<&Attempt>| attempt.is_some_and(Attempt::is_unanswered);
    if place + 1 == attempts.len()
        || (unanswered(attempts.get(place)) && unanswered(attempts.last()))
    {
        OfAttempt::Latest
    } else {
        OfAttempt::Earlier
    }
}

/// Gives an unseen provider id to the newest unanswered attempt that has none. Among several such attempts the ids
/// then stand in their own order, so that the order in which they came leaves no trace.
pub(super) fn lend_name(message: &mut Outbound, wamid: &Wamid) -> Option<usize> {
    let free = |attempt: &Attempt| attempt.provider_id.is_none() && attempt.is_unanswered();
    let place = message.attempts.iter().rposition(free)?;
    let attempt = message.attempts.get_mut(place)?;
    attempt.provider_id = Some(wamid.clone());
    // That nobody knew whether it was accepted is settled.
    attempt.failure = None;
    let lent = |attempt: &&mut Attempt| attempt.provider_id.is_some() && attempt.is_unanswered();
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
    let free = |attempt: &Attempt| attempt.provider_id.is_none() && attempt.is_unanswered();
    let heir = holder.or_else(|| {
        let lent = newest.provider_id.as_ref();
        lent.and_then(|_| earlier.iter().rposition(free))
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
