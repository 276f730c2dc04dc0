//! The samples in `events/`: one file per function and case, named `<function>-<case>.json`, each what AWS would send.
//! Says that they are well-formed and that none is missing; what the functions answer to each is asked in
//! `functions/local/src/samples.rs`.

use super::stack::{Function, Stack, workspace};
use aws_lambda_events::event::{
    dynamodb::TimeWindowEvent, eventbridge::EventBridgeEvent, sqs::SqsEvent,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use heliograph::domain::queue::{DeliverBody, DispatchBody, WebhookBody};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use tests::{APP_SECRET, Sample, leads_to, samples, samples_of, sign};

#[test]
fn every_sample_is_for_a_function_and_every_function_has_one() {
    let stack = Stack::read();
    let functions: BTreeSet<String> = stack
        .functions()
        .iter()
        .map(|it| it.name.to_owned())
        .collect();
    let sampled = samples().iter().map(|it| it.function.clone()).collect();
    assert_eq!(functions, sampled);
}

#[test]
fn every_http_sample_is_a_request_by_a_route_of_its_function() {
    let stack = Stack::read();
    for function in stack.functions() {
        let routes = routes(&function);
        for sample in samples_of(function.name)
            .iter()
            .filter(|it| it.event.get("routeKey").is_some())
        {
            let route = sample.event["routeKey"].as_str().unwrap();
            assert!(routes.contains(route), "{}: {route}", sample.case);
            let request = lambda_http::request::from_str(&sample.source).unwrap();
            assert_eq!(
                request.uri().path(),
                sample.event["rawPath"],
                "{}",
                sample.case
            );
        }
    }
}

#[test]
fn every_route_that_is_described_has_a_sample() {
    let document = fs::read_to_string(workspace().join("functions/api/openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    let asked: Vec<(String, String)> = samples().iter().filter_map(method_and_path).collect();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let mut asked = asked.iter();
            let sampled = asked.any(|(of, at)| of == method && leads_to(at, path));
            assert!(sampled, "{method} {path}");
        }
    }
}

fn method_and_path(sample: &Sample) -> Option<(String, String)> {
    let http = sample.event["requestContext"].get("http")?;
    let method = http["method"].as_str()?.to_lowercase();
    Some((method, http["path"].as_str()?.to_owned()))
}

#[test]
fn what_no_route_takes_is_answered_by_api_and_by_nobody_else() {
    let stack = Stack::read();
    let functions = stack.functions().into_iter();
    let of_http_api = functions.filter(|it| !it.triggers("HttpApi").is_empty());
    let taking: Vec<String> = of_http_api
        .filter(|it| routes(it).contains("$default"))
        .map(|it| it.name.to_owned())
        .collect();
    assert_eq!(taking, ["api"]);
}

/// The keys of the routes that lead to a function. A Function URL has one, as has an event without method and path.
fn routes(function: &Function<'_>) -> BTreeSet<String> {
    let routes = function.triggers("HttpApi").into_iter();
    let mut routes: BTreeSet<String> = routes
        .map(|it| match (it["Method"].as_str(), it["Path"].as_str()) {
            (Some(method), Some(path)) => format!("{method} {path}"),
            (None, None) => "$default".to_owned(),
            half => panic!("{}: {half:?} is half a route", function.name),
        })
        .collect();
    if function.properties.get("FunctionUrlConfig").is_some() {
        routes.insert("$default".to_owned());
    }
    routes
}

#[test]
fn a_webhook_samples_signature_is_right_unless_its_name_says_otherwise() {
    let calls = samples_of("webhook").into_iter();
    // Only Meta signs, and only what it posts.
    let is_signed_by_meta = |it: &&Sample| {
        let path = it.event["rawPath"].as_str().unwrap();
        path.starts_with("/webhooks/meta/") && it.event.get("body").is_some()
    };
    let calls: Vec<&Sample> = calls.filter(is_signed_by_meta).collect();
    assert!(calls.iter().any(|it| it.event["isBase64Encoded"] == true));
    for sample in calls {
        let expected = !sample.case.ends_with("-signature");
        assert_eq!(is_signed(&sample.event), expected, "{}", sample.case);
    }
}

fn is_signed(event: &Value) -> bool {
    let signature = event["headers"]["x-hub-signature-256"].as_str();
    signature == Some(&sign(APP_SECRET, &body(event)))
}

fn body(event: &Value) -> Vec<u8> {
    let text = event["body"].as_str().unwrap();
    if event["isBase64Encoded"] == true {
        BASE64_STANDARD.decode(text).unwrap()
    } else {
        text.as_bytes().to_vec()
    }
}

#[test]
fn every_queue_sample_decodes_unless_its_name_says_otherwise() {
    let stack = Stack::read();
    for function in stack
        .functions()
        .iter()
        .filter(|it| !it.queues().is_empty())
    {
        for sample in samples_of(function.name) {
            let event: SqsEvent = serde_json::from_str(&sample.source).unwrap();
            let mut bodies = event
                .records
                .iter()
                .map(|record| record.body.as_deref().unwrap());
            let all = bodies.all(|body| decodes(function.name, body));
            assert_eq!(
                all,
                sample.case != "undecodable",
                "{}-{}",
                sample.function,
                sample.case
            );
        }
    }
}

fn decodes(function: &str, body: &str) -> bool {
    match function {
        "ingest" => serde_json::from_str::<WebhookBody>(body).is_ok(),
        "dispatch" => serde_json::from_str::<DispatchBody>(body).is_ok(),
        "deliver" => serde_json::from_str::<DeliverBody>(body).is_ok(),
        other => panic!("{other} takes messages from a queue, of what form?"),
    }
}

#[test]
fn the_streams_and_the_clocks_samples_are_what_aws_sends() {
    for sample in samples_of("tally") {
        let event: TimeWindowEvent = serde_json::from_str(&sample.source).unwrap();
        assert!(
            event.time_window_properties.shard_id.is_some(),
            "{}",
            sample.case
        );
        for record in sample.event["Records"].as_array().unwrap() {
            assert_eq!(
                record["dynamodb"]["NewImage"]["type"]["S"], "message",
                "{}",
                sample.case
            );
        }
    }
    for sample in samples_of("rotate") {
        let event: rotate::RotationEvent = serde_json::from_str(&sample.source).unwrap();
        assert!(event.secret_id.contains(":secret:"), "{}", sample.case);
    }
    for sample in samples_of("schedule") {
        let event: EventBridgeEvent = serde_json::from_str(&sample.source).unwrap();
        assert_eq!(event.source, "aws.events", "{}", sample.case);
    }
}
