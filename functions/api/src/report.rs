//! `GET /v1/bulk-jobs/{id}/report.csv`: a row for each recipient, in pages that put together are one file.

use crate::bulk_jobs::find;
use crate::recipients::{Place, walk};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LINK};
use axum::response::{IntoResponse, Response};
use csv::Writer;
use heliograph::domain::identity::Recipient;
use heliograph::domain::job::Job;
use heliograph::domain::message::{Message, Outbound};
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::dto::MessageDto;
use heliograph::service::http::{Cursor, Parameters};
use heliograph::service::openapi::{IdProblems, ListProblems};
use heliograph::service::problem::Problem;
use heliograph::store::{CHUNK_SIZE, Store};
use jiff::Timestamp;

/// Rows of a page.
const ROWS: usize = 2_000;

/// A page ends with the chunk in which it gets so many bytes, counted as JSON: so Lambda hands it on, 6 MB at most,
/// and a row may have some kilobytes of other people's texts.
const LARGEST: usize = 3_500_000;

const COLUMNS: [&str; 15] = [
    "to",
    "reference",
    "state",
    "created_at",
    "accepted_at",
    "sent_at",
    "delivered_at",
    "read_at",
    "failed_at",
    "ended_at",
    "attempts",
    "message_id",
    "provider_id",
    "error_code",
    "error",
];

/// Reads a job's report as CSV: a row for each recipient, in the order they were added.
///
/// A page has 2,000 rows or some 3.5 MB at most; `Link: rel="next"` leads to the next one. Only the first has the
/// header, so that the pages put together are one file. A `reference` or an error that a spreadsheet would take for a
/// formula, also where it divides columns by `;` or tabs, gets an apostrophe before it.
#[utoipa::path(
    get,
    operation_id = "get_bulk_job_report",
    path = "/v1/bulk-jobs/{id}/report.csv",
    tag = "Bulk jobs",
    params(
        ("id" = String, Path, description = "The job's id", example = "job_019e92a7c8887000a000000000000001"),
        ("cursor" = Option<String>, Query, description = "The one in the page before's `Link`"),
    ),
    responses(
        (status = 200, description = "A page", body = String, content_type = "text/csv",
            headers(("link" = Option<String>, description = "The next page, if there is one"))),
        ListProblems, IdProblems,
    )
)]
pub(crate) async fn report(
    caller: Caller,
    State(store): State<Store>,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let cursor_text = parameters.text("cursor");
    parameters.finish()?;
    let job = find(&store, &tenant, &id).await?;
    let name = format!("bulk-jobs/{id}/report");
    let cursor = Cursor::of(&name, &tenant);
    let place: Option<Place> = cursor_text.map(|text| cursor.read(&text)).transpose()?;
    let (page, next) = page(&store, &job, place).await?;
    let mut headers = HeaderMap::new();
    if let Some(next) = next {
        let cursor = cursor
            .write(&next)
            .map_err(|error| Problem::internal(&error))?;
        let link = format!("</v1/bulk-jobs/{id}/report.csv?cursor={cursor}>; rel=\"next\"");
        headers.extend(link.parse().ok().map(|link| (LINK, link)));
    }
    let file = format!("attachment; filename=\"{id}.csv\"");
    headers.extend(file.parse().ok().map(|file| (CONTENT_DISPOSITION, file)));
    let kind = [(CONTENT_TYPE, "text/csv; charset=utf-8")];
    Ok((kind, headers, page).into_response())
}

/// The rows from a place on, and the place after them; the header if there is no place.
async fn page(
    store: &Store,
    job: &Job,
    place: Option<Place>,
) -> Result<(String, Option<Place>), Problem> {
    let mut page = Page::default();
    if place.is_none() {
        page.add(COLUMNS)?;
    }
    let mut next = Some(place.unwrap_or_default());
    let mut left = ROWS;
    while let Some(place) = next.take_if(|_| left > 0 && page.size < LARGEST) {
        let (found, after) = walk(store, job, None, left.min(CHUNK_SIZE), place).await?;
        left -= found.len();
        for message in found {
            if let Message::Outbound(message) = message {
                page.add(row(&message))?;
            }
        }
        next = after;
    }
    Ok((page.text, next))
}

/// Rows as CSV.
#[derive(Default)]
struct Page {
    text: String,
    /// How many bytes the text has as JSON.
    size: usize,
}

impl Page {
    fn add<T: AsRef<[u8]>>(&mut self, row: [T; COLUMNS.len()]) -> Result<(), Problem> {
        let mut writer = Writer::from_writer(Vec::new());
        let written = writer.write_record(row);
        written.map_err(|error| Problem::internal(&error))?;
        let bytes = writer.into_inner();
        let bytes = bytes.map_err(|error| Problem::internal(error.error()))?;
        let text = String::from_utf8(bytes).map_err(|error| Problem::internal(&error))?;
        let json = serde_json::to_string(&text).map_err(|error| Problem::internal(&error))?;
        self.size += json.len();
        self.text.push_str(&text);
        Ok(())
    }
}

fn row(message: &Outbound) -> [String; COLUMNS.len()] {
    let shown = MessageDto::from(message);
    let failure = shown.error.map(|error| error.provider.failure);
    let code = failure.as_ref().and_then(|failure| failure.code);
    [
        address(&message.to),
        guarded(message.reference.as_deref().unwrap_or_default()),
        message.state.as_str().to_owned(),
        message.created_at.to_string(),
        time(shown.accepted_at),
        time(shown.sent_at),
        time(shown.delivered_at),
        time(shown.read_at),
        time(shown.failed_at),
        time(shown.cancelled_at.or(shown.expired_at)),
        message.attempts.len().to_string(),
        message.id.to_string(),
        message
            .provider_id()
            .map_or(String::new(), ToString::to_string),
        code.map_or(String::new(), |code| code.to_string()),
        guarded(&failure.map_or(String::new(), |failure| failure.message)),
    ]
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or(String::new(), |time| time.to_string())
}

/// A number is what we parsed: a `+` and digits, which no spreadsheet can take for more than a number. So it stays as
/// it is and can be read in again.
fn address(to: &Recipient) -> String {
    match to {
        Recipient::Phone(number) => number.to_string(),
        Recipient::User(user) => guarded(user.as_str()),
        Recipient::Group(group) => guarded(group.as_str()),
    }
}

/// A text that a spreadsheet would run as a formula gets an apostrophe: see OWASP, "CSV Injection". One that divides
/// columns by `;` or tabs takes our quotation marks for characters, and begins a cell within the text.
fn guarded(text: &str) -> String {
    let mut guarded = String::with_capacity(text.len() + 1);
    if text.starts_with(['\t', '\r', '\n']) {
        guarded.push('\'');
    }
    let mut begins_cell = true;
    for (at, character) in text.char_indices() {
        let cell = text.get(at..).unwrap_or_default();
        if begins_cell
            && cell
                .trim_start_matches('"')
                .starts_with(['=', '+', '-', '@'])
        {
            guarded.push('\'');
        }
        guarded.push(character);
        begins_cell = matches!(character, ';' | '\t' | '\r' | '\n');
    }
    guarded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_a_text_and_a_number_stays_a_number() {
        for formula in ["=HYPERLINK(1)", "+1+1", "-2", "@SUM(A1)", "\tx", "\"=1"] {
            assert_eq!(guarded(formula), format!("'{formula}"));
        }
        for text in ["order =7", "", "a, =b", "a;b\tc\nd", "two\r\nlines"] {
            assert_eq!(guarded(text), text);
        }
    }

    #[test]
    fn nothing_is_run_where_another_sign_divides_the_columns() {
        for (text, safe) in [
            ("a;=cmd()", "a;'=cmd()"),
            ("a\t+1", "a\t'+1"),
            ("a\n-1", "a\n'-1"),
            ("a\r\n@b", "a\r\n'@b"),
            ("a;\"=1\"", "a;'\"=1\""),
            ("\t=1", "'\t'=1"),
            ("=1;=2;b=3", "'=1;'=2;b=3"),
        ] {
            assert_eq!(guarded(text), safe);
        }
    }
}
