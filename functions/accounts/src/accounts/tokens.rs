//! Step 3: the access token and the verify token. With the access token, what was entered before is checked.

use super::changing::{Changing, Said};
use super::checks::{self, TEMPORARY};
use super::dto::SetupDto;
use super::sender_changes::Changes;
use super::setup::{secret_text, shown};
use super::trouble::Trouble;
use super::{entered, rotation, senders};
use crate::State;
use crate::authority::Authority;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::HeaderMap;
use heliograph::domain::account::{CredentialKind, CredentialRecord, Step, StepState};
use heliograph::domain::audit::Action;
use heliograph::domain::fault::{Fault, FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::role::Right;
use heliograph::domain::secret::{Credential, SecretText};
use heliograph::provider::meta::client::management::TokenFacts;
use heliograph::service::auth::drawn;
use heliograph::service::caller::Caller;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::openapi::{AccountProblems, BodyProblems, ProviderProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::service::secrets::{AccountInSecrets, AccountOutSecrets, Begin};
use heliograph::store::Account;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Meta's tokens have some two hundred characters.
const LONGEST_TOKEN: usize = 2_000;

/// A token that would end before the next month's rotation is exchanged at once.
const EXCHANGED_BEFORE: SignedDuration = SignedDuration::from_hours(37 * 24);

/// What attempts call the token.
const ALIAS: &str = "main";

/// What the third step says; what is left out is the one there is.
pub(crate) struct Tokens {
    pub(crate) access: Option<SecretText>,
    pub(crate) verify: Option<SecretText>,
}

/// What came of the step beside the account.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) verify_token: Option<String>,
    pub(crate) warnings: Vec<String>,
}

/// Step 3: the access token and the webhook's verify token.
///
/// Meta is asked whether the access token is good, this app's, and may do what it must. A verify token is made if there is
/// none. What was entered in steps 1 and 2 is checked with the new token: what Meta finds wrong with it stands at that
/// step. Senders that were paused because of their token go on.
#[utoipa::path(
    put, operation_id = "set_up_tokens", path = "/v1/accounts/{id}/setup/tokens", tag = "Set-up", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id of the account")),
    request_body(content = crate::accounts::dto::TokensBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The set-up as it is now", body = SetupDto),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn tokens(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<SetupDto>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let new = read(&body).map_err(Problem::validation)?;
    let (account, beside) = take(&state, &authority, &id, new).await?;
    let mut setup = shown(&state, &account).await?;
    setup.verify_token = beside.verify_token;
    setup.warnings = beside.warnings;
    Ok(Json(setup))
}

/// Does the third step.
pub(crate) async fn take(
    state: &State,
    authority: &Authority,
    id: &str,
    new: Tokens,
) -> Result<(Account, Shown), Problem> {
    let mut changing = Changing::begin_at_meta(&state.store, authority, id).await?;
    let mut beside = Shown::default();
    let done = put(state, &mut changing, new, &mut beside).await;
    let now = changing.now;
    let account = changing.end(done).await?;
    let in_the_way = senders::resume_refused(&state.store, &account, now).await?;
    beside.warnings.extend(in_the_way);
    let (tenant, id) = (&account.tenant, &account.id);
    state.store.plan_health_check(tenant, id, now).await?;
    Ok((account, beside))
}

async fn put(
    state: &State,
    changing: &mut Changing<'_>,
    new: Tokens,
    beside: &mut Shown,
) -> Result<Said, Problem> {
    let now = changing.now;
    let keeper = &state.parts.keeper;
    let (tenant, id) = (&changing.account.tenant, &changing.account.id);
    let mut inbound = keeper.inbound(tenant, id).await?;
    let known = checks::access_token(state, &changing.account).await?;
    let Some(token) = new.access.or(known) else {
        return Err(missing_token());
    };
    let facts = check(state, &changing.account, &inbound, &token, now).await?;
    check_entered(state, changing, &token).await?;
    // Whatever may refuse the token has been asked.
    let account = &changing.account;
    beside.warnings.extend(checks::warning(&facts, now));
    beside.verify_token = put_verify_token(&mut inbound, new.verify, account);
    write(state, account, &inbound, &token).await?;
    rotate_from_now_on(state, account, facts.expires_at, (now, beside)).await;
    note(
        &mut changing.account,
        &inbound,
        &token,
        facts.expires_at,
        now,
    );
    let said = json!({"step": Step::Tokens, "access_token": token.masked()});
    Ok(Said::of(Action::AccountSetUp, &changing.account, said))
}

/// Asks Meta of the token all that can be asked.
async fn check(
    state: &State,
    account: &Account,
    inbound: &AccountInSecrets,
    token: &SecretText,
    now: Timestamp,
) -> Result<TokenFacts, Problem> {
    let Some((app, secret)) = account.app.as_ref().zip(inbound.app_secrets.first()) else {
        let id = &account.id;
        let detail = format!(
            "the token is checked with its app: first do step 1, PUT /v1/accounts/{id}/setup/business"
        );
        return Err(Problem::conflict("no_app", detail));
    };
    let facts = checks::token(state, (app, secret), token, now).await?;
    if let Some(waba) = &account.waba {
        let senders = state.store.senders_of(account).await?;
        checks::sees(state, token, waba, &senders).await?;
    }
    Ok(facts)
}

async fn write(
    state: &State,
    account: &Account,
    inbound: &AccountInSecrets,
    token: &SecretText,
) -> Result<(), Problem> {
    let keeper = &state.parts.keeper;
    let outbound = AccountOutSecrets {
        access_tokens: vec![Credential {
            alias: ALIAS.to_owned(),
            token: token.clone(),
        }],
        ..AccountOutSecrets::default()
    };
    let written = async {
        let (tenant, id) = (&account.tenant, &account.id);
        keeper.put_inbound(tenant, id, inbound).await?;
        keeper.put_outbound(tenant, id, &outbound).await
    };
    written.await.map_err(Problem::from)
}

/// Has both secrets rotated each month, and the access token at once if it would end before. Without that the tokens are
/// good all the same, and the next time they are put in it is asked again.
async fn rotate_from_now_on(
    state: &State,
    account: &Account,
    expires_at: Option<Timestamp>,
    (now, beside): (Timestamp, &mut Shown),
) {
    let ends_soon = expires_at
        .is_some_and(|until| (TEMPORARY..EXCHANGED_BEFORE).contains(&until.duration_since(now)));
    let first = if ends_soon { Begin::Now } else { Begin::InTime };
    for (kind, begin) in [
        (CredentialKind::AccessToken, first),
        (CredentialKind::VerifyToken, Begin::InTime),
    ] {
        if let Err(problem) = rotation::begin(state, account, kind, begin).await {
            let why = problem.detail();
            let warning = format!("Secrets Manager does not rotate it by itself yet: {why}");
            beside.warnings.push(warning);
        }
    }
}

/// The given one, or the one there is, or a new one: which is shown, since nobody knows it. Nor does anybody know one
/// that a step has left which did not come to its end.
fn put_verify_token(
    inbound: &mut AccountInSecrets,
    given: Option<SecretText>,
    account: &Account,
) -> Option<String> {
    if let Some(given) = given {
        inbound.verify_tokens = vec![given];
        return None;
    }
    if let Some(there) = inbound.verify_tokens.first() {
        let is_known = account.credential(CredentialKind::VerifyToken).is_some();
        return (!is_known).then(|| there.expose().to_owned());
    }
    let made = drawn();
    let shown = made.expose().to_owned();
    inbound.verify_tokens = vec![made];
    Some(shown)
}

fn note(
    account: &mut Account,
    inbound: &AccountInSecrets,
    token: &SecretText,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) {
    account.note_credential(CredentialRecord {
        kind: CredentialKind::AccessToken,
        alias: ALIAS.to_owned(),
        mask: token.masked(),
        since: now,
        expires_at,
    });
    if let Some(verify) = inbound.verify_tokens.first() {
        account.note_credential(CredentialRecord {
            kind: CredentialKind::VerifyToken,
            alias: ALIAS.to_owned(),
            mask: verify.masked(),
            since: now,
            expires_at: None,
        });
    }
    account.setup.note(Step::Tokens, StepState::Done, now);
}

/// Checks what waited for a token. What Meta does not take stands at its step; the token itself is good.
async fn check_entered(
    state: &State,
    changing: &mut Changing<'_>,
    token: &SecretText,
) -> Result<(), Problem> {
    if let Some(waba) = changing.account.setup.waba.clone() {
        let came = entered::take_waba(state, changing, token, &waba).await;
        stand_at(changing, Step::Business, came)?;
    }
    check_number(state, changing, token).await
}

/// Checks the number that waited for the WABA.
pub(super) async fn check_number(
    state: &State,
    changing: &mut Changing<'_>,
    token: &SecretText,
) -> Result<(), Problem> {
    let number = changing.account.setup.phone_number.clone();
    if let (Some(waba), Some(number)) = (changing.account.waba.clone(), number) {
        let as_it_is = Changes::default();
        let of = (&waba, &number);
        let came = entered::take_number(state, changing, token, of, &as_it_is).await;
        stand_at(changing, Step::PhoneNumber, came.map(drop))?;
    }
    Ok(())
}

/// A step that Meta refuses keeps what is wrong with it; whatever else happened is the caller's to hear.
pub(super) fn stand_at(
    changing: &mut Changing<'_>,
    step: Step,
    taken: Result<(), Trouble>,
) -> Result<(), Problem> {
    let now = changing.now;
    match taken {
        Ok(()) => Ok(()),
        Err(Trouble::Refused { fault, .. }) => {
            changing.account.setup.note_fault(step, fault, now);
            Ok(())
        }
        Err(Trouble::Problem(problem)) => Err(*problem),
    }
}

fn missing_token() -> Problem {
    let detail = "is missing; make one in Business settings, System users, Generate token";
    Problem::validation(vec![Fault {
        pointer: "/access_token".to_owned(),
        code: FaultCode::Required,
        detail: detail.to_owned(),
    }])
}

fn read(body: &Value) -> Result<Tokens, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).map(|mut fields| {
        let access = fields.parsed("access_token", access_token);
        let verify = fields.parsed("verify_token", secret_text);
        fields.finish();
        Tokens { access, verify }
    });
    faults.into_result(read)
}

/// An access token as it was copied: without what stands around it.
pub(crate) fn access_token(text: &str) -> Result<SecretText, String> {
    let text = text.trim();
    let is_one = (8..=LONGEST_TOKEN).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_one {
        return Err(
            "must be an access token, without spaces and line breaks: copy it once more".to_owned(),
        );
    }
    Ok(SecretText::new(text))
}
