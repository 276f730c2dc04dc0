//! The AWS services of a desk: `DynamoDB`, its streams, SQS and Secrets Manager behind one port.
//!
//! A real SDK client pointed at the port must not see the difference, errors included; which errors, `/_aws/faults` says.
//! Nothing here knows what the platform stores: these are the wires it is plugged into.

mod answer;
mod control;
mod dynamodb;
mod faults;
mod secrets;
mod sqs;
mod stream_table;
#[cfg(test)]
mod tests;

use answer::Dialect;
use anyhow::{Context, Result};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::serve::ListenerExt;
use bytes::Bytes;
use dynamodb::Dynamodb;
use faults::{Fault, Faults, Service};
use secrets::Secrets;
use sqs::Sqs;
use std::fs::{File, TryLockError};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The region every ARN here names.
pub const REGION: &str = "us-east-1";
/// The AWS account every ARN and queue URL here names.
pub const AWS_ACCOUNT: &str = "000000000000";

/// What SQS takes: 1 MiB of messages, and room for their JSON escapes and attributes.
const SQS_BODY_BYTES: usize = 8 << 20;
const DYNAMODB_BODY_BYTES: usize = 16 << 20;
const SECRETS_BODY_BYTES: usize = 1 << 20;
/// How long a clean end waits for requests under way.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the services keep what they are given.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The directory of their files; without one everything is in memory and gone at the end.
    pub data_dir: Option<PathBuf>,
}

/// The services, running until [`Endpoints::shutdown`]. Dropped, they end as well, but nobody waits for it.
pub struct Endpoints {
    port: u16,
    dynamodb: Dynamodb,
    services: Arc<Services>,
    closing: watch::Sender<()>,
    server: JoinHandle<()>,
    _lock: Option<File>,
}

struct Services {
    dynamodb: dynamodb::Forward,
    sqs: Sqs,
    secrets: Secrets,
    faults: Mutex<Faults>,
    /// Whether somebody goes to the engine's own port, where no fault is shown.
    is_passed_by: AtomicBool,
}

impl Endpoints {
    /// Opens the files of the data directory and serves on `listener`.
    pub async fn start(listener: TcpListener, options: Options) -> Result<Self> {
        let lock = options.data_dir.as_deref().map(take_data_dir).transpose()?;
        let port = listener.local_addr()?.port();
        let dynamodb = Dynamodb::start(options.data_dir.as_deref()).await?;
        let (closing, closed) = watch::channel(());
        let services = Arc::new(Services {
            dynamodb: dynamodb.forward()?,
            sqs: Sqs::open(address(port), options.data_dir.as_deref(), closed.clone())?,
            secrets: Secrets::open(options.data_dir.as_deref())?,
            faults: Mutex::default(),
            is_passed_by: AtomicBool::new(false),
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&services), closed));
        Ok(Self {
            port,
            dynamodb,
            services,
            closing,
            server,
            _lock: lock,
        })
    }

    /// Where all the services answer.
    #[must_use]
    pub fn url(&self) -> String {
        address(self.port)
    }

    /// Where `DynamoDB` alone answers, one hop nearer than [`Endpoints::url`]. Whoever goes there meets no faults, so from
    /// now on none of `DynamoDB` can be ordered.
    #[must_use]
    pub fn dynamodb_url(&self) -> String {
        self.services.is_passed_by.store(true, Ordering::Relaxed);
        self.dynamodb.url()
    }

    /// Ends long polls, waits a little for requests under way, and puts everything on disk.
    pub async fn shutdown(mut self) {
        self.closing.send(()).ok();
        if tokio::time::timeout(PATIENCE, &mut self.server)
            .await
            .is_err()
        {
            self.server.abort();
        }
        if let Err(error) = self.services.sqs.sync() {
            tracing::error!(%error, "could not put the queues on disk");
        }
        self.dynamodb.shutdown().await;
    }
}

fn address(port: u16) -> String {
    format!("http://{}:{port}", Ipv4Addr::LOCALHOST)
}

/// Two processes appending to one journal would spoil it: the second is refused.
fn take_data_dir(path: &Path) -> Result<File> {
    std::fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))?;
    let lock = File::create(path.join("aws.lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            anyhow::bail!("{} is in use by another process", path.display())
        }
        Err(TryLockError::Error(error)) => Err(error).context("cannot lock the data directory"),
    }
}

async fn serve(listener: TcpListener, services: Arc<Services>, mut closed: watch::Receiver<()>) {
    let router = control::router().fallback(dispatch).with_state(services);
    // Without this, an answer in two pieces waits for the client's delayed acknowledgement of the first.
    let listener = listener.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    });
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        closed.changed().await.ok();
    });
    if let Err(error) = server.await {
        tracing::error!(%error, "the AWS endpoints stopped");
    }
}

/// Tells the services apart by the operation's prefix, as their SDKs name it.
async fn dispatch(State(services): State<Arc<Services>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    let Some((service, operation)) = target.and_then(|target| target.split_once('.')) else {
        return answer::unknown_operation(Dialect::Json10);
    };
    let (limit, dialect) = match service {
        "DynamoDB_20120810" | "DynamoDBStreams_20120810" => (DYNAMODB_BODY_BYTES, Dialect::Json10),
        "AmazonSQS" => (SQS_BODY_BYTES, Dialect::Json10),
        "secretsmanager" => (SECRETS_BODY_BYTES, Dialect::Json11),
        _ => return answer::unknown_operation(Dialect::Json10),
    };
    let Ok(body) = axum::body::to_bytes(body, limit).await else {
        return answer::too_large(dialect);
    };
    let Some(service) = faulty(service) else {
        return services.dynamodb.send(&parts, body).await;
    };
    let fault = locked(&services.faults).of_call(service, operation);
    let failed = fault.map(|fault| faults::response(fault, service, operation, &body));
    match (failed, fault) {
        (Some(failed), Some(Fault::Http500WhenDone)) => {
            services.answer(service, operation, &parts, body).await;
            failed
        }
        (Some(failed), _) => failed,
        (None, _) => services.answer(service, operation, &parts, body).await,
    }
}

/// The service whose faults can be ordered; of streams, which are Lambda's own to read, none can.
fn faulty(target: &str) -> Option<Service> {
    match target {
        "AmazonSQS" => Some(Service::Sqs),
        "secretsmanager" => Some(Service::SecretsManager),
        "DynamoDB_20120810" => Some(Service::Dynamodb),
        _ => None,
    }
}

impl Services {
    async fn answer(
        &self,
        service: Service,
        operation: &str,
        parts: &Parts,
        body: Bytes,
    ) -> Response {
        match service {
            Service::Sqs => self.sqs.answer(operation, &body).await,
            Service::SecretsManager => self.secrets.answer(operation, &body),
            Service::Dynamodb => self.dynamodb.send(parts, body).await,
        }
    }
}

fn locked(faults: &Mutex<Faults>) -> MutexGuard<'_, Faults> {
    faults.lock().unwrap_or_else(PoisonError::into_inner)
}
