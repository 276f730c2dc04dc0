//! `GET /v1/health`: whether what the platform stands on answers. Needs no key, so it tells names and times only, and
//! asks at most once in five seconds however often it is called.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::future::{BoxFuture, FutureExt, join_all};
use heliograph::service::http::Parameters;
use heliograph::service::openapi::{ParameterProblems, ServiceProblems};
use heliograph::service::probe::Probe;
use heliograph::service::problem::Problem;
use heliograph::service::queue::Queue;
use heliograph::service::telemetry::chain;
use heliograph::store::Store;
use serde::Serialize;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::timeout;
use utoipa::ToSchema;

/// How long each question may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How long an answer holds.
const LIFETIME: Duration = Duration::from_secs(5);

/// What the platform stands on.
#[derive(Debug)]
pub(crate) struct Dependencies {
    pub(crate) store: Store,
    pub(crate) queues: [(&'static str, Queue); 6],
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) graph: Probe,
}

/// Asks, and remembers the answer for a while.
#[derive(Debug)]
pub(crate) struct Health {
    dependencies: Dependencies,
    last: Mutex<Option<(Instant, Checks)>>,
}

type Failed = Box<dyn Error + Send + Sync>;

/// What is asked of one part of a dependency.
type Question<'a> = BoxFuture<'a, Result<(), Failed>>;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DependencyCheck)]
pub(crate) struct Check {
    /// Whether all of it answers.
    status: Condition,
    /// How long that took to find out.
    duration_ms: u64,
    /// The tables or queues that do not answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    failed: Vec<&'static str>,
}

/// Every dependency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DependencyChecks)]
pub(crate) struct Checks {
    /// Both tables.
    dynamodb: Check,
    /// All six queues.
    sqs: Check,
    /// Secrets Manager.
    secrets_manager: Check,
    /// Meta's Graph API.
    graph_api: Check,
}

/// Everything answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PlatformHealth)]
pub(crate) struct HealthDto {
    /// `ok`.
    status: Condition,
    /// Each dependency.
    checks: Checks,
}

/// Something does not answer: a problem that names it, with every check.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlatformHealthProblem)]
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
    /// What does not answer, each with its parts that do not.
    fn down(&self) -> Vec<String> {
        let all = [
            ("dynamodb", &self.dynamodb),
            ("sqs", &self.sqs),
            ("secrets_manager", &self.secrets_manager),
            ("graph_api", &self.graph_api),
        ];
        let down = all.into_iter();
        let down = down.filter(|(_, check)| check.status == Condition::Failed);
        down.map(|(name, check)| match check.failed.join(", ") {
            parts if parts.is_empty() => name.to_owned(),
            parts => format!("{name} ({parts})"),
        })
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
        if let Some((at, checks)) = &*last
            && at.elapsed() < LIFETIME
        {
            return checks.clone();
        }
        let checks = Box::pin(self.dependencies.check()).await;
        *last = Some((Instant::now(), checks.clone()));
        checks
    }
}

impl Dependencies {
    /// Asks everything at once, each table and each queue by a call of its own: none answers for another.
    async fn check(&self) -> Checks {
        let tables = vec![
            ("messages", asked(self.store.check_messages())),
            ("logs", asked(self.store.check_logs())),
        ];
        let queues = self.queues.iter();
        let queues = queues.map(|(name, queue)| (*name, asked(queue.depth())));
        let (dynamodb, sqs, secrets_manager, graph_api) = tokio::join!(
            every("dynamodb", tables),
            every("sqs", queues.collect()),
            one("secrets_manager", asked(self.check_secrets())),
            one("graph_api", asked(self.graph.answers())),
        );
        Checks {
            dynamodb,
            sqs,
            secrets_manager,
            graph_api,
        }
    }

    /// Asks Secrets Manager for something that touches no secret, so that this role need not see any. It may ask that,
    /// so a refusal is a failure as silence is. Whether others can read their secrets it cannot tell: they alone may.
    async fn check_secrets(&self) -> Result<(), impl Error + Send + Sync + 'static> {
        self.secrets.get_random_password().send().await.map(drop)
    }
}

/// A question, whatever its answer and its error are.
fn asked<'a, T, E: Into<Failed>>(
    question: impl Future<Output = Result<T, E>> + Send + 'a,
) -> Question<'a> {
    question
        .map(|answer| answer.map(drop).map_err(Into::into))
        .boxed()
}

/// A dependency of one part.
async fn one(name: &'static str, question: Question<'_>) -> Check {
    let mut check = every(name, vec![(name, question)]).await;
    check.failed.clear();
    check
}

/// A dependency of several parts, asked at once.
async fn every(name: &'static str, questions: Vec<(&'static str, Question<'_>)>) -> Check {
    let begun = Instant::now();
    let answers = questions
        .into_iter()
        .map(async |(part, question)| (!answers(name, part, question).await).then_some(part));
    let failed: Vec<_> = join_all(answers).await.into_iter().flatten().collect();
    let status = match failed[..] {
        [] => Condition::Ok,
        [..] => Condition::Failed,
    };
    Check {
        status,
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        failed,
    }
}

async fn answers(name: &str, part: &str, question: Question<'_>) -> bool {
    let failure = match timeout(TIMEOUT, question).await {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => chain(error.as_ref()),
        Err(late) => late.to_string(),
    };
    tracing::warn!(
        dependency = name,
        part,
        error = failure,
        "a dependency does not answer"
    );
    false
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
