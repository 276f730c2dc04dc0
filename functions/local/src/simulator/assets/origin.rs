//! Where an asset comes from, which decides what a reset does to it.

use serde::{Deserialize, Serialize};

/// Where an asset comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// Known at every start.
    BuiltIn,
    /// A sender that was added, or what it implied: stays.
    Sender,
    /// Made through the Graph API or the control surface: goes.
    Added,
}
