//! The process as people run it: it starts, it ends, it is killed at any moment and goes on where it was, and keeps its
//! secrets to itself.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "kill/apart.rs"]
mod apart;
#[path = "kill/bulk.rs"]
mod bulk;
#[path = "kill/listener.rs"]
mod listener;
#[path = "kill/needles.rs"]
mod needles;
#[path = "kill/process.rs"]
mod process;
#[path = "kill/scheduled.rs"]
mod scheduled;
#[path = "kill/secrets.rs"]
mod secrets;
#[path = "kill/tour.rs"]
mod tour;
#[path = "kill/visitors.rs"]
mod visitors;

use futures_util::future::{Either, join, select};
use process::{Folder, Process, Taken, free_ports, run};
use serde_json::{Value, json};
use std::pin::pin;
use std::time::Duration;
use tests::{ADMIN_KEY, Desk, eventually, eventually_within, read, text};

/// Leases of 30 seconds have to run out, in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// Messages that the process finds queued, called or answered when it dies.
const QUEUED: usize = 20;

/// Some race against a call's ten seconds. So all that start a platform take turns: side by side they would race against
/// each other.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn a_message_cut_off_at_any_step_is_settled_and_never_sent_twice() {
    let _turn = TURN.lock().await;
    let folder = Folder::new("single");
    let ports = free_ports();
    let process = Process::start(&folder, ports).await;
    let desk = &process.desk;
    let queued: Vec<_> = (0..QUEUED).map(queued).collect();
    for (body, key) in &queued {
        assert_eq!(post(desk, body, key, true).await, Some(202));
    }
    let cut = kill_while_both_are_called(&process).await;
    process.kill().await;

    let process = Process::start(&folder, ports).await;
    let desk = &process.desk;
    let mut taken = 0;
    for (body, key) in &queued {
        taken += settled(desk, body, key).await;
    }
    let (body, key) = &cut.accepted;
    replayed_until(desk, body, key, async |state| state == "read").await;
    let (body, key) = &cut.calling;
    replayed_until(desk, body, key, async |state| state == "unknown").await;
    let stats = desk.stats().await;
    assert_eq!(
        (&stats["accepted"], &stats["duplicates"]),
        (&json!(taken + cut.rounds), &json!(0))
    );
    process.end("INT").await;
}

/// A message that is written down and called later, with its key.
fn queued(number: usize) -> (Value, String) {
    let to = format!("+155500200{number:02}");
    (text(&to, "queued"), format!("key-queued-{number}"))
}

/// Waits until the platform knows what became of a queued message, wherever the process died, and says how often the
/// provider took it: it is `read` if the provider has it, `unknown` if its call was cut off, and in no other state.
async fn settled(desk: &Desk, body: &Value, key: &str) -> u32 {
    let to = body["to"].as_str();
    let known = async |state: &str| match desk.accepted(to).await.len() {
        0 => state == "unknown",
        _ => state == "read",
    };
    replayed_until(desk, body, key, known).await;
    desk.accepted(to).await.len().try_into().unwrap()
}

/// Two messages whose calls were cut off, each with its key.
struct Cut {
    /// Accepted by the provider, whose answer never came.
    accepted: (Value, String),
    /// Not accepted: the process died while the provider thought.
    calling: (Value, String),
    /// How many pairs were sent until both of one were called at once.
    rounds: u32,
}

/// Kills the platform while two calls are under way. On a busy machine one may begin when the other has timed out: then the
/// next two are sent.
async fn kill_while_both_are_called(process: &Process) -> Cut {
    let desk = &process.desk;
    let mut rounds = 0;
    loop {
        rounds += 1;
        let (one, other) = (
            format!("+155500210{rounds:02}"),
            format!("+155500220{rounds:02}"),
        );
        hang(desk, "timeout_after_accept", &one).await;
        hang(desk, "timeout_before_accept", &other).await;
        let accepted = (text(&one, "accepted"), format!("key-accepted-{rounds}"));
        let calling = (text(&other, "calling"), format!("key-calling-{rounds}"));
        let posted = join(
            post(desk, &accepted.0, &accepted.1, false),
            post(desk, &calling.0, &calling.1, false),
        );
        let look = async || {
            let all = desk.all("/v1/messages?state=sending").await;
            let sending = [&one, &other].map(|to| all.iter().any(|it| it["to"] == to.as_str()));
            let taken = desk.accepted(Some(&one)).await.len() == 1;
            (sending == [true, true] && taken).then_some(())
        };
        let called = eventually("both calls to be under way", look);
        if let Either::Left(((), posted)) = select(pin!(called), pin!(posted)).await {
            process.signal("KILL");
            assert_eq!(posted.await, (None, None), "nobody had an answer");
            return Cut {
                accepted: accepted.clone(),
                calling: calling.clone(),
                rounds,
            };
        }
    }
}

/// Has the provider answer a message to this person after a minute.
async fn hang(desk: &Desk, fault: &str, to: &str) {
    let order = json!({"fault": fault, "to": to, "delay_ms": 60_000});
    desk.fault(&order).await;
}

/// Repeats a request until its message is in a state as wanted.
async fn replayed_until(
    desk: &Desk,
    body: &Value,
    key: &str,
    mut wanted: impl AsyncFnMut(&str) -> bool,
) {
    let look = async || {
        let answer = desk
            .post_with("/v1/messages", body, ("idempotency-key", key))
            .await;
        assert!(matches!(answer.status, 200 | 202 | 409), "{answer:?}");
        if answer.status == 409 {
            assert!(answer.header("retry-after").is_some());
            return None;
        }
        assert_eq!(answer.header("idempotent-replayed"), Some("true"));
        let message = answer.json();
        wanted(message["state"].as_str().unwrap())
            .await
            .then_some(())
    };
    eventually_within(PATIENCE, &format!("{key} to be settled"), look).await;
}

/// The status of the answer, if there was one.
async fn post(desk: &Desk, body: &Value, key: &str, respond_async: bool) -> Option<u16> {
    let mut request = desk
        .with_key(ADMIN_KEY, reqwest::Method::POST, "/v1/messages")
        .header("idempotency-key", key)
        .json(body);
    if respond_async {
        request = request.header("prefer", "respond-async");
    }
    let answer = request.send().await.ok()?;
    Some(answer.status().as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_was_answered_is_kept_also_if_the_process_dies_at_once() {
    let _turn = TURN.lock().await;
    let folder = Folder::new("webhook");
    let ports = free_ports();
    let mut process = Process::start(&folder, ports).await;
    for round in 0..3 {
        let wamid = format!("wamid.ROUND{round}");
        let order = json!({"from": "+15550020010", "text": "Hello", "wamid": wamid});
        process.desk.inbound(&order).await;
        process.kill().await;
        process = Process::start(&folder, ports).await;
        let look = async || {
            let all = process.desk.all("/v1/messages").await;
            all.into_iter()
                .find(|it| it["provider_id"] == wamid.as_str())
        };
        eventually("the message", look).await;
    }
    let look = async || {
        let all = process.desk.all("/v1/conversations").await;
        all.into_iter().find(|it| it["unread"] == 3)
    };
    eventually("each to be counted once", look).await;
    process.end("TERM").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_ends_it_cleanly_finds_everything_again() {
    let _turn = TURN.lock().await;
    let folder = Folder::new("clean");
    let ports = free_ports();
    let mut ids = Vec::new();
    for (round, signal) in ["TERM", "INT"].into_iter().enumerate() {
        let process = Process::start(&folder, ports).await;
        let to = format!("+1555002003{round}");
        let answer = process.desk.send(&text(&to, "Hello")).await.with(200);
        ids.push(answer["id"].as_str().unwrap().to_owned());
        for id in &ids {
            process.desk.message_once(id, "read").await;
        }
        let contacts = process.desk.all("/v1/contacts").await.len();
        assert_eq!(contacts, 3 + ids.len(), "the demo is made once");
        process.end(signal).await;
    }
}

#[test]
fn a_port_that_is_taken_is_one_clear_line_and_exit_code_1() {
    let taken = Taken::port();
    let flags = ["--port", "--webhook-port", "--simulator-port", "--aws-port"];
    for flag in flags {
        let mut arguments = vec!["--in-memory".to_owned()];
        for each in flags {
            let port = if each == flag { taken.number() } else { 0 };
            arguments.extend([each.to_owned(), port.to_string()]);
        }
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(&taken.number().to_string()), "{error}");
        assert!(error.contains(flag), "{error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn help_names_every_flag_and_explains_it() {
    let output = run(&["--help".to_owned()]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for flag in [
        "--port",
        "--webhook-port",
        "--simulator-port",
        "--aws-port",
        "--data-dir",
        "--in-memory",
        "--no-demo",
        "--aws-endpoint",
        "--graph-url",
    ] {
        let line = help
            .lines()
            .skip_while(|line| !line.trim_start().starts_with(flag));
        let words: Vec<&str> = line.take(2).flat_map(str::split_whitespace).collect();
        assert!(words.len() > 5, "{flag}: {help}");
    }
    let unknown = run(&["--surprise".to_owned()]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_demo_its_keys_open_nothing() {
    let _turn = TURN.lock().await;
    let folder = Folder::new("no-demo");
    let process = Process::start_with(&folder, free_ports(), &["--no-demo"]).await;
    let answer = process.desk.get("/v1/messages").await;
    answer.problem(401, "unauthenticated");
    assert!(!process.banner.contains("hg_demo"), "nor are they shown");
    let health = process.desk.anonymous(reqwest::Method::GET, "/v1/health");
    assert_eq!(read(health).await.status, 200);
    process.end("TERM").await;
}
