//! What a message is sent for, and what keeps it back therefore.

use super::pace::{Pause, PauseCause};
use super::provider_settings::ProviderSettings;

/// What a message is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be read.
    Delivery,
    /// To find out whether a key is good that somebody has named. Nobody could, if it were kept back by what was said of
    /// that key, or by what is to be enabled once it is good.
    Trial,
}

impl Purpose {
    /// Whether a pause of its sender keeps it back. What its account stands still for keeps back whatever it is sent for.
    #[must_use]
    pub fn heeds(self, pause: &Pause) -> bool {
        match (self, pause.cause) {
            (Self::Delivery, PauseCause::Provider | PauseCause::Account)
            | (Self::Trial, PauseCause::Account) => true,
            (Self::Trial, PauseCause::Provider) => false,
        }
    }

    /// Whether it goes through a provider of which the tenant says so.
    #[must_use]
    pub fn may_use(self, settings: &ProviderSettings) -> bool {
        match self {
            Self::Delivery => settings.enabled,
            Self::Trial => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::provider::{Gateway, Provider};
    use jiff::Timestamp;

    fn pause(cause: PauseCause) -> Pause {
        Pause {
            since: Timestamp::UNIX_EPOCH,
            code: None,
            reason: "refused".to_owned(),
            remedy: "mend it".to_owned(),
            cause,
        }
    }

    #[test]
    fn a_trial_goes_past_what_its_provider_said_and_not_past_what_its_account_says() {
        for (purpose, cause, heeds) in [
            (Purpose::Delivery, PauseCause::Provider, true),
            (Purpose::Delivery, PauseCause::Account, true),
            (Purpose::Trial, PauseCause::Provider, false),
            (Purpose::Trial, PauseCause::Account, true),
        ] {
            assert_eq!(purpose.heeds(&pause(cause)), heeds, "{purpose:?} {cause:?}");
        }
    }

    #[test]
    fn a_provider_is_tried_before_it_is_enabled() {
        let enabled = ProviderSettings::of(Provider::Gateway(Gateway::Mock));
        let disabled = ProviderSettings {
            enabled: false,
            ..enabled.clone()
        };
        for (purpose, settings, may) in [
            (Purpose::Delivery, &enabled, true),
            (Purpose::Delivery, &disabled, false),
            (Purpose::Trial, &enabled, true),
            (Purpose::Trial, &disabled, true),
        ] {
            assert_eq!(purpose.may_use(settings), may, "{purpose:?}");
        }
    }
}
