//! How much of its share a sender's bulk uses: less while its workers fall behind.
//!
//! Each sender learns it from its own slots, so that a slow one slows nobody else.

use serde::{Deserialize, Serialize};

/// All of the share.
const FULL: u16 = 1_000;

/// What the speed changes by in a tick.
const STEP: u16 = 125;

/// Messages a second at the start, if the share has so many: functions start cold.
const FIRST: u32 = 200;

/// Slots that are looked at again, of those a tick hands out.
const PROBES: usize = 12;

/// How much of its share is used, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Speed(u16);

impl Speed {
    /// The speed of a sender that begins, of a share of so many calls a second.
    #[must_use]
    pub fn first(share: u32) -> Self {
        let part = u64::from(FIRST) * u64::from(FULL) / u64::from(share.max(1));
        Self(u16::try_from(part).unwrap_or(FULL).min(FULL))
    }

    /// The speed after a tick that looked at `seen` slots and found that `missed` of them had gone unused: half for
    /// more than a half, a step less (or half, if that is more) for more than a quarter, the same for more than an
    /// eighth, a step more for fewer. A step less of the full speed already gives each slot a seventh of a second, so
    /// that a stall costs little. What was handed out before it fell tells nothing of it, and must not be looked at any
    /// more: or it would fall for each tick that was under way.
    #[must_use]
    pub fn after(self, seen: usize, missed: usize) -> Self {
        if missed * 2 > seen {
            Self(self.0 / 2)
        } else if Self::falls(seen, missed) {
            Self(self.0.saturating_sub(STEP).max(self.0 / 2))
        } else if seen == 0 || missed * 8 > seen {
            self
        } else {
            Self(self.0.saturating_add(STEP).min(FULL))
        }
    }

    /// Whether it falls after such a look.
    #[must_use]
    pub const fn falls(seen: usize, missed: usize) -> bool {
        missed * 4 > seen
    }

    /// How many messages a second that is, one at least.
    #[must_use]
    pub fn of(self, share: u32) -> u32 {
        let messages = u64::from(share) * u64::from(self.0) / u64::from(FULL);
        u32::try_from(messages).unwrap_or(share).max(1)
    }
}

/// The places, of `count` that were handed out, whose use is looked at.
pub fn probes(count: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(count.div_ceil(PROBES).max(1))
}
