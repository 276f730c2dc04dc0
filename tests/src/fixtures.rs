//! Bodies as they really travel, kept beside the project; none where that folder is not at hand.

use serde_json::Value;
use std::path::Path;

/// A body with its file's name.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// The file's name.
    pub name: String,
    /// What is in it.
    pub body: Value,
}

/// The fixtures of a folder, by name.
#[must_use]
pub fn fixtures(folder: &str) -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/fixtures")
        .join(folder);
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let files = entries.map(|entry| entry.unwrap().path());
    let json = files.filter(|path| path.extension().is_some_and(|it| it == "json"));
    let mut fixtures: Vec<Fixture> = json
        .map(|path| Fixture {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            body: serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap(),
        })
        .collect();
    fixtures.sort_by(|one, other| one.name.cmp(&other.name));
    fixtures
}
