//! Step 4, and any time later: what people see of the business. It is Meta's; nothing of it is kept here.

use super::changing::{Changing, Said};
use super::find_at_meta;
use super::trouble::Trouble;
use super::{checks, entered};
use crate::State;
use crate::authority::Authority;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::HeaderMap;
use heliograph::domain::account::{Step, StepState};
use heliograph::domain::audit::Action;
use heliograph::domain::email::EmailAddress;
use heliograph::domain::fault::{Fault, FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::identity::PhoneNumberId;
use heliograph::domain::role::Right;
use heliograph::domain::secret::SecretText;
use heliograph::provider::meta::client::management::Profile;
use heliograph::service::caller::Caller;
use heliograph::service::http::{MAX_JSON, Parameters, read_json};
use heliograph::service::openapi::{AccountProblems, BodyProblems, ListProblems, ProviderProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{Account, Store};
use serde_json::{Map, Value, json};
use std::ops::RangeInclusive;
use utoipa::ToSchema;

/// How long each text may be. Source: Meta, "Business profiles".
const LENGTHS: [(&str, RangeInclusive<usize>); 4] = [
    ("about", 1..=139),
    ("address", 0..=256),
    ("description", 0..=512),
    ("email", 0..=128),
];
const LONGEST_WEBSITE: usize = 256;
const MOST_WEBSITES: usize = 2;

/// Trades, by Meta's names.
const VERTICALS: [&str; 20] = [
    "ALCOHOL",
    "APPAREL",
    "AUTO",
    "BEAUTY",
    "EDU",
    "ENTERTAIN",
    "EVENT_PLAN",
    "FINANCE",
    "GOVT",
    "GROCERY",
    "HEALTH",
    "HOTEL",
    "NONPROFIT",
    "ONLINE_GAMBLING",
    "OTC_DRUGS",
    "OTHER",
    "PHYSICAL_GAMBLING",
    "PROF_SERVICES",
    "RESTAURANT",
    "RETAIL",
];
const MORE_VERTICALS: [&str; 2] = ["TRAVEL", "NOT_A_BIZ"];

/// What is changed of a profile; what is absent stays, and an empty text takes it away.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `read_changes`"
)]
pub(crate) struct ProfileBody {
    /// A line under the name: 139 characters at most.
    #[schema(min_length = 1, max_length = 139, example = "Open from nine to five")]
    about: Option<String>,
    /// 256 characters at most.
    #[schema(max_length = 256)]
    address: Option<String>,
    /// 512 characters at most.
    #[schema(max_length = 512)]
    description: Option<String>,
    /// 128 characters at most.
    #[schema(max_length = 128, example = "hello@example.com")]
    email: Option<String>,
    /// Two at most, each with `http://` or `https://`.
    #[schema(max_items = 2)]
    websites: Option<Vec<String>>,
    /// Its trade, by Meta's names.
    #[schema(example = "RETAIL")]
    vertical: Option<String>,
    /// A picture that was uploaded to Meta by the resumable upload API.
    #[schema(min_length = 1, max_length = 2000)]
    profile_picture_handle: Option<String>,
}

/// Reads the profile of an account's first sender from Meta.
#[utoipa::path(
    get,
    operation_id = "get_setup_profile",
    path = "/v1/accounts/{id}/setup/profile",
    tag = "Set-up",
    params(("id" = String, Path, description = "Our id of the account", example = "acct_demo")),
    responses((status = 200, description = "The profile", body = Profile), ListProblems, AccountProblems, ProviderProblems)
)]
pub(crate) async fn show(
    caller: Caller,
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Profile>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    parameters.finish()?;
    let account = find_at_meta(&state.store, &tenant, &id).await?;
    let token = checks::needed_token(&state, &account).await?;
    let number = first_number(&state.store, &account).await?;
    Ok(Json(read_from_meta(&state, &token, &number).await?))
}

/// Step 4: what people see of the business.
///
/// Pushed to Meta, and read back. An empty body keeps the profile as it is.
#[utoipa::path(
    put, operation_id = "set_up_profile", path = "/v1/accounts/{id}/setup/profile", tag = "Set-up", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id of the account")),
    request_body(content = crate::accounts::profile::ProfileBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The profile as Meta has it now", body = Profile),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn change(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Profile>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let changes = read_changes(&body).map_err(Problem::validation)?;
    let mut changing = Changing::begin_at_meta(&state.store, &authority, &id).await?;
    let pushed = push(&state, &changing, &changes).await;
    let now = changing.now;
    changing
        .account
        .setup
        .note(Step::Profile, StepState::Done, now);
    let said = json!({"step": Step::Profile, "profile": changes});
    let said = Said::of(Action::AccountSetUp, &changing.account, said);
    Ok(Json(changing.end_with(pushed.map(|it| (it, said))).await?))
}

async fn push(
    state: &State,
    changing: &Changing<'_>,
    changes: &Map<String, Value>,
) -> Result<Profile, Problem> {
    let token = checks::needed_token(state, &changing.account).await?;
    let number = first_number(&state.store, &changing.account).await?;
    put_to_meta(state, &token, &number, changes).await
}

/// Pushes changes to a number's profile, and reads back what Meta has made of them.
pub(super) async fn put_to_meta(
    state: &State,
    token: &SecretText,
    id: &PhoneNumberId,
    changes: &Map<String, Value>,
) -> Result<Profile, Problem> {
    if !changes.is_empty() {
        let pushed = state
            .parts
            .providers
            .meta()
            .change_profile(token, id, changes)
            .await;
        pushed.map_err(Trouble::unasked)?;
    }
    read_from_meta(state, token, id).await
}

/// A number's profile.
pub(super) async fn read_from_meta(
    state: &State,
    token: &SecretText,
    id: &PhoneNumberId,
) -> Result<Profile, Problem> {
    let profile = state.parts.providers.meta().profile(token, id).await;
    Ok(profile.map_err(Trouble::unasked)?)
}

async fn first_number(store: &Store, account: &Account) -> Result<PhoneNumberId, Problem> {
    let first = entered::first_sender(store, account).await?;
    let number = first.and_then(|sender| sender.id.phone_number_id());
    number.ok_or_else(|| {
        let id = &account.id;
        let detail = format!("a profile is a phone number's: first do step 2, PUT /v1/accounts/{id}/setup/phone-number");
        Problem::conflict("no_sender", detail)
    })
}

/// Reads what is changed of a profile, as Meta is told.
pub(super) fn read_changes(body: &Value) -> Result<Map<String, Value>, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).map(|mut fields| {
        let mut changes = Map::new();
        for (name, length) in LENGTHS {
            if let Some(text) = fields.text(name, length) {
                changes.insert(name.to_owned(), text.into());
            }
        }
        let email = changes.get("email").and_then(Value::as_str);
        let email = email.filter(|text| !text.is_empty());
        if email.is_some_and(|text| text.parse::<EmailAddress>().is_err()) {
            let detail = "must be an e-mail address, such as name@example.com, or empty";
            fields.fault("email", FaultCode::Invalid, detail);
        }
        if let Some(handle) = fields.text("profile_picture_handle", 1..=2_000) {
            changes.insert("profile_picture_handle".to_owned(), handle.into());
        }
        let verticals: Vec<_> = VERTICALS.into_iter().chain(MORE_VERTICALS).collect();
        if let Some(vertical) = fields.choice("vertical", &verticals) {
            changes.insert("vertical".to_owned(), vertical.into());
        }
        if let Some(websites) = websites(&mut fields) {
            changes.insert("websites".to_owned(), websites.into());
        }
        fields.finish();
        changes
    });
    faults.into_result(read)
}

fn websites(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    let entries = fields.array("websites", 0..=MOST_WEBSITES)?;
    let mut websites = Vec::new();
    for (pointer, entry) in entries {
        let text = entry.as_str().unwrap_or_default();
        let is_one = text.len() <= LONGEST_WEBSITE
            && (text.starts_with("https://") || text.starts_with("http://"));
        if is_one {
            websites.push(text.to_owned());
        } else {
            let detail =
                "must be a URL that begins with https:// or http://, 256 characters at most";
            fields.faults().add(pointer, FaultCode::Invalid, detail);
        }
    }
    Some(websites)
}
