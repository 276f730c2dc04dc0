//! The samples in `events/`, as API Gateway sends them.

use super::desk::Desk;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use tower::ServiceExt;

#[tokio::test]
async fn every_sample_event_of_this_function_is_answered_as_its_name_says() {
    let desk = Desk::start().await;
    for (name, expected) in [
        ("api-list-messages", 200),
        ("api-health", 200),
        ("api-openapi", 200),
        ("api-get-message", 404),
        ("api-replay", 404),
        ("api-bad-cursor", 400),
        ("api-bad-key", 401),
        ("api-unknown-route", 404),
        ("api-wrong-method", 405),
    ] {
        let event = LambdaRequest::deserialize(sample(name)).unwrap();
        let event = LambdaEvent::new(event, Context::default());
        let answer = Adapter::from(desk.router.clone()).oneshot(event).await;
        let answer = serde_json::to_value(answer.unwrap()).unwrap();
        assert_eq!(answer["statusCode"], expected, "{name}: {answer}");
    }
}

fn sample(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}
