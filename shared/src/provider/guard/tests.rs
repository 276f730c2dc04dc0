//! What of the addresses that tenants give is called.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::AddressError::{AnyScheme, More, NotPublic, Nowhere, Scheme};
use super::*;
use crate::domain::content::Content;
use crate::domain::failure::Class;
use crate::domain::provider::{Gateway, Provider};
use crate::domain::provider_settings::ProviderSettings;
use crate::domain::secret::SecretText;
use crate::provider::tests::{anna, content, id};
use crate::provider::{Addresses, Providers, SendOutcome, mock};
use serde_json::json;
use tokio::net::TcpListener;

fn refused(text: &str) -> Option<AddressError> {
    read_address(text, Networks::Public).err()
}

#[test]
fn an_address_on_the_internet_is_taken_with_its_path_and_port() {
    for text in [
        "https://api.fonnte.com",
        "https://notifapi.example.com:8443/gateway/v2/",
        "https://1.1.1.1/",
        "https://[2606:4700::1111]:8443/x",
    ] {
        assert_eq!(refused(text), None, "{text}");
    }
}

#[test]
fn what_is_no_address_alone_is_refused() {
    for (text, why) in [
        ("fonnte", Scheme),
        ("", Scheme),
        ("http://api.fonnte.com", Scheme),
        ("ftp://api.fonnte.com", Scheme),
        ("file:///etc/passwd", Scheme),
        ("data:text/plain,x", Scheme),
        ("https://user@api.fonnte.com", More),
        ("https://user:pass@api.fonnte.com", More),
        ("https://api.fonnte.com/?to=", More),
        ("https://api.fonnte.com/#", More),
    ] {
        assert_eq!(refused(text), Some(why), "{text}");
    }
}

#[test]
fn an_address_of_ones_own_network_is_refused_in_every_form_it_can_be_written_in() {
    for host in [
        "localhost",
        "LOCALHOST:8443",
        "localhost.",
        "gateway",
        "metadata.google.internal",
        "printer.local",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.1",
        "0",
        "127.0.0.1.",
        "10.0.0.8:443",
        "172.16.3.4",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "169.254.170.2",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[::127.0.0.1]",
    ] {
        let text = format!("https://{host}/latest/meta-data");
        assert_eq!(refused(&text), Some(NotPublic), "{text}");
    }
    // Digits of another script, and its full stop.
    for host in ["１２７.0.0.1", "127。0。0。1", "ⓛocalhost"] {
        assert!(refused(&format!("https://{host}/")).is_some(), "{host}");
    }
}

#[test]
fn whoever_runs_the_installation_may_let_tenants_into_its_network() {
    for text in [
        "http://127.0.0.1:3002/mock",
        "http://gateway",
        "https://[::1]/",
    ] {
        assert!(read_address(text, Networks::Any).is_ok(), "{text}");
    }
    for (text, why) in [("ftp://gateway", AnyScheme), ("http://gateway?x", More)] {
        assert_eq!(read_address(text, Networks::Any).err(), Some(why), "{text}");
    }
}

fn found(addresses: &[&str]) -> Result<Vec<String>, AddressError> {
    let found = addresses.iter().map(|address| address.parse().unwrap());
    let public = public_of(found)?;
    Ok(public.iter().map(ToString::to_string).collect())
}

#[test]
fn of_the_addresses_of_a_name_those_in_ones_own_network_are_left_out() {
    let mixed = ["10.0.0.1:0", "1.1.1.1:0", "[::1]:0", "[2606:4700::1111]:0"];
    assert_eq!(
        found(&mixed),
        Ok(vec![
            "1.1.1.1:0".to_owned(),
            "[2606:4700::1111]:0".to_owned()
        ])
    );
    assert_eq!(found(&["10.0.0.1:0", "[fd00::1]:0"]), Err(NotPublic));
    assert_eq!(found(&[]), Err(Nowhere));
}

#[tokio::test]
async fn a_name_is_looked_up_before_it_is_kept() {
    let inside = Url::parse("https://localhost/").unwrap();
    assert_eq!(look_up(&inside, Networks::Public).await, Err(NotPublic));
    assert_eq!(look_up(&inside, Networks::Any).await, Ok(()));
    let nowhere = Url::parse("https://nowhere.invalid/").unwrap();
    assert_eq!(look_up(&nowhere, Networks::Public).await, Err(Nowhere));
    // Who asks does not hear what our resolver says.
    assert_eq!(NotPublic.to_string(), Nowhere.to_string());
}

fn providers(networks: Networks) -> Providers {
    let nobody = "http://127.0.0.1:1".to_owned();
    Providers::new(&Addresses {
        graph: nobody.clone(),
        graph_version: "v25.0".to_owned(),
        gateways: vec![(Gateway::Mock, nobody)],
        networks,
    })
    .unwrap()
}

fn hello() -> Content {
    content(&json!({"type": "text", "text": {"body": "hello"}}))
}

/// What comes of a message that goes by these settings.
async fn sent_by(settings: &ProviderSettings, networks: Networks) -> SendOutcome {
    let providers = providers(networks);
    let way = match providers.way(settings) {
        Ok(way) => way,
        Err(failure) => return SendOutcome::NotAccepted(failure),
    };
    let key = SecretText::new("demo-mock-key");
    mock::send(way.with(&key), &anna(), &hello(), &id()).await
}

fn at(base_url: String) -> ProviderSettings {
    ProviderSettings {
        base_url: Some(base_url),
        ..ProviderSettings::of(Provider::Gateway(Gateway::Mock))
    }
}

#[tokio::test]
async fn an_address_that_was_let_in_once_is_not_called_when_it_may_not_be_any_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = at(format!("http://{}", listener.local_addr().unwrap()));
    let SendOutcome::NotAccepted(failure) = sent_by(&settings, Networks::Public).await else {
        unreachable!("it was called");
    };
    assert_eq!(failure.class, Class::Transient);
    assert!(failure.remedy.contains("/v1/providers/mock"), "{failure:?}");
}

#[tokio::test]
async fn a_name_that_leads_into_ones_own_network_by_now_is_not_called_and_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // As if it had led elsewhere when it was put in: what is written of it is not looked at here.
    let way = providers(Networks::Public).way_to(
        format!("https://localhost:{port}").parse().unwrap(),
        &ProviderSettings::of(Provider::Gateway(Gateway::Mock)),
    );
    let (way, key) = (way.unwrap(), SecretText::new("demo-mock-key"));
    let access = way.with(&key);
    let (to, content, id) = (anna(), hello(), id());
    let sending = mock::send(access, &to, &content, &id);
    let sent = tokio::select! {
        sent = sending => sent,
        _ = listener.accept() => unreachable!("it was called"),
    };
    let SendOutcome::NotAccepted(failure) = sent else {
        unreachable!("{sent:?}");
    };
    assert_eq!(failure.class, Class::Transient);
    assert!(failure.message.contains("not public"), "{failure:?}");
    let looked = mock::check_key(access, None).await.unwrap_err();
    assert_eq!(looked.class, Class::Transient);
}

#[tokio::test]
async fn a_providers_own_address_is_whoever_runs_the_installations_and_not_looked_at() {
    let SendOutcome::NotAccepted(failure) = sent_by(
        &ProviderSettings::of(Provider::Gateway(Gateway::Mock)),
        Networks::Public,
    )
    .await
    else {
        unreachable!("nobody is there");
    };
    assert_eq!(failure.class, Class::Transient, "{failure:?}");
}
