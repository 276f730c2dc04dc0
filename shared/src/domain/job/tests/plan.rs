//! What a plan foretells: the tightest limit, what waits for room, and what comes too late.

use super::*;
use crate::domain::limits::{Limits, Used};
use crate::domain::pace::{InboundRate, Reached, Room, Slowed};
use crate::domain::tier::{CallRoom, DayRoom, Rooms, day_of, end_of};

#[test]
fn the_tightest_limit_tells_the_rate_and_what_does_not_fit_expires() {
    let course = Course::of(rates(100), 2);
    let all = forecast(600, &course, &Rooms::default(), at(0), None);
    assert_eq!(
        (all.per_second, all.limited_by),
        (30.0, Some(Factor::OtherJobs))
    );
    assert_eq!(
        (all.to_send, all.to_expire, all.ends_at),
        (600, 0, Some(at(20)))
    );
    let alone = Course::of(rates(100), 0);
    let alone = forecast(600, &alone, &Rooms::default(), at(0), Some(at(5)));
    assert_eq!(alone.limited_by, Some(Factor::SenderRate));
    assert_eq!((alone.to_send, alone.to_expire), (450, 150));
    let gone = forecast(600, &Course::default(), &Rooms::default(), at(0), None);
    assert_eq!((gone.per_second, gone.ends_at), (0.0, None));
}

fn rates(messages_per_second: u32) -> Rates {
    Rates {
        messages_per_second,
        reserved_percent: 10,
        begins_at: at(0),
        ..Rates::default()
    }
}

#[test]
fn a_plan_heeds_the_part_of_the_credential_and_what_comes_in() {
    let first = InboundRate::after(None, 0, at(0));
    let told = |rates| {
        let plan = forecast(10, &Course::of(rates, 1), &Rooms::default(), at(0), None);
        let alone = forecast(10, &Course::of(rates, 0), &Rooms::default(), at(0), None);
        (alone.limited_by.unwrap(), alone.per_second, plan.per_second)
    };
    let mut rates = rates(100);
    rates.calls_per_second = Some(1_000);
    assert_eq!(told(rates), (Factor::SenderRate, 90.0, 45.0));
    rates.calls_per_second = Some(50);
    assert_eq!(told(rates), (Factor::CredentialLimit, 45.0, 22.5));
    rates.inbound = Some(InboundRate::after(Some(&first), 25, at(1)));
    assert_eq!(told(rates), (Factor::Inbound, 20.0, 10.0));
    rates.stopped_by = Some(Factor::SenderPaused);
    assert_eq!(told(rates), (Factor::SenderPaused, 0.0, 0.0));
    let paused = forecast(10, &Course::of(rates, 0), &Rooms::default(), at(0), None);
    assert_eq!(paused.ends_at, None, "nobody knows when it is resumed");
}

#[test]
fn a_plan_heeds_that_a_sender_is_slowed_down_and_that_it_recovers() {
    let slowed = |permille, begins_at| Rates {
        slowed: Some(Slowed {
            at: at(0),
            permille,
        }),
        begins_at: at(begins_at),
        ..rates(100)
    };
    let plan = |count, permille, begins_at| {
        let course = Course::of(slowed(permille, begins_at), 0);
        let rooms = Rooms::default();
        let plan = forecast(count, &course, &rooms, at(begins_at), None);
        let took = plan.ends_at.unwrap().duration_since(at(begins_at));
        (plan.limited_by.unwrap(), plan.per_second, took.as_secs())
    };
    // 45 a second at first, 90 after half a minute: 2,025 by then.
    assert_eq!(plan(2_025, 500, 0), (Factor::SlowedDown, 45.0, 30));
    assert_eq!(plan(2_025 + 9_000, 500, 0), (Factor::SlowedDown, 45.0, 130));
    assert_eq!(plan(844, 500, 0), (Factor::SlowedDown, 45.0, 16));
    assert_eq!(plan(900, 500, 30), (Factor::SenderRate, 90.0, 10));
    let late = Course::of(slowed(500, 0), 0);
    let cut = forecast(9_000, &late, &Rooms::default(), at(0), Some(at(30)));
    assert_eq!((cut.to_send, cut.to_expire), (2_025, 6_975));
    let course = Course::of(slowed(500, 0), 2);
    let beside = forecast(9, &course, &Rooms::default(), at(0), None);
    assert_eq!(
        (beside.limited_by, beside.per_second),
        (Some(Factor::OtherJobs), 15.0),
        "jobs share what is left"
    );
}

#[test]
fn a_plan_heeds_that_a_sender_whose_slots_are_borrowed_keeps_half_for_jobs_of_its_own() {
    let told = |rates, others| {
        let plan = forecast(
            10,
            &Course::of(rates, others),
            &Rooms::default(),
            at(0),
            None,
        );
        (plan.limited_by.unwrap(), plan.per_second)
    };
    let borrowed = Rates {
        keeps_half: true,
        ..rates(15)
    };
    // Of 15 a second bulk has 13.
    assert_eq!(told(rates(15), 0), (Factor::SenderRate, 13.0));
    assert_eq!(told(borrowed, 0), (Factor::OtherJobs, 7.0));
    assert_eq!(told(borrowed, 1), (Factor::OtherJobs, 3.5));
}

#[test]
fn a_plan_counts_the_days_that_a_portfolio_without_room_waits() {
    let mut room = Room {
        portfolio: "300000000000001".parse().unwrap(),
        people_per_day: 250,
        reached: Reached::default(),
    };
    let plan = |room: &Room, open, expires_at| {
        let course = Course::of(rates(100), 0);
        let rooms = Rooms {
            portfolio: Some(room.clone()),
            ..Rooms::default()
        };
        forecast(open, &course, &rooms, at(0), expires_at)
    };
    let fits = plan(&room, 250, None);
    assert_eq!(fits.limited_by, Some(Factor::SenderRate));
    assert_eq!(fits.ends_at, Some(at(3)));
    let days = plan(&room, 1_000, None);
    let ends_at = days.ends_at.unwrap();
    assert_eq!(days.limited_by, Some(Factor::PortfolioLimit));
    assert!(
        ends_at > at(3 * 86_400) && ends_at < at(4 * 86_400),
        "{ends_at}"
    );
    assert!(days.per_second < 0.01);
    let cut = plan(&room, 1_000, Some(at(90_001)));
    assert_eq!((cut.to_send, cut.to_expire), (500, 500));
    room.people_per_day = 0;
    assert_eq!(plan(&room, 1, None).ends_at, None);
}

#[test]
fn a_plan_tells_that_the_tenants_day_holds_the_job_back() {
    let course = Course::of(rates(100), 0);
    let plan = |per_day, people_per_day: Option<u64>| {
        let room = |people_per_day| Room {
            portfolio: "300000000000001".parse().unwrap(),
            people_per_day,
            reached: Reached::default(),
        };
        let rooms = Rooms {
            portfolio: people_per_day.map(room),
            day: Some(DayRoom::empty(day_of(at(0)), per_day)),
            ..Rooms::default()
        };
        forecast(1_000, &course, &rooms, at(0), None)
    };
    assert_eq!(plan(1_000, None).limited_by, Some(Factor::SenderRate));
    let waits = plan(600, None);
    assert_eq!(waits.limited_by, Some(Factor::DailyLimit));
    assert!(waits.ends_at.unwrap() > end_of(day_of(at(0))));
    assert_eq!(
        plan(600, Some(250)).limited_by,
        Some(Factor::PortfolioLimit)
    );
    assert_eq!(plan(250, Some(600)).limited_by, Some(Factor::DailyLimit));
    let never = plan(0, None);
    assert_eq!((never.to_send, never.ends_at), (0, None));
}

#[test]
fn a_plan_heeds_the_limits_of_the_provider_and_of_the_keys() {
    let per_minute = |most| CallRoom {
        limits: Limits {
            per_minute: Some(most),
            ..Limits::default()
        },
        used: Used::default(),
    };
    let told = |provider: Option<u32>, keys: &[u32]| {
        let rooms = Rooms {
            provider: provider.map(per_minute),
            keys: keys.iter().copied().map(per_minute).collect(),
            ..Rooms::default()
        };
        let course = Course::of(rates(100), 0);
        // A minute of the clock begins.
        let begins_at = at(40);
        let plan = forecast(9_000, &course, &rooms, begins_at, None);
        let minutes = plan.ends_at.unwrap().duration_since(begins_at).as_mins();
        (plan.limited_by.unwrap(), minutes)
    };
    assert_eq!(told(None, &[]), (Factor::SenderRate, 1));
    assert_eq!(told(Some(600), &[]), (Factor::ProviderLimit, 14));
    assert_eq!(told(Some(600), &[100, 200]), (Factor::KeyLimit, 29));
    assert_eq!(told(Some(60_000), &[9_000]), (Factor::SenderRate, 1));
}
