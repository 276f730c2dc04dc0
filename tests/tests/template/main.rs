//! Holds `template.yaml` and `events/` to what was promised of them: who may do what, what is kept and for how long,
//! what happens to what fails. `sam validate --lint` says whether AWS would take it; this says whether we would.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod events;
mod grants;
mod queues;
mod roles;
mod stack;
mod watched;

use serde_json::{Value, json};
use stack::{Function, Stack, list, owner, text, workspace};
use std::collections::BTreeSet;
use std::fs;

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
    // What reads the addresses of all providers at once names them in a place of its own.
    let with_addresses = sources.map(|source| {
        let reads_them = source.contains(".addresses()");
        let addresses = reads_them.then(addresses).unwrap_or_default();
        source + &addresses
    });
    let quoted =
        with_addresses.flat_map(|source| source.split('"').map(str::to_owned).collect::<Vec<_>>());
    quoted.filter(|text| is_variable(text)).collect()
}

/// How the shared crate reads where the providers are.
fn addresses() -> String {
    let config = workspace().join("shared/src/service/config.rs");
    let config = fs::read_to_string(config).unwrap();
    let (_, addresses) = config.split_once("pub fn addresses").unwrap();
    let (addresses, _) = addresses.split_once("\n    }\n").unwrap();
    assert!(addresses.contains("\"GRAPH_URL\""), "{addresses}");
    addresses.to_owned()
}

fn is_variable(text: &str) -> bool {
    let ours = ["_TABLE", "_URL", "GRAPH_VERSION", "_PREFIX", "_PROVIDERS"];
    text.bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        && ours.iter().any(|end| text.ends_with(end))
}

#[test]
fn meta_is_told_the_address_at_which_the_webhook_answers() {
    let stack = Stack::read();
    let told = &stack.environment(&named(&stack, "accounts"))["WEBHOOK_URL"];
    let webhook = named(&stack, "webhook");
    assert!(webhook.properties.get("FunctionUrlConfig").is_some());
    assert_eq!(text(told), format!("${{{}Url.FunctionUrl}}", webhook.id));
}

/// Every route adds some 400 bytes to the policy of its function, which Lambda bounds at 20,480, save where the function
/// takes whatever no route takes, too.
#[test]
fn no_function_has_more_routes_than_its_policy_can_hold() {
    for function in Stack::read().functions() {
        let routes = function.triggers("HttpApi");
        let takes_the_rest = routes.iter().any(|it| it.get("Path").is_none());
        assert!(
            takes_the_rest || routes.len() <= 45,
            "{}: {}",
            function.name,
            routes.len()
        );
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

/// The function of this name.
fn named<'a>(stack: &'a Stack, name: &str) -> Function<'a> {
    let mut functions = stack.functions().into_iter();
    functions
        .find(|it| it.name == name)
        .unwrap_or_else(|| panic!("{name} is missing"))
}
