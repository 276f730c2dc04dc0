//! P11 as a model: whatever happens to messages, in whatever order, numbers that move with each write equal a fresh count
//! of the messages.

use super::histories::any_status;
use super::*;
use crate::domain::usage::Use;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;

type Counts = BTreeMap<String, i64>;

fn used(message: &Outbound) -> Option<String> {
    let price = message.price.as_ref();
    let used = Use::of_outbound(&message.account, message.state, &message.attempts, price);
    used.map(|used| used.counter())
}

/// What one write moves, as `tally` counts it.
fn moved(counts: &mut Counts, before: &Outbound, after: &Outbound) {
    for (name, by) in [(used(before), -1), (used(after), 1)] {
        if let Some(name) = name {
            *counts.entry(name).or_default() += by;
        }
    }
    counts.retain(|_, count| *count != 0);
}

/// The same numbers, from what whoever reads the messages can see of them.
fn recounted(messages: &[Outbound]) -> Counts {
    let mut counts = Counts::new();
    for message in messages {
        let stands = ["accepted", "sent", "delivered", "read"].contains(&message.state.as_str());
        if !stands && message.provider_id().is_none() {
            continue;
        }
        let pricing = message.price.as_ref().map(|price| &price.pricing);
        let told = |name| pricing.and_then(|pricing| pricing.get(name));
        let is_charged = told("billable") == Some(&json!(true)) && message.state != State::Failed;
        let charge = if is_charged { "billable" } else { "free" };
        let category = told("category")
            .and_then(Value::as_str)
            .unwrap_or("unknown");
        *counts
            .entry(format!("used_demo_{charge}_{category}"))
            .or_default() += 1;
    }
    counts
}

/// What happens to which message; under which name, with which status and price, and when.
type Step = (u8, usize, (usize, Status, usize), i64);

fn any_step() -> impl Strategy<Value = Step> {
    (
        0..14_u8,
        0..4_usize,
        (0..3_usize, any_status(), 0..4_usize),
        0..400_i64,
    )
}

fn pricing(which: usize) -> Option<Value> {
    let category = ["marketing", "utility", "service"].get(which)?;
    Some(json!({"billable": which != 2, "category": category, "pricing_model": "PMP"}))
}

fn after(message: &Outbound, (kind, _, (which, of, price), second): Step) -> Option<Outbound> {
    let token = ["one", "two", "three"].get(which).copied()?;
    let name = ["wamid.A", "wamid.B", "wamid.C"].get(which).copied()?;
    let now = at(second);
    let update = StatusUpdate {
        pricing: pricing(price),
        ..status(name, of, now)
    };
    let settlement = settlement(Verdict::ALL.get(which).copied()?, now);
    let event = match kind {
        0..=2 => return claimed(message, token, now),
        3 => ended(token, accepted(name)),
        4 => ended(token, refused()),
        5 => ended(token, ambiguous()),
        6 => Event::GivenBack { token },
        7 => Event::LeaseRanOut,
        8 => Event::Cancelled,
        9 => Event::TriedAgain(now),
        10 => Event::Settled(&settlement),
        _ => Event::StatusCame(&update),
    };
    apply(message, &event, now)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn usage_equals_a_fresh_count_after_any_history(
        steps in prop::collection::vec(any_step(), 0..150)
    ) {
        let policies = [OnUnknown::Hold, OnUnknown::Hold, OnUnknown::Retry, OnUnknown::Retry];
        let message = |on_unknown| Outbound { on_unknown, ..queued(at(0)) };
        let mut messages: Vec<Outbound> = policies.into_iter().map(message).collect();
        let mut counts = Counts::new();
        for step in steps {
            let message = messages.get_mut(step.1).unwrap();
            if let Some(next) = after(message, step) {
                moved(&mut counts, message, &next);
                *message = next;
            }
            prop_assert_eq!(&counts, &recounted(&messages));
        }
    }
}
