//! Places within the limits of a provider and of a key: taken just before a call, and given back if none was made.

use super::{Credentials, Of, account_name};
use crate::domain::credential::Known;
use crate::domain::identity::{SenderId, TenantId};
use crate::domain::limits::{Limits, Used};
use crate::domain::provider::Provider;
use crate::domain::secret::Credential;
use crate::service::clock;
use crate::service::telemetry::chain;
use crate::store::{CredentialName, Noted, StoreError};
use jiff::Timestamp;

/// A place for a call within the limits that there are.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// When the call counts.
    at: Timestamp,
    of_key: Option<(CredentialName, Limits)>,
    of_provider: Option<(TenantId, Provider, Limits)>,
}

impl Credentials {
    /// Takes a place for the call that is about to be made, within the limits of the provider and of the key; or says when
    /// there is one. Whoever has a credential and a slot asks, and gives it back if no call is made. It counts when the call
    /// `begins`.
    pub async fn take_place(
        &self,
        of: Of<'_>,
        sender: &SenderId,
        credential: &Credential,
        begins: Timestamp,
    ) -> Result<Result<Place, Timestamp>, StoreError> {
        let (provider, at) = (sender.provider(), begins.max(clock::now()));
        let mut place = Place {
            at,
            ..Place::default()
        };
        let settings = self.store.known_provider_settings(of.0, provider).await?;
        let limits = settings.limits;
        let mut used = Used::default();
        if !limits.is_empty() {
            used = self.store.provider_calls(of.0, provider).await?;
            if let Err(until) = used.taking(&limits, at) {
                // The key's place is not taken for nothing.
                return Ok(Err(until));
            }
        }
        if provider != Provider::Meta {
            match self.place_of_key(of, credential, at).await? {
                Ok(of_key) => place.of_key = of_key,
                Err(until) => {
                    // What is known of it says so from now on, and the next key is chosen.
                    self.known.remove(&account_name(of));
                    return Ok(Err(until));
                }
            }
        }
        if limits.is_empty() {
            return Ok(Ok(place));
        }
        let counted = Noted::Provider(of.0, provider);
        if let Err(until) = self.store.take_call(counted, &limits, used, at).await? {
            self.give_back(place).await;
            return Ok(Err(until));
        }
        place.of_provider = Some((of.0.clone(), provider, limits));
        Ok(Ok(place))
    }

    /// Gives a place back, because no call was made. One that cannot be given back counts as used.
    pub async fn give_back(&self, place: Place) {
        let Place {
            at,
            of_key,
            of_provider,
        } = place;
        let key = of_key.as_ref().map(|(name, limits)| (name.into(), limits));
        let provider = of_provider.as_ref().map(|(tenant, provider, limits)| {
            let counted = Noted::Provider(tenant, *provider);
            (counted, limits)
        });
        for (counted, limits) in [key, provider].into_iter().flatten() {
            if let Err(error) = self.store.give_call_back(counted, limits, at).await {
                let error = chain(&error);
                tracing::warn!(
                    error,
                    "a place within a limit was not given back, it counts as used"
                );
            }
        }
    }

    /// Takes a place within the limits of the key that this is, or says when there is one. A key without limits costs
    /// nothing, nor does one that has given way to another.
    async fn place_of_key(
        &self,
        of: Of<'_>,
        credential: &Credential,
        at: Timestamp,
    ) -> Result<Result<Option<(CredentialName, Limits)>, Timestamp>, StoreError> {
        let account = self.account(of).await?;
        let mut keys = account.iter().flat_map(|account| &account.keys);
        let key = keys.find(|key| key.alias.as_str() == credential.alias);
        let Some(key) = key.filter(|key| !key.limits.is_empty()) else {
            return Ok(Ok(None));
        };
        let known = self.known(of).await?;
        let used = Known::of_key(&known, key).map(|known| known.used);
        let (name, limits) = (CredentialName::of_key(of, key), key.limits);
        let used = used.unwrap_or_default();
        let taken = self.store.take_call((&name).into(), &limits, used, at);
        Ok(taken.await?.map(|()| Some((name, limits))))
    }
}
