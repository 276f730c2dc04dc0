//! The way to a provider, as a tenant's settings say it.

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
    /// The access by it with this key.
    #[must_use]
    pub const fn with<'a>(&'a self, key: &'a SecretText) -> Access<'a> {
        Access {
            http: &self.http,
            base: &self.base,
            key,
            timeout: self.timeout,
        }
    }

    /// The same, where a call lasts no longer than this.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = self.timeout.min(timeout);
        self
    }
}
