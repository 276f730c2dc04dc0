//! Servers on loopback that answer with canned bytes, for every provider; and what holds for all of them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod proofs;

use super::*;
use crate::domain::fault::Faults;
use crate::domain::fields::Fields;
use crate::domain::id::MessageId;
use crate::domain::provider::Gateway;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The key that no text of ours may hold.
pub(super) const KEY: &str = "hush-hush-0123456789";

/// What a server does once it has read the request.
#[derive(Debug, Clone)]
pub(super) enum Then {
    /// Sends these bytes and closes.
    Close(String),
    /// Sends these bytes and waits.
    Stall(String),
}

/// An answer with this head and body, of the length that the body has.
pub(super) fn whole(head: &str, body: &str) -> Then {
    let length = body.len();
    Then::Close(format!(
        "HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
}

pub(super) fn ok(body: &Value) -> Then {
    whole("200 OK", &body.to_string())
}

/// Serves one connection for each script; the requests it read.
pub(super) async fn serve(listener: &TcpListener, scripts: Vec<Then>) -> Vec<String> {
    let mut requests = Vec::new();
    for script in scripts {
        let (mut stream, _) = listener.accept().await.unwrap();
        requests.push(read_request(&mut stream).await);
        match script {
            Then::Close(bytes) => {
                // A client that has had enough closes; that is no fault of the server's.
                let _ = stream.write_all(bytes.as_bytes()).await;
            }
            Then::Stall(bytes) => {
                stream.write_all(bytes.as_bytes()).await.unwrap();
                // Ends when the client gives up and closes.
                while stream.read(&mut [0; 16]).await.is_ok_and(|read| read > 0) {}
            }
        }
    }
    let again = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await;
    assert!(again.is_err(), "the client called again");
    requests
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.unwrap();
        assert!(length > 0, "the request broke off");
        bytes.extend_from_slice(part.get(..length).unwrap());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
    }
}

/// A server's address, a listener behind it.
pub(super) async fn listening() -> (Url, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/base/", listener.local_addr().unwrap());
    (base.parse().unwrap(), listener)
}

/// What a call of the server with these scripts comes to, and the requests that it read.
pub(super) async fn served<T>(
    scripts: Vec<Then>,
    call: impl AsyncFnOnce(Access<'_>) -> T,
) -> (T, Vec<String>) {
    let (base, listener) = listening().await;
    let key = SecretText::new(KEY);
    let stalls = scripts
        .iter()
        .any(|script| matches!(script, Then::Stall(_)));
    let timeout = Duration::from_millis(if stalls { 200 } else { 5_000 });
    let http = http();
    let access = Access {
        http: &http,
        base: &base,
        key: &key,
        timeout,
    };
    tokio::join!(call(access), serve(&listener, scripts))
}

pub(super) fn http() -> Http {
    Http::new().unwrap()
}

pub(super) fn id() -> MessageId {
    "msg_0193e2a1b2c37d4e8f90a1b2c3d4e5f6".parse().unwrap()
}

pub(super) fn anna() -> Recipient {
    Recipient::Phone("+15550001111".parse().unwrap())
}

pub(super) fn group() -> Recipient {
    Recipient::Group("120363000000000000@g.us".parse().unwrap())
}

/// The content of a body, as our API reads it.
pub(super) fn content(body: &Value) -> Content {
    let faults = Faults::new();
    let mut fields = Fields::of(body, "", &faults).unwrap();
    let content = Content::read(&mut fields);
    faults.into_result(content).unwrap()
}

pub(super) fn text() -> Content {
    content(&json!({"type": "text", "text": {"body": "Hello & good-bye"}}))
}

/// The body of a request.
pub(super) fn body_of(request: &str) -> &str {
    request.split_once("\r\n\r\n").unwrap().1
}

/// The places at which a message does not fit.
pub(super) fn places(fits: Result<(), Unfit>) -> Vec<String> {
    let unfit = fits.unwrap_err();
    let places = unfit.faults().iter();
    places.map(|fault| fault.pointer.clone()).collect()
}

/// The failure of an outcome that is none.
pub(super) fn failure_of(outcome: SendOutcome) -> ProviderFailure {
    match outcome {
        SendOutcome::NotAccepted(failure) | SendOutcome::Ambiguous(failure) => failure,
        SendOutcome::Accepted(taken) => unreachable!("{taken:?} was taken"),
    }
}

/// A send of a text by one of the gateways.
pub(super) async fn send(gateway: Gateway, access: Access<'_>) -> SendOutcome {
    gateway::send(gateway, access, &anna(), &text(), &id()).await
}

/// An answer by which each of them takes a message.
fn taken(gateway: Gateway) -> Value {
    match gateway {
        Gateway::Fonnte => json!({"status": true, "id": ["80367170"]}),
        Gateway::Notifapi => json!({"code": 200, "results": {"id_message": "80367170"}}),
        Gateway::Mock => json!({"id": "80367170"}),
    }
}

async fn is_ambiguous(gateway: Gateway, script: Then) -> bool {
    let (outcome, _) = served(vec![script], async |access| send(gateway, access).await).await;
    matches!(outcome, SendOutcome::Ambiguous(failure) if failure.class == Class::Ambiguous)
}

#[tokio::test]
async fn a_message_that_is_taken_has_the_providers_id_and_told_it_ours() {
    for &gateway in Gateway::ALL {
        let script = vec![ok(&taken(gateway))];
        let (outcome, requests) = served(script, async |access| send(gateway, access).await).await;
        let expected = SendOutcome::accepted("80367170".parse().unwrap());
        assert_eq!(outcome, expected, "{gateway:?}");
        let request = requests.first().unwrap();
        assert!(request.starts_with("POST /base/"), "{request}");
        assert!(request.contains(&format!("x-request-id: {}\r\n", id())));
        assert!(request.contains("user-agent: heliograph/"));
    }
}

#[tokio::test]
async fn an_answer_that_is_not_the_providers_proves_nothing() {
    let heads = [
        "302 Found\r\nLocation: http://127.0.0.1:1/",
        "400 Bad Request",
        "401 Unauthorized",
        "429 Too Many Requests",
        "500 Internal Server Error",
        "502 Bad Gateway",
    ];
    let bodies = [
        "",
        "<html>sorry</html>",
        "{}",
        "[]",
        "null",
        "true",
        r#"{"error":"no"}"#,
        r#"{"status":false}"#,
        r#"{"status":"error","reason":"no"}"#,
        r#"{"id":[]}"#,
        r#"{"code":200}"#,
        r#"{"code":200,"results":{}}"#,
    ];
    let failing = heads.iter().flat_map(|head| [(*head, ""), (*head, "{}")]);
    let answers = failing.chain(bodies.map(|body| ("200 OK", body)));
    for &gateway in Gateway::ALL {
        for (head, body) in answers.clone() {
            let script = whole(head, body);
            assert!(
                is_ambiguous(gateway, script).await,
                "{gateway:?} {head} {body}"
            );
        }
        let failed = whole("500 Internal Server Error", &taken(gateway).to_string());
        assert!(is_ambiguous(gateway, failed).await, "{gateway:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_never_ends_proves_nothing() {
    for &gateway in Gateway::ALL {
        let answer = taken(gateway).to_string();
        let Then::Close(bytes) = whole("200 OK", &answer) else {
            unreachable!("an answer is closed")
        };
        for length in [0, 12, bytes.len() - answer.len(), bytes.len() - 1] {
            let part = bytes.get(..length).unwrap().to_owned();
            assert!(
                is_ambiguous(gateway, Then::Close(part.clone())).await,
                "{part}"
            );
            assert!(
                is_ambiguous(gateway, Then::Stall(part.clone())).await,
                "{part}"
            );
        }
        let mut long = taken(gateway);
        long["detail"] = "x".repeat(70_000).into();
        assert!(is_ambiguous(gateway, ok(&long)).await, "{gateway:?}");
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_accepted() {
    let (closed, listener) = listening().await;
    drop(listener);
    let key = SecretText::new(KEY);
    for &gateway in Gateway::ALL {
        for base in [closed.clone(), "http://nowhere.invalid".parse().unwrap()] {
            let http = http();
            let access = Access {
                http: &http,
                base: &base,
                key: &key,
                timeout: Duration::from_secs(5),
            };
            let SendOutcome::NotAccepted(failure) = send(gateway, access).await else {
                unreachable!("{base} was reached");
            };
            assert_eq!(failure.class, Class::Transient);
            assert!(failure.message.starts_with(gateway.title()));
        }
    }
}

#[tokio::test]
async fn a_key_is_in_no_text_of_ours_whatever_the_provider_says() {
    let echoes = [
        json!({"status": false, "reason": format!("no such key {KEY}")}),
        json!({"code": 400, "message": format!("bad phone for {KEY}"), "query": {"key": KEY}}),
        json!({"error": {"class": "permanent", "message": KEY}}),
    ];
    for &gateway in Gateway::ALL {
        for echo in &echoes {
            let script = vec![ok(echo)];
            let (outcome, _) = served(script, async |access| {
                assert!(!format!("{access:?}").contains(KEY));
                send(gateway, access).await
            })
            .await;
            let failure = failure_of(outcome);
            assert!(!format!("{failure:?}").contains(KEY), "{failure:?}");
        }
    }
}

#[tokio::test]
async fn a_key_that_no_header_can_hold_is_a_credentials_fault() {
    let (base, _listener) = listening().await;
    let key = SecretText::new("two\nlines");
    let http = http();
    let access = Access {
        http: &http,
        base: &base,
        key: &key,
        timeout: Duration::from_secs(5),
    };
    for gateway in [Gateway::Fonnte, Gateway::Mock] {
        let failure = failure_of(send(gateway, access).await);
        assert_eq!(failure.class, Class::Credential);
    }
}

#[test]
fn what_does_not_fit_is_named_with_what_would_do_and_repeats_nothing() {
    let sticker = content(&json!({"type": "sticker", "sticker": {"id": "17"}}));
    let person = Recipient::User("US.13491208655302741918".parse().unwrap());
    for provider in Provider::ALL {
        let fits = fits(provider, &person, &sticker);
        match provider {
            Provider::Meta | Provider::Gateway(Gateway::Mock) => assert_eq!(fits, Ok(())),
            Provider::Gateway(Gateway::Fonnte | Gateway::Notifapi) => {
                let unfit = fits.unwrap_err();
                assert_eq!(unfit.provider(), provider);
                let failure = unfit.failure();
                assert_eq!(failure.class, Class::Permanent);
                assert!(
                    failure.message.contains("/recipient"),
                    "{}",
                    failure.message
                );
                assert!(failure.message.contains("/type"), "{}", failure.message);
                assert!(!failure.message.contains("13491208655302741918"));
            }
        }
    }
}

#[test]
fn the_kinds_that_a_provider_is_said_to_send_are_those_that_fit() {
    // With what each kind needs, and nothing that a provider has no place for.
    let object = json!({"body": "hello", "link": "https://example.com/a", "latitude": 52.5, "longitude": 13.4});
    for provider in Provider::ALL {
        for kind in Kind::ALL {
            let content = Content {
                kind,
                object: object.clone(),
                ..text()
            };
            let fits = fits(provider, &anna(), &content).is_ok();
            let is_said = kinds(provider).contains(&kind);
            assert_eq!(fits, is_said, "{provider:?} {kind:?}");
        }
    }
}
