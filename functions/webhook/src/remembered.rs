//! Which account ids are whose, and which are nobody's, for a minute. Each in a map of its own: ids that a stranger
//! invents push out one another, never an account that exists.

use heliograph::domain::id::AccountId;
use heliograph::domain::identity::TenantId;
use heliograph::store::Expiring;
use std::time::{Duration, Instant};

/// Account ids remembered, known and unknown ones each.
const CAPACITY: usize = 10_000;

const LIFETIME: Duration = Duration::from_mins(1);

/// What is remembered of an account id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    Of(TenantId),
    Nobody,
}

/// What is remembered of all of them.
#[derive(Debug)]
pub(crate) struct Remembered {
    tenants: Expiring<TenantId>,
    nobody: Expiring<()>,
}

impl Remembered {
    pub(crate) fn new() -> Self {
        Self {
            tenants: Expiring::new(CAPACITY, LIFETIME),
            nobody: Expiring::new(CAPACITY, LIFETIME),
        }
    }

    pub(crate) fn get(&self, id: &AccountId, now: Instant) -> Option<Known> {
        let nobody = || self.nobody.get(id.as_str(), now).map(|()| Known::Nobody);
        self.tenants
            .get(id.as_str(), now)
            .map(Known::Of)
            .or_else(nobody)
    }

    pub(crate) fn put(&self, id: &AccountId, known: Known, now: Instant) {
        match known {
            Known::Of(tenant) => self.tenants.put(id.as_str(), tenant, now),
            Known::Nobody => {
                self.tenants.remove(id.as_str());
                self.nobody.put(id.as_str(), (), now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn invented_ids_never_push_out_an_account_that_exists() {
        let (remembered, now) = (Remembered::new(), Instant::now());
        let known: AccountId = "acct_demo".parse().unwrap();
        let tenant = Known::Of("demo".parse().unwrap());
        remembered.put(&known, tenant.clone(), now);
        let later = now + Duration::from_secs(1);
        for number in 0..CAPACITY + 10 {
            let invented = format!("acct_{number}").parse().unwrap();
            remembered.put(&invented, Known::Nobody, later);
        }
        assert_eq!(remembered.get(&known, later), Some(tenant));
    }

    #[test]
    fn an_account_that_lost_its_secrets_is_nobodys() {
        let (remembered, now) = (Remembered::new(), Instant::now());
        let id: AccountId = "acct_demo".parse().unwrap();
        remembered.put(&id, Known::Of("demo".parse().unwrap()), now);
        remembered.put(&id, Known::Nobody, now);
        assert_eq!(remembered.get(&id, now), Some(Known::Nobody));
    }
}
