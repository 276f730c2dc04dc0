//! Addresses that tenants give: they may lead to the internet, and not into the network that we stand in.
//!
//! An address is looked at when it is put in, by what is written and by what its name leads to. A name may lead elsewhere
//! a moment later, so it is looked at again whenever a connection is made.

use crate::domain::network::Networks;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use thiserror::Error;
use tokio::net::lookup_host;
use tokio::time::timeout;

/// Who puts an address in waits for its name so long.
const LOOKED_UP_WITHIN: Duration = Duration::from_secs(3);

/// Why an address may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Not an address at all, or none of this scheme.
    #[error("must be a URL that begins with https://")]
    Scheme,
    /// The same where others are let in.
    #[error("must be a URL that begins with https:// or http://")]
    AnyScheme,
    /// A name or a password, a query, a fragment.
    #[error("must be the address alone, without a user, a query or a fragment")]
    More,
    /// It leads elsewhere than to the internet.
    #[error("{NOT_CALLED}")]
    NotPublic,
    /// Its name leads nowhere.
    #[error("{NOT_CALLED}")]
    Nowhere,
}

/// The same words, whatever our resolver says: nobody learns by them which names there are in the network we stand in.
const NOT_CALLED: &str = "is not an address that is called: it must lead to the internet. Look for a mistake in its name; \
                          addresses that are not public are whoever runs the installation's to allow (PrivateProviders)";

/// Reads an address, as far as that can be done without looking up its name.
pub fn read_address(text: &str, networks: Networks) -> Result<Url, AddressError> {
    let scheme = match networks {
        Networks::Public => AddressError::Scheme,
        Networks::Any => AddressError::AnyScheme,
    };
    let url = Url::parse(text).map_err(|_| scheme)?;
    let is_allowed = match networks {
        Networks::Public => url.scheme() == "https",
        Networks::Any => matches!(url.scheme(), "https" | "http"),
    };
    let host = url.host_str().filter(|_| is_allowed).ok_or(scheme)?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return Err(AddressError::More);
    }
    let may_be_called = match literal(host) {
        Some(address) => networks.allow(address),
        None => networks.allow_name(host),
    };
    if !may_be_called {
        return Err(AddressError::NotPublic);
    }
    Ok(url)
}

/// Looks up where an address leads: nobody is called.
pub async fn look_up(url: &Url, networks: Networks) -> Result<(), AddressError> {
    let host = url.host_str().unwrap_or_default();
    if networks == Networks::Any || literal(host).is_some() {
        return Ok(());
    }
    let found = timeout(LOOKED_UP_WITHIN, lookup_host((host, 0))).await;
    let found = found.map_err(|_| AddressError::Nowhere)?;
    let found = found.map_err(|_| AddressError::Nowhere)?;
    public_of(found).map(drop)
}

/// An address that is written as numbers. The URL's parser has brought it to one form already.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// Those of the addresses of a name that may be called, of which there must be one.
fn public_of(found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, AddressError> {
    let mut found = found.peekable();
    if found.peek().is_none() {
        return Err(AddressError::Nowhere);
    }
    let public: Vec<_> = found
        .filter(|address| Networks::Public.allow(address.ip()))
        .collect();
    if public.is_empty() {
        return Err(AddressError::NotPublic);
    }
    Ok(public)
}

/// Looks names up for a client, and leaves out what may not be called.
#[derive(Debug)]
pub(super) struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let public = public_of(lookup_host((name.as_str(), 0)).await?)?;
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether a call was not made because its name leads into a network that is not public.
pub(super) fn was_kept_in(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref() == Some(&AddressError::NotPublic) {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests;
