//! Counts changes from where the last batch of their shard ended.

use crate::change::Change;
use heliograph::store::{CounterDelta, Position, Store, StoreError};
use std::collections::BTreeSet;

/// Counter items one transaction moves: DynamoDB takes 100 writes, and the position is one.
const ITEMS_AT_ONCE: usize = 90;

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
            let Some((delta, sequence, rest)) = step(left) else {
                return Ok(());
            };
            if !store.count(&delta, &position, &sequence).await? {
                break;
            }
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

/// As many changes as one transaction counts: what they move, the last one's number, and the rest.
fn step(changes: &[Change]) -> Option<(CounterDelta, String, &[Change])> {
    let mut delta = CounterDelta::new();
    let mut items = BTreeSet::new();
    let mut last = None;
    for (place, change) in changes.iter().enumerate() {
        let moves = change.moves();
        items.extend(
            moves
                .iter()
                .map(|(counter, _)| (counter.of.clone(), counter.part.clone())),
        );
        if items.len() > ITEMS_AT_ONCE && last.is_some() {
            let sequence = last?;
            return Some((delta, sequence, changes.get(place..)?));
        }
        for (counter, by) in moves {
            *delta.entry(counter).or_default() += by;
        }
        last = Some(change.sequence.clone());
    }
    Some((delta, last?, &[]))
}
