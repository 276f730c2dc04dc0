//! What a tenant's tier allows, and how much of it is used now: a part of `GET /v1/usage`.

use heliograph::domain::identity::TenantId;
use heliograph::domain::tier::day_of;
use heliograph::store::{Store, StoreError, Tenant};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// What the tenant's tier allows, and how much of it is used; what is absent is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UsageLimits)]
pub(crate) struct LimitsDto {
    /// Requests of this minute (UTC), of all the tenant's callers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_per_minute: Option<LimitDto>,
    /// Messages that go out today (UTC): taken in to go now, scheduled for today, or handed out by bulk jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_per_day: Option<LimitDto>,
    /// Senders.
    #[serde(skip_serializing_if = "Option::is_none")]
    senders: Option<LimitDto>,
}

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UsageLimit)]
pub(crate) struct LimitDto {
    /// How much there may be.
    limit: u64,
    /// How much there is.
    used: u64,
}

impl LimitsDto {
    pub(crate) async fn read(
        store: &Store,
        tenant: &Tenant,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let requests_per_minute = match tenant.limits.requests_per_minute {
            Some(limit) => {
                let used = store.requests(&tenant.id, limit, now).await?;
                Some(LimitDto { limit, used })
            }
            None => None,
        };
        let messages_per_day = match tenant.limits.messages_per_day {
            Some(limit) => Some(of_day(store, &tenant.id, limit, now).await?),
            None => None,
        };
        let senders = tenant.limits.senders.map(|limit| LimitDto {
            limit,
            used: u64::try_from(tenant.sender_count).unwrap_or(0),
        });
        Ok(Self {
            requests_per_minute,
            messages_per_day,
            senders,
        })
    }
}

async fn of_day(
    store: &Store,
    tenant: &TenantId,
    limit: u64,
    now: Timestamp,
) -> Result<LimitDto, StoreError> {
    let room = store.day_taken(tenant, day_of(now), limit).await?;
    let used = room.used();
    Ok(LimitDto { limit, used })
}
