//! Writes of one item that ask for nothing else.

use super::item::{Item, Key};
use super::{Store, StoreError};

impl Store {
    /// Writes an item unless one of its key is there.
    pub(super) async fn put_if_absent(&self, item: Item) -> Result<(), StoreError> {
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

    pub(super) async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.messages)
            .set_item(Some(item))
            .send()
            .await?;
        Ok(())
    }
}
