//! Accounts, their WABAs and senders.

use super::item::{Indexes, Key, body, item, text};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::{Store, StoreError, keys};
use crate::domain::id::AccountId;
use crate::domain::identity::{PhoneNumberId, PortfolioId, TenantId, WabaId};
use serde::{Deserialize, Serialize};

/// A tenant's connection to a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Whose.
    pub tenant: TenantId,
    /// What people call it.
    pub name: String,
    /// Its WhatsApp Business Accounts.
    pub wabas: Vec<WabaId>,
    /// The business portfolio that owns them, if its messaging limit is to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portfolio: Option<PortfolioId>,
}

/// Whose an account is: all that a webhook call needs to find the secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPointer {
    /// Whose account.
    pub tenant: TenantId,
}

/// Whether free-form messages outside the 24-hour window are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowPolicy {
    /// Refused, with the remedy.
    Enforce,
    /// Sent, with a warning in the answer.
    Warn,
    /// Not looked at.
    Off,
}

/// What messages leave from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// Meta's phone number id.
    pub id: PhoneNumberId,
    /// Whose.
    pub tenant: TenantId,
    /// Its account.
    pub account: AccountId,
    /// Its WhatsApp Business Account.
    pub waba: WabaId,
    /// Its business portfolio, if that has a messaging limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portfolio: Option<PortfolioId>,
    /// The number as people read it.
    pub display_number: String,
    /// How many messages a second Meta takes from it: 80, until it raises that to 1,000 by itself.
    #[serde(default = "usual_rate")]
    pub messages_per_second: u32,
    /// Whether somebody uses the WhatsApp Business app with the same number. Meta takes 20 a second then.
    #[serde(default)]
    pub coexistence: bool,
    /// Its part of the calls a second that the provider allows its account's credential, if it limits them: the parts
    /// of an account's senders add up to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_per_second: Option<u32>,
    /// The share of that rate bulk jobs leave to other messages, in percent.
    pub reserved_percent: u8,
    /// Whether the 24-hour window is enforced.
    pub window: WindowPolicy,
}

/// Messages a second: of a sender nobody has said more of, of one beside the app, and of any at most. Source: Meta,
/// "Throughput".
const USUAL_RATE: u32 = 80;
const RATE_BESIDE_THE_APP: u32 = 20;
const HIGHEST_RATE: u32 = 1_000;

const fn usual_rate() -> u32 {
    USUAL_RATE
}

impl Sender {
    /// How many messages a second Meta takes from it, whatever was written down.
    #[must_use]
    pub fn throughput(&self) -> u32 {
        let most = if self.coexistence {
            RATE_BESIDE_THE_APP
        } else {
            HIGHEST_RATE
        };
        self.messages_per_second.min(most)
    }

    /// How many messages a second may leave from it: as many as it and its credential may.
    #[must_use]
    pub fn rate(&self) -> u32 {
        let part = self.calls_per_second.unwrap_or(u32::MAX);
        self.throughput().min(part)
    }
}

impl Store {
    /// Writes an account with its pointers; writing it again changes it. A conflict if another tenant has this id:
    /// its webhooks would come to the wrong one.
    pub async fn put_account(&self, account: &Account) -> Result<(), StoreError> {
        let Account { tenant, id, .. } = account;
        let pointer = AccountPointer {
            tenant: tenant.clone(),
        };
        let key = Key::new(keys::account_pointer(id), keys::HEAD);
        self.client
            .put_item()
            .table_name(&self.messages)
            .set_item(Some(item(
                "account_pointer",
                key,
                Indexes::default(),
                &pointer,
            )?))
            .condition_expression("attribute_not_exists(pk) OR tenant = :tenant")
            .expression_attribute_values(":tenant", text(tenant.as_str()))
            .send()
            .await?;
        for waba in &account.wabas {
            let key = Key::new(keys::waba(tenant, waba), keys::HEAD);
            self.put(item("waba", key, Indexes::default(), account)?)
                .await?;
        }
        let key = Key::new(keys::account(tenant, id), keys::HEAD);
        self.put(item("account", key, Indexes::default(), account)?)
            .await
    }

    /// Whose the account is that a webhook's path names.
    pub async fn account_pointer(
        &self,
        id: &AccountId,
    ) -> Result<Option<AccountPointer>, StoreError> {
        let key = Key::new(keys::account_pointer(id), keys::HEAD);
        self.read(&self.messages, key).await?.map(body).transpose()
    }

    /// The account a WABA belongs to, if it is this tenant's.
    pub async fn account_of_waba(
        &self,
        tenant: &TenantId,
        waba: &WabaId,
    ) -> Result<Option<Account>, StoreError> {
        let key = Key::new(keys::waba(tenant, waba), keys::HEAD);
        self.read(&self.messages, key).await?.map(body).transpose()
    }

    /// Writes a sender; writing it again changes it.
    pub async fn put_sender(&self, sender: &Sender) -> Result<(), StoreError> {
        let key = sender_key(&sender.tenant, &sender.id);
        let indexes = Indexes {
            list_key: Some(keys::senders(&sender.tenant)),
            list_sort: Some(sender.id.to_string()),
            ..Indexes::default()
        };
        self.put(item("sender", key, indexes, sender)?).await
    }

    /// A tenant's senders, by their ids.
    pub async fn senders(
        &self,
        tenant: &TenantId,
        slice: &Slice,
    ) -> Result<Listed<Sender>, StoreError> {
        let listing = Listing {
            index: Index::LIST,
            partitions: vec![keys::senders(tenant)],
            prefix: String::new(),
            order: Order::Ascending,
        };
        self.list_of(&self.messages, &listing, slice).await
    }

    /// The sender of this id, if it is this tenant's.
    pub async fn sender(
        &self,
        tenant: &TenantId,
        id: &PhoneNumberId,
    ) -> Result<Option<Sender>, StoreError> {
        let key = sender_key(tenant, id);
        self.read(&self.messages, key).await?.map(body).transpose()
    }

    /// Writes an item unless one of its key is there.
    pub(super) async fn put_if_absent(&self, item: super::item::Item) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.messages)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        match put.send().await.map_err(StoreError::from) {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes an item; one that is not there is gone already.
    pub(super) async fn delete(&self, key: Key) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.messages)
            .set_key(Some(key.into_item()))
            .send()
            .await?;
        Ok(())
    }

    pub(super) async fn put(&self, item: super::item::Item) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.messages)
            .set_item(Some(item))
            .send()
            .await?;
        Ok(())
    }
}

pub(super) fn sender_key(tenant: &TenantId, id: &PhoneNumberId) -> Key {
    Key::new(keys::sender(tenant, id), keys::HEAD)
}
