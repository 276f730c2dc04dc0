//! A function's binary as Lambda runs it: a process that asks a Runtime API for its next invocation.
//!
//! Source: AWS, "Using the Lambda runtime API for custom runtimes".

use crate::desk::binary;
use crate::tap::serve;
use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use heliograph::service::clock;
use serde_json::Value;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// What an invocation, or a start, may take.
const PATIENCE: Duration = Duration::from_secs(29);
const INVOCATION: &str = "00000000-0000-4000-8000-000000000001";

/// A running function; killed when dropped.
pub(crate) struct Lambda {
    child: Child,
    heard: mpsc::UnboundedReceiver<Heard>,
    next: Option<oneshot::Sender<String>>,
    /// From exec to the first poll.
    pub(crate) first_poll: Duration,
    _server: JoinSet<()>,
}

/// What a function tells the Runtime API.
enum Heard {
    /// It waits for an event.
    Next(Instant, oneshot::Sender<String>),
    /// It has answered one.
    Answer(Instant, Bytes),
    /// It could not.
    Error(Bytes),
}

type Ear = mpsc::UnboundedSender<Heard>;

impl Lambda {
    /// Starts a function's binary, with these variables beside the usual ones, and waits until it asks for its first
    /// event.
    pub(crate) async fn start(function: &str, variables: &[(String, String)]) -> Result<Self> {
        Self::of(&mut Command::new(binary(function)?), function, variables).await
    }

    /// The same with whatever program is such a function.
    pub(crate) async fn of(
        program: &mut Command,
        function: &str,
        variables: &[(String, String)],
    ) -> Result<Self> {
        let variables = [usual_variables(function), variables.to_vec()].concat();
        let (ear, mut heard) = mpsc::unbounded_channel();
        let (url, server) = serve(runtime_api(ear)).await?;
        let begun = Instant::now();
        let child = program
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", url.trim_start_matches("http://"))
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        match tokio::time::timeout(PATIENCE, heard.recv()).await? {
            Some(Heard::Next(at, next)) => Ok(Self {
                child,
                heard,
                next: Some(next),
                first_poll: at.duration_since(begun),
                _server: server,
            }),
            Some(Heard::Answer(..)) | None => bail!("the function answered what nobody asked"),
            Some(Heard::Error(error)) => bail!("the function did not start: {}", lossy(&error)),
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the function has ended")
    }

    /// Invokes it; how long it took, and what it answered. It may be invoked again though it failed.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<(Duration, Value)> {
        let next = self
            .next
            .take()
            .context("the function does not wait for an event")?;
        let begun = Instant::now();
        if next.send(event.to_string()).is_err() {
            bail!("the function does not wait any more");
        }
        let answered = match self.hear().await? {
            Heard::Answer(at, answer) => Ok((at.duration_since(begun), answer)),
            Heard::Error(error) => Err(error),
            Heard::Next(..) => bail!("the function did not answer"),
        };
        if let Heard::Next(_, next) = self.hear().await? {
            self.next = Some(next);
        }
        match answered {
            Ok((took, answer)) => Ok((took, serde_json::from_slice(&answer)?)),
            Err(error) => bail!("the function failed: {}", lossy(&error)),
        }
    }

    async fn hear(&mut self) -> Result<Heard> {
        let heard = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
        heard
            .context("the function is silent")?
            .context("the function has ended")
    }
}

/// What every function finds in its environment.
fn usual_variables(function: &str) -> Vec<(String, String)> {
    let variables = [
        ("AWS_LAMBDA_FUNCTION_NAME", function),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("RUST_LOG", "info"),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

fn runtime_api(ear: Ear) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(answer))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(error))
        .with_state(ear)
}

async fn next(State(ear): State<Ear>) -> Response {
    let (waiting, event) = oneshot::channel();
    if ear.send(Heard::Next(Instant::now(), waiting)).is_err() {
        return StatusCode::GONE.into_response();
    }
    let Ok(event) = event.await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = clock::now().as_millisecond() + i64::try_from(PATIENCE.as_millis()).unwrap_or(0);
    let headers = [
        ("lambda-runtime-aws-request-id", INVOCATION.to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned(),
        ),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event).into_response()
}

async fn answer(State(ear): State<Ear>, body: Bytes) -> StatusCode {
    ear.send(Heard::Answer(Instant::now(), body)).ok();
    StatusCode::ACCEPTED
}

async fn error(State(ear): State<Ear>, body: Bytes) -> StatusCode {
    ear.send(Heard::Error(body)).ok();
    StatusCode::ACCEPTED
}

fn lossy(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
