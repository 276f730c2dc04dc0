//! What becomes of a message whose credential is refused.

use super::*;

fn gave_way() -> CallResult {
    CallResult::GaveWay(ProviderFailure::from_meta(190, &[]))
}

/// What ends the call of a message that nobody waits for.
pub(super) fn last_refused() -> CallResult {
    CallResult::LastRefused(ProviderFailure::from_meta(190, &[]))
}

#[test]
fn a_refused_credential_that_gives_way_costs_neither_an_attempt_nor_time() {
    let mut message = sending(OnUnknown::Hold);
    for _ in 0..10 {
        message = apply(&message, &ended("one", gave_way()), at(1)).unwrap();
        assert!(claimable(&message, at(1)), "at once");
        message = claimed(&message, "one", at(1)).unwrap();
    }
    let tried = apply(&message, &ended("one", refused()), at(2)).unwrap();
    assert_eq!(tried.state, State::Queued);
    let waits = tried.not_before.unwrap().duration_since(at(2));
    assert!(waits.as_secs() <= 1, "as after the first attempt: {waits}");
    let last = CallResult::Refused(ProviderFailure::from_meta(190, &[]));
    let failed = apply(&message, &ended("one", last), at(2)).unwrap();
    assert_eq!(failed.state, State::Failed);
}

#[test]
fn a_message_that_nobody_waits_for_waits_for_another_credential_when_its_last_one_is_refused() {
    for lane in [Lane::Otp, Lane::Single, Lane::Bulk] {
        let mut message = sending(OnUnknown::Hold);
        message.lane = lane;
        let mut refusals = 0;
        while message.state == State::Sending {
            refusals += 1;
            message = apply(&message, &ended("one", last_refused()), at(1)).unwrap();
            let decision = message.attempts.last().unwrap().decision.as_ref();
            let waits = decision.is_some_and(|it| it.why.contains("until a good one is put in"));
            assert_eq!(waits, message.state == State::Queued, "{decision:?}");
            message = claimed(&message, "one", at(1)).unwrap_or(message);
        }
        assert_eq!(
            (message.state, refusals),
            (State::Failed, 51),
            "not for ever"
        );
    }
}

#[test]
fn a_message_that_waits_for_a_credential_leaves_with_the_next_one_or_ends_when_its_time_is_up() {
    let mut message = sending(OnUnknown::Hold);
    message.expires_at = Some(at(600));
    let waits = apply(&message, &ended("one", last_refused()), at(1)).unwrap();
    assert_eq!((waits.state, waits.not_before), (State::Queued, None));
    let again = claimed(&waits, "two", at(599)).unwrap();
    let sent = apply(&again, &ended("two", accepted("wamid.A")), at(599)).unwrap();
    assert_eq!((sent.state, sent.lane), (State::Accepted, Lane::Single));
    let over = apply(&waits, &Event::TimePassed, at(600)).unwrap();
    assert_eq!(over.state, State::Expired);
}

#[test]
fn a_message_does_not_grow_with_refused_credentials_for_ever() {
    let mut message = sending(OnUnknown::Hold);
    let mut calls = 0;
    while message.state == State::Sending {
        calls += 1;
        message = apply(&message, &ended("one", gave_way()), at(1)).unwrap();
        message = claimed(&message, "one", at(1)).unwrap_or(message);
    }
    assert_eq!((message.state, calls), (State::Failed, 51));
}
