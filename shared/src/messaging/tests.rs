//! The use cases over an embedded DynamoDB and a canned server that stands for Meta.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attempts;
mod joins;
mod names;
mod overdue;
mod people;
mod portfolios;
mod receipts;
mod submissions;
mod tiers;

use crate::domain::ledger::tests::at;
use crate::domain::message::Outbound;
use crate::domain::network::Networks;
use crate::domain::pace::{Held, Slot};
use crate::domain::purpose::Purpose;
use crate::domain::secret::{Credential, SecretText};
use crate::messaging::attempt::{Attempted, Departure, Sending};
use crate::provider::{Addresses, Providers};
use crate::store::tests::{empty_store, empty_store_and_url, sender};
use crate::store::{Account, Slice, Store, WindowPolicy};
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const ALL: Slice = Slice {
    limit: 50,
    after: None,
};

/// A store with the demo tenant's account and sender.
async fn store_with(window: WindowPolicy) -> Store {
    store_and_url_with(window).await.0
}

/// The same, and where its database answers.
async fn store_and_url_with(window: WindowPolicy) -> (Store, String) {
    let (store, url) = empty_store_and_url().await;
    furnish(&store, window).await;
    (store, url)
}

/// Writes the demo tenant's account and sender.
async fn furnish(store: &Store, window: WindowPolicy) {
    let sender = sender(window);
    let account = Account {
        waba: sender.waba.clone(),
        ..Account::new(
            sender.account.clone(),
            sender.tenant.clone(),
            "Demo".to_owned(),
            Timestamp::UNIX_EPOCH,
        )
    };
    store.put_account(&account).await.unwrap();
    store.put_sender(&sender).await.unwrap();
}

/// Something that answers as Meta, and the bodies it was sent.
struct Meta {
    client: Providers,
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Meta {
    async fn answering(status: u16, answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::<Mutex<Vec<Value>>>::default();
        let seen = bodies.clone();
        let call = move |body: Bytes| async move {
            let body = serde_json::from_slice(&body).unwrap();
            seen.lock().unwrap().push(body);
            (StatusCode::from_u16(status).unwrap(), answer)
        };
        let serving = axum::serve(listener, Router::new().fallback(call));
        #[expect(clippy::disallowed_methods, reason = "a test's server")]
        tokio::spawn(serving.into_future());
        let client = Providers::new(&Addresses {
            graph: url,
            graph_version: "v25.0".to_owned(),
            gateways: Vec::new(),
            networks: Networks::Public,
        })
        .unwrap();
        Self { client, bodies }
    }

    fn bodies(&self) -> Vec<Value> {
        self.bodies.lock().unwrap().clone()
    }
}

const ACCEPTED: &str = r#"{"messaging_product":"whatsapp","messages":[{"id":"wamid.A"}]}"#;

fn credential() -> Credential {
    Credential {
        alias: "main".to_owned(),
        token: SecretText::new("demo-token"),
    }
}

/// One attempt, in a slot that never ends.
async fn attempt(sending: &Sending, message: &Outbound) -> Attempted {
    let always = Slot {
        at: at(0),
        until: at(1_000_000),
    };
    // Boxed, because tests hold many of them.
    Box::pin(attempt_in(sending, message, always, at(0))).await
}

/// One attempt, in a slot that was given away at `since`.
async fn attempt_in(
    sending: &Sending,
    message: &Outbound,
    slot: Slot,
    since: Timestamp,
) -> Attempted {
    let (tenant, credential) = (&message.tenant, credential());
    let held = Held {
        slot,
        since,
        era: 0,
    };
    let departure = Departure {
        credential: Some(&credential),
        leg: None,
        passed: &[],
        purpose: Purpose::Delivery,
    };
    let attempt = sending.attempt(tenant, &message.id, departure, held);
    attempt.await.unwrap()
}

/// The body of a text message to a person.
fn text_message() -> Value {
    json!({"from": "100000000000001", "to": "+15550001111", "type": "text", "text": {"body": "hello"}})
}
