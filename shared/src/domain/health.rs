//! How an account stands at Meta, part by part, and what is different from the last time.

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};

/// What is looked at.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// The app's id and secret belong together.
    App,
    /// The access token is good, may do what it must, and does not end soon.
    AccessToken,
    /// The token sees the WABA, and that may send.
    Waba,
    /// The number may send, and people do not complain of it.
    PhoneNumber,
    /// Meta calls this account's webhook.
    Webhook,
    /// No template is paused, rejected or disabled.
    Templates,
}

impl CheckName {
    /// Its name, as shown and counted.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::AccessToken => "access_token",
            Self::Waba => "waba",
            Self::PhoneNumber => "phone_number",
            Self::Webhook => "webhook",
            Self::Templates => "templates",
        }
    }
}

/// What was found of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Check {
    /// What was looked at.
    pub check: CheckName,
    /// Of which phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number_id: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// What is wrong, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How something stands; the worse, the later.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing is wrong.
    Well,
    /// Meta could not be asked.
    Unknown,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work.
    Failing,
}

impl Check {
    /// Nothing is wrong.
    #[must_use]
    pub const fn well(check: CheckName) -> Self {
        Self {
            check,
            phone_number_id: None,
            standing: Standing::Well,
            detail: None,
        }
    }

    /// Something is.
    #[must_use]
    pub fn ill(check: CheckName, standing: Standing, detail: impl Into<String>) -> Self {
        Self {
            standing,
            detail: Some(detail.into()),
            ..Self::well(check)
        }
    }

    /// The same, of this phone number.
    #[must_use]
    pub fn of(mut self, phone_number_id: impl Into<String>) -> Self {
        self.phone_number_id = Some(phone_number_id.into());
        self
    }
}

/// As the worst of these parts; without any, nothing is known.
#[must_use]
pub fn worst(checks: &[Check]) -> Standing {
    let standings = checks.iter().map(|it| it.standing);
    standings.max().unwrap_or(Standing::Unknown)
}

/// How an account stood when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Health {
    /// When.
    #[serde(with = "millisecond::required")]
    #[schema(value_type = Timestamp)]
    pub checked_at: Timestamp,
    /// Part by part.
    pub checks: Vec<Check>,
}

impl Health {
    /// As the worst of its parts.
    #[must_use]
    pub fn standing(&self) -> Standing {
        worst(&self.checks)
    }

    /// The parts that stand otherwise than they did. What could not be asked this time is no change.
    #[must_use]
    pub fn changes_since(&self, before: Option<&Self>) -> Vec<Check> {
        let stood = |check: &Check| {
            let mut known = before.iter().flat_map(|it| &it.checks);
            known
                .find(|it| (it.check, &it.phone_number_id) == (check.check, &check.phone_number_id))
                .map(|it| it.standing)
        };
        let is_change = |check: &&Check| {
            check.standing != Standing::Unknown && stood(check) != Some(check.standing)
        };
        self.checks.iter().filter(is_change).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(standing: Standing) -> Health {
        Health {
            checked_at: Timestamp::UNIX_EPOCH,
            checks: vec![
                Check::well(CheckName::Waba),
                Check::ill(CheckName::PhoneNumber, standing, "told").of("1"),
            ],
        }
    }

    #[test]
    fn an_account_stands_as_the_worst_of_its_parts() {
        assert_eq!(health(Standing::Warning).standing(), Standing::Warning);
        assert_eq!(health(Standing::Failing).standing(), Standing::Failing);
        let unseen = Health {
            checks: Vec::new(),
            ..health(Standing::Well)
        };
        assert_eq!(unseen.standing(), Standing::Unknown);
    }

    #[test]
    fn what_stands_otherwise_is_a_change_and_what_could_not_be_asked_is_none() {
        let before = health(Standing::Warning);
        let changes = |now: Standing, before| health(now).changes_since(before).len();
        assert_eq!(
            changes(Standing::Warning, None),
            2,
            "all is new the first time"
        );
        assert_eq!(changes(Standing::Warning, Some(&before)), 0);
        assert_eq!(changes(Standing::Failing, Some(&before)), 1);
        assert_eq!(changes(Standing::Unknown, Some(&before)), 0);
    }
}
