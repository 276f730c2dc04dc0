//! The room a portfolio has: taken once, however many take of it, and given back by the time.

use super::*;
use crate::domain::ledger::tests::at;
use crate::domain::pace::Room;

const HOUR: i64 = 3_600;

async fn room(store: &Store, sender: &Sender) -> Room {
    store.room(sender).await.unwrap().unwrap()
}

#[tokio::test]
async fn of_two_that_saw_the_same_room_one_takes_it() {
    let store = empty_store().await;
    let sender = limited(&store, 10).await;
    let seen = room(&store, &sender).await;
    for first in [true, false] {
        let taken = store.take_room(&sender.tenant, &seen, 8, at(0)).await;
        assert_eq!(taken.unwrap(), first);
    }
    let seen = room(&store, &sender).await;
    assert_eq!(seen.left(at(0)), 2);
    let taken = store.take_room(&sender.tenant, &seen, 2, at(1)).await;
    assert!(taken.unwrap());
    assert_eq!(room(&store, &sender).await.left(at(1)), 0);
}

#[tokio::test]
async fn a_tick_has_its_room_whoever_took_some_meanwhile_while_there_is_enough() {
    let store = empty_store().await;
    let sender = limited(&store, 10).await;
    let seen = room(&store, &sender).await;
    for (count, taken) in [(4, true), (4, true), (3, false), (2, true), (1, false)] {
        let took = store.take_room(&sender.tenant, &seen, count, at(0)).await;
        assert_eq!(took.unwrap(), taken, "{count}");
    }
    let none = store.take_room(&sender.tenant, &seen, 11, at(2 * HOUR));
    assert!(!none.await.unwrap(), "more than there ever was");
}

#[tokio::test]
async fn room_comes_back_after_a_day_and_what_counts_no_more_is_forgotten() {
    let store = empty_store().await;
    let sender = limited(&store, 10).await;
    for hour in 0..60 {
        let seen = room(&store, &sender).await;
        assert!(seen.reached.0.len() <= 26);
        if seen.left(at(hour * HOUR)) > 0 {
            let taken = store
                .take_room(&sender.tenant, &seen, 1, at(hour * HOUR))
                .await;
            assert!(taken.unwrap());
        }
    }
    let reached: u64 = room(&store, &sender).await.reached.0.values().sum();
    assert!(reached <= 20, "{reached} in two days and a half");
}

#[tokio::test]
async fn a_sender_without_a_portfolio_has_no_limit_but_its_rate() {
    let store = empty_store().await;
    assert_eq!(store.room(&sender(WindowPolicy::Off)).await.unwrap(), None);
}

#[tokio::test]
async fn the_limit_that_the_provider_told_last_holds_in_whatever_order_it_comes() {
    let store = empty_store().await;
    let sender = limited(&store, 250).await;
    let id = sender.portfolio.clone().unwrap();
    for (people, told_at, limit) in [
        (Some(2_000), 100, Some(2_000)),
        (Some(250), 50, Some(2_000)),
        (Some(2_000), 100, Some(2_000)),
        (None, 200, None),
        (Some(10_000), 150, None),
        (Some(10_000), 300, Some(10_000)),
    ] {
        let told = store.tell_portfolio(&sender.tenant, &id, people, at(told_at));
        told.await.unwrap();
        let room = store.room(&sender).await.unwrap();
        assert_eq!(room.map(|room| room.people_per_day), limit, "{told_at}");
    }
}

#[tokio::test]
async fn a_limit_may_be_told_of_a_portfolio_that_nobody_wrote_down() {
    let store = empty_store().await;
    let sender = Sender {
        portfolio: Some("300000000000002".parse().unwrap()),
        ..sender(WindowPolicy::Off)
    };
    let id = sender.portfolio.clone().unwrap();
    let told = store.tell_portfolio(&sender.tenant, &id, Some(250), at(0));
    told.await.unwrap();
    assert_eq!(room(&store, &sender).await.left(at(0)), 250);
}
