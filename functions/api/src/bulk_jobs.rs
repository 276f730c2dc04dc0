//! `GET /v1/bulk-jobs`, one job with its counts.

use axum::Json;
use axum::extract::{Path, State};
use futures_util::future::try_join_all;
use heliograph::domain::id::JobId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::job::Job;
use heliograph::domain::role::Right;
use heliograph::messaging::held;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::JobDto;
use heliograph::service::http::listing::{answer, id_of, slice};
use heliograph::service::http::{Cursor, Page, Parameters};
use heliograph::service::openapi::{IdProblems, ListProblems};
use heliograph::service::problem::Problem;
use heliograph::store::Store;

/// Lists a tenant's bulk jobs, newest first.
#[utoipa::path(
    get,
    operation_id = "list_bulk_jobs",
    path = "/v1/bulk-jobs",
    tag = "Bulk jobs",
    params(
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<JobDto>), ListProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    State(store): State<Store>,
    mut parameters: Parameters,
) -> Result<Json<Page<JobDto>>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let query = parameters.page();
    parameters.finish()?;
    let cursor = Cursor::of("bulk-jobs", &tenant);
    let listed = store.jobs(&tenant, &slice(&query, cursor)?).await?;
    let now = clock::now();
    let counted = listed
        .entries
        .iter()
        .map(|job| JobDto::read(&store, job, now));
    answer(try_join_all(counted).await?, cursor, listed.next.as_ref())
}

/// Reads one bulk job. Its counts trail what happens by a second or two, and always sum to `total`.
#[utoipa::path(
    get,
    operation_id = "get_bulk_job",
    path = "/v1/bulk-jobs/{id}",
    tag = "Bulk jobs",
    params(("id" = String, Path, description = "Our id", example = "job_019e92a7c8887000a000000000000001")),
    responses((status = 200, description = "The job", body = JobDto), ListProblems, IdProblems)
)]
pub(crate) async fn one(
    caller: Caller,
    State(store): State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<JobDto>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    parameters.finish()?;
    let job = find(&store, &tenant, &id).await?;
    let now = clock::now();
    let mut shown = JobDto::read(&store, &job, now).await?;
    if shown.counts.queued > 0 {
        shown.waiting = held::of_job(&store, &job, now).await?;
    }
    Ok(Json(shown))
}

/// The job of this id, if it is this tenant's.
pub(crate) async fn find(store: &Store, tenant: &TenantId, id: &str) -> Result<Job, Problem> {
    let id: JobId = id_of(id)?;
    let found = store.job(tenant, &id).await?;
    found.ok_or_else(Problem::not_found)
}
