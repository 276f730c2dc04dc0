//! Who calls, and what each role may do.
//!
//! A route names the right it needs; the table of who has it is here and nowhere else. A key may be narrowed to some of
//! its role's rights, its scopes.

use super::id::{IdError, KeyId, UserId};
use super::identity::TenantId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// What a caller is to a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the tenant: everything.
    Admin,
    /// A person who answers people.
    Agent,
    /// A system that sends.
    Sender,
    /// Looks, and changes nothing.
    Viewer,
}

/// One thing a caller may be allowed to do within its tenant.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Read messages, contacts, conversations, jobs, statistics.
    Read,
    /// Send messages, run bulk jobs.
    Send,
    /// Handle conversations: mark as read, assign, close.
    Converse,
    /// Decide about messages whose outcome nobody knows.
    Settle,
    /// Apply a kept webhook event again.
    ReplayWebhooks,
    /// See and change accounts, senders, keys and users; read the audit trail.
    Configure,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 6] = [
        Self::Read,
        Self::Send,
        Self::Converse,
        Self::Settle,
        Self::ReplayWebhooks,
        Self::Configure,
    ];

    /// The right's name, as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Converse => "converse",
            Self::Settle => "settle",
            Self::ReplayWebhooks => "replay_webhooks",
            Self::Configure => "configure",
        }
    }

    /// The right of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.as_str() == name)
    }
}

/// The rights a key is narrowed to: never more than its role has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Option<BTreeSet<Right>>);

impl Scopes {
    /// Whatever the role has.
    #[must_use]
    pub const fn all() -> Self {
        Self(None)
    }

    /// These rights alone.
    #[must_use]
    pub fn only(rights: impl IntoIterator<Item = Right>) -> Self {
        Self(Some(rights.into_iter().collect()))
    }

    /// Whether nothing is left out.
    #[must_use]
    pub const fn are_all(&self) -> bool {
        self.0.is_none()
    }

    /// The first of them that the role has not, if there is one.
    #[must_use]
    pub fn beyond(&self, role: Role) -> Option<Right> {
        let rights = self.0.iter().flatten().copied();
        rights.into_iter().find(|right| !role.may(*right))
    }

    /// Whether `right` is among them.
    #[must_use]
    pub fn hold(&self, right: Right) -> bool {
        self.0.as_ref().is_none_or(|rights| rights.contains(&right))
    }
}

impl Role {
    /// Every role, the mightiest first.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Agent, Self::Sender, Self::Viewer];

    /// Whether this role has `right`.
    #[must_use]
    pub fn may(self, right: Right) -> bool {
        match self {
            Self::Admin => true,
            Self::Agent => matches!(right, Right::Read | Right::Send | Right::Converse),
            Self::Sender => matches!(right, Right::Read | Right::Send),
            Self::Viewer => matches!(right, Right::Read),
        }
    }

    /// The role's name, as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Agent => "agent",
            Self::Sender => "sender",
            Self::Viewer => "viewer",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// Who calls: a system with a key, or a person who has signed in. Kept and shown as the id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Who {
    /// The bearer of an API key.
    ApiKey(KeyId),
    /// A person.
    User(UserId),
}

impl TryFrom<String> for Who {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        match text.parse() {
            Ok(user) => Ok(Self::User(user)),
            Err(_) => text.parse().map(Self::ApiKey),
        }
    }
}

impl From<Who> for String {
    fn from(who: Who) -> Self {
        who.to_string()
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey(key) => key.fmt(f),
            Self::User(user) => user.fmt(f),
        }
    }
}

/// An authenticated caller: everything it does, it does as this tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Whose key or session it is; the only place a tenant ever comes from.
    pub tenant: TenantId,
    /// Who it is.
    pub who: Who,
    /// What it may do.
    pub role: Role,
    /// What of that it is narrowed to.
    pub scopes: Scopes,
    /// Until when it may, if that ends.
    pub until: Option<Timestamp>,
}

impl Principal {
    /// Whether this caller has the `needed` right.
    #[must_use]
    pub fn allows(&self, needed: Right) -> bool {
        self.role.may(needed) && self.scopes.hold(needed)
    }

    /// Whether this caller may give somebody this role with these scopes until then: nobody gives away a right that he has
    /// not, or for longer than he has it.
    #[must_use]
    pub fn may_grant(&self, role: Role, scopes: &Scopes, until: Option<Timestamp>) -> bool {
        let granted = |right: &Right| role.may(*right) && scopes.hold(*right);
        let mut rights = Right::ALL.into_iter().filter(granted);
        let is_in_time = self
            .until
            .is_none_or(|own| until.is_some_and(|until| until <= own));
        is_in_time && rights.all(|right| self.allows(right))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    #[test]
    fn each_role_may_do_what_the_table_says_and_nothing_else() {
        let table = [
            (Right::Read, [true, true, true, true]),
            (Right::Send, [true, true, true, false]),
            (Right::Converse, [true, true, false, false]),
            (Right::Settle, [true, false, false, false]),
            (Right::ReplayWebhooks, [true, false, false, false]),
            (Right::Configure, [true, false, false, false]),
        ];
        for (right, expected) in table {
            assert_eq!(Role::ALL.map(|role| role.may(right)), expected, "{right:?}");
        }
    }

    fn principal(role: Role, scopes: Scopes) -> Principal {
        Principal {
            tenant: "demo".parse().unwrap(),
            who: Who::ApiKey("key_1".parse().unwrap()),
            role,
            scopes,
            until: None,
        }
    }

    #[test]
    fn a_key_may_what_its_role_may_and_its_scopes_hold() {
        let narrowed = principal(Role::Sender, Scopes::only([Right::Send, Right::Configure]));
        assert!(narrowed.allows(Right::Send));
        assert!(!narrowed.allows(Right::Read), "not in its scopes");
        assert!(!narrowed.allows(Right::Configure), "not of its role");
        assert!(principal(Role::Sender, Scopes::all()).allows(Right::Read));
    }

    #[test]
    fn who_calls_is_told_by_the_id_alone() {
        for (id, is_person) in [("key_1", false), ("usr_1", true)] {
            let who: Who = serde_json::from_value(json!(id)).unwrap();
            assert_eq!(matches!(who, Who::User(_)), is_person);
            assert_eq!(serde_json::to_value(&who).unwrap(), json!(id));
        }
        assert!(serde_json::from_value::<Who>(json!("msg_1")).is_err());
    }

    #[test]
    fn nobody_gives_away_a_right_that_he_has_not_or_for_longer() {
        let narrowed = principal(Role::Admin, Scopes::only([Right::Configure, Right::Read]));
        let may = |role, scopes: Scopes| narrowed.may_grant(role, &scopes, None);
        assert!(may(Role::Viewer, Scopes::all()));
        assert!(!may(Role::Sender, Scopes::all()));
        assert!(may(Role::Sender, Scopes::only([Right::Read])));
        assert!(!may(Role::Admin, Scopes::all()));
        let mut admin = principal(Role::Admin, Scopes::all());
        assert!(admin.may_grant(Role::Admin, &Scopes::all(), None));
        let at = |second| Timestamp::from_second(second).ok();
        admin.until = at(100);
        for (until, may) in [
            (at(99), true),
            (at(100), true),
            (at(101), false),
            (None, false),
        ] {
            assert_eq!(admin.may_grant(Role::Viewer, &Scopes::all(), until), may);
        }
    }

    #[test]
    fn every_role_and_right_is_found_by_its_name() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.as_str()), Some(role));
        }
        for right in Right::ALL {
            assert_eq!(Right::named(right.as_str()), Some(right));
        }
        assert_eq!(Role::named("root"), None);
        assert_eq!(Right::named("root"), None);
    }
}
