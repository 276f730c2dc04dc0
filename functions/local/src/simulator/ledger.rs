//! What the simulator accepted, in order, and which statuses are still owed for it.
//!
//! A message is in the journal before its sender hears of it. Bodies stay in the journal; here is only what is
//! needed to find and count them, some eighty bytes a message.

use super::Sender;
use super::assets::Change;
use super::journal::{Journal, Place};
use super::recipient::Recipient;
use super::record::{Record, fingerprint};
use super::statuses::{Stage, Stages, StatusPlan};
use anyhow::Context;
use heliograph::domain::provider::Provider;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;

const NONE: u32 = u32::MAX;

/// Counts of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) accepted: usize,
    pub(super) accepted_by: BTreeMap<Provider, usize>,
    pub(super) distinct_recipients: usize,
    pub(super) duplicates: usize,
    /// Messages of which not every status was delivered.
    pub(super) owed: usize,
}

/// Accepted messages, numbered from 0.
#[derive(Debug)]
pub(super) struct Ledger {
    journal: Journal,
    index: Index,
    /// Changes with every reset, so that what was begun before it is recognised.
    epoch: u32,
}

/// What a journal holds beside messages, in the order in which it was written.
#[derive(Debug)]
pub(super) enum Kept {
    /// Assets as they were from then on.
    Change(Change),
    /// A sender, as journals of older versions keep it.
    Sender(Sender),
}

/// A page of messages.
pub(super) struct Page {
    pub(super) records: Vec<Record>,
    pub(super) next: Option<u32>,
}

#[derive(Debug, Default)]
struct Index {
    entries: Vec<Entry>,
    /// First and last message by fingerprint of the recipient.
    threads: HashMap<u64, (u32, u32)>,
    intents: HashSet<u64>,
    accepted_by: BTreeMap<Provider, usize>,
    duplicates: usize,
    owed: usize,
}

#[derive(Debug)]
struct Entry {
    place: Place,
    /// The next message to the same recipient.
    next: u32,
    open: Stages,
}

impl Ledger {
    /// A ledger that ends with the process.
    pub(super) fn in_memory() -> Self {
        Self {
            journal: Journal::Memory(Vec::new()),
            index: Index::default(),
            epoch: 0,
        }
    }

    /// The ledger kept in this file, and what else is kept in it.
    pub(super) fn open(path: &Path, plan: &StatusPlan) -> anyhow::Result<(Self, Vec<Kept>)> {
        let mut index = Index::default();
        let mut kept = Vec::new();
        let journal = Journal::open(path, |place, line| {
            let (kind, text) = line.split_once('\t').context("a line without a kind")?;
            match kind {
                "m" => {
                    let record = Record::parse(text).context("not a message")?;
                    index.add(place, &record, plan)?;
                }
                "d" => {
                    for number in text.split(' ') {
                        index.close(number.parse().context("not a number of a message")?);
                    }
                }
                "c" => kept.push(Kept::Change(
                    serde_json::from_str(text).context("not a change")?,
                )),
                "s" => kept.push(Kept::Sender(
                    serde_json::from_str(text).context("not a sender")?,
                )),
                _ => anyhow::bail!("a line of unknown kind"),
            }
            Ok(())
        })?;
        let ledger = Self {
            journal,
            index,
            epoch: 0,
        };
        Ok((ledger, kept))
    }

    /// Writes a message down and gives its number.
    pub(super) fn accept(&mut self, record: &Record, plan: &StatusPlan) -> io::Result<u32> {
        let place = self.journal.append(line("m", &record.to_text()))?;
        self.index.add(place, record, plan)
    }

    /// Keeps a change of assets: one line, so that all of it is kept or nothing.
    pub(super) fn keep(&mut self, change: &Change) -> io::Result<()> {
        if *change == Change::default() {
            return Ok(());
        }
        let text = serde_json::to_string(change)?;
        self.journal.append(line("c", &text)).map(drop)
    }

    /// Notes that these statuses were delivered, or never will be.
    pub(super) fn settle(&mut self, epoch: u32, statuses: &[(u32, Stage)]) -> io::Result<()> {
        if epoch != self.epoch {
            return Ok(());
        }
        let done: Vec<String> = statuses
            .iter()
            .filter(|&&(number, stage)| self.index.settle(number, stage))
            .map(|(number, _)| number.to_string())
            .collect();
        if done.is_empty() {
            return Ok(());
        }
        self.journal.append(line("d", &done.join(" "))).map(drop)
    }

    /// The message with this number, unless the ledger was emptied since.
    pub(super) fn read(&self, epoch: u32, number: u32) -> Option<Record> {
        let entry = self.index.entry(number)?;
        (epoch == self.epoch)
            .then(|| self.record(entry.place).ok())
            .flatten()
    }

    /// Up to `limit` messages from number `from` on, of one recipient or all.
    pub(super) fn page(
        &self,
        to: Option<&Recipient>,
        from: Option<u32>,
        limit: usize,
    ) -> io::Result<Page> {
        let mut number = from.unwrap_or_else(|| self.index.first(to));
        let mut records = Vec::new();
        while let Some(entry) = self.index.entry(number) {
            if records.len() == limit {
                return Ok(Page {
                    records,
                    next: Some(number),
                });
            }
            let record = self.record(entry.place)?;
            if to.is_none_or(|to| *to == record.recipient) {
                records.push(record);
            }
            number = match to {
                Some(_) => entry.next,
                None => number + 1,
            };
        }
        Ok(Page {
            records,
            next: None,
        })
    }

    /// The messages of which not every status was delivered.
    pub(super) fn owed(&self) -> impl Iterator<Item = (u32, Record)> {
        let owed = (0..).zip(&self.index.entries);
        owed.filter(|(_, entry)| !entry.open.is_empty())
            .filter_map(|(number, entry)| Some((number, self.record(entry.place).ok()?)))
    }

    /// The counts.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            accepted: self.index.entries.len(),
            accepted_by: self.index.accepted_by.clone(),
            distinct_recipients: self.index.threads.len(),
            duplicates: self.index.duplicates,
            owed: self.index.owed,
        }
    }

    /// The epoch that is now.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Forgets every message.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.epoch += 1;
        self.index = Index::default();
        self.journal.clear()
    }

    fn record(&self, place: Place) -> io::Result<Record> {
        let line = self.journal.read(place)?;
        line.split_once('\t')
            .and_then(|(_, text)| Record::parse(text))
            .ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

impl Index {
    fn add(&mut self, place: Place, record: &Record, plan: &StatusPlan) -> io::Result<u32> {
        let number = u32::try_from(self.entries.len()).map_err(|_| io::ErrorKind::StorageFull)?;
        let open = plan.of(record, number);
        self.owed += usize::from(!open.is_empty());
        self.entries.push(Entry {
            place,
            next: NONE,
            open,
        });
        *self.accepted_by.entry(record.provider).or_default() += 1;
        if record
            .intent
            .is_some_and(|intent| !self.intents.insert(intent))
        {
            self.duplicates += 1;
        }
        let thread = self
            .threads
            .entry(fingerprint(record.recipient.key()))
            .or_insert((number, number));
        let last = std::mem::replace(&mut thread.1, number);
        if let Some(entry) = self
            .entries
            .get_mut(last as usize)
            .filter(|_| last != number)
        {
            entry.next = number;
        }
        Ok(number)
    }

    /// Takes a status out; whether the message has none left now.
    fn settle(&mut self, number: u32, stage: Stage) -> bool {
        let Some(entry) = self.entries.get_mut(number as usize) else {
            return false;
        };
        let closed = entry.open.remove(stage) && entry.open.is_empty();
        self.owed -= usize::from(closed);
        closed
    }

    fn close(&mut self, number: u32) {
        if let Some(entry) = self.entries.get_mut(number as usize) {
            self.owed -= usize::from(!entry.open.is_empty());
            entry.open = Stages::default();
        }
    }

    fn first(&self, to: Option<&Recipient>) -> u32 {
        to.map_or(0, |to| {
            let thread = self.threads.get(&fingerprint(to.key()));
            thread.map_or(NONE, |&(first, _)| first)
        })
    }

    fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get(number as usize)
    }
}

fn line(kind: &str, text: &str) -> Vec<u8> {
    format!("{kind}\t{text}\n").into_bytes()
}
