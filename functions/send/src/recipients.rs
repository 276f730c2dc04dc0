//! `POST /v1/bulk-jobs/{id}/recipients`: adds recipients to a job; repeating a call adds nothing twice.

pub(crate) mod body;
mod header;
mod line;
mod outcome;
mod quotes;
pub(crate) mod table;

use crate::{State, jobs};
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::MessageId;
use heliograph::domain::job::Job;
use heliograph::domain::message::Outbound;
use heliograph::domain::role::Right;
use heliograph::messaging::recipients;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::read_json;
use heliograph::service::idempotency::{self, Begun, REPLAYED};
use heliograph::service::openapi::{CallerProblems, IdProblems, ServiceProblems};
use heliograph::service::problem::Problem;
use heliograph::store::{CHUNK_SIZE, RecipientsAdded};
use jiff::SignedDuration;
use line::{Line, RecipientFault};
use outcome::Outcome;
use serde_json::Value;
use std::collections::HashSet;
use std::iter::Peekable;
use table::Table;

/// Recipients one call takes as JSON; as CSV it takes what fits.
const MOST: usize = 5_000;

/// Bytes one call takes.
const LARGEST: usize = 4_000_000;

/// A call that takes longer says where to go on: the gateway waits 29 s.
const LONGEST: SignedDuration = SignedDuration::from_secs(20);

/// The clock is looked at after so many lines, and before each chunk.
const LINES_BETWEEN_LOOKS: usize = 1_000;

/// Add recipients to a bulk job.
///
/// As JSON, up to 5,000; or as CSV in UTF-8, divided by `,`, `;` or tabs, whose first row names the columns: `to` (or
/// `recipient`), `reference` if you like, and every other column a variable. A line with faults is not added, and
/// every fault is told with its place; the others are added. Rows that a quotation mark too few or too many makes look
/// like one are all refused, also where a text in marks holds what reads as a row of its own. A recipient that the job
/// has already is named, not added, so that a call may be repeated. A call in which every line has faults is refused.
/// One person, named once by number and once by user id, is two recipients.
#[utoipa::path(
    post, operation_id = "add_recipients", path = "/v1/bulk-jobs/{id}/recipients", tag = "Bulk jobs", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "The job"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key gives the same answer, for 24 hours; one \
            of more than 300 KB without its `duplicates` and `errors`, and `left_out` says how many these were"),
    ),
    request_body(content(
        (crate::recipients::body::RecipientsBody = "application/json"),
        (String = "text/csv", example = "to,reference,name\n+15550002001,r-1,Ada\n"),
    )),
    responses(
        (status = 200, description = "What was added, and what was not", body = Outcome),
        CallerProblems, IdProblems, ServiceProblems,
        (status = 400, description = "It cannot be read, or every line has faults; none was added", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "The job takes no more recipients, and `detail` says how many of the call were added \
            before; or a request with this key is running", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "More than 4 MB", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Neither JSON nor CSV in UTF-8", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "The key was used with another body", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn add(
    extract::State(state): extract::State<State>,
    caller: Caller,
    extract::Path(id): extract::Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let tenant = caller.with(Right::Send)?.tenant;
    let body = if is_csv(&headers)? {
        if body.len() > LARGEST {
            return Err(Problem::too_large(LARGEST));
        }
        // A text where JSON has an object: a body of its own for an idempotency key, too.
        Value::String(table::text_of(&body)?.into_owned())
    } else {
        read_json(&headers, &body, LARGEST)?
    };
    let job = jobs::find(&state, &tenant, &id).await?;
    let path = format!("POST /v1/bulk-jobs/{}/recipients", job.id);
    let claim = idempotency::claim(&path, &headers, &body)?;
    match idempotency::begin(&state.store, &tenant, claim.as_ref()).await? {
        Begun::Answered(answer) => {
            let headers = [(REPLAYED, "true"), (CONTENT_TYPE, "application/json")];
            Ok((headers, answer).into_response())
        }
        Begun::Reserved(reservation) => {
            let outcome = add_checked(&state, &job, &body).await;
            if let Some(reservation) = &reservation {
                let answer = outcome.as_ref().ok().and_then(Outcome::kept);
                idempotency::end(&state.store, reservation, answer).await;
            }
            Ok(Json(outcome?).into_response())
        }
    }
}

async fn add_checked(state: &State, job: &Job, body: &Value) -> Result<Outcome, Problem> {
    if !job.status.takes_recipients() {
        return Err(closed());
    }
    match body {
        Value::String(text) => {
            let table = Table::open(text, job, clock::now())?;
            add_all(state, job, table).await
        }
        body => {
            let lines = read(body).map_err(Problem::validation)?;
            add_all(state, job, json_lines(job, lines)).await
        }
    }
}

/// Whether the body is CSV. Another character set than UTF-8 is refused.
fn is_csv(headers: &HeaderMap) -> Result<bool, Problem> {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let value = value.unwrap_or_default().to_ascii_lowercase();
    let (media_type, parameters) = value.split_once(';').unwrap_or((&value, ""));
    if media_type.trim() != "text/csv" {
        return Ok(false);
    }
    let charset = parameters.split(';').find_map(|parameter| {
        let charset = parameter.trim().strip_prefix("charset=")?;
        Some(charset.trim_matches('"').to_owned())
    });
    match charset.as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(true),
        Some(_) => Err(Problem::unsupported_media_type()
            .because("CSV must be in UTF-8: save the file so, and name no other charset")),
    }
}

/// The lines of a JSON body.
fn read(body: &Value) -> Result<&[Value], Vec<Fault>> {
    let faults = Faults::new();
    let checked = Fields::of(body, "", &faults).map(|mut fields| {
        fields.required_array("recipients", 1..=MOST);
        fields.finish();
    });
    faults.into_result(checked)?;
    let lines = body.get("recipients").and_then(Value::as_array);
    Ok(lines.map_or(&[], Vec::as_slice))
}

fn json_lines<'a>(job: &'a Job, lines: &'a [Value]) -> impl Iterator<Item = Line> + Send + 'a {
    let now = clock::now();
    (0..).zip(lines).map(move |(place, line)| {
        let read = recipients::read(job, line, now);
        let read = read.map_err(|faults| {
            let faults = faults.into_iter();
            faults
                .map(|fault| RecipientFault::in_json(place, fault))
                .collect()
        });
        Line {
            place,
            count: 1,
            read,
        }
    })
}

async fn add_all(
    state: &State,
    job: &Job,
    lines: impl Iterator<Item = Line> + Send,
) -> Result<Outcome, Problem> {
    let mut outcome = Outcome::default();
    let added = add_lines(state, job, lines, &mut outcome).await;
    added.map_err(|problem| outcome.before(problem))?;
    let mut outcome = outcome.unless_all_are_faulty()?;
    outcome.duplicates.sort_unstable();
    let job = jobs::find(state, &job.tenant, job.id.as_str()).await;
    outcome.total = job.map_err(|problem| outcome.before(problem))?.total;
    Ok(outcome)
}

/// Adds chunk by chunk, so that a file of any size is never whole in memory.
async fn add_lines(
    state: &State,
    job: &Job,
    lines: impl Iterator<Item = Line> + Send,
    outcome: &mut Outcome,
) -> Result<(), Problem> {
    let begun = clock::now();
    let is_late = || clock::now().duration_since(begun) > LONGEST;
    let mut lines = lines.peekable();
    let mut seen = HashSet::new();
    while lines.peek().is_some() && outcome.unread_from.is_none() {
        let chunk = next_chunk(&mut lines, &mut seen, outcome, is_late);
        if !chunk.is_empty() {
            add_chunk(state, job, chunk, outcome).await?;
        }
    }
    Ok(())
}

/// The next recipients to add, each with its place. Lines that name none fill no chunk, so the clock is looked at
/// among them, too.
fn next_chunk(
    lines: &mut Peekable<impl Iterator<Item = Line>>,
    seen: &mut HashSet<MessageId>,
    outcome: &mut Outcome,
    is_late: impl Fn() -> bool,
) -> Vec<(u64, Outbound)> {
    let mut chunk = Vec::with_capacity(CHUNK_SIZE);
    for number in 0_usize.. {
        if chunk.len() == CHUNK_SIZE {
            break;
        }
        if number.is_multiple_of(LINES_BETWEEN_LOOKS) && is_late() {
            outcome.unread_from = lines.peek().map(|line| line.place);
            break;
        }
        let Some(Line { place, count, read }) = lines.next() else {
            break;
        };
        match read {
            Ok(recipient) if seen.insert(recipient.id.clone()) => chunk.push((place, recipient)),
            Ok(_) => outcome.duplicates.push(place),
            Err(faults) => outcome.reject(place, count, faults),
        }
    }
    chunk
}

async fn add_chunk(
    state: &State,
    job: &Job,
    chunk: Vec<(u64, Outbound)>,
    outcome: &mut Outcome,
) -> Result<(), Problem> {
    let (places, recipients): (Vec<u64>, Vec<Outbound>) = chunk.into_iter().unzip();
    let added = state
        .store
        .add_recipients(job, &recipients, clock::now())
        .await?;
    match added {
        RecipientsAdded::Closed => Err(closed()),
        RecipientsAdded::AllBut(known) => {
            let count = recipients.len() - known.len();
            outcome.added += u64::try_from(count).unwrap_or(u64::MAX);
            let known = known.iter().filter_map(|at| places.get(*at));
            outcome.duplicates.extend(known);
            Ok(())
        }
    }
}

fn closed() -> Problem {
    Problem::conflict(
        "job_closed",
        "the job has been started or has ended: it takes no more recipients",
    )
}

#[cfg(test)]
mod tests;
