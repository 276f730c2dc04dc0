//! A business portfolio's messaging limit, as Meta tells it when it changes.
//!
//! Idempotency key: the time Meta told it; what was told before the last that is known changes nothing.

use super::Applied;
use crate::domain::identity::TenantId;
use crate::domain::webhook::PortfolioLimit;
use crate::store::{EventState, Store, StoreError};
use jiff::Timestamp;

/// Notes the limit for the portfolio that owns a WABA, if its account says which.
pub(super) async fn apply(
    store: &Store,
    tenant: &TenantId,
    waba: &str,
    limit: PortfolioLimit,
    told_at: Timestamp,
) -> Result<Applied, StoreError> {
    let account = match waba.parse() {
        Ok(waba) => store.account_of_waba(tenant, &waba).await?,
        Err(_) => None,
    };
    let account = match account {
        Some(id) => store.account(tenant, &id).await?,
        None => None,
    };
    let Some(portfolio) = account.and_then(|account| account.portfolio) else {
        return Ok(Applied::kept());
    };
    store
        .tell_portfolio(tenant, &portfolio, limit.people(), told_at)
        .await?;
    Ok(Applied {
        state: EventState::Applied,
        reason: None,
        message: None,
    })
}
