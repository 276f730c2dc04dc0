//! Times.

use super::Fields;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

impl Fields<'_> {
    /// A time as RFC 3339 writes it. Times are kept to the millisecond: not before a time means not before the next one.
    pub fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        self.parsed(name, |text| {
            let time = text.parse::<Timestamp>().ok();
            let time = time.filter(|_| has_offset_within_a_day(text));
            let unit = TimestampRound::new().smallest(Unit::Millisecond);
            time.and_then(|time| time.round(unit.mode(RoundMode::Ceil)).ok())
                .ok_or("must be a time such as 2026-11-20T09:00:00Z (RFC 3339)")
        })
    }
}

/// Whether a text that is a time ends as RFC 3339 has it; `jiff` reads other ways to write an offset, and more than a day
/// of it, which is a slip of the hand.
fn has_offset_within_a_day(text: &str) -> bool {
    match text.as_bytes() {
        [.., b'Z' | b'z'] => true,
        [.., b'+' | b'-', ten, one, b':', _, _] => (*ten, *one) <= (b'2', b'3'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::domain::fault::Faults;
    use serde_json::json;

    fn read(text: &str) -> Option<String> {
        let body = json!({"at": text});
        let faults = Faults::new();
        let time = Fields::of(&body, "", &faults).unwrap().time("at");
        assert_eq!(time.is_none(), faults.count() == 1, "{text}");
        time.map(|time| time.to_string())
    }

    #[test]
    fn a_time_is_read_as_rfc_3339_writes_it() {
        for text in [
            "2026-11-20T09:00:00Z",
            "2026-11-20t09:00:00z",
            "2026-11-20T11:00:00+02:00",
            "2026-11-19T10:00:00-23:00",
        ] {
            assert_eq!(read(text).unwrap(), "2026-11-20T09:00:00Z", "{text}");
        }
        for text in [
            "2026-11-20T09:00:00",
            "2026-11-20",
            "2026-11-20T09:00:00+24:00",
            "2026-11-20T09:00:00+25:00",
            "2026-11-20T09:00:00-99:00",
            "2026-11-20T09:00:00+02",
            "2026-11-20T09:00:00+0200",
            "2026-11-20T09:00:00+02:60",
            "2026-11-20T09:00:00+02:00[Europe/Berlin]",
            "2026-02-30T09:00:00Z",
            "tomorrow",
            "1795386327",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_between_two_milliseconds_is_the_later_one() {
        let time = read("2026-11-20T09:00:00.0000001Z").unwrap();
        assert_eq!(time, "2026-11-20T09:00:00.001Z");
    }
}
