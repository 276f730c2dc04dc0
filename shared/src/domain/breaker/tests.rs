//! The breaker by examples and by random histories.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use proptest::prelude::*;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

fn calls(made: u32, failed: u32) -> Calls {
    Calls { made, failed }
}

fn open() -> Breaker {
    let failed = Breaker::default().counted(calls(5, 5), at(0));
    failed.opened(at(0)).unwrap()
}

#[test]
fn it_opens_when_five_calls_and_half_of_all_failed_within_ten_seconds() {
    let closed = Breaker::default();
    for (made, failed, opens) in [(4, 4, false), (5, 5, true), (10, 5, true), (11, 5, false)] {
        let counted = closed.counted(calls(made, failed), at(0));
        assert_eq!(counted.opened(at(0)).is_some(), opens, "{failed} of {made}");
    }
    let long_ago = closed.counted(calls(4, 4), at(0));
    assert!(
        long_ago
            .counted(calls(1, 1), at(10_001))
            .opened(at(10_001))
            .is_none()
    );
    assert!(
        long_ago
            .counted(calls(1, 1), at(10_000))
            .opened(at(10_000))
            .is_some()
    );
}

#[test]
fn each_rest_in_a_row_is_twice_as_long_up_to_five_minutes() {
    let (mut breaker, mut now) = (open(), at(0));
    let mut rests = Vec::new();
    for _ in 0..7 {
        let Stance::Open(until) = breaker.stance(now) else {
            unreachable!("it is open");
        };
        rests.push(until.duration_since(now).as_secs());
        now = until;
        let failed = Learnt::Failed { is_first: false };
        let probing = breaker.probing("me", now).unwrap();
        breaker = probing.probed("me", failed, now).unwrap();
    }
    assert_eq!(rests, [15, 30, 60, 120, 240, 300, 300]);
    let probing = breaker.probing("me", at(10_000_000)).unwrap();
    let closed = probing
        .probed("me", Learnt::Accepted, at(10_000_000))
        .unwrap();
    assert_eq!(closed.stance(at(10_000_000)), Stance::Closed);
    let again = closed
        .counted(calls(5, 5), at(10_000_000))
        .opened(at(10_000_000));
    assert_eq!(
        again.unwrap().stance(at(10_000_000)),
        Stance::Open(at(10_015_000))
    );
}

#[test]
fn one_caller_alone_probes_until_its_right_lapses() {
    let rested = open();
    assert_eq!(rested.probing("me", at(14_999)), None);
    let probing = rested.probing("me", at(15_000)).unwrap();
    assert_eq!(probing.probing("you", at(49_999)), None);
    assert_eq!(probing.stance(at(15_000)), Stance::Open(at(17_000)));
    assert_eq!(probing.stance(at(49_000)), Stance::Open(at(50_000)));
    assert_eq!(probing.probed("you", Learnt::Accepted, at(16_000)), None);
    let yours = probing.probing("you", at(50_000)).unwrap();
    assert_eq!(yours.probed("me", Learnt::Accepted, at(51_000)), None);
    let left = yours.probed("you", Learnt::Nothing, at(51_000)).unwrap();
    assert_eq!(left.stance(at(51_000)), Stance::HalfOpen);
}

#[test]
fn a_rest_that_the_provider_asks_for_ends_with_one_call_too() {
    let quarter = SignedDuration::from_mins(15);
    let resting = Breaker::default().asked_to_rest("no quota", quarter, at(0));
    assert_eq!(resting.stance(at(899_999)), Stance::Open(at(900_000)));
    assert_eq!(resting.stance(at(900_000)), Stance::HalfOpen);
}

#[derive(Debug, Clone)]
enum Step {
    Counted(Calls),
    Asks(u8),
    Ends(u8, Learnt),
}

fn step() -> impl Strategy<Value = (i64, Step)> {
    let learnt = prop_oneof![
        Just(Learnt::Accepted),
        Just(Learnt::Failed { is_first: true }),
        Just(Learnt::Nothing),
    ];
    let step = prop_oneof![
        (0..20_u32, 0..20_u32)
            .prop_map(|(well, failed)| Step::Counted(calls(well + failed, failed))),
        (0..4_u8).prop_map(Step::Asks),
        (0..4_u8, learnt).prop_map(|(who, learnt)| Step::Ends(who, learnt)),
    ];
    (0..20_000_i64, step)
}

proptest! {
    #[test]
    fn nobody_calls_while_it_rests_and_never_do_two_probe(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let (mut breaker, mut now) = (Breaker::default(), 0);
        let mut prober: Option<(u8, i64)> = None;
        for (wait, step) in steps {
            now += wait;
            let turn = breaker.turn;
            let next = match step {
                Step::Counted(calls) => {
                    let counted = breaker.counted(calls, at(now));
                    counted.opened(at(now)).unwrap_or(counted)
                }
                Step::Asks(who) => match breaker.probing(&who.to_string(), at(now)) {
                    Some(probing) => {
                        prop_assert_eq!(breaker.stance(at(now)), Stance::HalfOpen);
                        prop_assert!(prober.is_none_or(|(_, until)| until <= now));
                        prober = Some((who, now + 35_000));
                        probing
                    }
                    None => breaker.clone(),
                },
                Step::Ends(who, learnt) => match breaker.probed(&who.to_string(), learnt, at(now)) {
                    Some(probed) => {
                        prop_assert_eq!(prober.take().map(|(prober, _)| prober), Some(who));
                        probed
                    }
                    None => breaker.clone(),
                },
            };
            if let Stance::Open(until) = next.stance(at(now)) {
                let rest = until.duration_since(at(now));
                prop_assert!(rest > SignedDuration::ZERO && rest <= LONGEST_REST);
            }
            prop_assert!(next.turn == turn || next.turn == turn + 1);
            breaker = next;
        }
    }
}
