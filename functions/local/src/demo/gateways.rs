//! The demo tenant's accounts at the other providers: one each, with a key that the simulator takes, and a route over them.

use super::{SENDER, Surroundings, add_sender, put_secret_of, unless_there};
use anyhow::Result;
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::limits::Limits;
use heliograph::domain::provider::{Ability, Gateway};
use heliograph::domain::provider_key::ProviderKey;
use heliograph::domain::provider_settings::ProviderSettings;
use heliograph::domain::route::{Failover, Route};
use heliograph::domain::secret::SecretText;
use heliograph::provider::gateway;
use heliograph::provider::webhook::address;
use heliograph::service::aws::Aws;
use heliograph::service::clock;
use heliograph::store::{Account, Sender, Store, Transaction};
use serde_json::json;

/// What people and attempts call the keys.
const ALIAS: &str = "demo";

/// What stands in the address that a gateway calls.
const PATH_TOKEN: &str = "demo-path-token";

/// Gateway, account, what people call it, number, key.
const GATEWAYS: [(Gateway, &str, &str, &str, &str); 3] = [
    (
        Gateway::Notifapi,
        "acct_demo-notifapi",
        "Demo at NotifAPI",
        "15550003000",
        "demo-notifapi-key",
    ),
    (
        Gateway::Fonnte,
        "acct_demo-fonnte",
        "Demo at Fonnte",
        "15550002000",
        "demo-fonnte-token",
    ),
    (
        Gateway::Mock,
        "acct_demo-mock",
        "Demo at the mock provider",
        "15550004000",
        "demo-mock-key",
    ),
];

/// The route over them, behind Meta's sender.
const ROUTE: &str = "route_demo";

/// Makes them.
pub(super) async fn make(
    aws: &Aws,
    store: &Store,
    tenant: &TenantId,
    around: &Surroundings<'_>,
) -> Result<()> {
    for (gateway, id, name, number, key) in GATEWAYS {
        let now = clock::now();
        let sender = SenderId::of(gateway.into(), number)?;
        let mut account = Account::new(id.parse()?, tenant.clone(), name.to_owned(), now);
        account = account.at(gateway.into());
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
        store.put_account(&account).await?;
        add_sender(store, &account, &Sender::at_gateway(&account, sender)).await?;
        if gateway.can(Ability::CallUs) {
            let secret = json!({"v": 1, "app_secrets": [], "verify_tokens": [], "path_tokens": [PATH_TOKEN]});
            put_secret_of(aws, ("in", tenant, &account.id), &secret).await?;
            tell_whom_to_call(gateway, &account, key, around).await;
        }
    }
    add_route(store, tenant).await
}

/// A route from Meta's sender over all others. Its numbers differ, which a demo may show.
async fn add_route(store: &Store, tenant: &TenantId) -> Result<()> {
    let mut senders: Vec<SenderId> = vec![SENDER.parse()?];
    for (gateway, _, _, number, _) in GATEWAYS {
        senders.push(SenderId::of(gateway.into(), number)?);
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
    unless_there(store.commit(transaction).await)
}

/// Has a gateway call us. Whoever plays it may not be there: then the demo is whole but for what comes in by it, and the
/// key put in again mends that.
async fn tell_whom_to_call(
    gateway: Gateway,
    account: &Account,
    key: &str,
    around: &Surroundings<'_>,
) {
    let Surroundings {
        providers,
        webhook_url,
    } = around;
    let (token, key) = (SecretText::new(PATH_TOKEN), SecretText::new(key));
    let address = address(webhook_url, gateway, &account.id, &token);
    let told = async {
        let way = providers.way(&ProviderSettings::of(account.provider))?;
        gateway::call_at(gateway, way.with(&key), &address).await
    };
    if let Err(failure) = told.await {
        let error = failure.message;
        tracing::warn!(account.id = %account.id, error, "a provider of the demo's was not told whom to call");
    }
}
