//! Bulk slots of a sender that a job of another one's uses: both are on the job's route.

use super::item::{number, text};
use super::pace::{due_key, pace_key, still};
use super::transaction::Change;
use super::{Pace, Store, StoreError, keys};
use crate::domain::identity::{SenderId, TenantId};
use crate::domain::pace::{Speed, Taken};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};

/// A sender whose slots were borrowed has bulk's share given back after this long without another borrowing.
const BORROWED_FOR: SignedDuration = SignedDuration::from_secs(60);

impl Store {
    /// Takes bulk slots of a sender for a job that another one dispatches, if nobody else took any since `pace` was read
    /// and it is not paused. Bulk gets its share by that; once nobody borrows any more, the sweeper sees to it that
    /// it gives it back. Its speed is kept, unless jobs of its own tell it.
    pub async fn borrow_bulk(
        &self,
        (tenant, sender): (&TenantId, &SenderId),
        pace: &Pace,
        (taken, speed): (&Taken, Speed),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let epoch = pace.epoch + u64::from(!pace.shared);
        let is_idle = pace.jobs.is_empty();
        let due = if is_idle {
            ", #speed = :speed, due_key = :due_key, due_sort = :due"
        } else {
            ""
        };
        let mut change = Change {
            update: format!("SET row_bulk = :row, #shared = :shared, epoch = :epoch{due}"),
            condition: Some(
                "(attribute_not_exists(epoch) OR epoch = :known) AND attribute_not_exists(#paused)"
                    .into(),
            ),
            names: vec![("#paused", "paused"), ("#shared", "shared")],
            values: vec![
                (":row".into(), serde_dynamo::to_attribute_value(taken.row)?),
                (":shared".into(), AttributeValue::Bool(true)),
                (":epoch".into(), number(epoch)),
                (":known".into(), number(pace.epoch)),
            ],
        }
        .making("pace");
        if is_idle {
            let again = now.saturating_add(BORROWED_FOR).unwrap_or(now);
            let due = keys::due_sort(again, sender.as_str());
            let due_key = (":due_key".into(), text(due_key(sender)));
            change.values.extend([due_key, (":due".into(), text(due))]);
            change.names.push(("#speed", "speed"));
            let speed = serde_dynamo::to_attribute_value(speed)?;
            change.values.push((":speed".into(), speed));
        }
        still(&mut change, "row_bulk", &pace.row_bulk)?;
        if !pace.shared {
            // The share that bulk gets begins where the slots taken from it end.
            still(&mut change, "row_single", &pace.row_single)?;
        }
        self.change_if(pace_key(tenant, sender), &change).await
    }
}
