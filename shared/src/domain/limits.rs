//! How many calls may be made in a second, a minute, a day: of a key, of a provider.

use super::fields::Fields;
use serde::{Deserialize, Serialize};

/// More calls than anybody makes of one provider, in a second, a minute, a day.
const MOST: [u32; 3] = [1_000, 60_000, 10_000_000];

/// How many calls may be made; what is absent limits nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CallLimits)]
pub struct Limits {
    /// In any second of the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// In any minute of the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// In any day, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
}

impl Limits {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The limits after an object of changes: what is absent stays, `null` takes a limit away.
    #[must_use]
    pub fn changed(self, mut fields: Fields<'_>) -> Self {
        let [second, minute, day] = MOST;
        let changed = Self {
            per_second: limit(&mut fields, "per_second", second, self.per_second),
            per_minute: limit(&mut fields, "per_minute", minute, self.per_minute),
            per_day: limit(&mut fields, "per_day", day, self.per_day),
        };
        fields.finish();
        changed
    }
}

fn limit(
    fields: &mut Fields<'_>,
    name: &'static str,
    most: u32,
    before: Option<u32>,
) -> Option<u32> {
    if fields.is_cleared(name) {
        return None;
    }
    fields.whole(name, 1..=most).or(before)
}
