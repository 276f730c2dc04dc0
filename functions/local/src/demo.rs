//! The demo tenant, the same on every desk, so that examples can be copied. Made once; never made in AWS.

use crate::provision::{self, STACK};
use anyhow::{Context, Result};
use heliograph::domain::account::NumberFacts;
use heliograph::domain::account::{CredentialKind, CredentialRecord, Step, StepState};
use heliograph::domain::id::{AccountId, EventId, KeyId};
use heliograph::domain::identity::TenantId;
use heliograph::domain::queue::{Change, WebhookBody, WebhookRecord};
use heliograph::domain::role::Role;
use heliograph::domain::secret::SecretText;
use heliograph::messaging::receive::Receiving;
use heliograph::service::auth;
use heliograph::service::aws::Aws;
use heliograph::service::clock;
use heliograph::store::{Account, ApiKey, Sender, Store, Tenant, WindowPolicy};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use serde_json::value::RawValue;

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

/// Makes the demo tenant, if it is not there.
pub(crate) async fn make(aws: &Aws) -> Result<()> {
    let store = provision::store(aws);
    let tenant: TenantId = TENANT.parse()?;
    let account: AccountId = ACCOUNT.parse()?;
    store
        .put_tenant(&Tenant {
            // The one that completes it, below.
            sender_count: 1,
            ..Tenant::new(tenant.clone(), "Demo", clock::now())
        })
        .await?;
    if store
        .account_of_waba(&tenant, &WABA.parse()?)
        .await?
        .is_none()
    {
        store.put_account(&demo_account(&tenant, &account)?).await?;
    }
    if store.sender(&tenant, &SENDER.parse()?).await?.is_some() {
        return Ok(());
    }
    let [(_, _, app_secret), (_, _, verify_token), (_, alias, token)] = SECRETS;
    let inbound = json!({"v": 1, "app_secrets": [app_secret], "verify_tokens": [verify_token]});
    let outbound = json!({"v": 1, "access_tokens": [{"alias": alias, "token": token}]});
    provision::put_secret(
        &aws.secrets(),
        &format!("{STACK}/in/{tenant}/{account}"),
        &inbound,
    )
    .await?;
    provision::put_secret(
        &aws.secrets(),
        &format!("{STACK}/out/{tenant}/{account}"),
        &outbound,
    )
    .await?;
    for (key, id, role) in KEYS {
        store.put_api_key(&api_key(&tenant, key, id, role)?).await?;
    }
    // The sender completes the tenant: a start that was cut off before it makes all of it again.
    store.put_sender(&sender(&tenant, &account)?).await?;
    receive_history(&store, &tenant, &account).await
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
        waba: WABA.parse()?,
        portfolio: None,
        display_number: NUMBER.to_owned(),
        messages_per_second: 1_000,
        coexistence: false,
        calls_per_second: None,
        reserved_percent: 10,
        window: WindowPolicy::Off,
        facts: NumberFacts::default(),
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
async fn receive_history(store: &Store, tenant: &TenantId, account: &AccountId) -> Result<()> {
    let receiving = Receiving::new(store.clone());
    let now = clock::now();
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
