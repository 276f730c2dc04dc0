//! Providers as they are shown, and what is changed of them.

use heliograph::domain::content::Kind;
use heliograph::domain::fault::{Fault, FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::limits::Limits;
use heliograph::domain::network::Networks;
use heliograph::domain::provider::Provider;
use heliograph::domain::provider_settings::ProviderSettings;
use heliograph::provider::guard::{AddressError, look_up, read_address};
use heliograph::provider::kinds;
use heliograph::service::problem::Problem;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A provider: what the tenant says of it, and what it can do.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ProviderSettings)]
pub(crate) struct ProviderDto {
    /// Which one.
    id: Provider,
    /// Its name for people.
    #[schema(value_type = String, example = "Fonnte")]
    title: &'static str,
    /// Where it is, if it is not where the installation says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://gateway.example.com/fonnte")]
    base_url: Option<String>,
    /// Whether anything is sent through it.
    enabled: bool,
    /// Where there is a choice, the lower goes first.
    #[schema(minimum = 1, maximum = 1000)]
    priority: u16,
    /// How many calls may be made; what is absent limits nothing.
    limits: Limits,
    /// How long a call that sends may last, in milliseconds.
    #[schema(minimum = 3000, maximum = 10000)]
    timeout_ms: u32,
    /// What it can do, whoever's it is.
    abilities: Abilities,
    /// When the tenant last said something of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_at: Option<Timestamp>,
}

/// What a provider can do.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ProviderAbilities)]
struct Abilities {
    /// The types of messages that it sends.
    #[schema(value_type = Vec<Kind>)]
    types: &'static [Kind],
    /// Whether it tells what became of a message that it took.
    statuses: bool,
    /// Whether it lists the groups that a sender is in.
    groups: bool,
}

impl From<ProviderSettings> for ProviderDto {
    fn from(settings: ProviderSettings) -> Self {
        let provider = settings.provider;
        Self {
            id: provider,
            title: provider.title(),
            base_url: settings.base_url,
            enabled: settings.enabled,
            priority: settings.priority,
            limits: settings.limits,
            timeout_ms: settings.timeout_ms,
            abilities: Abilities {
                types: kinds(provider),
                statuses: provider.tells_statuses(),
                groups: provider.lists_groups(),
            },
            changed_at: settings.changed_at,
        }
    }
}

/// Every provider.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Providers {
    /// All of them.
    pub(super) data: Vec<ProviderDto>,
}

/// What is changed of a provider; what is absent stays, and `null` is what is usual.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `read`")]
pub(crate) struct ProviderBody {
    /// Where it is, with https. `null`: where the installation says. Not for Meta, which has one address.
    #[schema(
        min_length = 1,
        max_length = 500,
        example = "https://gateway.example.com/fonnte"
    )]
    base_url: Option<String>,
    /// Whether anything is sent through it: yes, unless told.
    enabled: Option<bool>,
    /// Where there is a choice, the lower goes first: 100, unless told.
    #[schema(minimum = 1, maximum = 1000)]
    priority: Option<u16>,
    /// How many calls may be made. What is absent stays, `null` takes a limit away, and `null` in their place all.
    limits: Option<Limits>,
    /// How long a call that sends may last, in milliseconds: 10,000, unless told. Who has not answered by then leaves it
    /// open whether the message arrives.
    #[schema(minimum = 3000, maximum = 10000)]
    timeout_ms: Option<u32>,
}

/// The settings after a body of changes.
pub(super) fn read(
    body: &Value,
    before: ProviderSettings,
    networks: Networks,
) -> Result<ProviderSettings, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).map(|mut fields| {
        let after = read_settings(&mut fields, before, networks);
        fields.finish();
        after
    });
    faults.into_result(read)
}

/// The settings after the changes in an object; whoever hands the fields over finishes them.
pub(crate) fn read_settings(
    fields: &mut Fields<'_>,
    before: ProviderSettings,
    networks: Networks,
) -> ProviderSettings {
    before.changed(fields, |text| {
        let url = read_address(text, networks)?;
        // Functions are below it, with or without a slash at its end.
        Ok::<_, AddressError>(url.as_str().trim_end_matches('/').to_owned())
    })
}

/// Looks up where a provider's address leads, unless it leads there already.
pub(super) async fn check_address(
    before: &ProviderSettings,
    after: &ProviderSettings,
    networks: Networks,
) -> Result<(), Problem> {
    let Some(text) = after.base_url.as_deref() else {
        return Ok(());
    };
    if before.base_url.as_deref() == Some(text) {
        return Ok(());
    }
    let looked_up = match read_address(text, networks) {
        Ok(url) => look_up(&url, networks).await,
        Err(error) => Err(error),
    };
    looked_up.map_err(|error| {
        Problem::validation(vec![Fault {
            pointer: "/base_url".to_owned(),
            code: FaultCode::Invalid,
            detail: error.to_string(),
        }])
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use heliograph::domain::provider::Gateway;
    use serde_json::json;

    #[test]
    fn an_address_is_kept_without_the_slash_at_its_end() {
        let body = json!({"base_url": "https://Gateway.example.com/fonnte/"});
        let fonnte = ProviderSettings::of(Provider::Gateway(Gateway::Fonnte));
        let read = read(&body, fonnte, Networks::Public).unwrap();
        let kept = read.base_url.as_deref();
        assert_eq!(kept, Some("https://gateway.example.com/fonnte"));
    }

    #[test]
    fn where_tenants_may_not_lead_us_they_are_told_at_the_field() {
        for address in [
            "https://169.254.169.254",
            "http://gateway.example.com",
            "https://[::1]",
        ] {
            let body = json!({"base_url": address});
            let mock = ProviderSettings::of(Provider::Gateway(Gateway::Mock));
            let faults = read(&body, mock.clone(), Networks::Public).unwrap_err();
            assert_eq!(faults.len(), 1, "{address}");
            assert_eq!(faults.first().unwrap().pointer, "/base_url");
            assert!(read(&body, mock, Networks::Any).is_ok(), "{address}");
        }
    }

    #[tokio::test]
    async fn an_address_that_is_not_called_is_refused_in_the_same_words_whatever_the_resolver_says()
    {
        let mock = ProviderSettings::of(Provider::Gateway(Gateway::Mock));
        let mut told = Vec::new();
        for address in [
            "https://nowhere.invalid",
            "https://localhost",
            "https://10.0.0.8",
        ] {
            let there = ProviderSettings {
                base_url: Some(address.to_owned()),
                ..mock.clone()
            };
            let refused = check_address(&mock, &there, Networks::Public).await;
            told.push(refused.unwrap_err());
        }
        told.dedup();
        assert_eq!(told.len(), 1, "{told:?}");
    }

    #[tokio::test]
    async fn a_name_that_leads_nowhere_is_told_at_the_field_and_not_looked_up_again() {
        let mock = ProviderSettings::of(Provider::Gateway(Gateway::Mock));
        let lost = ProviderSettings {
            base_url: Some("https://nowhere.invalid".to_owned()),
            ..mock.clone()
        };
        let checked = check_address(&mock, &lost, Networks::Public).await;
        assert_eq!(checked.unwrap_err().code(), "invalid_request");
        let again = check_address(&lost, &lost, Networks::Public).await;
        assert_eq!(again, Ok(()));
    }
}
