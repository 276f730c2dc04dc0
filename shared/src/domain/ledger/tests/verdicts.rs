//! What an operator may decide, what a sender may take back, and what becomes of it when facts come.

use super::*;

fn settled(message: &Outbound, verdict: Verdict, now: Timestamp) -> Option<Outbound> {
    apply(message, &Event::Settled(&settlement(verdict, now)), now)
}

#[test]
fn an_operator_settles_what_is_unknown_and_it_says_who_and_when() {
    let message = unknown(OnUnknown::Hold);
    for (verdict, state) in [
        (Verdict::Sent, State::Sent),
        (Verdict::Failed, State::Failed),
        (Verdict::Retry, State::Queued),
    ] {
        let after = settled(&message, verdict, at(60)).unwrap();
        assert_eq!(after.state, state);
        let settlement = after.settlement().unwrap();
        assert_eq!((settlement.verdict, settlement.at), (verdict, at(60)));
        assert_eq!(settlement.by.to_string(), "key_operator");
    }
    let failed = settled(&message, Verdict::Failed, at(60)).unwrap();
    assert_eq!(failed.times.ended, Some(at(60)));
    assert!(failed.failure().unwrap().message.contains("operator"));
}

#[test]
fn only_what_is_unknown_can_be_settled_and_only_once() {
    let message = unknown(OnUnknown::Hold);
    let sent = settled(&message, Verdict::Sent, at(60)).unwrap();
    assert_eq!(settled(&sent, Verdict::Failed, at(61)), None);
    for message in [queued(at(0)), sending(OnUnknown::Hold)] {
        for verdict in Verdict::ALL {
            assert_eq!(settled(&message, verdict, at(60)), None);
        }
    }
}

#[test]
fn a_retry_opens_one_attempt_and_not_after_the_messages_time() {
    let mut message = unknown(OnUnknown::Hold);
    message.expires_at = Some(at(100));
    assert_eq!(settled(&message, Verdict::Retry, at(100)), None);
    let again = settled(&message, Verdict::Retry, at(99)).unwrap();
    let again = claimed(&again, "two", at(99)).unwrap();
    let lost = apply(&again, &ended("two", ambiguous()), at(99)).unwrap();
    assert_eq!((lost.state, lost.attempts.len()), (State::Unknown, 2));
}

#[test]
fn a_recipient_sent_again_goes_like_a_single_message_for_its_job_may_be_over() {
    let mut message = unknown(OnUnknown::Hold);
    message.lane = Lane::Bulk;
    let again = settled(&message, Verdict::Retry, at(60)).unwrap();
    assert_eq!(again.lane, Lane::Single);
}

#[test]
fn a_status_that_comes_after_a_verdict_knows_better() {
    for verdict in [Verdict::Sent, Verdict::Failed] {
        let message = settled(&unknown(OnUnknown::Hold), verdict, at(60)).unwrap();
        for (of, state) in [
            (Status::Sent, State::Sent),
            (Status::Delivered, State::Delivered),
            (Status::Failed, State::Failed),
        ] {
            let came = status("wamid.A", of, at(40));
            let after = apply(&message, &Event::StatusCame(&came), at(61)).unwrap();
            assert_eq!(after.state, state, "{verdict:?}");
            assert!(after.settlement().unwrap().superseded);
            let ended = (of == Status::Failed).then_some(at(40));
            assert_eq!(after.times.ended, ended, "{verdict:?}");
        }
    }
}

#[test]
fn a_call_that_ends_after_a_verdict_knows_better() {
    let lost = apply(&sending(OnUnknown::Hold), &Event::LeaseRanOut, at(30)).unwrap();
    let failed = settled(&lost, Verdict::Failed, at(31)).unwrap();
    let late = apply(&failed, &ended("one", accepted("wamid.A")), at(32)).unwrap();
    assert_eq!((late.state, late.times.ended), (State::Accepted, None));
    let sent = settled(&lost, Verdict::Sent, at(31)).unwrap();
    let permanent = CallResult::Refused(ProviderFailure::from_meta(100, &[]));
    let late = apply(&sent, &ended("one", permanent), at(32)).unwrap();
    assert_eq!(late.state, State::Failed);
    let agreed = apply(&sent, &ended("one", accepted("wamid.A")), at(32)).unwrap();
    assert_eq!(agreed.state, State::Sent);
}

#[test]
fn only_what_waits_can_be_cancelled() {
    let cancelled = apply(&queued(at(0)), &Event::Cancelled, at(1)).unwrap();
    assert_eq!(
        (cancelled.state, cancelled.times.ended),
        (State::Cancelled, Some(at(1)))
    );
    assert!(!claimable(&cancelled, at(2)));
    let done = apply(
        &sending(OnUnknown::Hold),
        &ended("one", accepted("wamid.A")),
        at(1),
    );
    for message in [
        cancelled,
        sending(OnUnknown::Hold),
        unknown(OnUnknown::Hold),
        done.unwrap(),
    ] {
        assert_eq!(apply(&message, &Event::Cancelled, at(2)), None);
    }
}

#[test]
fn a_message_that_may_have_been_sent_is_not_said_to_be_cancelled() {
    let waiting = apply(&sending(OnUnknown::Retry), &Event::LeaseRanOut, at(30)).unwrap();
    let stopped = apply(&waiting, &Event::Cancelled, at(31)).unwrap();
    assert_eq!(stopped.state, State::Unknown);
    assert!(!claimable(&stopped, at(1_000)));
}

#[test]
fn an_acceptance_counts_also_if_an_earlier_attempt_was_told_to_have_failed_before_it_came() {
    let again = settlement(Verdict::Retry, at(2));
    let queued = apply(&unknown(OnUnknown::Hold), &Event::Settled(&again), at(2)).unwrap();
    let sending = claimed(&queued, "two", at(3)).unwrap();
    let (failed, answer) = (
        status("wamid.A", Status::Failed, at(4)),
        accepted("wamid.B"),
    );
    let (told, answered) = (Event::StatusCame(&failed), ended("two", answer));
    let mistaken = apply(&sending, &told, at(4)).unwrap();
    assert_eq!(mistaken.state, State::Failed);
    let accepted = apply(&mistaken, &answered, at(5)).unwrap();
    let other_way = apply(&sending, &answered, at(5)).unwrap();
    let other_way = apply(&other_way, &told, at(6)).unwrap();
    for message in [&accepted, &other_way] {
        assert_eq!((message.state, message.failure()), (State::Accepted, None));
        assert_eq!(message.times.ended, None);
        let reasons = message
            .attempts
            .iter()
            .map(|attempt| attempt.failure.is_some());
        assert_eq!(reasons.collect::<Vec<_>>(), [true, false]);
    }
}
