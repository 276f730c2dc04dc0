//! The store does what the rules say, whatever was read before: every write is decided from what stands there.

use super::*;
use crate::domain::failure::ProviderFailure;
use crate::domain::ledger::tests::{accepted, at, claimed, ended, queued, settlement, status};
use crate::domain::ledger::{CallResult, Event, apply};
use crate::domain::message::{Attempt, OnUnknown};
use crate::domain::settlement::Verdict;
use crate::domain::state::Status;
use crate::domain::waiting::WaitMinutes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// A kind of event, a token or name, what a status says, a second, and how many versions ago the writer read.
type Step = (u8, usize, Status, i64, usize);

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let of = prop::sample::select(vec![Status::Sent, Status::Delivered, Status::Failed]);
    let step = (0..9_u8, 0..2_usize, of, 0..400_i64, 0..3_usize);
    prop::collection::vec(step, 10..30)
}

#[tokio::test]
async fn two_writers_that_meet_never_undo_each_other() {
    let store = empty_store().await;
    let mut runner = TestRunner::deterministic();
    for on_unknown in [
        OnUnknown::Hold,
        OnUnknown::Retry,
        OnUnknown::Wait(WaitMinutes::try_from(5).unwrap()),
    ] {
        for _ in 0..8 {
            let steps = any_steps().new_tree(&mut runner).unwrap().current();
            run(&store, on_unknown, &steps).await;
        }
    }
}

async fn run(store: &Store, on_unknown: OnUnknown, steps: &[Step]) {
    let mut message = queued(at(0));
    message.on_unknown = on_unknown;
    message.expires_at = Some(at(380));
    write(store, &message).await;
    let mut versions = vec![message.clone()];
    for step in steps {
        let (kind, which, of, second, ago) = *step;
        let token = ["one", "two"].get(which).copied().unwrap();
        let name = ["wamid.A", "wamid.B"].get(which).copied().unwrap();
        let (now, update) = (at(second), status(name, of, at(second)));
        let verdict = settlement(Verdict::ALL.get(which).copied().unwrap(), now);
        let silence = CallResult::Ambiguous(ProviderFailure::ambiguous("no answer"));
        let refusal = CallResult::Refused(ProviderFailure::unreachable("refused"));
        let event = match kind {
            0 | 1 => {
                let got = store
                    .claim(&message.tenant, &message.id, token, Attempt::starting(now))
                    .await;
                let expected = claimed(&message, token, now);
                if let (Ok(got), Some(expected)) = (&got, &expected) {
                    assert_eq!(got, expected);
                    message = expected.clone();
                    versions.push(message.clone());
                }
                continue;
            }
            2 => ended(token, accepted(name)),
            3 => ended(token, silence),
            4 => ended(token, refusal),
            5 => Event::LeaseRanOut,
            6 => Event::StatusCame(&update),
            7 => Event::Settled(&verdict),
            _ => Event::Cancelled,
        };
        let read = versions.iter().rev().nth(ago).unwrap_or(&message).clone();
        let decided = apply(&read, &event, now).is_some();
        let _ = store.apply(read, &event, now).await.unwrap();
        if decided {
            message = apply(&message, &event, now).unwrap_or(message);
            versions.push(message.clone());
        }
        let stands = store.outbound(&message.tenant, &message.id).await.unwrap();
        assert_eq!(stands.as_ref(), Some(&message), "{event:?}");
    }
}
