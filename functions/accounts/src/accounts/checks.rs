//! What Meta is asked before anything is saved, and how what it answers is explained.

use super::meta_id::digits;
use super::trouble::Trouble;
use crate::State;
use heliograph::domain::identity::{AppId, PhoneNumberId, WabaId};
use heliograph::domain::secret::SecretText;
use heliograph::messaging::health::SCOPES;
use heliograph::provider::meta::client::management::{
    AppFacts, PhoneNumberNode, TokenFacts, WabaFacts,
};
use heliograph::service::problem::Problem;
use heliograph::store::{Account, Sender};
use jiff::{SignedDuration, Timestamp};

/// Meta's error for an app that is not there. Source: Meta, "Error codes".
const NO_SUCH_APP: i64 = 101;

/// A token that ends sooner is one for trying things out.
pub(super) const TEMPORARY: SignedDuration = SignedDuration::from_hours(48);

/// The access token that the account has, if it has one.
pub(crate) async fn access_token(
    state: &State,
    account: &Account,
) -> Result<Option<SecretText>, Problem> {
    let keeper = &state.parts.keeper;
    let secrets = keeper.outbound(&account.tenant, &account.id).await?;
    let first = secrets.access_tokens.into_iter().next();
    Ok(first.map(|credential| credential.token))
}

/// The access token that must be there.
pub(crate) async fn needed_token(state: &State, account: &Account) -> Result<SecretText, Problem> {
    let token = access_token(state, account).await?;
    token.ok_or_else(|| {
        let id = &account.id;
        let detail = format!("Meta is asked with the access token: first do step 3, PUT /v1/accounts/{id}/setup/tokens");
        Problem::conflict("no_access_token", detail)
    })
}

/// Whether the app and its secret belong together.
pub(crate) async fn app(
    state: &State,
    app: &AppId,
    secret: &SecretText,
) -> Result<AppFacts, Trouble> {
    state.parts.providers.meta().app(app, secret).await.map_err(|failure| {
        if failure.code == Some(NO_SUCH_APP) {
            let remedy = "copy App ID from the app's dashboard: developers.facebook.com, App settings, Basic";
            return Trouble::of_failure(failure, "/app_id", "Meta knows no app of this id", remedy);
        }
        Trouble::of_failure(
            failure,
            "/app_secret",
            "Meta does not take this secret for this app",
            "copy App ID and App secret from one and the same app: developers.facebook.com, App settings, Basic",
        )
    })
}

/// Whether the token is good, the app's, and may do what it must.
pub(crate) async fn token(
    state: &State,
    (app, secret): (&AppId, &SecretText),
    token: &SecretText,
    now: Timestamp,
) -> Result<TokenFacts, Trouble> {
    const FIELD: &str = "/access_token";
    let facts = state.parts.providers.meta().token(app, secret, token).await;
    let facts = facts.map_err(|failure| {
        Trouble::of_failure(
            failure,
            FIELD,
            "Meta tells this app nothing about this token: it may be another app's, or none",
            "make a token for this very app: Business settings, System users, Generate token",
        )
    })?;
    if facts.app.as_deref().is_some_and(|it| it != app.as_str()) {
        return Err(Trouble::refused(
            FIELD,
            "this token is another app's",
            "make one for this very app: Business settings, System users, Generate token",
        ));
    }
    if facts.expires_at.is_some_and(|until| until <= now) {
        return Err(Trouble::refused(
            FIELD,
            "this token has expired",
            "make one that does not expire: Business settings, System users, Generate token, Never",
        ));
    }
    if !facts.is_valid {
        return Err(Trouble::refused(
            FIELD,
            "Meta does not take this token any more",
            "make another one: Business settings, System users, Generate token",
        ));
    }
    let missing = SCOPES
        .into_iter()
        .filter(|scope| !facts.scopes.iter().any(|it| it == scope));
    let missing: Vec<_> = missing.collect();
    if !missing.is_empty() {
        let detail = format!("this token lacks the permission {}", missing.join(" and "));
        let remedy = "generate it anew, with both WhatsApp permissions ticked";
        return Err(Trouble::refused(FIELD, detail, remedy));
    }
    Ok(facts)
}

/// What is to be known of a token that is good.
pub(crate) fn warning(facts: &TokenFacts, now: Timestamp) -> Option<String> {
    let until = facts.expires_at?;
    let left = until.duration_since(now);
    let text = if left < TEMPORARY {
        "this token is a temporary one: messages stop when it ends; make one of a system user's before"
    } else {
        "this token ends; it is exchanged for a new one before, by itself"
    };
    Some(format!("{text} ({until:.0})"))
}

/// Whether the token sees the WABA.
pub(crate) async fn waba(
    state: &State,
    token: &SecretText,
    waba: &WabaId,
) -> Result<WabaFacts, Trouble> {
    let failure = match state.parts.providers.meta().waba(token, waba).await {
        Ok(facts) => return Ok(facts),
        Err(failure) => failure,
    };
    let as_number = waba.as_str().parse::<PhoneNumberId>();
    if let (false, Ok(number)) = (failure.is_retryable(), as_number)
        && state
            .parts
            .providers
            .meta()
            .number(token, &number)
            .await
            .is_ok()
    {
        return Err(Trouble::refused(
            "/waba_id",
            "this is the id of a phone number",
            "write the id of the WhatsApp Business Account that it belongs to",
        ));
    }
    Err(Trouble::of_failure(
        failure,
        "/waba_id",
        "Meta shows this token no WhatsApp Business Account of this id",
        "copy the id from WhatsApp Manager; if it is right, give the token's system user full control of it: \
         Business settings, System users, Assign assets",
    ))
}

/// Whether a new token sees what the account uses: its WABA, and each of its senders.
pub(crate) async fn sees(
    state: &State,
    token: &SecretText,
    waba: &WabaId,
    senders: &[Sender],
) -> Result<(), Trouble> {
    let numbers = state.parts.providers.meta().numbers(token, waba).await;
    let numbers = numbers.map_err(|failure| {
        Trouble::of_failure(
            failure,
            "/access_token",
            "Meta does not show this token the account's WABA",
            "give its system user full control of the WABA: Business settings, System users, Assign assets",
        )
    })?;
    let is_seen = |sender: &Sender| numbers.iter().any(|it| it.id == sender.id.as_str());
    match senders.iter().find(|sender| !is_seen(sender)) {
        None => Ok(()),
        Some(sender) => Err(Trouble::refused(
            "/access_token",
            format!("Meta does not show this token the sender {}", sender.id),
            "give its system user full control of the WABA, or delete the sender first",
        )),
    }
}

/// The number of this id, if it is the WABA's.
pub(crate) async fn number(
    state: &State,
    token: &SecretText,
    waba: &WabaId,
    id: &PhoneNumberId,
) -> Result<PhoneNumberNode, Trouble> {
    const FIELD: &str = "/phone_number_id";
    let numbers = state.parts.providers.meta().numbers(token, waba).await;
    let numbers = numbers.map_err(Trouble::unasked)?;
    if let Some(found) = numbers.iter().find(|it| it.id == id.as_str()) {
        return Ok(found.clone());
    }
    let itself = numbers
        .iter()
        .find(|it| digits(&it.display_phone_number) == id.as_str());
    if let Some(number) = itself {
        let remedy = format!("write its id, which is {}", number.id);
        return Err(Trouble::refused(
            FIELD,
            "this is the phone number itself",
            remedy,
        ));
    }
    if waba.as_str() == id.as_str() {
        let detail = "this is the id of the WhatsApp Business Account";
        return Err(Trouble::refused(FIELD, detail, of_these(&numbers)));
    }
    let detail = "the WhatsApp Business Account has no phone number of this id";
    Err(Trouble::refused(FIELD, detail, of_these(&numbers)))
}

fn of_these(numbers: &[PhoneNumberNode]) -> String {
    let ids: Vec<_> = numbers.iter().map(|it| it.id.as_str()).collect();
    if ids.is_empty() {
        return "it has none yet: add one with POST /v1/accounts/{id}/phone-numbers".to_owned();
    }
    format!("write one of these: {}", ids.join(", "))
}
