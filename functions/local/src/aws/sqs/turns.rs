//! The visible messages of a queue, and whose turn it is.
//!
//! Fair queues: groups take turns, so that a group with a long backlog does not make the others wait. Within a
//! group the oldest goes first.

use std::collections::{BTreeSet, HashMap, VecDeque};

/// Visible messages by group. Every step costs a logarithm at most.
#[derive(Debug, Default)]
pub(super) struct Turns {
    groups: HashMap<String, BTreeSet<u64>>,
    /// Each key of `groups` once; an emptied group leaves both when its turn comes.
    order: VecDeque<String>,
    len: usize,
}

impl Turns {
    /// How many messages are visible.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Makes a message visible.
    pub(super) fn insert(&mut self, group: &str, sequence: u64) {
        // Looked up first: nearly always the group is known, and its name need not be copied.
        let fresh = if let Some(known) = self.groups.get_mut(group) {
            known.insert(sequence)
        } else {
            self.order.push_back(group.to_owned());
            self.groups
                .entry(group.to_owned())
                .or_default()
                .insert(sequence)
        };
        self.len += usize::from(fresh);
    }

    /// Takes a message out of its turn.
    pub(super) fn remove(&mut self, group: &str, sequence: u64) {
        if let Some(group) = self.groups.get_mut(group) {
            self.len -= usize::from(group.remove(&sequence));
        }
    }

    /// Takes the message whose turn it is.
    pub(super) fn next(&mut self) -> Option<u64> {
        while let Some(name) = self.order.pop_front() {
            let group = self.groups.get_mut(&name)?;
            let first = group.pop_first();
            if group.is_empty() {
                self.groups.remove(&name);
            } else {
                self.order.push_back(name);
            }
            if first.is_some() {
                self.len -= 1;
                return first;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;

    #[test]
    fn a_group_with_a_backlog_does_not_make_the_others_wait() {
        let mut turns = Turns::default();
        for sequence in 0..100 {
            turns.insert("busy", sequence);
        }
        turns.insert("quiet", 100);
        assert_eq!(
            (turns.next(), turns.next(), turns.next()),
            (Some(0), Some(100), Some(1))
        );
        assert_eq!(turns.len(), 98);
    }

    #[test]
    fn a_returned_message_goes_before_younger_ones_of_its_group() {
        let mut turns = Turns::default();
        turns.insert("", 1);
        turns.insert("", 2);
        let first = turns.next();
        turns.insert("", 1);
        assert_eq!((first, turns.next()), (Some(1), Some(1)));
    }

    #[test]
    fn a_removed_message_has_no_turn() {
        let mut turns = Turns::default();
        turns.insert("a", 1);
        turns.remove("a", 1);
        turns.remove("a", 1);
        turns.insert("a", 2);
        assert_eq!(
            (turns.len(), turns.next(), turns.next()),
            (1, Some(2), None)
        );
    }
}
