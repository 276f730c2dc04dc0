//! The demo tenant's accounts at the other providers: one each, with a key that the simulator takes, and a route over them.

use super::{SENDER, Surroundings, put_secret_of};
use anyhow::Result;
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::limits::Limits;
use heliograph::domain::provider::Provider;
use heliograph::domain::provider_key::ProviderKey;
use heliograph::domain::provider_settings::ProviderSettings;
use heliograph::domain::route::{Failover, Route};
use heliograph::domain::secret::SecretText;
use heliograph::provider::fonnte::webhook::address;
use heliograph::service::aws::Aws;
use heliograph::service::clock;
use heliograph::store::{Account, Sender, Store, StoreError, Transaction};
use serde_json::json;

/// What people and attempts call the keys.
const ALIAS: &str = "demo";

/// What stands in the address that Fonnte's device calls.
const PATH_TOKEN: &str = "demo-path-token";

/// Provider, account, what people call it, number, key.
const GATEWAYS: [(Provider, &str, &str, &str, &str); 3] = [
    (
        Provider::Notifapi,
        "acct_demo-notifapi",
        "Demo at NotifAPI",
        "15550003000",
        "demo-notifapi-key",
    ),
    (
        Provider::Fonnte,
        "acct_demo-fonnte",
        "Demo at Fonnte",
        "15550002000",
        "demo-fonnte-token",
    ),
    (
        Provider::Mock,
        "acct_demo-mock",
        "Demo at the mock provider",
        "15550004000",
        "demo-mock-key",
    ),
];

/// The route over them, behind Meta's sender.
const ROUTE: &str = "route_demo";

/// How many there are.
pub(super) const COUNT: i64 = 3;

/// Makes them.
pub(super) async fn make(
    aws: &Aws,
    store: &Store,
    tenant: &TenantId,
    around: &Surroundings<'_>,
) -> Result<()> {
    for (provider, id, name, number, key) in GATEWAYS {
        let now = clock::now();
        let sender = SenderId::of(provider, number)?;
        let mut account = Account::new(id.parse()?, tenant.clone(), name.to_owned(), now);
        account = account.at(provider);
        account.senders.push(sender.clone());
        account.put_key(ProviderKey {
            alias: ALIAS.parse()?,
            mask: SecretText::new(key).masked(),
            sender: sender.clone(),
            weight: 1,
            enabled: true,
            since: now,
            expires_at: None,
            limits: Limits::default(),
        });
        let secret = json!({"v": 1, "access_tokens": [], "provider_keys": [{"alias": ALIAS, "since": now.as_millisecond(), "key": key}]});
        put_secret_of(aws, ("out", tenant, &account.id), &secret).await?;
        store
            .put_sender(&Sender::at_gateway(&account, sender))
            .await?;
        store.put_account(&account).await?;
        if provider == Provider::Fonnte {
            let secret = json!({"v": 1, "app_secrets": [], "verify_tokens": [], "path_tokens": [PATH_TOKEN]});
            put_secret_of(aws, ("in", tenant, &account.id), &secret).await?;
            tell_device(&account, key, around).await;
        }
    }
    add_route(store, tenant).await
}

/// A route from Meta's sender over all others. Its numbers differ, which a demo may show.
async fn add_route(store: &Store, tenant: &TenantId) -> Result<()> {
    let mut senders: Vec<SenderId> = vec![SENDER.parse()?];
    for (provider, _, _, number, _) in GATEWAYS {
        senders.push(SenderId::of(provider, number)?);
    }
    let route = Route {
        id: ROUTE.parse()?,
        tenant: tenant.clone(),
        name: "Demo".to_owned(),
        senders,
        policy: Failover {
            other_number: true,
            ..Failover::default()
        },
        changed_at: clock::now(),
    };
    let mut transaction = Transaction::new();
    store.add_route(&mut transaction, &route)?;
    match store.commit(transaction).await {
        // It is there from a start that was cut off.
        Ok(()) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Has Fonnte's device call us. Whoever plays Fonnte may not be there: then the demo is whole but for what comes in by it,
/// and the key put in again mends that.
async fn tell_device(account: &Account, key: &str, around: &Surroundings<'_>) {
    let Surroundings {
        providers,
        webhook_url,
    } = around;
    let (token, key) = (SecretText::new(PATH_TOKEN), SecretText::new(key));
    let address = address(webhook_url, &account.id, &token);
    let told = async {
        let way = providers.way(&ProviderSettings::of(account.provider))?;
        let (client, access) = way.fonnte(&key);
        client.call_at(access, &address).await
    };
    if let Err(failure) = told.await {
        let error = failure.message;
        tracing::warn!(account.id = %account.id, error, "the demo's device at Fonnte was not told whom to call");
    }
}
