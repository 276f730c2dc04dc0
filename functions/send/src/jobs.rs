//! `POST /v1/bulk-jobs`: makes a job. What happens to it then is in `life`.

use crate::message_object::MessageObject;
use crate::{State, senders};
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use heliograph::domain::audit::{Action, Author};
use heliograph::domain::content::{Content, Draft, Kind};
use heliograph::domain::fault::{Fault, FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::JobId;
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::job::{Changes, Job, PriceCategory};
use heliograph::domain::message::OnUnknown;
use heliograph::domain::role::{Principal, Right};
use heliograph::messaging::submit::{
    Origin, Source, read_from, read_on_unknown, read_time, sources,
};
use heliograph::provider::kinds;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::{JobDto, OnUnknownDto};
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::idempotency::{self, REPLAYED};
use heliograph::service::openapi::{BodyProblems, CallerProblems, ServiceProblems};
use heliograph::service::origin;
use heliograph::service::problem::Problem;
use heliograph::store::{IdempotencyClaim, Sender, StoreError, Transaction};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The longest name of a job.
const LONGEST_NAME: usize = 200;

/// A job to make.
struct JobRequest {
    name: String,
    from: Source,
    message: Draft,
    on_unknown: Option<OnUnknown>,
    changes: Changes,
}

impl JobRequest {
    fn read(body: &Value) -> Result<Self, Vec<Fault>> {
        let faults = Faults::new();
        let request = Fields::of(body, "", &faults).and_then(Self::read_fields);
        faults.into_result(request)
    }

    fn read_fields(mut fields: Fields<'_>) -> Option<Self> {
        fields.required("name");
        let changes = read_changes(&mut fields);
        let from = read_from(&mut fields);
        fields.choice("recipient_type", &["individual"]);
        let message = Content::read_draft(&mut fields);
        let on_unknown = read_on_unknown(&mut fields);
        fields.finish();
        Some(Self {
            name: changes.name.clone()?,
            from: from?,
            message: message?,
            on_unknown,
            changes,
        })
    }
}

/// Reads what may also be changed later.
pub(crate) fn read_changes(fields: &mut Fields<'_>) -> Changes {
    let now = clock::now();
    let changes = Changes {
        name: fields.text("name", 1..=LONGEST_NAME).map(str::to_owned),
        send_at: read_time(fields, "send_at", now),
        expires_at: read_time(fields, "expires_at", now),
        pause_at_failure_share: fields.number("pause_at_failure_share", 0.0..=1.0),
    };
    let begins = changes.send_at.unwrap_or(now).max(now);
    if changes.expires_at.is_some_and(|expires| expires <= begins) {
        let detail = "must be later than now and than send_at";
        fields.fault("expires_at", FaultCode::NotAllowed, detail);
    }
    changes
}

/// Make a bulk job.
///
/// The body is a message without its recipient; `{{1}}` and `{{name}}` anywhere in its texts are filled from each
/// recipient's `variables`.
#[utoipa::path(
    post, operation_id = "create_bulk_job", path = "/v1/bulk-jobs", tag = "Bulk jobs", security(("api_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "One key is one job, for 24 hours")),
    request_body(content = crate::jobs::JobBody, content_type = "application/json"),
    responses(
        (status = 201, description = "Made; add recipients, then start it", body = JobDto),
        BodyProblems, CallerProblems, ServiceProblems,
        (status = 409, description = "The sender's window is enforced and the message is no template, or a request with \
            this key is being served", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The key was used with another body", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create(
    extract::State(state): extract::State<State>,
    caller: Caller,
    from: origin::Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let Principal { tenant, who, .. } = caller.with(Right::Send)?;
    let body = read_json(&headers, &body, MAX_JSON)?;
    let claim = idempotency::claim("POST /v1/bulk-jobs", &headers, &body)?;
    let asks = (&tenant, &from.author(&who));
    let (job, origin, warning) = made(&state, asks, &body, claim.as_ref()).await?;
    let location = format!("/v1/bulk-jobs/{}", job.id);
    Ok(match origin {
        Origin::New => {
            let mut shown = JobDto::of_new(&job, clock::now());
            shown.warnings.extend(warning.map(str::to_owned));
            (StatusCode::CREATED, [(LOCATION, location)], Json(shown)).into_response()
        }
        Origin::Replayed => {
            let body = Json(JobDto::read(&state.store, &job, clock::now()).await?);
            let headers = [(LOCATION, location), (REPLAYED, "true".to_owned())];
            (StatusCode::CREATED, headers, body).into_response()
        }
    })
}

/// Makes the job, which may come with a warning, or finds the one that the same idempotency key made. The key is looked
/// up before the body is judged: an `expires_at` that lay ahead then may have passed.
async fn made(
    state: &State,
    (tenant, author): (&TenantId, &Author),
    body: &Value,
    claim: Option<&IdempotencyClaim>,
) -> Result<(Job, Origin, Option<&'static str>), Problem> {
    let now = clock::now();
    if let Some(job) = replayed(state, tenant, claim).await? {
        return Ok((job, Origin::Replayed, None));
    }
    let request = match JobRequest::read(body) {
        Ok(request) => request,
        Err(faults) => return Err(senders::every_fault(&state.store, tenant, body, faults).await),
    };
    let (job, warning) = drafted(state, tenant, request, now).await?;
    let mut transaction = Transaction::new();
    state
        .store
        .remember_claim(&mut transaction, tenant, claim, job.id.as_str(), now)?;
    state.store.create_job(&mut transaction, &job)?;
    let said = match &job.way {
        Some(way) => json!({"name": job.name, "from": way.route}),
        None => json!({"name": job.name, "from": job.sender}),
    };
    let entry = author.entry(tenant, Action::BulkJobCreated, job.id.as_str(), said, now);
    state.store.note_audit(&mut transaction, &entry)?;
    match state.store.commit(transaction).await {
        Ok(()) => Ok((job, Origin::New, warning)),
        // A request with the same key was faster.
        Err(StoreError::Conflict) => {
            let job = replayed(state, tenant, claim).await?;
            job.map(|job| (job, Origin::Replayed, None))
                .ok_or_else(|| StoreError::Conflict.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The job that is asked for, and what its caller should know of it.
async fn drafted(
    state: &State,
    tenant: &TenantId,
    request: JobRequest,
    now: Timestamp,
) -> Result<(Job, Option<&'static str>), Problem> {
    let unknown = || Problem::validation(vec![senders::unknown()]);
    let sources = sources(&state.store, tenant, &request.from).await?;
    let sources = sources.ok_or_else(unknown)?;
    let first = sources.senders.first().ok_or_else(unknown)?;
    let sender = state.store.sender(tenant, first).await?;
    let sender = sender.ok_or_else(unknown)?;
    let on_unknown = sources.on_unknown(request.on_unknown);
    let on_unknown = on_unknown.map_err(|fault| Problem::validation(vec![fault]))?;
    check_kind(&sources.senders, request.message.kind())?;
    let warning = senders::check_window(&sender, request.message.kind())?;
    let share = request.changes.pause_at_failure_share;
    let template_category = template_category(state, &sender, &request.message).await;
    let job = Job {
        template_category,
        on_unknown,
        way: sources.way,
        send_at: request.changes.send_at,
        expires_at: request.changes.expires_at,
        pause_at_failure_share: share.unwrap_or(Job::PAUSE_AT),
        ..Job::draft(
            tenant.clone(),
            sender.account,
            sender.id,
            request.name,
            request.message,
            now,
        )
    };
    Ok((job, warning))
}

/// Whether one of the senders has a way to send messages of this kind; what each recipient's lacks is told with them.
fn check_kind(senders: &[SenderId], kind: Kind) -> Result<(), Problem> {
    let sends = |sender: &SenderId| kinds(sender.provider()).contains(&kind);
    let Some(first) = senders.first().filter(|_| !senders.iter().any(sends)) else {
        return Ok(());
    };
    let provider = first.provider();
    let can: Vec<&str> = kinds(provider).iter().map(|kind| kind.as_str()).collect();
    Err(Problem::validation(vec![Fault {
        pointer: "/type".to_owned(),
        code: FaultCode::NotAllowed,
        detail: format!("{} can send {}", provider.title(), can.join(", ")),
    }]))
}

/// What the job's template is charged as. A job is made also if nobody can tell.
async fn template_category(
    state: &State,
    sender: &Sender,
    message: &Draft,
) -> Option<PriceCategory> {
    let ((name, language), waba) = message.template().zip(sender.waba.as_ref())?;
    let secrets = state.parts.departures.credentials().secrets();
    let credential = secrets.credential(&sender.tenant, &sender.account).await;
    let token = credential.ok()??.token;
    let meta = state.parts.providers.meta();
    meta.template_category(&token, waba, name, language).await
}

async fn replayed(
    state: &State,
    tenant: &TenantId,
    claim: Option<&IdempotencyClaim>,
) -> Result<Option<Job>, Problem> {
    match idempotency::earlier(&state.store, tenant, claim).await? {
        Some(job) => find(state, tenant, &job).await.map(Some),
        None => Ok(None),
    }
}

/// The tenant's job of this id; any other id is not found.
pub(crate) async fn find(state: &State, tenant: &TenantId, id: &str) -> Result<Job, Problem> {
    let id: JobId = id.parse().map_err(|_| Problem::not_found())?;
    state
        .store
        .job(tenant, &id)
        .await?
        .ok_or_else(Problem::not_found)
}

/// A bulk job to make. Placeholders may stand in every text of its message.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `JobRequest::read`"
)]
pub(crate) struct JobBody {
    /// What people call it.
    #[schema(min_length = 1, max_length = 200, example = "November offer")]
    name: String,
    /// The sender, or a route: then the next of its senders takes over where one fails.
    #[schema(min_length = 1, example = "100000000000001")]
    from: String,
    /// `individual`, if it is given.
    #[schema(pattern = "^individual$")]
    recipient_type: Option<String>,
    #[serde(flatten)]
    object: MessageObject,
    /// What to do when the outcome of a call is not known: `hold`, unless told. With `retry` and `wait` a message may be
    /// sent twice, and the answer says so in `warnings`.
    on_unknown: Option<OnUnknownDto>,
    /// With `on_unknown: wait`: 15 unless told.
    #[schema(minimum = 5, maximum = 1440)]
    wait_minutes: Option<u16>,
    /// It begins at this time, if it is started before.
    send_at: Option<Timestamp>,
    /// Nothing is sent after this: who is still queued then expires.
    expires_at: Option<Timestamp>,
    /// It pauses itself when more than this share of its recipients fail, once twenty are settled; 0.5 unless told,
    /// 1 for never.
    #[schema(minimum = 0, maximum = 1)]
    pause_at_failure_share: Option<f64>,
}
