//! What is known at every start: the demo, and a playground for who sets up a first account. And what a sender that is
//! added implies.

use super::app::{App, AppSecret};
use super::gateway;
use super::number::{Account, Number, Tier};
use super::origin::Origin;
use super::token::{Scope, Token, TokenHash};
use super::waba::{Subscription, Waba};
use super::{Assets, Change};
use crate::simulator::Sender;
use crate::simulator::record::fingerprint;
use std::collections::BTreeSet;

const DEMO_APP: &str = "400000000000001";
const DEMO_WABA: &str = "200000000000001";
const DEMO_USER: &str = "300000000000001";
const DEMO_SECRET: &str = "demo-app-secret";
const DEMO_TOKEN: &str = "demo-access-token";

const PLAYGROUND_APP: &str = "400000000000002";
const PLAYGROUND_WABA: &str = "200000000000002";
const PLAYGROUND_USER: &str = "300000000000002";
const PLAYGROUND_SECRET: &str = "playground-app-secret";

/// When the tokens that are always known were issued: 1 October 2025.
const ISSUED_AT: i64 = 1_759_276_800;
/// When the one among them that is expired did: 60 days later.
const EXPIRED_AT: i64 = ISSUED_AT + 60 * 24 * 3_600;

/// The secret of an app that is always known.
pub(super) fn app_secret(app_id: &str) -> Option<&'static str> {
    match app_id {
        DEMO_APP => Some(DEMO_SECRET),
        PLAYGROUND_APP => Some(PLAYGROUND_SECRET),
        _ => None,
    }
}

/// What is known at every start. The demo's number comes as a [`Sender`].
pub(super) fn always() -> Change {
    let app = |app_id: &str, name: &str, secret: &str| App {
        app_id: app_id.to_owned(),
        name: name.to_owned(),
        secret: AppSecret::new(secret),
        next_secret: None,
        webhook: None,
        origin: Origin::BuiltIn,
    };
    let waba = |waba_id, name, app_id| Waba::new(waba_id, name, app_id, Origin::BuiltIn);
    let mut demo = waba(DEMO_WABA, "Demo", DEMO_APP);
    demo.subscribe(subscription(DEMO_APP));
    let (keys, devices) = gateway::always();
    Change {
        apps: vec![
            app(DEMO_APP, "Demo", DEMO_SECRET),
            app(PLAYGROUND_APP, "Playground", PLAYGROUND_SECRET),
        ],
        wabas: vec![demo, waba(PLAYGROUND_WABA, "Playground", PLAYGROUND_APP)],
        numbers: playground_numbers(),
        tokens: tokens(),
        keys,
        devices,
    }
}

/// One number that is ready, and one of which nothing is done yet.
fn playground_numbers() -> Vec<Number> {
    let number = |id, display| Number {
        verified_name: "Playground".to_owned(),
        origin: Origin::BuiltIn,
        ..Number::new(id, display, PLAYGROUND_WABA)
    };
    vec![
        number("100000000000002", "+15550001002").connected(),
        number("100000000000003", "+15550001003"),
    ]
}

fn tokens() -> Vec<Token> {
    let demo = Token {
        app_id: DEMO_APP.to_owned(),
        user_id: DEMO_USER.to_owned(),
        wabas: vec![DEMO_WABA.to_owned()],
        ..token(DEMO_TOKEN)
    };
    let expired = Token {
        expires_at: Some(EXPIRED_AT),
        ..token("playground-expired-token")
    };
    let narrow = Token {
        scopes: vec![Scope::Management.as_str().to_owned()],
        ..token("playground-narrow-token")
    };
    vec![demo, token("playground-access-token"), expired, narrow]
}

fn token(token: &str) -> Token {
    Token {
        hash: TokenHash::of(token),
        app_id: PLAYGROUND_APP.to_owned(),
        user_id: PLAYGROUND_USER.to_owned(),
        scopes: Scope::all_names(),
        wabas: vec![PLAYGROUND_WABA.to_owned()],
        issued_at: ISSUED_AT,
        expires_at: None,
        revoked: false,
        origin: Origin::BuiltIn,
    }
}

/// A sender as a number that is ready, with the app, the WABA and the token it needs where these are missing.
pub(super) fn introduce(assets: &Assets, sender: &Sender) -> Change {
    let mut change = Change::default();
    let app_id = match app_of(assets, sender) {
        Ok(app_id) => app_id,
        Err(implied) => {
            let app_id = implied.app_id.clone();
            change.apps.push(*implied);
            app_id
        }
    };
    let known = assets.waba(&sender.waba_id);
    let mut waba = known.map_or_else(
        || {
            Waba::new(
                &sender.waba_id,
                "Simulated account",
                &app_id,
                Origin::Sender,
            )
        },
        |known| (*known).clone(),
    );
    if waba.subscription(&app_id).is_none() {
        waba.subscribe(subscription(&app_id));
        change.wabas.push(waba);
    }
    change.tokens.extend(token_of(assets, sender, &app_id));
    let account = Account {
        account_id: sender.account_id.clone(),
        app_id,
    };
    let number = Number::new(
        &sender.phone_number_id,
        &sender.display_phone_number,
        &sender.waba_id,
    );
    change.numbers.push(Number {
        account: Some(account),
        messages_per_second: sender.messages_per_second,
        messaging_limit: Tier::Unlimited,
        origin: Origin::Sender,
        ..number.connected()
    });
    change
}

fn subscription(app_id: &str) -> Subscription {
    Subscription {
        app_id: app_id.to_owned(),
        override_callback_uri: None,
    }
}

/// The app that has a sender's secret, or else an app of its account's own.
fn app_of(assets: &Assets, sender: &Sender) -> Result<String, Box<App>> {
    let has_secret = |app_id: &&String| {
        let app = assets.apps.get(*app_id);
        app.is_some_and(|app| app.has_secret(&sender.app_secret))
    };
    let waba = assets.wabas.get(&sender.waba_id);
    let of_waba = waba.map(|waba| &waba.app_id).filter(has_secret);
    let any = || assets.apps.keys().filter(has_secret).min();
    let implied = || App {
        // Made of the account's id: a sender that comes again with another secret gives the same app another secret.
        app_id: format!(
            "4{:014}",
            fingerprint(&sender.account_id) % 100_000_000_000_000
        ),
        name: sender.account_id.clone(),
        secret: AppSecret::new(sender.app_secret.clone()),
        next_secret: None,
        webhook: None,
        origin: Origin::Sender,
    };
    let known = of_waba.or_else(any).cloned();
    known.ok_or_else(|| Box::new(implied()))
}

fn token_of(assets: &Assets, sender: &Sender, app_id: &str) -> Option<Token> {
    let hash = TokenHash::of(&sender.access_token);
    let known = assets.token(&hash);
    if known.as_ref().is_some_and(|it| it.sees(&sender.waba_id)) {
        return None;
    }
    let mut token = match known {
        Some(known) => (*known).clone(),
        None => Token {
            hash,
            app_id: app_id.to_owned(),
            user_id: app_id.replacen('4', "3", 1),
            wabas: Vec::new(),
            origin: Origin::Sender,
            ..token("")
        },
    };
    token.wabas.push(sender.waba_id.clone());
    Some(token)
}

/// What outlives a reset beside what is always known: senders that were added, with what they implied, as at first; and
/// whom devices call.
pub(super) fn kept_by_reset(assets: &Assets) -> Change {
    let numbers: Vec<Number> = assets.senders().iter().map(|it| as_at_first(it)).collect();
    let wabas: BTreeSet<&str> = numbers.iter().map(|it| it.waba_id.as_str()).collect();
    let is_senders = |origin| origin == Origin::Sender;
    let apps = assets.apps.values().filter(|it| is_senders(it.origin));
    let own_wabas = assets.wabas.values().filter(|it| is_senders(it.origin));
    let tokens = assets
        .tokens
        .values()
        .filter(|it| it.origin != Origin::Added);
    let tokens = tokens.filter_map(|it| token_at_first(it, &wabas));
    Change {
        apps: apps.map(|it| (**it).clone()).collect(),
        wabas: own_wabas
            .map(|it| Waba {
                subscriptions: vec![subscription(&it.app_id)],
                ..(**it).clone()
            })
            .collect(),
        tokens: tokens.collect(),
        numbers,
        devices: gateway::kept_by_reset(assets),
        keys: Vec::new(),
    }
}

fn as_at_first(number: &Number) -> Number {
    let id = &number.phone_number_id;
    let first = Number::new(id, &number.display_phone_number, &number.waba_id);
    Number {
        account: number.account.clone(),
        messages_per_second: number.messages_per_second,
        messaging_limit: Tier::Unlimited,
        origin: Origin::Sender,
        ..first.connected()
    }
}

fn token_at_first(token: &Token, wabas_of_senders: &BTreeSet<&str>) -> Option<Token> {
    let always = tokens().into_iter().find(|it| it.hash == token.hash);
    let first = always.clone().unwrap_or_else(|| Token {
        revoked: false,
        ..token.clone()
    });
    let sees = |waba: &&String| first.sees(waba) || wabas_of_senders.contains(waba.as_str());
    let wabas = token.wabas.iter().filter(sees).cloned().collect();
    let kept = Token { wabas, ..first };
    (always.as_ref() != Some(&kept)).then_some(kept)
}
