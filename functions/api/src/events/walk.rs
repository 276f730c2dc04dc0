//! Walks through the records and shows their events one by one, so that a page may end inside a record.
//!
//! Records are indexed by their worst event's state only. An event in a milder state is found by walking through the
//! records of the worse states too: each page reads a bounded number of records.

use super::EventDto;
use heliograph::domain::identity::TenantId;
use heliograph::store::{EventState, Listed, Slice, Store, StoreError, StoredRecord};
use serde::{Deserialize, Serialize};

/// How many times a page may ask for records.
const MOST_READS: usize = 5;

/// The states that are indexed, the worst first.
const INDEXED: [EventState; 5] = [
    EventState::Failed,
    EventState::Unmatched,
    EventState::Waiting,
    EventState::Malformed,
    EventState::UnknownAccount,
];

/// Which events are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All, by time.
    Every,
    /// What did not do what it was to do.
    NotApplied,
    /// Those in one of the indexed states.
    In(EventState),
}

impl Wanted {
    /// What the parameter `state` asks for.
    pub(super) fn named(name: &str) -> Option<Self> {
        if name == "not_applied" {
            return Some(Self::NotApplied);
        }
        let state = INDEXED.into_iter().find(|state| state.as_str() == name);
        state.map(Self::In)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Every => "",
            Self::NotApplied => "not_applied",
            Self::In(state) => state.as_str(),
        }
    }

    fn takes(self, state: EventState) -> bool {
        match self {
            Self::Every => true,
            Self::NotApplied => state > EventState::Kept,
            Self::In(wanted) => state == wanted,
        }
    }

    /// The lists to walk through, in order; `None` is the one by time.
    fn lists(self) -> Vec<Option<EventState>> {
        match self {
            Self::Every => vec![None],
            Self::NotApplied => INDEXED.map(Some).to_vec(),
            Self::In(wanted) => {
                let worse = INDEXED.into_iter().filter(|state| *state >= wanted);
                worse.map(Some).collect()
            }
        }
    }
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Place {
    /// Which of the lists.
    list: usize,
    /// The last record seen whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// How many events of the next record were seen.
    offset: usize,
}

/// Up to `limit` events from `place` on, and where the walk goes on.
pub(super) async fn walk(
    store: &Store,
    tenant: &TenantId,
    wanted: Wanted,
    limit: usize,
    mut place: Place,
) -> Result<(Vec<EventDto>, Option<Place>), StoreError> {
    let lists = wanted.lists();
    let mut found = Vec::new();
    for _ in 0..MOST_READS {
        let Some(state) = lists.get(place.list).copied() else {
            break;
        };
        if found.len() == limit {
            break;
        }
        let slice = Slice {
            limit,
            after: place.after.clone(),
        };
        let listed = read(store, tenant, state, &slice).await?;
        for record in &listed.entries {
            let events = record.events.iter().enumerate().skip(place.offset);
            for (number, event) in events.filter(|(_, event)| wanted.takes(event.state)) {
                if found.len() == limit {
                    return Ok((found, Some(place)));
                }
                found.push(EventDto::of(record, number, event));
                place.offset = number + 1;
            }
            place = Place {
                after: Some(StoredRecord::place_in_list(&record.id, state)),
                offset: 0,
                ..place
            };
        }
        place = match listed.next {
            Some(after) => Place {
                after: Some(after),
                offset: 0,
                ..place
            },
            None => Place {
                list: place.list + 1,
                ..Place::default()
            },
        };
    }
    let more = place.list < lists.len();
    Ok((found, more.then_some(place)))
}

async fn read(
    store: &Store,
    tenant: &TenantId,
    state: Option<EventState>,
    slice: &Slice,
) -> Result<Listed<StoredRecord>, StoreError> {
    match state {
        Some(state) => store.events_by_state(tenant, state, slice).await,
        None => store.events_by_time(tenant, slice).await,
    }
}
