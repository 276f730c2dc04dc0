//! Several conditional writes that happen together or not at all.

use super::condition::Condition;
use super::error::TRANSACTION_CONFLICT;
use super::item::{Item, Key, VERSION, number, text};
use super::{Store, StoreError};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnValue,
    TransactWriteItem, Update,
};
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

/// Writes that happen together or not at all.
#[derive(Debug, Default)]
pub struct Transaction {
    items: Vec<TransactWriteItem>,
}

/// An update's text and values.
#[derive(Debug, Clone, Default)]
pub(super) struct Change {
    pub(super) update: String,
    pub(super) condition: Option<String>,
    pub(super) names: Vec<(&'static str, &'static str)>,
    pub(super) values: Vec<(String, AttributeValue)>,
}

impl Change {
    /// This change of an item that it may make: then the item bears its type and version as every other does.
    pub(super) fn making(mut self, kind: &'static str) -> Self {
        let rest = match self.update.strip_prefix("SET ") {
            Some(sets) => format!(", {sets}"),
            None => format!(" {}", self.update),
        };
        self.update = format!("SET #type = :type, v = :v{rest}");
        self.names.push(("#type", "type"));
        self.values.push((":type".into(), text(kind)));
        self.values.push((":v".into(), number(VERSION)));
        self
    }

    pub(super) fn values(&self) -> HashMap<String, AttributeValue> {
        self.values.iter().cloned().collect()
    }

    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        let names: HashMap<_, _> = self
            .names
            .iter()
            .map(|(name, of)| ((*name).to_owned(), (*of).to_owned()))
            .collect();
        (!names.is_empty()).then_some(names)
    }
}

impl Transaction {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many writes it holds; DynamoDB takes 100.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn put_new(&mut self, table: &str, item: Item) -> Result<(), StoreError> {
        self.put_if(
            table,
            item,
            Some("attribute_not_exists(pk)"),
            HashMap::new(),
        )
    }

    pub(super) fn put_if(
        &mut self,
        table: &str,
        item: Item,
        condition: Option<&str>,
        values: HashMap<String, AttributeValue>,
    ) -> Result<(), StoreError> {
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(item))
            .set_condition_expression(condition.map(Into::into))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .build()
            .map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        self.items
            .push(TransactWriteItem::builder().put(put).build());
        Ok(())
    }

    /// That an item is as it must be, though it is not written.
    pub(super) fn check(
        &mut self,
        table: &str,
        key: Key,
        condition: &Condition,
    ) -> Result<(), StoreError> {
        let check = ConditionCheck::builder()
            .table_name(table)
            .set_key(Some(key.into_item()))
            .condition_expression(condition.text())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .build()
            .map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        self.items
            .push(TransactWriteItem::builder().condition_check(check).build());
        Ok(())
    }

    /// That an item is gone; if a condition is named, which may speak of `:token`, only if it holds.
    pub(super) fn delete(
        &mut self,
        table: &str,
        key: Key,
        condition: Option<(&str, Option<AttributeValue>)>,
    ) -> Result<(), StoreError> {
        let mut delete = Delete::builder()
            .table_name(table)
            .set_key(Some(key.into_item()));
        if let Some((text, token)) = condition {
            let values = token.map(|token| HashMap::from([(":token".into(), token)]));
            delete = delete
                .condition_expression(text)
                .set_expression_attribute_values(values);
        }
        let delete = delete
            .build()
            .map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        self.items
            .push(TransactWriteItem::builder().delete(delete).build());
        Ok(())
    }

    pub(super) fn update(
        &mut self,
        table: &str,
        key: Key,
        change: &Change,
    ) -> Result<(), StoreError> {
        let update = Update::builder()
            .table_name(table)
            .set_key(Some(key.into_item()))
            .update_expression(&change.update)
            .set_condition_expression(change.condition.clone())
            .set_expression_attribute_names(change.names())
            .set_expression_attribute_values(Some(change.values()))
            .build()
            .map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        self.items
            .push(TransactWriteItem::builder().update(update).build());
        Ok(())
    }
}

/// How a transaction ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Committed {
    /// All of it was written.
    Yes,
    /// Nothing was: the conditions of the writes at these places did not hold.
    Refused(Vec<usize>),
}

/// A conflict with another transaction is worth this many tries.
const TRIES: u32 = 6;

impl Store {
    /// Writes all of `transaction` or nothing. A conflict with another writer is tried again; a condition that
    /// does not hold is not.
    pub(super) async fn commit_if(
        &self,
        transaction: Transaction,
    ) -> Result<Committed, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let sent = self
                .client
                .transact_write_items()
                .set_transact_items(Some(transaction.items.clone()))
                .send()
                .await;
            let Err(error) = sent else {
                return Ok(Committed::Yes);
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            else {
                return Err(error.into());
            };
            let reasons = cancelled.cancellation_reasons();
            let failed: Vec<usize> = (0..)
                .zip(reasons)
                .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
                .map(|(place, _)| place)
                .collect();
            if !failed.is_empty() {
                return Ok(Committed::Refused(failed));
            }
            let is_refused = |it: &CancellationReason| it.code() == Some("ValidationError");
            if reasons.iter().any(is_refused) {
                return Err(StoreError::Refused(Box::new(error)));
            }
            if tries >= TRIES {
                return Err(StoreError::Throttled(Box::new(error)));
            }
            give_way(tries).await;
        }
    }

    /// Writes all of `transaction`, or fails with [`StoreError::Conflict`].
    pub async fn commit(&self, transaction: Transaction) -> Result<(), StoreError> {
        match self.commit_if(transaction).await? {
            Committed::Yes => Ok(()),
            Committed::Refused(_) => Err(StoreError::Conflict),
        }
    }

    /// Updates one item of `messages`. `false` if the condition did not hold. A transaction that holds the item is
    /// waited for.
    pub(super) async fn change_if(&self, key: Key, change: &Change) -> Result<bool, StoreError> {
        let changed = self.update(key, change, ReturnValue::None).await?;
        Ok(changed.is_some())
    }

    /// The same, and the item as it is afterwards. `None` if the condition did not hold.
    pub(super) async fn change_and_read(
        &self,
        key: Key,
        change: &Change,
    ) -> Result<Option<Item>, StoreError> {
        self.update(key, change, ReturnValue::AllNew).await
    }

    async fn update(
        &self,
        key: Key,
        change: &Change,
        wanted: ReturnValue,
    ) -> Result<Option<Item>, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.messages)
            .set_key(Some(key.into_item()))
            .update_expression(&change.update)
            .set_condition_expression(change.condition.clone())
            .set_expression_attribute_names(change.names())
            .set_expression_attribute_values(Some(change.values()))
            .return_values(wanted);
        match past_transactions(|| request.clone().send()).await {
            Ok(output) => Ok(Some(output.attributes.unwrap_or_default())),
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Sends a write of one item, and again while a transaction holds the item.
pub(super) async fn past_transactions<T, E, F>(send: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, SdkError<E>>>,
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match send().await {
            Ok(output) => return Ok(output),
            Err(error) => error,
        };
        if error.code() != Some(TRANSACTION_CONFLICT) || tries >= TRIES {
            return Err(error.into());
        }
        give_way(tries).await;
    }
}

/// Waits a little longer after each try, and not at all before the first.
pub(super) async fn give_way(tries: u32) {
    if tries == 0 {
        return;
    }
    tokio::time::sleep(Duration::from_millis(u64::from(5 * tries * tries))).await;
}
