//! The same samples, brought to the binaries that are deployed, each under AWS's Runtime Interface Emulator.
//!
//! `tests/lambda` builds them, says where they and the emulator are, and runs this.

use super::answers::ANSWERS;
use super::{Answer, Desk, Done, NOBODY, Status, again, figures, read};
use heliograph::service::config::Environment;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// Every function of the template.
const FUNCTIONS: [&str; 10] = [
    "send", "webhook", "ingest", "dispatch", "deliver", "tally", "api", "accounts", "schedule",
    "rotate",
];

/// How long the emulator may take until it listens.
const PATIENCE: Duration = Duration::from_secs(10);

/// What Lambda would hand to every function.
const USUAL: [(&str, &str); 8] = [
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "samples"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "samples"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "local"),
    ("AWS_SECRET_ACCESS_KEY", "local"),
    ("RUST_LOG", "error"),
];

#[tokio::test]
#[ignore = "needs what `sam build` makes: run tests/lambda"]
async fn every_sample_is_answered_by_its_binary_as_its_name_says() {
    let environment = Environment::process();
    let emulator = Path::new(environment.get("HELIOGRAPH_EMULATOR").unwrap());
    let built = Path::new(environment.get("HELIOGRAPH_BUILT").unwrap());
    let desk = Desk::start().await;
    let mut emulated = BTreeMap::new();
    for function in FUNCTIONS {
        let bootstrap = bootstrap(built, function);
        let variables = desk.variables(function);
        let polls = figures::first_polls(&bootstrap, &variables).await;
        let figures = figures::Figures::of(&bootstrap, polls);
        let lambda = Emulated::start(emulator, &bootstrap, &variables);
        emulated.insert(function, (lambda, figures));
    }
    for (name, expected) in &ANSWERS {
        let function = name.split('-').next().unwrap();
        let (lambda, figures) = emulated.get_mut(function).unwrap();
        let answer = lambda.invoke(&desk.event(name).await).await;
        assert_eq!(&answered(function, &answer), expected, "{name}: {answer}");
        figures.note_memory(lambda.function().unwrap());
    }
    let figures = emulated.iter().map(|(name, (_, it))| (*name, it));
    figures::show_and_hold(figures);
}

/// `Send` of `SendFunction`, as `sam build` names its folders.
fn bootstrap(built: &Path, function: &str) -> PathBuf {
    let (first, rest) = function.split_at(1);
    let folder = format!("{}{rest}Function", first.to_uppercase());
    built.join(folder).join("bootstrap")
}

/// What an answer says, as the list of answers has it.
fn answered(function: &str, answer: &Value) -> Answer {
    assert!(answer.get("errorType").is_none(), "{function}: {answer}");
    match function {
        "send" | "api" | "accounts" | "webhook" => Status(answer["statusCode"].as_u64().unwrap()),
        "ingest" | "dispatch" | "deliver" => {
            let failures = answer["batchItemFailures"].as_array().unwrap().iter();
            again(failures.map(|it| it["itemIdentifier"].as_str().unwrap()))
        }
        _ => Done,
    }
}

impl Desk {
    /// A sample's event. The secret that it may name is one of this desk.
    async fn event(&self, name: &str) -> Value {
        let event = read(name);
        if name.starts_with("rotate-") {
            return self.rotation(event).await;
        }
        event
    }

    /// What a function finds in its environment.
    fn variables(&self, function: &str) -> Vec<(String, String)> {
        let environment = self.provisioned.environment(&self.simulator.url(), NOBODY);
        let aws = self.endpoints.url();
        let here = [
            ("AWS_LAMBDA_FUNCTION_NAME", function),
            ("AWS_ENDPOINT_URL", &aws),
        ];
        let all = environment.pairs().chain(USUAL).chain(here);
        let owned = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
        owned.collect()
    }
}

/// The emulator with a function; both end when it is dropped.
struct Emulated {
    emulator: Child,
    url: String,
    http: reqwest::Client,
}

impl Emulated {
    fn start(emulator: &Path, bootstrap: &Path, variables: &[(String, String)]) -> Self {
        let [address, runtime_api] = free_addresses();
        let mut command = Command::new(emulator);
        command
            .args(["--runtime-interface-emulator-address", &address])
            .args(["--runtime-api-address", &runtime_api])
            .arg(bootstrap)
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null()).kill_on_drop(true);
        Self {
            emulator: command.spawn().unwrap(),
            url: format!("http://{address}/2015-03-31/functions/function/invocations"),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// Invokes the function, once the emulator listens.
    async fn invoke(&self, event: &Value) -> Value {
        let begun = Instant::now();
        loop {
            let asked = self.http.post(&self.url).json(event).send().await;
            match asked {
                Ok(answer) => return answer.json().await.unwrap(),
                Err(error) => assert!(
                    error.is_connect() && begun.elapsed() < PATIENCE,
                    "the emulator is silent: {error}"
                ),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The function's process, which the emulator starts with the first event.
    fn function(&self) -> Option<u32> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.emulator.id()?));
        let mut children = threads.ok()?.filter_map(|it| {
            let children = std::fs::read_to_string(it.ok()?.path().join("children"));
            children.ok()?.split_whitespace().next()?.parse().ok()
        });
        children.next()
    }
}

impl Drop for Emulated {
    /// The emulator is killed, and would leave the function behind.
    fn drop(&mut self) {
        if let Some(function) = self.function() {
            let mut kill = std::process::Command::new("kill");
            let _ = kill.arg(function.to_string()).status();
        }
    }
}

/// Two addresses that nobody holds just now.
fn free_addresses() -> [String; 2] {
    let taken = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    taken.map(|it| it.local_addr().unwrap().to_string())
}
