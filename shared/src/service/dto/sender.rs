//! A sender as a caller sees it: what it is, and whether it may send.

use crate::domain::account::NumberFacts;
use crate::domain::id::AccountId;
use crate::domain::identity::{PortfolioId, SenderId, WabaId};
use crate::domain::pace::{Pause, Room, Slowed};
use crate::store::{Pace, Sender, Store, StoreError, WindowPolicy};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Sender)]
pub struct SenderDto {
    /// Meta's phone number id.
    #[schema(value_type = String, example = "100000000000001")]
    pub id: SenderId,
    /// Its account.
    #[schema(value_type = String, example = "acct_demo")]
    pub account_id: AccountId,
    /// Its WhatsApp Business Account.
    #[schema(value_type = String, example = "200000000000001")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waba_id: Option<WabaId>,
    /// The number as people read it.
    #[schema(example = "+15550001000")]
    pub display_number: String,
    /// How many messages a second Meta takes from it.
    pub messages_per_second: u32,
    /// How many calls a second its account's credential leaves it, if the provider limits them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_second: Option<u32>,
    /// How many messages a second came in when its running jobs last looked; they are taken from bulk's rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbound_per_second: Option<u32>,
    /// The share of that rate bulk jobs leave to other messages, in percent.
    pub reserved_percent: u8,
    /// Whether the 24-hour window is enforced.
    pub window: WindowPolicy,
    /// How many people its business portfolio may write to, if Meta limits that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portfolio: Option<PortfolioDto>,
    /// What Meta last said of its number; asked once an hour, and when Meta tells of a change.
    pub number: NumberFacts,
    /// Whether it may send.
    pub state: SenderState,
    /// Why it may not, while it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<PauseDto>,
    /// How much slower it is, while it is slowed down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowed: Option<SlowedDto>,
}

/// A business portfolio's messaging limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PortfolioLimit)]
pub struct PortfolioDto {
    /// Meta's id of it.
    #[schema(value_type = String, example = "300000000000001")]
    pub id: PortfolioId,
    /// How many people it may write to in 24 hours.
    pub people_per_day: u64,
    /// How many more now.
    pub left: u64,
}

/// Whether a sender may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SenderState {
    /// At its rate.
    Active,
    /// More slowly for a while: Meta asked for that.
    Slowed,
    /// Not before it is resumed.
    Paused,
}

/// Why nothing leaves a sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SenderPause)]
pub struct PauseDto {
    /// Since when.
    pub since: Timestamp,
    /// Meta's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// What is wrong.
    pub reason: String,
    /// What to do about it before it is resumed.
    pub remedy: String,
}

/// That a sender is slower than its rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SenderSlowed)]
pub struct SlowedDto {
    /// When Meta last asked for it.
    pub since: Timestamp,
    /// What is left of the rate now; it recovers by itself within a minute.
    pub messages_per_second: u32,
}

impl SenderDto {
    /// The sender with its pace and its portfolio's limit, at `now`.
    pub async fn read(store: &Store, sender: &Sender, now: Timestamp) -> Result<Self, StoreError> {
        let pace = store.pace(&sender.tenant, &sender.id).await?;
        let room = store.room(sender).await?;
        Ok(Self::of(sender, &pace, room.as_ref(), now))
    }

    fn of(sender: &Sender, pace: &Pace, room: Option<&Room>, now: Timestamp) -> Self {
        let rate = Slowed::rate(pace.slowed.as_ref(), sender.rate(), now);
        let slowed = pace.slowed.filter(|_| rate < sender.rate());
        let state = match (&pace.paused, &slowed) {
            (Some(_), _) => SenderState::Paused,
            (None, Some(_)) => SenderState::Slowed,
            (None, None) => SenderState::Active,
        };
        Self {
            id: sender.id.clone(),
            account_id: sender.account.clone(),
            waba_id: sender.waba.clone(),
            display_number: sender.display_number.clone(),
            messages_per_second: sender.throughput(),
            calls_per_second: sender.calls_per_second,
            inbound_per_second: pace.inbound.filter(|_| pace.shared).map(|it| it.per_second),
            reserved_percent: sender.reserved_percent,
            window: sender.window,
            portfolio: room.map(|room| PortfolioDto {
                id: room.portfolio.clone(),
                people_per_day: room.people_per_day,
                left: room.left(now),
            }),
            number: sender.facts.clone(),
            state,
            paused: pace.paused.as_ref().map(PauseDto::from),
            slowed: slowed.map(|slowed| SlowedDto {
                since: slowed.at,
                messages_per_second: rate,
            }),
        }
    }
}

impl From<&Pause> for PauseDto {
    fn from(pause: &Pause) -> Self {
        Self {
            since: pause.since,
            code: pause.code,
            reason: pause.reason.clone(),
            remedy: pause.remedy.clone(),
        }
    }
}
