//! What a provider says of a key.

use crate::State;
use crate::accounts::trouble::unasked;
use crate::providers;
use heliograph::domain::failure::{Class, ProviderFailure};
use heliograph::domain::fault::{Fault, FaultCode};
use heliograph::domain::identity::{SenderAt, SenderId};
use heliograph::domain::phone::PhoneNumber;
use heliograph::domain::provider::Provider;
use heliograph::domain::secret::SecretText;
use heliograph::provider::{Answered, Way};
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
    // It must be good where it will be used.
    let way = providers::way(state, &account.tenant, provider).await?;
    let told = match provider {
        Provider::Fonnte => {
            let (client, access) = way.fonnte(key);
            let device = client.device(access).await;
            let device = device.map_err(|failure| refused(provider, failure))?;
            Some(device_of(&device.number)?)
        }
        Provider::Meta | Provider::Notifapi | Provider::Mock => None,
    };
    let sender = match (told, named) {
        (Some(told), Some(named)) if told != named => {
            let detail = format!(
                "is not the key's, which is of +{}: leave the number out, or give its key",
                told.name()
            );
            return Err(refused_at("/number", detail, provider, None));
        }
        (Some(told), _) => return Ok(told),
        (None, Some(named)) => named,
        (None, None) => return Err(super::body::missing_number(provider)),
    };
    match asked(&way, &sender, key).await {
        Ok(_) => Ok(sender),
        Err(failure) => Err(refused(provider, failure)),
    }
}

fn device_of(number: &str) -> Result<SenderId, Problem> {
    SenderId::of(Provider::Fonnte, number).map_err(|_| {
        let detail = "Fonnte tells no number of its device: connect that at Fonnte first";
        refused_at("/key", detail.to_owned(), Provider::Fonnte, None)
    })
}

/// What a provider says of the key of a sender, in words.
pub(super) async fn asked(way: &Way, sender: &SenderId, key: &SecretText) -> Answered<String> {
    match sender.at() {
        // An account at Meta has no keys.
        SenderAt::Meta(_) => Ok(String::new()),
        SenderAt::Notifapi => {
            let (client, access) = way.notifapi(key);
            let number = format!("+{}", sender.name()).parse::<PhoneNumber>();
            let number = number.map_err(|_| not_a_number())?;
            let is_on_whatsapp = client.check_number(access, &number).await?;
            Ok(if is_on_whatsapp {
                "NotifAPI takes the key, and its number is on WhatsApp".to_owned()
            } else {
                "NotifAPI takes the key, and says that its number is not on WhatsApp".to_owned()
            })
        }
        SenderAt::Fonnte => {
            let (client, access) = way.fonnte(key);
            let device = client.device(access).await?;
            let quota = device.quota.as_deref().unwrap_or("an unknown number of");
            Ok(if device.is_connected() {
                format!("the device is connected; {quota} messages are left")
            } else {
                "the device is not connected: scan its code at Fonnte with the phone".to_owned()
            })
        }
        SenderAt::Mock => {
            let (client, access) = way.mock(key);
            client.check(access).await?;
            Ok("the mock provider takes the key".to_owned())
        }
    }
}

fn not_a_number() -> ProviderFailure {
    ProviderFailure::without_code(
        Class::Permanent,
        "the sender's number is none",
        "delete the key, and put it in with its number",
    )
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
