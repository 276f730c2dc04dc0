//! What is recorded of a call, held against what a server read and said.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::recorded;
use crate::domain::provider::Gateway;
use crate::domain::secret::SecretText;
use crate::provider::tests::{KEY, Then, body_of, send, served, whole};
use serde_json::json;

/// The names of the headers of a request, as it was read.
fn header_names(request: &str) -> Vec<String> {
    let (head, _) = request.split_once("\r\n\r\n").unwrap();
    let lines = head.lines().skip(1);
    let mut names: Vec<_> = lines
        .map(|line| line.split_once(':').unwrap().0.to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_recorded_is_what_went_over_the_wire_without_the_key() {
    for &gateway in Gateway::ALL {
        let answer = json!({"status": false, "reason": format!("no such key {KEY}")}).to_string();
        let head = format!("200 OK\r\nX-Your-Key: {KEY}\r\nSet-Cookie: session=1");
        let script = vec![whole(&head, &answer)];
        let (exchange, requests) = served(script, async |access| {
            let (_, recorded) = recorded(send(gateway, access)).await;
            recorded.masked(access.key).unwrap()
        })
        .await;
        let request = requests.first().unwrap();
        assert!(!format!("{exchange:?}").contains(KEY), "{exchange:?}");
        assert_eq!(exchange.method, "POST");
        assert!(exchange.url.contains("/base/"), "{}", exchange.url);
        let headers = exchange.request.headers.iter();
        let mut names: Vec<_> = headers.map(|(name, _)| name.clone()).collect();
        names.sort();
        assert_eq!(names, header_names(request), "{gateway:?}");
        let mask = SecretText::new(KEY).masked();
        assert_eq!(exchange.request.body, body_of(request).replace(KEY, &mask));
        let (status, said) = exchange.response.unwrap();
        assert_eq!((status, said.body), (200, answer.replace(KEY, &mask)));
        let has =
            |name: &str, value: &str| said.headers.contains(&(name.to_owned(), value.to_owned()));
        assert!(has("x-your-key", &mask) && has("set-cookie", "***"));
    }
}

#[tokio::test]
async fn an_answer_that_never_came_leaves_the_request_recorded() {
    let script = vec![Then::Stall(String::new())];
    let (exchange, _) = served(script, async |access| {
        let (_, recorded) = recorded(send(Gateway::Mock, access)).await;
        recorded.masked(access.key).unwrap()
    })
    .await;
    assert!(exchange.request.body.contains("15550001111"));
    assert_eq!(exchange.response, None);
}
