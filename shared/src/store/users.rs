//! People who sign in. Beside each stands an item that leads from the address to the id: in each tenant an address is one
//! person.

use super::condition::Condition;
use super::edit::{Attribute, Edit};
use super::item::{Indexes, Key, body, item, number, text};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::tenants::DISABLED_AT;
use super::{Session, Store, StoreError, Transaction, keys};
use crate::domain::email::EmailAddress;
use crate::domain::id::UserId;
use crate::domain::identity::TenantId;
use crate::domain::role::Role;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};

/// A person who signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its id.
    #[serde(rename = "sk")]
    pub id: UserId,
    /// Whose.
    pub tenant: TenantId,
    /// What it signs in with.
    pub email: EmailAddress,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was added.
    #[serde(with = "millisecond::required")]
    pub created_at: Timestamp,
    /// Its password as argon2id leaves it; none until it has chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// SHA-256 of the invitation by which it may choose a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
    /// One more whenever all its sessions are ended: those of another era are over. The time will not do, since who begins
    /// a session and who ends all have their own clocks, and read them before they write.
    pub sessions_era: u64,
    /// Since when it may not sign in.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub disabled_at: Option<Timestamp>,
}

impl User {
    /// Whether a session of this person's still holds.
    #[must_use]
    pub fn is_signed_in_by(&self, session: &Session) -> bool {
        self.disabled_at.is_none() && session.era == self.sessions_era
    }
}

/// What is changed of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// What people call it.
    pub name: Option<String>,
    /// What it may do.
    pub role: Option<Role>,
    /// Since when it may not sign in; `Some(None)` if it may again.
    pub disabled_at: Option<Option<Timestamp>>,
    /// The invitation by which it may choose a password; `Some(None)` once it has.
    pub invitation: Option<Option<String>>,
    /// Its password as argon2id leaves it.
    pub password: Option<String>,
    /// All its sessions are over.
    pub ends_sessions: bool,
}

/// What leads from an address to a person.
#[derive(Serialize, Deserialize)]
struct AtAddress {
    user: UserId,
}

impl Store {
    /// Adds a new person to a transaction, which fails if the tenant is disabled or not there, or has one of this address.
    pub fn add_user(&self, transaction: &mut Transaction, user: &User) -> Result<(), StoreError> {
        let key = user_key(&user.tenant, &user.id);
        transaction.put_new(&self.messages, item("user", key, Indexes::default(), user)?)?;
        let at = AtAddress {
            user: user.id.clone(),
        };
        let key = Key::new(keys::address(&user.tenant, &user.email), keys::HEAD);
        transaction.put_new(
            &self.messages,
            item("user_address", key, Indexes::default(), &at)?,
        )?;
        self.check_tenant(transaction, &user.tenant)
    }

    /// Adds to a transaction that this person still may what it might when it was read.
    pub fn check_user(
        &self,
        transaction: &mut Transaction,
        known: &User,
    ) -> Result<(), StoreError> {
        let key = user_key(&known.tenant, &known.id);
        transaction.check(&self.messages, key, &is_as(known).without(DISABLED_AT))
    }

    /// Adds a change of a person to a transaction, which fails if there is none, if its role is another one since, or if
    /// it comes by an invitation that is not the person's.
    pub fn change_user(
        &self,
        transaction: &mut Transaction,
        user: &User,
        changes: &UserChanges,
        by: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut edit = Edit::default();
        if let Some(name) = &changes.name {
            edit.set(("#name", "name"), text(name));
        }
        if let Some(role) = changes.role {
            edit.set(ROLE, text(role.as_str()));
        }
        let millis = |at: Timestamp| number(at.as_millisecond());
        if let Some(at) = changes.disabled_at {
            edit.put(DISABLED_AT, at.map(millis));
        }
        if let Some(invitation) = &changes.invitation {
            edit.put(INVITATION, invitation.as_ref().map(text));
        }
        if let Some(password) = &changes.password {
            edit.set(PASSWORD, text(password));
        }
        if changes.ends_sessions {
            edit.count_up(SESSIONS_ERA);
        }
        let mut condition = is_as(user);
        if changes.password.is_some() || matches!(changes.invitation, Some(Some(_))) {
            // Who is disabled chooses no password, and one that is chosen meanwhile is not written over.
            let password = user.password.as_ref().map(text);
            condition = condition.without(DISABLED_AT).having(PASSWORD, password);
        }
        if let Some(by) = by {
            condition = condition.having(INVITATION, Some(text(by)));
        }
        let change = edit.when(condition);
        transaction.update(&self.messages, user_key(&user.tenant, &user.id), &change)
    }

    /// A tenant's people, the newest first.
    pub async fn users(
        &self,
        tenant: &TenantId,
        slice: &Slice,
    ) -> Result<Listed<User>, StoreError> {
        let listing = Listing {
            index: Index::TABLE,
            partitions: vec![keys::users(tenant)],
            prefix: String::new(),
            order: Order::Descending,
        };
        self.list_of(&self.messages, &listing, slice).await
    }

    /// A tenant's person of this id.
    pub async fn user(&self, tenant: &TenantId, id: &UserId) -> Result<Option<User>, StoreError> {
        let item = self.read(&self.messages, user_key(tenant, id)).await?;
        item.map(body).transpose()
    }

    /// A tenant's person of this address. Whether there is one takes the same reads.
    pub async fn user_at(
        &self,
        tenant: &TenantId,
        email: &EmailAddress,
    ) -> Result<Option<User>, StoreError> {
        let key = Key::new(keys::address(tenant, email), keys::HEAD);
        let at = self.read(&self.messages, key).await?;
        let at: Option<AtAddress> = at.map(body).transpose()?;
        let key = match at {
            Some(at) => user_key(tenant, &at.user),
            None => Key::new(keys::users(tenant), keys::HEAD),
        };
        let item = self.read(&self.messages, key).await?;
        item.map(body).transpose()
    }
}

const ROLE: Attribute = ("#role", "role");
const PASSWORD: Attribute = ("#password", "password");
const SESSIONS_ERA: Attribute = ("#sessions_era", "sessions_era");
const INVITATION: Attribute = ("#invitation", "invitation");

/// The person is there, and its role is the one that was read.
fn is_as(known: &User) -> Condition {
    Condition::is_there().having(ROLE, Some(text(known.role.as_str())))
}

/// The person may sign in, by what was read of it.
pub(super) fn may_begin(known: &User) -> (Key, Condition) {
    let condition = is_as(known)
        .without(DISABLED_AT)
        .having(SESSIONS_ERA, Some(number(known.sessions_era)))
        .having(PASSWORD, known.password.as_ref().map(text));
    (user_key(&known.tenant, &known.id), condition)
}

fn user_key(tenant: &TenantId, id: &UserId) -> Key {
    Key::new(keys::users(tenant), id.as_str())
}
