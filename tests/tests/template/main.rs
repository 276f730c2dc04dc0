//! Holds `template.yaml` and `events/` to what was promised of them: who may do what, what is kept and for how long,
//! what happens to what fails. `sam validate --lint` says whether AWS would take it; this says whether we would.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod events;
mod stack;

use serde_json::{Value, json};
use stack::{Function, Stack, list, owner, text, workspace};
use std::collections::BTreeSet;
use std::fs;

/// Resources that end in a wildcard, and why they must.
const WILDCARDS: [(&str, &str, &str); 9] = [
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
        "secretsmanager:DescribeSecret",
        "secret:${AWS::StackName}/in/*",
        "one secret per account",
    ),
    (
        "secretsmanager:DescribeSecret",
        "secret:${AWS::StackName}/out/*",
        "one secret per account",
    ),
    // The ARN CloudFormation gives for a log group ends in `:*`, its streams; no wildcard of ours.
    ("logs:CreateLogStream", "", "never written by us"),
    ("logs:PutLogEvents", "", "never written by us"),
];

#[test]
fn every_function_of_the_workspace_is_deployed_save_the_local_platform() {
    let folders = fs::read_dir(workspace().join("functions")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let expected: BTreeSet<String> = folders.filter(|name| name != "local").collect();
    let stack = Stack::read();
    let deployed = stack
        .functions()
        .iter()
        .map(|it| it.name.to_owned())
        .collect();
    assert_eq!(expected, deployed);
}

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

/// Whether a resource is the one this entry of the list means: the bare wildcard only where it says so.
fn is_named(resource: &str, end: &str) -> bool {
    resource == end || (end.starts_with("secret:") && resource.ends_with(end))
}

#[test]
fn only_the_webhook_reads_what_proves_a_call_and_only_senders_read_what_lets_us_send() {
    for function in Stack::read().functions() {
        let secrets = function.may("secretsmanager:GetSecretValue");
        let kinds: Vec<&str> = secrets
            .iter()
            .map(|it| it.rsplit("${AWS::StackName}").next().unwrap())
            .collect();
        let expected: &[&str] = match function.name {
            "webhook" => &["/in/*"],
            "send" | "deliver" => &["/out/*"],
            _ => &[],
        };
        assert_eq!(kinds, expected, "{}", function.name);
    }
}

#[test]
fn the_webhook_sees_nothing_of_the_table_but_accounts() {
    let stack = Stack::read();
    let webhook = named(&stack, "webhook");
    let about_tables = webhook
        .grants
        .iter()
        .filter(|it| it.actions.iter().any(|it| it.starts_with("dynamodb:")));
    for grant in about_tables {
        assert_eq!(grant.actions, ["dynamodb:GetItem"]);
        let only = json!({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["ACCOUNT#*"]}});
        assert_eq!(grant.condition, only);
    }
}

#[test]
fn a_function_is_told_of_exactly_the_queues_it_may_send_to() {
    let stack = Stack::read();
    for function in stack.functions() {
        let environment = stack.environment(&function).into_iter();
        let told: BTreeSet<String> = environment
            .filter(|(name, _)| name.ends_with("_QUEUE_URL"))
            .map(|(_, value)| owner(&value))
            .collect();
        let may = function.may("sqs:SendMessage").into_iter();
        let may: BTreeSet<String> = may.map(|arn| owner(&json!(arn))).collect();
        assert_eq!(told, may, "{}", function.name);
    }
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

#[test]
fn every_variable_a_function_names_in_its_source_is_set() {
    let stack = Stack::read();
    for function in stack.functions() {
        let set = stack.environment(&function);
        for variable in variables_named_in(function.name) {
            assert!(set.contains_key(&variable), "{}: {variable}", function.name);
        }
    }
}

/// The quoted names in a function's source that look like variables of ours.
fn variables_named_in(function: &str) -> BTreeSet<String> {
    let folder = workspace().join("functions").join(function).join("src");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let sources = files
        .filter(|path| path.is_file())
        .map(|path| fs::read_to_string(path).unwrap());
    let quoted =
        sources.flat_map(|source| source.split('"').map(str::to_owned).collect::<Vec<_>>());
    quoted.filter(|text| is_variable(text)).collect()
}

fn is_variable(text: &str) -> bool {
    let ours = [
        "_TABLE",
        "_QUEUE_URL",
        "GRAPH_URL",
        "GRAPH_VERSION",
        "_PREFIX",
    ];
    text.bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        && ours.iter().any(|end| text.ends_with(end))
}

#[test]
fn every_queue_gives_up_into_dead_letters_that_are_kept_longer_and_watched() {
    let stack = Stack::read();
    let watched: BTreeSet<String> = stack
        .of_type("AWS::CloudWatch::Alarm")
        .into_iter()
        .filter(|(_, alarm)| alarm["MetricName"] == "ApproximateNumberOfMessagesVisible")
        .map(|(_, alarm)| owner(&alarm["Dimensions"][0]["Value"]))
        .collect();
    for (id, queue) in consumed_queues(&stack) {
        let dead = owner(&queue["RedrivePolicy"]["deadLetterTargetArn"]);
        let kept = &stack.resource(&dead)["Properties"]["MessageRetentionPeriod"];
        assert!(
            kept.as_u64() > queue["MessageRetentionPeriod"].as_u64(),
            "{id}"
        );
        assert_eq!(kept, 1_209_600, "{id}");
        assert!(
            queue["RedrivePolicy"]["maxReceiveCount"].as_u64() >= Some(3),
            "{id}"
        );
        assert!(watched.contains(&dead), "{id}");
    }
}

#[test]
fn a_message_stays_invisible_for_six_times_its_consumers_timeout() {
    let stack = Stack::read();
    for (id, queue) in consumed_queues(&stack) {
        let consumer = stack
            .consumer(id)
            .unwrap_or_else(|| panic!("{id} has no consumer"));
        let timeout = stack.property(&consumer, "Timeout").as_u64().unwrap();
        assert!(
            queue["VisibilityTimeout"].as_u64() >= Some(6 * timeout),
            "{id}"
        );
    }
}

#[test]
fn every_queue_is_encrypted_and_spoken_to_over_tls_only() {
    let stack = Stack::read();
    let policies = stack.of_type("AWS::SQS::QueuePolicy");
    let covered: BTreeSet<String> = policies
        .iter()
        .flat_map(|(_, policy)| list(&policy["Queues"]))
        .map(owner)
        .collect();
    for (id, queue) in stack.of_type("AWS::SQS::Queue") {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{id}");
        assert!(covered.contains(id), "{id}");
    }
    for (id, policy) in policies {
        for statement in list(&policy["PolicyDocument"]["Statement"]) {
            assert_eq!(
                statement["Effect"], "Deny",
                "{id}: a queue policy may only take away"
            );
        }
    }
}

/// The queues that are no dead-letter queue.
fn consumed_queues(stack: &Stack) -> Vec<(&str, &Value)> {
    let mut queues = stack.of_type("AWS::SQS::Queue");
    queues.retain(|(id, _)| !id.ends_with("DeadLetters"));
    assert_eq!(queues.len(), 6);
    queues
}

#[test]
fn one_bad_record_never_fails_its_batch() {
    for function in Stack::read().functions() {
        for trigger in [function.triggers("SQS"), function.triggers("DynamoDB")].concat() {
            assert_eq!(
                trigger["FunctionResponseTypes"],
                json!(["ReportBatchItemFailures"]),
                "{}",
                function.name
            );
        }
        for queue in function.queues() {
            let arn = format!("${{{queue}.Arn}}");
            for action in [
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
            ] {
                assert!(
                    function.may(action).contains(&arn.as_str()),
                    "{}: {action}",
                    function.name
                );
            }
        }
    }
}

#[test]
fn only_bulk_is_held_back() {
    for function in Stack::read().functions() {
        for trigger in function.triggers("SQS") {
            let held_back = trigger["ScalingConfig"].get("MaximumConcurrency").is_some();
            assert_eq!(
                held_back,
                owner(&trigger["Queue"]) == "BulkQueue",
                "{}",
                function.name
            );
        }
    }
}

#[test]
fn a_function_that_feeds_its_own_queue_is_not_stopped_as_a_runaway() {
    for function in Stack::read().functions() {
        let own = function.queues();
        let mut fed = function.may("sqs:SendMessage").into_iter();
        if fed.any(|arn| own.contains(&owner(&json!(arn)))) {
            assert_eq!(
                function.properties["RecursiveLoop"], "Allow",
                "{}",
                function.name
            );
        }
    }
}

#[test]
fn the_counters_reader_wakes_for_messages_only_and_knows_its_shard() {
    let stack = Stack::read();
    let tally = named(&stack, "tally");
    let stream = tally.triggers("DynamoDB")[0];
    let filter = &stream["FilterCriteria"]["Filters"][0]["Pattern"];
    let filter: Value = serde_json::from_str(filter.as_str().unwrap()).unwrap();
    assert_eq!(
        filter,
        json!({"dynamodb": {"NewImage": {"type": {"S": ["message"]}}}})
    );
    assert_eq!(stream["TumblingWindowInSeconds"], 1);
    assert_eq!(stream["ParallelizationFactor"], 1);
    assert_eq!(stream["BisectBatchOnFunctionError"], false);
    assert_eq!(stream["StartingPosition"], "TRIM_HORIZON");
    assert_eq!(
        stack.resource("MessagesTable")["Properties"]["StreamSpecification"]["StreamViewType"],
        "NEW_AND_OLD_IMAGES"
    );
}

#[test]
fn the_tables_outlive_mistakes_and_cost_nothing_idle() {
    let stack = Stack::read();
    let tables = stack.of_type("AWS::DynamoDB::Table");
    assert_eq!(tables.len(), 2);
    for (id, table) in tables {
        assert_eq!(table["BillingMode"], "PAY_PER_REQUEST", "{id}");
        assert_eq!(
            table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true,
            "{id}"
        );
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true, "{id}");
        assert_eq!(
            table["TimeToLiveSpecification"],
            json!({"AttributeName": "expires", "Enabled": true}),
            "{id}"
        );
        assert_eq!(
            text(&table["DeletionProtectionEnabled"]),
            "${DeletionProtection}",
            "{id}"
        );
        assert_eq!(stack.resource(id)["DeletionPolicy"], "Retain", "{id}");
        assert_eq!(stack.resource(id)["UpdateReplacePolicy"], "Retain", "{id}");
        for index in list(&table["GlobalSecondaryIndexes"]) {
            assert_eq!(index["Projection"]["ProjectionType"], "KEYS_ONLY", "{id}");
        }
    }
}

#[test]
fn every_function_is_traced_and_its_log_ends_some_day() {
    let stack = Stack::read();
    for function in stack.functions() {
        let log = owner(&stack.property(&function, "LoggingConfig")["LogGroup"]);
        let retention = &stack.resource(&log)["Properties"]["RetentionInDays"];
        assert_eq!(text(retention), "${LogRetentionDays}", "{}", function.name);
        assert_eq!(
            function.may("logs:PutLogEvents"),
            [format!("${{{log}.Arn}}")],
            "{}",
            function.name
        );
        assert_eq!(
            stack.property(&function, "Tracing"),
            "Active",
            "{}",
            function.name
        );
    }
}

#[test]
fn somebody_can_hear_of_every_functions_errors() {
    let stack = Stack::read();
    let alarms = stack.of_type("AWS::CloudWatch::Alarm").into_iter();
    let errors = alarms
        .filter(|(_, alarm)| alarm["Namespace"] == "AWS/Lambda" && alarm["MetricName"] == "Errors");
    let watched: BTreeSet<String> = errors
        .map(|(_, alarm)| owner(&alarm["Dimensions"][0]["Value"]))
        .collect();
    let functions = stack
        .functions()
        .iter()
        .map(|it| it.id.to_owned())
        .collect();
    assert_eq!(watched, functions);
}

/// The function of this name.
fn named<'a>(stack: &'a Stack, name: &str) -> Function<'a> {
    let mut functions = stack.functions().into_iter();
    functions
        .find(|it| it.name == name)
        .unwrap_or_else(|| panic!("{name} is missing"))
}
