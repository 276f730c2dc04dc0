//! `/v1/accounts/{id}/phone-numbers`: the numbers of an account's WABA, as Meta has them now.

use super::changing::{Changing, Said};
use super::checks;
use super::find_at_meta;
use super::meta_id::display_number;
use super::trouble::Trouble;
use crate::State;
use crate::authority::Authority;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::{HeaderMap, StatusCode};
use heliograph::domain::account::NumberFacts;
use heliograph::domain::audit::Action;
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::identity::{PhoneNumberId, WabaId};
use heliograph::domain::role::Right;
use heliograph::domain::secret::SecretText;
use heliograph::provider::meta::client::management::PhoneNumberNode;
use heliograph::service::caller::Caller;
use heliograph::service::http::listing::id_of;
use heliograph::service::http::{MAX_JSON, Parameters, read_json};
use heliograph::service::openapi::{AccountProblems, BodyProblems, ListProblems, ProviderProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::Account;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The name that people see. Source: Meta, "Display names".
const LONGEST_DISPLAY_NAME: usize = 128;

/// A phone number, as Meta has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PhoneNumber)]
pub(crate) struct PhoneNumberDto {
    /// Meta's id of it.
    #[schema(example = "100000000000001")]
    id: String,
    /// The number.
    #[schema(example = "+15550001000")]
    display_number: String,
    /// Whether messages leave from it: it is a sender.
    is_sender: bool,
    /// Whether somebody uses the WhatsApp Business app with it.
    coexistence: bool,
    #[serde(flatten)]
    facts: NumberFacts,
}

/// The numbers of a WABA.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PhoneNumbers {
    /// All of them.
    data: Vec<PhoneNumberDto>,
}

/// A number to add.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `read_new`"
)]
pub(crate) struct NewNumberBody {
    /// The country's calling code, in digits.
    #[schema(pattern = "^[0-9]{1,3}$", example = "1")]
    country_code: String,
    /// The number within the country, in digits.
    #[schema(pattern = "^[0-9]{4,14}$", example = "5550001009")]
    number: String,
    /// The name that people are to see; Meta reviews it.
    #[schema(min_length = 1, max_length = 128, example = "Shop")]
    verified_name: String,
}

fn shown(node: &PhoneNumberNode, is_sender: bool) -> PhoneNumberDto {
    PhoneNumberDto {
        id: node.id.clone(),
        display_number: display_number(&node.display_phone_number),
        is_sender,
        coexistence: node.is_on_biz_app,
        facts: node.facts.clone(),
    }
}

/// What Meta is asked with about an account's numbers.
pub(super) struct Access {
    pub(super) token: SecretText,
    pub(super) waba: WabaId,
}

/// The account's token and WABA.
pub(super) async fn access(state: &State, account: &Account) -> Result<Access, Problem> {
    let token = checks::needed_token(state, account).await?;
    let waba = account.waba.clone().ok_or_else(|| {
        let id = &account.id;
        let detail =
            format!("the account has no WABA yet: do step 1, PUT /v1/accounts/{id}/setup/business");
        Problem::conflict("no_waba", detail)
    })?;
    Ok(Access { token, waba })
}

/// Lists the phone numbers of an account's WABA, asked of Meta now.
#[utoipa::path(
    get,
    operation_id = "list_phone_numbers",
    path = "/v1/accounts/{id}/phone-numbers",
    tag = "Phone numbers",
    params(("id" = String, Path, description = "Our id of the account", example = "acct_demo")),
    responses((status = 200, description = "All of them", body = PhoneNumbers), ListProblems, AccountProblems, ProviderProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<PhoneNumbers>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    parameters.finish()?;
    let account = find_at_meta(&state.store, &tenant, &id).await?;
    let Access { token, waba } = access(&state, &account).await?;
    let numbers = state.parts.providers.meta().numbers(&token, &waba).await;
    let numbers = numbers.map_err(Trouble::unasked)?;
    let senders = state.store.senders_of(&account).await?;
    let is_sender = |node: &PhoneNumberNode| senders.iter().any(|it| it.id.as_str() == node.id);
    let data = numbers.iter().map(|node| shown(node, is_sender(node)));
    Ok(Json(PhoneNumbers {
        data: data.collect(),
    }))
}

/// Reads one phone number, asked of Meta now.
#[utoipa::path(
    get,
    operation_id = "get_phone_number",
    path = "/v1/accounts/{id}/phone-numbers/{number}",
    tag = "Phone numbers",
    params(
        ("id" = String, Path, description = "Our id of the account", example = "acct_demo"),
        ("number" = String, Path, description = "Meta's phone number id", example = "100000000000001"),
    ),
    responses((status = 200, description = "The number", body = PhoneNumberDto), ListProblems, AccountProblems, ProviderProblems)
)]
pub(crate) async fn one(
    caller: Caller,
    extract::State(state): extract::State<State>,
    Path((id, number)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Json<PhoneNumberDto>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    parameters.finish()?;
    let account = find_at_meta(&state.store, &tenant, &id).await?;
    let Access { token, waba } = access(&state, &account).await?;
    let node = of_waba(&state, &token, &waba, &number).await?;
    let known = state.store.sender(&tenant, &id_of(&node.id)?).await?;
    Ok(Json(shown(&node, known.is_some())))
}

/// The number, if it is the WABA's: a token may see others.
pub(super) async fn of_waba(
    state: &State,
    token: &SecretText,
    waba: &WabaId,
    number: &str,
) -> Result<PhoneNumberNode, Problem> {
    let id: PhoneNumberId = id_of(number)?;
    match checks::number(state, token, waba, &id).await {
        Ok(node) => Ok(node),
        Err(Trouble::Refused { .. }) => Err(Problem::not_found()),
        Err(Trouble::Problem(problem)) => Err(*problem),
    }
}

/// Add a phone number to an account's WABA.
///
/// It is then verified by a code, with `request-code` and `verify-code`, and registered.
#[utoipa::path(
    post, operation_id = "add_phone_number", path = "/v1/accounts/{id}/phone-numbers", tag = "Phone numbers",
    security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id of the account")),
    request_body(content = crate::accounts::numbers::NewNumberBody, content_type = "application/json"),
    responses(
        (status = 201, description = "Added", body = PhoneNumberDto),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn add(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<PhoneNumberDto>), Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let new = read_new(&body).map_err(Problem::validation)?;
    let changing = Changing::begin_at_meta(&state.store, &authority, &id).await?;
    let added = add_at_meta(&state, &changing.account, &new).await;
    let added = added.map(|node| {
        let said = json!({"added": true});
        let said = Said::about(Action::PhoneNumberChanged, &node.id, said);
        (node, said)
    });
    let node = changing.end_with(added).await?;
    Ok((StatusCode::CREATED, Json(shown(&node, false))))
}

struct NewNumber {
    country_code: String,
    number: String,
    verified_name: String,
}

async fn add_at_meta(
    state: &State,
    account: &Account,
    new: &NewNumber,
) -> Result<PhoneNumberNode, Problem> {
    let Access { token, waba } = access(state, account).await?;
    let number = (new.country_code.as_str(), new.number.as_str());
    let meta = state.parts.providers.meta();
    let id = meta
        .add_number(&token, &waba, number, &new.verified_name)
        .await
        .map_err(Trouble::unasked)?;
    Ok(meta.number(&token, &id).await.map_err(Trouble::unasked)?)
}

fn read_new(body: &Value) -> Result<NewNumber, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let country_code = fields.required_parsed("country_code", |text| digits_alone(text, 1, 3));
        let number = fields.required_parsed("number", |text| digits_alone(text, 4, 14));
        let verified_name = fields.required_line("verified_name", 1..=LONGEST_DISPLAY_NAME);
        fields.finish();
        Some(NewNumber {
            country_code: country_code?,
            number: number?,
            verified_name: verified_name?.to_owned(),
        })
    });
    faults.into_result(read)
}

/// Digits alone, so many.
pub(super) fn digits_alone(text: &str, least: usize, most: usize) -> Result<String, String> {
    let is_so = (least..=most).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
    if is_so {
        Ok(text.to_owned())
    } else if least == most {
        Err(format!("must be {least} digits"))
    } else {
        Err(format!("must be {least} to {most} digits and nothing else"))
    }
}
