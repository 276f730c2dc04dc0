//! Meta's webhooks: cut into records for the queues, and read into our words.
//!
//! Cutting (`split`) is done while Meta waits and touches no byte it need not; reading (`updates`) is done later, by
//! `ingest`, and never fails.

mod members;
mod split;
mod updates;

pub use split::{Split, SplitError, UPDATES_PER_RECORD, split, update_count};
pub use updates::updates;

/// The field of a change that could not be told from the rest of the body.
pub const UNPARSED: &str = "unparsed";

/// The arrays of a change's value whose elements are updates of their own. In a change of another field, errors
/// belong to what stands beside them.
fn lists_of(field: &str) -> &'static [&'static str] {
    match field {
        "messages" => &["messages", "statuses", "errors", "user_actions"],
        // One update however many records it is cut into: its messages are old ones.
        "history" => &["statuses"],
        _ => &["calls", "message_echoes", "user_preferences", "statuses"],
    }
}
