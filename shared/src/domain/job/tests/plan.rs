//! What a plan foretells: the tightest limit, what waits for room, and what comes too late.

use super::*;
use crate::domain::pace::{InboundRate, Reached, Room};
use crate::domain::tier::{DayRoom, Rooms, day_of, end_of};

#[test]
fn the_tightest_limit_tells_the_rate_and_what_does_not_fit_expires() {
    let limits = sender_limits(rates(100), 2);
    let all = forecast(600, &limits, &Rooms::default(), at(0), None);
    assert_eq!(
        (all.per_second, all.limited_by),
        (30.0, Some(Factor::OtherJobs))
    );
    assert_eq!(
        (all.to_send, all.to_expire, all.ends_at),
        (600, 0, Some(at(20)))
    );
    let alone = sender_limits(rates(100), 0);
    let alone = forecast(600, &alone, &Rooms::default(), at(0), Some(at(5)));
    assert_eq!(alone.limited_by, Some(Factor::SenderRate));
    assert_eq!((alone.to_send, alone.to_expire), (450, 150));
    let stopped = forecast(
        600,
        &sender_limits(rates(0), 0),
        &Rooms::default(),
        at(0),
        None,
    );
    assert_eq!(stopped.ends_at, None);
}

fn rates(messages_per_second: u32) -> Rates {
    Rates {
        messages_per_second,
        reserved_percent: 10,
        ..Rates::default()
    }
}

#[test]
fn a_plan_heeds_the_part_of_the_credential_and_what_comes_in() {
    let first = InboundRate::after(None, 0, at(0));
    let told = |rates| {
        let plan = forecast(10, &sender_limits(rates, 1), &Rooms::default(), at(0), None);
        let alone = forecast(10, &sender_limits(rates, 0), &Rooms::default(), at(0), None);
        (alone.limited_by.unwrap(), alone.per_second, plan.per_second)
    };
    let mut rates = rates(100);
    rates.calls_per_second = Some(1_000);
    assert_eq!(told(rates), (Factor::SenderRate, 90.0, 45.0));
    rates.calls_per_second = Some(50);
    assert_eq!(told(rates), (Factor::CredentialLimit, 45.0, 22.5));
    rates.inbound = Some(InboundRate::after(Some(&first), 25, at(1)));
    assert_eq!(told(rates), (Factor::Inbound, 20.0, 10.0));
    rates.is_paused = true;
    assert_eq!(told(rates), (Factor::SenderPaused, 0.0, 0.0));
    let paused = forecast(10, &sender_limits(rates, 0), &Rooms::default(), at(0), None);
    assert_eq!(paused.ends_at, None, "nobody knows when it is resumed");
}

#[test]
fn a_plan_counts_the_days_that_a_portfolio_without_room_waits() {
    let mut room = Room {
        portfolio: "300000000000001".parse().unwrap(),
        people_per_day: 250,
        reached: Reached::default(),
    };
    let plan = |room: &Room, open, expires_at| {
        let limits = sender_limits(rates(100), 0);
        let rooms = Rooms {
            portfolio: Some(room.clone()),
            day: None,
        };
        forecast(open, &limits, &rooms, at(0), expires_at)
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
    let limits = sender_limits(rates(100), 0);
    let plan = |per_day, people_per_day: Option<u64>| {
        let room = |people_per_day| Room {
            portfolio: "300000000000001".parse().unwrap(),
            people_per_day,
            reached: Reached::default(),
        };
        let rooms = Rooms {
            portfolio: people_per_day.map(room),
            day: Some(DayRoom::empty(day_of(at(0)), per_day)),
        };
        forecast(1_000, &limits, &rooms, at(0), None)
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
