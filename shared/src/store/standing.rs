//! Whether a sender may send: what its workers learn from the provider, at most once a second, and what a person undoes.

use super::item::{number, text};
use super::pace::{due_key, pace_key};
use super::transaction::{Change, Committed, Transaction};
use super::{Sender, Store, StoreError, keys};
use crate::domain::audit::AuditEntry;
use crate::domain::identity::{SenderId, TenantId};
use crate::domain::pace::{Pause, Row, SHORT_REST, Slowed};
use jiff::Timestamp;

impl Store {
    /// Slows a sender down, unless somebody did so within the last second.
    pub async fn slow_down(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let known = self.pace(tenant, sender).await?.slowed;
        let Some(slowed) = Slowed::again(known.as_ref(), now) else {
            return Ok(());
        };
        let mut change = Change {
            update: "SET #slowed = :slowed".into(),
            condition: Some("attribute_not_exists(#slowed)".into()),
            names: vec![("#slowed", "slowed")],
            values: vec![(":slowed".into(), serde_dynamo::to_attribute_value(slowed)?)],
        }
        .making("pace");
        if let Some(known) = known {
            change.condition = Some("#slowed = :known".into());
            let known = serde_dynamo::to_attribute_value(known)?;
            change.values.push((":known".into(), known));
        }
        // Who loses was just as fast: once is enough.
        self.change_if(pace_key(tenant, sender), &change).await?;
        Ok(())
    }

    /// Adds to a transaction that a sender has another rate, or shares it otherwise, from now on: its era is a new one. Slots that were given away
    /// before are not used, and none begins before the last of them could have been.
    pub(super) async fn begin_era(
        &self,
        transaction: &mut Transaction,
        sender: &Sender,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let pace = self.pace(&sender.tenant, &sender.id).await?;
        let rest = pace.rest_between_rates(now);
        let until = now.saturating_add(rest).unwrap_or(now);
        let row = Row::resting_until(until);
        // While no job runs, single messages wait a second behind bulk.
        let behind = Row::resting_until(until.saturating_sub(SHORT_REST).unwrap_or(until));
        let change = Change {
            // Whoever is about to take slots has read another `epoch`, or another `rev`.
            update: "SET row_bulk = :bulk, row_single = :row, row_otp = :row, era = :era ADD epoch :one, rev :one"
                .into(),
            condition: None,
            names: vec![],
            values: vec![
                (":row".into(), serde_dynamo::to_attribute_value(row)?),
                (":bulk".into(), serde_dynamo::to_attribute_value(behind)?),
                (":era".into(), number(sender.era)),
                (":one".into(), number(1)),
            ],
        }
        .making("pace");
        let key = pace_key(&sender.tenant, &sender.id);
        transaction.update(&self.messages, key, &change)
    }

    /// Pauses a sender. Nothing happens to one that is paused, or was resumed after what `pause` tells of.
    pub async fn pause_sender(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
        pause: &Pause,
    ) -> Result<bool, StoreError> {
        let change = Change {
            update: "SET #paused = :pause".into(),
            condition: Some(
                "attribute_not_exists(#paused) \
                 AND (attribute_not_exists(resumed_at) OR resumed_at < :since)"
                    .into(),
            ),
            names: vec![("#paused", "paused")],
            values: vec![
                (":pause".into(), serde_dynamo::to_attribute_value(pause)?),
                (":since".into(), number(pause.since.as_millisecond())),
            ],
        }
        .making("pace");
        self.change_if(pace_key(tenant, sender), &change).await
    }

    /// Pauses a sender because of its account, whatever had paused it before: that pauses it again if it is still there.
    pub async fn pause_with_account(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
        pause: &Pause,
    ) -> Result<(), StoreError> {
        let change = Change {
            update: "SET #paused = :pause".into(),
            condition: None,
            names: vec![("#paused", "paused")],
            values: vec![(":pause".into(), serde_dynamo::to_attribute_value(pause)?)],
        }
        .making("pace");
        self.change_if(pace_key(tenant, sender), &change).await?;
        Ok(())
    }

    /// Lets a paused sender send again; the sweeper sees to it that its jobs go on. `false` if it was not paused. With
    /// an entry for the trail, where nothing else tells of it.
    pub async fn resume_sender(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
        entry: Option<&AuditEntry>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let change = Change {
            // A tick that saw it paused must not put it to rest any more: what it read was another `rev`.
            update: "SET resumed_at = :now, due_key = :due_key, due_sort = :due REMOVE #paused ADD rev :one"
                .into(),
            condition: Some("attribute_exists(#paused)".into()),
            names: vec![("#paused", "paused")],
            values: vec![
                (":one".into(), number(1)),
                (":now".into(), number(now.as_millisecond())),
                (":due_key".into(), text(due_key(sender))),
                (":due".into(), text(keys::due_sort(now, sender.as_str()))),
            ],
        };
        let key = pace_key(tenant, sender);
        let Some(entry) = entry else {
            return self.change_if(key, &change).await;
        };
        let mut transaction = Transaction::new();
        transaction.update(&self.messages, key, &change)?;
        self.note_audit(&mut transaction, entry)?;
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }
}
