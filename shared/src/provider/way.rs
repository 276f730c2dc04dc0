//! The way to a provider that is not Meta, as a tenant's settings say it.

use super::fonnte::FonnteClient;
use super::mock::MockClient;
use super::notifapi::NotifapiClient;
use super::{Access, Http};
use crate::domain::secret::SecretText;
use reqwest::Url;
use std::time::Duration;

/// Where a provider is for a tenant, what calls it there, and how long a call may last. Cheap to make, for each call.
#[derive(Debug, Clone)]
pub struct Way {
    pub(super) http: Http,
    pub(super) base: Url,
    pub(super) timeout: Duration,
}

impl Way {
    /// NotifAPI, and the access to it with this key.
    #[must_use]
    pub fn notifapi<'a>(&'a self, key: &'a SecretText) -> (NotifapiClient, Access<'a>) {
        (NotifapiClient::new(self.http.clone()), self.access(key))
    }

    /// Fonnte, and the access to it with this key.
    #[must_use]
    pub fn fonnte<'a>(&'a self, key: &'a SecretText) -> (FonnteClient, Access<'a>) {
        (FonnteClient::new(self.http.clone()), self.access(key))
    }

    /// The mock provider, and the access to it with this key.
    #[must_use]
    pub fn mock<'a>(&'a self, key: &'a SecretText) -> (MockClient, Access<'a>) {
        (MockClient::new(self.http.clone()), self.access(key))
    }

    const fn access<'a>(&'a self, key: &'a SecretText) -> Access<'a> {
        Access {
            base: &self.base,
            key,
            timeout: self.timeout,
        }
    }
}
