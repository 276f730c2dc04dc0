//! What holds for every gateway, however many there are.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::domain::network::Networks;
use crate::domain::provider::Ability;
use crate::domain::provider_settings::ProviderSettings;
use crate::provider::tests::{KEY, http};
use crate::provider::{Addresses, Providers};
use reqwest::Url;
use std::time::Duration;

/// The class of the failure of a call at an address where nobody is.
async fn class_of<T>(call: impl AsyncFnOnce(Access<'_>) -> Answered<T>) -> Class {
    let (http, key) = (http(), SecretText::new(KEY));
    let access = Access {
        http: &http,
        base: &Url::parse("http://127.0.0.1:1").unwrap(),
        key: &key,
        timeout: Duration::from_secs(5),
    };
    match call(access).await {
        Ok(_) => unreachable!("nobody is there"),
        Err(failure) => failure.class,
    }
}

/// What a call fails with that is made, and what one that the gateway has no way for.
fn expected(has_way: bool) -> Class {
    if has_way {
        Class::Transient
    } else {
        Class::Permanent
    }
}

#[tokio::test]
async fn a_gateway_is_called_for_what_it_is_said_to_do_and_for_nothing_else() {
    let numbers = ["+15550001111".parse().unwrap()];
    let address = SecretText::new("https://example.com/webhooks");
    for &gateway in Gateway::ALL {
        let class = class_of(async |access| groups(gateway, access).await);
        let has_way = gateway.can(Ability::ListGroups);
        assert_eq!(class.await, expected(has_way), "{gateway:?} groups");
        let class = class_of(async |access| check_numbers(gateway, access, &numbers).await);
        let has_way = gateway.facts().number_checks.is_some();
        assert_eq!(class.await, expected(has_way), "{gateway:?} numbers");
        let class = class_of(async |access| call_at(gateway, access, &address).await);
        let has_way = gateway.can(Ability::CallUs);
        assert_eq!(class.await, expected(has_way), "{gateway:?} calls");
        let class = class_of(async |access| check_key(gateway, access, Some("15550002000")).await);
        assert_eq!(class.await, Class::Transient, "{gateway:?} key");
    }
}

#[test]
fn who_calls_us_is_heard_and_nobody_else() {
    for &gateway in Gateway::ALL {
        let heard = heard(gateway, b"{}");
        assert_eq!(heard.is_some(), gateway.can(Ability::CallUs));
        let Some(Heard::Inbound(change) | Heard::Status(change)) = heard.transpose().unwrap()
        else {
            continue;
        };
        let updates = updates(gateway, &change, Timestamp::UNIX_EPOCH);
        assert!(!updates.is_empty(), "{gateway:?} says nothing");
    }
}

#[test]
fn a_gateway_is_where_the_installation_says_or_where_it_usually_is() {
    for &gateway in Gateway::ALL {
        let elsewhere = "https://example.com/gateway";
        for (gateways, expected) in [
            (Vec::new(), gateway.facts().address),
            (vec![(gateway, elsewhere.to_owned())], elsewhere),
        ] {
            let providers = Providers::new(&Addresses {
                graph: "https://graph.example.com".to_owned(),
                graph_version: "v25.0".to_owned(),
                gateways,
                networks: Networks::Public,
            });
            let settings = ProviderSettings::of(gateway.into());
            let way = providers.unwrap().way(&settings).unwrap();
            assert_eq!(way.base, Url::parse(expected).unwrap());
        }
    }
}
