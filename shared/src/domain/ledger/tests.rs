//! The ledger's rules, one by one; the properties that hold for every history stand in the files beside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod any_event;
mod credentials;
mod histories;
mod lost;
mod statuses;
mod usage;
mod verdicts;
mod waits;

use super::*;
use crate::domain::content::{Content, Kind};
use crate::domain::message::{Claim, Lane};
use crate::domain::role::Who;
use crate::domain::settlement::{Settlement, Verdict};
use crate::domain::state::Status;
use crate::domain::webhook::Person;
use serde_json::json;

/// A single message written down at `now`.
pub(crate) fn queued(now: Timestamp) -> Outbound {
    let from = (
        "demo".parse().unwrap(),
        "acct_demo".parse().unwrap(),
        "100000000000001".parse().unwrap(),
    );
    let to = crate::domain::identity::Recipient::Phone("+15550001111".parse().unwrap());
    Outbound {
        content: Some(Content {
            kind: Kind::Text,
            object: json!({"body": "hello"}),
            reply_to: None,
            recipient_identity_key_hash: None,
            marketing: None,
        }),
        ..Outbound::queued(
            crate::domain::id::MessageId::at(now),
            from,
            to,
            Lane::Single,
            now,
        )
    }
}

/// What the store's claim makes of a message; `None` if it may not be claimed.
pub(crate) fn claimed(message: &Outbound, token: &str, now: Timestamp) -> Option<Outbound> {
    claimable(message, now).then(|| {
        let mut next = message.clone();
        next.state = State::Sending;
        next.rev += 1;
        next.attempts.push(Attempt::starting(now));
        next.claim = Some(Claim {
            token: token.to_owned(),
            lease_until: now + LEASE,
        });
        next
    })
}

pub(crate) fn ended(token: &str, result: CallResult) -> Event<'_> {
    Event::CallEnded {
        token,
        result,
        duration_ms: 40,
        credential: Some("main".to_owned()),
        onward: None,
    }
}

pub(crate) fn status(wamid: &str, status: Status, at: Timestamp) -> StatusUpdate {
    StatusUpdate {
        wamid: wamid.parse().unwrap(),
        message: None,
        status,
        at,
        recipient: Person::default(),
        pricing: None,
        failure: (status == Status::Failed).then(|| ProviderFailure::from_meta(131_026, &[])),
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

pub(crate) fn accepted(wamid: &str) -> CallResult {
    CallResult::Accepted {
        provider_id: wamid.parse().unwrap(),
        recipient: Person::default(),
    }
}

fn refused() -> CallResult {
    CallResult::Refused(ProviderFailure::unreachable("refused"))
}

fn ambiguous() -> CallResult {
    CallResult::Ambiguous(ProviderFailure::ambiguous("no answer"))
}

/// A message whose call had no answer.
fn unknown(on_unknown: OnUnknown) -> Outbound {
    apply(&sending(on_unknown), &ended("one", ambiguous()), at(1)).unwrap()
}

pub(crate) fn settlement(verdict: Verdict, at: Timestamp) -> Settlement {
    Settlement {
        verdict,
        by: Who::ApiKey("key_operator".parse().unwrap()),
        at,
        request: None,
        superseded: false,
    }
}

fn sending(on_unknown: OnUnknown) -> Outbound {
    let mut message = queued(at(0));
    message.on_unknown = on_unknown;
    claimed(&message, "one", at(0)).unwrap()
}

#[test]
fn an_accepted_message_knows_its_attempt_and_the_providers_id() {
    let message = apply(
        &sending(OnUnknown::Hold),
        &ended("one", accepted("wamid.A")),
        at(1),
    )
    .unwrap();
    assert_eq!(message.state, State::Accepted);
    assert_eq!(message.times.accepted, Some(at(1)));
    assert_eq!(message.provider_id().unwrap().as_str(), "wamid.A");
    assert_eq!(message.attempts.last().unwrap().duration_ms, Some(40));
    assert!(!claimable(&message, at(1000)));
}

#[test]
fn a_proven_refusal_is_tried_again_only_if_it_may_pass() {
    let message = sending(OnUnknown::Hold);
    let again = apply(&message, &ended("one", refused()), at(1)).unwrap();
    assert_eq!(again.state, State::Queued);
    assert!(!claimable(&again, at(1)) && claimable(&again, at(60)));
    let permanent = CallResult::Refused(ProviderFailure::from_meta(100, &[]));
    let failed = apply(&message, &ended("one", permanent), at(1)).unwrap();
    assert_eq!(
        (failed.state, failed.times.ended),
        (State::Failed, Some(at(1)))
    );
}

#[test]
fn a_message_given_back_has_used_up_no_attempt() {
    let mut message = sending(OnUnknown::Hold);
    for _ in 0..20 {
        message = apply(&message, &Event::GivenBack { token: "one" }, at(1)).unwrap();
        let decision = message.attempts.last().unwrap().decision.as_ref();
        assert!(decision.unwrap().why.contains("no call was made"));
        message = claimed(&message, "one", at(1)).unwrap();
    }
    let refused = apply(&message, &ended("one", refused()), at(2)).unwrap();
    assert_eq!(refused.state, State::Queued);
}

#[test]
fn a_message_given_back_after_its_lease_waits_for_its_turn_again() {
    let given_back = Event::GivenBack { token: "one" };
    for lane in [Lane::Single, Lane::Bulk] {
        let mut message = sending(OnUnknown::Hold);
        message.lane = lane;
        let lost = apply(&message, &Event::LeaseRanOut, at(30)).unwrap();
        assert_eq!(lost.state, State::Unknown);
        let back = apply(&lost, &given_back, at(40)).unwrap();
        // Its job has not waited for it.
        assert_eq!((back.state, back.lane), (State::Queued, Lane::Single));
        assert!(claimable(&back, at(40)) && never_accepted(&back.attempts));
    }
    // An earlier call had no answer: this one alone was not made.
    let lost = apply(&sending(OnUnknown::Retry), &Event::LeaseRanOut, at(30)).unwrap();
    let mut second = claimed(&lost, "one", at(30)).unwrap();
    second.on_unknown = OnUnknown::Hold;
    let lost = apply(&second, &Event::LeaseRanOut, at(60)).unwrap();
    let back = apply(&lost, &given_back, at(70)).unwrap();
    assert_eq!(back.state, State::Unknown);
}

#[test]
fn a_lost_message_is_held_unless_its_sender_prefers_twice_to_never() {
    for (on_unknown, state) in [
        (OnUnknown::Hold, State::Unknown),
        (OnUnknown::Retry, State::Queued),
    ] {
        let message = sending(on_unknown);
        assert_eq!(apply(&message, &Event::LeaseRanOut, at(29)), None);
        let lost = apply(&message, &Event::LeaseRanOut, at(30)).unwrap();
        assert_eq!(lost.state, state);
        let open = apply(&message, &ended("one", ambiguous()), at(1)).unwrap();
        assert_eq!(open.state, state);
    }
}

#[test]
fn a_late_outcome_settles_what_was_unknown() {
    let lost = apply(&sending(OnUnknown::Hold), &Event::LeaseRanOut, at(30)).unwrap();
    let settled = apply(&lost, &ended("one", accepted("wamid.A")), at(40)).unwrap();
    assert_eq!(settled.state, State::Accepted);
    let again = apply(&lost, &ended("one", refused()), at(40)).unwrap();
    assert_eq!(again.state, State::Queued);
}

#[test]
fn a_late_refusal_opens_no_recipient_of_a_job_that_may_have_finished() {
    let mut message = sending(OnUnknown::Hold);
    message.lane = Lane::Bulk;
    let unknown = apply(&message, &Event::LeaseRanOut, at(31)).unwrap();
    let late = apply(&unknown, &ended("one", refused()), at(32)).unwrap();
    assert_eq!(late.state, State::Failed);
}

#[test]
fn a_late_acceptance_keeps_a_message_from_being_sent_again() {
    let waiting = apply(&sending(OnUnknown::Retry), &Event::LeaseRanOut, at(30)).unwrap();
    assert_eq!(waiting.state, State::Queued);
    let settled = apply(&waiting, &ended("one", accepted("wamid.A")), at(40)).unwrap();
    assert_eq!(settled.state, State::Accepted);
}

#[test]
fn an_outcome_under_another_claim_or_a_second_one_changes_nothing() {
    let message = sending(OnUnknown::Hold);
    assert_eq!(
        apply(&message, &ended("two", accepted("wamid.A")), at(1)),
        None
    );
    let done = apply(&message, &ended("one", accepted("wamid.A")), at(1)).unwrap();
    assert_eq!(apply(&done, &ended("one", refused()), at(2)), None);
    assert_eq!(
        apply(&done, &Event::GivenBack { token: "one" }, at(2)),
        None
    );
}

#[test]
fn a_status_settles_a_lost_message_and_a_late_outcome_does_not_hide_it() {
    let lost = apply(&sending(OnUnknown::Hold), &Event::LeaseRanOut, at(30)).unwrap();
    let delivered = status("wamid.A", Status::Delivered, at(20));
    let settled = apply(&lost, &Event::StatusCame(&delivered), at(31)).unwrap();
    assert_eq!(settled.state, State::Delivered);
    let later = apply(&settled, &ended("one", accepted("wamid.A")), at(40)).unwrap();
    assert_eq!(later.state, State::Delivered);
    assert_eq!(later.times.accepted, Some(at(40)));
}

#[test]
fn a_failed_message_says_why_even_if_its_call_had_no_answer() {
    let message = sending(OnUnknown::Hold);
    let failed = status("wamid.A", Status::Failed, at(5));
    let (call, report) = (ended("one", ambiguous()), Event::StatusCame(&failed));
    for (first, second) in [(&call, &report), (&report, &call)] {
        let message = apply(&message, first, at(6)).unwrap();
        let message = apply(&message, second, at(7)).unwrap();
        assert_eq!(message.state, State::Failed);
        assert_eq!(message.failure().unwrap().code, Some(131_026));
        assert_eq!(message.times.ended, Some(at(5)));
    }
}

#[test]
fn an_answer_takes_back_the_name_a_status_lent_to_the_wrong_attempt() {
    let lost = apply(&sending(OnUnknown::Retry), &Event::LeaseRanOut, at(30)).unwrap();
    let second = claimed(&lost, "two", at(30)).unwrap();
    let sent = status("wamid.A", Status::Sent, at(31));
    let message = apply(&second, &Event::StatusCame(&sent), at(31)).unwrap();
    let message = apply(&message, &ended("two", accepted("wamid.B")), at(32)).unwrap();
    assert_eq!(names(&message), ["wamid.A", "wamid.B"]);
    assert_eq!(message.state, State::Sent);
    let failed = status("wamid.A", Status::Failed, at(33));
    let message = apply(&message, &Event::StatusCame(&failed), at(33)).unwrap();
    assert_eq!(message.state, State::Sent);
}

#[test]
fn a_message_whose_time_has_passed_expires_only_while_it_waits() {
    let mut message = queued(at(0));
    message.expires_at = Some(at(10));
    assert_eq!(apply(&message, &Event::TimePassed, at(9)), None);
    assert!(claimable(&message, at(9)) && !claimable(&message, at(10)));
    let expired = apply(&message, &Event::TimePassed, at(10)).unwrap();
    assert_eq!(
        (expired.state, expired.times.ended),
        (State::Expired, Some(at(10)))
    );
    let sending = claimed(&message, "one", at(9)).unwrap();
    assert_eq!(apply(&sending, &Event::TimePassed, at(10)), None);
}

#[test]
fn a_message_that_may_have_been_sent_is_not_said_to_have_expired() {
    let mut message = queued(at(0));
    message.on_unknown = OnUnknown::Retry;
    message.expires_at = Some(at(60));
    let message = claimed(&message, "one", at(0)).unwrap();
    let waiting = apply(&message, &Event::LeaseRanOut, at(30)).unwrap();
    let passed = apply(&waiting, &Event::TimePassed, at(60)).unwrap();
    assert_eq!(passed.state, State::Unknown);
    let sent = status("wamid.A", Status::Sent, at(1));
    let settled = apply(&passed, &Event::StatusCame(&sent), at(61)).unwrap();
    assert_eq!(settled.state, State::Sent);
}

#[test]
fn a_status_of_no_attempt_changes_nothing() {
    let sent = status("wamid.A", Status::Sent, at(1));
    assert_eq!(
        apply(&queued(at(0)), &Event::StatusCame(&sent), at(1)),
        None
    );
    let done = apply(
        &sending(OnUnknown::Hold),
        &ended("one", accepted("wamid.B")),
        at(1),
    );
    assert_eq!(
        apply(&done.unwrap(), &Event::StatusCame(&sent), at(1)),
        None
    );
}

/// The attempts' provider ids, those without one as an empty text.
fn names<'a>(message: &'a Outbound) -> Vec<&'a str> {
    let name = |attempt: &'a Attempt| attempt.provider_id.as_ref().map_or("", Wamid::as_str);
    message.attempts.iter().map(name).collect()
}

#[test]
fn a_refusal_that_stopped_the_sender_is_tried_again_when_somebody_asks_and_never_by_itself() {
    let asked = Event::TriedAgain(at(2));
    for code in [190, 131_048, 368, 131_042, 133_010, 33] {
        let refusal = CallResult::Refused(ProviderFailure::from_meta(code, &[]));
        let failed = apply(&sending(OnUnknown::Hold), &ended("one", refusal), at(1)).unwrap();
        assert_eq!(failed.state, State::Failed, "{code}");
        let queued = apply(&failed, &asked, at(3)).unwrap();
        assert_eq!(queued.state, State::Queued, "{code}");
    }
    for code in [100, 131_026, 132_001, 131_047] {
        let refusal = CallResult::Refused(ProviderFailure::from_meta(code, &[]));
        let failed = apply(&sending(OnUnknown::Hold), &ended("one", refusal), at(1)).unwrap();
        assert_eq!(apply(&failed, &asked, at(3)), None, "{code}");
    }
    // Meta took it, and said so afterwards.
    let taken = ended("one", accepted("wamid.A"));
    let taken = apply(&sending(OnUnknown::Hold), &taken, at(1)).unwrap();
    let mut report = status("wamid.A", Status::Failed, at(1));
    report.failure = Some(ProviderFailure::from_meta(131_048, &[]));
    let failed = apply(&taken, &Event::StatusCame(&report), at(1)).unwrap();
    assert_eq!(apply(&failed, &asked, at(3)), None);
}
