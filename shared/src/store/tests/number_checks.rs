//! What providers answered about numbers: the newest answer is kept, each tenant's apart.

use super::*;
use crate::domain::availability::NumberCheck;
use crate::domain::ledger::tests::at;
use crate::domain::phone::PhoneNumber;
use crate::domain::provider::Gateway;

fn check(is_registered: bool, second: i64) -> NumberCheck {
    NumberCheck {
        checker: Gateway::Fonnte,
        sender: "fonnte-15550002000".parse().unwrap(),
        is_registered,
        at: at(second),
    }
}

#[tokio::test]
async fn the_newest_answer_about_a_number_stays_whichever_is_noted_last() {
    let store = empty_store().await;
    let number: PhoneNumber = "+15550001111".parse().unwrap();
    let (demo, other) = ("demo".parse().unwrap(), "other".parse().unwrap());
    assert_eq!(store.number_check(&demo, &number).await.unwrap(), None);
    for noted in [check(true, 10), check(false, 20), check(true, 15)] {
        store
            .note_number_check(&demo, &number, &noted)
            .await
            .unwrap();
    }
    let known = store.number_check(&demo, &number).await.unwrap();
    assert_eq!(known, Some(check(false, 20)));
    assert_eq!(store.number_check(&other, &number).await.unwrap(), None);
}
