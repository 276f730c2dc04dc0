//! Servers of the bench: one that stands before the emulated AWS and counts, one that takes everything.

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Passes calls of AWS on, and notes what was called and how long it took. Dropping it ends it.
pub(crate) struct Tap {
    url: String,
    passing: Arc<Passing>,
    _server: JoinSet<()>,
}

struct Passing {
    http: reqwest::Client,
    to: String,
    noted: Mutex<Noted>,
}

/// What went through.
#[derive(Debug, Default, Clone)]
pub(crate) struct Noted {
    /// How often each operation was called.
    pub(crate) calls: BTreeMap<String, u32>,
    /// How long the calls took together.
    pub(crate) time: Duration,
    /// Write units of DynamoDB, indexes and transactions included.
    pub(crate) write_units: f64,
    /// Read units of DynamoDB.
    pub(crate) read_units: f64,
}

impl Tap {
    /// Stands before `to`.
    pub(crate) async fn before(to: &str) -> Result<Self> {
        let passing = Arc::new(Passing {
            http: reqwest::Client::builder()
                .no_proxy()
                .tcp_nodelay(true)
                .build()?,
            to: to.to_owned(),
            noted: Mutex::default(),
        });
        let app = Router::new().fallback(pass).with_state(passing.clone());
        let (url, server) = serve(app).await?;
        Ok(Self {
            url,
            passing,
            _server: server,
        })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What went through since this was asked for the last time.
    pub(crate) fn take(&self) -> Noted {
        std::mem::take(&mut *self.passing.noted())
    }
}

impl Passing {
    fn noted(&self) -> std::sync::MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    /// Calls of a service, save those that Lambda makes for a function: receiving and deleting, reading the stream.
    pub(crate) fn of(&self, service: &str) -> f64 {
        const LAMBDAS: [&str; 3] = ["ReceiveMessage", "DeleteMessageBatch", "GetRecords"];
        let counted = self.calls.iter().filter(|(target, _)| {
            let operation = target
                .split_once('.')
                .map_or("", |(_, operation)| operation);
            target.starts_with(service) && !LAMBDAS.contains(&operation)
        });
        f64::from(counted.map(|(_, count)| *count).sum::<u32>())
    }

    /// All calls of a service.
    pub(crate) fn all_of(&self, service: &str) -> f64 {
        let counted = self
            .calls
            .iter()
            .filter(|(target, _)| target.starts_with(service));
        f64::from(counted.map(|(_, count)| *count).sum::<u32>())
    }

    /// Batches of queue messages that a function was done with: each was an invocation.
    pub(crate) fn batches(&self) -> f64 {
        let done = self.calls.get("AmazonSQS.DeleteMessageBatch");
        done.copied().map_or(0.0, f64::from)
    }

    /// Adds what DynamoDB charges for a call. A write that is refused costs a unit, too.
    fn charge(&mut self, target: &str, status: StatusCode, body: &[u8]) {
        let Some(operation) = target.strip_prefix(DYNAMODB) else {
            return;
        };
        let reads = READS.contains(&operation);
        let refused = !status.is_success() && !reads;
        let units = units_of(body).unwrap_or(if refused { 1.0 } else { 0.0 });
        if reads {
            self.read_units += units;
        } else {
            self.write_units += units;
        }
    }

    /// Every operation with how often it was called for each of `share`.
    pub(crate) fn shown(&self, share: f64) -> String {
        let each = self.calls.iter().map(|(target, count)| {
            let operation = target
                .rsplit_once('.')
                .map_or("", |(_, operation)| operation);
            format!("{operation} {:.2}", f64::from(*count) / share)
        });
        each.collect::<Vec<_>>().join(", ")
    }
}

/// Before the operations of DynamoDB's tables; those of its streams have another name.
const DYNAMODB: &str = "DynamoDB_20120810.";

const READS: [&str; 4] = ["GetItem", "BatchGetItem", "Query", "DescribeTable"];

/// A call of DynamoDB that also asks what it is charged.
fn asking_for_units(target: &str, body: Bytes) -> Bytes {
    if !target.starts_with(DYNAMODB) || target.ends_with("DescribeTable") {
        return body;
    }
    let Ok(serde_json::Value::Object(mut call)) = serde_json::from_slice(&body) else {
        return body;
    };
    call.insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
    serde_json::to_vec(&call).map_or(body, Bytes::from)
}

/// The units an answer names, of one table or of several.
fn units_of(body: &[u8]) -> Option<f64> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let units = |consumed: &serde_json::Value| consumed.get("CapacityUnits")?.as_f64();
    match answer.get("ConsumedCapacity")? {
        serde_json::Value::Array(tables) => tables.iter().map(units).sum(),
        consumed => units(consumed),
    }
}

async fn pass(
    State(passing): State<Arc<Passing>>,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    let begun = Instant::now();
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    let target = target.unwrap_or_default().to_owned();
    for name in [
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
    ] {
        headers.remove(name);
    }
    let body = asking_for_units(&target, body);
    let request = passing.http.post(&passing.to).headers(headers).body(body);
    let answer = async {
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        reqwest::Result::Ok((status, headers, answer.bytes().await?))
    };
    let answer = answer.await;
    let mut noted = passing.noted();
    if let Ok((status, _, body)) = &answer {
        noted.charge(&target, *status, body);
    }
    *noted.calls.entry(target).or_default() += 1;
    noted.time += begun.elapsed();
    drop(noted);
    match answer {
        Ok((status, mut headers, body)) => {
            headers.remove(header::CONTENT_LENGTH);
            headers.remove(header::TRANSFER_ENCODING);
            (status, headers, body).into_response()
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// A server that answers 200 to everything, and its port. Dropping it ends it.
pub(crate) async fn takes_everything() -> Result<(u16, JoinSet<()>)> {
    let app = Router::new().fallback(async || StatusCode::OK);
    let (url, server) = serve(app).await?;
    let port = url.rsplit_once(':').map_or("", |(_, port)| port);
    Ok((port.parse()?, server))
}

/// Serves on a free port; the URL.
pub(crate) async fn serve(app: Router) -> Result<(String, JoinSet<()>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let mut server = JoinSet::new();
    server.spawn(async move {
        use axum::serve::ListenerExt;
        let listener = listener.tap_io(|stream| {
            stream.set_nodelay(true).ok();
        });
        if let Err(error) = axum::serve(listener, app).await {
            eprintln!("bench: a server of its own failed: {error}");
        }
    });
    Ok((url, server))
}
