//! Alarms and the dashboard watch what is counted, and people are told what an alarm means.

use crate::stack::{Stack, owner, text, workspace};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ALARM: &str = "AWS::CloudWatch::Alarm";

/// The Rust source of the functions that are deployed, and of the shared crate.
fn source() -> String {
    fn read(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, all);
            } else if path.extension().is_some_and(|it| it == "rs") {
                all.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut all = String::new();
    read(&workspace().join("shared/src"), &mut all);
    read(&workspace().join("functions"), &mut all);
    all
}

/// The widgets, their references in place.
fn widgets(stack: &Stack) -> Vec<Value> {
    let dashboards = stack.of_type("AWS::CloudWatch::Dashboard");
    let body = text(&dashboards[0].1["DashboardBody"]).replace("${!", "${");
    let body: Value = serde_json::from_str(&body).unwrap();
    body["widgets"].as_array().unwrap().clone()
}

/// Those whose metric of this name rings.
fn watched(stack: &Stack, namespace: &str, name: &str) -> BTreeSet<String> {
    let alarms = stack.of_type(ALARM).into_iter().map(|(_, alarm)| alarm);
    let named = alarms.filter(|it| it["Namespace"] == namespace && it["MetricName"] == name);
    named
        .map(|it| owner(&it["Dimensions"][0]["Value"]))
        .collect()
}

#[test]
fn somebody_can_hear_of_every_functions_errors_and_throttles() {
    let stack = Stack::read();
    let functions: BTreeSet<String> = stack
        .functions()
        .iter()
        .map(|it| it.id.to_owned())
        .collect();
    for metric in ["Errors", "Throttles"] {
        assert_eq!(watched(&stack, "AWS/Lambda", metric), functions, "{metric}");
    }
}

#[test]
fn somebody_can_hear_of_every_table_that_turns_requests_away() {
    let stack = Stack::read();
    let tables = stack.of_type("AWS::DynamoDB::Table");
    let tables: BTreeSet<String> = tables.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(tables.len(), 2);
    for metric in ["ReadThrottleEvents", "WriteThrottleEvents"] {
        assert_eq!(watched(&stack, "AWS/DynamoDB", metric), tables, "{metric}");
    }
}

#[test]
fn what_is_watched_of_ours_is_counted_somewhere() {
    let (stack, source) = (Stack::read(), source());
    let alarms = stack.of_type(ALARM).into_iter();
    let ours = alarms.filter(|(_, alarm)| alarm["Namespace"] == "Heliograph");
    let mut metrics: BTreeSet<String> = ours.map(|(_, alarm)| text(&alarm["MetricName"])).collect();
    assert!(metrics.len() > 3, "{metrics:?}");
    for widget in widgets(&stack) {
        for metric in widget["properties"]["metrics"].as_array().unwrap() {
            if metric[0] == "Heliograph" {
                metrics.insert(text(&metric[1]));
            }
            let search = metric[0]["expression"].as_str().unwrap_or_default();
            let named = search.split("MetricName=").skip(1);
            let quoted = named.flat_map(|rest| rest.split('"').skip(1).step_by(2));
            let is_ours = |it: &&str| it.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            metrics.extend(quoted.filter(is_ours).map(str::to_owned));
        }
    }
    for metric in metrics {
        let is_counted = ["count(", "measure("].into_iter().any(|call| {
            let mut calls = source.split(call).skip(1);
            let name = format!("\"{metric}\"");
            calls.any(|arguments| arguments.trim_start().starts_with(&name))
        });
        let is_constant = source.contains(&format!("const METRIC: &str = \"{metric}\""));
        assert!(is_counted || is_constant, "{metric}");
    }
}

#[test]
fn the_dashboard_shows_only_what_is_in_the_stack() {
    let stack = Stack::read();
    let all = serde_json::to_string(&widgets(&stack)).unwrap();
    let mut shown = 0;
    for reference in all.split("${").skip(1) {
        let name = reference.split(['}', '.']).next().unwrap();
        if name.starts_with("AWS::") || name.starts_with("PROP") {
            continue;
        }
        stack.resource(name);
        shown += 1;
    }
    assert!(shown > 30, "{shown}");
}

#[test]
fn every_alarm_is_explained_and_paid_for_in_the_readme() {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let (_, operations) = readme.split_once("## Alarms").unwrap();
    let (operations, _) = operations.split_once("\n## ").unwrap();
    let stack = Stack::read();
    let alarms = stack.of_type(ALARM);
    for (id, _) in &alarms {
        assert!(operations.contains(&format!("`{id}`")), "{id}");
    }
    let price = format!("| {} CloudWatch alarms at $0.10", alarms.len());
    assert!(readme.contains(&price), "{price}");
}
