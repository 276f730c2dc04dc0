//! What is said of a provider as it stands in a configuration.

use crate::providers::read_settings;
use heliograph::domain::fields::Fields;
use heliograph::domain::limits::Limits;
use heliograph::domain::network::Networks;
use heliograph::domain::provider::Provider;
use heliograph::domain::provider_settings::ProviderSettings;
use serde::Serialize;
use utoipa::ToSchema;

/// What is said of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ConfiguredProvider)]
pub(crate) struct ProviderEntry {
    /// Which one.
    pub(in crate::configuration) id: Provider,
    /// Where it is, if it is not where the installation says.
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    /// Whether anything is sent through it.
    enabled: bool,
    /// Where there is a choice, the lower goes first.
    #[schema(minimum = 1, maximum = 1000)]
    priority: u16,
    /// How many calls may be made.
    limits: Limits,
    /// How long a call that sends may last, in milliseconds.
    #[schema(minimum = 3000, maximum = 10000)]
    timeout_ms: u32,
}

impl ProviderEntry {
    /// Whether its address may be called here is seen when it is put in.
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let names = Provider::ALL.map(Provider::as_str);
        let id = fields
            .required_choice("id", &names)
            .and_then(Provider::named);
        // Its other fields are read whatever is wrong with that one, as any provider's that has an address of its own.
        let usual = id.or(Provider::ALL.last().copied());
        let usual = ProviderSettings::of(usual.unwrap_or(Provider::Meta));
        let settings = read_settings(fields, usual, Networks::Any);
        id.map(|_| Self::from(&settings))
    }

    /// The settings that it says, in place of those before.
    pub(in crate::configuration) fn settings(&self, before: &ProviderSettings) -> ProviderSettings {
        ProviderSettings {
            base_url: self.base_url.clone(),
            enabled: self.enabled,
            priority: self.priority,
            limits: self.limits,
            timeout_ms: self.timeout_ms,
            ..before.clone()
        }
    }
}

impl From<&ProviderSettings> for ProviderEntry {
    fn from(settings: &ProviderSettings) -> Self {
        Self {
            id: settings.provider,
            base_url: settings.base_url.clone(),
            enabled: settings.enabled,
            priority: settings.priority,
            limits: settings.limits,
            timeout_ms: settings.timeout_ms,
        }
    }
}
