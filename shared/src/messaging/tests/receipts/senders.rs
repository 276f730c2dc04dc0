//! What a status tells of the sender of its message: that it is too fast, and that statuses reach us.

use super::*;
use crate::domain::pace::Slowed;
use crate::store::Pace;

/// A store, and the record of a status of a message of its sender's: failed with this code at second 9.
async fn failed(code: i64) -> (Store, WebhookRecord, Outbound) {
    let store = store_with(WindowPolicy::Off).await;
    let message = held(&store).await;
    let mut unit = status("wamid.A", "failed", Some(&message));
    let members = unit.as_object_mut().unwrap();
    members.insert("errors".to_owned(), json!([{"code": code, "title": "no"}]));
    let record = record("200000000000001", &value("statuses", &[unit]));
    (store, record, message)
}

async fn received(store: &Store, record: &WebhookRecord, second: i64) -> EventState {
    let receiving = Receiving::new(store.clone());
    let stored = receiving.receive(record, "{}", 0, at(second)).await;
    *states(&stored.unwrap()).first().unwrap()
}

async fn pace(store: &Store, message: &Outbound) -> Pace {
    let pace = store.pace(&message.tenant, &message.sender).await;
    pace.unwrap()
}

#[tokio::test]
async fn a_status_that_says_too_fast_slows_the_sender_down_once_however_often_it_comes() {
    for code in [130_429, 80_007, 4] {
        let (store, record, message) = failed(code).await;
        for second in [10, 11, 300] {
            let state = received(&store, &record, second).await;
            assert_eq!(state, EventState::Applied);
        }
        let slowed = pace(&store, &message).await.slowed;
        let permille = 500;
        assert_eq!(
            slowed,
            Some(Slowed {
                at: at(9),
                permille
            }),
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_status_that_says_too_fast_of_an_hour_ago_or_of_one_person_slows_nobody_down() {
    for (code, second) in [(130_429, 3_600), (131_056, 10), (131_026, 10)] {
        let (store, record, message) = failed(code).await;
        received(&store, &record, second).await;
        assert_eq!(pace(&store, &message).await.slowed, None, "{code}");
    }
}

#[tokio::test]
async fn only_a_status_of_a_message_of_ours_is_evidence_that_statuses_come() {
    let store = store_with(WindowPolicy::Off).await;
    let message = held(&store).await;
    let newest = async || {
        let newest = store.newest_status(&message.tenant, &message.sender).await;
        newest.unwrap()
    };
    let stranger = value("statuses", &[status("wamid.X", "read", None)]);
    let state = received(&store, &record("200000000000001", &stranger), 10).await;
    assert_eq!((state, newest().await), (EventState::Waiting, None));
    let ours = value("statuses", &[status("wamid.A", "read", Some(&message))]);
    let ours = record("200000000000001", &ours);
    for _ in 0..2 {
        let state = received(&store, &ours, 10).await;
        assert_eq!((state, newest().await), (EventState::Applied, Some(at(9))));
    }
}
