//! The HTTP kit: reading bodies, headers and query strings, paging, and the edge of a router.
//!
//! Whatever a caller does wrong comes out as a [`super::problem::Problem`].

mod body;
mod cursor;
mod edge;
mod headers;
mod lambda;
pub mod listing;
mod parameters;
mod shape;

pub use body::{MAX_JSON, read_json};
pub use cursor::{Cursor, Page};
pub use edge::{REQUEST_ID, edge};
pub use headers::{IdempotencyKey, Preference};
pub use lambda::run;
pub use parameters::{PageQuery, Parameters};
