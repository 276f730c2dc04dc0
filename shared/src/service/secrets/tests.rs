//! Secrets: read once, told apart when they cannot be, and never shown.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::service::aws::{Aws, Endpoints};
use crate::service::loopback::{Answer, Loopback};

use super::*;
use serde_json::json;

const INBOUND: &str = r#"{"v":1,"app_secrets":["new","old"],"verify_tokens":["token"]}"#;

fn cache(server: &Loopback) -> SecretsCache {
    let aws = Aws::at(&Endpoints {
        aws: server.url(),
        dynamodb: None,
    });
    SecretsCache::new(aws.secrets(), "heliograph")
}

fn demo() -> (TenantId, AccountId) {
    ("demo".parse().unwrap(), "acct_demo".parse().unwrap())
}

async fn error_of(answer: fn(&str) -> Answer) -> SecretsError {
    let server = Loopback::start(answer).await;
    let (tenant, account) = demo();
    cache(&server).inbound(&tenant, &account).await.unwrap_err()
}

fn value(text: &str) -> Answer {
    Answer::ok(json!({"SecretString": text}).to_string())
}

#[tokio::test]
async fn a_secret_is_read_once_and_once_more_when_a_flood_of_signatures_does_not_fit() {
    let server = Loopback::start(|_| value(INBOUND)).await;
    let (cache, (tenant, account)) = (cache(&server), demo());
    let first = cache.inbound(&tenant, &account).await.unwrap();
    let mut again = cache.inbound(&tenant, &account).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(server.targets().len(), 1);
    for is_read in [true, false, false] {
        let anew = cache.inbound_doubted(&tenant, &account, &again).await;
        assert_eq!(anew.unwrap().is_some(), is_read);
        again = cache.inbound(&tenant, &account).await.unwrap();
    }
    cache.inbound(&tenant, &account).await.unwrap();
    assert_eq!(server.targets().len(), 2);
}

#[tokio::test]
async fn calls_that_come_together_after_a_change_all_get_what_one_of_them_reads() {
    let server = Loopback::start(|_| value(INBOUND)).await;
    let (cache, (tenant, account)) = (cache(&server), demo());
    let known = cache.inbound(&tenant, &account).await.unwrap();
    let calls = (0..5).map(|_| cache.inbound_doubted(&tenant, &account, &known));
    for anew in futures_util::future::join_all(calls).await {
        assert!(anew.unwrap().is_some());
    }
    assert_eq!(server.targets().len(), 2);
}

#[tokio::test]
async fn a_handshake_that_fits_lets_the_next_one_bring_a_newer_token_and_a_flood_reads_once() {
    let next = Arc::new(std::sync::Mutex::new("first"));
    let pending = Arc::clone(&next);
    let server = Loopback::start(move |body| {
        if !body.contains("AWSPENDING") {
            return value(INBOUND);
        }
        let token = *pending.lock().unwrap();
        value(&json!({"v": 1, "app_secrets": ["new"], "verify_tokens": [token]}).to_string())
    })
    .await;
    let (cache, (tenant, account)) = (cache(&server), demo());
    let shake_hands = async |token: &str| {
        let fits = |known: &[SecretText]| known.iter().any(|it| it.expose() == token);
        cache.handshake_fits(&tenant, &account, fits).await.unwrap()
    };
    assert!(shake_hands("first").await);
    *next.lock().unwrap() = "second";
    assert!(
        shake_hands("second").await,
        "within two seconds of the first"
    );
    let read = server.targets().len();
    for _ in 0..5 {
        assert!(!shake_hands("a stranger's").await);
    }
    assert_eq!(server.targets().len(), read + 2, "both versions, once");
    assert!(
        shake_hands("second").await,
        "which was read in vain for others"
    );
}

#[tokio::test]
async fn each_direction_has_a_secret_of_its_own() {
    let server = Loopback::start(|body| match body {
        r#"{"SecretId":"heliograph/in/demo/acct_demo"}"# => value(INBOUND),
        r#"{"SecretId":"heliograph/out/demo/acct_demo"}"# => {
            value(r#"{"v":1,"access_tokens":[{"alias":"main","token":"EAAG"}]}"#)
        }
        _ => Answer::unavailable(),
    })
    .await;
    let (cache, (tenant, account)) = (cache(&server), demo());
    let inbound = cache.inbound(&tenant, &account).await.unwrap();
    let secrets: Vec<_> = inbound.app_secrets.iter().map(SecretText::expose).collect();
    assert_eq!(secrets, ["new", "old"]);
    let outbound = cache.outbound(&tenant, &account).await.unwrap();
    let token = outbound.access_tokens.first().unwrap();
    assert_eq!(
        (token.alias.as_str(), token.token.expose()),
        ("main", "EAAG")
    );
}

#[tokio::test]
async fn missing_malformed_and_unavailable_are_told_apart() {
    let missing = |_: &str| Answer::refused(r#"{"__type":"ResourceNotFoundException"}"#);
    assert!(matches!(
        error_of(missing).await,
        SecretsError::Missing { .. }
    ));
    let denied = |_: &str| Answer::refused(r#"{"__type":"AccessDeniedException"}"#);
    assert!(matches!(
        error_of(denied).await,
        SecretsError::Unavailable { .. }
    ));
    let newer = |_: &str| value(r#"{"v":2}"#);
    assert!(matches!(
        error_of(newer).await,
        SecretsError::Malformed { .. }
    ));
    let binary = |_: &str| Answer::ok(r#"{"SecretBinary":"aGk="}"#);
    assert!(matches!(
        error_of(binary).await,
        SecretsError::Malformed { .. }
    ));
}

#[tokio::test]
async fn an_error_holds_the_name_and_nothing_of_the_value() {
    let wrong = |_: &str| value(r#"{"v":1,"app_secrets":"sesame","verify_tokens":[]}"#);
    let error = error_of(wrong).await;
    assert!(chain(&error).contains("heliograph/in/demo/acct_demo"));
    assert!(!chain(&error).contains("sesame"));
    assert!(!format!("{error:?}").contains("sesame"));
}

fn out(tokens: &[&str]) -> Answer {
    let tokens = tokens
        .iter()
        .map(|token| json!({"alias": "main", "token": token}));
    let tokens: Vec<_> = tokens.collect();
    value(&json!({"v": 1, "access_tokens": tokens}).to_string())
}

fn credential(token: &str) -> Credential {
    Credential {
        alias: "main".to_owned(),
        token: SecretText::new(token),
    }
}

#[tokio::test]
async fn a_refused_credential_gives_way_to_the_newer_one_or_to_the_one_before() {
    // The secret was changed since it was read: first the newer one is given, then the one before it.
    let server = Loopback::start(|body| {
        let is_before = body.contains("AWSPREVIOUS");
        out(&[if is_before { "before" } else { "newer" }])
    })
    .await;
    let (cache, (tenant, account)) = (cache(&server), demo());
    let given = async || cache.credential(&tenant, &account).await.unwrap().unwrap();
    let has_other = async |refused| {
        let refused = credential(refused);
        cache.has_other(&tenant, &account, &refused).await
    };
    assert!(has_other("old").await);
    assert_eq!(given().await, credential("newer"));
    assert!(has_other("newer").await);
    assert_eq!(given().await, credential("before"));
    assert!(!has_other("before").await, "nothing is left");
}

#[tokio::test]
async fn a_credential_is_the_last_if_there_is_no_version_before_and_not_if_nobody_knows() {
    let alone = |body: &str| {
        if body.contains("AWSPREVIOUS") {
            return Answer::refused(r#"{"__type":"ResourceNotFoundException"}"#);
        }
        out(&["only"])
    };
    let unknown = |_: &str| Answer::refused(r#"{"__type":"AccessDeniedException"}"#);
    for (server, expected) in [
        (Loopback::start(alone).await, false),
        (Loopback::start(unknown).await, true),
    ] {
        let (cache, (tenant, account)) = (cache(&server), demo());
        let refused = credential("only");
        let has_other = cache.has_other(&tenant, &account, &refused).await;
        assert_eq!(has_other, expected);
    }
}
