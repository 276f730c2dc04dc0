//! `GET /v1/providers/{id}/stats`: how a provider's calls ended and how long they took, by hour, day and key, from the
//! counters that `tally` keeps.

use crate::period::Period;
use axum::Json;
use axum::extract::{Path, State};
use futures_util::{StreamExt, TryStreamExt, stream, try_join};
use heliograph::domain::calls::{CallCounts, CalledWith};
use heliograph::domain::id::AccountId;
use heliograph::domain::provider::Provider;
use heliograph::domain::role::Right;
use heliograph::domain::tier::day_of;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::CallErrorDto;
use heliograph::service::http::Parameters;
use heliograph::service::openapi::{IdProblems, ListProblems};
use heliograph::service::problem::Problem;
use heliograph::store::{CallUse, KeyCalls, Store, StoreError};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The longest period, in days: each hour is told.
const MOST_DAYS: i32 = 31;

/// Days read at once.
const DAYS_AT_ONCE: usize = 8;

/// The calls of a period through a provider: each counts in the hour (UTC) in which it began, once it has ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProviderStats)]
pub(crate) struct ProviderStatsDto {
    /// The provider.
    provider: Provider,
    /// The first day.
    from: Date,
    /// The last day.
    to: Date,
    /// All of them together.
    totals: CallsDto,
    /// Each day with calls, in order.
    days: Vec<DayDto>,
    /// Each hour with calls, in order.
    hours: Vec<HourDto>,
    /// Each key that was ever called with, in order; the counts are those of the period.
    keys: Vec<KeyDto>,
}

/// How calls ended, and how long they took.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProviderCalls)]
pub(crate) struct CallsDto {
    /// All of them.
    calls: u64,
    /// The provider took the message.
    accepted: u64,
    /// It did not, or there was no key to call with.
    refused: u64,
    /// The same by the class of the reason.
    #[schema(value_type = std::collections::HashMap<String, u64>, example = json!({"recipient": 2}))]
    refused_by_class: BTreeMap<&'static str, u64>,
    /// Nobody knows whether it took the message.
    ambiguous: u64,
    /// Of all of them, the share that was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1, example = 0.98)]
    success_share: Option<f64>,
    /// How long they took, at most 12 % off.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<LatencyDto>,
}

/// How long calls took, in milliseconds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProviderLatency)]
pub(crate) struct LatencyDto {
    /// Half of them took no longer.
    p50: u32,
    /// 95 of 100 took no longer.
    p95: u32,
    /// 99 of 100 took no longer.
    p99: u32,
}

/// The calls of one day (UTC).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProviderDay)]
pub(crate) struct DayDto {
    /// The day.
    date: Date,
    #[serde(flatten)]
    calls: CallsDto,
}

/// The calls of one hour.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProviderHour)]
pub(crate) struct HourDto {
    /// When it began.
    hour: Timestamp,
    #[serde(flatten)]
    calls: CallsDto,
}

/// The calls with one key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProviderKeyCalls)]
pub(crate) struct KeyDto {
    /// The account that it is of.
    #[schema(value_type = String, example = "acct_demo")]
    account_id: AccountId,
    /// Its alias; absent for what was refused because there was no key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "main")]
    key: Option<String>,
    /// When its newest call began, be it in the period or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<Timestamp>,
    /// What went wrong with it last, be it in the period or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<CallErrorDto>,
    #[serde(flatten)]
    calls: CallsDto,
}

impl From<&CallCounts> for CallsDto {
    fn from(counts: &CallCounts) -> Self {
        let within = |per_mille| counts.latencies.within(per_mille);
        let latency = || {
            Some(LatencyDto {
                p50: within(500)?,
                p95: within(950)?,
                p99: within(990)?,
            })
        };
        Self {
            calls: counts.all(),
            accepted: counts.accepted,
            refused: counts.all_refused(),
            refused_by_class: counts.refused.clone(),
            ambiguous: counts.ambiguous,
            success_share: share(counts.accepted, counts.all()),
            latency_ms: latency(),
        }
    }
}

/// To four places.
#[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e4).round() / 1e4)
}

/// Counts a tenant's calls through a provider, by hour, day and key. Trails what happens by a second or two; what is
/// learnt later of a call moves it.
#[utoipa::path(
    get,
    operation_id = "get_provider_stats",
    path = "/v1/providers/{id}/stats",
    tag = "Stats",
    params(
        ("id" = String, Path, description = "The provider: `meta`, or another that `GET /v1/providers` lists", example = "mock"),
        ("from" = Option<Date>, Query, description = "The first day, in UTC; six days before the last unless told", example = "2026-11-14"),
        ("to" = Option<Date>, Query, description = "The last day, in UTC; today unless told; at most 31 days in all", example = "2026-11-20"),
        ("account_id" = Option<String>, Query, description = "Only calls with keys of this account", example = "acct_demo-mock", pattern = "^acct_"),
    ),
    responses((status = 200, description = "The counts", body = ProviderStatsDto), ListProblems, IdProblems)
)]
pub(crate) async fn stats(
    caller: Caller,
    State(store): State<Store>,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<ProviderStatsDto>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let period = Period::within(MOST_DAYS, &mut parameters, day_of(clock::now()));
    let account: Option<AccountId> = parameters.parsed("account_id");
    parameters.finish()?;
    let provider = Provider::named(&id).ok_or_else(Problem::not_found)?;
    let of = (provider, account.as_ref());
    let read = period.days().map(async |day| {
        let calls = store.calls_of(&tenant, of, day).await?;
        Ok::<_, StoreError>((day, calls))
    });
    let days = stream::iter(read).buffered(DAYS_AT_ONCE);
    let (days, keys) = try_join!(days.try_collect(), store.keys_called(&tenant, of))?;
    Ok(Json(Summed::of(days, keys).shown(provider, period)))
}

/// The calls of an hour with a key.
type Hour = (CalledWith, i8, CallCounts);

/// What was counted, by all that it is told apart by.
#[derive(Default)]
struct Summed {
    totals: CallCounts,
    days: BTreeMap<Date, CallCounts>,
    hours: BTreeMap<(Date, i8), CallCounts>,
    keys: BTreeMap<CalledWith, (CallCounts, Option<CallUse>)>,
}

impl Summed {
    fn of(days: Vec<(Date, Vec<Hour>)>, keys: BTreeMap<CalledWith, KeyCalls>) -> Self {
        let known = keys.into_iter();
        let mut summed = Self {
            keys: known
                .map(|(with, key)| (with, (CallCounts::default(), key.last)))
                .collect(),
            ..Self::default()
        };
        for (day, calls) in days {
            for (with, hour, counts) in calls {
                summed.totals.merge(&counts);
                summed.days.entry(day).or_default().merge(&counts);
                summed.hours.entry((day, hour)).or_default().merge(&counts);
                summed.keys.entry(with).or_default().0.merge(&counts);
            }
        }
        summed
    }

    fn shown(self, provider: Provider, period: Period) -> ProviderStatsDto {
        let days = self.days.iter().map(|(date, counts)| DayDto {
            date: *date,
            calls: counts.into(),
        });
        let hours = self.hours.iter().filter_map(|((day, hour), counts)| {
            let began = day.at(*hour, 0, 0, 0).to_zoned(TimeZone::UTC).ok()?;
            Some(HourDto {
                hour: began.timestamp(),
                calls: counts.into(),
            })
        });
        let keys = self.keys.into_iter().map(|(with, (counts, last))| KeyDto {
            account_id: with.account,
            key: with.key,
            last_used: last.as_ref().map(|last| last.last_used),
            last_error: last.and_then(|last| last.last_error).map(Into::into),
            calls: (&counts).into(),
        });
        ProviderStatsDto {
            provider,
            from: period.from,
            to: period.to,
            totals: (&self.totals).into(),
            days: days.collect(),
            hours: hours.collect(),
            keys: keys.collect(),
        }
    }
}
