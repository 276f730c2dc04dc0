//! The demo tenant, the same on every desk, so that examples can be copied. Made once; never made in AWS.

mod gateways;

use crate::provision::{self, STACK};
use anyhow::{Context, Result};
use heliograph::domain::account::NumberFacts;
use heliograph::domain::account::{CredentialKind, CredentialRecord, Step, StepState};
use heliograph::domain::id::{AccountId, EventId, KeyId};
use heliograph::domain::identity::TenantId;
use heliograph::domain::provider::Provider;
use heliograph::domain::queue::{Change, WebhookBody, WebhookRecord};
use heliograph::domain::role::Role;
use heliograph::domain::secret::SecretText;
use heliograph::messaging::receive::Receiving;
use heliograph::provider::Providers;
use heliograph::service::auth;
use heliograph::service::aws::Aws;
use heliograph::service::clock;
use heliograph::store::{
    Account, ApiKey, Sender, Store, StoreError, Tenant, Transaction, WindowPolicy,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Value, json};

const TENANT: &str = "demo";
const ACCOUNT: &str = "acct_demo";
const WABA: &str = "200000000000001";
const APP: &str = "400000000000001";
const SENDER: &str = "100000000000001";
const NUMBER: &str = "+15550001000";
const SECRETS: [(CredentialKind, &str, &str); 3] = [
    (CredentialKind::AppSecret, "demo", "demo-app-secret"),
    (CredentialKind::VerifyToken, "demo", "demo-verify-token"),
    (CredentialKind::AccessToken, "demo", "demo-access-token"),
];
const KEYS: [(&str, &str, Role); 2] = [
    ("hg_demo_admin", "key_demo-admin", Role::Admin),
    ("hg_demo_viewer", "key_demo-viewer", Role::Viewer),
];

/// Who has written to the demo tenant before it was first looked at: name, number, text, minutes ago.
const HISTORY: [(&str, &str, &str, i64); 4] = [
    ("Ada", "15550002001", "Do you ship to islands?", 3 * 24 * 60),
    (
        "Grace",
        "15550002002",
        "My parcel arrived, thank you!",
        26 * 60,
    ),
    ("Alan", "15550002003", "Can I change my order?", 95),
    ("Alan", "15550002003", "The blue one, please.", 94),
];

/// What stands around the demo: whom its accounts call, and where they are called.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) providers: &'a Providers,
    pub(crate) webhook_url: &'a str,
}

/// Makes the demo tenant, if it is not there. A start that is cut off leaves it to the next one.
pub(crate) async fn make(aws: &Aws, around: &Surroundings<'_>) -> Result<()> {
    let store = provision::store(aws);
    let tenant: TenantId = TENANT.parse()?;
    let account: AccountId = ACCOUNT.parse()?;
    // What is written last tells that all of it was; what somebody took away since then stays away.
    let [first, last] = KEYS.map(|(key, id, role)| api_key(&tenant, key, id, role));
    let (first, last) = (first?, last?);
    if store.api_key(&last.hash).await?.is_some() {
        return Ok(());
    }
    store
        .put_tenant(&Tenant::new(tenant.clone(), "Demo", clock::now()))
        .await?;
    let set_up = demo_account(&tenant, &account)?;
    store.put_account(&set_up).await?;
    put_secrets(aws, &tenant, &account).await?;
    add_sender(&store, &set_up, &sender(&tenant, &account)?).await?;
    Box::pin(gateways::make(aws, &store, &tenant, around)).await?;
    // As old as the tenant, so that whoever goes on with it makes the same messages.
    let made = store.tenant(&tenant).await?.map(|it| it.created_at);
    let now = made.context("the demo tenant is not there")?;
    Box::pin(receive_history(&store, &tenant, &account, now)).await?;
    store.plan_health_check(&tenant, &account, now).await?;
    store.put_api_key(&first).await?;
    store.put_api_key(&last).await?;
    Ok(())
}

/// Makes a sender as the set-up does: its number is its account's, and it is counted, so that it can be taken away again.
async fn add_sender(store: &Store, account: &Account, sender: &Sender) -> Result<()> {
    let mut transaction = Transaction::new();
    store.add_sender(&mut transaction, account, sender)?;
    unless_there(store.commit(transaction).await)
}

/// What is there already is from a start that was cut off.
fn unless_there(written: Result<(), StoreError>) -> Result<()> {
    match written {
        Ok(()) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn put_secrets(aws: &Aws, tenant: &TenantId, account: &AccountId) -> Result<()> {
    let [(_, _, app_secret), (_, _, verify_token), (_, alias, token)] = SECRETS;
    let inbound = json!({"v": 1, "app_secrets": [app_secret], "verify_tokens": [verify_token]});
    let outbound = json!({"v": 1, "access_tokens": [{"alias": alias, "token": token}]});
    put_secret_of(aws, ("in", tenant, account), &inbound).await?;
    put_secret_of(aws, ("out", tenant, account), &outbound).await
}

async fn put_secret_of(
    aws: &Aws,
    (direction, tenant, account): (&str, &TenantId, &AccountId),
    value: &Value,
) -> Result<()> {
    let name = format!("{STACK}/{direction}/{tenant}/{account}");
    provision::put_secret(&aws.secrets(), &name, value).await
}

/// The account, set up: as if somebody had gone through its steps.
fn demo_account(tenant: &TenantId, id: &AccountId) -> Result<Account> {
    let now = clock::now();
    let mut account = Account::new(id.clone(), tenant.clone(), "Demo".to_owned(), now);
    account.waba = Some(WABA.parse()?);
    account.app = Some(APP.parse()?);
    account.active_since = Some(now);
    account.senders.push(SENDER.parse()?);
    for step in Step::ALL {
        account.setup.note(step, StepState::Done, now);
    }
    for (kind, alias, secret) in SECRETS {
        account.note_credential(CredentialRecord {
            kind,
            alias: alias.to_owned(),
            mask: SecretText::new(secret).masked(),
            since: now,
            expires_at: None,
        });
    }
    Ok(account)
}

fn sender(tenant: &TenantId, account: &AccountId) -> Result<Sender> {
    Ok(Sender {
        id: SENDER.parse()?,
        tenant: tenant.clone(),
        account: account.clone(),
        waba: Some(WABA.parse()?),
        portfolio: None,
        display_number: NUMBER.to_owned(),
        messages_per_second: 1_000,
        coexistence: false,
        calls_per_second: None,
        reserved_percent: 10,
        window: WindowPolicy::Off,
        facts: NumberFacts::default(),
        era: 0,
    })
}

fn api_key(tenant: &TenantId, key: &str, id: &str, role: Role) -> Result<ApiKey> {
    let key = auth::ApiKey::parse(key).context("a demo key is not of the form of keys")?;
    let id: KeyId = id.parse()?;
    let hash = key.hash();
    Ok(ApiKey {
        name: format!("Demo {}", role.as_str()),
        ..ApiKey::new(id, tenant.clone(), role, hash, clock::now())
    })
}

/// The history comes in as anything else does: as webhook records.
async fn receive_history(
    store: &Store,
    tenant: &TenantId,
    account: &AccountId,
    now: Timestamp,
) -> Result<()> {
    let receiving = Receiving::new(store.clone());
    for (place, (name, number, text, minutes)) in HISTORY.into_iter().enumerate() {
        let at = now.checked_sub(SignedDuration::from_mins(minutes))?;
        let record = record(tenant, account, at, &message(place, name, number, text, at))?;
        receiving
            .receive(&record, &WebhookBody::encode(&record)?, 0, now)
            .await?;
    }
    Ok(())
}

fn record(
    tenant: &TenantId,
    account: &AccountId,
    at: Timestamp,
    value: &serde_json::Value,
) -> Result<WebhookRecord> {
    let change = Change {
        entry: WABA.to_owned(),
        time: None,
        field: "messages".to_owned(),
        value: RawValue::from_string(value.to_string())?,
    };
    Ok(WebhookRecord {
        id: EventId::at(at),
        tenant: tenant.clone(),
        account: account.clone(),
        provider: Provider::Meta,
        received_at: at,
        changes: vec![change],
    })
}

fn message(place: usize, name: &str, number: &str, text: &str, at: Timestamp) -> serde_json::Value {
    json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": NUMBER.trim_start_matches('+'), "phone_number_id": SENDER},
        "contacts": [{"profile": {"name": name}, "wa_id": number}],
        "messages": [{
            "from": number,
            "id": format!("wamid.DEMO{place:04}"),
            "timestamp": at.as_second().to_string(),
            "type": "text",
            "text": {"body": text},
        }],
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::aws::{Endpoints, Options};
    use heliograph::service::aws::Endpoints as AwsEndpoints;
    use heliograph::store::{ConversationState, Slice};
    use std::future::poll_fn;
    use std::net::Ipv4Addr;
    use std::pin::pin;
    use std::task::Poll;
    use tokio::net::TcpListener;

    /// Runs `making` until it has waited so often; whether it came to its end.
    async fn cut_off_after(waits: u32, making: impl Future<Output = Result<()>>) -> bool {
        let mut making = pin!(making);
        let mut waited = 0;
        poll_fn(|context| match making.as_mut().poll(context) {
            Poll::Ready(made) => Poll::Ready(made.is_ok()),
            Poll::Pending if waited == waits => Poll::Ready(false),
            Poll::Pending => {
                waited += 1;
                Poll::Pending
            }
        })
        .await
    }

    #[tokio::test]
    async fn a_start_cut_off_at_any_moment_leaves_the_demo_to_the_next_one() {
        for waits in (0..).step_by(3) {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let endpoints = Endpoints::start(listener, Options::default())
                .await
                .unwrap();
            let aws = Aws::at(&AwsEndpoints {
                aws: endpoints.url(),
                dynamodb: Some(endpoints.dynamodb_url()),
            });
            let provisioned = provision::provision(&aws, &endpoints.url()).await.unwrap();

            // Nobody plays the providers: their device is not told, and nothing else lacks.
            let nobody = "http://127.0.0.1:1";
            let providers = provisioned.providers(nobody, nobody).unwrap();
            let around = Surroundings {
                providers: &providers,
                webhook_url: nobody,
            };
            let whole = cut_off_after(waits, Box::pin(make(&aws, &around))).await;
            Box::pin(make(&aws, &around)).await.unwrap();

            let store = provision::store(&aws);
            let tenant = TENANT.parse().unwrap();
            let all = Slice {
                limit: 100,
                after: None,
            };
            let messages = store.messages_by_time(&tenant, &all).await.unwrap();
            assert_eq!(messages.entries.len(), HISTORY.len(), "{waits} waits");
            let inbox = store.conversations(&tenant, ConversationState::Open, &all);
            let inbox = inbox.await.unwrap().entries;
            let unread: u64 = inbox.iter().map(|it| it.unread).sum();
            assert_eq!((inbox.len(), unread), (3, 4), "{waits} waits");
            endpoints.shutdown().await;
            if whole {
                break;
            }
        }
    }
}
