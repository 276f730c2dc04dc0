//! The demo tenant's accounts at the other providers: one each, with a key that the simulator takes.

use super::put_secret_of;
use anyhow::Result;
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::provider::Provider;
use heliograph::domain::provider_key::ProviderKey;
use heliograph::domain::secret::SecretText;
use heliograph::service::aws::Aws;
use heliograph::service::clock;
use heliograph::store::{Account, Sender, Store};
use serde_json::json;

/// What people and attempts call the keys.
const ALIAS: &str = "demo";

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

/// How many there are.
pub(super) const COUNT: i64 = 3;

/// Makes them.
pub(super) async fn make(aws: &Aws, store: &Store, tenant: &TenantId) -> Result<()> {
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
        });
        let secret =
            json!({"v": 1, "access_tokens": [], "provider_keys": [{"alias": ALIAS, "token": key}]});
        put_secret_of(aws, ("out", tenant, &account.id), &secret).await?;
        store
            .put_sender(&Sender::at_gateway(&account, sender))
            .await?;
        store.put_account(&account).await?;
    }
    Ok(())
}
