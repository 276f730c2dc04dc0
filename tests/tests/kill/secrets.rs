//! No secret lies about: not in what is kept, not in what is logged, not in what is answered.

use super::TURN;
use super::listener::Listener;
use super::needles::{Searchable, Secret};
use super::process::{Folder, Process, free_ports};
use super::tour;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tests::{ADMIN_KEY, OPERATOR_KEY, VIEWER_KEY};

/// Where the emulated Secrets Manager keeps them.
const VAULT: &str = "secretsmanager.json";

/// Where the simulated Meta keeps the secrets of its apps, as hexadecimal digits: it has to sign with them.
const METAS_OWN: &str = "simulator.journal";

#[tokio::test(flavor = "multi_thread")]
async fn after_a_tour_of_everything_no_secret_is_in_a_file_a_log_line_or_an_answer() {
    let _turn = TURN.lock().await;
    let (folder, said) = (Folder::new("secrets"), Folder::new("said"));
    std::fs::create_dir_all(said.path()).unwrap();
    let log = said.path().join("log");
    let process = Process::start_heard(&folder, free_ports(), &log).await;
    let mut listener = Listener::at(&process.desk);
    for key in [ADMIN_KEY, VIEWER_KEY, OPERATOR_KEY] {
        listener.keep("a demo key", key);
    }
    tour::take(&mut listener).await;
    let vault = folder.path().join(VAULT);
    for (what, text) in kept_in(&vault) {
        listener.keep(&what, &text);
    }
    let mut found = listener.found_in_answers();
    let secrets = listener.secrets;
    // Whoever looks finds them where they are.
    assert!(found_in_files(&secrets, &[vault]).len() > 10);
    // The write-ahead log of the database is there while it runs.
    let files = files_in(folder.path());
    assert!(files.iter().any(|it| it.ends_with("dynamodb.sqlite-wal")));
    found.extend(found_in_files(&secrets, &files));
    process.end("INT").await;
    found.extend(found_in_files(&secrets, &files_in(folder.path())));
    let log = said_in(&log);
    assert!(log.contains("DEBUG"));
    found.extend(found_in(&secrets, "the log", log.as_bytes()));
    assert_eq!(found, [""; 0]);
}

/// All that was said but for the line of the banner that shows the demo's keys to the person at the desk.
fn said_in(log: &Path) -> String {
    let log = std::fs::read(log).unwrap();
    let log = String::from_utf8_lossy(&log);
    let (keys, said): (Vec<&str>, Vec<&str>) =
        log.lines().partition(|it| it.starts_with("  demo keys "));
    assert_eq!(keys.len(), 1);
    said.join("\n")
}

/// What Secrets Manager keeps, or kept before: who searches for these finds all that were drawn without being shown.
fn kept_in(vault: &Path) -> Vec<(String, String)> {
    let shelf: Value = serde_json::from_slice(&std::fs::read(vault).unwrap()).unwrap();
    let secrets = shelf.as_object().unwrap().iter();
    let mut kept = Vec::new();
    for (name, secret) in secrets {
        for version in secret["versions"].as_object().unwrap().values() {
            let text = version["content"]["Text"].as_str().unwrap();
            let content: Value = serde_json::from_str(text).unwrap();
            let tokens = content["access_tokens"].as_array().into_iter().flatten();
            let tokens = tokens.map(|it| &it["token"]);
            let lists = ["app_secrets", "verify_tokens"].map(|it| content[it].as_array());
            let all = lists.into_iter().flatten().flatten().chain(tokens);
            kept.extend(all.map(|it| (name.clone(), it.as_str().unwrap().to_owned())));
        }
    }
    kept
}

/// Every file, but the one that is for secrets.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else if !path.ends_with(VAULT) {
            files.push(path);
        }
    }
    files
}

fn found_in_files(secrets: &[Secret], files: &[PathBuf]) -> Vec<String> {
    let found = files.iter().map(|path| {
        let bytes = std::fs::read(path).unwrap();
        found_in(secrets, &path.display().to_string(), &bytes)
    });
    found.flatten().collect()
}

fn found_in(secrets: &[Secret], place: &str, bytes: &[u8]) -> Vec<String> {
    let bytes = Searchable::of(bytes);
    let is_in =
        |it: &&Secret| it.is_in(&bytes) || (!place.ends_with(METAS_OWN) && it.is_in_hex(&bytes));
    let found = secrets.iter().filter(is_in);
    found.map(|it| format!("{}: {place}", it.what)).collect()
}
