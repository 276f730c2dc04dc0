//! The client against a server that answers with canned bytes, or not at all.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod servers;

use super::*;
use crate::domain::failure::Class;
use crate::domain::webhook::Person;
use crate::provider::Acceptance;
use crate::provider::http::Answer;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ACCEPTED: &str = r#"{"messaging_product":"whatsapp",
    "contacts":[{"input":"+15550001111","wa_id":"15550001111","user_id":"US.123"}],
    "messages":[{"id":"wamid.A","message_status":"held_for_quality_assessment"}]}"#;

/// What the server does once it has read the request.
enum Then {
    Answer(u16, String),
    AnswerPart,
    Reset,
    Hang,
}

/// Serves one connection and gives back the request it read.
async fn serve(listener: TcpListener, then: Then) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let request = read_request(&mut stream).await;
    match then {
        Then::Answer(status, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nRetry-After: 7\r\nLocation: /else\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            // A client that has had enough closes; that is no fault of the server's.
            let _ = stream.write_all(body.as_bytes()).await;
        }
        Then::AnswerPart => {
            let part = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"messages\"";
            stream.write_all(part.as_bytes()).await.unwrap();
        }
        Then::Reset => {}
        Then::Hang => {
            // Ends when the client gives up and closes.
            let _ = stream.read(&mut [0; 16]).await;
        }
    }
    drop(stream);
    // A second connection would be a retry.
    let again = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(again.is_err(), "the client tried again");
    request
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"}") {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.unwrap();
        assert!(length > 0, "the request broke off");
        bytes.extend_from_slice(part.get(..length).unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

async fn send_to(base: &str, total: Duration) -> SendOutcome {
    let http = Http::with_timeout(total).unwrap();
    let client = MetaClient::with_http(http, base, "v25.0").unwrap();
    let body = serde_json::json!({"messaging_product": "whatsapp", "to": "+15550001111"});
    client
        .send(
            &SecretText::new("demo-token"),
            &"100000000000001".parse().unwrap(),
            Endpoint::Messages,
            body.as_object().unwrap(),
            total,
        )
        .await
}

async fn outcome(then: Then) -> (SendOutcome, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let total = match then {
        Then::Hang => Duration::from_millis(200),
        Then::Answer(..) | Then::AnswerPart | Then::Reset => Duration::from_secs(5),
    };
    tokio::join!(send_to(&base, total), serve(listener, then))
}

async fn answered(status: u16, body: &str) -> SendOutcome {
    outcome(Then::Answer(status, body.to_owned())).await.0
}

fn is_ambiguous(outcome: &SendOutcome) -> bool {
    matches!(outcome, SendOutcome::Ambiguous(failure) if failure.class == Class::Ambiguous)
}

#[tokio::test]
async fn an_answer_with_a_message_id_is_an_acceptance() {
    let (outcome, request) = outcome(Then::Answer(200, ACCEPTED.to_owned())).await;
    let expected = Acceptance {
        provider_id: "wamid.A".parse().unwrap(),
        recipient: Person {
            wa_id: Some("15550001111".parse().unwrap()),
            user_id: Some("US.123".parse().unwrap()),
            ..Person::default()
        },
    };
    assert_eq!(outcome, SendOutcome::Accepted(Box::new(expected)));
    assert!(request.starts_with("POST /v25.0/100000000000001/messages HTTP/1.1\r\n"));
    assert!(request.contains("authorization: Bearer demo-token\r\n"));
    assert!(request.contains("user-agent: heliograph/"));
    assert!(request.contains("content-type: application/json\r\n"));
}

#[tokio::test]
async fn metas_error_object_means_not_accepted_whatever_the_status() {
    for status in [200, 400, 429, 500, 503] {
        let body = r#"{"error":{"message":"(#130429) Rate limit hit","code":130429,"error_subcode":2494055,
            "error_data":{"details":"Throughput reached."},"fbtrace_id":"Az8"}}"#;
        let SendOutcome::NotAccepted(failure) = answered(status, body).await else {
            unreachable!("{status} was not taken for a refusal");
        };
        assert_eq!(failure.class, Class::Throttled);
        assert_eq!(failure.code, Some(130_429));
        assert_eq!(failure.subcode, Some(2_494_055));
        assert_eq!(failure.trace_id.as_deref(), Some("Az8"));
        assert_eq!(failure.retry_after_s, Some(7));
        let said = "; Meta: Rate limit hit: Throughput reached.";
        assert!(failure.message.ends_with(said), "{}", failure.message);
    }
}

#[tokio::test]
async fn two_of_metas_codes_leave_the_outcome_open() {
    for code in [1, 131_000] {
        let body = format!(r#"{{"error":{{"message":"x","code":{code}}}}}"#);
        assert!(is_ambiguous(&answered(500, &body).await), "{code}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_metas_proves_nothing() {
    for (status, body) in [
        (500, "<html>Internal Server Error</html>"),
        (502, r#"{"error":"Bad Gateway"}"#),
        (502, r#"{"error":{"code":502,"message":"Bad Gateway"}}"#),
        (503, ""),
        (200, "not json"),
        (200, r#"{"messages":[]}"#),
        (200, r#"{"messages":[{"id":""}]}"#),
        (302, "{}"),
        (401, r#"{"message":"Unauthorized"}"#),
    ] {
        let outcome = answered(status, body).await;
        assert!(is_ambiguous(&outcome), "{status} {body}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let long = format!("{{\"messages\":[{{\"id\":\"{}\"}}]}}", "w".repeat(70_000));
    assert!(is_ambiguous(&answered(200, &long).await));
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_proves_nothing() {
    for then in [Then::Reset, Then::AnswerPart, Then::Hang] {
        assert!(is_ambiguous(&outcome(then).await.0));
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_accepted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    for base in [
        format!("http://{closed}"),
        "http://nowhere.invalid".to_owned(),
    ] {
        let SendOutcome::NotAccepted(failure) = send_to(&base, TOTAL_TIMEOUT).await else {
            unreachable!("{base} was reached");
        };
        assert_eq!(failure.class, Class::Transient);
        assert!(failure.is_retryable());
    }
}

#[tokio::test]
async fn a_failed_tls_handshake_is_proof_that_nothing_was_accepted() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let talking = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = |listener: &TcpListener| format!("https://{}", listener.local_addr().unwrap());
    let (never, wrong) = (base(&silent), base(&talking));
    // The kernel completes the connection of a listener that accepts nothing: the handshake then never begins.
    let outcome = send_to(&never, Duration::from_millis(400)).await;
    assert!(
        matches!(outcome, SendOutcome::NotAccepted(_)),
        "{outcome:?}"
    );
    let answering = async {
        let (mut stream, _) = talking.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        stream
            .write_all(b"HTTP/1.1 400 no TLS here\r\n\r\n")
            .await
            .unwrap();
    };
    let (outcome, ()) = tokio::join!(send_to(&wrong, TOTAL_TIMEOUT), answering);
    let SendOutcome::NotAccepted(failure) = outcome else {
        unreachable!("{wrong} speaks no TLS");
    };
    assert_eq!(failure.class, Class::Transient);
    assert!(failure.message.contains("certificate"), "{failure:?}");
}

#[tokio::test]
async fn a_token_that_cannot_be_sent_is_a_credentials_fault() {
    let client = MetaClient::new("http://127.0.0.1:1", "v25.0").unwrap();
    let token = SecretText::new("two\nlines");
    let from = "100000000000001".parse().unwrap();
    let outcome = client
        .send(
            &token,
            &from,
            Endpoint::Messages,
            &Map::new(),
            Duration::from_secs(5),
        )
        .await;
    let SendOutcome::NotAccepted(failure) = outcome else {
        unreachable!("a token of two lines was sent");
    };
    assert_eq!(failure.class, Class::Credential);
}

#[test]
fn an_address_or_version_of_another_form_is_refused() {
    assert!(MetaClient::new("https://graph.facebook.com", "v25.0").is_ok());
    for base in ["", "graph.facebook.com", "ftp://x", "file:///x"] {
        assert!(MetaClient::new(base, "v25.0").is_err(), "{base}");
    }
    for version in ["", "25.0", "v25", "v25.", "v25.0/x", "latest"] {
        assert!(
            MetaClient::new("http://127.0.0.1:1", version).is_err(),
            "{version}"
        );
    }
}

#[test]
fn every_error_meta_documents_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/errors");
    let Ok(files) = std::fs::read_dir(folder) else {
        return;
    };
    for path in files.map(|file| file.unwrap().path()) {
        if path
            .file_name()
            .is_some_and(|name| name == "ERROR_CODES.json")
        {
            continue;
        }
        let body = std::fs::read(&path).unwrap();
        let sent: Value = serde_json::from_slice(&body).unwrap();
        let code = sent.pointer("/error/code").unwrap().as_i64();
        let answer = Answer {
            status: 400,
            body,
            retry_after_s: None,
        };
        let (SendOutcome::NotAccepted(failure) | SendOutcome::Ambiguous(failure)) =
            answer::judge(&answer)
        else {
            unreachable!("{} was taken for an acceptance", path.display());
        };
        assert_eq!(failure.code, code, "{}", path.display());
    }
}
