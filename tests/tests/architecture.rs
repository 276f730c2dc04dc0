//! The shape of the code: what depends on what, what may stand where, how long a file or a function may be.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "template/stack.rs"]
#[expect(dead_code, reason = "only the tables are looked at here")]
mod stack;

use heliograph::domain::provider::Gateway;
use heliograph::store::{IndexShape, LOGS_INDEXES, MESSAGES_INDEXES, TTL_ATTRIBUTE};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files that may be longer than 400 lines, and why.
const LONG: [(&str, &str); 1] = [(
    "functions/local/src/aws/tests/queues.rs",
    "one test after the other",
)];

struct Source {
    /// From the workspace's folder.
    path: String,
    text: String,
}

impl Source {
    /// What is compiled into the product: without comments, and without what stands after `#[cfg(test)]`.
    fn code(&self) -> String {
        // Where its tests are a file of their own, the line that says so cuts nothing off.
        let text = self.text.replace("#[cfg(test)]\nmod tests;\n", "");
        let product = text.split("#[cfg(test)]").next().unwrap_or("");
        let lines = product.lines();
        let code = lines.filter(|line| !line.trim_start().starts_with("//"));
        code.collect::<Vec<_>>().join("\n")
    }

    /// Whether its code has this word in a name or a text, save to say that it is a module, or as an example.
    fn names(&self, word: &str) -> bool {
        let module = format!("pub mod {word};");
        let code = self.code();
        let mut lines = code.lines();
        lines.any(|line| {
            let is_excused = line.trim() == module || line.contains("example = ");
            !is_excused && line.to_lowercase().contains(word)
        })
    }

    fn is_test(&self) -> bool {
        let parts = self.path.split('/');
        parts
            .skip(2)
            .any(|part| part == "tests" || part == "tests.rs")
    }
}

/// Every Rust file under a folder of the workspace.
fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&stack::workspace().join(folder), &mut found);
    let root = stack::workspace();
    let sources = found.into_iter().map(|path| Source {
        text: fs::read_to_string(&path).unwrap(),
        path: path.strip_prefix(&root).unwrap().display().to_string(),
    });
    sources.collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

/// Every file under `folder` that names one of `words` outside of its tests.
fn named(folder: &str, words: &[&str]) -> Vec<String> {
    let mut named = Vec::new();
    for source in sources(folder).iter().filter(|it| !it.is_test()) {
        let code = source.code();
        for word in words.iter().filter(|word| code.contains(**word)) {
            named.push(format!("{}: {word}", source.path));
        }
    }
    named
}

#[test]
fn the_domain_has_no_async_no_aws_no_http_and_no_clock() {
    let words = [
        "async ",
        "aws_",
        "axum",
        "reqwest",
        "http::",
        "tokio",
        "lambda_",
        "Timestamp::now",
        "Zoned::now",
        "SystemTime",
        "Instant::now",
    ];
    assert!(sources("shared/src/domain").len() > 20);
    assert_eq!(named("shared/src/domain", &words), [""; 0]);
}

#[test]
fn dependencies_point_down() {
    let above = [
        ("domain", &["provider", "store", "messaging", "service"][..]),
        ("provider", &["store", "messaging", "service"]),
        ("store", &["provider", "messaging", "service"]),
    ];
    for (module, forbidden) in above {
        for other in forbidden {
            let words = [format!("crate::{other}"), format!("heliograph::{other}")];
            let words = words.each_ref().map(String::as_str);
            assert_eq!(named(&format!("shared/src/{module}"), &words), [""; 0]);
        }
    }
    // What every function needs to run may know the store, but not the use cases.
    let words = ["crate::messaging"];
    assert_eq!(named("shared/src/service", &words), [""; 0]);
}

/// Where all gateways stand in a row, and where each meets its module. A new one is written there and in its module, and
/// nowhere else.
const WHERE_GATEWAYS_MEET: [&str; 2] = [
    "shared/src/domain/provider.rs",
    "shared/src/provider/gateway.rs",
];

#[test]
fn a_gateway_is_named_in_its_module_in_one_row_and_in_one_arm() {
    let simulated = sources("functions").into_iter();
    let functions = simulated.filter(|it| !it.path.starts_with("functions/local/"));
    let sources: Vec<Source> = sources("shared/src").into_iter().chain(functions).collect();
    for gateway in Gateway::ALL {
        let word = gateway.as_str();
        let module = format!("shared/src/provider/{word}/");
        let mut naming: Vec<&str> = sources
            .iter()
            .filter(|it| !it.is_test() && !it.path.starts_with(&module) && it.names(word))
            .map(|it| it.path.as_str())
            .collect();
        naming.sort_unstable();
        assert_eq!(naming, WHERE_GATEWAYS_MEET, "{word}");
    }
}

#[test]
fn a_binary_is_twenty_lines_of_code_or_fewer() {
    let mains = sources("functions");
    let mains = mains.iter().filter(|it| it.path.ends_with("src/main.rs"));
    for main in mains {
        let code = main.code();
        let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
        assert!(lines <= 20, "{}: {lines}", main.path);
    }
}

#[test]
fn no_file_is_longer_than_a_reader_likes_and_each_says_what_it_is_for() {
    let folders = ["shared", "functions", "tests"];
    for source in folders.iter().flat_map(|folder| sources(folder)) {
        let lines = source.text.lines().count();
        let excused = LONG.iter().any(|(path, _)| *path == source.path);
        assert!(lines <= 400 || excused, "{}: {lines} lines", source.path);
        assert!(source.text.starts_with("//!"), "{}", source.path);
    }
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut seen = 0;
    for source in ["shared", "functions", "tests"]
        .iter()
        .flat_map(|it| sources(it))
    {
        for (name, lines) in functions(&source.text) {
            assert!(lines <= 60, "{}: {name} has {lines} lines", source.path);
            seen += 1;
        }
    }
    assert!(seen > 2_000, "{seen} functions");
}

/// Every function with a body, and how many lines it takes. Formatted code closes a function where it was begun.
fn functions(text: &str) -> Vec<(&str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let Some(name) = function_begun(line) else {
            continue;
        };
        let depth = line.len() - line.trim_start().len();
        let end = format!("{}}}", " ".repeat(depth));
        let rest = &lines[place..];
        // A trait's function without a body ends with its signature.
        let signed = rest.iter().find(|line| line.ends_with(['{', ';']));
        if signed.is_some_and(|line| line.ends_with(';')) {
            continue;
        }
        if let Some(last) = rest.iter().position(|it| *it == end) {
            found.push((name, last + 1));
        }
    }
    found
}

/// The name of the function that begins on this line, unless it ends there, too.
fn function_begun(line: &str) -> Option<&str> {
    let words = line.trim_start().split(' ');
    let mut words =
        words.skip_while(|word| word.starts_with("pub") || ["const", "async"].contains(word));
    let is_one = words.next() == Some("fn") && !line.ends_with(['}', ';']);
    let name = words.next()?;
    is_one.then(|| name.split(['(', '<']).next().unwrap_or(name))
}

#[test]
fn the_length_of_a_function_is_counted_from_its_name_to_its_brace() {
    let text = "fn one() {\n    two(|| {\n    })\n}\n\n    pub(crate) async fn three<T>(\n    ) {\n    }\nfn four() {}\n";
    assert_eq!(functions(text), [("one", 4), ("three", 3)]);
}

#[test]
fn nobody_scans_a_table() {
    let words = [
        ".scan()",
        "operation::scan",
        "ExecuteStatement",
        "execute_statement",
    ];
    for folder in [
        "shared/src",
        "functions/api",
        "functions/send",
        "functions/schedule",
    ] {
        assert_eq!(named(folder, &words), [""; 0]);
    }
}

#[test]
fn no_function_leaves_a_task_behind_or_reads_the_environment_by_itself() {
    for function in fs::read_dir(stack::workspace().join("functions")).unwrap() {
        let name = function.unwrap().file_name().into_string().unwrap();
        if name != "local" {
            let words = ["tokio::spawn", "env::var", "set_var", "thread::spawn"];
            assert_eq!(named(&format!("functions/{name}"), &words), [""; 0]);
        }
    }
}

#[test]
fn the_openapi_document_is_the_one_the_code_makes() {
    let committed = stack::workspace().join("functions/api/openapi.json");
    let committed = fs::read_to_string(committed).unwrap();
    let made = local::openapi().unwrap();
    assert!(
        committed.trim_end() == made.trim_end(),
        "functions/api/openapi.json is old: cargo run -- openapi > functions/api/openapi.json"
    );
}

#[test]
fn the_openapi_document_names_every_route_once_under_an_operation_of_its_own() {
    let document: Value = serde_json::from_str(&local::openapi().unwrap()).unwrap();
    let mut operations = BTreeSet::new();
    let mut count = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap_or_default();
            assert!(operations.insert(id.to_owned()), "{path}: {id}");
            assert!(operation["summary"].is_string() || operation["description"].is_string());
            count += 1;
        }
    }
    assert!(count >= 21, "{count} operations");
}

#[test]
fn the_tables_of_a_desk_are_those_of_the_template() {
    let stack = stack::Stack::read();
    for (id, indexes) in [
        ("MessagesTable", &MESSAGES_INDEXES[..]),
        ("LogsTable", &LOGS_INDEXES[..]),
    ] {
        let table = &stack.resource(id)["Properties"];
        assert_eq!(keys_of(&table["KeySchema"]), ["pk HASH", "sk RANGE"]);
        let deployed = stack::list(&table["GlobalSecondaryIndexes"]);
        let deployed: BTreeSet<String> = deployed
            .iter()
            .map(|index| {
                let name = index["IndexName"].as_str().unwrap();
                format!("{name} {}", keys_of(&index["KeySchema"]).join(" "))
            })
            .collect();
        let local: BTreeSet<String> = indexes.iter().map(shown).collect();
        assert_eq!(deployed, local, "{id}");
        let ttl = &table["TimeToLiveSpecification"]["AttributeName"];
        assert_eq!(ttl, TTL_ATTRIBUTE, "{id}");
    }
}

fn keys_of(schema: &Value) -> Vec<String> {
    let keys = schema.as_array().unwrap().iter();
    let shown = keys.map(|key| {
        let name = key["AttributeName"].as_str().unwrap();
        format!("{name} {}", key["KeyType"].as_str().unwrap())
    });
    shown.collect()
}

fn shown((name, hash, sort): &IndexShape) -> String {
    let sort = sort.map_or(String::new(), |sort| format!(" {sort} RANGE"));
    format!("{name} {hash} HASH{sort}")
}

/// What a log line may name, so that one search finds everything that is said of it.
const LOGGED: [&str; 13] = [
    "account.id",
    "credential.alias",
    "credential.name",
    "event.id",
    "job.id",
    "key.id",
    "message.id",
    "request.id",
    "sender.id",
    "session.id",
    "sqs.message_id",
    "trace.id",
    "webhook.refused",
];

const LINES: [&str; 6] = [
    "error!(",
    "warn!(",
    "info!(",
    "debug!(",
    "trace!(",
    "info_span!(",
];

#[test]
fn every_function_logs_an_id_under_the_same_name() {
    let mut count = 0;
    let sources = ["functions", "shared/src"].into_iter().flat_map(sources);
    for source in sources.filter(|it| !it.is_test() && !it.path.contains("/local/")) {
        let code = source.code();
        for said in code.split("tracing::").skip(1) {
            let fields = LINES.iter().find_map(|line| said.strip_prefix(line));
            let Some((fields, _)) = fields.and_then(|fields| fields.split_once(");")) else {
                continue;
            };
            count += 1;
            for field in fields.split([',', '\n']).map(str::trim) {
                let name = field
                    .split(" =")
                    .next()
                    .unwrap()
                    .trim_start_matches(['%', '?']);
                let is_id = name == "id" || name.ends_with("_id") || name.contains('.');
                let is_name = name
                    .bytes()
                    .all(|it| it.is_ascii_lowercase() || b"._".contains(&it));
                assert!(
                    !is_id || !is_name || LOGGED.contains(&name),
                    "{}: {name}",
                    source.path
                );
            }
        }
    }
    assert!(count > 50, "{count} log lines");
}
