//! The name of a webhook event: `evt_….3`, the record it came in and its place there.

use heliograph::domain::id::{EventId, IdError};
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// An event's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventName {
    pub(crate) record: EventId,
    pub(crate) place: usize,
}

impl FromStr for EventName {
    type Err = IdError;

    /// A record's id alone stands for its first event.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let parts = text.rsplit_once('.').and_then(|(record, place)| {
            let counted: usize = place.parse().ok()?;
            (counted.to_string() == place).then_some((record, counted))
        });
        let (record, place) = parts.unwrap_or((text, 0));
        Ok(Self {
            record: record.parse()?,
            place,
        })
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.record, self.place)
    }
}

impl Serialize for EventName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written_and_a_record_means_its_first_event() {
        for (text, written) in [
            ("evt_019e92a7.0", "evt_019e92a7.0"),
            ("evt_019e92a7.12", "evt_019e92a7.12"),
            ("evt_019e92a7", "evt_019e92a7.0"),
        ] {
            let name: EventName = text.parse().unwrap();
            assert_eq!(name.to_string(), written);
        }
        for wrong in ["", "evt_", "msg_1.0", "evt_A.0", ".0", "0"] {
            assert!(wrong.parse::<EventName>().is_err(), "{wrong}");
        }
    }
}
