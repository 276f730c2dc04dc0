//! Many workers that each want one slot of one row at the same time, in simulated time: what they read is old when
//! they write.

use super::simulated::Chance;
use super::*;
use std::collections::BTreeMap;

/// How long a read or a write takes at least, and by how much longer at most.
const TRIP_US: (i64, i64) = (2_000, 8_000);

/// As workers do: so many tries, and a wait that grows with each.
const TRIES: u32 = 8;
const GIVE_WAY_US: i64 = 15_000;

/// What a worker does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Read { lost: u32 },
    Write { lost: u32, seen: Rows, at: i64 },
}

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    slots: Vec<Slot>,
    /// Who lost every write.
    without: usize,
    writes: usize,
    longest_wait_us: i64,
}

/// So many messages, `per_second` of them, each with a worker of its own, of a sender of this rate.
fn run(rate: u32, per_second: i64, messages: i64, seed: u64) -> Outcome {
    let shares = Shares::of(rate, 10);
    let (mut rows, mut chance, mut outcome) = (Rows::default(), Chance(seed), Outcome::default());
    let mut agenda: BTreeMap<(i64, i64), (Step, i64)> = (0..messages)
        .map(|place| {
            let begins = chance.below(messages * SECOND_US / per_second);
            ((begins, place), (Step::Read { lost: 0 }, begins))
        })
        .collect();
    while let Some(((now, place), (step, asked))) = agenda.pop_first() {
        let trip = TRIP_US.0 + chance.below(TRIP_US.1);
        let next = match step {
            Step::Read { lost } => Some((
                now + trip,
                Step::Write {
                    lost,
                    seen: rows,
                    at: now,
                },
            )),
            Step::Write { lost, seen, at } => {
                outcome.writes += 1;
                let slots = write(&mut rows, &seen, shares, at, lost);
                for slot in &slots {
                    let wait = slot.at.as_microsecond() - asked;
                    outcome.longest_wait_us = outcome.longest_wait_us.max(wait);
                }
                let lost = lost + 1;
                let again = slots.is_empty() && lost < TRIES;
                outcome.without += usize::from(slots.is_empty() && !again);
                outcome.slots.extend(slots);
                let wait = trip + chance.below(GIVE_WAY_US * i64::from(lost));
                again.then_some((now + wait, Step::Read { lost }))
            }
        };
        if let Some((time, step)) = next {
            agenda.insert((time, place), (step, asked));
        }
    }
    outcome
}

/// As the store does.
fn write(rows: &mut Rows, seen: &Rows, shares: Shares, at: i64, lost: u32) -> Vec<Slot> {
    match seen.leasable(Lane::Single, shares, 1, at_us(at), lost) {
        Some(Leasable::Behind(behind)) => take_behind(rows, true, behind),
        Some(Leasable::Exactly(taken)) if rows.single == seen.single => {
            rows.single = taken.row;
            taken.slots
        }
        Some(Leasable::Exactly(_)) | None => Vec::new(),
    }
}

#[test]
fn however_fast_single_messages_come_each_gets_a_slot_at_once_and_by_few_writes() {
    for per_second in [10, 50, 100, 200, 400, 600] {
        let outcome = run(1_000, per_second, per_second * 10, 7);
        assert_eq!(outcome.without, 0, "{per_second}");
        assert!(outcome.writes * 2 <= outcome.slots.len() * 3, "{outcome:?}");
        assert!(outcome.longest_wait_us < SECOND_US / 2, "{outcome:?}");
    }
}

#[test]
fn of_two_hundred_that_come_in_the_same_moment_each_gets_a_slot() {
    let outcome = run(80, 1_000_000, 200, 7);
    assert_eq!((outcome.without, outcome.slots.len()), (0, 200));
}

proptest! {
    #[test]
    fn however_many_go_behind_each_other_no_second_holds_more_calls_than_the_rate(
        rate in 2_u32..=200, per_second in 1_i64..400, seed in 1_u64..,
    ) {
        let outcome = run(rate, per_second, 400, seed);
        let mut chance = Chance(seed);
        let begun: Vec<i64> = outcome.slots.iter().map(|slot| {
            let (from, until) = (slot.at.as_microsecond(), slot.until.as_microsecond());
            from + if chance.below(2) == 0 { 0 } else { until - 1 - from }
        }).collect();
        prop_assert!(most_in_a_second(&begun) <= usize::try_from(rate).unwrap());
    }
}
