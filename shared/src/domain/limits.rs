//! How many calls may be made in a second, a minute, a day: of a key, of a provider.

use super::fields::Fields;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// More calls than anybody makes of one provider, in a second, a minute, a day.
const MOST: [u32; 3] = [1_000, 60_000, 10_000_000];

/// How many calls may be made; what is absent limits nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CallLimits)]
pub struct Limits {
    /// In any second of the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000)]
    pub per_second: Option<u32>,
    /// In any minute of the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 60_000)]
    pub per_minute: Option<u32>,
    /// In any day, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000_000)]
    pub per_day: Option<u32>,
}

impl Limits {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many calls may be made in a span of this unit.
    #[must_use]
    pub const fn of(&self, unit: Unit) -> Option<u32> {
        match unit {
            Unit::Second => self.per_second,
            Unit::Minute => self.per_minute,
            Unit::Day => self.per_day,
        }
    }
}

/// What is changed of limits: what is absent stays, `null` takes a limit away.
#[expect(
    clippy::option_option,
    reason = "a limit may stay, be taken away, or be another one"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    second: Option<Option<u32>>,
    minute: Option<Option<u32>>,
    day: Option<Option<u32>>,
}

impl Changes {
    /// Reads the object of changes in a field; `null` in its place takes all limits away.
    #[must_use]
    pub fn read(fields: &mut Fields<'_>, name: &'static str) -> Self {
        if fields.is_cleared(name) {
            return Self::to(Limits::default());
        }
        let [second, minute, day] = MOST;
        let Some(mut fields) = fields.object(name) else {
            return Self::default();
        };
        let changes = Self {
            second: limit(&mut fields, "per_second", second),
            minute: limit(&mut fields, "per_minute", minute),
            day: limit(&mut fields, "per_day", day),
        };
        fields.finish();
        changes
    }

    /// Those that leave these limits, whatever was before.
    #[must_use]
    pub const fn to(limits: Limits) -> Self {
        Self {
            second: Some(limits.per_second),
            minute: Some(limits.per_minute),
            day: Some(limits.per_day),
        }
    }

    /// The limits after them.
    #[must_use]
    pub fn applied(&self, before: Limits) -> Limits {
        Limits {
            per_second: self.second.unwrap_or(before.per_second),
            per_minute: self.minute.unwrap_or(before.per_minute),
            per_day: self.day.unwrap_or(before.per_day),
        }
    }
}

#[expect(
    clippy::option_option,
    reason = "a limit may stay, be taken away, or be another one"
)]
fn limit(fields: &mut Fields<'_>, name: &'static str, most: u32) -> Option<Option<u32>> {
    if fields.is_cleared(name) {
        return Some(None);
    }
    fields.whole(name, 1..=most).map(Some)
}

/// What a limit is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A second of the clock.
    Second,
    /// A minute of the clock.
    Minute,
    /// A day, in UTC.
    Day,
}

impl Unit {
    /// Every unit, the longest first: the room in a day is the last to come back.
    pub const ALL: [Self; 3] = [Self::Day, Self::Minute, Self::Second];

    /// Its name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Day => "day",
        }
    }

    const fn seconds(self) -> i64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Day => 24 * 60 * 60,
        }
    }

    /// The number of the span that holds `at`, counted from 1970.
    pub(crate) fn number(self, at: Timestamp) -> i64 {
        at.as_second().div_euclid(self.seconds())
    }

    /// When the span of this number is over.
    fn end(self, number: i64) -> Timestamp {
        let end = number.saturating_add(1).saturating_mul(self.seconds());
        Timestamp::from_second(end).unwrap_or(Timestamp::MAX)
    }
}

/// How many calls were made in the newest second, minute and day in which there were any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Used {
    /// In a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<Span>,
    /// In a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute: Option<Span>,
    /// In a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Span>,
}

/// The calls of one second, minute or day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its number, counted from 1970.
    pub number: i64,
    /// How many were made in it.
    pub calls: u32,
}

impl Used {
    /// How many were made in the newest span of this unit.
    #[must_use]
    pub const fn of(&self, unit: Unit) -> Option<Span> {
        match unit {
            Unit::Second => self.second,
            Unit::Minute => self.minute,
            Unit::Day => self.day,
        }
    }

    /// The same with a call more; or when there is room for one. A span never gives way to an earlier one: a worker whose
    /// clock is behind counts in the newest.
    pub fn taking(&self, limits: &Limits, now: Timestamp) -> Result<Self, Timestamp> {
        let mut taken = *self;
        for unit in Unit::ALL {
            let Some(most) = limits.of(unit) else {
                continue;
            };
            let number = unit.number(now);
            let span = match self.of(unit) {
                Some(span) if span.number >= number => Span {
                    calls: span.calls.saturating_add(1),
                    ..span
                },
                Some(_) | None => Span { number, calls: 1 },
            };
            if span.calls > most {
                return Err(unit.end(span.number));
            }
            match unit {
                Unit::Second => taken.second = Some(span),
                Unit::Minute => taken.minute = Some(span),
                Unit::Day => taken.day = Some(span),
            }
        }
        Ok(taken)
    }
}

/// What is left of a limit over some time, in spans of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spans {
    /// How many calls there is room for in all spans but the last.
    pub before: u64,
    /// When the last begins.
    pub last_begins: Timestamp,
    /// How many there is room for in it.
    pub last: u64,
}

impl Used {
    /// What is left of each limit from one time until another.
    pub fn spans(
        &self,
        limits: &Limits,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = Spans> {
        Unit::ALL.into_iter().filter_map(move |unit| {
            let most = u64::from(limits.of(unit)?);
            let (first, last) = (unit.number(from), unit.number(until));
            let used = self.of(unit).filter(|span| span.number >= first);
            let left = most.saturating_sub(used.map_or(0, |span| span.calls.into()));
            let between = u64::try_from(last - first - 1).ok();
            Some(Spans {
                before: between.map_or(0, |spans| left.saturating_add(most.saturating_mul(spans))),
                last_begins: unit.end(last - 1),
                last: if between.is_some() { most } else { left },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
    }

    fn limits(per_second: u32, per_minute: u32, per_day: u32) -> Limits {
        Limits {
            per_second: Some(per_second),
            per_minute: Some(per_minute),
            per_day: Some(per_day),
        }
    }

    #[test]
    fn a_full_span_says_when_the_next_one_begins() {
        let two = limits(2, 3, 1_000);
        let one = Used::default().taking(&two, at(100)).unwrap();
        let both = one.taking(&two, at(900)).unwrap();
        assert_eq!(both.taking(&two, at(999)), Err(at(1_000)));
        let three = both.taking(&two, at(1_000)).unwrap();
        assert_eq!(three.taking(&two, at(1_500)), Err(at(60_000)));
    }

    #[test]
    fn what_has_no_limits_is_not_counted() {
        let used = Used::default().taking(&Limits::default(), at(0));
        assert_eq!(used, Ok(Used::default()));
    }

    proptest! {
        #[test]
        fn no_span_holds_more_calls_than_its_limit(
            waits in proptest::collection::vec(0..400_i64, 1..300),
            (second, minute, day) in (1..6_u32, 1..40_u32, 1..200_u32),
        ) {
            let limits = limits(second, minute, day);
            let (mut used, mut now) = (Used::default(), 0);
            let mut made: BTreeMap<(&str, i64), u32> = BTreeMap::new();
            for wait in waits {
                now += wait;
                match used.taking(&limits, at(now)) {
                    Ok(taken) => {
                        used = taken;
                        for unit in Unit::ALL {
                            *made.entry((unit.as_str(), unit.number(at(now)))).or_default() += 1;
                        }
                    }
                    Err(until) => prop_assert!(until > at(now)),
                }
            }
            for ((unit, _), calls) in made {
                let most = match unit {
                    "second" => second,
                    "minute" => minute,
                    _ => day,
                };
                prop_assert!(calls <= most, "{calls} in a {unit}");
            }
        }
    }
}
