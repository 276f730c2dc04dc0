//! Keys of providers as they stand in a configuration, with the account they belong to.

use super::{hidden, is_hidden};
use crate::accounts::keys::{New, SaidOfKey, number_of, secret_key};
use heliograph::domain::fields::Fields;
use heliograph::domain::identity::{KeyAlias, SenderId};
use heliograph::domain::limits::{Changes, Limits};
use heliograph::domain::provider_key::{HEAVIEST, ProviderKey, USUAL_WEIGHT};
use heliograph::domain::secret::SecretText;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A key of an account that is not at Meta.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ConfiguredKey)]
pub(crate) struct KeyEntry {
    /// What people and attempts call it.
    #[schema(value_type = String, example = "main")]
    pub(in crate::configuration) alias: KeyAlias,
    /// Its last four characters, if it is long enough.
    mask: String,
    /// What is sent from with it.
    #[schema(value_type = String, example = "fonnte-15550002000")]
    sender_id: SenderId,
    /// How much of the sending it takes.
    #[schema(minimum = 1, maximum = 1000)]
    weight: u16,
    /// Whether it may be used.
    enabled: bool,
    /// When it is used no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// How many calls may be made with it.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    #[schema(required = false)]
    limits: Limits,
    /// The key itself: never exported, and may be put in before an import.
    #[serde(skip_serializing_if = "is_hidden", serialize_with = "hidden")]
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<SecretText>,
}

impl KeyEntry {
    pub(super) fn read(mut fields: Fields<'_>) -> Option<Self> {
        let alias = fields.required_parsed("alias", str::parse);
        // What it says is of no use here; one of a short secret is empty.
        let mask = fields.value("mask").and_then(serde_json::Value::as_str);
        let sender_id = fields.required_parsed("sender_id", str::parse);
        let weight = fields.whole("weight", 1..=u32::from(HEAVIEST));
        let enabled = fields.boolean("enabled");
        let expires_at = fields.time("expires_at");
        let limits = Changes::read(&mut fields, "limits").applied(Limits::default());
        let secret = fields.parsed("secret", secret_key);
        fields.finish();
        Some(Self {
            alias: alias?,
            mask: mask.unwrap_or_default().to_owned(),
            sender_id: sender_id?,
            weight: weight
                .and_then(|it| u16::try_from(it).ok())
                .unwrap_or(USUAL_WEIGHT),
            enabled: enabled.unwrap_or(true),
            expires_at,
            limits,
            secret,
        })
    }

    /// The key as it is put in, if its secret was.
    pub(in crate::configuration) fn to_put_in(&self) -> Option<New> {
        let secret = self.secret.clone()?;
        let said = SaidOfKey {
            weight: self.weight,
            enabled: self.enabled,
            expires_at: self.expires_at,
            limits: self.limits,
        };
        Some(New::of(secret, number_of(&self.sender_id), said))
    }
}

impl From<&ProviderKey> for KeyEntry {
    fn from(key: &ProviderKey) -> Self {
        Self {
            alias: key.alias.clone(),
            mask: key.mask.clone(),
            sender_id: key.sender.clone(),
            weight: key.weight,
            enabled: key.enabled,
            expires_at: key.expires_at,
            limits: key.limits,
            secret: None,
        }
    }
}
