//! Keys, at any other provider than Meta.

use super::{Choice, CredentialError, Credentials, Of, account_name, learnt_of, soon};
use crate::domain::credential::{Known, Standing, standing};
use crate::domain::identity::SenderId;
use crate::domain::provider_key::{KeySecret, ProviderKey};
use crate::domain::secret::Credential;
use crate::service::clock;
use crate::service::secrets::or_none;
use crate::store::{Account, CredentialName, StoreError};
use jiff::Timestamp;
use std::sync::PoisonError;
use std::time::Instant;
use uuid::Uuid;

/// Senders whose keys' uses are remembered at most.
const SENDERS: usize = 1_000;

/// A key that may be used, with its secret.
type Usable<'a> = (&'a ProviderKey, &'a KeySecret);

impl Credentials {
    /// One of the sender's keys that may be called now: one that has rested, for nothing else shows whether it is good
    /// again; else the least used of the healthy ones.
    pub(super) async fn key(
        &self,
        of: Of<'_>,
        sender: &SenderId,
    ) -> Result<Choice, CredentialError> {
        let choice = self.key_of(of, sender).await?;
        if choice != Choice::Absent {
            return Ok(choice);
        }
        // None that is known may be used: somebody may have put another one in.
        self.accounts.remove(&account_name(of));
        self.known.remove(&account_name(of));
        self.key_of(of, sender).await
    }

    async fn key_of(&self, of: Of<'_>, sender: &SenderId) -> Result<Choice, CredentialError> {
        let (account, known) =
            futures_util::future::try_join(self.account(of), self.known(of)).await?;
        let Some(account) = account else {
            return Ok(Choice::Absent);
        };
        let now = clock::now();
        let keys = account.usable_keys(sender, now);
        let secrets = self.secrets_of(&account, &keys).await?;
        let usable: Vec<Usable<'_>> = keys
            .into_iter()
            .filter_map(|key| Some((key, secrets.iter().find(|secret| secret.is_of(key))?)))
            .collect();
        Ok(self.first_of(of, sender, (&usable, &known), now).await?)
    }

    async fn secrets_of(
        &self,
        account: &Account,
        usable: &[&ProviderKey],
    ) -> Result<Vec<KeySecret>, CredentialError> {
        let newest = account.keys.iter().map(|key| key.since).max();
        let Some(newest) = newest.filter(|_| !usable.is_empty()) else {
            return Ok(Vec::new());
        };
        let (tenant, id) = (&account.tenant, &account.id);
        let secrets = self.secrets.provider_keys(tenant, id, newest).await;
        Ok(or_none(secrets.map(Some))?.unwrap_or_default())
    }

    async fn first_of(
        &self,
        of: Of<'_>,
        sender: &SenderId,
        (usable, known): (&[Usable<'_>], &[Known]),
        now: Timestamp,
    ) -> Result<Choice, StoreError> {
        let mut first: Option<Timestamp> = None;
        let mut rests = |until: Timestamp| first = Some(first.map_or(until, |it| it.min(until)));
        let mut healthy: Vec<&ProviderKey> = Vec::new();
        for (key, secret) in usable {
            if self
                .refused
                .get(&learnt_of(&CredentialName::of_key(of, key)), Instant::now())
                .is_some()
            {
                continue;
            }
            match standing(key, Known::of_key(known, key), now) {
                Standing::Healthy => healthy.push(key),
                Standing::Rested => match self.probe(of, key, known, now).await? {
                    Ok(()) => return Ok(Choice::Use(credential(secret))),
                    Err(until) => rests(until),
                },
                Standing::Resting { until, .. } | Standing::Full(until) => rests(until),
                Standing::Refused(_) | Standing::Expired(_) | Standing::Disabled => {}
            }
        }
        if let Some(chosen) = self.least_used(of, sender, &healthy) {
            let secret = usable.iter().find(|(key, _)| *key == chosen);
            let credential = secret.map(|(_, secret)| credential(secret));
            return Ok(credential.map_or(Choice::Absent, Choice::Use));
        }
        Ok(first.map_or(Choice::Absent, Choice::Rests))
    }

    fn least_used<'a>(
        &self,
        of: Of<'_>,
        sender: &SenderId,
        keys: &[&'a ProviderKey],
    ) -> Option<&'a ProviderKey> {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{}/{sender}", account_name(of));
        if uses.len() >= SENDERS && !uses.contains_key(&name) {
            // What is forgotten begins level, as in a new environment.
            uses.clear();
        }
        let chance = Uuid::new_v4().as_u64_pair().1;
        uses.entry(name).or_default().choose(keys, chance)
    }

    async fn probe(
        &self,
        of: Of<'_>,
        key: &ProviderKey,
        known: &[Known],
        now: Timestamp,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        let Some(it) = Known::of_key(known, key) else {
            return Ok(Err(soon(now)));
        };
        let is_mine = self
            .may_probe(&CredentialName::of_key(of, key), &it.breaker, now)
            .await?;
        Ok(if is_mine { Ok(()) } else { Err(soon(now)) })
    }

    /// The key that this was, if the account has it still.
    pub(super) async fn name_of_key(
        &self,
        of: Of<'_>,
        credential: &Credential,
    ) -> Option<CredentialName> {
        let account = self.account(of).await.ok()??;
        let keys: Vec<&ProviderKey> = account.keys.iter().collect();
        let secrets = self.secrets_of(&account, &keys).await.ok()?;
        let is_it = |secret: &&KeySecret| {
            secret.alias.as_str() == credential.alias && secret.key == credential.token
        };
        let secret = secrets.iter().find(is_it)?;
        let key = keys.into_iter().find(|key| secret.is_of(key))?;
        Some(CredentialName::of_key(of, key))
    }

    /// Whether the sender has a key that is neither refused nor without anything left. What cannot be read now may hold one.
    pub(super) async fn has_other_key(&self, of: Of<'_>, sender: &SenderId) -> bool {
        self.accounts.remove(&account_name(of));
        let read = futures_util::future::try_join(self.account(of), self.known(of)).await;
        let Ok((account, known)) = read else {
            return true;
        };
        let Some(account) = account else {
            return false;
        };
        let now = clock::now();
        let keys = account.usable_keys(sender, now);
        let Ok(secrets) = self.secrets_of(&account, &keys).await else {
            return true;
        };
        keys.iter().any(|key| {
            let known = Known::of_key(&known, key);
            let is_spent = known.is_some_and(|it| it.refused.is_some() || it.is_asked_to_rest(now));
            let learnt = learnt_of(&CredentialName::of_key(of, key));
            let is_refused = self.refused.get(&learnt, Instant::now()).is_some();
            !is_spent && !is_refused && secrets.iter().any(|secret| secret.is_of(key))
        })
    }
}

pub(super) fn credential(secret: &KeySecret) -> Credential {
    Credential {
        alias: secret.alias.to_string(),
        token: secret.key.clone(),
    }
}
