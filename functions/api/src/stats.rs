//! `GET /v1/stats`: messages by day and sender, from the counters that `tally` keeps, and webhook events that were only
//! kept, by day and kind.

use crate::period::Period;
use axum::Json;
use axum::extract::State;
use futures_util::{StreamExt, TryStreamExt, stream};
use heliograph::domain::identity::TenantId;
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::{CountsDto, number_of};
use heliograph::service::http::Parameters;
use heliograph::service::openapi::ListProblems;
use heliograph::service::problem::Problem;
use heliograph::store::{EventState, RECEIVED_COUNTER, Store, StoreError, day_counters};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Days read at once.
const DAYS_AT_ONCE: usize = 8;

/// Messages of a period, each counted on the day it was written down, in the state it is in now.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Stats)]
pub(crate) struct StatsDto {
    /// The first day.
    from: Date,
    /// The last day.
    to: Date,
    /// All days and senders together.
    totals: NumbersDto,
    /// Each day with messages and each sender that had any, in order.
    days: Vec<DayDto>,
    /// Webhook events that were kept and changed nothing, by the day they came and their kind, in order.
    kept_events: Vec<KeptEventsDto>,
}

/// The webhook events of one day (UTC) and one kind that were kept and changed nothing, each counted once, as it was
/// when it came.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = StatsKeptEvents)]
pub(crate) struct KeptEventsDto {
    /// The day.
    date: Date,
    /// What they were, by Meta's names.
    #[schema(example = "account_update/ACCOUNT_DELETED")]
    kind: String,
    /// Of a kind that is only kept.
    kept: u64,
    /// About a WABA or a number that is not the tenant's.
    unknown_account: u64,
    /// Not of the shape of their kind.
    malformed: u64,
}

/// A sender's messages of one day (UTC).
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = StatsDay)]
pub(crate) struct DayDto {
    /// The day.
    date: Date,
    /// The sender: Meta's phone number id.
    #[schema(example = "100000000000001")]
    sender_id: String,
    #[serde(flatten)]
    numbers: NumbersDto,
}

/// Messages by direction and state.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, ToSchema)]
#[schema(as = StatsNumbers)]
pub(crate) struct NumbersDto {
    /// Messages from people.
    inbound: u64,
    /// Messages to people, by state.
    outbound: CountsDto,
    /// Of the messages handed to the provider, the share that reached a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1, example = 0.97)]
    delivery_rate: Option<f64>,
    /// Of the messages that reached a device, the share known to have been read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1, example = 0.61)]
    read_rate: Option<f64>,
}

impl NumbersDto {
    fn of(inbound: u64, outbound: CountsDto) -> Self {
        let reached = outbound.delivered + outbound.read;
        let unsent = outbound.queued + outbound.sending + outbound.cancelled + outbound.expired;
        Self {
            inbound,
            outbound,
            delivery_rate: share(reached, outbound.total.saturating_sub(unsent)),
            read_rate: share(outbound.read, reached),
        }
    }

    fn counted(numbers: &BTreeMap<String, i64>) -> Self {
        let inbound = number_of(numbers, RECEIVED_COUNTER);
        Self::of(inbound, CountsDto::counted(numbers, "outbound_"))
    }

    fn plus(self, other: &Self) -> Self {
        Self::of(
            self.inbound + other.inbound,
            self.outbound.plus(&other.outbound),
        )
    }
}

/// To four places, which is finer than any of these is exact.
#[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e4).round() / 1e4)
}

/// Counts a tenant's messages by day and sender, and the webhook events that were only kept. Trails what happens by a
/// second or two.
#[utoipa::path(
    get,
    operation_id = "get_stats",
    path = "/v1/stats",
    tag = "Stats",
    params(
        ("from" = Option<Date>, Query, description = "The first day, in UTC; six days before the last unless told", example = "2026-11-14"),
        ("to" = Option<Date>, Query, description = "The last day, in UTC; today unless told; at most 92 days in all", example = "2026-11-20"),
    ),
    responses((status = 200, description = "The counts", body = StatsDto), ListProblems)
)]
pub(crate) async fn stats(
    caller: Caller,
    State(store): State<Store>,
    mut parameters: Parameters,
) -> Result<Json<StatsDto>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let today = clock::now().to_zoned(TimeZone::UTC).date();
    let period = Period::read(&mut parameters, today);
    parameters.finish()?;
    let read = period.days().map(|day| read_day(&store, &tenant, day));
    let read: Vec<(Vec<DayDto>, Vec<KeptEventsDto>)> = stream::iter(read)
        .buffered(DAYS_AT_ONCE)
        .try_collect()
        .await?;
    let (days, kept): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    let days: Vec<DayDto> = days.into_iter().flatten().collect();
    let totals = days
        .iter()
        .fold(NumbersDto::default(), |sum, day| sum.plus(&day.numbers));
    Ok(Json(StatsDto {
        from: period.from,
        to: period.to,
        totals,
        days,
        kept_events: kept.into_iter().flatten().collect(),
    }))
}

async fn read_day(
    store: &Store,
    tenant: &TenantId,
    date: Date,
) -> Result<(Vec<DayDto>, Vec<KeptEventsDto>), StoreError> {
    let day = day_counters(date);
    let (parts, kinds) =
        futures_util::try_join!(store.parts(tenant, &day), store.kept_events(tenant, date))?;
    let shown = parts.into_iter().map(|(sender_id, numbers)| DayDto {
        date,
        sender_id,
        numbers: NumbersDto::counted(&numbers),
    });
    let kept = kinds.into_iter().map(|(kind, numbers)| KeptEventsDto {
        date,
        kind,
        kept: number_of(&numbers, EventState::Kept.as_str()),
        unknown_account: number_of(&numbers, EventState::UnknownAccount.as_str()),
        malformed: number_of(&numbers, EventState::Malformed.as_str()),
    });
    Ok((shown.collect(), kept.collect()))
}
