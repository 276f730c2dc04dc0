//! No second holds more calls than the rate, and little of it is wasted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contended;
mod simulated;

use super::*;
use crate::domain::failure::ProviderFailure;
use crate::domain::message::Lane;
use proptest::prelude::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap()
}

/// The most calls that began in any second, wherever it begins; times in microseconds.
fn most_in_a_second(begun: &[i64]) -> usize {
    let mut begun = begun.to_vec();
    begun.sort_unstable();
    let mut first = 0;
    let mut most = 0;
    for (place, time) in begun.iter().enumerate() {
        while begun
            .get(first)
            .is_some_and(|start| *start <= time - SECOND_US)
        {
            first += 1;
        }
        most = most.max(place + 1 - first);
    }
    most
}

#[test]
fn the_shares_of_a_rate_add_up_to_it() {
    for rate in 1..=1_000 {
        for percent in [0, 1, 10, 50, 100, 255] {
            let Shares {
                bulk,
                single,
                otp,
                alone,
            } = Shares::of(rate, percent);
            assert_eq!((bulk + single + otp, alone + otp), (rate, rate));
            assert!(bulk > 0, "{rate} {percent}");
        }
    }
    let shares = Shares::of(80, 10);
    assert_eq!((shares.bulk, shares.single, shares.otp), (72, 4, 4));
}

#[test]
fn a_row_used_to_the_full_uses_more_than_98_percent_of_its_limit() {
    for limit in [1_u32, 20, 72, 900, 1_000] {
        let (mut row, spacing) = (Row::default(), Spacing::tight(limit));
        let slots = limit * 60;
        let last = (0..slots).map(|_| row.take(spacing, at(0)).at).last();
        let took = last.unwrap().duration_since(at(0));
        assert!(took <= SignedDuration::from_micros(60_900_000 + 60 * i64::from(limit)));
    }
}

#[test]
fn slots_that_have_passed_are_lost_not_caught_up_with() {
    let rows = Rows::default();
    let before = rows.take_bulk(72, 72, at(0));
    let rows = Rows {
        bulk: before.row,
        shared: true,
        ..rows
    };
    let later = rows.take_bulk(72, 72, at(60_000));
    assert_eq!(later.slots.first().unwrap().at, at(60_300));
    assert!(later.slots.len() <= 86);
}

#[test]
fn a_slower_sender_gives_each_slot_more_time() {
    let slack = |speed| {
        let taken = Rows::default().take_bulk(100, speed, at(0));
        let slot = *taken.slots.first().unwrap();
        slot.until.duration_since(slot.at).as_millis()
    };
    assert_eq!(
        [slack(100), slack(80), slack(50), slack(1)],
        [10, 245, 995, 995]
    );
}

#[test]
fn a_job_waits_a_second_after_the_last_single_slot_and_single_messages_after_its_last() {
    let shares = Shares::of(80, 10);
    let mut rows = Rows::default();
    let taken = rows.take(Lane::Single, shares, 76, at(0)).unwrap();
    rows.single = taken.row;
    let bulk = rows.take_bulk(shares.bulk, shares.bulk, at(0));
    let barrier = rows.single.end().unwrap() + SignedDuration::from_secs(1);
    assert!(bulk.slots.iter().all(|slot| slot.at >= barrier));
    let rows = Rows {
        bulk: bulk.row,
        shared: false,
        ..rows
    };
    let barrier = bulk.row.end().unwrap() + SignedDuration::from_secs(1);
    let taken = rows.take(Lane::Single, shares, 40, at(3_000)).unwrap();
    let early = taken.slots.iter().filter(|slot| slot.at < barrier);
    assert!(early.count() <= 4 * 3);
}

#[test]
fn one_time_codes_do_not_wait_behind_single_messages_and_these_not_behind_bulk() {
    let shares = Shares::of(80, 10);
    let mut rows = Rows::default();
    rows.bulk = rows.take_bulk(shares.bulk, shares.bulk, at(0)).row;
    rows.shared = true;
    let now = at(1_000);
    assert_eq!(first(&rows, Lane::Single, now), now);
    rows.single = rows.take(Lane::Single, shares, 100, now).unwrap().row;
    assert!(first(&rows, Lane::Single, now) > at(20_000));
    assert_eq!(first(&rows, Lane::Otp, now), now);
}

#[test]
fn where_nothing_is_reserved_a_single_message_goes_behind_the_bulk_of_a_second() {
    let shares = Shares::of(80, 0);
    let mut rows = Rows::default();
    rows.bulk = rows.take_bulk(shares.bulk, shares.bulk, at(0)).row;
    rows.shared = true;
    let taken = rows.take(Lane::Otp, shares, 1, at(200)).unwrap();
    assert_eq!(taken.line, Line::Bulk);
    assert!(taken.slots.first().unwrap().at <= at(1_600));
}

#[test]
fn slots_behind_the_last_one_are_those_that_would_be_taken_knowing_it() {
    let (shares, mut rows) = (Shares::of(80, 10), Rows::default());
    assert_eq!(rows.behind(Lane::Single, shares, 1, at(0)), None);
    let mut slots = Vec::new();
    for number in 0..400 {
        let taken = rows.take(Lane::Single, shares, 1, at(0)).unwrap();
        if let Some(behind) = rows.behind(Lane::Single, shares, 1, at(0)) {
            assert_eq!(behind.slots(&taken.row), taken.slots, "{number}");
            slots.extend(taken.slots);
        }
        rows.single = taken.row;
    }
    // All but the first one, and the one whose slack is shorter than that before it.
    assert_eq!(slots.len(), 398);
    assert_eq!(rows.behind(Lane::Single, shares, 1, at(60_000)), None);
}

#[test]
fn slots_a_minute_away_are_not_taken() {
    let (shares, mut rows) = (Shares::of(20, 10), Rows::default());
    let taken = rows.take(Lane::Single, shares, 10_000, at(0)).unwrap();
    assert!(taken.slots.len() < 1_300);
    rows.single = taken.row;
    assert_eq!(rows.take(Lane::Single, shares, 1, at(0)), None);
    assert_eq!(rows.behind(Lane::Single, shares, 1, at(0)), None);
}

fn first(rows: &Rows, lane: Lane, now: Timestamp) -> Timestamp {
    let taken = rows.take(lane, Shares::of(80, 10), 1, now).unwrap();
    taken.slots.first().unwrap().at
}

#[test]
fn a_sender_whose_workers_fall_behind_slows_down_and_comes_back() {
    let mut speed = Speed::first(900);
    assert_eq!((speed.of(900), Speed::first(72).of(72)), (199, 72));
    speed = (0..8).fold(speed, |speed, _| speed.after(12, 1));
    assert_eq!(speed.of(900), 900);
    assert_eq!(speed.after(12, 4).of(900), 787);
    assert_eq!(speed.after(12, 7).of(900), 450);
    let mut slower = speed;
    for _ in 0..20 {
        let each = [0, 2, 4, 7, 12].map(|missed| slower.after(12, missed));
        assert!(each.is_sorted_by(|less, more| less >= more), "{each:?}");
        slower = slower.after(12, 4);
    }
    assert_eq!(slower.of(900), 1);
    speed = slower;
    assert_eq!(speed.after(12, 3), speed.after(0, 0));
    speed = (0..8).fold(speed, |speed, _| speed.after(12, 1));
    assert_eq!(speed.of(900), 900);
}

#[test]
fn a_sender_that_was_slowed_down_recovers_by_itself_within_a_minute() {
    let once = Slowed::again(None, at(0)).unwrap();
    assert_eq!(Slowed::rate(Some(&once), 80, at(0)), 40);
    assert_eq!(Slowed::again(Some(&once), at(999)), None);
    let twice = Slowed::again(Some(&once), at(1_000)).unwrap();
    assert_eq!(Slowed::rate(Some(&twice), 80, at(1_000)), 20);
    assert_eq!(Slowed::rate(Some(&twice), 80, at(31_000)), 60);
    assert_eq!(Slowed::rate(Some(&twice), 80, at(61_000)), 80);
    let many = (2..30).fold(twice, |slowed, second| {
        Slowed::again(Some(&slowed), at(second * 1_000)).unwrap()
    });
    assert!(Slowed::rate(Some(&many), 80, at(30_000)) >= 4);
}

#[test]
fn slots_given_away_before_a_slow_down_are_thinned_by_as_much_and_later_ones_are_not() {
    let slowed = Slowed::again(None, at(1_000)).unwrap();
    let used = |since, now| {
        let used = (0..1_000).filter(|chance| Slowed::lets(Some(&slowed), since, now, *chance));
        used.count()
    };
    assert_eq!(used(at(999), at(1_000)), 500);
    assert_eq!(used(at(999), at(16_000)), 750);
    assert_eq!(used(at(999), at(31_000)), 1_000);
    assert_eq!(used(at(1_000), at(1_000)), 1_000);
    assert!(Slowed::lets(None, at(0), at(1), 999));
}

#[test]
fn each_refusal_has_the_consequence_for_the_sender_that_meta_says() {
    let of = |code| consequence(&ProviderFailure::from_meta(code, &[]), at(0));
    for code in [130_429, 80_007, 4] {
        assert_eq!(of(code), Consequence::SlowDown, "{code}");
    }
    for code in [131_048, 131_064, 368, 190, 33] {
        let Consequence::Pause(pause) = of(code) else {
            unreachable!("{code} does not pause");
        };
        assert_eq!((pause.code, pause.since), (Some(code), at(0)));
        assert!(!pause.remedy.is_empty());
    }
    for code in [131_056, 131_049, 131_026, 131_047, 100, 1, 131_000] {
        assert_eq!(of(code), Consequence::Nothing, "{code}");
    }
}

/// Something that happens to a sender's rows.
#[derive(Debug, Clone)]
enum Step {
    /// A tick of a sender with jobs, at this share of its speed and of its rate.
    Tick { percent: u32, left: u32 },
    /// Its last job ended.
    Rest,
    /// So many messages of a lane want slots.
    Take { lane: Lane, count: usize, left: u32 },
    /// The same, of a worker that looked before the step before, and does not mind what others took since.
    Behind { lane: Lane, count: usize, left: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    let lane = || prop_oneof![Just(Lane::Otp), Just(Lane::Single)];
    prop_oneof![
        4 => (1_u32..=100, 1_u32..=100).prop_map(|(percent, left)| Step::Tick { percent, left }),
        1 => Just(Step::Rest),
        4 => (lane(), 1_usize..60, 1_u32..=100)
            .prop_map(|(lane, count, left)| Step::Take { lane, count, left }),
        4 => (lane(), 1_usize..60, 1_u32..=100)
            .prop_map(|(lane, count, left)| Step::Behind { lane, count, left }),
    ]
}

/// Takes slots as the store does: if bulk has its share, or has it not, as it was, and the row is as it must be.
fn take_behind(rows: &mut Rows, shared_since: bool, behind: Behind) -> Vec<Slot> {
    let row = match behind.line {
        Line::Bulk => &mut rows.bulk,
        Line::Single => &mut rows.single,
        Line::Otp => &mut rows.otp,
    };
    let is_there = |last| (behind.from_us..=behind.to_us).contains(&last);
    match row.last_us.filter(|last| is_there(*last)) {
        Some(last) if shared_since && row.slack_us == behind.slack_us => {
            let mut exactly = *row;
            row.last_us = Some(last + behind.advance_us);
            let slots = behind.slots(row);
            for slot in &slots {
                let spacing = Spacing {
                    step_us: behind.advance_us / i64::try_from(slots.len()).unwrap(),
                    slack_us: behind.slack_us,
                };
                assert_eq!(exactly.take(spacing, at_us(behind.from_us)), *slot);
            }
            slots
        }
        Some(_) | None => Vec::new(),
    }
}

fn part(rate: u32, percent: u32) -> u32 {
    (rate * percent / 100).max(1)
}

proptest! {
    /// P7: any interleaving of jobs, messages, speeds and slowing down; each call begins anywhere in its slot.
    #[test]
    fn no_second_holds_more_calls_than_the_rate(
        rate in 1_u32..=300,
        reserved in 0_u8..=100,
        steps in prop::collection::vec((step(), 0_i64..1_500, any::<u64>()), 1..40),
    ) {
        let (mut rows, mut now, mut begun) = (Rows::default(), 0, Vec::new());
        let (mut epoch, mut seen) = (0, (rows, 0, 0));
        for (step, pause, seed) in steps {
            let looked = std::mem::replace(&mut seen, (rows, now, epoch));
            now += pause;
            let slots = match step {
                Step::Tick { percent, left } => {
                    let share = Shares::of(part(rate, left), reserved).bulk;
                    let taken = rows.take_bulk(share, part(share, percent), at(now));
                    epoch += u64::from(!rows.shared);
                    (rows.bulk, rows.shared) = (taken.row, true);
                    taken.slots
                }
                Step::Rest => {
                    epoch += u64::from(rows.shared);
                    rows.shared = false;
                    Vec::new()
                }
                Step::Take { lane, count, left } => {
                    let shares = Shares::of(part(rate, left), reserved);
                    let taken = rows.take(lane, shares, count, at(now));
                    taken.map(|taken| {
                        match taken.line {
                            Line::Bulk => rows.bulk = taken.row,
                            Line::Single => rows.single = taken.row,
                            Line::Otp => rows.otp = taken.row,
                        }
                        taken.slots
                    }).unwrap_or_default()
                }
                Step::Behind { lane, count, left } => {
                    let (then, at_that_time, since) = looked;
                    let shares = Shares::of(part(rate, left), reserved);
                    let behind = then.behind(lane, shares, count, at(at_that_time));
                    behind.map(|behind| take_behind(&mut rows, since == epoch, behind)).unwrap_or_default()
                }
            };
            let mut chance = simulated::Chance(seed | 1);
            for slot in slots {
                let (from, until) = (slot.at.as_microsecond(), slot.until.as_microsecond());
                let late = match chance.below(4) {
                    0 => 0,
                    1 => until - 1 - from,
                    _ => chance.below(until - from),
                };
                begun.push(from + late);
            }
        }
        let most = most_in_a_second(&begun);
        prop_assert!(most <= usize::try_from(rate).unwrap(), "{most}");
    }
}
