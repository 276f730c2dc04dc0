//! A sender of 1,000 messages a second and sixty workers, in simulated time: queues that delay, lose and repeat
//! hints, workers and dispatch that stall, single messages and one-time codes that come in between.

use super::*;
use std::collections::{BTreeMap, HashSet};

const RATE: u32 = 1_000;
const BATCH: usize = 10;
const MINUTE_US: i64 = 60 * SECOND_US;

/// Chance that is the same in every run.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, bound: i64) -> i64 {
        i64::try_from(self.next() >> 1).unwrap() % bound.max(1)
    }

    /// Whether something happens that does so once in so many times. Never for 0.
    fn once_in(&mut self, times: i64) -> bool {
        times > 0 && self.below(times) == 0
    }
}

/// How bad a world it is: each happens once in so many times, never for 0.
#[derive(Clone, Copy)]
struct World {
    workers: usize,
    reserved: u8,
    lost: i64,
    repeated: i64,
    worker_stalls: i64,
    tick_stalls: i64,
    singles_per_second: i64,
}

#[derive(Clone, Copy)]
struct Hint {
    id: usize,
    slot: Slot,
}

enum Happening {
    Tick {
        probes: Vec<Hint>,
    },
    /// The hint is there for a worker.
    Hint(Hint),
    /// A worker is free again.
    Free,
    /// Single messages that want to go.
    Singles,
}

struct Run {
    world: World,
    chance: Chance,
    rows: Rows,
    speed: Speed,
    agenda: BTreeMap<(i64, usize), Happening>,
    count: usize,
    waiting: Vec<Hint>,
    free: usize,
    claimed: HashSet<usize>,
    bulk: Vec<i64>,
    other: Vec<i64>,
}

impl Run {
    fn of(world: World) -> Self {
        let share = Shares::of(RATE, world.reserved).bulk;
        let mut run = Self {
            world,
            chance: Chance(0x5EED_1234_ABCD),
            rows: Rows::default(),
            speed: Speed::first(share),
            agenda: BTreeMap::new(),
            count: 0,
            waiting: Vec::new(),
            free: world.workers,
            claimed: HashSet::new(),
            bulk: Vec::new(),
            other: Vec::new(),
        };
        run.plan(0, Happening::Tick { probes: Vec::new() });
        if world.singles_per_second > 0 {
            run.plan(0, Happening::Singles);
        }
        while let Some(((now, _), happening)) = run.agenda.pop_first() {
            if now > MINUTE_US {
                break;
            }
            match happening {
                Happening::Tick { probes } => run.tick(now, probes),
                Happening::Hint(hint) => run.waiting.push(hint),
                Happening::Free => run.free += 1,
                Happening::Singles => run.singles(now),
            }
            run.work(now);
        }
        run
    }

    fn plan(&mut self, time: i64, happening: Happening) {
        self.count += 1;
        self.agenda.insert((time, self.count), happening);
    }

    /// What `dispatch` does: looks at what it handed out, takes slots, puts hints in time, and its own again.
    fn tick(&mut self, now: i64, probes: Vec<Hint>) {
        let share = Shares::of(RATE, self.world.reserved).bulk;
        let (due, mut probes): (Vec<_>, Vec<_>) = probes
            .into_iter()
            .partition(|hint| hint.slot.is_over(at_us(now)));
        let missed = due.iter().filter(|hint| !self.claimed.contains(&hint.id));
        let before = self.speed;
        self.speed = before.after(due.len(), missed.count());
        if self.speed < before {
            probes.clear();
        }
        let taken = self.rows.take_bulk(share, self.speed.of(share), at_us(now));
        (self.rows.bulk, self.rows.shared) = (taken.row, true);
        let mut put = now;
        let hints: Vec<Hint> = taken.slots.iter().map(|slot| self.hint(*slot)).collect();
        for hint in &hints {
            put = put.max(hint.slot.hint_at().as_microsecond());
            self.put(put, *hint);
        }
        probes.extend(super::probes(hints.len()).filter_map(|place| hints.get(place)));
        let stall = self.world.tick_stalls;
        let stall = self.stall(stall);
        let again = put.max(now + 950_000) + 5_000 + self.chance.below(55_000) + stall;
        self.plan(again, Happening::Tick { probes });
    }

    fn hint(&mut self, slot: Slot) -> Hint {
        self.count += 1;
        Hint {
            id: self.count,
            slot,
        }
    }

    fn put(&mut self, time: i64, hint: Hint) {
        if self.chance.once_in(self.world.lost) {
            return;
        }
        let repeated = usize::from(self.chance.once_in(self.world.repeated));
        for _ in 0..=repeated {
            let there = time + 10_000 + self.chance.below(90_000);
            self.plan(there, Happening::Hint(hint));
        }
    }

    /// Free workers take what waits, ten hints each.
    fn work(&mut self, now: i64) {
        while self.free > 0 && !self.waiting.is_empty() {
            let batch: Vec<Hint> = self
                .waiting
                .drain(..self.waiting.len().min(BATCH))
                .collect();
            self.free -= 1;
            let stall = self.world.worker_stalls;
            let awake = now + self.stall(stall);
            let ends = batch.into_iter().map(|hint| self.deliver(hint, awake));
            let end = ends.max().unwrap_or(awake);
            self.plan(end.max(now), Happening::Free);
        }
    }

    /// What `deliver` does; when it is done with it.
    fn deliver(&mut self, hint: Hint, now: i64) -> i64 {
        let begins = now.max(hint.slot.at.as_microsecond()) + self.chance.below(4_000);
        if hint.slot.is_over(at_us(begins)) || !self.claimed.insert(hint.id) {
            return now;
        }
        self.bulk.push(begins);
        begins + 40_000 + self.chance.below(100_000)
    }

    fn singles(&mut self, now: i64) {
        let shares = Shares::of(RATE, self.world.reserved);
        for lane in [Lane::Otp, Lane::Single, Lane::Single] {
            let count = usize::try_from(1 + self.chance.below(4)).unwrap();
            let Some(taken) = self.rows.take(lane, shares, count, at_us(now)) else {
                continue;
            };
            match taken.line {
                Line::Bulk => self.rows.bulk = taken.row,
                Line::Single => self.rows.single = taken.row,
                Line::Otp => self.rows.otp = taken.row,
            }
            for slot in taken.slots {
                let claimed = now + 5_000 + self.chance.below(300_000);
                let begins = claimed.max(slot.at.as_microsecond()) + self.chance.below(4_000);
                if !slot.is_over(at_us(begins)) {
                    self.other.push(begins);
                }
            }
        }
        let pause = 2 * 7 * SECOND_US / self.world.singles_per_second;
        let pause = self.chance.below(pause);
        self.plan(now + pause, Happening::Singles);
    }

    fn stall(&mut self, times: i64) -> i64 {
        if self.chance.once_in(times) {
            50_000 + self.chance.below(3_000_000)
        } else {
            0
        }
    }

    /// The share of `limit` a second that these calls have used, from the sixth tick on, when the speed is full.
    fn used(calls: &[i64], limit: u32) -> f64 {
        let from = 12 * SECOND_US;
        let until = MINUTE_US - 2 * SECOND_US;
        let counted = calls.iter().filter(|time| (from..until).contains(time));
        let calls = f64::from(u32::try_from(counted.count()).unwrap());
        calls / (f64::from(limit) * 46.0)
    }

    fn most(&self) -> usize {
        most_in_a_second(&[&self.bulk[..], &self.other[..]].concat())
    }
}

#[test]
fn a_thousand_a_second_over_sixty_workers_is_kept_and_used() {
    let run = Run::of(World {
        workers: 60,
        reserved: 0,
        lost: 2_000,
        repeated: 50,
        worker_stalls: 20_000,
        tick_stalls: 0,
        singles_per_second: 0,
    });
    assert!(run.most() <= 1_000, "{}", run.most());
    let used = Run::used(&run.bulk, 1_000);
    assert!(used >= 0.98, "{used}");
}

#[test]
fn bulk_uses_its_share_and_the_other_lanes_theirs_and_together_they_keep_the_rate() {
    let run = Run::of(World {
        workers: 60,
        reserved: 10,
        lost: 2_000,
        repeated: 50,
        worker_stalls: 20_000,
        tick_stalls: 0,
        singles_per_second: 130,
    });
    assert!(run.most() <= 1_000, "{}", run.most());
    let used = Run::used(&run.bulk, 900);
    assert!(used >= 0.98, "{used}");
    let used = Run::used(&run.other, 100);
    assert!(used >= 0.6, "{used}");
}

#[test]
fn whatever_is_lost_repeated_or_stalled_no_second_holds_more_than_the_rate() {
    let run = Run::of(World {
        workers: 60,
        reserved: 20,
        lost: 10,
        repeated: 5,
        worker_stalls: 20,
        tick_stalls: 10,
        singles_per_second: 400,
    });
    assert!(run.most() <= 1_000, "{}", run.most());
    assert!(run.bulk.len() > 5_000, "{}", run.bulk.len());
}

#[test]
fn workers_that_are_far_too_few_are_used_as_far_as_they_reach() {
    let run = Run::of(World {
        workers: 8,
        reserved: 0,
        lost: 0,
        repeated: 0,
        worker_stalls: 0,
        tick_stalls: 0,
        singles_per_second: 0,
    });
    let used = Run::used(&run.bulk, 100);
    assert!(used >= 0.9, "{used}");
}
