//! placeholder
use serde::{Deserialize, Serialize};
/// x
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// x
    Admin,
}
