//! Who calls, and what each role may do.
//!
//! A route names the right it needs; the table of who has it is here and nowhere else.

use super::id::KeyId;
use super::identity::TenantId;
use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// Change accounts, senders, keys and users.
    Configure,
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

/// An authenticated caller: everything it does, it does as this tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Whose key it is; the only place a tenant ever comes from.
    pub tenant: TenantId,
    /// Which key.
    pub key: KeyId,
    /// What the key may do.
    pub role: Role,
}

impl Principal {
    /// Whether this caller has the `needed` right.
    #[must_use]
    pub fn allows(&self, needed: Right) -> bool {
        self.role.may(needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn every_role_is_found_by_its_name() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.as_str()), Some(role));
        }
        assert_eq!(Role::named("root"), None);
    }
}
