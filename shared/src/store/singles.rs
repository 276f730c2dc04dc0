//! The slots of a sender's single messages: one hot item, written once for each message.

use super::item::{Key, number, text};
use super::pace::Pace;
use super::transaction::Change;
use super::{Store, StoreError, keys};
use crate::domain::identity::{PhoneNumberId, TenantId};
use aws_sdk_dynamodb::types::ReturnValue;
use jiff::{SignedDuration, Timestamp};

/// Others take slots at the same time; whoever finds the row in another state than it was told looks again.
const TRIES: usize = 8;

/// Where a sender's row of single messages is said to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// The next slot is now.
    Free,
    /// Messages wait already: the next slot is after theirs.
    Waiting,
}

impl Row {
    const fn other(self) -> Self {
        match self {
            Self::Free => Self::Waiting,
            Self::Waiting => Self::Free,
        }
    }
}

impl Store {
    /// A sender's pace, and the next slot of its single messages if it is later than `now`: one request for both.
    pub async fn pace_and_row(
        &self,
        tenant: &TenantId,
        sender: &PhoneNumberId,
        now: Timestamp,
    ) -> Result<(Pace, Option<Timestamp>), StoreError> {
        let output = self
            .client
            .query()
            .table_name(&self.messages)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :pace AND :singles")
            .expression_attribute_values(":pk", text(keys::sender(tenant, sender)))
            .expression_attribute_values(":pace", text(keys::PACE))
            .expression_attribute_values(":singles", text(keys::SINGLES))
            .send()
            .await?;
        let (mut pace, mut ahead) = (Pace::default(), None);
        for item in output.items.unwrap_or_default() {
            match item.get("sk").and_then(|sk| sk.as_s().ok()) {
                Some(sk) if sk == keys::PACE => pace = super::item::body(item)?,
                Some(sk) if sk == keys::SINGLES => {
                    ahead = next_slot(&item).filter(|next| now < *next);
                }
                Some(_) | None => {}
            }
        }
        Ok((pace, ahead))
    }

    /// Takes the next free slot of a sender's single messages, `interval` apart: the time at which one may go. One
    /// write if the row stands as it is `said` to.
    pub async fn single_slot(
        &self,
        tenant: &TenantId,
        sender: &PhoneNumberId,
        interval: SignedDuration,
        said: Row,
        now: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let key = Key::new(keys::sender(tenant, sender), keys::SINGLES);
        let step = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX);
        let mut row = said;
        for _ in 0..TRIES {
            let taken = match row {
                Row::Free => self.take_now(key.clone(), step, now).await?,
                Row::Waiting => self.take_next(key.clone(), step, now).await?,
            };
            if let Some(slot) = taken {
                return Ok(slot);
            }
            row = row.other();
        }
        Err(StoreError::Conflict)
    }

    /// The slot that is now, if no message has one later than that.
    async fn take_now(
        &self,
        key: Key,
        step: i64,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let micros = now.as_microsecond();
        let change = Change {
            update: "SET next_slot = :next".into(),
            condition: Some("attribute_not_exists(pk) OR next_slot <= :now".into()),
            names: vec![],
            values: vec![
                (":next".into(), number(micros.saturating_add(step))),
                (":now".into(), number(micros)),
            ],
        }
        .making("singles");
        Ok(self.change_if(key, &change).await?.then_some(now))
    }

    /// The slot after those that messages have already, if there are any later than now.
    async fn take_next(
        &self,
        key: Key,
        step: i64,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let written = self
            .client
            .update_item()
            .table_name(&self.messages)
            .set_key(Some(key.into_item()))
            .update_expression("SET next_slot = next_slot + :step")
            .condition_expression("next_slot > :now")
            .expression_attribute_values(":step", number(step))
            .expression_attribute_values(":now", number(now.as_microsecond()))
            .return_values(ReturnValue::UpdatedOld)
            .send()
            .await;
        let before = match written.map_err(StoreError::from) {
            Ok(output) => output.attributes.unwrap_or_default(),
            Err(StoreError::Conflict) => return Ok(None),
            Err(error) => return Err(error),
        };
        let slot = next_slot(&before).ok_or_else(|| StoreError::corrupt("a sender's slots"))?;
        Ok(Some(slot))
    }
}

fn next_slot(singles: &super::item::Item) -> Option<Timestamp> {
    let micros = singles.get("next_slot")?.as_n().ok()?.parse().ok()?;
    Timestamp::from_microsecond(micros).ok()
}
