//! What a configuration is made of: an entry for each thing, in the order in which one needs the other.

mod account;
mod bot;
mod key;
mod provider;
mod route;

pub(super) use account::{AccountEntry, SenderEntry};
pub(super) use bot::{BotEntry, KnowledgeEntry};
pub(super) use provider::ProviderEntry;
pub(super) use route::RouteEntry;

use crate::key_body::{self, LONGEST_NAME};
use crate::tenants::read_tier;
use crate::user_dto::NewUser;
use heliograph::domain::fields::Fields;
use heliograph::domain::role::{Right, Role, Scopes};
use heliograph::domain::tier::Limits;
use heliograph::store::{ApiKey, Tenant};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// What entries are, by their names.
const KINDS: [&str; 9] = [
    "tenant",
    "user",
    "api_key",
    "provider",
    "account",
    "sender",
    "bot",
    "knowledge",
    "route",
];

/// One thing that is set up.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = ConfigurationEntry)]
pub(crate) enum Entry {
    /// The tenant itself, which the operator makes and changes.
    Tenant(TenantEntry),
    /// A person who may sign in; without the password.
    User(NewUser),
    /// An API key that opens; without the key.
    ApiKey(ApiKeyEntry),
    /// What is said of a provider.
    Provider(ProviderEntry),
    /// A connection to a provider; without its secrets.
    Account(AccountEntry),
    /// A sender of one.
    Sender(SenderEntry),
    /// What an account's bot says.
    Bot(BotEntry),
    /// Something an account's bot knows.
    Knowledge(KnowledgeEntry),
    /// A route over senders.
    Route(RouteEntry),
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TenantEntry {
    /// What people call it.
    name: String,
    /// What people call its subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<String>,
    /// What it may use; what is absent is not limited.
    limits: Limits,
}

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ApiKeyEntry {
    /// What people call it.
    pub(super) name: String,
    /// What its bearer may do.
    role: Role,
    /// The rights of its role that it is narrowed to; without this all of them.
    #[serde(skip_serializing_if = "Scopes::are_all")]
    #[schema(value_type = Option<Vec<Right>>)]
    scopes: Scopes,
    /// Opens nothing from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// A secret is put in, and never shown: yet the document tells of it, which it would not of a field that is skipped.
const fn is_hidden<T>(_: &T) -> bool {
    true
}

fn hidden<T, S: Serializer>(_: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_none()
}

impl Entry {
    /// Reads one.
    pub(super) fn read(mut fields: Fields<'_>) -> Option<Self> {
        let read = match fields.required_choice("kind", &KINDS)? {
            "tenant" => TenantEntry::read(&mut fields).map(Self::Tenant),
            "user" => NewUser::read(&mut fields).map(Self::User),
            "api_key" => ApiKeyEntry::read(&mut fields).map(Self::ApiKey),
            "provider" => ProviderEntry::read(&mut fields).map(Self::Provider),
            "account" => AccountEntry::read(&mut fields).map(Self::Account),
            "sender" => SenderEntry::read(&mut fields).map(Self::Sender),
            "bot" => BotEntry::read(&mut fields).map(Self::Bot),
            "knowledge" => KnowledgeEntry::read(&mut fields).map(Self::Knowledge),
            _ => RouteEntry::read(&mut fields).map(Self::Route),
        };
        fields.finish();
        read
    }

    /// What it is.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Tenant(_) => "tenant",
            Self::User(_) => "user",
            Self::ApiKey(_) => "api_key",
            Self::Provider(_) => "provider",
            Self::Account(_) => "account",
            Self::Sender(_) => "sender",
            Self::Bot(_) => "bot",
            Self::Knowledge(_) => "knowledge",
            Self::Route(_) => "route",
        }
    }

    /// What it is known by among those of its kind.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Tenant(tenant) => tenant.name.clone(),
            Self::User(user) => user.email.to_string(),
            Self::ApiKey(key) => key.name.clone(),
            Self::Provider(provider) => provider.id.as_str().to_owned(),
            Self::Account(account) => account.id.to_string(),
            Self::Sender(sender) => sender.id.to_string(),
            Self::Bot(bot) => bot.account_id.to_string(),
            Self::Knowledge(knowledge) => knowledge.id.to_string(),
            Self::Route(route) => route.id.to_string(),
        }
    }
}

impl TenantEntry {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required_line("name", 1..=LONGEST_NAME);
        let (tier, limits) = read_tier(fields);
        Some(Self {
            name: name?.to_owned(),
            tier: tier.flatten(),
            limits: limits.of(Limits::default()),
        })
    }
}

impl From<&Tenant> for TenantEntry {
    fn from(tenant: &Tenant) -> Self {
        Self {
            name: tenant.name.clone(),
            tier: tenant.tier.clone(),
            limits: tenant.limits,
        }
    }
}

impl ApiKeyEntry {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required_line("name", 1..=LONGEST_NAME);
        let role = fields.required_choice("role", &Role::ALL.map(Role::as_str));
        let scopes = key_body::scopes(fields).unwrap_or_default();
        // It may have passed since.
        let expires_at = fields.time("expires_at");
        Some(Self {
            name: name?.to_owned(),
            role: Role::named(role?)?,
            scopes,
            expires_at,
        })
    }
}

impl From<&ApiKey> for ApiKeyEntry {
    fn from(key: &ApiKey) -> Self {
        Self {
            name: key.name.clone(),
            role: key.role,
            scopes: key.scopes.clone(),
            expires_at: key.expires_at,
        }
    }
}
