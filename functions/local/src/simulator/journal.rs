//! Lines that are only ever appended, in a file or in memory.
//!
//! A line is in the file (the page cache is enough: a killed process keeps it) when `append` returns. Knows
//! nothing of what the lines say.

use anyhow::Context;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Where a line stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    offset: u64,
    length: u32,
}

/// The lines.
#[derive(Debug)]
pub(super) enum Journal {
    /// Lines that survive the process.
    File {
        /// The file, locked against a second simulator.
        file: File,
        /// Where the next line begins.
        end: u64,
    },
    /// Lines that do not.
    Memory(Vec<Box<[u8]>>),
}

impl Journal {
    /// Opens the file, shows each line it holds to `replay`, and cuts off a line that was never finished.
    pub(super) fn open(
        path: &Path,
        mut replay: impl FnMut(Place, &str) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        file.try_lock()
            .with_context(|| format!("{} is in use by another simulator", path.display()))?;
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        let mut end = 0;
        let mut line = String::new();
        loop {
            line.clear();
            let length = reader.read_line(&mut line)?;
            let Some(text) = line.strip_suffix('\n') else {
                break;
            };
            let place = Place::of(end, length)?;
            replay(place, text)
                .with_context(|| format!("{} is damaged at byte {end}", path.display()))?;
            end += u64::from(place.length);
        }
        file.set_len(end)?;
        Ok(Self::File { file, end })
    }

    /// Appends a line, which must end in its only line feed.
    pub(super) fn append(&mut self, line: Vec<u8>) -> io::Result<Place> {
        match self {
            Self::File { file, end } => {
                let place = Place::of(*end, line.len())?;
                // At a fixed place, so that a write that failed half way is written over by the next.
                file.write_all_at(&line, *end)?;
                *end += u64::from(place.length);
                Ok(place)
            }
            Self::Memory(lines) => {
                let place = Place::of(lines.len() as u64, line.len())?;
                lines.push(line.into_boxed_slice());
                Ok(place)
            }
        }
    }

    /// A line, without its line feed.
    pub(super) fn read(&self, place: Place) -> io::Result<String> {
        let mut line = match self {
            Self::File { file, .. } => {
                let mut line = vec![0; place.length as usize];
                file.read_exact_at(&mut line, place.offset)?;
                line
            }
            Self::Memory(lines) => usize::try_from(place.offset)
                .ok()
                .and_then(|index| lines.get(index))
                .map(|line| line.to_vec())
                .ok_or(io::ErrorKind::UnexpectedEof)?,
        };
        line.pop();
        String::from_utf8(line).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Forgets every line.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        match self {
            Self::File { file, end } => {
                file.set_len(0)?;
                *end = 0;
            }
            Self::Memory(lines) => *lines = Vec::new(),
        }
        Ok(())
    }
}

impl Place {
    fn of(offset: u64, length: usize) -> io::Result<Self> {
        let length = u32::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
        Ok(Self { offset, length })
    }
}
