//! What brings a phone number onto the Cloud API and off it: a code, a registration with a PIN.
//!
//! Codes and PINs go to Meta and nowhere else: neither the trail nor an item holds one.

use super::changing::{Changing, Said};
use super::numbers::{Access, access, digits_alone, of_waba};
use super::trouble::Trouble;
use crate::State;
use crate::authority::Authority;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::{HeaderMap, StatusCode};
use heliograph::domain::audit::Action;
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::identity::PhoneNumberId;
use heliograph::domain::role::Right;
use heliograph::domain::secret::SecretText;
use heliograph::provider::Answered;
use heliograph::provider::meta::client::management::CodeMethod;
use heliograph::service::caller::Caller;
use heliograph::service::http::listing::id_of;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::openapi::{AccountProblems, BodyProblems, ProviderProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Meta's codes and PINs have six digits.
const DIGITS: usize = 6;

/// One thing that Meta is told to do with a number.
enum Order {
    RequestCode {
        method: CodeMethod,
        language: String,
    },
    VerifyCode(SecretText),
    Register {
        pin: SecretText,
        region: Option<String>,
    },
    Deregister,
    SetPin(SecretText),
}

impl Order {
    /// What the trail says of it.
    fn said(&self) -> Value {
        match self {
            Self::RequestCode { .. } => json!({"code_requested": true}),
            Self::VerifyCode(_) => json!({"verified": true}),
            Self::Register { region, .. } => json!({"registered": true, "region": region}),
            Self::Deregister => json!({"registered": false}),
            Self::SetPin(_) => json!({"pin_set": true}),
        }
    }

    async fn give(&self, state: &State, token: &SecretText, id: &PhoneNumberId) -> Answered<()> {
        let meta = state.parts.providers.meta();
        match self {
            Self::RequestCode { method, language } => {
                meta.request_code(token, id, *method, language).await
            }
            Self::VerifyCode(code) => meta.verify_code(token, id, code).await,
            Self::Register { pin, region } => {
                meta.register(token, id, pin, region.as_deref()).await
            }
            Self::Deregister => meta.deregister(token, id).await,
            Self::SetPin(pin) => meta.set_pin(token, id, pin).await,
        }
    }
}

/// Has Meta do something with an account's number.
async fn carry_out(
    state: &State,
    authority: &Authority,
    (account, number): (&str, &str),
    order: &Order,
) -> Result<StatusCode, Problem> {
    let changing = Changing::begin_at_meta(&state.store, authority, account).await?;
    let given = give(state, &changing, number, order).await;
    let said = Said::about(Action::PhoneNumberChanged, number, order.said());
    changing.end(given.map(|()| said)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn give(
    state: &State,
    changing: &Changing<'_>,
    number: &str,
    order: &Order,
) -> Result<(), Problem> {
    let Access { token, waba } = access(state, &changing.account).await?;
    of_waba(state, &token, &waba, number).await?;
    let given = order.give(state, &token, &id_of(number)?).await;
    Ok(given.map_err(Trouble::unasked)?)
}

/// How the code is to come.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read below")]
pub(crate) struct CodeRequestBody {
    /// `sms` or `voice`.
    #[schema(pattern = "^(sms|voice)$", example = "sms")]
    method: String,
    /// In which language, by Meta's names; `en_US` unless told.
    #[schema(pattern = "^[A-Za-z_]{2,10}$", example = "en_US")]
    language: Option<String>,
}

/// The code that came.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read below")]
pub(crate) struct CodeBody {
    /// Six digits.
    #[schema(pattern = "^[0-9]{6}$", example = "123456")]
    code: String,
}

/// The number's two-step PIN.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read below")]
pub(crate) struct PinBody {
    /// Six digits. Keep it: Meta asks for it when the number is registered again.
    #[schema(pattern = "^[0-9]{6}$", example = "123456")]
    pin: String,
}

/// A registration.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read below")]
pub(crate) struct RegistrationBody {
    /// Six digits: the number's two-step PIN, which is set by this if it has none.
    #[schema(pattern = "^[0-9]{6}$", example = "123456")]
    pin: String,
    /// Where Meta is to keep its data at rest: an ISO country code such as `DE`.
    #[schema(pattern = "^[A-Z]{2}$")]
    data_localization_region: Option<String>,
}

/// Have a code sent to a phone number, which proves that it is yours.
#[utoipa::path(
    post, operation_id = "request_code", path = "/v1/accounts/{id}/phone-numbers/{number}/request-code",
    tag = "Phone numbers", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("number" = String, Path, description = "Meta's phone number id"),
    ),
    request_body(content = crate::accounts::registration::CodeRequestBody, content_type = "application/json"),
    responses(
        (status = 204, description = "It is on its way"),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn request_code(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path((account, number)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let order = read(&body, |fields| {
        let method = fields.required_choice("method", &["sms", "voice"]);
        let language = fields.parsed("language", language);
        Some(Order::RequestCode {
            method: CodeMethod::named(method?)?,
            language: language.unwrap_or_else(|| "en_US".to_owned()),
        })
    })?;
    carry_out(&state, &authority, (&account, &number), &order).await
}

/// Prove by the code that a phone number is yours.
#[utoipa::path(
    post, operation_id = "verify_code", path = "/v1/accounts/{id}/phone-numbers/{number}/verify-code",
    tag = "Phone numbers", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("number" = String, Path, description = "Meta's phone number id"),
    ),
    request_body(content = crate::accounts::registration::CodeBody, content_type = "application/json"),
    responses(
        (status = 204, description = "It is yours"),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn verify_code(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path((account, number)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let order = read(&body, |fields| {
        let code = fields.required_parsed("code", six_digits);
        Some(Order::VerifyCode(code?))
    })?;
    carry_out(&state, &authority, (&account, &number), &order).await
}

/// Register a phone number for the Cloud API.
///
/// It can send and receive then. Meta allows ten registrations in 72 hours.
#[utoipa::path(
    post, operation_id = "register_phone_number", path = "/v1/accounts/{id}/phone-numbers/{number}/register",
    tag = "Phone numbers", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("number" = String, Path, description = "Meta's phone number id"),
    ),
    request_body(content = crate::accounts::registration::RegistrationBody, content_type = "application/json"),
    responses(
        (status = 204, description = "It is registered"),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn register(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path((account, number)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let order = read(&body, |fields| {
        let pin = fields.required_parsed("pin", six_digits);
        let region = fields.parsed("data_localization_region", region);
        Some(Order::Register { pin: pin?, region })
    })?;
    carry_out(&state, &authority, (&account, &number), &order).await
}

/// Take a phone number off the Cloud API.
///
/// Nothing can be sent from it, and nothing comes in, until it is registered again.
#[utoipa::path(
    post, operation_id = "deregister_phone_number", path = "/v1/accounts/{id}/phone-numbers/{number}/deregister",
    tag = "Phone numbers", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("number" = String, Path, description = "Meta's phone number id"),
    ),
    responses(
        (status = 204, description = "It is off"),
        AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn deregister(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path((account, number)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    carry_out(&state, &authority, (&account, &number), &Order::Deregister).await
}

/// Set a phone number's two-step PIN.
#[utoipa::path(
    put, operation_id = "set_pin", path = "/v1/accounts/{id}/phone-numbers/{number}/pin", tag = "Phone numbers",
    security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("number" = String, Path, description = "Meta's phone number id"),
    ),
    request_body(content = crate::accounts::registration::PinBody, content_type = "application/json"),
    responses(
        (status = 204, description = "It is set"),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn set_pin(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path((account, number)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let order = read(&body, |fields| {
        let pin = fields.required_parsed("pin", six_digits);
        Some(Order::SetPin(pin?))
    })?;
    carry_out(&state, &authority, (&account, &number), &order).await
}

fn read(
    body: &Value,
    order: impl FnOnce(&mut Fields<'_>) -> Option<Order>,
) -> Result<Order, Problem> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let order = order(&mut fields);
        fields.finish();
        order
    });
    let read: Result<Order, Vec<Fault>> = faults.into_result(read);
    read.map_err(Problem::validation)
}

fn six_digits(text: &str) -> Result<SecretText, String> {
    digits_alone(text, DIGITS, DIGITS).map(SecretText::new)
}

fn language(text: &str) -> Result<String, &'static str> {
    let is_one = (2..=10).contains(&text.len())
        && text
            .bytes()
            .all(|it| it.is_ascii_alphabetic() || it == b'_');
    if is_one {
        Ok(text.to_owned())
    } else {
        Err("must be a language by Meta's names, such as en_US")
    }
}

fn region(text: &str) -> Result<String, &'static str> {
    if text.len() == 2 && text.bytes().all(|it| it.is_ascii_uppercase()) {
        Ok(text.to_owned())
    } else {
        Err("must be a country code such as DE")
    }
}
