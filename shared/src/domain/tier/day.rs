//! How many messages a tenant may still send on a day, where its tier limits them.
//!
//! A message counts once, on the day it goes: one for now when it is taken in, a scheduled one on its day from then on, a
//! recipient of a job when he is handed out for the first time. The limit is divided over shards, so that no item takes
//! every message of a busy tenant, and each shard holds to its part: so the parts together hold to the limit.

use super::part;
use crate::domain::reckoning::{float, whole};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// Into how many parts a day's limit is divided.
pub const DAY_SHARDS: usize = 16;

/// What is left of a day's limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRoom {
    /// Which day, in UTC.
    pub day: Date,
    /// How many messages may go on it.
    pub per_day: u64,
    /// How many were taken, by shard.
    pub taken: [u64; DAY_SHARDS],
}

/// Room for some messages, in one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayPlace {
    /// Which.
    pub shard: usize,
    /// How much.
    pub count: u64,
    /// How much it may hold before, for this to be within its part.
    pub most_before: u64,
}

/// The day of a time, in UTC.
#[must_use]
pub fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

/// When a day ends, in UTC.
#[must_use]
pub fn end_of(day: Date) -> Timestamp {
    let next = day.saturating_add(1.day()).to_zoned(TimeZone::UTC);
    next.map_or(Timestamp::MAX, |next| next.timestamp())
}

impl DayRoom {
    /// A day of which nothing is taken.
    #[must_use]
    pub const fn empty(day: Date, per_day: u64) -> Self {
        Self {
            day,
            per_day,
            taken: [0; DAY_SHARDS],
        }
    }

    /// How many messages were taken.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.taken.iter().sum()
    }

    /// How many more may go. A limit that was lowered during the day may be exceeded already.
    #[must_use]
    pub fn left(&self) -> u64 {
        let parts: u64 = self.free().map(|(_, free)| free).sum();
        parts.min(self.per_day.saturating_sub(self.used()))
    }

    /// A place for one message, if there is room: those with other seeds get one of other shards.
    #[must_use]
    pub fn place(&self, seed: usize) -> Option<DayPlace> {
        (self.left() > 0).then_some(())?;
        let mut shards = (0..DAY_SHARDS).map(|step| seed.wrapping_add(step) % DAY_SHARDS);
        shards.find_map(|shard| self.take_of(shard, 1))
    }

    /// Places for so many, of as few shards as will do. `None` if there is no room for all of them.
    #[must_use]
    pub fn places(&self, count: u64) -> Option<Vec<DayPlace>> {
        (count <= self.left()).then_some(())?;
        let mut emptiest: Vec<_> = self.free().collect();
        emptiest.sort_by_key(|(shard, free)| (std::cmp::Reverse(*free), *shard));
        let mut open = count;
        let mut places = Vec::new();
        for (shard, _) in emptiest {
            if let Some(place) = self.take_of(shard, open) {
                open -= place.count;
                places.push(place);
            }
        }
        (open == 0).then_some(places)
    }

    /// As many of `count` as the shard has room for, if that is any.
    fn take_of(&self, shard: usize, count: u64) -> Option<DayPlace> {
        let (_, free) = self.free().nth(shard)?;
        let count = count.min(free);
        (count > 0).then(|| DayPlace {
            shard,
            count,
            most_before: self.part(shard) - count,
        })
    }

    fn part(&self, shard: usize) -> u64 {
        part(self.per_day, DAY_SHARDS, shard)
    }

    /// What is left of each shard's part.
    fn free(&self) -> impl Iterator<Item = (usize, u64)> {
        let taken = self.taken.iter().enumerate();
        taken.map(|(shard, taken)| (shard, self.part(shard).saturating_sub(*taken)))
    }

    /// How many of `count` messages go until `until`, so many a second while there is room, and when the last one does.
    /// Of later days it is taken that nothing else goes on them.
    #[must_use]
    pub fn used_by(
        &self,
        count: u64,
        per_second: f64,
        from: Timestamp,
        until: Option<Timestamp>,
    ) -> (u64, Option<Timestamp>) {
        let (mut now, mut sent) = (from, 0);
        let end = until.unwrap_or(Timestamp::MAX);
        while sent < count {
            if now >= end || per_second <= 0.0 || self.per_day == 0 {
                return (sent, until);
            }
            let day = day_of(now);
            let room = if day == self.day {
                self.left()
            } else {
                self.per_day
            };
            let ends = end_of(day);
            let seconds = ends.min(end).duration_since(now).as_secs_f64();
            let some = whole(seconds * per_second)
                .max(1)
                .min(room)
                .min(count - sent);
            sent += some;
            let took = SignedDuration::try_from_secs_f64(float(some) / per_second);
            let last = now.saturating_add(took.unwrap_or(SignedDuration::MAX));
            // Who is left over goes on the next day, if the day's room is what he lacked.
            let waits = sent < count && some == room;
            now = if waits {
                ends
            } else {
                last.unwrap_or(Timestamp::MAX)
            };
        }
        (sent, Some(now))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use proptest::prelude::*;

    fn noon() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn day(per_day: u64) -> DayRoom {
        DayRoom::empty(day_of(noon()), per_day)
    }

    /// What the store does under its condition; whether that held.
    fn take(taken: &mut [u64; DAY_SHARDS], place: DayPlace) -> bool {
        let shard = taken.get_mut(place.shard).unwrap();
        let holds = *shard <= place.most_before;
        *shard += if holds { place.count } else { 0 };
        holds
    }

    #[test]
    fn a_day_ends_at_midnight_in_utc() {
        assert_eq!(
            end_of(day_of(noon())),
            "2026-11-23T00:00:00Z".parse().unwrap()
        );
        let last = "2026-11-22T23:59:59.999Z".parse().unwrap();
        assert_eq!(day_of(last), day_of(noon()));
    }

    #[test]
    fn as_many_go_as_the_limit_says_and_not_one_more() {
        for per_day in [0, 1, 15, 16, 17, 100] {
            let mut room = day(per_day);
            for seed in 0..per_day {
                let place = room.place(usize::try_from(seed).unwrap()).unwrap();
                assert!(take(&mut room.taken, place));
            }
            assert_eq!(
                (room.left(), room.place(3), room.places(1)),
                (0, None, None)
            );
        }
    }

    #[test]
    fn room_for_many_is_taken_of_few_shards_and_all_of_it_can_be() {
        let room = day(1_600);
        assert_eq!(room.places(100).unwrap().len(), 1);
        assert_eq!(room.places(101).unwrap().len(), 2);
        assert_eq!(room.places(1_600).unwrap().len(), DAY_SHARDS);
        assert_eq!((room.places(1_601), room.places(0)), (None, Some(vec![])));
    }

    #[test]
    fn a_limit_that_was_lowered_below_what_is_used_leaves_nothing() {
        let mut room = day(1_600);
        room.taken = [0; DAY_SHARDS];
        *room.taken.first_mut().unwrap() = 90;
        room.per_day = 64;
        assert_eq!(
            (room.left(), room.place(1), room.places(1)),
            (0, None, None)
        );
    }

    #[test]
    fn who_finds_no_room_goes_on_after_midnight() {
        let mut room = day(100);
        room.taken = [5; DAY_SHARDS];
        assert_eq!(room.left(), 20);
        let at = |text: &str| Some(text.parse().unwrap());
        assert_eq!(
            room.used_by(20, 1.0, noon(), None),
            (20, at("2026-11-22T12:00:20Z"))
        );
        assert_eq!(
            room.used_by(130, 1.0, noon(), None),
            (130, at("2026-11-24T00:00:10Z"))
        );
        let until = at("2026-11-23T06:00:00Z");
        assert_eq!(room.used_by(130, 1.0, noon(), until), (120, until));
        assert_eq!(day(0).used_by(1, 1.0, noon(), None), (0, None));
    }

    proptest! {
        #[test]
        fn the_limit_holds_however_stale_what_was_read_is(
            per_day in 0_u64..200,
            asked in proptest::collection::vec((0_usize..6, 1_u64..20, any::<u8>()), 1..150),
        ) {
            let mut known = vec![day(per_day)];
            for (stale, count, seed) in asked {
                let newest = known.last().unwrap().clone();
                let seen = known.get(known.len().saturating_sub(stale + 1)).unwrap();
                let places = match count {
                    1 => seen.place(seed.into()).map(|place| vec![place]),
                    count => seen.places(count),
                };
                let mut next = newest.clone();
                let all = places.is_some_and(|places| {
                    places.into_iter().all(|place| take(&mut next.taken, place))
                });
                // Together or not at all.
                let next = if all { next } else { newest };
                prop_assert!(next.used() <= per_day);
                known.push(next);
            }
        }
    }
}
