//! Where the secrets stand: one JSON file, replaced as a whole and never half written.

use super::secret::Secret;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Secrets by name.
pub(super) type Shelf = BTreeMap<String, Secret>;

/// The file, or nothing for secrets in memory.
pub(super) struct Store(Option<PathBuf>);

impl Store {
    /// The file in `data_dir`.
    pub(super) fn at(data_dir: Option<&Path>) -> Self {
        Self(data_dir.map(|data_dir| data_dir.join("secretsmanager.json")))
    }

    /// What was saved last.
    pub(super) fn load(&self) -> Result<Shelf> {
        let Some(path) = self.0.as_ref().filter(|path| path.exists()) else {
            return Ok(Shelf::new());
        };
        let bytes = std::fs::read(path)?;
        serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))
    }

    /// Replaces the file.
    pub(super) fn save(&self, shelved: &Shelf) -> io::Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        let temporary = path.with_extension("json.new");
        let mut file = create_private(&temporary)?;
        file.write_all(&serde_json::to_vec(shelved)?)?;
        file.sync_data()?;
        std::fs::rename(&temporary, path)
    }
}

/// An empty file only its owner can read.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
