//! `GET /v1/health`: whether what the platform stands on answers. Needs no key, so it tells names and times only, and
//! asks at most once in five seconds however often it is called.

use crate::Queues;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use heliograph::service::http::Parameters;
use heliograph::service::openapi::{ParameterProblems, ServiceProblems};
use heliograph::service::probe::Probe;
use heliograph::service::problem::Problem;
use heliograph::service::telemetry::chain;
use heliograph::store::Store;
use serde::Serialize;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::timeout;
use utoipa::ToSchema;

/// How long each dependency has.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How long an answer holds.
const LIFETIME: Duration = Duration::from_secs(5);

/// What the platform stands on.
#[derive(Debug)]
pub(crate) struct Dependencies {
    pub(crate) store: Store,
    pub(crate) queues: Queues,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) secrets_prefix: String,
    pub(crate) graph: Probe,
}

/// Asks, and remembers the answer for a while.
#[derive(Debug)]
pub(crate) struct Health {
    dependencies: Dependencies,
    last: Mutex<Option<(Instant, Checks)>>,
}

type Failed = Box<dyn Error + Send + Sync>;

/// Whether a dependency answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    /// It answers.
    Ok,
    /// It does not, or not in time.
    Failed,
}

/// One dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Check {
    /// Whether it answers.
    status: Condition,
    /// How long that took to find out.
    duration_ms: u64,
}

/// Every dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Checks {
    /// Both tables.
    dynamodb: Check,
    /// The queues.
    sqs: Check,
    /// Secrets Manager.
    secrets_manager: Check,
    /// Meta's Graph API.
    graph_api: Check,
}

/// Everything answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthDto {
    /// `ok`.
    status: Condition,
    /// Each dependency.
    checks: Checks,
}

/// Something does not answer: a problem that names it, with every check.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthProblem {
    #[serde(flatten)]
    problem: Problem,
    /// Each dependency.
    checks: Checks,
}

#[derive(Debug, thiserror::Error)]
#[error("{0} did not answer")]
struct Down(String);

impl Checks {
    fn down(&self) -> Vec<&'static str> {
        let all = [
            ("dynamodb", self.dynamodb),
            ("sqs", self.sqs),
            ("secrets_manager", self.secrets_manager),
            ("graph_api", self.graph_api),
        ];
        let down = all.into_iter();
        down.filter(|(_, check)| check.status == Condition::Failed)
            .map(|(name, _)| name)
            .collect()
    }
}

impl Health {
    pub(crate) fn of(dependencies: Dependencies) -> Self {
        Self {
            dependencies,
            last: Mutex::default(),
        }
    }

    /// Who comes while another asks waits for that answer.
    async fn checks(&self) -> Checks {
        let mut last = self.last.lock().await;
        if let Some((at, checks)) = *last
            && at.elapsed() < LIFETIME
        {
            return checks;
        }
        let checks = Box::pin(self.dependencies.check()).await;
        *last = Some((Instant::now(), checks));
        checks
    }
}

impl Dependencies {
    async fn check(&self) -> Checks {
        let store = async { self.store.check().await.map_err(Failed::from) };
        let graph = async { self.graph.answers().await.map_err(Failed::from) };
        let (dynamodb, sqs, secrets_manager, graph_api) = tokio::join!(
            timed("dynamodb", store),
            timed("sqs", self.check_queues()),
            timed("secrets_manager", self.check_secrets()),
            timed("graph_api", graph),
        );
        Checks {
            dynamodb,
            sqs,
            secrets_manager,
            graph_api,
        }
    }

    async fn check_queues(&self) -> Result<(), Failed> {
        let Queues { inbound, status } = &self.queues;
        tokio::try_join!(inbound.depth(), status.depth())?;
        Ok(())
    }

    /// Asks for a secret that no account has: that there is none, or that we may not ask, is an answer.
    async fn check_secrets(&self) -> Result<(), Failed> {
        use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
        let name = format!("{}/in/health/none", self.secrets_prefix);
        let answer = self.secrets.describe_secret().secret_id(name).send().await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => match error.code() {
                Some("ResourceNotFoundException" | "AccessDeniedException") => Ok(()),
                Some(_) | None => Err(error.into()),
            },
        }
    }
}

async fn timed(name: &str, check: impl Future<Output = Result<(), Failed>>) -> Check {
    let begun = Instant::now();
    let failure = match timeout(TIMEOUT, check).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(chain(error.as_ref())),
        Err(late) => Some(late.to_string()),
    };
    if let Some(error) = &failure {
        tracing::warn!(dependency = name, error, "a dependency does not answer");
    }
    Check {
        status: failure.map_or(Condition::Ok, |_| Condition::Failed),
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// Says whether everything answers that the platform stands on, as of at most five seconds ago. Needs no key.
#[utoipa::path(
    get,
    operation_id = "get_health",
    path = "/v1/health",
    tag = "Platform",
    security(()),
    responses(
        ParameterProblems, ServiceProblems,
        (status = 200, description = "Everything answers", body = HealthDto),
        (status = 503, description = "Something does not: `detail` and `checks` say what", body = HealthProblem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn health(
    State(health): State<Arc<Health>>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let checks = health.checks().await;
    let down = checks.down();
    if down.is_empty() {
        let status = Condition::Ok;
        return Ok(Json(HealthDto { status, checks }).into_response());
    }
    let down = Down(down.join(", "));
    let problem = Problem::unavailable(&down).because(down.to_string());
    let mut answer = problem.clone().into_response();
    let body = serde_json::to_vec(&HealthProblem { problem, checks });
    *answer.body_mut() = Body::from(body.map_err(|error| Problem::internal(&error))?);
    Ok(answer)
}
