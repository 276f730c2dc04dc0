//! NotifAPI's wire, and what its answers mean.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::provider::tests::{
    KEY, anna, body_of, content, failure_of, group, id, ok, places, served, text, whole,
};
use serde_json::json;

/// The path and the body of a message.
async fn call_of(to: &Recipient, content: &Content) -> (String, Value) {
    let taken = vec![ok(&json!({"code": 200, "results": {"id_message": "1"}}))];
    let call = async |access: Access<'_>| send(access, to, content, &id()).await;
    let (_, requests) = served(taken, call).await;
    let request = requests.first().unwrap();
    assert!(!request.to_lowercase().contains("authorization"));
    let path = request.split(' ').nth(1).unwrap().to_owned();
    (path, serde_json::from_str(body_of(request)).unwrap())
}

#[tokio::test]
async fn each_kind_goes_to_its_function_with_the_key_in_the_body() {
    let link = "https://example.com/a.jpg";
    let phone = "+15550001111";
    for (body, path, expected) in [
        (
            json!({"type": "text", "text": {"body": "Hello"}}),
            "/base/send_message",
            json!({"phone_no": phone, "key": KEY, "message": "Hello"}),
        ),
        (
            json!({"type": "image", "image": {"link": link, "caption": "Look"}}),
            "/base/send_image_url",
            json!({"phone_no": phone, "key": KEY, "message": "Look", "url": link}),
        ),
        (
            json!({"type": "document", "document": {"link": link}}),
            "/base/send_file_url",
            json!({"phone_no": phone, "key": KEY, "url": link}),
        ),
    ] {
        let call = call_of(&anna(), &content(&body)).await;
        assert_eq!(call, (path.to_owned(), expected), "{body}");
    }
    let expected =
        json!({"group_id": "120363000000000000@g.us", "key": KEY, "message": "Hello & good-bye"});
    let call = call_of(&group(), &text()).await;
    assert_eq!(call, ("/base/send_message_group_id".to_owned(), expected));
}

#[test]
fn what_would_arrive_otherwise_is_refused_where_it_stands() {
    let link = "https://example.com/a.pdf";
    for (to, body, expected) in [
        (
            anna(),
            json!({"type": "video", "video": {"link": link}}),
            vec!["/type"],
        ),
        (
            anna(),
            json!({"type": "image", "image": {"id": "17"}}),
            vec!["/image/id"],
        ),
        (
            group(),
            json!({"type": "image", "image": {"link": link}}),
            vec!["/type"],
        ),
        (
            anna(),
            json!({"type": "document", "document": {"link": link, "caption": "C", "filename": "a"}}),
            vec!["/document/caption", "/document/filename"],
        ),
        (
            anna(),
            json!({"type": "text", "text": {"body": "x"}, "context": {"message_id": "wamid.A"}}),
            vec!["/context/message_id"],
        ),
        (
            Recipient::User("US.1".parse().unwrap()),
            json!({"type": "text", "text": {"body": "x"}}),
            vec!["/recipient"],
        ),
    ] {
        assert_eq!(places(fits(&to, &content(&body))), expected, "{body}");
    }
}

async fn outcome(head: &str, answer: &Value) -> SendOutcome {
    let call = async |access: Access<'_>| send(access, &anna(), &text(), &id()).await;
    served(vec![whole(head, &answer.to_string())], call).await.0
}

#[tokio::test]
async fn an_id_under_any_of_its_names_is_an_acceptance() {
    for results in [
        json!({"id_message": "A1", "serialized": "x", "type_chat": "chat", "message": "Hello"}),
        json!({"message_id": "A1"}),
        json!({"id": "A1"}),
    ] {
        let answer = json!({"code": 200, "query": {"to": "15550001111"}, "results": results});
        let expected = SendOutcome::accepted("A1".parse().unwrap());
        assert_eq!(outcome("200 OK", &answer).await, expected, "{answer}");
    }
    for answer in [
        json!({"code": 200, "id_message": "A1"}),
        json!({"code": 200, "error": false, "results": {"id": "A1"}}),
        json!({"code": 200, "results": {}, "id": "A1"}),
    ] {
        let expected = SendOutcome::accepted("A1".parse().unwrap());
        assert_eq!(outcome("200 OK", &answer).await, expected, "{answer}");
    }
}

#[tokio::test]
async fn without_a_code_http_says_what_a_refusal_is_or_a_word_that_can_only_be_about_the_key() {
    for (head, answer, class) in [
        (
            "401 Unauthorized",
            json!({"message": "no access"}),
            Class::Credential,
        ),
        (
            "403 Forbidden",
            json!({"error": "invalid key"}),
            Class::Credential,
        ),
        ("200 OK", json!({"error": "invalid key"}), Class::Credential),
        (
            "400 Bad Request",
            json!({"message": "invalid number"}),
            Class::Recipient,
        ),
        (
            "429 Too Many Requests",
            json!({"message": "later"}),
            Class::Throttled,
        ),
    ] {
        let failure = failure_of(outcome(head, &answer).await);
        assert_eq!(failure.class, class, "{head}: {answer}");
    }
}

#[tokio::test]
async fn another_code_with_a_word_about_it_is_a_refusal() {
    for (answer, class) in [
        (json!({"code": 401, "message": "no"}), Class::Credential),
        (
            json!({"code": 400, "message": "Invalid key"}),
            Class::Credential,
        ),
        (
            json!({"code": "400", "error": "license expired"}),
            Class::Credential,
        ),
        (
            json!({"code": 404, "error": "phone not registered"}),
            Class::Permanent,
        ),
        (
            json!({"code": 403, "error": "API key not found"}),
            Class::Credential,
        ),
        (json!({"code": 403, "message": "no"}), Class::Permanent),
        (
            json!({"code": 400, "message": "keyboard missing"}),
            Class::Permanent,
        ),
        (
            json!({"code": 400, "message": "invalid token in the message"}),
            Class::Permanent,
        ),
        (
            json!({"code": 400, "message": "key phone_no is required"}),
            Class::Permanent,
        ),
    ] {
        let failure: ProviderFailure = match outcome("400 Bad Request", &answer).await {
            SendOutcome::NotAccepted(failure) => failure,
            other => unreachable!("{answer} was taken for {other:?}"),
        };
        assert_eq!(failure.class, class, "{answer}");
    }
    let failure = failure_of(outcome("200 OK", &json!({"code": 404, "error": "not known"})).await);
    assert!(
        failure.message.ends_with("; NotifAPI: not known"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn what_may_pass_is_told_from_what_would_be_refused_again() {
    for (code, words, class) in [
        (429, "slow down", Class::Throttled),
        (400, "Too many requests", Class::Throttled),
        (400, "device not connected", Class::Transient),
        (402, "Insufficient balance", Class::Credential),
    ] {
        let answer = json!({"code": code, "message": words});
        let failure = failure_of(outcome("400 Bad Request", &answer).await);
        assert_eq!(failure.class, class, "{answer}");
    }
}

#[tokio::test]
async fn what_is_not_said_clearly_proves_nothing() {
    for (head, answer) in [
        ("200 OK", json!({"code": 500, "message": "broken"})),
        (
            "500 Internal Server Error",
            json!({"code": 400, "message": "broken"}),
        ),
        ("200 OK", json!({"message": "broken"})),
        ("408 Request Timeout", json!({"message": "too late"})),
        ("403 Forbidden", json!({"message": "Forbidden"})),
        ("404 Not Found", json!({"message": "Not Found"})),
        ("503 Service Unavailable", json!({"error": "invalid key"})),
        ("400 Bad Request", json!({"message": "no", "id": "A1"})),
        ("200 OK", json!({"code": 400})),
        (
            "200 OK",
            json!({"code": 200, "error": "no", "results": {"id": "A1"}}),
        ),
        (
            "200 OK",
            json!({"code": 400, "error": "no", "results": {"id": "A1"}}),
        ),
    ] {
        let outcome = outcome(head, &answer).await;
        assert!(
            matches!(outcome, SendOutcome::Ambiguous(_)),
            "{answer}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_number_is_on_whatsapp_or_not() {
    let number = "+15550001111".parse().unwrap();
    let call = async |access: Access<'_>| is_on_whatsapp(access, &number).await;
    for (answer, expected) in [(json!("exists"), true), (json!("not_exists"), false)] {
        let (found, requests) = served(vec![ok(&answer)], call).await;
        assert_eq!(found, Ok(expected));
        let request = requests.first().unwrap();
        assert!(request.starts_with("POST /base/check_number "));
        let body: Value = serde_json::from_str(body_of(request)).unwrap();
        assert_eq!(body, json!({"phone_no": "+15550001111", "key": KEY}));
    }
    let (unclear, _) = served(vec![ok(&json!("perhaps"))], call).await;
    assert_eq!(unclear.unwrap_err().class, Class::Transient);
    let (refused, _) = served(vec![ok(&json!({"code": 401, "message": "no"}))], call).await;
    assert_eq!(refused.unwrap_err().class, Class::Credential);
}

#[tokio::test]
async fn groups_are_listed_in_whatever_form_they_come() {
    let answer =
        json!({"results": ["1@g.us", {"group_id": "2@g.us", "subject": "Team"}, {"x": 1}]});
    let call = async |access: Access<'_>| groups(access).await;
    let (groups, requests) = served(vec![ok(&answer)], call).await;
    let groups = groups.unwrap();
    let shown: Vec<_> = groups
        .iter()
        .map(|it| (it.id.as_str(), it.name.as_deref()))
        .collect();
    assert_eq!(shown, [("1@g.us", None), ("2@g.us", Some("Team"))]);
    let request = requests.first().unwrap();
    assert!(request.starts_with("GET /base/get_group_id "));
    assert_eq!(body_of(request), format!(r#"{{"key":"{KEY}"}}"#));
}
