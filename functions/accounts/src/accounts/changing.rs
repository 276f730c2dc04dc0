//! An account that is held while it is changed, with its secrets and what stands at Meta: nobody else changes it meanwhile.

use super::check_at_meta;
use crate::authority::{Authority, Changed};
use heliograph::domain::audit::Action;
use heliograph::domain::id::SessionId;
use heliograph::service::clock;
use heliograph::service::http::listing::id_of;
use heliograph::service::problem::Problem;
use heliograph::service::telemetry::chain;
use heliograph::store::{Account, Held, Store, StoreError, Transaction};
use jiff::Timestamp;
use serde_json::Value;
use std::mem;

/// What the trail is to say of a change.
pub(crate) struct Said {
    action: Action,
    target: String,
    changes: Value,
}

impl Said {
    /// Of an account.
    pub(crate) fn of(action: Action, account: &Account, changes: Value) -> Self {
        Self::about(action, account.id.as_str(), changes)
    }

    /// Of something that belongs to one.
    pub(crate) fn about(action: Action, target: &str, changes: Value) -> Self {
        Self {
            action,
            target: target.to_owned(),
            changes,
        }
    }
}

/// An account that is held.
pub(crate) struct Changing<'a> {
    store: &'a Store,
    authority: &'a Authority,
    token: String,
    /// When it was begun.
    pub(crate) now: Timestamp,
    /// The account as it is to be.
    pub(crate) account: Account,
    /// What is written with it.
    pub(crate) transaction: Transaction,
    /// Whether that adds a sender, of which a tenant may have so many.
    pub(crate) adds_sender: bool,
}

impl<'a> Changing<'a> {
    /// Holds the account of this id.
    pub(crate) async fn begin(
        store: &'a Store,
        authority: &'a Authority,
        id: &str,
    ) -> Result<Self, Problem> {
        let now = clock::now();
        // Any text that nobody else draws.
        let token = SessionId::at(now).to_string();
        let held = store
            .hold_account(&authority.tenant, &id_of(id)?, &token, now)
            .await?;
        match held {
            Held::Yes(account) => Ok(Self {
                store,
                authority,
                token,
                now,
                account: *account,
                transaction: Transaction::new(),
                adds_sender: false,
            }),
            Held::Busy => Err(Problem::busy()),
            Held::Missing => Err(Problem::not_found()),
        }
    }

    /// The same for one that must be at Meta.
    pub(crate) async fn begin_at_meta(
        store: &'a Store,
        authority: &'a Authority,
        id: &str,
    ) -> Result<Self, Problem> {
        let changing = Self::begin(store, authority, id).await?;
        match check_at_meta(&changing.account) {
            Ok(()) => Ok(changing),
            Err(problem) => Err(changing.let_go(problem).await),
        }
    }

    /// Writes the account as it is now, with all that belongs to it, and lets it go; or only lets it go, if there was a
    /// problem.
    pub(crate) async fn end(mut self, outcome: Result<Said, Problem>) -> Result<Account, Problem> {
        let written = match outcome {
            Ok(said) => self.write(said).await,
            Err(problem) => Err(problem),
        };
        self.let_go_after(written).await
    }

    /// The same where more comes of the change than the account.
    pub(crate) async fn end_with<T>(
        self,
        outcome: Result<(T, Said), Problem>,
    ) -> Result<T, Problem> {
        match outcome {
            Ok((value, said)) => self.end(Ok(said)).await.map(|_| value),
            Err(problem) => Err(self.let_go(problem).await),
        }
    }

    /// The same for an account that is to be gone.
    pub(crate) async fn end_removed(
        mut self,
        outcome: Result<(), Problem>,
    ) -> Result<Account, Problem> {
        let removed = match outcome {
            Ok(()) => self.remove().await,
            Err(problem) => Err(problem),
        };
        self.let_go_after(removed).await
    }

    async fn write(&mut self, said: Said) -> Result<(), Problem> {
        let mut transaction = mem::take(&mut self.transaction);
        self.store
            .change_account(&mut transaction, &self.account, &self.token)?;
        self.commit(transaction, said).await
    }

    async fn remove(&mut self) -> Result<(), Problem> {
        let mut transaction = mem::take(&mut self.transaction);
        self.store
            .remove_account(&mut transaction, &self.account, &self.token)?;
        let said = Said::of(Action::AccountDeleted, &self.account, Value::Null);
        self.commit(transaction, said).await
    }

    async fn commit(&self, mut transaction: Transaction, said: Said) -> Result<(), Problem> {
        let entry = self
            .authority
            .entry(said.action, said.target, said.changes, clock::now());
        let (authority, store) = (self.authority, self.store);
        authority.answers_for(store, &mut transaction, &Changed::Nobody, &entry)?;
        match self.store.commit(transaction).await {
            Ok(()) => Ok(()),
            Err(StoreError::Conflict) => Err(self.why_not().await),
            Err(error) => Err(error.into()),
        }
    }

    /// Why nothing was written.
    async fn why_not(&self) -> Problem {
        if self.adds_sender
            && let Ok(Some(tenant)) = self.store.tenant(&self.authority.tenant).await
            && let Some(limit) = tenant.sender_limit_reached()
        {
            return Problem::sender_limit_reached(limit);
        }
        self.authority.why_not(self.store).await
    }

    async fn let_go_after(self, written: Result<(), Problem>) -> Result<Account, Problem> {
        match written {
            Ok(()) => Ok(self.account),
            Err(problem) => Err(self.let_go(problem).await),
        }
    }

    /// Who is told of a problem may try again at once, not when the hold has run out.
    async fn let_go(&self, problem: Problem) -> Problem {
        self.leave().await;
        problem
    }

    /// Lets the account go as it was.
    pub(crate) async fn leave(&self) {
        let (tenant, id) = (&self.account.tenant, &self.account.id);
        if let Err(error) = self.store.let_account_go(tenant, id, &self.token).await {
            tracing::warn!(account.id = %id, error = chain(&error), "an account stays held for a while");
        }
    }
}
