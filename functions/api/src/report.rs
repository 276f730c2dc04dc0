//! `GET /v1/bulk-jobs/{id}/report.csv`: a row for each recipient, in pages that put together are one file.

use crate::bulk_jobs::find;
use crate::recipients::{Place, walk};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LINK};
use axum::response::{IntoResponse, Response};
use csv::Writer;
use heliograph::domain::identity::Recipient;
use heliograph::domain::message::{Message, Outbound};
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::dto::MessageDto;
use heliograph::service::http::{Cursor, Parameters};
use heliograph::service::openapi::{IdProblems, ListProblems};
use heliograph::service::problem::Problem;
use heliograph::store::Store;
use jiff::Timestamp;

/// Rows of a page. At two kilobytes each, which is more than any has, they stay below 4 MB.
const ROWS: usize = 2_000;

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
/// A page has 2,000 rows at most; `Link: rel="next"` leads to the next one. Only the first has the header, so that the
/// pages put together are one file. A `reference` or an error that a spreadsheet would take for a formula begins with
/// an apostrophe.
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
    let is_first = place.is_none();
    let (found, next) = walk(&store, &job, None, ROWS, place.unwrap_or_default()).await?;
    let page = page(is_first, &found).map_err(|error| Problem::internal(&error))?;
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

fn page(is_first: bool, messages: &[Message]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = Writer::from_writer(Vec::new());
    if is_first {
        writer.write_record(COLUMNS)?;
    }
    for message in messages {
        if let Message::Outbound(message) = message {
            writer.write_record(row(message))?;
        }
    }
    writer
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))
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

/// A text that a spreadsheet would run as a formula begins with an apostrophe: see OWASP, "CSV Injection".
fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_a_text_and_a_number_stays_a_number() {
        for formula in ["=HYPERLINK(1)", "+1+1", "-2", "@SUM(A1)", "\t=1"] {
            assert_eq!(guarded(formula), format!("'{formula}"));
        }
        assert_eq!(guarded("order =7"), "order =7");
        assert_eq!(guarded(""), "");
    }
}
