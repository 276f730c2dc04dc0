//! Structured logs on standard output: JSON in Lambda, readable text at a desk.
//!
//! Log lines carry ids, never tokens, texts, phone numbers or bodies: ours by what they say, all others by a level that no
//! setting lowers. In Lambda a panic is logged with its place, and
//! its text only if it is a literal, because a formatted one may quote what a person wrote.

mod metrics;

pub use metrics::{Counts, count, counts, measure};

use super::config::Environment;
use std::error::Error;
use std::io::IsTerminal;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The SDK reports every credential lookup at `info`; a desk's `DynamoDB` warns of every condition that does not hold, which
/// is how we find out who was faster.
const DEFAULT_LEVELS: &str = "info,aws_config=warn,aws_smithy_runtime=warn,dynoxide=error";

/// The crates whose lines are ours, and bear ids at every level.
const OURS: [&str; 12] = [
    "accounts",
    "api",
    "deliver",
    "dispatch",
    "heliograph",
    "ingest",
    "local",
    "rotate",
    "schedule",
    "send",
    "tally",
    "webhook",
];

/// The target of lines that tell of every step, also where nothing is wrong: they are written if it is named.
pub const STEPS: &str = "steps";

/// The most that all others may tell, whatever is asked for: below it the AWS SDK shows what it sends and receives, and so
/// what people wrote.
const OTHERS: Level = Level::INFO;

/// The function's name, if this is Lambda.
static FUNCTION: OnceLock<String> = OnceLock::new();

/// Starts the logs, at the levels `RUST_LOG` asks for, as far as they may be shown. A second call changes nothing.
pub fn init() {
    let environment = Environment::process();
    let levels = environment.get("RUST_LOG").unwrap_or(DEFAULT_LEVELS);
    if let Some(name) = environment.get("AWS_LAMBDA_FUNCTION_NAME") {
        FUNCTION.get_or_init(|| name.to_owned());
    }
    let started = match Form::of(&environment) {
        Form::Json => json(levels, std::io::stdout).try_init(),
        Form::Text => {
            let out = std::io::stdout;
            text(levels, out, out().is_terminal()).try_init()
        }
    };
    if started.is_ok() && Form::of(&environment) == Form::Json {
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// An error and everything that caused it, in one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[derive(Debug, PartialEq, Eq)]
enum Form {
    Json,
    Text,
}

impl Form {
    fn of(environment: &Environment) -> Self {
        match environment.get("AWS_LAMBDA_FUNCTION_NAME") {
            Some(_) => Self::Json,
            None => Self::Text,
        }
    }
}

fn json<W>(levels: &str, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_ansi(false)
        .with_max_level(LevelFilter::TRACE)
        .with_writer(writer)
        .finish()
        .with(targets(levels))
        .with(filter_fn(may_be_shown))
}

/// In colours for eyes, not for files.
fn text<W>(levels: &str, writer: W, colours: bool) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .with_ansi(colours)
        .with_max_level(LevelFilter::TRACE)
        .with_writer(writer)
        .finish()
        .with(targets(levels))
        .with(filter_fn(may_be_shown))
}

/// Levels, each for one module or for all. The crate's `EnvFilter` reads more than that, with regular expressions that
/// would be a tenth of every function's binary.
fn targets(levels: &str) -> Targets {
    let targets = levels.parse().or_else(|_| DEFAULT_LEVELS.parse());
    let targets = targets.unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    if targets.iter().any(|(target, _)| target == STEPS) {
        return targets;
    }
    targets.with_target(STEPS, LevelFilter::WARN)
}

/// Whether a line may be written at all. A target is a module's path; that it begins like a crate of ours is not enough.
fn may_be_shown(line: &Metadata<'_>) -> bool {
    let name = line.target().split("::").next().unwrap_or_default();
    *line.level() <= OTHERS || OURS.contains(&name)
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    tracing::error!(
        place = place.unwrap_or_default(),
        text = literal(panic),
        "panicked"
    );
}

fn literal(panic: &PanicHookInfo<'_>) -> &'static str {
    let text = panic.payload().downcast_ref::<&'static str>();
    text.copied().unwrap_or("(not shown)")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::service::aws::{Aws, Endpoints};
    use crate::service::loopback::{Answer, Loopback};
    use crate::service::records;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use thiserror::Error;

    #[derive(Debug, Error)]
    #[error("the table does not answer")]
    struct Outer(#[source] Inner);

    #[derive(Debug, Error)]
    #[error("connection refused")]
    struct Inner;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    #[test]
    fn the_chain_names_every_cause_once() {
        assert_eq!(
            chain(&Outer(Inner)),
            "the table does not answer: connection refused"
        );
    }

    #[test]
    fn a_line_in_lambda_is_one_json_object_with_time_level_and_fields() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = json("info", move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(message.id = "msg_1", "accepted msg_1");
            tracing::debug!("not at this level");
        });
        let written = lines.text();
        let line: serde_json::Value = serde_json::from_str(written.trim()).unwrap();
        assert_eq!(line.get("level").unwrap(), "INFO");
        assert_eq!(line.get("message.id").unwrap(), "msg_1");
        assert_eq!(line.get("message").unwrap(), "accepted msg_1");
        assert!(line.get("timestamp").is_some());
        assert_eq!(written.lines().count(), 1);
    }

    #[tokio::test]
    async fn what_is_said_of_a_record_bears_its_message_and_the_trace_in_which_it_was_sent() {
        let record = serde_json::json!({"messageId": "m", "body": "{}", "attributes":
            {"AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"}});
        let batch = serde_json::from_value(serde_json::json!({"Records": [record]})).unwrap();
        let lines = Lines::default();
        let writer = lines.clone();
        let logging = tracing::subscriber::set_default(json("info", move || writer.clone()));
        records::each(batch, |_| async {
            records::about_message(&"msg_1");
            Err::<(), _>(Outer(Inner))
        })
        .await;
        drop(logging);
        let line: serde_json::Value = serde_json::from_str(lines.text().trim()).unwrap();
        let span = line.pointer("/spans/0").unwrap();
        let root = "1-5759e988-bd862e3fe1be46a994272793";
        assert_eq!(span.get("trace.id").unwrap(), root);
        assert_eq!(span.get("message.id").unwrap(), "msg_1");
        assert_eq!(span.get("sqs.message_id").unwrap(), "m");
    }

    #[test]
    #[cfg_attr(
        not(debug_assertions),
        ignore = "a release build says nothing below `info`"
    )]
    fn no_level_that_is_asked_for_has_others_tell_more_than_they_may() {
        for levels in ["trace", "hyper=trace", "trace,hyper=trace,sendfile=debug"] {
            let lines = Lines::default();
            let (text_lines, json_lines) = (lines.clone(), lines.clone());
            let in_text = text(levels, move || text_lines.clone(), false);
            let in_json = json(levels, move || json_lines.clone());
            let say = || {
                tracing::debug!(target: "hyper::proto", body = "a secret", "read");
                tracing::trace!(target: "sendfile", body = "a secret", "read");
                tracing::trace!(target: "aws_smithy_runtime::client", body = "a secret", "read");
                tracing::info!(target: "hyper", "listens");
                tracing::trace!(target: "send::messages", "is ours");
            };
            tracing::subscriber::with_default(in_text, say);
            tracing::subscriber::with_default(in_json, say);
            assert!(!lines.text().contains("a secret"), "{levels}");
            let told = |word: &str| lines.text().matches(word).count();
            let ours = if levels.starts_with("trace") { 2 } else { 0 };
            assert_eq!((told("is ours"), told("listens")), (ours, 2), "{levels}");
        }
    }

    #[tokio::test]
    #[cfg_attr(
        not(debug_assertions),
        ignore = "a release build says nothing below `info`"
    )]
    async fn what_a_person_wrote_is_in_no_line_about_a_call_at_any_level() {
        let told = r#"{"Messages": [{"Body": "what a person wrote"}]}"#;
        let server = Loopback::start(move |_| Answer::ok(told)).await;
        let aws = Aws::at(&Endpoints {
            aws: server.url(),
            dynamodb: None,
        });
        let lines = Lines::default();
        let writer = lines.clone();
        let logs = json("trace", move || writer.clone());
        let logging = tracing::subscriber::set_default(logs);
        let call = aws.sqs().receive_message().queue_url(server.url());
        let received = call.send().await.unwrap();
        tracing::trace!("the last line");
        drop(logging);
        assert_eq!(received.messages().len(), 1);
        assert!(lines.text().contains("the last line"));
        assert!(!lines.text().contains("a person wrote"), "{}", lines.text());
    }

    #[test]
    fn every_crate_of_ours_is_known_by_its_name() {
        let workspace = include_str!("../../../Cargo.toml");
        let members = workspace.lines().filter(|line| line.contains("{ path = "));
        let mut names: Vec<_> = members.filter_map(|line| line.split(' ').next()).collect();
        names.sort_unstable();
        assert_eq!(names, OURS);
    }

    #[test]
    fn levels_that_cannot_be_read_are_the_usual_ones() {
        let usual = targets(DEFAULT_LEVELS);
        assert_eq!(targets("heliograph=loud"), usual);
        assert!(usual.would_enable("send", &tracing::Level::INFO));
        assert!(!usual.would_enable("aws_config::chain", &tracing::Level::INFO));
        assert!(!usual.would_enable("dynoxide::server", &tracing::Level::WARN));
        assert!(targets("debug").would_enable("send", &tracing::Level::DEBUG));
    }

    #[test]
    fn every_step_is_told_only_if_that_is_asked_for() {
        let told = |levels| targets(levels).would_enable(STEPS, &Level::INFO);
        assert_eq!(["info", "trace", "heliograph=info"].map(told), [false; 3]);
        assert_eq!(["info,steps=info", "steps=info"].map(told), [true; 2]);
    }

    #[test]
    fn lambda_gets_json_and_a_desk_gets_text() {
        let lambda = Environment::from_pairs([("AWS_LAMBDA_FUNCTION_NAME", "send")]);
        assert_eq!(Form::of(&lambda), Form::Json);
        assert_eq!(Form::of(&Environment::default()), Form::Text);
    }
}
