//! Calls to providers, counted by key and hour, and how each key was last used. Counted by `tally` with all else.
//!
//! Each hour of each key has an item of its own, in one partition a day, so that a day of one provider, or of one of its
//! accounts, is one Query. An hour knows nothing of its key that changes after it; that stands in an item of the key's.

use super::counters::numbers_of;
use super::item::{body, number};
use super::transaction::Change;
use super::{Store, StoreError};
use crate::domain::calls::{CallCounts, CallError, CalledWith};
use crate::domain::id::AccountId;
use crate::domain::identity::TenantId;
use crate::domain::provider::Provider;
use crate::domain::tier::end_of;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::Date;
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long an hour is kept after its day: a year, and a month beyond that.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

/// What a tenant's keys are counted under, for ever.
pub const KEY_COUNTERS: &str = "calls";

/// What a day's hours of all keys are counted under.
#[must_use]
pub fn hour_counters(day: Date) -> String {
    format!("{KEY_COUNTERS}:{day}")
}

/// How a key was last used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallUse {
    /// When its newest call began, of those that have ended.
    #[serde(with = "millisecond::required")]
    pub last_used: Timestamp,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<CallError>,
}

impl CallUse {
    /// Takes in what is known of another call.
    pub fn merge(&mut self, other: Self) {
        self.last_used = self.last_used.max(other.last_used);
        let at = |error: &Option<CallError>| error.as_ref().map(|error| error.at);
        if at(&self.last_error) < at(&other.last_error) {
            self.last_error = other.last_error;
        }
    }
}

/// How keys were used, by tenant and name.
pub type CallUses = BTreeMap<(TenantId, String), CallUse>;

/// What has become of a key's calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyCalls {
    /// All of them.
    pub counts: CallCounts,
    /// How it was last used, if it was.
    pub last: Option<CallUse>,
}

/// What is set in a counter item beside its numbers.
#[derive(Debug, Default)]
pub(super) struct Beside {
    values: Vec<(&'static str, AttributeValue)>,
}

impl Beside {
    /// Of this counter item. What was used last is what this batch tells: another shard's may be a second older and come
    /// later, which costs no count.
    pub(super) fn of(
        (tenant, of, part): (&TenantId, &str, &str),
        uses: &CallUses,
    ) -> Result<Self, StoreError> {
        let mut values = Vec::new();
        if let Some(day) = of.strip_prefix(KEY_COUNTERS).and_then(day_of_hours) {
            let expires = end_of(day).saturating_add(KEPT_FOR);
            let expires = expires.unwrap_or(Timestamp::MAX).as_second();
            values.push(("expires", number(expires)));
        }
        let last = (of == KEY_COUNTERS).then(|| uses.get(&(tenant.clone(), part.to_owned())));
        if let Some(last) = last.flatten() {
            values.push(("last_used", number(last.last_used.as_millisecond())));
            if let Some(error) = &last.last_error {
                values.push(("last_error", serde_dynamo::to_attribute_value(error)?));
            }
        }
        Ok(Self { values })
    }

    /// A change of the item that sets it, too.
    pub(super) fn with(self, mut change: Change) -> Change {
        if self.values.is_empty() {
            return change;
        }
        let sets: Vec<String> = self
            .values
            .iter()
            .map(|(name, _)| format!("{name} = :{name}"))
            .collect();
        change.update = format!("SET {} {}", sets.join(", "), change.update);
        let values = self.values.into_iter();
        change
            .values
            .extend(values.map(|(name, value)| (format!(":{name}"), value)));
        change
    }
}

fn day_of_hours(of: &str) -> Option<Date> {
    of.strip_prefix(':')?.parse().ok()
}

impl Store {
    /// What was called on a day (UTC) by a provider's keys, or those of one account, by hour.
    pub async fn calls_of(
        &self,
        tenant: &TenantId,
        (provider, account): (Provider, Option<&AccountId>),
        day: Date,
    ) -> Result<Vec<(CalledWith, i8, CallCounts)>, StoreError> {
        let prefix = CalledWith::prefix(provider, account);
        let items = self.counted(tenant, &hour_counters(day), prefix).await?;
        let hours = items.into_iter().filter_map(|(name, item)| {
            let (with, hour) = CalledWith::named_at(&name)?;
            Some((with, hour, CallCounts::counted(&numbers_of(item))))
        });
        Ok(hours.collect())
    }

    /// What has become of a provider's keys, or of those of one account, since they are there.
    pub async fn keys_called(
        &self,
        tenant: &TenantId,
        (provider, account): (Provider, Option<&AccountId>),
    ) -> Result<BTreeMap<CalledWith, KeyCalls>, StoreError> {
        let prefix = CalledWith::prefix(provider, account);
        let items = self.counted(tenant, KEY_COUNTERS, prefix).await?;
        let keys = items.into_iter().filter_map(|(name, item)| {
            let with = CalledWith::named(&name)?;
            let last = item.contains_key("last_used").then(|| body(item.clone()));
            let counts = CallCounts::counted(&numbers_of(item));
            Some(
                last.transpose()
                    .map(|last| (with, KeyCalls { counts, last })),
            )
        });
        keys.collect()
    }
}
