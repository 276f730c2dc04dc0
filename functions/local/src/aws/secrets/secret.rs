//! One secret: its versions, and which stage is on which.

use super::error::Refusal;
use crate::aws::{AWS_ACCOUNT, REGION};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The stage of the version in force.
pub(super) const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
/// Versions without a stage beyond this many are forgotten, the oldest first.
const MOST_VERSIONS: usize = 100;

/// A secret by its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) tags: Vec<serde_json::Value>,
    /// Milliseconds of Unix time, as all times here.
    pub(super) created_at: i64,
    pub(super) changed_at: i64,
    /// When it was marked for deletion.
    pub(super) deleted_at: Option<i64>,
    pub(super) versions: BTreeMap<String, Version>,
    /// That it is rotated, and how.
    #[serde(default)]
    pub(super) rotation: Option<Rotation>,
}

/// How a secret is rotated. Whoever runs functions looks for what is due.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Rotation {
    pub(super) function: String,
    pub(super) days: i64,
    pub(super) due_at: i64,
    pub(super) last_at: Option<i64>,
}

impl Rotation {
    /// What is due a whole number of days after `now`.
    pub(super) fn after(&self, now: i64) -> i64 {
        now + self.days * 24 * 60 * 60 * 1_000
    }
}

/// A value, and the stages it is under.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) content: Content,
    pub(super) stages: BTreeSet<String>,
    pub(super) created_at: i64,
}

/// The value itself; binary ones stay in base64 as they travel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Content {
    Text(String),
    Binary(String),
}

/// A value must not reach a log by way of a derived `Debug`.
impl std::fmt::Debug for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Version")
            .field("stages", &self.stages)
            .finish_non_exhaustive()
    }
}

impl Secret {
    /// A secret without a version. Its ARN ends in six characters of chance, as those of AWS do.
    pub(super) fn new(name: &str, now: i64) -> Self {
        let chance: String = uuid::Uuid::new_v4()
            .simple()
            .to_string()
            .chars()
            .take(6)
            .collect();
        Self {
            name: name.to_owned(),
            arn: format!("arn:aws:secretsmanager:{REGION}:{AWS_ACCOUNT}:secret:{name}-{chance}"),
            description: None,
            tags: Vec::new(),
            created_at: now,
            changed_at: now,
            deleted_at: None,
            versions: BTreeMap::new(),
            rotation: None,
        }
    }

    /// The version under a stage.
    pub(super) fn staged(&self, stage: &str) -> Option<(&String, &Version)> {
        self.versions
            .iter()
            .find(|(_, version)| version.stages.contains(stage))
    }

    /// Adds a version, or finds the same one again. The first is in force whatever was asked.
    pub(super) fn put(
        &mut self,
        id: &str,
        content: Content,
        mut stages: BTreeSet<String>,
        now: i64,
    ) -> Result<(), Refusal> {
        if let Some(known) = self.versions.get(id) {
            return if known.content == content {
                Ok(())
            } else {
                Err(Refusal::VersionExists)
            };
        }
        if self.versions.is_empty() {
            stages.insert(CURRENT.to_owned());
        }
        let version = Version {
            content,
            stages: BTreeSet::new(),
            created_at: now,
        };
        self.versions.insert(id.to_owned(), version);
        for stage in stages {
            self.put_stage(&stage, id);
        }
        self.changed_at = now;
        self.forget_old();
        Ok(())
    }

    /// Puts a stage on a version; what was in force becomes the previous one.
    pub(super) fn put_stage(&mut self, stage: &str, id: &str) {
        let before = self.staged(stage).map(|(id, _)| id.clone());
        if before.as_deref() == Some(id) {
            return;
        }
        self.take_stage(stage);
        if let Some(version) = self.versions.get_mut(id) {
            version.stages.insert(stage.to_owned());
        }
        if let Some(before) = before.filter(|_| stage == CURRENT) {
            self.put_stage(PREVIOUS, &before);
        }
    }

    /// Takes a stage off whatever bears it.
    pub(super) fn take_stage(&mut self, stage: &str) {
        for version in self.versions.values_mut() {
            version.stages.remove(stage);
        }
    }

    fn forget_old(&mut self) {
        while self.versions.len() > MOST_VERSIONS {
            let unstaged = self
                .versions
                .iter()
                .filter(|(_, version)| version.stages.is_empty());
            let oldest = unstaged.min_by_key(|(_, version)| version.created_at);
            let Some(oldest) = oldest.map(|(id, _)| id.clone()) else {
                return;
            };
            self.versions.remove(&oldest);
        }
    }
}
