//! How keys were used, from the counters that `tally` keeps.

use heliograph::domain::calls::CalledWith;
use heliograph::domain::identity::KeyAlias;
use heliograph::domain::tier::day_of;
use heliograph::service::dto::CallErrorDto;
use heliograph::store::{Account, KeyCalls, Store, StoreError};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use tokio::try_join;
use utoipa::ToSchema;

/// How a key was used. It trails what happens by a second or two, and goes on if the alias gets another key.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = KeyUsage)]
pub(crate) struct KeyUsageDto {
    /// Messages that the provider took.
    sent: u64,
    /// Calls that the provider refused, or of which nobody knows.
    failed: u64,
    /// Messages that it took today (UTC).
    sent_today: u64,
    /// Calls of today (UTC) that it refused, or of which nobody knows.
    failed_today: u64,
    /// When its newest call began.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<Timestamp>,
    /// What went wrong with it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<CallErrorDto>,
}

/// The usage of an account's keys, by alias. A key that was never called with is not among them.
pub(super) async fn of_keys(
    store: &Store,
    account: &Account,
    now: Timestamp,
) -> Result<BTreeMap<KeyAlias, KeyUsageDto>, StoreError> {
    let of = (account.provider, Some(&account.id));
    let (keys, today) = try_join!(
        store.keys_called(&account.tenant, of),
        store.calls_of(&account.tenant, of, day_of(now)),
    )?;
    let mut usage: BTreeMap<KeyAlias, KeyUsageDto> = BTreeMap::new();
    for (with, KeyCalls { counts, last }) in keys {
        if let Some(alias) = alias_of(&with) {
            let shown = usage.entry(alias).or_default();
            shown.sent = counts.accepted;
            shown.failed = counts.all_refused() + counts.ambiguous;
            shown.last_used = last.as_ref().map(|last| last.last_used);
            shown.last_error = last.and_then(|last| last.last_error).map(Into::into);
        }
    }
    for (with, _, counts) in today {
        if let Some(alias) = alias_of(&with) {
            let shown = usage.entry(alias).or_default();
            shown.sent_today += counts.accepted;
            shown.failed_today += counts.all_refused() + counts.ambiguous;
        }
    }
    Ok(usage)
}

fn alias_of(with: &CalledWith) -> Option<KeyAlias> {
    with.key.as_ref()?.parse().ok()
}
