//! What a tenant says of a provider: where it is, whether it is used, before which others, how often, how long a call
//! may last. It is changed while messages go out, and the next one goes by it.

use super::fault::FaultCode;
use super::fields::Fields;
use super::limits::{Changes, Limits};
use super::provider::Provider;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Of a provider nobody has said more of.
const USUAL_PRIORITY: u16 = 100;

/// The same.
const USUAL_TIMEOUT_MS: u32 = 10_000;

/// Which priorities there are.
pub const PRIORITIES: RangeInclusive<u32> = 1..=1_000;

/// A call must end within its message's lease; and where an answer that is merely slow is waited for too briefly, nobody
/// knows what became of the message.
pub const TIMEOUTS_MS: RangeInclusive<u32> = 3_000..=10_000;

/// More than any provider's address has.
const LONGEST_ADDRESS: usize = 500;

/// What a tenant says of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderSettings {
    /// Which provider.
    pub provider: Provider,
    /// Where it is, if it is not where the installation says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Whether anything is sent through it.
    pub enabled: bool,
    /// Where there is a choice, the lower goes first.
    pub priority: u16,
    /// How many calls may be made.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// How long a call that sends may last.
    pub timeout_ms: u32,
    /// How often it was changed: nobody overwrites what he has not read.
    pub rev: u64,
    /// When it was last changed, if it ever was.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub changed_at: Option<Timestamp>,
}

impl ProviderSettings {
    /// Those of a provider that nobody has said anything of.
    #[must_use]
    pub fn of(provider: Provider) -> Self {
        Self {
            provider,
            base_url: None,
            enabled: true,
            priority: USUAL_PRIORITY,
            limits: Limits::default(),
            timeout_ms: USUAL_TIMEOUT_MS,
            rev: 0,
            changed_at: None,
        }
    }

    /// How long a call that sends may last.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms as u64)
    }

    /// Whether they say the same, whenever that was said.
    #[must_use]
    pub fn say_the_same(&self, other: &Self) -> bool {
        let undated = |it: &Self| Self {
            rev: 0,
            changed_at: None,
            ..it.clone()
        };
        undated(self) == undated(other)
    }

    /// Whether they say no more than what goes without saying.
    #[must_use]
    pub fn are_usual(&self) -> bool {
        self.say_the_same(&Self::of(self.provider))
    }

    /// The settings after an object of changes: what is absent stays, `null` is what is usual. `address` reads where the
    /// provider is, in the form in which it is kept, or says why it may not be there. Whoever hands the fields over finishes
    /// them.
    #[must_use]
    pub fn changed<E: std::fmt::Display>(
        self,
        fields: &mut Fields<'_>,
        address: impl FnOnce(&str) -> Result<String, E>,
    ) -> Self {
        let before = self.cleared(fields);
        let base_url = read_address(before.provider, fields, address);
        let enabled = fields.boolean("enabled");
        let priority = fields.whole("priority", PRIORITIES);
        let priority = priority.and_then(|it| u16::try_from(it).ok());
        let limits = Changes::read(fields, "limits");
        let timeout_ms = fields.whole("timeout_ms", TIMEOUTS_MS);
        Self {
            base_url: base_url.or(before.base_url),
            enabled: enabled.unwrap_or(before.enabled),
            priority: priority.unwrap_or(before.priority),
            limits: limits.applied(before.limits),
            timeout_ms: timeout_ms.unwrap_or(before.timeout_ms),
            ..before
        }
    }

    /// The settings with what is usual in the place of each that is `null`; of limits, their changes say it.
    fn cleared(mut self, fields: &mut Fields<'_>) -> Self {
        let usual = Self::of(self.provider);
        if fields.is_cleared("base_url") {
            self.base_url = usual.base_url;
        }
        if fields.is_cleared("enabled") {
            self.enabled = usual.enabled;
        }
        if fields.is_cleared("priority") {
            self.priority = usual.priority;
        }
        if fields.is_cleared("timeout_ms") {
            self.timeout_ms = usual.timeout_ms;
        }
        self
    }
}

fn read_address<E: std::fmt::Display>(
    provider: Provider,
    fields: &mut Fields<'_>,
    address: impl FnOnce(&str) -> Result<String, E>,
) -> Option<String> {
    match provider {
        Provider::Meta => {
            if fields.value("base_url").is_some() {
                let detail = "cannot be set: Meta has one address for everybody, which the installation knows";
                fields.fault("base_url", FaultCode::NotAllowed, detail);
            }
            None
        }
        Provider::Gateway(_) => {
            let text = fields.text("base_url", 1..=LONGEST_ADDRESS)?;
            let read = address(text);
            read.map_err(|error| {
                fields.fault("base_url", FaultCode::Invalid, error.to_string());
            })
            .ok()
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::domain::fault::Faults;
    use crate::domain::provider::Gateway;
    use serde_json::{Value, json};

    fn change(before: ProviderSettings, body: &Value) -> Result<ProviderSettings, Vec<String>> {
        let faults = Faults::new();
        let read = Fields::of(body, "", &faults).map(|mut fields| {
            let refuse = |text: &str| match text {
                "there" => Ok("https://there.example".to_owned()),
                _ => Err("must be there"),
            };
            let after = before.changed(&mut fields, refuse);
            fields.finish();
            after
        });
        let pointers = |faults: Vec<crate::domain::fault::Fault>| {
            faults.into_iter().map(|fault| fault.pointer).collect()
        };
        faults.into_result(read).map_err(pointers)
    }

    #[test]
    fn what_is_absent_stays_and_null_takes_an_address_or_a_limit_away() {
        let body = json!({
            "base_url": "there", "enabled": false, "priority": 7, "timeout_ms": 3_000,
            "limits": {"per_second": 5, "per_day": 1_000},
        });
        let fonnte = ProviderSettings::of(Provider::Gateway(Gateway::Fonnte));
        let set = change(fonnte.clone(), &body).unwrap();
        let expected = ProviderSettings {
            base_url: Some("https://there.example".to_owned()),
            enabled: false,
            priority: 7,
            limits: Limits {
                per_second: Some(5),
                per_minute: None,
                per_day: Some(1_000),
            },
            timeout_ms: 3_000,
            ..fonnte
        };
        assert_eq!(set, expected);
        assert_eq!(change(set.clone(), &json!({})), Ok(set.clone()));
        let body = json!({"base_url": null, "limits": {"per_second": null, "per_minute": 60}});
        let after = change(set, &body).unwrap();
        assert_eq!(after.base_url, None);
        assert_eq!(
            after.limits,
            Limits {
                per_second: None,
                per_minute: Some(60),
                per_day: Some(1_000),
            }
        );
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_place() {
        let body = json!({
            "base_url": "elsewhere", "enabled": 1, "priority": 0, "timeout_ms": 2_999,
            "limits": {"per_second": 0, "per_hour": 3}, "more": 1,
        });
        let faults = change(
            ProviderSettings::of(Provider::Gateway(Gateway::Mock)),
            &body,
        )
        .unwrap_err();
        let expected = [
            "/base_url",
            "/enabled",
            "/priority",
            "/limits/per_second",
            "/limits/per_hour",
            "/timeout_ms",
            "/more",
        ];
        assert_eq!(faults, expected);
        for timeout in [10_001, 0] {
            let body = json!({"timeout_ms": timeout});
            let faults = change(ProviderSettings::of(Provider::Meta), &body);
            assert_eq!(faults.unwrap_err(), ["/timeout_ms"]);
        }
    }

    #[test]
    fn meta_is_where_the_installation_says_and_nowhere_else() {
        let meta = ProviderSettings::of(Provider::Meta);
        let faults = change(meta.clone(), &json!({"base_url": "there"}));
        assert_eq!(faults.unwrap_err(), ["/base_url"]);
        let body = json!({"base_url": null, "timeout_ms": 5_000});
        assert_eq!(change(meta, &body).unwrap().timeout_ms, 5_000);
    }

    #[test]
    fn settings_say_the_same_whenever_they_were_written() {
        let one = ProviderSettings::of(Provider::Gateway(Gateway::Mock));
        let other = ProviderSettings {
            rev: 3,
            changed_at: Some(Timestamp::UNIX_EPOCH),
            ..one.clone()
        };
        assert!(one.say_the_same(&other));
        let disabled = ProviderSettings {
            enabled: false,
            ..other
        };
        assert!(!one.say_the_same(&disabled));
    }
}
