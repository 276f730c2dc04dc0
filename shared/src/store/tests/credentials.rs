//! What is known of credentials, and who may change it.

use super::{at, empty_store};
use crate::domain::breaker::{Breaker, Calls, Learnt, Stance};
use crate::domain::credential::{Known, Refusal};
use crate::domain::limits::{Limits, Used};
use crate::store::{CredentialName, Store};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

fn name(since: i64) -> CredentialName {
    CredentialName {
        tenant: "demo".parse().unwrap(),
        account: "acct_demo-mock".parse().unwrap(),
        name: "main".to_owned(),
        since,
    }
}

async fn known(store: &Store) -> Vec<Known> {
    let CredentialName {
        tenant, account, ..
    } = name(1);
    store.known_credentials(&tenant, &account).await.unwrap()
}

fn failed(failed: u32) -> Calls {
    Calls {
        made: failed,
        failed,
    }
}

fn refusal() -> Refusal {
    Refusal {
        at: at(0),
        message: "not known".to_owned(),
    }
}

async fn first(store: &Store) -> Known {
    known(store).await.into_iter().next().unwrap()
}

async fn breaker(store: &Store) -> Breaker {
    first(store).await.breaker
}

#[tokio::test]
async fn a_refusal_is_known_to_whoever_asks_and_void_for_the_next_key() {
    let store = empty_store().await;
    assert_eq!(known(&store).await, []);
    store.refuse_credential(&name(1), &refusal()).await.unwrap();
    assert_eq!(first(&store).await.refused, Some(refusal()));
    store.note_calls(&name(2), failed(1), at(1)).await.unwrap();
    let now = known(&store).await;
    let next = first(&store).await;
    assert_eq!((now.len(), next.since, next.refused), (1, 2, None));
    // Somebody who still knows the key before says it of that one.
    store.refuse_credential(&name(1), &refusal()).await.unwrap();
    assert_eq!(known(&store).await, now);
}

#[tokio::test]
async fn of_the_many_calls_that_meet_a_refusal_one_is_told_that_it_is_the_first() {
    let store = empty_store().await;
    let of = name(1);
    let refused_at = |second| Refusal {
        at: at(second),
        ..refusal()
    };
    let firsts = async |second| {
        let refusal = refused_at(second);
        let met = (0..9).map(|_| store.refuse_credential(&of, &refusal));
        let met = join_all(met).await.into_iter().map(Result::unwrap);
        met.filter(|is_first| *is_first).count()
    };
    assert_eq!(firsts(0).await, 1);
    assert_eq!(firsts(299).await, 0);
    assert_eq!(first(&store).await.refused, Some(refused_at(0)));
    assert_eq!(firsts(301).await, 1, "somebody has tried it again");
    store.clear_credential(&of).await.unwrap();
    assert_eq!(firsts(302).await, 1, "it was good meanwhile");
    let before = store.refuse_credential(&name(0), &refused_at(900)).await;
    assert!(!before.unwrap(), "another key has taken its place");
}

#[tokio::test]
async fn a_key_that_is_good_again_is_so_for_everybody_and_keeps_what_is_used_of_its_limits() {
    let store = empty_store().await;
    let limits = Limits {
        per_day: Some(9),
        ..Limits::default()
    };
    let of = name(1);
    let taken = store.take_call((&of).into(), &limits, Used::default(), at(0));
    assert_eq!(taken.await.unwrap(), Ok(()));
    store.refuse_credential(&name(1), &refusal()).await.unwrap();
    let before = first(&store).await;
    let resting = before
        .breaker
        .asked_to_rest("no quota", SignedDuration::from_hours(1), at(0));
    assert!(store.turn_breaker(&name(1), &resting, at(0)).await.unwrap());
    // What is said of another key changes nothing.
    store.clear_credential(&name(2)).await.unwrap();
    assert_eq!(first(&store).await.refused, before.refused);
    store.clear_credential(&name(1)).await.unwrap();
    let after = first(&store).await;
    assert_eq!((after.refused, after.used), (None, before.used));
    assert_eq!(after.breaker.stance(at(1)), Stance::Closed);
    // Who has read it as it was before turns it no more.
    let late = resting.asked_to_rest("no quota", SignedDuration::from_hours(1), at(1));
    assert!(!store.turn_breaker(&name(1), &late, at(1)).await.unwrap());
}

#[tokio::test]
async fn calls_of_all_environments_are_counted_together_and_for_ten_seconds() {
    let store = empty_store().await;
    let of = name(1);
    let environments = (0..8).map(|_| store.note_calls(&of, failed(2), at(0)));
    for counted in join_all(environments).await {
        counted.unwrap().unwrap();
    }
    let counted = breaker(&store).await;
    assert_eq!((counted.made, counted.failed), (16, 16));
    assert!(counted.opened(at(0)).is_some());
    let later = store.note_calls(&name(1), failed(1), at(11)).await;
    assert_eq!(later.unwrap().unwrap().failed, 1);
}

#[tokio::test]
async fn a_breaker_is_opened_by_one_of_many_and_probed_by_one_of_many() {
    let store = empty_store().await;
    let counted = store.note_calls(&name(1), failed(5), at(0)).await;
    let opened = counted.unwrap().unwrap().opened(at(0)).unwrap();
    let of = name(1);
    let turns = |next: Vec<Breaker>, now: Timestamp| {
        let (store, of) = (&store, &of);
        async move {
            let each = next.iter().map(|next| store.turn_breaker(of, next, now));
            let turned = join_all(each).await.into_iter().map(Result::unwrap);
            turned.filter(|turned| *turned).count()
        }
    };
    assert_eq!(turns(vec![opened; 6], at(0)).await, 1);
    let resting = breaker(&store).await;
    assert_eq!(resting.stance(at(14)), Stance::Open(at(15)));
    let counted = store.note_calls(&of, failed(3), at(1)).await.unwrap();
    assert_eq!(counted, None, "nothing is counted while it rests");
    let probes = (0..6).map(|who| resting.probing(&who.to_string(), at(15)).unwrap());
    assert_eq!(turns(probes.collect(), at(15)).await, 1);
    let probing = breaker(&store).await;
    let closed = (0..6).find_map(|who| probing.probed(&who.to_string(), Learnt::Accepted, at(16)));
    assert_eq!(turns(vec![closed.unwrap()], at(16)).await, 1);
    assert_eq!(breaker(&store).await.stance(at(16)), Stance::Closed);
    assert!(
        store
            .note_calls(&of, failed(1), at(17))
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn fifty_calls_at_once_take_no_more_places_than_there_are() {
    let store = empty_store().await;
    let limits = Limits {
        per_second: Some(7),
        per_minute: Some(10),
        per_day: Some(12),
    };
    let (of, mut used) = (name(1), Used::default());
    for (now, places, until) in [
        (at(0), 7, at(1)),
        (at(1), 3, at(40)),
        (at(41), 2, at(35_200)),
    ] {
        let calls = (0..50).map(|_| store.take_call((&of).into(), &limits, used, now));
        let taken: Vec<_> = join_all(calls)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            taken.iter().filter(|it| it.is_ok()).count(),
            places,
            "{now}"
        );
        assert!(taken.contains(&Err(until)), "{now}: {taken:?}");
        used = first(&store).await.used;
    }
}

#[tokio::test]
async fn what_is_known_of_a_key_goes_with_it() {
    let store = empty_store().await;
    store.refuse_credential(&name(1), &refusal()).await.unwrap();
    store.forget_credential(&name(0)).await.unwrap();
    assert_eq!(known(&store).await, []);
}

#[tokio::test]
async fn a_place_that_is_given_back_is_there_again_and_makes_no_room_in_a_later_second() {
    let store = empty_store().await;
    let limits = Limits {
        per_second: Some(2),
        per_day: Some(3),
        ..Limits::default()
    };
    let of = name(1);
    let take = async |now| {
        let used = first_used(&store).await;
        let taken = store.take_call((&of).into(), &limits, used, now);
        taken.await.unwrap().is_ok()
    };
    assert!(take(at(0)).await && take(at(0)).await && !take(at(0)).await);
    for _ in 0..2 {
        let given = store.give_call_back((&of).into(), &limits, at(0));
        given.await.unwrap();
    }
    assert!(take(at(0)).await && take(at(0)).await && !take(at(0)).await);
    assert!(take(at(1)).await, "the third of the day");
    let late = store.give_call_back((&of).into(), &limits, at(0));
    late.await.unwrap();
    let used = first_used(&store).await;
    assert_eq!(used.second.unwrap().calls, 1, "of another second");
    assert_eq!(used.day.unwrap().calls, 2);
}

/// How much is used of the only credential's limits, if any is known.
async fn first_used(store: &Store) -> Used {
    let known = known(store).await;
    known.first().map_or_else(Used::default, |known| known.used)
}
