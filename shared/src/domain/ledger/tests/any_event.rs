//! Any event at any time: none of them panics, and none takes a message back but for a new attempt.

use super::histories::any_status;
use super::*;
use crate::domain::waiting::WaitMinutes;
use proptest::prelude::*;

/// Any event, as often as not one that makes no sense where it happens.
fn any_apply() -> impl Strategy<Value = (u8, usize, Status, i64)> {
    (0..15_u8, 0..3_usize, any_status(), 0..400_i64)
}

/// The order of states that design and console know; states outside it have no place.
const ORDER: [State; 8] = [
    State::Queued,
    State::Sending,
    State::Unknown,
    State::Accepted,
    State::Sent,
    State::Failed,
    State::Delivered,
    State::Read,
];

/// Whether another attempt may be opened of a message in this state.
fn may_open(state: State, event: &Event<'_>) -> bool {
    match state {
        State::Sending | State::Unknown => true,
        State::Failed => matches!(event, Event::TriedAgain(_)),
        State::Queued
        | State::Accepted
        | State::Sent
        | State::Delivered
        | State::Read
        | State::Received
        | State::Cancelled
        | State::Expired => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_event_panics_or_takes_a_message_back_but_for_a_new_attempt(
        events in prop::collection::vec(any_apply(), 0..40),
        on_unknown in prop::sample::select(vec![
            OnUnknown::Hold,
            OnUnknown::Retry,
            OnUnknown::Wait(WaitMinutes::try_from(5).unwrap()),
        ]),
    ) {
        let mut message = queued(at(0));
        message.on_unknown = on_unknown;
        message.expires_at = Some(at(350));
        for (kind, which, of, second) in events {
            let token = ["one", "two", "three"].get(which).copied().unwrap();
            let name = ["wamid.A", "wamid.B", "wamid.C"].get(which).copied().unwrap();
            let update = status(name, of, at(second));
            let now = at(second);
            let settlement = settlement(Verdict::ALL.get(which).copied().unwrap(), now);
            let event = match kind {
                0 | 1 => {
                    message = claimed(&message, token, now).unwrap_or(message);
                    continue;
                }
                2 => ended(token, accepted(name)),
                3 => ended(token, refused()),
                4 => ended(token, ambiguous()),
                5 => Event::GivenBack { token },
                6 => Event::LeaseRanOut,
                7 => Event::TimePassed,
                8 => Event::Cancelled,
                9 => Event::WaitLookedAt { newest_status: Some(now) },
                10 => Event::Settled(&settlement),
                11 => Event::JobExpired,
                12 => Event::TriedAgain(now),
                13 => ended(token, super::credentials::last_refused()),
                _ => Event::StatusCame(&update),
            };
            let Some(next) = apply(&message, &event, now) else { continue };
            prop_assert_eq!(next.rev, message.rev + 1);
            let rank = |state| ORDER.iter().position(|known| *known == state);
            let opens_another = next.state == State::Queued && may_open(message.state, &event);
            // The answer tells that what had failed was an earlier attempt.
            let corrected = (message.state, next.state, kind) == (State::Failed, State::Accepted, 2);
            let is_over = matches!(next.state, State::Expired | State::Cancelled);
            let by_hand = next.settlement().is_some_and(|settlement| settlement.superseded);
            prop_assert!(
                opens_another || by_hand || is_over || corrected || rank(message.state) <= rank(next.state)
            );
            message = next;
        }
    }
}
