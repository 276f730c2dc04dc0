//! Servers that fail in ways nobody documents: whatever comes, or does not, has the class that is safe.

use super::*;

/// What is known for certain after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Taken,
    NotTaken(Class),
    Nothing,
}

/// What a server does after its bytes.
#[derive(Debug, Clone, Copy)]
enum End {
    Close,
    Stall,
}

const ID: &str = r#"{"messages":[{"id":"wamid.A"}]}"#;
const THROTTLED: &str = r#"{"error":{"message":"x","code":130429}}"#;

/// An answer with this head and body, of the length that the body has.
fn whole(status_and_headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status_and_headers}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

fn raw(bytes: &str) -> Vec<u8> {
    bytes.as_bytes().to_vec()
}

/// What the client knows after a server has read the request, sent `bytes` and ended so.
async fn known(bytes: Vec<u8>, end: End) -> Known {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(&bytes).await.unwrap();
        match end {
            End::Close => drop(stream),
            End::Stall => {
                // Ends when the client gives up and closes.
                while stream.read(&mut [0; 16]).await.is_ok_and(|read| read > 0) {}
            }
        }
        let again = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await;
        assert!(again.is_err(), "the client tried again");
    };
    let total = match end {
        End::Close => Duration::from_secs(5),
        End::Stall => Duration::from_millis(300),
    };
    let (outcome, ()) = tokio::join!(send_to(&base, total), serving);
    match outcome {
        SendOutcome::Accepted(_) => Known::Taken,
        SendOutcome::NotAccepted(failure) => Known::NotTaken(failure.class),
        SendOutcome::Ambiguous(failure) => {
            assert_eq!(failure.class, Class::Ambiguous);
            Known::Nothing
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_anywhere_proves_nothing() {
    let answer = String::from_utf8(whole("200 OK\r\nContent-Type: application/json", ID)).unwrap();
    for length in [0, 1, 9, 17, 40, answer.len() - ID.len(), answer.len() - 1] {
        let part = answer.get(..length).unwrap();
        assert_eq!(known(raw(part), End::Close).await, Known::Nothing, "{part}");
    }
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"messages\":[{\"i";
    assert_eq!(known(raw(chunked), End::Close).await, Known::Nothing);
}

#[tokio::test]
async fn an_answer_that_stalls_anywhere_proves_nothing() {
    let answer = String::from_utf8(whole("200 OK", ID)).unwrap();
    for length in [0, 12, answer.len() - ID.len(), answer.len() - 1] {
        let part = answer.get(..length).unwrap();
        assert_eq!(known(raw(part), End::Stall).await, Known::Nothing, "{part}");
    }
}

#[tokio::test]
async fn an_error_object_of_metas_that_breaks_off_proves_nothing() {
    let answer = String::from_utf8(whole("400 Bad Request", THROTTLED)).unwrap();
    let part = answer.get(..answer.len() - 2).unwrap();
    assert_eq!(known(raw(part), End::Close).await, Known::Nothing);
}

#[tokio::test]
async fn a_status_without_metas_object_proves_nothing_whatever_it_says() {
    for head in [
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "408 Request Timeout",
        "413 Payload Too Large",
        "429 Too Many Requests\r\nRetry-After: 30",
        "502 Bad Gateway",
        "504 Gateway Timeout",
        "307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/",
        "308 Permanent Redirect\r\nLocation: /v25.0/1/messages",
    ] {
        for body in ["", "<html>sorry</html>", "{}", "null", r#"{"error":"no"}"#] {
            let found = known(whole(head, body), End::Close).await;
            assert_eq!(found, Known::Nothing, "{head} {body}");
        }
    }
}

#[tokio::test]
async fn a_message_id_is_an_acceptance_whatever_stands_around_it() {
    for answer in [
        whole("200 OK", ID),
        whole("201 Created\r\nContent-Type: text/html", ID),
        whole("200 OK\r\nContent-Encoding: identity", ID),
        whole("200 OK", &format!("\n  {ID}\r\n")),
        whole("200 OK", r#"{"error":null,"messages":[{"id":"wamid.A"}]}"#),
        whole(
            "200 OK",
            r#"{"contacts":[{"wa_id":15550001111}],"messages":[{"id":"wamid.A","message_status":7}]}"#,
        ),
        whole(
            "200 OK",
            r#"{"contacts":"none","messages":[{"id":"wamid.A"},{"id":7}]}"#,
        ),
        raw(&format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{ID}",
            ID.len()
        )),
        raw(&format!("HTTP/1.0 200 OK\r\n\r\n{ID}")),
        raw(&format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{ID}\r\n0\r\n\r\n",
            ID.len()
        )),
    ] {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(known(answer, End::Close).await, Known::Taken, "{shown}");
    }
}

#[tokio::test]
async fn a_success_without_a_message_id_proves_nothing() {
    for body in [
        "",
        "garbage",
        "[]",
        "\"ok\"",
        "{}",
        r#"{"success":true}"#,
        r#"{"messages":[]}"#,
        r#"{"messages":[{}]}"#,
        r#"{"messages":[{"id":""}]}"#,
        r#"{"messages":[{"id":null}]}"#,
        r#"{"messages":[{"id":17}]}"#,
        r#"{"messages":{"id":"wamid.A"}}"#,
        r#"{"messages":[{"id":"wamid.A"}]} and more"#,
        r#"{"messages":[{"id":"wamid.A"}]"#,
    ] {
        let found = known(whole("200 OK", body), End::Close).await;
        assert_eq!(found, Known::Nothing, "{body}");
    }
    let found = known(raw("HTTP/1.1 204 No Content\r\n\r\n"), End::Close).await;
    assert_eq!(found, Known::Nothing);
}

#[tokio::test]
async fn an_answer_that_says_both_proves_nothing() {
    let both = r#"{"error":{"message":"x","code":130429},"messages":[{"id":"wamid.A"}]}"#;
    for head in ["200 OK", "400 Bad Request"] {
        assert_eq!(known(whole(head, both), End::Close).await, Known::Nothing);
    }
    // An id in an answer that is no success is nobody's word for an acceptance.
    let found = known(whole("500 Internal Server Error", ID), End::Close).await;
    assert_eq!(found, Known::Nothing);
}

#[tokio::test]
async fn metas_error_object_is_read_in_any_spelling_of_its_code() {
    for code in ["130429", "\"130429\"", "\" 130429 \"", "130429.0"] {
        let body = format!(r#"{{"error":{{"message":"x","code":{code}}}}}"#);
        for head in ["200 OK", "400 Bad Request\r\nContent-Type: text/plain"] {
            let found = known(whole(head, &body), End::Close).await;
            assert_eq!(found, Known::NotTaken(Class::Throttled), "{head} {code}");
        }
    }
    for code in ["\"soon\"", "\"\"", "null", "true", "1.5", "{}"] {
        let body = format!(r#"{{"error":{{"message":"x","code":{code}}}}}"#);
        let found = known(whole("400 Bad Request", &body), End::Close).await;
        assert_eq!(found, Known::Nothing, "{code}");
    }
    for ambiguous in ["1", "\"131000\""] {
        let body = format!(r#"{{"error":{{"code":{ambiguous}}}}}"#);
        let found = known(whole("500 X", &body), End::Close).await;
        assert_eq!(found, Known::Nothing, "{ambiguous}");
    }
}

#[tokio::test]
async fn a_compressed_answer_nobody_asked_for_proves_nothing() {
    let mut answer = raw("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n");
    answer.extend([
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    assert_eq!(known(answer, End::Close).await, Known::Nothing);
}

#[tokio::test]
async fn what_is_not_http_proves_nothing() {
    for bytes in ["SSH-2.0-OpenSSH\r\n", "\0\0\0", "HTTP/9 200\r\n\r\n"] {
        assert_eq!(
            known(raw(bytes), End::Close).await,
            Known::Nothing,
            "{bytes}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_before_the_request_was_read_proves_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        // Unread bytes in the buffer make the kernel reset the connection.
        stream.readable().await.unwrap();
        drop(stream);
    };
    let (outcome, ()) = tokio::join!(send_to(&base, Duration::from_secs(5)), serving);
    assert!(is_ambiguous(&outcome), "{outcome:?}");
}
