//! No partition of messages is written too often, however fast a sender is: DynamoDB takes a thousand writes a second of
//! one.

use super::*;
use crate::domain::message::Attempt;
use crate::domain::state::State;
use crate::store::item::Item;
use crate::store::message_item::message_item;
use crate::store::setup::MESSAGES_INDEXES;
use std::collections::BTreeMap;

/// The fastest sender there is.
const PER_SECOND: u32 = 1_000;
const SECONDS: u32 = 4;

/// Every life that a message may have, by the states it is written in.
const LIVES: [(Lane, &[State]); 5] = [
    (
        Lane::Bulk,
        &[
            State::Queued,
            State::Sending,
            State::Accepted,
            State::Sent,
            State::Delivered,
            State::Read,
        ],
    ),
    (Lane::Bulk, &[State::Queued, State::Sending, State::Failed]),
    (
        Lane::Bulk,
        &[
            State::Queued,
            State::Sending,
            State::Unknown,
            State::Delivered,
        ],
    ),
    (Lane::Bulk, &[State::Queued, State::Cancelled]),
    (
        Lane::Single,
        &[State::Queued, State::Sending, State::Accepted, State::Read],
    ),
];

/// How often each partition of the table and of its indexes is written.
#[derive(Default)]
struct Writes(BTreeMap<(&'static str, String), u32>);

impl Writes {
    fn note(&mut self, index: &'static str, partition: &str) {
        *self.0.entry((index, partition.to_owned())).or_default() += 1;
    }

    /// An index is written where an entry goes, and where one comes.
    fn note_all(&mut self, before: Option<&Item>, after: &Item) {
        let part = |item: &Item, name: &str| Some(item.get(name)?.as_s().ok()?.clone());
        self.note("the table", &part(after, "pk").unwrap());
        for (index, hash, sort) in MESSAGES_INDEXES {
            let entry = |item: &Item| Some((part(item, hash)?, sort.and_then(|it| part(item, it))));
            let (gone, come) = (before.and_then(entry), entry(after));
            if gone != come {
                for (partition, _) in gone.iter().chain(&come) {
                    self.note(index, partition);
                }
            }
        }
    }
}

#[test]
fn at_a_thousand_messages_a_second_no_partition_of_theirs_has_five_hundred_writes_in_one() {
    let job = job(at(0));
    for (lane, states) in LIVES {
        let mut writes = Writes::default();
        for number in 0..PER_SECOND * SECONDS {
            let mut before = None;
            for state in states {
                let mut message = recipient(&job, number);
                (message.lane, message.state) = (lane, *state);
                let known = [State::Accepted, State::Sent, State::Delivered, State::Read];
                if known.contains(state) {
                    message.attempts = vec![Attempt {
                        provider_id: Some(format!("wamid.{number}").parse().unwrap()),
                        ..Attempt::starting(at(0))
                    }];
                }
                let item = message_item(&Message::Outbound(Box::new(message))).unwrap();
                writes.note_all(before.as_ref(), &item);
                before = Some(item);
            }
        }
        let listed = writes
            .0
            .iter()
            .filter(|((index, _), _)| *index == "by_list");
        let listed: u32 = listed.map(|(_, count)| count).sum();
        assert_eq!(listed, PER_SECOND * SECONDS, "each is listed once");
        let (busiest, most) = writes.0.iter().max_by_key(|(_, count)| **count).unwrap();
        assert!(
            *most <= 500 * SECONDS,
            "{lane:?} {states:?} {busiest:?}: {most}"
        );
    }
}
