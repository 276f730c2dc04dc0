//! What a failure means, and what may be said of it, as promises.

use super::*;
use crate::domain::provider::{Ability, Gateway};

#[test]
fn only_where_statuses_come_is_anybody_to_wait_for_one() {
    let told = |provider| {
        ProviderFailure::ambiguous("silence")
            .told_by(provider)
            .remedy
    };
    assert!(told(Provider::Meta).contains("wait for a status"));
    let silent = Gateway::ALL
        .iter()
        .filter(|it| !it.can(Ability::TellStatuses));
    for gateway in silent {
        let remedy = told(Provider::Gateway(*gateway));
        assert!(remedy.contains("settle it by hand"), "{gateway:?} {remedy}");
        assert!(!remedy.contains("wait"), "{gateway:?} {remedy}");
    }
}

#[test]
fn a_failure_that_is_over_does_not_say_that_it_is_tried_again_or_to_be_settled() {
    for code in [1, 2, 4, 80_007, 130_429, 131_000, 131_016, 131_056, 131_057] {
        let remedy = ProviderFailure::from_meta(code, &[]).once_over().remedy;
        assert!(remedy.contains("send it again"), "{code}: {remedy}");
        assert!(!remedy.contains("settle"), "{code}: {remedy}");
    }
    let own = ProviderFailure::from_meta(131_026, &[]);
    assert_eq!(own.clone().once_over(), own);
}

#[test]
fn a_providers_text_is_shown_only_where_it_names_nobody() {
    let shown = ProviderFailure::from_meta(131_026, &["Message undeliverable", "No such user"]);
    assert!(
        shown
            .message
            .ends_with("; Meta: Message undeliverable: No such user")
    );
    for naming in [
        "Recipient +1 555 000-1111 is unknown",
        "user 15550001111",
        "token EAAGm0PX4ZCpsBAOZBZCabcdefghijklmnopqrstuv",
    ] {
        let kept = ProviderFailure::from_meta(131_026, &["Message undeliverable", naming]);
        assert!(
            kept.message.ends_with("; Meta: Message undeliverable"),
            "{naming}"
        );
    }
}

#[test]
fn a_text_about_a_token_is_never_repeated() {
    let failure = ProviderFailure::from_meta(190, &["Malformed access token abc"]);
    assert!(!failure.message.contains("abc"));
}

#[test]
fn a_number_that_the_token_may_not_see_stops_its_sender_as_one_that_is_gone() {
    let hidden = ProviderFailure::with_subcode(100, Some(33), &[]);
    let gone = ProviderFailure::from_meta(33, &[]);
    assert_eq!((hidden.code, hidden.subcode), (Some(100), Some(33)));
    assert_eq!(
        (&hidden.message, &hidden.remedy),
        (&gone.message, &gone.remedy)
    );
    assert!(hidden.stops_the_sender() && gone.stops_the_sender());
    assert!(!ProviderFailure::from_meta(100, &[]).stops_the_sender());
}

#[test]
fn only_some_refusals_because_of_a_person_say_that_nobody_reaches_them() {
    for (code, expected) in [
        (131_026, true),
        (131_049, false),
        (130_472, false),
        (131_030, false),
        (131_021, false),
        (131_000, false),
    ] {
        let failure = ProviderFailure::from_meta(code, &[]);
        assert_eq!(failure.tells_unreachable(), expected, "{code}");
    }
    let by_words = |class| ProviderFailure::without_code(class, "no", "look").tells_unreachable();
    assert!(by_words(Class::Recipient) && !by_words(Class::Permanent));
}

#[test]
fn a_text_said_twice_is_told_once() {
    let failure = ProviderFailure::from_meta(131_026, &["Undeliverable", "undeliverable"]);
    assert!(failure.message.ends_with("; Meta: Undeliverable"));
}

#[test]
fn only_what_is_provably_not_accepted_and_may_pass_is_tried_again() {
    assert!(ProviderFailure::unreachable("refused").is_retryable());
    assert!(ProviderFailure::from_meta(130_429, &[]).is_retryable());
    assert!(!ProviderFailure::ambiguous("no answer").is_retryable());
    assert!(!ProviderFailure::from_meta(131_000, &[]).is_retryable());
    assert!(!ProviderFailure::from_meta(100, &[]).is_retryable());
}
