//! Everything every role grants, word for word. A function that comes to need more, or less, is changed here, too: each
//! line is a call that its code makes, or that AWS makes in its name.

use super::stack::{Function, Grant, Stack};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// An action, and what it may be done to.
type Line = (&'static str, &'static str);

/// Every function's log and traces. Its own log group is held elsewhere.
const EVERYWHERE: [&str; 4] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];

const GRANTS: [(&str, &[Line]); 10] = [
    (
        "send",
        &[
            ("dynamodb:BatchGetItem", "MessagesTable"),
            ("dynamodb:GetItem", "MessagesTable"),
            ("dynamodb:PutItem", "MessagesTable LogsTable"),
            ("dynamodb:Query", "MessagesTable/index/by_list"),
            ("dynamodb:Query", "MessagesTable/index/by_thread"),
            ("dynamodb:Query", "MessagesTable"),
            ("dynamodb:UpdateItem", "MessagesTable"),
            ("secretsmanager:GetSecretValue", "secret/out/*"),
            ("sqs:SendMessage", "OtpQueue SingleQueue DispatchQueue"),
        ],
    ),
    (
        "webhook",
        &[
            ("dynamodb:GetItem", "MessagesTable"),
            ("secretsmanager:GetSecretValue", "secret/in/*"),
            ("sqs:SendMessage", "InboundQueue StatusQueue"),
        ],
    ),
    (
        "ingest",
        &[
            ("dynamodb:BatchGetItem", "MessagesTable"),
            ("dynamodb:GetItem", "MessagesTable"),
            ("dynamodb:PutItem", "MessagesTable LogsTable"),
            ("dynamodb:Query", "MessagesTable/index/by_provider_id"),
            ("dynamodb:Query", "MessagesTable/index/by_thread"),
            ("dynamodb:UpdateItem", "MessagesTable"),
            ("sqs:DeleteMessage", "InboundQueue StatusQueue"),
            ("sqs:GetQueueAttributes", "InboundQueue StatusQueue"),
            ("sqs:ReceiveMessage", "InboundQueue StatusQueue"),
        ],
    ),
    (
        "dispatch",
        &[
            ("dynamodb:BatchGetItem", "MessagesTable"),
            ("dynamodb:DeleteItem", "MessagesTable"),
            ("dynamodb:GetItem", "MessagesTable"),
            ("dynamodb:PutItem", "MessagesTable LogsTable"),
            ("dynamodb:Query", "MessagesTable"),
            ("dynamodb:Query", "MessagesTable/index/by_job"),
            ("dynamodb:UpdateItem", "MessagesTable"),
            ("sqs:DeleteMessage", "DispatchQueue"),
            ("sqs:GetQueueAttributes", "DispatchQueue"),
            ("sqs:ReceiveMessage", "DispatchQueue"),
            ("sqs:SendMessage", "BulkQueue DispatchQueue"),
        ],
    ),
    (
        "deliver",
        &[
            ("dynamodb:BatchGetItem", "MessagesTable"),
            ("dynamodb:GetItem", "MessagesTable"),
            ("dynamodb:PutItem", "MessagesTable"),
            ("dynamodb:Query", "MessagesTable"),
            ("dynamodb:UpdateItem", "MessagesTable"),
            ("secretsmanager:GetSecretValue", "secret/out/*"),
            ("sqs:DeleteMessage", "OtpQueue SingleQueue BulkQueue"),
            ("sqs:GetQueueAttributes", "OtpQueue SingleQueue BulkQueue"),
            ("sqs:ReceiveMessage", "OtpQueue SingleQueue BulkQueue"),
            ("sqs:SendMessage", "OtpQueue SingleQueue"),
        ],
    ),
    (
        "tally",
        &[
            ("dynamodb:DescribeStream", "MessagesTable.StreamArn"),
            ("dynamodb:GetItem", "MessagesTable"),
            ("dynamodb:GetRecords", "MessagesTable.StreamArn"),
            ("dynamodb:GetShardIterator", "MessagesTable.StreamArn"),
            ("dynamodb:ListStreams", "MessagesTable/stream/*"),
            ("dynamodb:PutItem", "MessagesTable"),
            ("dynamodb:UpdateItem", "MessagesTable"),
        ],
    ),
    (
        "api",
        &[
            ("dynamodb:BatchGetItem", "MessagesTable LogsTable"),
            ("dynamodb:DescribeTable", "MessagesTable LogsTable"),
            ("dynamodb:GetItem", "MessagesTable LogsTable"),
            ("dynamodb:PutItem", "LogsTable"),
            ("dynamodb:Query", "MessagesTable LogsTable"),
            ("dynamodb:Query", "MessagesTable/index/by_job"),
            ("dynamodb:Query", "MessagesTable/index/by_list"),
            ("dynamodb:Query", "MessagesTable/index/by_state"),
            ("dynamodb:Query", "MessagesTable/index/by_thread"),
            ("dynamodb:Query", "LogsTable/index/by_state"),
            ("dynamodb:UpdateItem", "MessagesTable"),
            ("secretsmanager:GetRandomPassword", "*"),
            ("sqs:GetQueueAttributes", "OtpQueue SingleQueue BulkQueue"),
            ("sqs:GetQueueAttributes", "DispatchQueue"),
            ("sqs:GetQueueAttributes", "InboundQueue StatusQueue"),
            ("sqs:SendMessage", "InboundQueue StatusQueue"),
        ],
    ),
    (
        "accounts",
        &[
            ("dynamodb:BatchGetItem", "MessagesTable"),
            ("dynamodb:ConditionCheckItem", "MessagesTable"),
            ("dynamodb:DeleteItem", "MessagesTable"),
            ("dynamodb:GetItem", "MessagesTable"),
            ("dynamodb:PutItem", "MessagesTable LogsTable"),
            ("dynamodb:Query", "MessagesTable LogsTable"),
            ("dynamodb:Query", "MessagesTable/index/by_list"),
            ("dynamodb:UpdateItem", "MessagesTable"),
            ("secretsmanager:CreateSecret", "secret/in/* secret/out/*"),
            ("secretsmanager:DeleteSecret", "secret/in/* secret/out/*"),
            ("secretsmanager:GetSecretValue", "OperatorKey"),
            ("secretsmanager:GetSecretValue", "secret/in/* secret/out/*"),
            ("secretsmanager:PutSecretValue", "secret/in/* secret/out/*"),
            ("secretsmanager:RotateSecret", "secret/in/* secret/out/*"),
            ("secretsmanager:DescribeSecret", "secret/in/* secret/out/*"),
            (
                "secretsmanager:UpdateSecretVersionStage",
                "secret/in/* secret/out/*",
            ),
            ("lambda:InvokeFunction", "RotateFunction"),
        ],
    ),
    (
        "schedule",
        &[
            ("dynamodb:BatchGetItem", "MessagesTable LogsTable"),
            ("dynamodb:DeleteItem", "MessagesTable"),
            ("dynamodb:GetItem", "MessagesTable"),
            ("dynamodb:PutItem", "MessagesTable LogsTable"),
            ("dynamodb:Query", "MessagesTable"),
            ("dynamodb:Query", "MessagesTable/index/by_due"),
            ("dynamodb:Query", "MessagesTable/index/by_list"),
            ("dynamodb:Query", "MessagesTable/index/by_provider_id"),
            ("dynamodb:Query", "MessagesTable/index/by_thread"),
            ("dynamodb:Query", "LogsTable/index/by_due"),
            ("dynamodb:UpdateItem", "MessagesTable"),
            ("secretsmanager:GetSecretValue", "secret/out/*"),
            ("sqs:SendMessage", "OtpQueue SingleQueue DispatchQueue"),
        ],
    ),
    (
        "rotate",
        &[
            ("dynamodb:GetItem", "MessagesTable"),
            ("dynamodb:PutItem", "MessagesTable LogsTable"),
            ("dynamodb:UpdateItem", "MessagesTable"),
            ("secretsmanager:GetSecretValue", "secret/in/* secret/out/*"),
            ("secretsmanager:PutSecretValue", "secret/in/* secret/out/*"),
            (
                "secretsmanager:UpdateSecretVersionStage",
                "secret/in/* secret/out/*",
            ),
        ],
    ),
];

/// Who, what, of which tables, and how the keys begin.
type Limit = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

/// Grants that hold for some items of a table only, by the beginning of their partition key.
const ONLY_FOR_KEYS: [Limit; 17] = [
    ("send", "dynamodb:Query", "MessagesTable", &["T#*#A#*"]),
    ("deliver", "dynamodb:Query", "MessagesTable", &["T#*#A#*"]),
    ("schedule", "dynamodb:Query", "MessagesTable", &["T#*#A#*"]),
    (
        "webhook",
        "dynamodb:GetItem",
        "MessagesTable",
        &["ACCOUNT#*"],
    ),
    ("send", "dynamodb:PutItem", "LogsTable", &["T#*#AUDIT"]),
    ("dispatch", "dynamodb:PutItem", "LogsTable", &["T#*#AUDIT"]),
    ("api", "dynamodb:PutItem", "LogsTable", &["T#*#AUDIT"]),
    ("ingest", "dynamodb:PutItem", "LogsTable", &["T#*#EV#*"]),
    (
        "schedule",
        "dynamodb:PutItem",
        "LogsTable",
        &["T#*#EV#*", "T#*#H#*"],
    ),
    (
        "schedule",
        "dynamodb:DeleteItem",
        "MessagesTable",
        &["T#*#A#*"],
    ),
    (
        "rotate",
        "dynamodb:UpdateItem",
        "MessagesTable",
        &["T#*#A#*"],
    ),
    (
        "rotate",
        "dynamodb:PutItem",
        "MessagesTable LogsTable",
        &["T#*#A#*", "T#*#AUDIT"],
    ),
    (
        "api",
        "dynamodb:UpdateItem",
        "MessagesTable",
        &["KEY#*", "T#*#REQUESTS#*"],
    ),
    (
        "accounts",
        "dynamodb:ConditionCheckItem",
        "MessagesTable",
        &["KEY#*", "T#*#TENANT", "T#*#USERS"],
    ),
    (
        "accounts",
        "dynamodb:DeleteItem",
        "MessagesTable",
        &[
            "ACCOUNT#*",
            "NUMBER#*",
            "SESSION#*",
            "T#*#A#*",
            "T#*#BOT#*",
            "T#*#S#*",
            "WABA#*",
        ],
    ),
    (
        "accounts",
        "dynamodb:UpdateItem",
        "MessagesTable",
        &[
            "KEY#*",
            "SESSION#*",
            "T#*#A#*",
            "T#*#B#*",
            "T#*#REQUESTS#*",
            "T#*#S#*",
            "T#*#TENANT",
            "T#*#USERS",
            "TRIES#*",
        ],
    ),
    (
        "accounts",
        "dynamodb:PutItem",
        "MessagesTable LogsTable",
        &[
            "ACCOUNT#*",
            "INVITATION#*",
            "KEY#*",
            "NUMBER#*",
            "SESSION#*",
            "T#*#A#*",
            "T#*#AUDIT",
            "T#*#BOT#*",
            "T#*#EMAIL#*",
            "T#*#H#*",
            "T#*#IDEM#*",
            "T#*#KEYS",
            "T#*#PROVIDER#*",
            "T#*#S#*",
            "T#*#TENANT",
            "T#*#USERS",
            "WABA#*",
        ],
    ),
];

#[test]
fn a_role_grants_what_its_function_calls_and_nothing_more() {
    let stack = Stack::read();
    let mut granted = BTreeMap::new();
    for function in stack.functions() {
        granted.insert(function.name.to_owned(), lines(&function));
    }
    let expected = GRANTS.iter().map(|(name, lines)| {
        let each = lines.iter().flat_map(|(action, resources)| {
            let resources = resources.split(' ');
            resources.map(|it| ((*action).to_owned(), it.to_owned()))
        });
        ((*name).to_owned(), each.collect())
    });
    assert_eq!(granted, expected.collect());
}

#[test]
fn what_is_granted_for_some_items_is_granted_for_these_only() {
    let stack = Stack::read();
    for function in stack.functions() {
        for grant in &function.grants {
            for action in &grant.actions {
                let tables: Vec<String> = grant.resources.iter().map(|it| short(it)).collect();
                let expected = condition(function.name, action, &tables.join(" "));
                assert_eq!(grant.condition, expected, "{}: {action}", function.name);
            }
        }
    }
}

fn condition(function: &str, action: &str, tables: &str) -> Value {
    let mut known = ONLY_FOR_KEYS.iter();
    let known = known.find(|(of, what, on, _)| (*of, *what, *on) == (function, action, tables));
    known.map_or(
        Value::Null,
        |(_, _, _, keys)| json!({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}}),
    )
}

fn lines(function: &Function<'_>) -> BTreeSet<(String, String)> {
    function.grants.iter().flat_map(lines_of).collect()
}

fn lines_of(grant: &Grant) -> Vec<(String, String)> {
    let actions = grant.actions.iter();
    let actions = actions.filter(|it| !EVERYWHERE.contains(&it.as_str()));
    let of_action = |action: &String| {
        let resources = grant.resources.iter();
        let lines = resources.map(|it| (action.clone(), short(it)));
        lines.collect::<Vec<_>>()
    };
    actions.flat_map(of_action).collect()
}

/// `MessagesTable/index/by_due` for `${MessagesTable.Arn}/index/by_due`, `secret/in/*` for a secret's long name.
fn short(resource: &str) -> String {
    if let Some((_, name)) = resource.split_once(":secret:${AWS::StackName}") {
        return format!("secret{name}");
    }
    let resource = resource.replace(".Arn}", "}");
    resource.replace("${", "").replace('}', "")
}
