//! A portfolio's limit holds over all that is submitted: now or for later, one after the other or at once.

use super::*;
use crate::messaging::submit::{Submission, SubmitError, Submitted, submit};
use crate::store::Sender;
use futures_util::future::join_all;
use jiff::Timestamp;

const HOUR: i64 = 3_600;

/// A store whose sender's portfolio may write to so many people a day.
async fn with_limit(people_per_day: u64) -> (Store, Sender) {
    let store = store_with(WindowPolicy::Off).await;
    let sender = crate::store::tests::limited(&store, people_per_day).await;
    store.put_sender(&sender).await.unwrap();
    (store, sender)
}

/// Submits a template to person `number` at `now`, to go at `send_at`.
async fn template(
    store: &Store,
    number: u32,
    send_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Submitted<()>, SubmitError> {
    let body = json!({
        "from": "100000000000001", "to": format!("+1555{number:07}"), "type": "template",
        "template": {"name": "hello", "language": {"code": "en"}}, "send_at": send_at,
    });
    let submission = Submission::read(&body, now).unwrap();
    submit(store, &"demo".parse().unwrap(), submission, None, now, ()).await
}

async fn left(store: &Store, sender: &Sender, time: Timestamp) -> u64 {
    store.room(sender).await.unwrap().unwrap().left(time)
}

fn is_full(answer: &Result<Submitted<()>, SubmitError>) -> bool {
    matches!(answer, Err(SubmitError::PortfolioFull(_)))
}

#[tokio::test]
async fn a_template_for_next_week_leaves_todays_count_and_room_as_they_are() {
    let (store, sender) = with_limit(3).await;
    for number in 0..2 {
        template(&store, number, None, at(0)).await.unwrap();
    }
    let next_week = at(7 * 24 * HOUR);
    for number in 2..5 {
        let later = template(&store, number, Some(next_week), at(1)).await;
        later.unwrap();
    }
    assert_eq!(left(&store, &sender, at(2)).await, 1);
    assert!(is_full(&template(&store, 5, Some(next_week), at(2)).await));
    template(&store, 6, None, at(2)).await.unwrap();
    assert!(is_full(&template(&store, 7, None, at(2)).await));
}

#[tokio::test]
async fn a_template_that_is_scheduled_has_its_room_before_its_time() {
    let (store, sender) = with_limit(3).await;
    for number in 0..2 {
        let later = template(&store, number, Some(at(20 * HOUR)), at(0)).await;
        later.unwrap();
    }
    template(&store, 2, None, at(1)).await.unwrap();
    assert!(is_full(&template(&store, 3, None, at(2)).await));
    assert_eq!(left(&store, &sender, at(2)).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_templates_that_come_at_once_as_many_are_taken_as_there_is_room() {
    let (store, sender) = with_limit(5).await;
    let asked = (0..20).map(|number| template(&store, number, None, at(0)));
    let answers = join_all(asked).await;
    let taken = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused = answers.iter().filter(|answer| is_full(answer)).count();
    assert_eq!((taken, refused), (5, 15));
    assert_eq!(left(&store, &sender, at(0)).await, 0);
}
