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
    let reported = named.filter(|(seen, _)| !matches!(seen, Seen::Refusal | Seen::GivenBack));
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
        (of, place) in (prop::sample::select(vec![Seen::Acceptance, Seen::NoAnswer]), 0..7_usize),
        statuses in any_statuses(&[Seen::Acceptance]),
    ) {
        let running = sending(OnUnknown::Hold);
        let result = if of == Seen::Acceptance { accepted("wamid.B") } else { ambiguous() };
        let outcome = |message: &Outbound| apply(message, &ended("one", result.clone()), at(400)).unwrap();
        let first = after(outcome(&running), &statuses);
        let (before, rest) = statuses.split_at(place.min(statuses.len()));
        let mut last = after(outcome(&after(running, before)), rest);
        last.rev = 0;
        prop_assert_eq!(first, last);
    }
}
