//! `GET /v1/bulk-jobs/{id}/recipients`: through an index where one lists the state, else through the job's chunks.

use crate::bulk_jobs::find;
use crate::messages::{in_state, state_of};
use axum::Json;
use axum::extract::{Path, State};
use heliograph::domain::fault::FaultCode;
use heliograph::domain::id::MessageId;
use heliograph::domain::job::Job;
use heliograph::domain::message::Message;
use heliograph::domain::role::Right;
use heliograph::domain::state::State as MessageState;
use heliograph::service::caller::Caller;
use heliograph::service::dto::MessageDto;
use heliograph::service::http::listing::{answer, limit, page, slice};
use heliograph::service::http::{Cursor, Page, Parameters};
use heliograph::service::openapi::{IdProblems, ListProblems};
use heliograph::service::problem::Problem;
use heliograph::store::{Slice, Store, StoreError};
use serde::{Deserialize, Serialize};

/// How many recipients are looked at for one page of a state before it is answered as it is.
const MOST_READ: usize = 1_000;

/// How many chunks are read at once.
const CHUNKS: usize = 4;

/// Where a page of the walk through the chunks begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The last chunk that was seen whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// How many recipients of the next chunk were seen.
    offset: usize,
}

/// Lists a job's recipients.
#[utoipa::path(
    get,
    operation_id = "list_recipients",
    path = "/v1/bulk-jobs/{id}/recipients",
    tag = "Bulk jobs",
    params(
        ("id" = String, Path, description = "The job's id", example = "job_019e92a7c8887000a000000000000001"),
        ("state" = Option<String>, Query, pattern = "^(queued|sending|unknown|accepted|sent|failed|delivered|read|cancelled|expired)$", description = "Only recipients in this state. `unknown`, `failed`, \
            `cancelled` and `expired` come newest first; all others in the order they were added, found by looking at \
            up to 1,000 recipients a page: such a page may have fewer entries than asked for, or none, and a \
            `next_cursor` all the same"),
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<MessageDto>), ListProblems, IdProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    State(store): State<Store>,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<Page<MessageDto>>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let state = wanted_state(&mut parameters);
    let query = parameters.page();
    parameters.finish()?;
    let job = find(&store, &tenant, &id).await?;
    let of_state = state.map_or("", MessageState::as_str);
    let name = format!("bulk-jobs/{id}/recipients/{of_state}");
    let cursor = Cursor::of(&name, &tenant);
    if let Some(state) = state.filter(|state| state.is_problem()) {
        let slice = slice(&query, cursor)?;
        let listed = store.job_problems(&job.id, state, &slice).await?;
        return page(&in_state(listed, state), cursor);
    }
    let place = query.place(cursor)?.unwrap_or_default();
    let (found, next) = walk(&store, &job, state, limit(&query), place).await?;
    let shown = found.iter().map(MessageDto::from).collect();
    answer(shown, cursor, next.as_ref())
}

fn wanted_state(parameters: &mut Parameters) -> Option<MessageState> {
    let name = parameters.text("state")?;
    let state = MessageState::named(&name).filter(|state| *state != MessageState::Received);
    if state.is_none() {
        parameters.fault("state", FaultCode::Invalid, "is not a state of a recipient");
    }
    state
}

/// Up to `wanted` recipients in `state` from `place` on, and where the walk goes on.
pub(crate) async fn walk(
    store: &Store,
    job: &Job,
    state: Option<MessageState>,
    wanted: usize,
    mut place: Place,
) -> Result<(Vec<Message>, Option<Place>), StoreError> {
    let mut found = Vec::new();
    let mut read = 0;
    loop {
        let slice = Slice {
            limit: CHUNKS,
            after: place.after.clone(),
        };
        let chunks = store.chunks(job, &slice).await?;
        for chunk in &chunks.entries {
            while let Some(ids) = next_ids(&chunk.ids, place.offset, state, wanted - found.len()) {
                let messages = store.messages(&job.tenant, ids).await?;
                place.offset += take(messages, ids, state, wanted, &mut found);
                read += ids.len();
                if found.len() == wanted || read >= MOST_READ.max(wanted) {
                    return Ok((found, Some(place)));
                }
            }
            place = Place {
                after: Some(chunk.key.clone()),
                offset: 0,
            };
        }
        if chunks.next.is_none() {
            return Ok((found, None));
        }
    }
}

/// The ids of a chunk to read next: all that are left where most may be filtered out, else as many as are wanted.
fn next_ids(
    ids: &[MessageId],
    offset: usize,
    state: Option<MessageState>,
    wanted: usize,
) -> Option<&[MessageId]> {
    let left = ids.get(offset..).filter(|left| !left.is_empty())?;
    match state {
        Some(_) => Some(left),
        None => left.get(..wanted.min(left.len())),
    }
}

/// Moves what is in `state` to `found` until enough is there, and says how many of `ids` it has seen for that.
fn take(
    messages: Vec<Message>,
    ids: &[MessageId],
    state: Option<MessageState>,
    wanted: usize,
    found: &mut Vec<Message>,
) -> usize {
    for message in messages {
        if state.is_some_and(|state| state_of(&message) != state) {
            continue;
        }
        let seen = ids.iter().position(|id| *id == id_of(&message));
        found.push(message);
        if found.len() == wanted {
            return seen.map_or(ids.len(), |position| position + 1);
        }
    }
    ids.len()
}

fn id_of(message: &Message) -> MessageId {
    match message {
        Message::Outbound(outbound) => outbound.id.clone(),
        Message::Inbound(inbound) => inbound.id.clone(),
    }
}
