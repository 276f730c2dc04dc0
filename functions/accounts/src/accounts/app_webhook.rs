//! The app's own webhook. Messages and statuses come to each account's own address, but only if the app hears of them at
//! all; and whatever else Meta tells, of templates, of quality, of the account, comes to the one address of the app.
//!
//! It is set up where nobody has, and never taken from anybody: what an app does for others goes on.

use crate::State;
use heliograph::domain::failure::ProviderFailure;
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::AppId;
use heliograph::domain::secret::SecretText;
use heliograph::provider::meta::client::management::AppWebhook;
use heliograph::store::{Account, StoreError};

/// Meta's name for messages and statuses.
const MESSAGES: &str = "messages";

/// What something is made of here, or what a person should see. Source: Meta, "Webhooks": the fields of the object
/// WhatsApp Business Account.
const FIELDS: [&str; 14] = [
    MESSAGES,
    "account_alerts",
    "account_review_update",
    "account_update",
    "business_capability_update",
    "flows",
    "message_template_components_update",
    "message_template_quality_update",
    "message_template_status_update",
    "phone_number_name_update",
    "phone_number_quality_update",
    "security",
    "template_category_update",
    "user_preferences",
];

/// An app, and the secret by which it proves itself.
type App<'a> = (&'a AppId, &'a SecretText);

/// What is to be done about an app's own webhook.
enum Todo {
    Nothing,
    /// It is ours to set up, so.
    Set(AppWebhook),
    /// It goes elsewhere: that is a person's to judge.
    See(AppWebhook),
    /// Nobody knows.
    Unknown(ProviderFailure),
}

/// Sets the app's own webhook up if nobody has; what a person has to see to.
pub(super) async fn see_to(
    state: &State,
    account: &Account,
    app: App<'_>,
    verify_token: &SecretText,
) -> Result<Vec<String>, StoreError> {
    let meta = &state.parts.meta;
    let webhook = match todo(state, account, app).await? {
        Todo::Nothing => return Ok(Vec::new()),
        Todo::See(webhook) => return Ok(told_of(&webhook, account, state)),
        Todo::Unknown(failure) => return Ok(vec![not_seen(&failure)]),
        Todo::Set(webhook) => webhook,
    };
    let set = meta.set_app_webhook(app, &webhook, verify_token).await;
    Ok(set.err().as_ref().map(not_set).into_iter().collect())
}

/// What is wrong with the app's own webhook, if anything is.
pub(super) async fn faults(
    state: &State,
    account: &Account,
    app: App<'_>,
) -> Result<Vec<String>, StoreError> {
    Ok(match todo(state, account, app).await? {
        Todo::Nothing => Vec::new(),
        Todo::See(webhook) => unheard(&webhook).into_iter().collect(),
        Todo::Unknown(failure) => vec![not_seen(&failure)],
        Todo::Set(_) => {
            let id = &account.id;
            vec![format!(
                "the app's own webhook is not set up, or does not hear of all it should; do step 6: \
                 PUT /v1/accounts/{id}/setup/webhook"
            )]
        }
    })
}

async fn todo(
    state: &State,
    account: &Account,
    (app, secret): App<'_>,
) -> Result<Todo, StoreError> {
    let known = match state.parts.meta.app_webhook(app, secret).await {
        Ok(known) => known,
        Err(failure) => return Ok(Todo::Unknown(failure)),
    };
    let ours = account.callback(&state.parts.webhook_url);
    let Some(known) = known else {
        return Ok(Todo::Set(hearing_all(ours, Vec::new())));
    };
    let has_all = FIELDS.iter().all(|field| hears(&known, field));
    match whose(state, account, &known).await? {
        Whose::Tenants if has_all => Ok(Todo::Nothing),
        // The verify token at hand is the one for this account's address.
        Whose::Tenants | Whose::Nobodys => Ok(Todo::Set(hearing_all(ours, known.fields))),
        Whose::Others => Ok(Todo::See(known)),
    }
}

/// Whose address an app's own webhook goes to.
enum Whose {
    /// An account's of the tenant: events are attributed by what they are about, so each is as good as this one's.
    Tenants,
    /// That of an account which is gone.
    Nobodys,
    /// One that we know nothing of, or another tenant's.
    Others,
}

async fn whose(
    state: &State,
    account: &Account,
    webhook: &AppWebhook,
) -> Result<Whose, StoreError> {
    let here = format!("{}/webhooks/meta/", state.parts.webhook_url);
    let id = webhook.callback.strip_prefix(&here);
    let Some(id) = id.and_then(|id| id.parse::<AccountId>().ok()) else {
        return Ok(Whose::Others);
    };
    let pointer = state.store.account_pointer(&id).await?;
    Ok(match pointer {
        None => Whose::Nobodys,
        Some(pointer) if pointer.tenant == account.tenant => Whose::Tenants,
        Some(_) => Whose::Others,
    })
}

fn hears(webhook: &AppWebhook, field: &str) -> bool {
    webhook.fields.iter().any(|it| it == field)
}

/// A webhook that hears of what we need, and of what it has heard before.
fn hearing_all(callback: String, mut fields: Vec<String>) -> AppWebhook {
    let missing = FIELDS
        .iter()
        .filter(|field| !fields.iter().any(|it| it == *field));
    let missing: Vec<_> = missing.map(|field| (*field).to_owned()).collect();
    fields.extend(missing);
    AppWebhook { callback, fields }
}

fn told_of(webhook: &AppWebhook, account: &Account, state: &State) -> Vec<String> {
    let ours = account.callback(&state.parts.webhook_url);
    let told = format!(
        "the app's own webhook goes to {}: what Meta tells of templates, quality and the account goes there, and is \
         looked up here once an hour; to have it at once, enter {ours} in the app's dashboard, WhatsApp, Configuration",
        webhook.callback
    );
    [told].into_iter().chain(unheard(webhook)).collect()
}

fn unheard(webhook: &AppWebhook) -> Option<String> {
    let fault = "no message and no status will come: the app's own webhook does not hear of them; subscribe to the \
                 field messages in the app's dashboard, WhatsApp, Configuration";
    (!hears(webhook, MESSAGES)).then(|| fault.to_owned())
}

fn not_seen(failure: &ProviderFailure) -> String {
    format!(
        "Meta did not show the app's own webhook ({}); see in the app's dashboard, WhatsApp, Configuration, that it \
         hears of the field messages",
        failure.message
    )
}

fn not_set(failure: &ProviderFailure) -> String {
    format!(
        "the app's own webhook could not be set up ({}); do this step again, or subscribe to the field messages in \
         the app's dashboard, WhatsApp, Configuration",
        failure.message
    )
}
