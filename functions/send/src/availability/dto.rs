//! What the answer says of each person.

use super::checking::Unanswered;
use super::known::Person;
use heliograph::domain::availability::{Availability, Evidence, Sign};
use heliograph::domain::failure::ProviderFailure;
use heliograph::domain::fault::Fault;
use heliograph::domain::id::{ContactId, MessageId};
use heliograph::domain::identity::{Bsuid, SenderId};
use heliograph::domain::phone::PhoneNumber;
use heliograph::domain::provider::Gateway;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Everybody who was asked about, in their order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContactAvailabilities)]
pub(crate) struct Availabilities {
    /// One for each entry.
    pub(super) data: Vec<PersonDto>,
}

/// Whether a person can be reached; or what is wrong with the entry, and then nothing else.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = ContactAvailability)]
pub(crate) struct PersonDto {
    /// The phone number, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "+15550002001")]
    to: Option<PhoneNumber>,
    /// The business-scoped user id, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    recipient: Option<Bsuid>,
    /// The contact, if the person is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "cont_019e92a7c8887000a000000000000001")]
    contact_id: Option<ContactId>,
    /// Whether a message would arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    availability: Option<Availability>,
    /// What says so; nothing says `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceDto>,
    /// Until when the evidence counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Why no provider told, where one was to be asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    /// With `check_failed`: what the provider said, or that it did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    check_failure: Option<ProviderFailure>,
    /// What is wrong with the entry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

/// Why no provider told of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AvailabilityWarning)]
pub(super) enum Warning {
    /// No sender of a provider that can be asked has a key that can be used.
    NoChecker,
    /// Every provider that could be asked is disabled: `PUT /v1/providers/{id}`.
    ProviderDisabled,
    /// Nobody can be asked about a person without a phone number in sight.
    NoPhoneNumber,
    /// The provider refused, or did not answer.
    CheckFailed,
    /// The provider said nothing of this number, or there was no time left to ask.
    NotTold,
}

/// What says whether a person can be reached.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AvailabilityEvidence)]
struct EvidenceDto {
    /// What it is.
    kind: EvidenceKind,
    /// When that was.
    at: Timestamp,
    /// The message it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "msg_019e92a7c8887000a000000000000001")]
    message_id: Option<MessageId>,
    /// The sender of yours that it came by.
    #[schema(value_type = String, example = "100000000000001")]
    sender_id: SenderId,
    /// Of `undeliverable`: the provider's code, if it has codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 131_026)]
    code: Option<i64>,
}

/// What was seen of a person.
#[derive(Debug, Clone, Copy)]
enum EvidenceKind {
    /// A message reached the phone.
    Delivered,
    /// A message was read.
    Read,
    /// The person wrote.
    Inbound,
    /// A message could not be delivered to the person.
    Undeliverable,
    /// A gateway said whether the number is on WhatsApp.
    Checked(Gateway),
}

impl EvidenceKind {
    const SEEN: [Self; 4] = [
        Self::Delivered,
        Self::Read,
        Self::Inbound,
        Self::Undeliverable,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Inbound => "inbound",
            Self::Undeliverable => "undeliverable",
            Self::Checked(gateway) => gateway.evidence(),
        }
    }

    /// All that there are.
    fn all() -> impl Iterator<Item = Self> {
        let gateways = Gateway::ALL.iter().copied();
        let asked = gateways.filter(|gateway| gateway.facts().number_checks.is_some());
        Self::SEEN.into_iter().chain(asked.map(Self::Checked))
    }
}

impl Serialize for EvidenceKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl ToSchema for EvidenceKind {
    fn name() -> Cow<'static, str> {
        "AvailabilityEvidenceKind".into()
    }
}

impl PartialSchema for EvidenceKind {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("What was seen of a person."))
            .enum_values(Some(Self::all().map(Self::as_str)))
            .into()
    }
}

impl PersonDto {
    /// An entry that names nobody.
    pub(super) fn faulty(errors: Vec<Fault>) -> Self {
        Self {
            errors,
            ..Self::default()
        }
    }

    /// A person, by this evidence.
    pub(super) fn of(person: Person, evidence: Option<&Evidence>) -> Self {
        let Person {
            contact,
            number,
            user,
        } = person;
        let availability = evidence.map_or(Availability::Unknown, |it| it.sign.tells());
        Self {
            to: number,
            recipient: user,
            contact_id: contact,
            availability: Some(availability),
            evidence: evidence.map(EvidenceDto::of),
            expires_at: evidence.map(Evidence::expires_at),
            ..Self::default()
        }
    }

    /// The same with what kept a provider from telling.
    pub(super) fn with(
        self,
        warnings: Vec<Warning>,
        check_failure: Option<ProviderFailure>,
    ) -> Self {
        Self {
            warnings,
            check_failure,
            ..self
        }
    }
}

impl Warning {
    pub(super) const fn of(unanswered: &Unanswered) -> Self {
        match unanswered {
            Unanswered::NobodyToAsk => Self::NoChecker,
            Unanswered::Disabled => Self::ProviderDisabled,
            Unanswered::Failed(_) => Self::CheckFailed,
            Unanswered::NotTold => Self::NotTold,
        }
    }
}

impl EvidenceDto {
    fn of(evidence: &Evidence) -> Self {
        let (kind, code) = match evidence.sign {
            Sign::Delivered => (EvidenceKind::Delivered, None),
            Sign::Read => (EvidenceKind::Read, None),
            Sign::Inbound => (EvidenceKind::Inbound, None),
            Sign::Undeliverable(code) => (EvidenceKind::Undeliverable, code),
            Sign::OnWhatsapp(gateway) | Sign::NotOnWhatsapp(gateway) => {
                (EvidenceKind::Checked(gateway), None)
            }
        };
        Self {
            kind,
            at: evidence.at,
            message_id: evidence.message.clone(),
            sender_id: evidence.sender.clone(),
            code,
        }
    }
}
