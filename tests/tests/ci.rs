//! What `.ci/run` does before it checks anything: it finds its tools, or gets them.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A cargo that has `fmt` once the file `added` is beside it, and writes down what it is asked.
const CARGO: &str = r#"#!/bin/sh
here="${0%/*}"
echo "cargo $*" >>"$here/asked"
[ "$1" != fmt ] || [ -e "$here/added" ]
"#;

/// A rustup that adds it.
const RUSTUP: &str = r#"#!/bin/sh
here="${0%/*}"
echo "rustup $*" >>"$here/asked"
: >"$here/added"
"#;

/// A folder with all the tools there are; gone at the end of the test.
struct Tools(PathBuf);

impl Tools {
    fn new(name: &str) -> Self {
        let folder = format!("heliograph-ci-{name}-{}", std::process::id());
        let tools = Self(std::env::temp_dir().join(folder));
        fs::create_dir(&tools.0).unwrap();
        tools.add("cargo", CARGO);
        // The rest of what the script calls by name.
        for (name, path) in [("dirname", "/usr/bin/dirname"), ("mkdir", "/bin/mkdir")] {
            std::os::unix::fs::symlink(path, tools.0.join(name)).unwrap();
        }
        tools
    }

    fn add(&self, name: &str, script: &str) {
        let path = self.0.join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the formatting step with these tools and no others.
    fn run(&self) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/run");
        let mut command = Command::new("/bin/bash");
        let command = command.arg(script).arg("fmt").env("PATH", &self.0);
        command
            .env("CARGO_TARGET_DIR", self.0.join("target"))
            .output()
            .unwrap()
    }

    fn asked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.0.join("asked")).unwrap();
        asked.lines().map(str::to_owned).collect()
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_component_that_is_missing_is_added_where_there_is_rustup() {
    let tools = Tools::new("rustup");
    tools.add("rustup", RUSTUP);
    assert!(tools.run().status.success());
    let expected = [
        "cargo fmt --version",
        "rustup component add rustfmt",
        "cargo fmt --all --check",
    ];
    assert_eq!(tools.asked(), expected);
}

#[test]
fn without_rustup_what_is_missing_is_named() {
    let tools = Tools::new("bare");
    let output = tools.run();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("rustfmt is missing"), "{error}");
    assert_eq!(tools.asked(), ["cargo fmt --version"]);
}
