//! What an attempt tells whose worker died, and what becomes of it when the worker has only been slow.

use super::*;
use crate::domain::failure::Class;
use crate::domain::message::{Decision, Leg, Outcome, Then};

/// A message that a worker has claimed to call from there with the key `main`.
fn with_worker(on_unknown: OnUnknown) -> Outbound {
    let mut message = sending(on_unknown);
    let attempt = message.attempts.last_mut().unwrap();
    attempt.credential = Some("main".to_owned());
    attempt.leg = Some(Leg {
        account: "acct_mock".parse().unwrap(),
        sender: "mock-15550004000".parse().unwrap(),
    });
    message
}

fn lost(on_unknown: OnUnknown) -> Outbound {
    apply(&with_worker(on_unknown), &Event::LeaseRanOut, at(30)).unwrap()
}

fn newest(message: &Outbound) -> &Attempt {
    message.attempts.last().unwrap()
}

fn decided(message: &Outbound) -> &Decision {
    newest(message).decision.as_ref().unwrap()
}

#[test]
fn an_attempt_whose_worker_died_tells_its_key_its_sender_why_and_what_was_decided() {
    for (on_unknown, state, then) in [
        (OnUnknown::Hold, State::Unknown, Then::Hold),
        (OnUnknown::Retry, State::Queued, Then::TryAgain),
    ] {
        let lost = lost(on_unknown);
        let attempt = newest(&lost);
        assert_eq!((lost.state, decided(&lost).then), (state, then));
        assert_eq!(attempt.credential.as_deref(), Some("main"));
        assert_eq!(lost.leg_of(attempt).sender.as_str(), "mock-15550004000");
        let failure = lost.failure().unwrap();
        assert_eq!(failure.class, Class::Ambiguous);
        assert!(failure.message.contains("the worker died"));
        assert_eq!(attempt.outcome, None, "no answer has been heard");
    }
}

#[test]
fn who_prefers_twice_to_never_has_it_tried_by_the_sender_whose_worker_died() {
    let lost = lost(OnUnknown::Retry);
    assert_eq!(lost.sender.as_str(), "mock-15550004000");
    assert_eq!(decided(&lost).sender, None, "no other takes over");
    assert!(claimable(&lost, at(30)));
}

#[test]
fn a_worker_that_was_only_slow_says_what_happened_in_its_place() {
    let held = lost(OnUnknown::Hold);
    let taken = apply(&held, &ended("one", accepted("wamid.A")), at(40)).unwrap();
    assert_eq!(
        (&newest(&taken).failure, &newest(&taken).decision),
        (&None, &None)
    );
    let back = apply(&held, &Event::GivenBack { token: "one" }, at(40)).unwrap();
    let attempt = newest(&back);
    assert_eq!(attempt.outcome, Some(Outcome::NotStarted));
    assert_eq!(attempt.failure, None);
    assert!(decided(&back).why.contains("no call was made"), "{back:?}");
    assert_eq!(attempt.credential, None, "nobody was called with it");
    let again = apply(&held, &ended("one", refused()), at(40)).unwrap();
    assert_eq!(decided(&again).then, Then::TryAgain);
    assert_eq!(again.failure().unwrap().class, Class::Transient);
    let mut of_job = held;
    of_job.lane = Lane::Bulk;
    let late = apply(&of_job, &ended("one", refused()), at(40)).unwrap();
    assert_eq!(
        (late.state, decided(&late).then),
        (State::Failed, Then::GiveUp)
    );
}

#[test]
fn an_attempt_that_is_repeated_says_who_wanted_it() {
    let settled = settlement(Verdict::Retry, at(50));
    let asked = apply(&lost(OnUnknown::Hold), &Event::Settled(&settled), at(50)).unwrap();
    assert_eq!(asked.state, State::Queued);
    assert!(decided(&asked).why.contains("an operator"), "{asked:?}");
    assert_eq!(decided(&asked).then, Then::TryAgain);
}
