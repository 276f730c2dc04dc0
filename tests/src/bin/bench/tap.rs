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
    let request = passing.http.post(&passing.to).headers(headers).body(body);
    let answer = async {
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        reqwest::Result::Ok((status, headers, answer.bytes().await?))
    };
    let answer = answer.await;
    let mut noted = passing.noted();
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
