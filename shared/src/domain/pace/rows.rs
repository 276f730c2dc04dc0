//! A sender's three rows of slots, one for each lane, and how its rate is shared among them.
//!
//! The shares are whole numbers of calls a second and add up to the rate, so that the rows together keep it if each
//! keeps its share. While jobs run, bulk has its row; while none runs, single messages have its share on top of
//! theirs. The change waits until no second can hold slots of both kinds.

use super::{Row, Slot, Spacing, slot};
use crate::domain::message::Lane;
use jiff::{SignedDuration, Timestamp};

/// A bulk slot begins this long after it is taken, or later: its hint has to get to a worker.
const LEAD: SignedDuration = SignedDuration::from_millis(300);

/// Bulk slots are taken up to this far ahead: a second, the lead, and what a tick may be late.
const AHEAD: SignedDuration = SignedDuration::from_millis(1_500);

/// A slot of a single message that is further away leaves time to claim before it begins.
const SOON: SignedDuration = SignedDuration::from_secs(2);

/// Slots of single messages are not taken further ahead: a job would have to wait for them.
const FURTHEST: SignedDuration = SignedDuration::from_mins(1);

/// Between the last slot of one use of a share and the first of another.
const BETWEEN: SignedDuration = SignedDuration::from_secs(1);

/// After each write that was lost to others the row is taken from so much later: who comes meanwhile finds it ahead of
/// the clock, and goes behind whatever was taken.
const FLOAT: SignedDuration = SignedDuration::from_millis(30);

/// How many calls each lane may begin in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Bulk, while jobs run.
    pub bulk: u32,
    /// Single messages while jobs run.
    pub single: u32,
    /// One-time codes, at all times.
    pub otp: u32,
    /// Single messages while no job runs.
    pub alone: u32,
}

impl Shares {
    /// The shares of a rate of which bulk leaves so many percent to the other lanes.
    #[must_use]
    pub fn of(messages_per_second: u32, reserved_percent: u8) -> Self {
        let rate = messages_per_second.max(1);
        let percent = u64::from(reserved_percent.min(100));
        let reserved = (u64::from(rate) * percent).div_ceil(100);
        let reserved = u32::try_from(reserved).unwrap_or(rate).min(rate - 1);
        let otp = reserved / 2;
        Self {
            bulk: rate - reserved,
            single: reserved - otp,
            otp,
            alone: rate - otp,
        }
    }
}

/// One of the three rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Line {
    /// Bulk.
    Bulk,
    /// Single messages.
    Single,
    /// One-time codes.
    Otp,
}

/// The rows as they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rows {
    /// Bulk.
    pub bulk: Row,
    /// Single messages.
    pub single: Row,
    /// One-time codes.
    pub otp: Row,
    /// Whether bulk has its share.
    pub shared: bool,
}

/// Slots taken from a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Which row.
    pub line: Line,
    /// The row afterwards.
    pub row: Row,
    /// The slots, soonest first.
    pub slots: Vec<Slot>,
}

/// Slots behind the last one of a row, whoever took that: they can be leased without knowing which it is by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// Which row.
    pub line: Line,
    /// By how much its last slot moves on.
    pub advance_us: i64,
    /// The slack that its last slot has, as these have.
    pub slack_us: i64,
    /// Where its last slot was: it is there or further on.
    pub from_us: i64,
    /// And no further on than this.
    pub to_us: i64,
    step_us: i64,
}

impl Behind {
    /// The slots, soonest first, if the row stands so after it moved on.
    #[must_use]
    pub fn slots(&self, row: &Row) -> Vec<Slot> {
        let Some(last) = row.last_us else {
            return Vec::new();
        };
        let count = self.advance_us / self.step_us;
        let places = (0..count).rev();
        places
            .map(|place| slot(last - place * self.step_us, self.slack_us))
            .collect()
    }
}

/// How slots may be leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leasable {
    /// Whatever others take meanwhile.
    Behind(Behind),
    /// If nobody takes any meanwhile.
    Exactly(Taken),
}

impl Rows {
    /// How up to `count` slots may be leased for messages of a lane other than bulk, the soonest there are, after so many
    /// writes were lost to others. `None` if they are all too far away: ask again later.
    #[must_use]
    pub fn leasable(
        &self,
        lane: Lane,
        shares: Shares,
        count: usize,
        now: Timestamp,
        lost: u32,
    ) -> Option<Leasable> {
        if let Some(behind) = self.behind(lane, shares, count, now) {
            return Some(Leasable::Behind(behind));
        }
        let lost = i32::try_from(lost).unwrap_or(i32::MAX);
        let taken = self.take(lane, shares, count, after(now, FLOAT * lost))?;
        Some(Leasable::Exactly(taken))
    }

    /// Up to `count` slots as [`Rows::take`] takes them, if each comes a step after the one before it wherever the last
    /// one is: the slack stays as it is, and none has to wait for anything but the row. Rows only ever move on, so what
    /// holds for where the last slot is, holds for where it is later, up to the end that is told.
    #[must_use]
    pub fn behind(
        &self,
        lane: Lane,
        shares: Shares,
        count: usize,
        now: Timestamp,
    ) -> Option<Behind> {
        let (next, chosen) = self.soonest(lane, shares, now)?;
        let row = self.row(chosen);
        let (from_us, step_us) = (row.last_us?, next.spacing.step_us);
        let is_late = from_us + step_us < next.not_before.as_microsecond();
        if is_late || row.slack_us != next.spacing.slack_us {
            return None;
        }
        let end_us = after(now, next.reach).as_microsecond();
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let count = count.min((end_us - from_us) / step_us);
        (count > 0).then_some(Behind {
            line: chosen,
            advance_us: count * step_us,
            slack_us: row.slack_us,
            from_us,
            to_us: end_us - count * step_us,
            step_us,
        })
    }

    /// Takes up to `count` slots for messages of a lane other than bulk, the soonest there are. `None` if they are all
    /// too far away.
    #[must_use]
    pub fn take(&self, lane: Lane, shares: Shares, count: usize, now: Timestamp) -> Option<Taken> {
        let (_, chosen) = self.soonest(lane, shares, now)?;
        let mut rows = *self;
        let mut slots = Vec::new();
        while slots.len() < count {
            let Some(next) = rows.next(chosen, shares, now) else {
                break;
            };
            if next.at(rows.row(chosen)) > after(now, FURTHEST) {
                break;
            }
            slots.push(rows.row_mut(chosen).take(next.spacing, next.not_before));
        }
        let row = *rows.row(chosen);
        (!slots.is_empty()).then_some(Taken {
            line: chosen,
            row,
            slots,
        })
    }

    /// Takes the bulk slots of about a second, of a row that may begin `limit` calls a second and is used for
    /// `per_second` of them.
    #[must_use]
    pub fn take_bulk(&self, limit: u32, per_second: u32, now: Timestamp) -> Taken {
        let mut row = self.bulk;
        if let (false, Some(end)) = (self.shared, self.single.end()) {
            row.rest_until(after(end, BETWEEN), limit);
        }
        let spacing = Spacing::at_speed(limit, per_second);
        let (soonest, furthest) = (after(now, LEAD), after(now, AHEAD));
        let mut slots = Vec::new();
        while row.next(spacing, soonest) < furthest {
            slots.push(row.take(spacing, soonest));
        }
        let line = Line::Bulk;
        Taken { line, row, slots }
    }

    /// The row whose next slot is the soonest for a lane.
    fn soonest(&self, lane: Lane, shares: Shares, now: Timestamp) -> Option<(Next, Line)> {
        let lines: &[Line] = match lane {
            Lane::Otp => &[Line::Otp, Line::Single, Line::Bulk],
            Lane::Single | Lane::Bulk => &[Line::Single, Line::Bulk],
        };
        let next = |line: &Line| Some((self.next(*line, shares, now)?, *line));
        let choices = lines.iter().filter_map(next);
        choices.min_by_key(|(next, line)| next.at(self.row(*line)))
    }

    /// A row.
    #[must_use]
    pub const fn row(&self, line: Line) -> &Row {
        match line {
            Line::Bulk => &self.bulk,
            Line::Single => &self.single,
            Line::Otp => &self.otp,
        }
    }

    fn row_mut(&mut self, line: Line) -> &mut Row {
        match line {
            Line::Bulk => &mut self.bulk,
            Line::Single => &mut self.single,
            Line::Otp => &mut self.otp,
        }
    }

    /// How the next slot of a row may be taken for a message of a lane other than bulk.
    fn next(&self, line: Line, shares: Shares, now: Timestamp) -> Option<Next> {
        match line {
            Line::Otp => (shares.otp > 0).then(|| Next::of(&self.otp, shares.otp, now, now)),
            Line::Single => self.next_single(shares, now),
            // Where nothing is reserved, what is not bulk goes behind the bulk slots of the next second.
            Line::Bulk => (self.shared && shares.single == 0).then(|| Next {
                spacing: Spacing::tight(shares.bulk),
                not_before: after(now, LEAD),
                reach: FURTHEST,
            }),
        }
    }

    /// While jobs run, and for a second after the last bulk slot, single messages have what is reserved; else all that
    /// one-time codes leave.
    fn next_single(&self, shares: Shares, now: Timestamp) -> Option<Next> {
        let reserved = (shares.single > 0).then(|| Next::of(&self.single, shares.single, now, now));
        let alone = (!self.shared).then(|| {
            let free = self.bulk.end().map_or(now, |end| after(end, BETWEEN));
            Next::of(&self.single, shares.alone, free.max(now), now)
        });
        let choices = reserved.into_iter().chain(alone);
        choices.min_by_key(|next| next.at(&self.single))
    }
}

/// How the next slot of a row may be taken.
struct Next {
    spacing: Spacing,
    not_before: Timestamp,
    /// How far ahead slots of this spacing are taken.
    reach: SignedDuration,
}

impl Next {
    fn of(row: &Row, limit: u32, not_before: Timestamp, now: Timestamp) -> Self {
        let loose = Spacing::loose(limit);
        let (spacing, reach) = if row.next(loose, not_before) <= after(now, SOON) {
            (loose, SOON)
        } else {
            (Spacing::tight(limit), FURTHEST)
        };
        Self {
            spacing,
            not_before,
            reach,
        }
    }

    fn at(&self, row: &Row) -> Timestamp {
        row.next(self.spacing, self.not_before)
    }
}

fn after(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}
