//! Counts changes from where the last batch of their shard ended.

use crate::change::Change;
use crate::happened::Happened;
use heliograph::domain::identity::TenantId;
use heliograph::store::{CallUses, CounterDelta, Position, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// Counter items one transaction moves: DynamoDB takes 100 writes, and the position is one.
const ITEMS_AT_ONCE: usize = 90;

/// Numbers of one item that one transaction moves: their names, of up to 90 bytes, stand in an expression of 4 KB.
const NUMBERS_AT_ONCE: usize = 30;

/// Somebody else may be counting the same shard; the position tells who was first.
const TRIES: usize = 5;

pub(crate) async fn count(
    store: &Store,
    shard: &str,
    changes: &[Change],
) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let mut position = store.position(shard).await?;
        let mut left = after(changes, &position);
        loop {
            let Some(Step {
                delta,
                uses,
                happened,
                sequence,
                rest,
            }) = step(left)
            else {
                return Ok(());
            };
            let counted = store.count_calls(&delta, &uses, &position, &sequence);
            if !counted.await? {
                break;
            }
            happened.tell();
            position = Position {
                shard: shard.to_owned(),
                sequence: Some(sequence),
            };
            left = rest;
        }
    }
    Err(StoreError::Conflict)
}

/// The changes that have not been counted.
fn after<'a>(changes: &'a [Change], position: &Position) -> &'a [Change] {
    let Some(known) = &position.sequence else {
        return changes;
    };
    let counted = changes
        .iter()
        .take_while(|change| rank(&change.sequence) <= rank(known))
        .count();
    changes.get(counted..).unwrap_or_default()
}

/// Sequence numbers are decimal numbers too long for a machine word.
fn rank(sequence: &str) -> (usize, &str) {
    let digits = sequence.trim_start_matches('0');
    (digits.len(), digits)
}

/// As many changes as one transaction counts.
struct Step<'a> {
    /// What they move.
    delta: CounterDelta,
    /// How keys were used.
    uses: CallUses,
    /// What the metrics are told once it is counted: then it is told once.
    happened: Happened,
    /// The last one's number.
    sequence: String,
    /// The rest.
    rest: &'a [Change],
}

fn step(changes: &[Change]) -> Option<Step<'_>> {
    let (mut delta, mut uses) = (CounterDelta::new(), CallUses::new());
    let mut happened = Happened::default();
    let mut items: BTreeMap<(TenantId, String, String), BTreeSet<String>> = BTreeMap::new();
    let mut last = None;
    for (place, change) in changes.iter().enumerate() {
        let moved = change.moved();
        for counter in moved.counters.keys() {
            let item = (
                counter.tenant.clone(),
                counter.of.clone(),
                counter.part.clone(),
            );
            items.entry(item).or_default().insert(counter.name.clone());
        }
        let is_full = items.len() > ITEMS_AT_ONCE
            || items
                .values()
                .any(|numbers| numbers.len() > NUMBERS_AT_ONCE);
        if is_full && last.is_some() {
            return Some(Step {
                delta,
                uses,
                happened,
                sequence: last?,
                rest: changes.get(place..)?,
            });
        }
        for (counter, by) in moved.counters {
            *delta.entry(counter).or_default() += by;
        }
        for (key, used) in moved.uses {
            match uses.get_mut(&key) {
                Some(known) => known.merge(used),
                None => drop(uses.insert(key, used)),
            }
        }
        happened.add(moved.happened);
        last = Some(change.sequence.clone());
    }
    Some(Step {
        delta,
        uses,
        happened,
        sequence: last?,
        rest: &[],
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    /// A message of one sender that was taken, of an account that no other has.
    fn taken(number: usize) -> Change {
        let image = json!({
            "type": {"S": "message"}, "direction": {"S": "outbound"}, "tenant": {"S": "demo"},
            "account": {"S": format!("acct_{number}")}, "sender": {"S": "100000000000001"},
            "state": {"S": "accepted"}, "created_at": {"N": "1795174245000"},
        });
        let change = json!({"SequenceNumber": number.to_string(), "NewImage": image});
        serde_json::from_value(change).unwrap()
    }

    #[test]
    fn no_step_moves_more_numbers_of_an_item_than_an_expression_holds_and_none_is_left_out() {
        let changes: Vec<_> = (1..=100).map(taken).collect();
        let mut left = changes.as_slice();
        let mut sum = CounterDelta::new();
        while let Some(Step { delta, rest, .. }) = step(left) {
            assert!(delta.len() <= NUMBERS_AT_ONCE, "{}", delta.len());
            for (counter, by) in delta {
                *sum.entry(counter).or_default() += by;
            }
            left = rest;
        }
        let of = |name: &str| sum.iter().find(|(counter, _)| counter.name == name);
        assert_eq!(of("outbound_accepted").map(|(_, by)| *by), Some(100));
        assert_eq!(of("used_77_free_unknown").map(|(_, by)| *by), Some(1));
        assert_eq!(sum.len(), 101);
    }
}
