//! `on_unknown: wait`: another attempt only when statuses of other messages kept coming and none of its own.

use super::*;
use crate::domain::waiting::WaitMinutes;

fn wait() -> OnUnknown {
    OnUnknown::Wait(WaitMinutes::default())
}

/// Looks each minute from minute 1 to `last`, the newest status being from a second before each look.
fn looked(mut message: Outbound, last: i64) -> Outbound {
    for minute in 1..=last {
        let event = Event::WaitLookedAt {
            newest_status: Some(at(60 * minute - 1)),
        };
        message = apply(&message, &event, at(60 * minute)).unwrap_or(message);
    }
    message
}

#[test]
fn an_attempt_is_opened_after_fifteen_minutes_in_which_statuses_came_and_not_before() {
    let message = unknown(wait());
    assert_eq!(looked(message.clone(), 15).state, State::Unknown);
    let again = looked(message, 18);
    assert_eq!((again.state, again.waiting), (State::Queued, None));
    assert!(claimable(&again, at(60 * 18)));
}

#[test]
fn without_statuses_of_other_messages_it_stays_unknown() {
    let message = unknown(wait());
    for newest_status in [None, Some(at(-5)), Some(at(1))] {
        let mut message = message.clone();
        for minute in 1..600 {
            let event = Event::WaitLookedAt { newest_status };
            message = apply(&message, &event, at(60 * minute)).unwrap_or(message);
        }
        assert_eq!(message.state, State::Unknown, "{newest_status:?}");
        assert!(message.waiting.is_some(), "it is looked at again");
    }
}

#[test]
fn a_status_of_its_own_ends_the_wait_for_good() {
    for of in [Status::Sent, Status::Failed] {
        let message = looked(unknown(wait()), 12);
        let came = status("wamid.A", of, at(700));
        let told = apply(&message, &Event::StatusCame(&came), at(721)).unwrap();
        assert_eq!((told.state, told.waiting), (of.state(), None));
        assert_eq!(looked(told.clone(), 60), told);
    }
}

#[test]
fn a_message_whose_time_has_passed_waits_no_longer_and_is_not_sent() {
    let mut message = unknown(wait());
    message.expires_at = Some(at(600));
    let message = looked(message, 60);
    assert_eq!((message.state, message.waiting), (State::Unknown, None));
}

#[test]
fn a_wait_that_ends_again_and_again_in_silence_ends_after_five_calls() {
    let mut message = queued(at(0));
    message.on_unknown = wait();
    for _ in 0..4 {
        message = claimed(&message, "one", at(0)).unwrap();
        message = apply(&message, &ended("one", ambiguous()), at(1)).unwrap();
        message = looked(message, 20);
        assert_eq!(message.state, State::Queued);
    }
    message = claimed(&message, "one", at(0)).unwrap();
    message = apply(&message, &ended("one", ambiguous()), at(1)).unwrap();
    assert_eq!((message.state, message.waiting), (State::Unknown, None));
}

#[test]
fn a_message_that_holds_is_never_opened_by_a_look() {
    let message = unknown(OnUnknown::Hold);
    assert_eq!(looked(message.clone(), 100), message);
}
