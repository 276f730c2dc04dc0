//! The samples in `events/`: one file per function and case, named `<function>-<case>.json`, each what AWS would send.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// One file.
#[derive(Debug)]
pub struct Sample {
    /// Whose it is.
    pub function: String,
    /// What it shows.
    pub case: String,
    /// Its text.
    pub source: String,
    /// The same as JSON.
    pub event: Value,
}

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let files = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| sample(path)).collect()
});

/// Every sample, by their names.
#[must_use]
pub fn samples() -> &'static [Sample] {
    &SAMPLES
}

/// The samples of one function.
#[must_use]
pub fn samples_of(function: &str) -> Vec<&'static Sample> {
    let samples = samples().iter();
    samples.filter(|it| it.function == function).collect()
}

fn sample(path: &Path) -> Sample {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let (function, case) = name.split_once('-').unwrap();
    let source = fs::read_to_string(path).unwrap();
    let event = serde_json::from_str(&source).unwrap_or_else(|error| panic!("{name}: {error}"));
    Sample {
        function: function.to_owned(),
        case: case.to_owned(),
        source,
        event,
    }
}
