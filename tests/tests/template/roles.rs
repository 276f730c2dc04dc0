//! Who may do what: one role per function, each thing named.

use super::stack::{Stack, list, owner};
use serde_json::json;
use std::collections::BTreeSet;

/// Resources that end in a wildcard, and why they must. A log group's ARN ends in one, too, but not by our hand.
const WILDCARDS: [(&str, &str, &str); 18] = [
    (
        "xray:PutTelemetryRecords",
        "*",
        "X-Ray's writes name no resource",
    ),
    (
        "xray:PutTraceSegments",
        "*",
        "X-Ray's writes name no resource",
    ),
    (
        "dynamodb:ListStreams",
        "${MessagesTable.Arn}/stream/*",
        "it is asked of a table, not of one stream",
    ),
    (
        "secretsmanager:GetSecretValue",
        "secret:${AWS::StackName}/in/*",
        "one secret per account",
    ),
    (
        "secretsmanager:GetSecretValue",
        "secret:${AWS::StackName}/out/*",
        "one secret per account",
    ),
    (
        "secretsmanager:CreateSecret",
        "secret:${AWS::StackName}/in/*",
        "one secret per account",
    ),
    (
        "secretsmanager:CreateSecret",
        "secret:${AWS::StackName}/out/*",
        "one secret per account",
    ),
    (
        "secretsmanager:PutSecretValue",
        "secret:${AWS::StackName}/in/*",
        "one secret per account",
    ),
    (
        "secretsmanager:PutSecretValue",
        "secret:${AWS::StackName}/out/*",
        "one secret per account",
    ),
    (
        "secretsmanager:DeleteSecret",
        "secret:${AWS::StackName}/in/*",
        "one secret per account",
    ),
    (
        "secretsmanager:DeleteSecret",
        "secret:${AWS::StackName}/out/*",
        "one secret per account",
    ),
    (
        "secretsmanager:DescribeSecret",
        "secret:${AWS::StackName}/in/*",
        "one secret per account",
    ),
    (
        "secretsmanager:DescribeSecret",
        "secret:${AWS::StackName}/out/*",
        "one secret per account",
    ),
    (
        "secretsmanager:RotateSecret",
        "secret:${AWS::StackName}/in/*",
        "one secret per account",
    ),
    (
        "secretsmanager:RotateSecret",
        "secret:${AWS::StackName}/out/*",
        "one secret per account",
    ),
    (
        "secretsmanager:UpdateSecretVersionStage",
        "secret:${AWS::StackName}/in/*",
        "one secret per account",
    ),
    (
        "secretsmanager:UpdateSecretVersionStage",
        "secret:${AWS::StackName}/out/*",
        "one secret per account",
    ),
    (
        "secretsmanager:GetRandomPassword",
        "*",
        "a random password names no resource",
    ),
];

#[test]
fn every_function_has_a_role_of_its_own_and_nothing_else_has_one() {
    let stack = Stack::read();
    let used: Vec<String> = stack.functions().into_iter().map(|it| it.role).collect();
    let roles = stack.of_type("AWS::IAM::Role");
    assert_eq!(used.iter().collect::<BTreeSet<_>>().len(), used.len());
    assert_eq!(used.len(), roles.len());
    for (id, role) in roles {
        assert!(used.contains(&id.to_owned()), "{id}");
        assert!(role.get("ManagedPolicyArns").is_none(), "{id}");
    }
}

#[test]
fn no_role_names_an_action_or_a_resource_by_wildcard_without_a_reason() {
    for function in Stack::read().functions() {
        for grant in &function.grants {
            for action in &grant.actions {
                assert!(!action.contains('*'), "{}: {action}", function.name);
                for resource in grant.resources.iter().filter(|it| it.contains('*')) {
                    let mut known = WILDCARDS.iter();
                    let known = known.any(|(of, end, _)| of == action && is_named(resource, end));
                    assert!(known, "{}: {action} on {resource}", function.name);
                }
            }
        }
    }
}

/// Whether a resource is the one this entry means: a bare wildcard only where it says so.
fn is_named(resource: &str, end: &str) -> bool {
    resource == end || (end.starts_with("secret:") && resource.ends_with(end))
}

#[test]
fn what_proves_a_call_and_what_lets_us_send_are_read_together_only_where_both_are_checked() {
    for function in Stack::read().functions() {
        let secrets = function.may("secretsmanager:GetSecretValue");
        let kinds: Vec<&str> = secrets
            .iter()
            .map(|it| it.rsplit("${AWS::StackName}").next().unwrap())
            .collect();
        let expected: &[&str] = match function.name {
            "webhook" => &["/in/*"],
            "send" | "deliver" | "schedule" => &["/out/*"],
            // It asks Meta whether they are right.
            "accounts" => &["${OperatorKey}", "/in/*", "/out/*"],
            // It exchanges the one by means of the other.
            "rotate" => &["/in/*", "/out/*"],
            _ => &[],
        };
        assert_eq!(kinds, expected, "{}", function.name);
    }
}

#[test]
fn only_accounts_and_rotate_write_secrets_and_nobody_writes_the_operators_key() {
    for function in Stack::read().functions() {
        for action in ["CreateSecret", "PutSecretValue", "DeleteSecret"] {
            let secrets = function.may(&format!("secretsmanager:{action}"));
            let kinds: Vec<&str> = secrets
                .iter()
                .map(|it| it.rsplit("${AWS::StackName}").next().unwrap())
                .collect();
            let expected: &[&str] = match (function.name, action) {
                ("accounts", _) | ("rotate", "PutSecretValue") => &["/in/*", "/out/*"],
                _ => &[],
            };
            assert_eq!(kinds, expected, "{}: {action}", function.name);
        }
    }
}

#[test]
fn a_function_is_told_of_exactly_the_queues_it_may_send_to_or_ask_about() {
    let stack = Stack::read();
    for function in stack.functions() {
        let environment = stack.environment(&function).into_iter();
        let told: BTreeSet<String> = environment
            .filter(|(name, _)| name.ends_with("_QUEUE_URL"))
            .map(|(_, value)| owner(&value))
            .collect();
        let sent_to = queues(function.may("sqs:SendMessage"));
        let asked_about = queues(function.may("sqs:GetQueueAttributes"));
        // Lambda asks about the queues that it brings messages of.
        let brought = function.queues().into_iter().collect();
        let may = &sent_to | &(&asked_about - &brought);
        assert_eq!(told, may, "{}", function.name);
    }
}

fn queues(arns: Vec<&str>) -> BTreeSet<String> {
    arns.into_iter().map(|arn| owner(&json!(arn))).collect()
}

#[test]
fn a_function_may_touch_exactly_the_tables_it_is_told_of() {
    let stack = Stack::read();
    for function in stack.functions() {
        let environment = stack.environment(&function).into_iter();
        let told: BTreeSet<String> = environment
            .filter(|(name, _)| name.ends_with("_TABLE"))
            .map(|(_, value)| owner(&value))
            .collect();
        let grants = function
            .grants
            .iter()
            .filter(|it| it.actions.iter().any(|it| it.starts_with("dynamodb:")));
        let may: BTreeSet<String> = grants
            .flat_map(|it| it.resources.iter().map(|arn| owner(&json!(arn))))
            .collect();
        assert_eq!(told, may, "{}", function.name);
    }
}

#[test]
fn every_index_a_role_names_exists() {
    let stack = Stack::read();
    for function in stack.functions() {
        for (table, index) in function
            .may("dynamodb:Query")
            .into_iter()
            .filter_map(|arn| arn.split_once("/index/"))
        {
            let table = &stack.resource(&owner(&json!(table)))["Properties"];
            let known = list(&table["GlobalSecondaryIndexes"])
                .into_iter()
                .any(|it| it["IndexName"] == index);
            assert!(known, "{}: {index}", function.name);
        }
    }
}
