//! Accounts, and what Meta's ids lead to them. Whoever changes an account holds it meanwhile: its secrets stand elsewhere
//! and cannot be changed in the same transaction.

use super::item::{Indexes, Key, body, item, number, text};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::transaction::Change;
use super::{Store, StoreError, Transaction, keys};
use crate::domain::account::{CredentialKind, CredentialRecord, Setup};
use crate::domain::id::AccountId;
use crate::domain::identity::{AppId, PortfolioId, SenderId, TenantId, WabaId};
use crate::domain::provider::Provider;
use crate::domain::provider_key::ProviderKey;
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How long a change of an account may take: longer than a request may.
const HELD_FOR: SignedDuration = SignedDuration::from_secs(35);

/// A tenant's connection to a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Whose.
    pub tenant: TenantId,
    /// Whose service it connects to.
    #[serde(default = "meta")]
    pub provider: Provider,
    /// What people call it.
    pub name: String,
    /// When it was made.
    #[serde(with = "millisecond::required")]
    pub created_at: Timestamp,
    /// Its WhatsApp Business Account, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waba: Option<WabaId>,
    /// What Meta calls that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waba_name: Option<String>,
    /// Meta's app through which it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// The business portfolio that owns the WABA, if its messaging limit is to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portfolio: Option<PortfolioId>,
    /// Its senders. They are listed here, and not found by an index, since nobody may be left out who is to be paused.
    #[serde(default)]
    pub senders: Vec<SenderId>,
    /// How far its set-up is.
    #[serde(default)]
    pub setup: Setup,
    /// What is known of its secrets, at Meta.
    #[serde(default)]
    pub credentials: Vec<CredentialRecord>,
    /// What is known of its keys, at any other provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<ProviderKey>,
    /// Since when it may send.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub active_since: Option<Timestamp>,
    /// Since when nothing leaves it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub disabled_at: Option<Timestamp>,
}

const fn meta() -> Provider {
    Provider::Meta
}

impl Account {
    /// A new account at Meta, of which nothing but its name is known.
    #[must_use]
    pub fn new(id: AccountId, tenant: TenantId, name: String, now: Timestamp) -> Self {
        Self {
            id,
            tenant,
            provider: Provider::Meta,
            name,
            created_at: now,
            waba: None,
            waba_name: None,
            app: None,
            portfolio: None,
            senders: Vec::new(),
            setup: Setup::default(),
            credentials: Vec::new(),
            keys: Vec::new(),
            active_since: None,
            disabled_at: None,
        }
    }

    /// The same at this provider. At Meta it has to be set up first; at any other one it sends as soon as it has a key.
    #[must_use]
    pub fn at(self, provider: Provider) -> Self {
        let active_since = (provider != Provider::Meta).then_some(self.created_at);
        Self {
            provider,
            active_since,
            ..self
        }
    }

    /// Whether its senders may send.
    #[must_use]
    pub fn may_send(&self) -> bool {
        self.active_since.is_some() && self.disabled_at.is_none()
    }

    /// Its WABA, be it checked or only entered.
    #[must_use]
    pub fn waba_said(&self) -> Option<&WabaId> {
        self.waba.as_ref().or(self.setup.waba.as_ref())
    }

    /// Where Meta is to call for it, if `webhook_url` is where `webhook` answers.
    #[must_use]
    pub fn callback(&self, webhook_url: &str) -> String {
        format!("{webhook_url}/webhooks/meta/{}", self.id)
    }

    /// What is known of its secret of this kind.
    #[must_use]
    pub fn credential(&self, kind: CredentialKind) -> Option<&CredentialRecord> {
        self.credentials.iter().find(|it| it.kind == kind)
    }

    /// Notes what is known of a secret, in the place of what was known of the one before.
    pub fn note_credential(&mut self, record: CredentialRecord) {
        self.credentials.retain(|it| it.kind != record.kind);
        self.credentials.push(record);
    }
}

/// Whose an account is: all that a webhook call needs to find the secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPointer {
    /// Whose account.
    pub tenant: TenantId,
}

/// Which account of this installation has one of Meta's things: another one cannot have it, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Whose account.
    pub tenant: TenantId,
    /// Which.
    pub account: AccountId,
}

/// What came of the attempt to hold an account.
#[derive(Debug)]
pub enum Held {
    /// It is held, and as it is now.
    Yes(Box<Account>),
    /// Somebody else changes it just now.
    Busy,
    /// The tenant has no such account.
    Missing,
}

impl Store {
    /// Adds a new account to a transaction, which fails if there is one of this id, or if the tenant is disabled or not there.
    pub fn add_account(
        &self,
        transaction: &mut Transaction,
        account: &Account,
    ) -> Result<(), StoreError> {
        transaction.put_new(&self.messages, pointer_item(account)?)?;
        transaction.put_new(&self.messages, account_item(account)?)?;
        self.check_tenant(transaction, &account.tenant)
    }

    /// Holds an account for whoever bears `token`, so that nobody else changes it or its secrets.
    pub async fn hold_account(
        &self,
        tenant: &TenantId,
        id: &AccountId,
        token: &str,
        now: Timestamp,
    ) -> Result<Held, StoreError> {
        let until = now.saturating_add(HELD_FOR).unwrap_or(Timestamp::MAX);
        let change = Change {
            update: "SET held_by = :token, held_until = :until".into(),
            condition: Some(
                "attribute_exists(pk) AND (attribute_not_exists(held_until) OR held_until < :now OR held_by = :token)"
                    .into(),
            ),
            names: vec![],
            values: vec![
                (":token".into(), text(token)),
                (":until".into(), number(until.as_millisecond())),
                (":now".into(), number(now.as_millisecond())),
            ],
        };
        match self
            .change_and_read(account_key(tenant, id), &change)
            .await?
        {
            Some(item) => Ok(Held::Yes(Box::new(body(item)?))),
            None if self.account(tenant, id).await?.is_some() => Ok(Held::Busy),
            None => Ok(Held::Missing),
        }
    }

    /// Lets an account go that was held and not changed.
    pub async fn let_account_go(
        &self,
        tenant: &TenantId,
        id: &AccountId,
        token: &str,
    ) -> Result<(), StoreError> {
        let change = Change {
            update: "REMOVE held_by, held_until".into(),
            condition: Some("held_by = :token".into()),
            names: vec![],
            values: vec![(":token".into(), text(token))],
        };
        self.change_if(account_key(tenant, id), &change).await?;
        Ok(())
    }

    /// Adds the account as it is now to a transaction, which fails if whoever bears `token` does not hold it any more. It is
    /// let go by that.
    pub fn change_account(
        &self,
        transaction: &mut Transaction,
        account: &Account,
        token: &str,
    ) -> Result<(), StoreError> {
        let values = HashMap::from([(":token".into(), text(token))]);
        let item = account_item(account)?;
        transaction.put_if(&self.messages, item, Some("held_by = :token"), values)
    }

    /// Adds to a transaction that an account is gone, with what leads to it. It fails as a change does.
    pub fn remove_account(
        &self,
        transaction: &mut Transaction,
        account: &Account,
        token: &str,
    ) -> Result<(), StoreError> {
        let Account { tenant, id, .. } = account;
        let held = ("held_by = :token", Some(text(token)));
        transaction.delete(&self.messages, account_key(tenant, id), Some(held))?;
        let pointer = Key::new(keys::account_pointer(id), keys::HEAD);
        transaction.delete(&self.messages, pointer, None)
    }

    /// Adds to a transaction that an account has a WABA; it fails if another account has it.
    pub fn take_waba(
        &self,
        transaction: &mut Transaction,
        account: &Account,
        waba: &WabaId,
    ) -> Result<(), StoreError> {
        let key = Key::new(keys::waba(waba), keys::HEAD);
        self.take(transaction, "waba", key, account)
    }

    /// Adds to a transaction that an account has a WABA no more.
    pub fn leave_waba(
        &self,
        transaction: &mut Transaction,
        account: &Account,
        waba: &WabaId,
    ) -> Result<(), StoreError> {
        let key = Key::new(keys::waba(waba), keys::HEAD);
        let own = ("account = :token", Some(text(account.id.as_str())));
        transaction.delete(&self.messages, key, Some(own))
    }

    /// Adds to a transaction that one of Meta's things is this account's, unless it is another's.
    pub(super) fn take(
        &self,
        transaction: &mut Transaction,
        kind: &'static str,
        key: Key,
        account: &Account,
    ) -> Result<(), StoreError> {
        let holder = Holder {
            tenant: account.tenant.clone(),
            account: account.id.clone(),
        };
        let values = HashMap::from([
            (":tenant".into(), text(account.tenant.as_str())),
            (":account".into(), text(account.id.as_str())),
        ]);
        let free = "attribute_not_exists(pk) OR (tenant = :tenant AND account = :account)";
        let item = item(kind, key, Indexes::default(), &holder)?;
        transaction.put_if(&self.messages, item, Some(free), values)
    }

    /// Writes an account as it is, with what leads to it; writing it again changes it. A conflict if another tenant has
    /// this id, or another account this WABA. For a desk and for tests.
    pub async fn put_account(&self, account: &Account) -> Result<(), StoreError> {
        let mut transaction = Transaction::new();
        let values = HashMap::from([(":tenant".into(), text(account.tenant.as_str()))]);
        let own = "attribute_not_exists(pk) OR tenant = :tenant";
        transaction.put_if(&self.messages, pointer_item(account)?, Some(own), values)?;
        transaction.put_if(&self.messages, account_item(account)?, None, HashMap::new())?;
        if let Some(waba) = &account.waba {
            self.take_waba(&mut transaction, account, waba)?;
        }
        self.commit(transaction).await
    }

    /// The account of this id, if it is this tenant's.
    pub async fn account(
        &self,
        tenant: &TenantId,
        id: &AccountId,
    ) -> Result<Option<Account>, StoreError> {
        let key = account_key(tenant, id);
        self.read(&self.messages, key).await?.map(body).transpose()
    }

    /// A tenant's accounts, the newest first.
    pub async fn accounts(
        &self,
        tenant: &TenantId,
        slice: &Slice,
    ) -> Result<Listed<Account>, StoreError> {
        let listing = Listing {
            index: Index::LIST,
            partitions: vec![keys::accounts(tenant)],
            prefix: String::new(),
            order: Order::Descending,
        };
        self.list_of(&self.messages, &listing, slice).await
    }

    /// Whose the account is that a webhook's path names.
    pub async fn account_pointer(
        &self,
        id: &AccountId,
    ) -> Result<Option<AccountPointer>, StoreError> {
        let key = Key::new(keys::account_pointer(id), keys::HEAD);
        self.read(&self.messages, key).await?.map(body).transpose()
    }

    /// Which account has a WABA, whoever's it is.
    pub async fn holder_of_waba(&self, waba: &WabaId) -> Result<Option<Holder>, StoreError> {
        let key = Key::new(keys::waba(waba), keys::HEAD);
        self.read(&self.messages, key).await?.map(body).transpose()
    }

    /// The account a WABA belongs to, if it is this tenant's.
    pub async fn account_of_waba(
        &self,
        tenant: &TenantId,
        waba: &WabaId,
    ) -> Result<Option<AccountId>, StoreError> {
        let holder = self.holder_of_waba(waba).await?;
        let own = holder.filter(|holder| holder.tenant == *tenant);
        Ok(own.map(|holder| holder.account))
    }
}

fn account_item(account: &Account) -> Result<super::item::Item, StoreError> {
    let indexes = Indexes {
        list_key: Some(keys::accounts(&account.tenant)),
        list_sort: Some(account.id.to_string()),
        ..Indexes::default()
    };
    item(
        "account",
        account_key(&account.tenant, &account.id),
        indexes,
        account,
    )
}

fn pointer_item(account: &Account) -> Result<super::item::Item, StoreError> {
    let pointer = AccountPointer {
        tenant: account.tenant.clone(),
    };
    let key = Key::new(keys::account_pointer(&account.id), keys::HEAD);
    item("account_pointer", key, Indexes::default(), &pointer)
}

fn account_key(tenant: &TenantId, id: &AccountId) -> Key {
    Key::new(keys::account(tenant, id), keys::HEAD)
}
