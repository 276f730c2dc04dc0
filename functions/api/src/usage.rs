//! `GET /v1/usage`: how many messages went out and came in, by day, account, sender and price category, from the
//! counters that `tally` keeps.

use crate::limits::LimitsDto;
use crate::period::Period;
use axum::Json;
use axum::extract::State;
use futures_util::{StreamExt, TryStreamExt, stream};
use heliograph::domain::fault::FaultCode;
use heliograph::domain::identity::TenantId;
use heliograph::domain::role::Right;
use heliograph::domain::tier::day_of;
use heliograph::domain::usage::{Category, Charge, Use};
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::Parameters;
use heliograph::service::openapi::ListProblems;
use heliograph::service::problem::Problem;
use heliograph::store::{Store, StoreError, day_counters};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Days read at once.
const DAYS_AT_ONCE: usize = 8;

/// Rows in one answer: some 200 bytes each, where Lambda takes 6 MB.
const MOST_ROWS: usize = 20_000;

/// What rows may be told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UsageBy)]
pub(crate) enum By {
    /// The UTC day.
    Day,
    /// The account.
    Account,
    /// The sender.
    Sender,
    /// The price category.
    Category,
}

impl By {
    const USUAL: [Self; 3] = [Self::Day, Self::Sender, Self::Category];

    fn named(name: &str) -> Option<Self> {
        match name {
            "day" => Some(Self::Day),
            "account" => Some(Self::Account),
            "sender" => Some(Self::Sender),
            "category" => Some(Self::Category),
            _ => None,
        }
    }
}

/// The messages of a period that were used: each counts once, on the day (UTC) it was written down.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Usage)]
pub(crate) struct UsageDto {
    /// The first day.
    from: Date,
    /// The last day.
    to: Date,
    /// What the rows are told apart by.
    by: BTreeSet<By>,
    /// All rows together.
    totals: UsedDto,
    /// What was used, in order. A row has the fields that `by` names, and no other of these.
    rows: Vec<RowDto>,
    /// What people call the tenant's subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<String>,
    /// What it allows, and how much of that is used, whatever the period.
    limits: LimitsDto,
}

/// How many messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Used)]
pub(crate) struct UsedDto {
    /// Both ways.
    messages: u64,
    /// From people.
    inbound: u64,
    /// To people: those the provider took, also if they failed later.
    outbound: u64,
    /// Of these, those the provider said that it charges for, and that have not failed.
    billable: u64,
}

/// Messages of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UsageRow)]
pub(crate) struct RowDto {
    #[serde(flatten)]
    of: Kind,
    #[serde(flatten)]
    used: UsedDto,
}

/// What the messages of a row have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(as = UsageKind)]
pub(crate) struct Kind {
    /// The day.
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<Date>,
    /// The account's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "acct_demo")]
    account: Option<String>,
    /// The sender: Meta's phone number id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "100000000000001")]
    sender: Option<String>,
    /// Meta's word for what it charges, such as `marketing`; `unknown` until a status told it, `inbound` for what came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "marketing")]
    category: Option<String>,
}

impl Kind {
    fn of(by: &BTreeSet<By>, day: Date, sender: &str, used: &Use) -> Self {
        let has = |one| by.contains(&one);
        Self {
            day: has(By::Day).then_some(day),
            account: has(By::Account).then(|| used.account.to_string()),
            sender: has(By::Sender).then(|| sender.to_owned()),
            category: has(By::Category).then(|| used.category.as_str().to_owned()),
        }
    }
}

impl UsedDto {
    fn add(&mut self, used: &Use, count: u64) {
        self.messages += count;
        if used.category == Category::INBOUND {
            self.inbound += count;
        } else {
            self.outbound += count;
        }
        if used.charge == Charge::Billable {
            self.billable += count;
        }
    }
}

/// Counts what a tenant used: messages that came in and messages the provider took. Trails what happens by a second or
/// two; a message moves to its price category when a status tells it.
#[utoipa::path(
    get,
    operation_id = "get_usage",
    path = "/v1/usage",
    tag = "Usage",
    params(
        ("from" = Option<Date>, Query, description = "The first day, in UTC; six days before the last unless told", example = "2026-11-14"),
        ("to" = Option<Date>, Query, description = "The last day, in UTC; today unless told; at most 92 days in all", example = "2026-11-20"),
        ("by" = Option<String>, Query, description = "What rows are told apart by: some of `day`, `account`, `sender`, `category`, with commas; `day,sender,category` unless told", example = "day,category",
            pattern = "^(day|account|sender|category)(,(day|account|sender|category))*$"),
    ),
    responses((status = 200, description = "The counts", body = UsageDto), ListProblems)
)]
pub(crate) async fn usage(
    caller: Caller,
    State(store): State<Store>,
    mut parameters: Parameters,
) -> Result<Json<UsageDto>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let now = clock::now();
    let period = Period::read(&mut parameters, day_of(now));
    let by = read_by(&mut parameters);
    parameters.finish()?;
    let (totals, rows) = counted(&store, &tenant, period, &by).await?;
    if rows.len() > MOST_ROWS {
        let detail = format!(
            "this has {} rows, and an answer {MOST_ROWS} at most: ask for fewer days, or for less in by",
            rows.len()
        );
        return Err(Problem::bad_request("too_many_rows", detail));
    }
    let (tier, limits) = match store.tenant(&tenant).await? {
        Some(tenant) => {
            let limits = LimitsDto::read(&store, &tenant, now).await?;
            (tenant.tier, limits)
        }
        None => (None, LimitsDto::default()),
    };
    let rows = rows.into_iter().map(|(of, used)| RowDto { of, used });
    Ok(Json(UsageDto {
        from: period.from,
        to: period.to,
        by,
        totals,
        rows: rows.collect(),
        tier,
        limits,
    }))
}

fn read_by(parameters: &mut Parameters) -> BTreeSet<By> {
    let Some(text) = parameters.text("by") else {
        return By::USUAL.into();
    };
    let named: Option<BTreeSet<By>> = text.split(',').map(By::named).collect();
    named.unwrap_or_else(|| {
        let detail = "must be some of day, account, sender, category, with commas between";
        parameters.fault("by", FaultCode::Invalid, detail);
        BTreeSet::new()
    })
}

/// All that was used in a period, and what of it is of each kind.
async fn counted(
    store: &Store,
    tenant: &TenantId,
    period: Period,
    by: &BTreeSet<By>,
) -> Result<(UsedDto, BTreeMap<Kind, UsedDto>), StoreError> {
    let read = period.days().map(async |day| {
        let parts = store.parts(tenant, &day_counters(day)).await?;
        Ok::<_, StoreError>((day, parts))
    });
    let mut days = stream::iter(read).buffered(DAYS_AT_ONCE);
    let (mut totals, mut rows) = (UsedDto::default(), BTreeMap::<Kind, UsedDto>::new());
    while let Some((day, senders)) = days.try_next().await? {
        for (sender, numbers) in senders {
            let counts = numbers.iter().filter_map(|(name, count)| {
                let count = u64::try_from(*count).ok().filter(|count| *count > 0)?;
                Some((Use::counted_by(name)?, count))
            });
            for (used, count) in counts {
                totals.add(&used, count);
                let kind = Kind::of(by, day, &sender, &used);
                rows.entry(kind).or_default().add(&used, count);
            }
        }
    }
    Ok((totals, rows))
}
