//! Accounts' bots, and what they know.

use super::item::{Indexes, Key, body, item};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::{Store, StoreError, Transaction, keys};
use crate::domain::bot::{Bot, Knowledge};
use crate::domain::id::{AccountId, KnowledgeId};
use crate::domain::identity::TenantId;
use std::collections::HashMap;

impl Store {
    /// An account's bot; one that says nothing if nobody has told it.
    pub async fn bot(&self, tenant: &TenantId, account: &AccountId) -> Result<Bot, StoreError> {
        let key = Key::new(keys::bot(tenant, account), keys::HEAD);
        let item = self.read(&self.messages, key).await?;
        item.map_or_else(|| Ok(Bot::default()), body)
    }

    /// Adds to a transaction what an account's bot says.
    pub fn put_bot(
        &self,
        transaction: &mut Transaction,
        (tenant, account): (&TenantId, &AccountId),
        bot: &Bot,
    ) -> Result<(), StoreError> {
        let key = Key::new(keys::bot(tenant, account), keys::HEAD);
        let item = item("bot", key, Indexes::default(), bot)?;
        transaction.put_if(&self.messages, item, None, HashMap::new())
    }

    /// Adds to a transaction what an account's bot knows.
    pub fn put_knowledge(
        &self,
        transaction: &mut Transaction,
        (tenant, account): (&TenantId, &AccountId),
        knowledge: &Knowledge,
    ) -> Result<(), StoreError> {
        let key = knowledge_key(tenant, account, &knowledge.id);
        let item = item("knowledge", key, Indexes::default(), knowledge)?;
        transaction.put_if(&self.messages, item, None, HashMap::new())
    }

    /// Adds to a transaction that an account's bot knows something no more.
    pub fn remove_knowledge(
        &self,
        transaction: &mut Transaction,
        (tenant, account): (&TenantId, &AccountId),
        id: &KnowledgeId,
    ) -> Result<(), StoreError> {
        transaction.delete(&self.messages, knowledge_key(tenant, account, id), None)
    }

    /// Something an account's bot knows.
    pub async fn knowledge(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        id: &KnowledgeId,
    ) -> Result<Option<Knowledge>, StoreError> {
        let key = knowledge_key(tenant, account, id);
        self.read(&self.messages, key).await?.map(body).transpose()
    }

    /// What an account's bot knows, the oldest first.
    pub async fn all_knowledge(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        slice: &Slice,
    ) -> Result<Listed<Knowledge>, StoreError> {
        let listing = Listing {
            index: Index::TABLE,
            partitions: vec![keys::bot(tenant, account)],
            prefix: format!("{}_", KnowledgeId::PREFIX),
            order: Order::Ascending,
        };
        self.list_of(&self.messages, &listing, slice).await
    }
}

fn knowledge_key(tenant: &TenantId, account: &AccountId, id: &KnowledgeId) -> Key {
    Key::new(keys::bot(tenant, account), id.as_str())
}
