//! Accounts and senders as they stand in a configuration.

use super::key::KeyEntry;
use super::{hidden, is_hidden};
use crate::accounts::meta_id::meta_id;
use crate::accounts::sender_changes::Changes;
use crate::accounts::setup::secret_text;
use crate::accounts::tokens::access_token;
use crate::key_body::LONGEST_NAME;
use heliograph::domain::account::{CredentialKind, CredentialRecord};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::{AppId, PhoneNumberId, SenderId, WabaId};
use heliograph::domain::provider::Provider;
use heliograph::domain::provider_key::MOST_KEYS;
use heliograph::domain::secret::SecretText;
use heliograph::store::{Account, Sender, WindowPolicy};
use serde::Serialize;
use utoipa::ToSchema;

/// More than an account has.
const MOST_CREDENTIALS: usize = 20;

/// An account.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct AccountEntry {
    /// Our id, which stays the same: its webhook's address holds it.
    #[schema(value_type = String, example = "acct_019e92a7c8887000a000000000000001")]
    pub(in crate::configuration) id: AccountId,
    /// What people call it.
    pub(in crate::configuration) name: String,
    /// Whose service it connects to: Meta's, unless told.
    pub(in crate::configuration) provider: Provider,
    /// Its WhatsApp Business Account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "200000000000002")]
    pub(in crate::configuration) waba_id: Option<WabaId>,
    /// Meta's app through which it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "400000000000002")]
    pub(in crate::configuration) app_id: Option<AppId>,
    /// A phone number that was entered and waits for the access token. One that was checked is a sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "100000000000002")]
    pub(in crate::configuration) phone_number_id: Option<PhoneNumberId>,
    /// Whether nothing leaves it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(value_type = Option<bool>)]
    pub(in crate::configuration) disabled: bool,
    /// The secrets it has.
    credentials: Vec<CredentialEntry>,
    /// The keys it has, at any other provider than Meta.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(in crate::configuration) keys: Vec<KeyEntry>,
}

/// A secret of an account.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
struct CredentialEntry {
    /// What it is for.
    kind: CredentialKind,
    /// What attempts call it.
    alias: String,
    /// Its last four characters, if it is long enough.
    mask: String,
    /// The secret itself: never exported, and may be put in before an import.
    #[serde(skip_serializing_if = "is_hidden", serialize_with = "hidden")]
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<SecretText>,
}

/// A sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SenderEntry {
    /// Meta's phone number id, or what another provider's sender is called.
    #[schema(value_type = String, example = "100000000000002")]
    pub(in crate::configuration) id: SenderId,
    /// Its account.
    #[schema(value_type = String)]
    pub(in crate::configuration) account_id: AccountId,
    /// How many messages a second Meta takes from it.
    messages_per_second: u32,
    /// Whether somebody uses the WhatsApp Business app with the same number.
    coexistence: bool,
    /// How many calls a second its account's credential leaves it, if the provider limits them.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls_per_second: Option<u32>,
    /// The share of its rate that bulk jobs leave to other messages, in percent.
    reserved_percent: u8,
    /// Whether the 24-hour window is enforced.
    window: WindowPolicy,
}

impl AccountEntry {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.required_parsed("id", str::parse);
        let name = fields.required_line("name", 1..=LONGEST_NAME);
        let provider = fields.choice("provider", &Provider::ALL.map(Provider::as_str));
        let waba_id = fields.parsed("waba_id", meta_id);
        let app_id = fields.parsed("app_id", meta_id);
        let phone_number_id = fields.parsed("phone_number_id", meta_id);
        let disabled = fields.boolean("disabled").unwrap_or_default();
        let credentials = fields.objects("credentials", 0..=MOST_CREDENTIALS);
        let credentials: Vec<_> = credentials.into_iter().map(CredentialEntry::read).collect();
        let keys = fields.objects("keys", 0..=MOST_KEYS);
        let keys: Vec<_> = keys.into_iter().map(KeyEntry::read).collect();
        Some(Self {
            id: id?,
            name: name?.to_owned(),
            provider: provider.and_then(Provider::named).unwrap_or(Provider::Meta),
            waba_id,
            app_id,
            phone_number_id,
            disabled,
            credentials: credentials.into_iter().collect::<Option<_>>()?,
            keys: keys.into_iter().collect::<Option<_>>()?,
        })
    }

    /// The secret of this kind that was put in, if one was.
    pub(in crate::configuration) fn secret(&self, kind: CredentialKind) -> Option<SecretText> {
        let mut of_kind = self.credentials.iter().filter(|it| it.kind == kind);
        of_kind.find_map(|it| it.secret.clone())
    }

    /// Whether an account says nothing else, as far as it says anything.
    pub(in crate::configuration) fn agrees_with(&self, account: &Account) -> bool {
        self.name == account.name
            && self.provider == account.provider
            && account
                .waba_said()
                .is_none_or(|waba| self.waba_id.as_ref() == Some(waba))
            && (account.app.is_none() || self.app_id == account.app)
            && account
                .setup
                .phone_number
                .as_ref()
                .is_none_or(|number| self.phone_number_id.as_ref() == Some(number))
            && self.disabled == account.disabled_at.is_some()
    }
}

impl From<&Account> for AccountEntry {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.clone(),
            name: account.name.clone(),
            provider: account.provider,
            waba_id: account.waba_said().cloned(),
            app_id: account.app.clone(),
            phone_number_id: account.setup.phone_number.clone(),
            disabled: account.disabled_at.is_some(),
            credentials: account
                .credentials
                .iter()
                .map(CredentialEntry::from)
                .collect(),
            keys: account.keys.iter().map(KeyEntry::from).collect(),
        }
    }
}

impl CredentialEntry {
    fn read(mut fields: Fields<'_>) -> Option<Self> {
        let kind = fields.required_choice("kind", &["app_secret", "verify_token", "access_token"]);
        let alias = fields.line("alias", 0..=LONGEST_NAME);
        // What it says is of no use here; one of a short secret is empty.
        let mask = fields.value("mask").and_then(serde_json::Value::as_str);
        let (kind, secret) = match kind {
            Some("app_secret") => (
                Some(CredentialKind::AppSecret),
                fields.parsed("secret", secret_text),
            ),
            Some("access_token") => (
                Some(CredentialKind::AccessToken),
                fields.parsed("secret", access_token),
            ),
            Some(_) => (
                Some(CredentialKind::VerifyToken),
                fields.parsed("secret", secret_text),
            ),
            None => (None, None),
        };
        fields.finish();
        Some(Self {
            kind: kind?,
            alias: alias.unwrap_or_default().to_owned(),
            mask: mask.unwrap_or_default().to_owned(),
            secret,
        })
    }
}

impl From<&CredentialRecord> for CredentialEntry {
    fn from(record: &CredentialRecord) -> Self {
        Self {
            kind: record.kind,
            alias: record.alias.clone(),
            mask: record.mask.clone(),
            secret: None,
        }
    }
}

impl SenderEntry {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.required_parsed("id", sender_id);
        let account_id = fields.required_parsed("account_id", str::parse);
        for needed in [
            "messages_per_second",
            "coexistence",
            "reserved_percent",
            "window",
        ] {
            fields.required(needed);
        }
        let settings = Changes::read(fields);
        if let Some(fault) = id.as_ref().and_then(|id| settings.fault(id)) {
            fields.fault("coexistence", fault.code, fault.detail);
        }
        Some(Self {
            id: id?,
            account_id: account_id?,
            messages_per_second: settings.messages_per_second?,
            coexistence: settings.coexistence?,
            calls_per_second: settings.calls_per_second.flatten(),
            reserved_percent: settings.reserved_percent?,
            window: settings.window?,
        })
    }

    /// What is to be changed of one that is just made.
    pub(in crate::configuration) fn settings(&self) -> Changes {
        Changes {
            messages_per_second: Some(self.messages_per_second),
            coexistence: Some(self.coexistence),
            calls_per_second: Some(self.calls_per_second),
            reserved_percent: Some(self.reserved_percent),
            window: Some(self.window),
        }
    }
}

/// One of Meta's, unless it names another provider.
fn sender_id(text: &str) -> Result<SenderId, String> {
    match text.parse::<SenderId>() {
        Ok(sender) if sender.provider() != Provider::Meta => Ok(sender),
        Ok(_) | Err(_) => meta_id::<PhoneNumberId>(text).map(SenderId::from),
    }
}

impl From<&Sender> for SenderEntry {
    fn from(sender: &Sender) -> Self {
        Self {
            id: sender.id.clone(),
            account_id: sender.account.clone(),
            messages_per_second: sender.messages_per_second,
            coexistence: sender.coexistence,
            calls_per_second: sender.calls_per_second,
            reserved_percent: sender.reserved_percent,
            window: sender.window,
        }
    }
}
