//! What a sender's bot is to say: kept and shown here. Nothing answers by itself yet.

use super::id::KnowledgeId;
use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};

/// An account's bot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Bot {
    /// Whether it answers people by itself.
    pub auto_reply: bool,
    /// What it says to somebody who writes for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 4096)]
    pub greeting: Option<String>,
    /// What it says when it does not know an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 4096)]
    pub fallback: Option<String>,
    /// What it says while nobody is there, and when that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<Away>,
}

/// When nobody is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Away {
    /// What is said then.
    #[schema(min_length = 1, max_length = 4096)]
    pub message: String,
    /// Whose hours these are: an IANA time zone.
    #[schema(min_length = 1, example = "Europe/Berlin")]
    pub time_zone: String,
    /// When somebody is there; on a day without hours, nobody is.
    #[schema(value_type = Option<Vec<Hours>>, max_items = 42)]
    pub open: Vec<Hours>,
}

/// When somebody is there on one day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hours {
    /// The day.
    pub day: Day,
    /// The first minute.
    #[schema(value_type = String, example = "09:00:00")]
    pub from: Time,
    /// The minute after the last; it must be later than the first.
    #[schema(value_type = String, example = "17:30:00")]
    pub to: Time,
}

/// A day of the week.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are the days of the week")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Day {
    /// The names, in order.
    pub const NAMES: [&'static str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];

    /// The day of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let place = Self::NAMES.iter().position(|it| *it == name)?;
        let day = i8::try_from(place + 1).ok()?;
        Weekday::from_monday_one_offset(day).ok().map(Self::from)
    }
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

/// Something the bot knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knowledge {
    /// Its id.
    #[serde(rename = "sk")]
    pub id: KnowledgeId,
    /// What people ask.
    pub question: String,
    /// What they are told.
    pub answer: String,
    /// When it was written, or last changed.
    #[serde(with = "millisecond::required")]
    pub changed_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_known_by_the_name_it_is_shown_by() {
        for name in Day::NAMES {
            let day = Day::named(name);
            let shown = serde_json::to_value(day);
            assert_eq!(shown.ok(), Some(serde_json::Value::from(name)));
        }
        assert_eq!(Day::named("someday"), None);
    }
}
