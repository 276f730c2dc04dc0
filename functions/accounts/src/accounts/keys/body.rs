//! Keys as they are put in and shown.

use super::usage::KeyUsageDto;
use heliograph::domain::credential::{Known, Standing, standing};
use heliograph::domain::failure::ProviderFailure;
use heliograph::domain::fault::{Fault, FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::identity::{KeyAlias, SenderId};
use heliograph::domain::limits::{Changes, Limits};
use heliograph::domain::phone::PhoneNumber;
use heliograph::domain::provider::Provider;
use heliograph::domain::provider_key::{HEAVIEST, ProviderKey, USUAL_WEIGHT};
use heliograph::domain::secret::SecretText;
use heliograph::provider::Answered;
use heliograph::service::problem::Problem;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The longest key; those of Fonnte and NotifAPI are far shorter.
const LONGEST_KEY: usize = 1_024;

/// What may be known of a key: everything but the key.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ProviderKey)]
pub(crate) struct KeyDto {
    /// What people and attempts call it.
    #[schema(value_type = String, example = "main")]
    alias: KeyAlias,
    /// Its last four characters, if it is long enough.
    #[schema(example = "***-key")]
    mask: String,
    /// What is sent from with it.
    #[schema(value_type = String, example = "notifapi-15550003000")]
    sender_id: SenderId,
    /// How much of the sending it takes, beside the other keys of its sender.
    #[schema(minimum = 1, maximum = 1000)]
    weight: u16,
    /// Whether it may be used.
    enabled: bool,
    /// When it was put in.
    since: Timestamp,
    /// When it is used no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// How it was used; only where keys are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<KeyUsageDto>,
    /// How many calls may be made with it.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    #[schema(required = false)]
    limits: Limits,
    /// How it stands.
    state: KeyState,
    /// Until when it is not used, or since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_at: Option<Timestamp>,
    /// Why it is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<String>,
    /// What was not done with the key that was put in, or what its sender lacks, and what to do about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// How a key stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyState {
    /// It is used.
    Healthy,
    /// Too many of its calls failed, or the provider asks for it: it is not used until `state_at`, and one call shows then
    /// whether it is good again.
    Resting,
    /// One of its limits is reached until `state_at`.
    Full,
    /// The provider does not take it, since `state_at`: put another one in, or test it once it is good again.
    Refused,
    /// Its `expires_at` has passed.
    Expired,
    /// Somebody has taken it out.
    Disabled,
}

impl KeyDto {
    /// A key as it stands, by what is known of its account's keys.
    pub(super) fn of(key: &ProviderKey, known: &[Known], now: Timestamp) -> Self {
        let (state, state_at, state_reason) = match standing(key, Known::of_key(known, key), now) {
            Standing::Healthy => (KeyState::Healthy, None, None),
            Standing::Rested => (KeyState::Resting, None, None),
            Standing::Resting { until, reason } => {
                let reason = reason.unwrap_or_else(|| "too many of its calls failed".to_owned());
                (KeyState::Resting, Some(until), Some(reason))
            }
            Standing::Full(until) => (KeyState::Full, Some(until), None),
            Standing::Refused(refusal) => {
                (KeyState::Refused, Some(refusal.at), Some(refusal.message))
            }
            Standing::Expired(end) => (KeyState::Expired, Some(end), None),
            Standing::Disabled => (KeyState::Disabled, None, None),
        };
        Self {
            alias: key.alias.clone(),
            mask: key.mask.clone(),
            sender_id: key.sender.clone(),
            weight: key.weight,
            enabled: key.enabled,
            since: key.since,
            expires_at: key.expires_at,
            usage: None,
            limits: key.limits,
            state,
            state_at,
            state_reason,
            warnings: Vec::new(),
        }
    }
}

/// The keys of an account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Keys {
    /// All of them.
    pub(super) data: Vec<KeyDto>,
}

/// What came of a key's test.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = KeyTest)]
pub(crate) struct KeyTestDto {
    /// Whether the provider takes the key.
    is_good: bool,
    /// What the provider says.
    detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// When it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    /// What follows: what keeps a good key's sender from sending, or that a refused one is used no more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

impl KeyTestDto {
    pub(super) fn of(asked: &Answered<String>, now: Timestamp) -> Self {
        match asked {
            Ok(detail) => Self {
                is_good: true,
                detail: detail.clone(),
                remedy: None,
                at: Some(now),
                warnings: Vec::new(),
            },
            Err(ProviderFailure {
                message, remedy, ..
            }) => Self {
                is_good: false,
                detail: message.clone(),
                remedy: Some(remedy.clone()),
                at: Some(now),
                warnings: Vec::new(),
            },
        }
    }

    /// The secret does not have it.
    pub(super) fn lost() -> Self {
        Self {
            is_good: false,
            detail: "the account's secret does not hold this key".to_owned(),
            remedy: Some("put the key in again".to_owned()),
            at: None,
            warnings: Vec::new(),
        }
    }
}

/// A key to put in, or what is changed of one.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `New::read`"
)]
pub(crate) struct KeyBody {
    /// The key. May be left out once it is in.
    #[schema(min_length = 4, max_length = 1024)]
    key: Option<String>,
    /// The number that is sent from with it, with its country code. Fonnte tells it by itself.
    #[schema(min_length = 1, example = "+15550003000")]
    number: Option<String>,
    /// How much of the sending it takes, beside the other keys of its sender: 1, unless told, and with `null`.
    #[schema(minimum = 1, maximum = 1000)]
    weight: Option<u16>,
    /// Whether it may be used: yes, unless told, and with `null`.
    enabled: Option<bool>,
    /// When it is used no more; `null` takes that away.
    expires_at: Option<Timestamp>,
    /// How many calls may be made with it. What is absent stays, `null` takes a limit away, and `null` in their place all.
    limits: Option<Limits>,
}

/// The key that takes another one's place.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `New::read_next`"
)]
pub(crate) struct NextKeyBody {
    /// The key. It is one of the same number.
    #[schema(min_length = 4, max_length = 1024)]
    key: String,
}

/// A key as it is put in.
pub(crate) struct New {
    pub(super) key: Option<SecretText>,
    pub(super) number: Option<PhoneNumber>,
    pub(super) settings: Settings,
}

/// What is changed of a key; what is absent stays, `null` is what is usual.
#[expect(
    clippy::option_option,
    reason = "an end may stay, be taken away, or be another one"
)]
#[derive(Default)]
pub(super) struct Settings {
    weight: Option<u16>,
    enabled: Option<bool>,
    expires_at: Option<Option<Timestamp>>,
    limits: Changes,
}

/// What an import says of a key beside its secret and its number.
#[derive(Clone, Copy)]
pub(crate) struct Said {
    pub(crate) weight: u16,
    pub(crate) enabled: bool,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) limits: Limits,
}

impl New {
    /// A key with all there is to say of it.
    pub(crate) fn of(key: SecretText, number: Option<PhoneNumber>, said: Said) -> Self {
        Self {
            key: Some(key),
            number,
            settings: Settings {
                weight: Some(said.weight),
                enabled: Some(said.enabled),
                expires_at: Some(said.expires_at),
                limits: Changes::to(said.limits),
            },
        }
    }

    /// The key that takes the place of `before`, of which all else stays.
    pub(super) fn read_next(body: &Value, before: &ProviderKey) -> Result<Self, Vec<Fault>> {
        let faults = Faults::new();
        let read = Fields::of(body, "", &faults).map(|mut fields| {
            let next = Self {
                key: fields.required_parsed("key", key),
                number: number_of(&before.sender),
                settings: Settings::default(),
            };
            fields.finish();
            next
        });
        faults.into_result(read)
    }

    pub(super) fn read(body: &Value) -> Result<Self, Vec<Fault>> {
        let faults = Faults::new();
        let read = Fields::of(body, "", &faults).map(|mut fields| {
            let new = Self {
                key: fields.parsed("key", key),
                number: fields.parsed("number", str::parse::<PhoneNumber>),
                settings: Settings::read(&mut fields),
            };
            if new.number.is_some() && new.key.is_none() {
                let detail = "is the key's: give the key with it";
                fields.fault("number", FaultCode::NotAllowed, detail);
            }
            fields.finish();
            new
        });
        faults.into_result(read)
    }
}

impl Settings {
    fn read(fields: &mut Fields<'_>) -> Self {
        let usual_weight = fields.is_cleared("weight").then_some(USUAL_WEIGHT);
        let is_enabled_as_usual = fields.is_cleared("enabled").then_some(true);
        let has_no_end = fields.is_cleared("expires_at").then_some(None);
        let weight = fields.whole("weight", 1..=u32::from(HEAVIEST));
        Self {
            weight: weight
                .and_then(|it| u16::try_from(it).ok())
                .or(usual_weight),
            enabled: fields.boolean("enabled").or(is_enabled_as_usual),
            expires_at: fields.time("expires_at").map(Some).or(has_no_end),
            limits: Changes::read(fields, "limits"),
        }
    }

    pub(super) fn applied(&self, key: ProviderKey) -> ProviderKey {
        ProviderKey {
            weight: self.weight.unwrap_or(key.weight),
            enabled: self.enabled.unwrap_or(key.enabled),
            expires_at: self.expires_at.unwrap_or(key.expires_at),
            limits: self.limits.applied(key.limits),
            ..key
        }
    }
}

/// The number that a sender's name is.
pub(crate) fn number_of(sender: &SenderId) -> Option<PhoneNumber> {
    format!("+{}", sender.name()).parse().ok()
}

/// A key as it was copied: without what stands around it.
pub(crate) fn key(text: &str) -> Result<SecretText, String> {
    let text = text.trim();
    let is_one =
        (4..=LONGEST_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_one {
        return Err("must be a key, without spaces and line breaks: copy it once more".to_owned());
    }
    Ok(SecretText::new(text))
}

/// The sender of a number that was typed.
pub(super) fn sender_named(
    provider: Provider,
    number: Option<&PhoneNumber>,
) -> Result<Option<SenderId>, Problem> {
    let named = number.map(|number| SenderId::of(provider, number.digits()));
    named.transpose().map_err(|error| {
        Problem::validation(vec![Fault {
            pointer: "/number".to_owned(),
            code: FaultCode::Invalid,
            detail: format!("is {error}"),
        }])
    })
}

pub(super) fn missing_key() -> Problem {
    required(
        "/key",
        "is missing: the account has no key of this alias yet",
    )
}

pub(super) fn missing_number(provider: Provider) -> Problem {
    let title = provider.title();
    let detail = format!("is missing: {title} does not tell what its key sends from");
    required("/number", &detail)
}

fn required(pointer: &str, detail: &str) -> Problem {
    Problem::validation(vec![Fault {
        pointer: pointer.to_owned(),
        code: FaultCode::Required,
        detail: detail.to_owned(),
    }])
}
