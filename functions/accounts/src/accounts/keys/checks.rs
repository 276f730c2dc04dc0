//! What a provider says of a key.

use crate::State;
use crate::accounts::trouble::unasked;
use crate::providers;
use heliograph::domain::failure::ProviderFailure;
use heliograph::domain::fault::{Fault, FaultCode};
use heliograph::domain::identity::SenderId;
use heliograph::domain::provider::{Ability, Provider};
use heliograph::domain::secret::SecretText;
use heliograph::provider::gateway::{self, GoodKey};
use heliograph::provider::{Access, Answered};
use heliograph::service::problem::Problem;
use heliograph::store::Account;

/// What a good key sends from: `named`, if the provider does not tell.
pub(super) async fn sender(
    state: &State,
    account: &Account,
    key: &SecretText,
    named: Option<SenderId>,
) -> Result<SenderId, Problem> {
    let provider = account.provider;
    let number = named.as_ref().map(SenderId::name);
    if number.is_none() && !tells_number(provider) {
        return Err(super::body::missing_number(provider));
    }
    // It must be good where it will be used.
    let way = providers::way(state, &account.tenant, provider).await?;
    let good = asked(provider, way.with(key), number).await;
    let good = good.map_err(|failure| refused(provider, failure))?;
    let told = good.number.map(|number| told(provider, &number));
    match (told.transpose()?, named) {
        (Some(told), Some(named)) if told != named => {
            let detail = format!(
                "is not the key's, which is of +{}: leave the number out, or give its key",
                told.name()
            );
            Err(refused_at("/number", detail, provider, None))
        }
        (Some(sender), _) | (None, Some(sender)) => Ok(sender),
        (None, None) => Err(super::body::missing_number(provider)),
    }
}

fn tells_number(provider: Provider) -> bool {
    let gateway = provider.gateway();
    gateway.is_some_and(|it| it.can(Ability::TellNumber))
}

/// The sender that a provider tells of a key.
fn told(provider: Provider, number: &str) -> Result<SenderId, Problem> {
    SenderId::of(provider, number).map_err(|_| {
        let title = provider.title();
        let detail =
            format!("{title} tells no number of its device: connect that at {title} first");
        refused_at("/key", detail, provider, None)
    })
}

/// What a provider says of a key, of which `number` is sent from, in digits.
pub(super) async fn asked(
    provider: Provider,
    access: Access<'_>,
    number: Option<&str>,
) -> Answered<GoodKey> {
    match provider {
        Provider::Gateway(gateway) => gateway::check_key(gateway, access, number).await,
        // An account at Meta has no keys.
        Provider::Meta => Ok(GoodKey::default()),
    }
}

/// What may pass is not the key's fault.
fn refused(provider: Provider, failure: ProviderFailure) -> Problem {
    if failure.is_retryable() {
        return unasked(provider, failure);
    }
    let detail = format!("{}; {}", failure.message, failure.remedy);
    refused_at("/key", detail, provider, Some(failure))
}

fn refused_at(
    pointer: &str,
    detail: String,
    provider: Provider,
    failure: Option<ProviderFailure>,
) -> Problem {
    let fault = Fault {
        pointer: pointer.to_owned(),
        code: FaultCode::Refused,
        detail,
    };
    Problem::refused_by_provider(provider.as_str(), fault, failure)
}
