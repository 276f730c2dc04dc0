//! What people are signed in by, invitations to choose a password, and how often somebody has tried to sign in.

use super::condition::Condition;
use super::edit::Edit;
use super::item::{Indexes, Key, body, item, number, text};
use super::transaction::{Change, Committed, Transaction};
use super::users::{User, may_begin};
use super::{Store, StoreError, keys};
use crate::domain::id::{SessionId, UserId};
use crate::domain::identity::TenantId;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};

/// What a person is signed in by. Its tokens are kept as their SHA-256 alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub tenant: TenantId,
    /// Who is signed in.
    pub user: UserId,
    /// The era of the person's sessions that it began in.
    pub era: u64,
    /// When it began.
    #[serde(with = "millisecond::required")]
    pub began_at: Timestamp,
    /// When it ends, however often it is refreshed.
    #[serde(with = "millisecond::required")]
    pub ends_at: Timestamp,
    /// The hash of the token that opens.
    pub access: String,
    /// Until when that opens.
    #[serde(with = "millisecond::required")]
    pub access_until: Timestamp,
    /// The hash of the token that refreshes.
    pub refresh: String,
    /// The one before: the answer with the newer one may have been lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_before: Option<RefreshBefore>,
    /// When it was refreshed by the newest token it had then, or began.
    #[serde(with = "millisecond::required")]
    pub refreshed_at: Timestamp,
}

/// A refresh token that was used, and for a while may be used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshBefore {
    /// Its hash.
    pub hash: String,
    /// Until when.
    #[serde(with = "millisecond::required")]
    pub until: Timestamp,
}

/// What leads from an invitation to whom it invites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The SHA-256 of its token.
    pub hash: String,
    /// Whose.
    pub tenant: TenantId,
    /// Whom.
    pub user: UserId,
    /// Until when it may be accepted.
    #[serde(with = "millisecond::required")]
    pub until: Timestamp,
}

impl Store {
    /// Writes a new session. `false` if the person has another password meanwhile, may not sign in, or is signed out
    /// everywhere: whatever ended its sessions ended this one, too.
    pub async fn begin_session(&self, session: &Session, user: &User) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new();
        let indexes = expiring(session.ends_at);
        let item = item("session", session_key(&session.id), indexes, session)?;
        transaction.put_new(&self.messages, item)?;
        let (key, may_begin) = may_begin(user);
        transaction.check(&self.messages, key, &may_begin)?;
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }

    /// The session of this id.
    pub async fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let item = self.read(&self.messages, session_key(id)).await?;
        item.map(body).transpose()
    }

    /// Gives a session new tokens. `false` if it has been refreshed or ended since `known` was read.
    pub async fn refresh_session(
        &self,
        known: &Session,
        next: &Session,
    ) -> Result<bool, StoreError> {
        let mut edit = Edit::default();
        edit.set(("#access", "access"), text(&next.access));
        let until = number(next.access_until.as_millisecond());
        edit.set(("#access_until", "access_until"), until);
        edit.set(("#refresh", "refresh"), text(&next.refresh));
        let before = next.refresh_before.as_ref();
        let before = before.map(serde_dynamo::to_attribute_value).transpose()?;
        edit.put(("#refresh_before", "refresh_before"), before);
        let at = number(next.refreshed_at.as_millisecond());
        edit.set(("#refreshed_at", "refreshed_at"), at);
        let refresh = ("#refresh", "refresh");
        let is_known = Condition::is_there().having(refresh, Some(text(&known.refresh)));
        let change = edit.when(is_known);
        self.change_if(session_key(&known.id), &change).await
    }

    /// Ends a session; one that has ended is gone already.
    pub async fn end_session(&self, id: &SessionId) -> Result<(), StoreError> {
        self.delete(session_key(id)).await
    }

    /// Writes what an invitation leads to.
    pub async fn put_invitation(&self, invitation: &Invitation) -> Result<(), StoreError> {
        let key = Key::new(keys::invitation(&invitation.hash), keys::HEAD);
        self.put(item(
            "invitation",
            key,
            expiring(invitation.until),
            invitation,
        )?)
        .await
    }

    /// Where the invitation with this hash leads, unless its time has passed.
    pub async fn invitation(
        &self,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<Invitation>, StoreError> {
        let key = Key::new(keys::invitation(hash), keys::HEAD);
        let item = self.read(&self.messages, key).await?;
        let invitation: Option<Invitation> = item.map(body).transpose()?;
        Ok(invitation.filter(|it| now < it.until))
    }

    /// Counts one more try in the window that ends at `until`, and tells how many that makes.
    pub async fn count_try(&self, what: &str, until: Timestamp) -> Result<u64, StoreError> {
        let key = Key::new(keys::tries(what), until.as_second().to_string());
        let change = Change {
            update: "SET expires = :expires ADD tries :one".to_owned(),
            condition: None,
            names: Vec::new(),
            values: vec![
                (":expires".to_owned(), number(until.as_second())),
                (":one".to_owned(), number(1)),
            ],
        };
        let counted = self.change_and_read(key, &change.making("tries")).await?;
        let tries = counted.and_then(|item| item.get("tries")?.as_n().ok()?.parse().ok());
        Ok(tries.unwrap_or(u64::MAX))
    }
}

fn session_key(id: &SessionId) -> Key {
    Key::new(keys::session(id), keys::HEAD)
}

fn expiring(at: Timestamp) -> Indexes {
    Indexes {
        expires: Some(at.as_second()),
        ..Indexes::default()
    }
}
