//! The OpenAPI document describes what is taken and how it is refused. Every body that these tests post and the
//! platform takes is held against it, too: see `Desk::post`.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{SENDER, undescribed, undescribed_by};

const README: &str = include_str!("../../../README.md");

/// The bodies that the README sends to the HTTP API, each with its method and path.
fn readme() -> Vec<(Method, String, Value)> {
    let readme = README.replace("$SETUP/", "$API/v1/accounts/acct_1/setup/");
    let sent = readme.split("curl ").filter_map(|call| {
        let call = call.lines().next()?;
        let method = call.split_once("-X ").map_or("POST", |(_, rest)| rest);
        let method = method.split(' ').next()?.parse().unwrap();
        let (_, path) = call.split_once("$API")?;
        let (path, rest) = path.split_once('"')?;
        let (_, body) = rest.split_once(" -d '")?;
        // What the shell puts in stands between quotes of its own.
        let body = body.replace("'\"$WAMID\"'", "wamid.x");
        let body = body.replace("'\"$INVITATION\"'", "hgi_1");
        let body = body.replace("'\"$ACCT\"'", "acct_1");
        let (body, _) = body.split_once('\'')?;
        Some((method, path.to_owned(), serde_json::from_str(body).unwrap()))
    });
    sent.collect()
}

#[test]
fn the_readmes_bodies_are_described_save_those_that_it_shows_being_refused() {
    let (mut described, mut refused) = (0, 0);
    for (method, path, body) in readme() {
        let faults = undescribed_by(&method, &path, &body);
        if body.get("when").is_some() {
            assert_eq!(faults, ["/when: is not known"]);
            refused += 1;
        } else if body == json!({}) && path == "/v1/messages" {
            assert_eq!(faults, ["/from: is required"]);
            refused += 1;
        } else {
            assert_eq!(faults, [""; 0], "{path} {body}");
            described += 1;
        }
    }
    assert!(described >= 20 && refused == 2, "{described}, {refused}");
}

#[test]
fn a_body_that_would_be_refused_for_its_shape_is_not_described() {
    let text = json!({"body": "Hi"});
    for (path, body) in [
        ("/v1/messages", json!({"to": "+15550002001", "text": text})),
        ("/v1/messages", json!({"from": SENDER, "text": "Hi"})),
        ("/v1/messages", json!({"from": SENDER, "type": "fax"})),
        ("/v1/messages", json!({"from": SENDER, "contacts": {}})),
        ("/v1/messages", json!({"from": SENDER, "context": {}})),
        ("/v1/bulk-jobs", json!({"from": SENDER, "text": text})),
        (
            "/v1/bulk-jobs",
            json!({"name": "n", "from": SENDER, "to": "+1"}),
        ),
        ("/v1/bulk-jobs/job_1/recipients", json!({})),
        (
            "/v1/bulk-jobs/job_1/recipients",
            json!({"recipients": [{"variables": "Ada"}]}),
        ),
    ] {
        assert_eq!(undescribed(path, &body).len(), 1, "{path} {body}");
    }
}

#[test]
fn every_refusal_is_described_as_a_problem_or_as_the_gateways() {
    let document: Value =
        serde_json::from_str(include_str!("../../../functions/api/openapi.json")).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let refusals = responses
                .iter()
                .filter(|(status, _)| status.as_str() >= "400");
            for (status, refusal) in refusals {
                let content = refusal["content"].as_object().unwrap();
                let types: Vec<_> = content.keys().collect();
                // Whoever calls may be one too many for the tenant's tier, or have tried a password too often.
                let needs_a_key = operation["security"] != json!([{}]);
                let expected = forms(status, needs_a_key || path == "/v1/sessions");
                assert_eq!(types, expected, "{method} {path} {status}");
            }
            let has = |status| responses.contains_key(status);
            let all = ["429", "431", "500", "503"];
            assert!(all.into_iter().all(has), "{method} {path}");
            let needs_a_key = operation["security"] != json!([{}]);
            // Who signs in needs no key, and may be refused all the same.
            let asks_who =
                needs_a_key || path.contains("/sessions") || path.contains("/invitations");
            assert_eq!(has("401") && has("403"), asks_who, "{method} {path}");
            let takes_a_body = operation.get("requestBody").is_some();
            assert_eq!(has("413") && has("415"), takes_a_body, "{method} {path}");
        }
    }
}

/// A refusal is ours, the gateway's, or may be either's. That there are too many requests only the gateway says where
/// no key is needed and no password tried.
fn forms(status: &str, may_be_ours: bool) -> &'static [&'static str] {
    match status {
        "429" if may_be_ours => EITHERS,
        "413" | "500" | "503" => EITHERS,
        "429" | "431" => &["application/json"],
        _ => &["application/problem+json"],
    }
}

const EITHERS: &[&str] = &["application/json", "application/problem+json"];
