//! The claim and what follows it: one winner, and exactly the rule of `ledger::claimable`.

use super::*;
use crate::domain::ledger::tests::{accepted, at, claimed, ended, queued, status};
use crate::domain::ledger::{Event, LEASE, claimable};
use crate::domain::message::{Attempt, OnUnknown, Price};
use crate::domain::state::{State, Status};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// A message with something in every field.
fn full() -> Outbound {
    let mut message = queued(at(0));
    message.variables = Some(json!(["a", {"b": [1, 2.5, null]}]));
    message.reference = Some("order 7".to_owned());
    message.metadata = Some(json!({"big": u64::MAX, "empty": "", "nested": {"x": []}}));
    message.callback_data = Some(String::new());
    message.contact = Some("cont_a".parse().unwrap());
    message.conversation = Some("conv_a".parse().unwrap());
    message.not_before = Some(at(0));
    message.expires_at = Some(at(900));
    message.on_unknown = OnUnknown::Retry;
    message = claimed(&message, "one", at(1)).unwrap();
    let call = ended("one", accepted("wamid.A"));
    message = crate::domain::ledger::apply(&message, &call, at(2)).unwrap();
    let failed = status("wamid.A", Status::Failed, at(5));
    message = crate::domain::ledger::apply(&message, &Event::StatusCame(&failed), at(5)).unwrap();
    message.price = Some(Price {
        told_by: Status::Sent,
        pricing: json!({"billable": true, "category": "utility"}),
    });
    message
}

#[tokio::test]
async fn a_message_is_read_as_it_was_written() {
    let store = empty_store().await;
    for message in [queued(at(0)), full()] {
        write(&store, &message).await;
        let read = store.outbound(&message.tenant, &message.id).await.unwrap();
        assert_eq!(read, Some(message));
    }
}

#[tokio::test]
async fn the_store_claims_exactly_what_the_rule_allows() {
    let store = empty_store().await;
    let time = || prop::option::of((0..5_i64).prop_map(at));
    let any = (
        prop::sample::select(State::ALL.to_vec()),
        time(),
        time(),
        0..5_i64,
    );
    let mut runner = TestRunner::deterministic();
    for _ in 0..150 {
        let (state, not_before, expires_at, now) = any.new_tree(&mut runner).unwrap().current();
        let mut message = queued(at(0));
        (message.state, message.not_before, message.expires_at) = (state, not_before, expires_at);
        write(&store, &message).await;
        let got = store
            .claim(
                &message.tenant,
                &message.id,
                "one",
                Attempt::starting(at(now)),
            )
            .await;
        assert_eq!(got.is_ok(), claimable(&message, at(now)), "{message:?}");
        match got {
            Ok(got) => assert_eq!(Some(got), claimed(&message, "one", at(now))),
            Err(ClaimError::NotNow(seen)) => assert_eq!(*seen.unwrap(), message),
            Err(ClaimError::Store(error)) => unreachable!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_still_ours_and_nobody_elses() {
    let store = empty_store().await;
    let message = queued(at(0));
    write(&store, &message).await;
    let first = store
        .claim(
            &message.tenant,
            &message.id,
            "one",
            Attempt::starting(at(0)),
        )
        .await;
    let again = store
        .claim(
            &message.tenant,
            &message.id,
            "one",
            Attempt::starting(at(0)),
        )
        .await;
    assert_eq!(first.unwrap(), again.unwrap());
    let other = store
        .claim(
            &message.tenant,
            &message.id,
            "two",
            Attempt::starting(at(0)),
        )
        .await;
    assert!(matches!(other, Err(ClaimError::NotNow(Some(_)))));
}

#[tokio::test]
async fn a_message_that_is_not_there_or_another_tenants_is_not_claimed() {
    let store = empty_store().await;
    let message = queued(at(0));
    write(&store, &message).await;
    let other = "other".parse().unwrap();
    let claim = store
        .claim(&other, &message.id, "one", Attempt::starting(at(0)))
        .await;
    assert!(matches!(claim, Err(ClaimError::NotNow(None))));
    assert_eq!(store.outbound(&other, &message.id).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_overdue_is_found_until_its_outcome_is_known() {
    let store = empty_store().await;
    let mut message = queued(at(0));
    message.not_before = Some(at(100));
    write(&store, &message).await;
    let key = (message.tenant.clone(), message.id.clone());
    assert_eq!(store.overdue(at(100), 10).await.unwrap().messages, []);
    let later = at(101);
    assert_eq!(store.overdue(later, 10).await.unwrap().messages, [key]);
    let held = store
        .claim(
            &message.tenant,
            &message.id,
            "one",
            Attempt::starting(later),
        )
        .await;
    let held = held.unwrap();
    // The claim leaves the index as it is, to save its price; the sweeper finds a live lease and leaves it alone.
    let asleep = store
        .apply(held.clone(), &Event::LeaseRanOut, at(102))
        .await;
    assert_eq!(asleep.unwrap(), held);
    let lost = store.apply(held, &Event::LeaseRanOut, later + LEASE).await;
    assert_eq!(lost.unwrap().state, State::Unknown);
    assert_eq!(store.overdue(at(9_000), 10).await.unwrap().messages, []);
}

#[tokio::test]
async fn a_message_is_found_by_the_providers_id_only_within_its_tenant() {
    let store = empty_store().await;
    let message = full();
    write(&store, &message).await;
    let wamid = "wamid.A".parse().unwrap();
    let found = store.ids_by_provider_id(&message.tenant, &wamid).await;
    assert_eq!(found.unwrap(), [message.id]);
    let other = "other".parse().unwrap();
    assert_eq!(store.ids_by_provider_id(&other, &wamid).await.unwrap(), []);
}
