//! What every list does alike: the cursor, the page, and ids in paths.

use super::{Cursor, Page, PageQuery};
use crate::service::problem::Problem;
use crate::store::{Listed, Slice};
use axum::Json;
use serde::Serialize;
use std::str::FromStr;

/// The id in a path; one that cannot be an id is the id of nothing.
pub fn id_of<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// What the store is to read for a page.
pub fn slice(query: &PageQuery, cursor: Cursor<'_>) -> Result<Slice, Problem> {
    Ok(Slice {
        limit: limit(query),
        after: query.place(cursor)?,
    })
}

/// How many entries a page may have.
#[must_use]
pub fn limit(query: &PageQuery) -> usize {
    usize::try_from(query.limit).unwrap_or(usize::MAX)
}

/// The page of what the store listed.
pub fn page<'a, T, D: From<&'a T>>(
    listed: &'a Listed<T>,
    cursor: Cursor<'_>,
) -> Result<Json<Page<D>>, Problem> {
    let data = listed.entries.iter().map(D::from).collect();
    answer(data, cursor, listed.next.as_ref())
}

/// The page of `data`, after which the list goes on at `next`.
pub fn answer<D, P: Serialize>(
    data: Vec<D>,
    cursor: Cursor<'_>,
    next: Option<&P>,
) -> Result<Json<Page<D>>, Problem> {
    let next_cursor = next.map(|place| cursor.write(place)).transpose();
    Ok(Json(Page {
        data,
        next_cursor: next_cursor.map_err(|error| Problem::internal(&error))?,
    }))
}
