//! What an HTTP caller sees of a message, a bulk job and a sender; every function that answers with one answers with this.
//!
//! Absent is left out, never `null`. Names that others gave stand as they were given.

mod call_error;
mod counts;
mod job;
mod message;
mod sender;
mod unknown;

pub use call_error::CallErrorDto;
pub use counts::{CountsDto, number_of};
pub use job::JobDto;
pub use message::{ContextDto, MessageDto, MessageErrorDto, ProfileDto};
pub use sender::{PauseDto, PortfolioDto, SenderDto, SenderState, SlowedDto};
pub use unknown::{OnUnknownDto, SettlementDto};

use serde_json::Value;
use std::collections::BTreeMap;

/// The object that `type` names, under that name.
type Named = BTreeMap<String, Value>;
