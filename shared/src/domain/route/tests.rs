//! Whose turn it is, over a route.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]
use super::*;
use crate::domain::message::Outcome;
use crate::domain::provider::Gateway;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn stop(sender: &str, number: Option<&str>) -> Stop {
    let account = format!("acct_{}", sender.chars().take(4).collect::<String>());
    Stop {
        leg: Leg {
            account: account.parse().unwrap(),
            sender: sender.parse().unwrap(),
        },
        number: number.map(str::to_owned),
    }
}

/// Three senders of one number.
fn way() -> Way {
    let number = Some("15550002000");
    Way {
        route: RouteId::at(at(0)),
        stops: vec![
            stop("100000000000001", number),
            stop("fonnte-15550002000", number),
            stop("notifapi-15550002000", number),
        ],
        policy: Failover::default(),
    }
}

fn refused(stop: &Stop, class: Class) -> Attempt {
    Attempt {
        leg: Some(stop.leg.clone()),
        outcome: Some(Outcome::Refused),
        failure: Some(failure(class)),
        ..Attempt::starting(at(0))
    }
}

fn failure(class: Class) -> ProviderFailure {
    ProviderFailure::without_code(class, "it failed", "look at it")
}

fn next(way: &Way, attempts: &[Attempt], class: Class) -> Turn {
    let here = attempts.last().unwrap().leg.as_ref().unwrap();
    let after = way.after(&here.sender, attempts, &failure(class), |_| true);
    after.turn
}

#[test]
fn only_what_provably_did_not_arrive_and_is_nobodys_fault_changes_the_sender() {
    let way = way();
    for class in Class::ALL {
        let attempts = [refused(&way.stops[0], class)];
        let turn = next(&way, &attempts, class);
        let changes = matches!(
            class,
            Class::Transient | Class::Credential | Class::Ambiguous
        );
        assert_eq!(matches!(turn, Turn::Next(..)), changes, "{class:?}");
    }
}

#[test]
fn the_senders_take_turns_until_none_is_left_that_may_send_it() {
    let way = way();
    let mut attempts = Vec::new();
    for (place, before) in [(0, 0), (1, 0), (2, 1), (0, 1), (1, 1)] {
        attempts.push(refused(&way.stops[place], Class::Transient));
        let after = way.stops[(place + 1) % 3].leg.clone();
        let turn = next(&way, &attempts, Class::Transient);
        assert_eq!(turn, Turn::Next(after, before));
    }
    let mut attempts: Vec<Attempt> = Vec::new();
    for place in [0, 1] {
        attempts.push(refused(&way.stops[place], Class::Credential));
        let after = way.stops[place + 1].leg.clone();
        let turn = next(&way, &attempts, Class::Credential);
        assert_eq!(turn, Turn::Next(after, 0));
    }
    attempts.push(refused(&way.stops[2], Class::Transient));
    assert!(matches!(
        next(&way, &attempts, Class::Transient),
        Turn::Stay(_)
    ));
}

#[test]
fn what_waits_for_a_credential_leaves_from_whichever_sender_has_one_again() {
    let way = way();
    let mut attempts: Vec<Attempt> = way
        .stops
        .iter()
        .map(|stop| refused(stop, Class::Credential))
        .collect();
    let Turn::Stay(why) = next(&way, &attempts, Class::Credential) else {
        panic!("nobody has a credential");
    };
    assert!(why.contains("had no credential left"), "{why}");
    let senders = |attempts: &[Attempt]| {
        let at = &way.stops[2].leg.sender;
        let legs = way.in_turn(at, attempts, |_| true);
        legs.into_iter().cloned().collect::<Vec<_>>()
    };
    let leg = |place: usize| way.stops[place].leg.clone();
    assert_eq!(senders(&attempts), [leg(2), leg(0), leg(1)]);
    attempts[0] = refused(&way.stops[0], Class::Recipient);
    assert_eq!(
        senders(&attempts),
        [leg(2), leg(1)],
        "that one has refused the message"
    );
}

#[test]
fn no_sender_is_called_more_often_than_five_times_for_a_message() {
    let way = way();
    let mut attempts = Vec::new();
    while attempts.len() < 13 {
        attempts.push(refused(&way.stops[attempts.len() % 3], Class::Transient));
    }
    let turn = next(&way, &attempts, Class::Transient);
    assert_eq!(turn, Turn::Next(way.stops[1].leg.clone(), 4));
    for place in [1, 2] {
        attempts.push(refused(&way.stops[place], Class::Transient));
    }
    let turn = next(&way, &attempts, Class::Transient);
    assert!(matches!(turn, Turn::Stay(why) if why.contains("five times")));
    let at = &way.stops[1].leg;
    let turns = way.in_turn(&at.sender, &attempts, |_| true);
    assert_eq!(turns, [at], "who asks for another attempt has it there");
}

#[test]
fn the_number_changes_only_where_that_is_allowed_and_the_answer_says_why() {
    let mut way = way();
    way.stops[1].number = Some("15550002001".to_owned());
    way.stops[2].number = None;
    assert!(way.has_other_numbers());
    let attempts = [refused(&way.stops[0], Class::Transient)];
    let Turn::Stay(why) = next(&way, &attempts, Class::Transient) else {
        panic!("it changed the number");
    };
    assert!(
        why.contains("other_number") && why.contains("fonnte-***2000"),
        "{why}"
    );
    assert_eq!(
        way.in_turn(&way.stops[0].leg.sender, &[], |_| true).len(),
        1
    );
    way.policy.other_number = true;
    assert!(matches!(
        next(&way, &attempts, Class::Transient),
        Turn::Next(..)
    ));
}

#[test]
fn who_has_no_way_to_send_it_is_left_out() {
    let way = way();
    let attempts = [refused(&way.stops[0], Class::Transient)];
    let can = |provider| provider != Provider::Gateway(Gateway::Fonnte);
    let first = &way.stops[0].leg.sender;
    let after = way.after(first, &attempts, &failure(Class::Transient), can);
    assert_eq!(after.turn, Turn::Next(way.stops[2].leg.clone(), 0));
    let turns = way.in_turn(first, &[], can);
    assert_eq!(turns, [&way.stops[0].leg, &way.stops[2].leg]);
}

#[test]
fn what_its_provider_says_of_a_sender_changes_it_as_a_refused_credential_does() {
    let way = way();
    let locked = ProviderFailure::from_meta(131_031, &[]);
    assert!(locked.stops_the_sender());
    let attempts = [refused(&way.stops[0], locked.class)];
    let first = &way.stops[0].leg.sender;
    let after = way.after(first, &attempts, &locked, |_| true);
    assert!(matches!(after.turn, Turn::Next(..)));
}

#[test]
fn what_a_sender_has_no_way_to_send_goes_on_whatever_its_failure_is_called() {
    let way = way();
    let attempts = [refused(&way.stops[0], Class::Permanent)];
    let first = &way.stops[0].leg.sender;
    let can = |provider| provider != Provider::Meta;
    let after = way.after(first, &attempts, &failure(Class::Permanent), can);
    assert_eq!(after.turn, Turn::Next(way.stops[1].leg.clone(), 0));
}
