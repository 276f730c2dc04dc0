//! P3: any order and any duplication of a message's statuses give the same message.

use super::*;
use proptest::prelude::*;
use proptest::sample::subsequence;

/// How an attempt ended, as far as we saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Acceptance,
    Refusal,
    NoAnswer,
    Nothing,
    GivenBack,
}

/// A message whose attempts ended so. Each attempt that may have been accepted has a name of its own, in an order
/// that says nothing about the attempts'.
fn message(history: &[Seen], outcomes: &[&'static str]) -> Outbound {
    let mut message = queued(at(0));
    message.on_unknown = OnUnknown::Retry;
    for (seen, name) in history.iter().zip(outcomes) {
        let now = message.not_before.unwrap_or(at(0)).max(at(0));
        message = claimed(&message, "token", now).unwrap();
        let event = match seen {
            Seen::Acceptance => ended("token", accepted(name)),
            Seen::Refusal => ended("token", refused()),
            Seen::NoAnswer => ended("token", ambiguous()),
            Seen::Nothing => Event::LeaseRanOut,
            Seen::GivenBack => Event::GivenBack { token: "token" },
        };
        message = apply(&message, &event, now + LEASE).unwrap();
    }
    message
}

const NAMES: [&str; 3] = ["wamid.B", "wamid.C", "wamid.A"];

fn any_history() -> impl Strategy<Value = Vec<Seen>> {
    use Seen::{Acceptance, GivenBack, NoAnswer, Nothing, Refusal};
    let earlier = prop::sample::select(vec![Refusal, NoAnswer, Nothing, GivenBack]);
    let last = prop::sample::select(vec![Acceptance, Refusal, NoAnswer, Nothing, GivenBack]);
    (prop::collection::vec(earlier, 0..=2), last).prop_map(|(mut history, last)| {
        history.push(last);
        history
    })
}

/// Some of the statuses that the attempts of this history can have.
fn any_statuses(history: &[Seen]) -> impl Strategy<Value = Vec<StatusUpdate>> + use<> {
    let named = history.iter().zip(NAMES);
    let reported = named.filter(|(seen, _)| **seen != Seen::GivenBack);
    let mut all = Vec::new();
    for (_, name) in reported {
        for (second, of) in [
            (1, Status::Sent),
            (2, Status::Delivered),
            (3, Status::Read),
            (4, Status::Played),
            (5, Status::Failed),
            (6, Status::Failed),
        ] {
            let shift = i64::from(name.as_bytes().last().copied().unwrap_or(0));
            let mut update = status(name, of, at(100 + second + shift));
            update.pricing = (second != 3).then(|| json!({"category": name, "n": second}));
            if second == 6 {
                update.failure = Some(ProviderFailure::from_meta(131_049, &[]));
            }
            all.push(update);
        }
    }
    let count = all.len();
    subsequence(all, 0..=count)
}

/// A history, its statuses, and the same ones in another order with some twice.
fn any_case() -> impl Strategy<Value = (Vec<Seen>, Vec<StatusUpdate>, Vec<StatusUpdate>)> {
    any_history()
        .prop_flat_map(|history| {
            let statuses = any_statuses(&history);
            (Just(history), statuses)
        })
        .prop_flat_map(|(history, statuses)| {
            let count = statuses.len();
            let again = subsequence(statuses.clone(), 0..=count);
            (Just(history), Just(statuses), again)
        })
        .prop_flat_map(|(history, statuses, again)| {
            let mut other = statuses.clone();
            other.extend(again);
            (Just(history), Just(statuses), Just(other).prop_shuffle())
        })
}

fn after(mut message: Outbound, statuses: &[StatusUpdate]) -> Outbound {
    for update in statuses {
        if let Some(next) = apply(&message, &Event::StatusCame(update), at(500)) {
            message = next;
        }
    }
    // How often it was written is no part of what it says.
    message.rev = 0;
    message
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_order_and_any_duplication_of_statuses_give_the_same_message(
        (history, statuses, other) in any_case()
    ) {
        let message = message(&history, &NAMES);
        prop_assert_eq!(after(message.clone(), &statuses), after(message, &other));
    }

    #[test]
    fn any_order_of_statuses_gives_the_same_message_also_after_an_operators_verdict(
        (history, statuses, other) in any_case(),
        verdict in prop::sample::select(vec![Verdict::Sent, Verdict::Failed]),
    ) {
        let mut message = message(&history, &NAMES);
        // As when its attempts were used up: nothing but a status or an operator goes on.
        if message.state == State::Queued && message.attempts.iter().any(Attempt::is_unanswered) {
            message.state = State::Unknown;
        }
        let settlement = settlement(verdict, at(450));
        let settled = apply(&message, &Event::Settled(&settlement), at(450)).unwrap_or(message);
        prop_assert_eq!(after(settled.clone(), &statuses), after(settled, &other));
    }

    #[test]
    fn an_outcome_may_come_at_any_place_among_its_statuses(
        result in prop::sample::select(vec![accepted("wamid.B"), ambiguous(), refused()]),
        place in 0..7_usize,
        statuses in any_statuses(&[Seen::Acceptance]),
    ) {
        let running = sending(OnUnknown::Hold);
        let outcome = |message: &Outbound| apply(message, &ended("one", result.clone()), at(400)).unwrap();
        let mut first = after(outcome(&running), &statuses);
        let (before, rest) = statuses.split_at(place.min(statuses.len()));
        let mut last = after(outcome(&after(running, before)), rest);
        last.rev = 0;
        if !statuses.is_empty() {
            // Of a refusal, the wait before an attempt that never came.
            first.not_before = None;
            last.not_before = None;
        }
        prop_assert_eq!(first, last);
    }
}

#[test]
fn a_status_of_a_message_that_was_said_to_be_refused_proves_that_it_was_taken() {
    let again = message(&[Seen::Refusal], &NAMES);
    assert_eq!(again.state, State::Queued);
    for of in [Status::Sent, Status::Delivered, Status::Failed] {
        let told = after(again.clone(), &[status("wamid.A", of, at(9))]);
        assert_eq!(told.state, of.state());
        assert!(!claimable(&told, at(1_000)));
        assert!(!never_accepted(&told.attempts));
        let asked = Event::TriedAgain(at(1_000));
        assert_eq!(apply(&told, &asked, at(1_000)), None);
    }
}

#[test]
fn a_delivery_of_a_message_that_failed_for_good_is_believed() {
    let sending = claimed(&queued(at(0)), "token", at(0)).unwrap();
    let refusal = CallResult::Refused(ProviderFailure::from_meta(100, &[]));
    let failed = apply(&sending, &ended("token", refusal), at(1)).unwrap();
    assert_eq!(failed.state, State::Failed);
    let told = after(failed, &[status("wamid.A", Status::Delivered, at(9))]);
    assert_eq!((told.state, told.failure()), (State::Delivered, None));
}

#[test]
fn a_sent_disproves_the_refusal_a_message_had_failed_by_and_a_failure_says_why() {
    let sending = claimed(&queued(at(0)), "token", at(0)).unwrap();
    let refusal = CallResult::Refused(ProviderFailure::from_meta(100, &[]));
    let failed = apply(&sending, &ended("token", refusal.clone()), at(1)).unwrap();
    let (sent, failing) = (
        status("wamid.A", Status::Sent, at(9)),
        status("wamid.A", Status::Failed, at(10)),
    );
    let told = after(failed, std::slice::from_ref(&sent));
    assert_eq!((told.state, told.failure()), (State::Sent, None));
    assert_eq!(told.times.ended, None);
    // The same whichever comes first.
    let overtaken = after(sending, std::slice::from_ref(&sent));
    let answered = apply(&overtaken, &ended("token", refusal), at(11)).unwrap();
    assert_eq!(answered.state, told.state);
    let failed = after(told, &[failing]);
    assert_eq!(failed.state, State::Failed);
    assert!(failed.failure().is_some());
}
