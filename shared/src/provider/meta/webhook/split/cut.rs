//! Cuts one change's value into pieces of at most ten updates.
//!
//! A piece keeps `messaging_product` and `metadata`, and of the contacts those its updates name; whatever else stands in
//! the value travels with the first piece alone. Everything is looked at once: a body of a thousand updates costs a
//! thousand times what one does.

use super::super::lists_of;
use super::super::members::{Members, ObjectText};
use super::history;
use super::{SplitError, UPDATES_PER_RECORD};
use serde_json::value::RawValue;
use std::collections::{BTreeSet, HashMap};

/// From here on a piece is cut though it has room for more updates: a queue message has a limit.
pub(super) const BYTES_PER_PIECE: usize = 200_000;

/// Every member in which an update or a contact names a person.
const NAMES: [&str; 14] = [
    "wa_id",
    "user_id",
    "from",
    "from_user_id",
    "to",
    "to_user_id",
    "recipient_id",
    "recipient_user_id",
    "recipient_participant_id",
    "recipient_participant_user_id",
    "participant_recipient_id",
    "parent_user_id",
    "from_parent_user_id",
    "parent_recipient_user_id",
];

/// A value, or what was cut out of it.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) value: Box<RawValue>,
    pub(super) updates: usize,
}

/// The pieces of one value, by queue.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) inbound: Vec<Piece>,
    pub(super) status: Vec<Piece>,
}

/// Cuts the value of a change of `field`. One that is small enough, and for one queue only, stays as it is.
pub(super) fn cut(field: &str, value: &RawValue) -> Result<Pieces, SplitError> {
    let members = Members::of(value).unwrap_or_default();
    let is_long = field == "history" && value.get().len() > BYTES_PER_PIECE;
    if is_long && members.list("history").is_some_and(|it| !it.is_empty()) {
        let (pieces, rest) = history::cut(&members)?;
        let mut all = match rest {
            Some(rest) => cut(field, &rest)?,
            None => Pieces::default(),
        };
        all.inbound.extend(pieces);
        return Ok(all);
    }
    let mut units = units(field, &members);
    let statuses = units.iter().filter(|unit| unit.is_status()).count();
    let is_mixed = (1..units.len()).contains(&statuses);
    let is_small = units.len() <= UPDATES_PER_RECORD && value.get().len() <= BYTES_PER_PIECE;
    if units.len() <= 1 || (is_small && !is_mixed) {
        let is_status = members.get("statuses").is_some() && statuses == units.len();
        let piece = Piece {
            value: value.to_owned(),
            updates: units.len().max(1),
        };
        return Ok(whole(piece, is_status));
    }
    let contacts = Contacts::of(&members);
    for unit in &mut units {
        unit.contacts = contacts.named_in(unit.raw);
    }
    let (statuses, others): (Vec<_>, Vec<_>) = units.iter().partition(|unit| unit.is_status());
    let mut cutter = Cutter::new(&members, &contacts, &units);
    Ok(Pieces {
        inbound: cutter.pieces(&others)?,
        status: cutter.pieces(&statuses)?,
    })
}

fn whole(piece: Piece, is_status: bool) -> Pieces {
    let mut pieces = Pieces::default();
    let queue = if is_status {
        &mut pieces.status
    } else {
        &mut pieces.inbound
    };
    queue.push(piece);
    pieces
}

/// One update, the list it stands in, and the contacts it names.
#[derive(Debug)]
struct Unit<'a> {
    list: &'static str,
    raw: &'a RawValue,
    contacts: Vec<usize>,
}

impl Unit<'_> {
    fn is_status(&self) -> bool {
        self.list == "statuses"
    }
}

fn units<'a>(field: &str, members: &Members<'a>) -> Vec<Unit<'a>> {
    let of_list = |list: &'static str| {
        let raws = members.list(list).unwrap_or_default();
        raws.into_iter().map(move |raw| Unit {
            list,
            raw,
            contacts: Vec::new(),
        })
    };
    lists_of(field).iter().copied().flat_map(of_list).collect()
}

/// A name as its raw text: Meta writes ids without escapes, and as numbers only by mistake.
fn names<'a>(members: &Members<'a>) -> Vec<&'a str> {
    members
        .iter()
        .filter(|(name, _)| NAMES.contains(name))
        .map(|(_, value)| value.get().trim_matches('"'))
        .collect()
}

struct Contacts<'a> {
    raws: Vec<&'a RawValue>,
    /// The first contact of each name.
    named: HashMap<&'a str, usize>,
}

impl<'a> Contacts<'a> {
    fn of(members: &Members<'a>) -> Self {
        let raws = members.list("contacts").unwrap_or_default();
        let mut named = HashMap::new();
        for (place, contact) in raws.iter().enumerate() {
            for name in names(&Members::of(contact).unwrap_or_default()) {
                named.entry(name).or_insert(place);
            }
        }
        Self { raws, named }
    }

    fn named_in(&self, unit: &RawValue) -> Vec<usize> {
        let names = names(&Members::of(unit).unwrap_or_default());
        let places = names.iter().filter_map(|name| self.named.get(name));
        places.copied().collect()
    }
}

struct Cutter<'v, 'a> {
    members: &'v Members<'a>,
    contacts: &'v Contacts<'a>,
    /// The lists that are cut.
    lists: BTreeSet<&'static str>,
    /// The contacts that no update names, for the first piece.
    unclaimed: BTreeSet<usize>,
    is_first: bool,
}

impl<'v, 'a> Cutter<'v, 'a> {
    fn new(members: &'v Members<'a>, contacts: &'v Contacts<'a>, units: &[Unit<'a>]) -> Self {
        let mut unclaimed: BTreeSet<usize> = (0..contacts.raws.len()).collect();
        for place in units.iter().flat_map(|unit| &unit.contacts) {
            unclaimed.remove(place);
        }
        Self {
            members,
            contacts,
            lists: units.iter().map(|unit| unit.list).collect(),
            unclaimed,
            is_first: true,
        }
    }

    fn pieces(&mut self, units: &[&Unit<'a>]) -> Result<Vec<Piece>, SplitError> {
        let mut pieces = Vec::new();
        let mut rest = units;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(rest));
            pieces.push(self.piece(now)?);
            rest = later;
        }
        Ok(pieces)
    }

    fn piece(&mut self, units: &[&Unit<'a>]) -> Result<Piece, SplitError> {
        let mut contacts: BTreeSet<usize> = units
            .iter()
            .flat_map(|unit| unit.contacts.iter().copied())
            .collect();
        if self.is_first {
            contacts.append(&mut self.unclaimed);
        }
        let mut object = ObjectText::default();
        for (name, value) in self.members.iter() {
            if self.lists.contains(name) {
                let of_list = units.iter().filter(|unit| unit.list == name);
                object.list_unless_empty(name, of_list.map(|unit| unit.raw.get()));
            } else if name == "contacts" && !self.contacts.raws.is_empty() {
                let raws = contacts
                    .iter()
                    .filter_map(|place| self.contacts.raws.get(*place));
                object.list_unless_empty(name, raws.map(|raw| raw.get()));
            } else if self.is_first || matches!(name, "messaging_product" | "metadata") {
                object.member(name, value.get());
            }
        }
        self.is_first = false;
        Ok(Piece {
            value: RawValue::from_string(object.finish())?,
            updates: units.len(),
        })
    }
}

/// How many of `units` go into the next piece: one at least.
fn fitting(units: &[&Unit<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |unit: &&&Unit<'_>| {
        bytes += unit.raw.get().len();
        bytes <= BYTES_PER_PIECE
    };
    let most = units.iter().take(UPDATES_PER_RECORD);
    most.take_while(fits).count().max(1)
}
