//! `DynamoDB` and its streams: the embedded engine on a listener of its own, and the hop that leads to it.
//!
//! The engine can be served, not called with raw requests; so our port forwards, and whoever counts the
//! microseconds goes to the engine's own port.

use super::PATIENCE;
use super::answer::{self, Dialect};
use super::stream_table;
use anyhow::{Context, Result, anyhow};
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dynoxide::Database;
use rusqlite::Connection;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

const TRIM_EVERY: Duration = Duration::from_mins(1);
/// Between two deletions of old stream records, in which others are served.
const REST: Duration = Duration::from_millis(50);
/// Minutes between two sweeps of expired items. `DynamoDB` itself takes up to two days. Each time the engine reads every
/// item it has, and all wait for that.
const SWEEP_EVERY: u32 = 15;
const CALL_TIMEOUT: Duration = Duration::from_mins(1);
/// From here on the engine makes room for a page by forgetting another: bytes, of all its connections. Bulk loading would
/// have it keep 64 MB of them, which the system keeps anyway.
const SOFT_HEAP: i64 = 12 * 1024 * 1024;
/// For the engine's own writes to end.
const PATIENCE_BESIDE: Duration = Duration::from_secs(5);

/// The running engine.
pub(super) struct Dynamodb {
    url: String,
    database: Database,
    closing: watch::Sender<()>,
    ended: oneshot::Receiver<()>,
    sweeper: JoinHandle<()>,
}

impl Dynamodb {
    /// Opens the database in `data_dir`, or one in memory, and serves it on a free port.
    pub(super) async fn start(data_dir: Option<&Path>) -> Result<Self> {
        let (database, beside) = open(data_dir).context("cannot open the DynamoDB database")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (closing, closed) = watch::channel(());
        let ended = serve(listener.into_std()?, database.clone(), closed.clone())?;
        let sweeper = tokio::spawn(sweep(
            database.clone(),
            Arc::new(Mutex::new(beside)),
            closed,
        ));
        Ok(Self {
            url,
            database,
            closing,
            ended,
            sweeper,
        })
    }

    /// The engine's own address.
    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// The way from another port to this one.
    pub(super) fn forward(&self) -> Result<Forward> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(CALL_TIMEOUT)
            .build()?;
        Ok(Forward {
            client,
            url: self.url.clone(),
        })
    }

    /// Ends the engine; what is written last is written with fsync.
    pub(super) async fn shutdown(self) {
        self.closing.send(()).ok();
        // The engine may be at work for somebody, and hears of the end when it is done.
        if !matches!(timeout(2 * PATIENCE, self.ended).await, Ok(Ok(()))) {
            tracing::error!("the DynamoDB engine did not end by itself");
        }
        self.sweeper.await.ok();
        if let Err(error) = self.database.disable_bulk_loading() {
            tracing::error!(%error, "could not put the database on disk");
        }
    }
}

/// The engine, and a connection beside it for what it does not do itself.
///
/// Bulk loading turns fsync off: the write-ahead log still survives the end of the process, not that of the machine.
fn open(data_dir: Option<&Path>) -> Result<(Database, Connection)> {
    let path = match data_dir {
        Some(data_dir) => {
            let path = data_dir.join("dynamodb.sqlite");
            path.to_str()
                .ok_or_else(|| anyhow!("the path is not UTF-8"))?
                .to_owned()
        }
        // A name of its own, because two connections are to see the same memory.
        None => format!(
            "file:heliograph-{}?mode=memory&cache=shared",
            Uuid::new_v4().simple()
        ),
    };
    let database = Database::new(&path)?;
    database.enable_bulk_loading()?;
    let beside = Connection::open(&path)?;
    beside.busy_timeout(PATIENCE_BESIDE)?;
    beside.pragma_update(None, "soft_heap_limit", SOFT_HEAP)?;
    stream_table::index(&beside)?;
    Ok((database, beside))
}

/// Serves the engine on a thread of its own, and tells when it has ended. It does one request after the other whoever
/// asks, and blocks its thread meanwhile: on those of the functions, their clocks would stand still.
fn serve(
    listener: std::net::TcpListener,
    database: Database,
    closed: watch::Receiver<()>,
) -> Result<oneshot::Receiver<()>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (end, ended) = oneshot::channel();
    let thread = std::thread::Builder::new().name("dynamodb".to_owned());
    thread.spawn(move || {
        if let Err(error) = runtime.block_on(answer_all(listener, database, closed)) {
            tracing::error!(%error, "the DynamoDB engine stopped");
        }
        // With its connections, which hold the database.
        drop(runtime);
        end.send(()).ok();
    })?;
    Ok(ended)
}

async fn answer_all(
    listener: std::net::TcpListener,
    database: Database,
    closed: watch::Receiver<()>,
) -> Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let (mut end, mut too_late) = (closed.clone(), closed);
    let end = async move {
        end.changed().await.ok();
    };
    let too_late = async move {
        too_late.changed().await.ok();
        tokio::time::sleep(PATIENCE).await;
    };
    let serving = dynoxide::server::serve_with_shutdown(listener, database, end);
    tokio::select! {
        ended = serving => ended.map_err(anyhow::Error::msg),
        () = too_late => Ok(()),
    }
}

/// The engine deletes nothing by itself when its time to live has passed.
async fn sweep(
    database: Database,
    beside: Arc<Mutex<Connection>>,
    mut closed: watch::Receiver<()>,
) {
    let mut clock = tokio::time::interval(TRIM_EVERY);
    for minute in (0..SWEEP_EVERY).cycle() {
        tokio::select! {
            _ = clock.tick() => {}
            _ = closed.changed() => return,
        }
        if minute == 0 {
            sweep_expired(database.clone()).await;
        } else {
            // Not at once: whoever follows a stream needs a moment to read what a long pause has left too old.
            trim_streams(&beside).await;
        }
    }
}

async fn sweep_expired(database: Database) {
    match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
        Ok(Ok(items)) => tracing::debug!(items, "swept expired items"),
        Ok(Err(error)) => tracing::warn!(%error, "could not sweep expired items"),
        Err(error) => tracing::warn!(%error, "the sweep of expired items broke off"),
    }
}

async fn trim_streams(beside: &Arc<Mutex<Connection>>) {
    loop {
        let beside = Arc::clone(beside);
        let trimmed = tokio::task::spawn_blocking(move || {
            let connection = beside.lock().unwrap_or_else(PoisonError::into_inner);
            stream_table::trim(&connection)
        });
        match trimmed.await {
            Ok(Ok(1..)) => tokio::time::sleep(REST).await,
            Ok(Ok(0)) | Err(_) => return,
            Ok(Err(error)) => {
                tracing::warn!(%error, "could not delete old stream records");
                return;
            }
        }
    }
}

/// Sends requests on to the engine, bytes untouched.
pub(super) struct Forward {
    client: reqwest::Client,
    url: String,
}

impl Forward {
    /// The engine's answer to this request.
    pub(super) async fn send(&self, parts: &Parts, body: Bytes) -> Response {
        match self.call(&parts.headers, body).await {
            Ok(response) => response,
            Err(error) => {
                tracing::error!(%error, "the DynamoDB engine did not answer");
                let message = "the engine did not answer";
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                answer::error(status, Dialect::Json10, "InternalServerError", message)
            }
        }
    }

    async fn call(&self, headers: &HeaderMap, body: Bytes) -> reqwest::Result<Response> {
        let request = self
            .client
            .post(&self.url)
            .headers(end_to_end(headers))
            .body(body);
        let response = request.send().await?;
        let status = response.status();
        let headers = end_to_end(response.headers());
        Ok((status, headers, Body::from(response.bytes().await?)).into_response())
    }
}

/// The headers that are about the message, not about one connection or its framing.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::EXPECT,
        header::HOST,
        header::TRANSFER_ENCODING,
    ] {
        headers.remove(name);
    }
    headers
}
