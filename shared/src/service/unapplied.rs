//! Counts webhook updates that were not applied, as a metric. The exact numbers, by kind, are in the store.

use super::telemetry;
use crate::store::{EventState, StoreError, StoredRecord};

const METRIC: &str = "webhook_not_applied";

/// Counts what a try of a record came to. `before` is the record as an earlier try kept it: what that try counted is
/// not counted again.
pub fn count(before: Option<&StoredRecord>, outcome: Result<&StoredRecord, &StoreError>) {
    let Ok(record) = outcome else {
        telemetry::count(METRIC, EventState::Failed.as_str(), 1);
        return;
    };
    for state in EventState::ALL {
        let number = number(before, record, state);
        if number > 0 && state != EventState::Applied {
            telemetry::count(METRIC, state.as_str(), number);
        }
    }
}

/// How many updates came to be in this state. Of a record that failed only the failure was counted.
fn number(before: Option<&StoredRecord>, record: &StoredRecord, state: EventState) -> u64 {
    let counted = before.map(|before| &before.events);
    let counted = counted.filter(|them| them.iter().all(|it| it.state != EventState::Failed));
    let events = record.events.iter().enumerate();
    let new = events.filter(|(place, event)| {
        let known = counted.and_then(|them| them.get(*place));
        event.state == state && known.is_none_or(|known| known.state != state)
    });
    u64::try_from(new.count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::store::Event;
    use EventState::{Applied, Failed, Kept, Unmatched, Waiting};

    fn record(states: &[EventState]) -> StoredRecord {
        let event = |state: &EventState| Event {
            field: "messages".to_owned(),
            kind: "messages/text".to_owned(),
            state: *state,
            reason: None,
            message: None,
        };
        StoredRecord {
            id: "evt_019e92a7c8887000a000000000000001".parse().unwrap(),
            tenant: "demo".parse().unwrap(),
            account: "acct_demo".parse().unwrap(),
            received_at: jiff::Timestamp::UNIX_EPOCH,
            raw: String::new(),
            events: states.iter().map(event).collect(),
            tries: 1,
            try_again_at: None,
        }
    }

    #[test]
    fn a_first_try_counts_every_update() {
        let now = record(&[Waiting, Kept, Waiting, Applied]);
        assert_eq!(number(None, &now, Waiting), 2);
        assert_eq!(number(None, &now, Kept), 1);
    }

    #[test]
    fn a_later_try_counts_what_it_changed() {
        let (before, now) = (record(&[Waiting, Kept]), record(&[Unmatched, Kept]));
        assert_eq!(number(Some(&before), &now, Unmatched), 1);
        assert_eq!(number(Some(&before), &now, Kept), 0);
        assert_eq!(number(Some(&before), &before, Waiting), 0);
    }

    #[test]
    fn a_try_after_a_failure_counts_what_the_failure_hid() {
        let (before, now) = (record(&[Failed, Kept]), record(&[Applied, Kept]));
        assert_eq!(number(Some(&before), &now, Kept), 1);
    }
}
