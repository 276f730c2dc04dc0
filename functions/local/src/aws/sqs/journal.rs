//! A queue on disk: one file, one line of JSON for each thing that happened, written before it is answered.
//!
//! A line reaches the page cache, not the platter: it survives the end of the process, not that of the machine.
//! The file is written anew when most of it is about messages that are gone.

use super::message::Message;
use super::settings::Settings;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// A file smaller than this is not worth writing anew.
const COMPACT_BYTES: u64 = 32 << 20;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Record<'a> {
    /// The queue's settings from here on; the first line of every file.
    #[serde(rename = "q")]
    Settings(Cow<'a, Settings>),
    /// A message came, or was still here when the file was written anew.
    #[serde(rename = "s")]
    Sent(Sent<'a>),
    /// It was received: its sequence, how often by now, and when first.
    #[serde(rename = "r")]
    Received(u64, u32, i64),
    /// It is gone.
    #[serde(rename = "d")]
    Deleted(u64),
}

/// A message and how it stands in its queue.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sent<'a> {
    pub(super) sequence: u64,
    /// When a delayed one becomes visible, in milliseconds of Unix time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) visible_at: Option<i64>,
    #[serde(default)]
    pub(super) receive_count: u32,
    #[serde(default)]
    pub(super) first_received_at: i64,
    pub(super) message: Cow<'a, Message>,
}

/// The open file of a queue, or nothing for a queue in memory.
#[derive(Debug)]
pub(super) struct Journal(Option<Open>);

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// The size when it was last written anew.
    base: u64,
}

impl Journal {
    /// The journal of a queue in memory.
    pub(super) fn nowhere() -> Self {
        Self(None)
    }

    /// A new file that holds these records and nothing else, in the place of any former one.
    pub(super) fn create<'a>(
        path: &Path,
        records: impl Iterator<Item = Record<'a>>,
    ) -> io::Result<Self> {
        let open = Open::create(path, records)?;
        Ok(Self(Some(open)))
    }

    /// Adds records, all or none.
    pub(super) fn append(&mut self, records: &[Record<'_>]) -> io::Result<()> {
        let Some(open) = &mut self.0 else {
            return Ok(());
        };
        let mut lines = Vec::with_capacity(256 * records.len());
        for record in records {
            put(&mut lines, record)?;
        }
        if let Err(error) = open.file.write_all(&lines) {
            // Half a line must not stand in front of the next one.
            open.file.set_len(open.bytes)?;
            return Err(error);
        }
        open.bytes += lines.len() as u64;
        Ok(())
    }

    /// Whether most of the file is about messages that are gone.
    pub(super) fn is_stale(&self) -> bool {
        let Some(open) = &self.0 else { return false };
        open.bytes > COMPACT_BYTES && open.bytes > 4 * open.base
    }

    /// Writes the file anew from these records.
    pub(super) fn rewrite<'a>(
        &mut self,
        records: impl Iterator<Item = Record<'a>>,
    ) -> io::Result<()> {
        let Some(open) = &mut self.0 else {
            return Ok(());
        };
        *open = Open::create(&open.path, records)?;
        Ok(())
    }

    /// Puts the file on the platter.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |open| open.file.sync_all())
    }

    /// Takes the file away with its queue.
    pub(super) fn remove(&mut self) -> io::Result<()> {
        self.0
            .take()
            .map_or(Ok(()), |open| std::fs::remove_file(open.path))
    }
}

impl Open {
    fn create<'a>(path: &Path, records: impl Iterator<Item = Record<'a>>) -> io::Result<Self> {
        let temporary = path.with_extension("journal.new");
        let mut lines = Vec::new();
        let mut bytes = 0;
        File::create(&temporary)?;
        // Kept open over the renaming: reopening could fail when the former file is gone already.
        let mut file = OpenOptions::new().append(true).open(&temporary)?;
        for record in records {
            put(&mut lines, &record)?;
            if lines.len() > 1 << 20 {
                file.write_all(&lines)?;
                bytes += lines.len() as u64;
                lines.clear();
            }
        }
        file.write_all(&lines)?;
        bytes += lines.len() as u64;
        std::fs::rename(&temporary, path)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes,
            base: bytes,
        })
    }
}

fn put(lines: &mut Vec<u8>, record: &Record<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *lines, record)?;
    lines.push(b'\n');
    Ok(())
}

/// Reads a journal from its beginning. What a torn last line was about has never been answered.
pub(super) fn replay(path: &Path, mut apply: impl FnMut(Record<'static>)) -> Result<()> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            break;
        }
        let record = serde_json::from_slice(&line)
            .with_context(|| format!("line {number} of {} is damaged", path.display()))?;
        apply(record);
    }
    Ok(())
}
