//! Senders: what messages leave from.

use super::item::{Indexes, Key, body, item, text};
use super::pace::pace_key;
use super::page::{Index, Listed, Listing, Order, Slice};
use super::transaction::Change;
use super::{Account, Holder, Store, StoreError, Transaction, keys};
use crate::domain::account::NumberFacts;
use crate::domain::id::AccountId;
use crate::domain::identity::{PortfolioId, SenderId, TenantId, WabaId};
use crate::domain::provider::Provider;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

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
    /// Meta's phone number id, or what another provider calls it.
    pub id: SenderId,
    /// Whose.
    pub tenant: TenantId,
    /// Its account.
    pub account: AccountId,
    /// Its WhatsApp Business Account, at Meta.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waba: Option<WabaId>,
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
    /// What Meta last said of its number.
    #[serde(default)]
    pub facts: NumberFacts,
    /// How often it was given another rate. Its pace says the same, so that nobody goes by the rate of one time and the
    /// slots of another.
    #[serde(default)]
    pub era: u64,
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
    /// A sender at any other provider than Meta, of an account of it.
    #[must_use]
    pub fn at_gateway(account: &Account, id: SenderId) -> Self {
        let messages_per_second = match id.provider() {
            Provider::Gateway(gateway) => gateway.facts().messages_per_second,
            Provider::Meta => USUAL_RATE,
        };
        Self {
            display_number: format!("+{}", id.name()),
            id,
            tenant: account.tenant.clone(),
            account: account.id.clone(),
            waba: None,
            portfolio: None,
            messages_per_second,
            coexistence: false,
            calls_per_second: None,
            reserved_percent: 0,
            window: WindowPolicy::Off,
            facts: NumberFacts::default(),
            era: 0,
        }
    }

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
    /// Writes a sender; writing it again changes it.
    pub async fn put_sender(&self, sender: &Sender) -> Result<(), StoreError> {
        self.put(sender_item(sender)?).await
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

    /// Every sender of an account, each read as it is now.
    pub async fn senders_of(&self, account: &Account) -> Result<Vec<Sender>, StoreError> {
        self.senders_named(&account.tenant, &account.senders).await
    }

    /// A tenant's senders of these ids, those that there are, in this order.
    pub async fn senders_named(
        &self,
        tenant: &TenantId,
        ids: &[SenderId],
    ) -> Result<Vec<Sender>, StoreError> {
        let each = ids.iter().map(|id| self.sender(tenant, id));
        Ok(try_join_all(each).await?.into_iter().flatten().collect())
    }

    /// The sender of this id, if it is this tenant's.
    pub async fn sender(
        &self,
        tenant: &TenantId,
        id: &SenderId,
    ) -> Result<Option<Sender>, StoreError> {
        let key = sender_key(tenant, id);
        self.read(&self.messages, key).await?.map(body).transpose()
    }

    /// Adds a sender to a transaction; it fails if another account has its number, if there is one already, or if its tenant
    /// may have no more.
    pub fn add_sender(
        &self,
        transaction: &mut Transaction,
        account: &Account,
        sender: &Sender,
    ) -> Result<(), StoreError> {
        let number = Key::new(keys::number(&sender.id), keys::HEAD);
        self.take(transaction, "number", number, account)?;
        self.take_sender_place(transaction, &sender.tenant)?;
        transaction.put_new(&self.messages, sender_item(sender)?)
    }

    /// Adds to a transaction that a sender is as it is now; whoever changes it holds its account.
    pub async fn change_sender(
        &self,
        transaction: &mut Transaction,
        (before, sender): (&Sender, &Sender),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let pace = |sender: &Sender| (sender.rate(), sender.reserved_percent);
        let mut sender = sender.clone();
        sender.era = before.era;
        if pace(before) != pace(&sender) {
            sender.era += 1;
            self.begin_era(transaction, &sender, now).await?;
        }
        let there = Some("attribute_exists(pk)");
        transaction.put_if(&self.messages, sender_item(&sender)?, there, HashMap::new())
    }

    /// Adds to a transaction that these senders of an account are gone, and their numbers free. It fails if one is gone
    /// already, is another account's, or has a job at work.
    pub fn remove_senders(
        &self,
        transaction: &mut Transaction,
        account: &Account,
        senders: &[Sender],
    ) -> Result<(), StoreError> {
        let tenant = &account.tenant;
        for sender in senders {
            let own = || Some(("account = :token", Some(text(account.id.as_str()))));
            let number = Key::new(keys::number(&sender.id), keys::HEAD);
            transaction.delete(&self.messages, number, own())?;
            transaction.delete(&self.messages, sender_key(tenant, &sender.id), own())?;
            let idle = Some(("attribute_not_exists(jobs)", None));
            transaction.delete(&self.messages, pace_key(tenant, &sender.id), idle)?;
        }
        if senders.is_empty() {
            return Ok(());
        }
        self.give_back_sender_places(transaction, tenant, senders.len())
    }

    /// Notes what Meta says of a sender's number now. Nothing happens if the sender is gone.
    pub async fn note_facts(
        &self,
        tenant: &TenantId,
        id: &SenderId,
        facts: &NumberFacts,
    ) -> Result<(), StoreError> {
        let change = Change {
            update: "SET facts = :facts".into(),
            condition: Some("attribute_exists(pk)".into()),
            names: vec![],
            values: vec![(":facts".into(), serde_dynamo::to_attribute_value(facts)?)],
        };
        self.change_if(sender_key(tenant, id), &change).await?;
        Ok(())
    }

    /// Which account has a number, whoever's it is.
    pub async fn holder_of_number(&self, id: &SenderId) -> Result<Option<Holder>, StoreError> {
        let key = Key::new(keys::number(id), keys::HEAD);
        self.read(&self.messages, key).await?.map(body).transpose()
    }
}

fn sender_item(sender: &Sender) -> Result<super::item::Item, StoreError> {
    let indexes = Indexes {
        list_key: Some(keys::senders(&sender.tenant)),
        list_sort: Some(sender.id.to_string()),
        ..Indexes::default()
    };
    item(
        "sender",
        sender_key(&sender.tenant, &sender.id),
        indexes,
        sender,
    )
}

pub(super) fn sender_key(tenant: &TenantId, id: &SenderId) -> Key {
    Key::new(keys::sender(tenant, id), keys::HEAD)
}
