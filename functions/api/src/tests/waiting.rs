//! A message whose time has come says for what it waits, by what is known when it is asked for.

use super::desk::{Desk, message, noon, tenant};
use heliograph::domain::breaker::Breaker;
use heliograph::domain::id::MessageId;
use heliograph::domain::limits::{Limits, Used};
use heliograph::domain::message::Outbound;
use heliograph::domain::pace::{Pause, PauseCause};
use heliograph::domain::provider::Provider;
use heliograph::domain::provider_settings::ProviderSettings;
use heliograph::domain::state::State;
use heliograph::service::clock;
use heliograph::store::{CredentialName, Noted, Transaction};
use jiff::SignedDuration;
use serde_json::{Value, json};

const SENDER: &str = "100000000000001";

/// A message that is queued, and whose time has come.
async fn queued(desk: &Desk) -> MessageId {
    let message = message(1, State::Queued);
    desk.write(&message).await;
    message.id
}

async fn waiting(desk: &Desk, id: &MessageId) -> Option<Value> {
    let (_, shown) = desk.get(&format!("/v1/messages/{id}")).await;
    shown.get("waiting").cloned()
}

async fn say(desk: &Desk, change: impl FnOnce(&mut ProviderSettings)) {
    let read = desk
        .store
        .provider_settings(&tenant(), Provider::Meta)
        .await;
    let mut settings = read.unwrap();
    change(&mut settings);
    let mut transaction = Transaction::new();
    let put = desk
        .store
        .put_provider_settings(&mut transaction, &tenant(), settings, noon());
    put.unwrap();
    desk.store.commit(transaction).await.unwrap();
}

#[tokio::test]
async fn a_message_that_nothing_holds_says_nothing_nor_does_one_whose_time_has_not_come() {
    let desk = Desk::start().await;
    let id = queued(&desk).await;
    assert_eq!(waiting(&desk, &id).await, None);
    let scheduled = Outbound {
        not_before: Some(clock::now() + SignedDuration::from_hours(1)),
        ..message(2, State::Queued)
    };
    let sent = message(3, State::Accepted);
    say(&desk, |settings| settings.enabled = false).await;
    for message in [scheduled, sent] {
        desk.write(&message).await;
        assert_eq!(waiting(&desk, &message.id).await, None);
    }
}

#[tokio::test]
async fn a_message_of_a_paused_sender_says_so() {
    let desk = Desk::start().await;
    let id = queued(&desk).await;
    let pause = Pause {
        since: noon(),
        cause: PauseCause::Provider,
        code: None,
        reason: "too many blocks".to_owned(),
        remedy: "look at the quality".to_owned(),
    };
    let sender = SENDER.parse().unwrap();
    desk.store
        .pause_sender(&tenant(), &sender, &pause)
        .await
        .unwrap();
    let told = json!({"for": "paused", "sender": SENDER});
    assert_eq!(waiting(&desk, &id).await, Some(told));
}

#[tokio::test]
async fn a_message_whose_provider_is_disabled_says_so() {
    let desk = Desk::start().await;
    let id = queued(&desk).await;
    say(&desk, |settings| settings.enabled = false).await;
    let told = json!({"for": "disabled", "sender": SENDER});
    assert_eq!(waiting(&desk, &id).await, Some(told));
}

#[tokio::test]
async fn a_message_whose_credential_rests_says_until_when() {
    let desk = Desk::start().await;
    let id = queued(&desk).await;
    let name = CredentialName {
        tenant: tenant(),
        account: "acct_demo".parse().unwrap(),
        name: "token".to_owned(),
        since: 0,
    };
    let (now, wait) = (clock::now(), SignedDuration::from_mins(15));
    let resting = Breaker::default().asked_to_rest("no quota", wait, now);
    assert!(desk.store.turn_breaker(&name, &resting, now).await.unwrap());
    let told = waiting(&desk, &id).await.unwrap();
    assert_eq!(
        (&told["for"], &told["sender"]),
        (&json!("resting"), &json!(SENDER))
    );
    assert!(told["until"].is_string(), "{told}");
}

#[tokio::test]
async fn a_message_says_that_its_providers_limit_is_reached() {
    let desk = Desk::start().await;
    let id = queued(&desk).await;
    let limits = Limits {
        per_day: Some(1),
        ..Limits::default()
    };
    say(&desk, |settings| settings.limits = limits).await;
    let tenant = tenant();
    let of = Noted::Provider(&tenant, Provider::Meta);
    let taking = desk
        .store
        .take_call(of, &limits, Used::default(), clock::now());
    assert_eq!(taking.await.unwrap(), Ok(()));
    let told = waiting(&desk, &id).await.unwrap();
    assert_eq!(told["for"], "limit");
    let until = told["until"].as_str().unwrap();
    assert!(until.ends_with("T00:00:00Z"), "{until}");
}
