//! The app's own webhook. Messages and statuses come to each account's own address, but only if the app hears of them at
//! all; and whatever else Meta tells, of templates, of quality, of the account, comes to the one address of the app.
//!
//! It is set up where nobody has, and never taken from anybody: what an app does for others goes on. An account that goes
//! leaves it to the next.

use crate::State;
use heliograph::domain::account::{Step, StepState};
use heliograph::domain::failure::ProviderFailure;
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::AppId;
use heliograph::domain::secret::SecretText;
use heliograph::provider::Answered;
use heliograph::provider::meta::client::management::AppWebhook;
use heliograph::service::problem::Problem;
use heliograph::service::secrets::{AccountInSecrets, SecretsError};
use heliograph::store::{Account, Slice, StoreError};

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

/// Accounts that are read at once.
const ACCOUNTS_AT_ONCE: usize = 25;

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
    let meta = state.parts.providers.meta();
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

/// Takes the app's own webhook off an account that is to be gone, if it goes there: to another account of the tenant's that
/// has the app and would hear nothing otherwise, or away. What a person has to see to.
pub(super) async fn leave(state: &State, account: &Account) -> Result<Option<String>, Problem> {
    let inbound = secrets_of(state, account).await?;
    let Some(app) = account.app.as_ref().zip(inbound.app_secrets.first()) else {
        return Ok(None);
    };
    let left = match state.parts.providers.meta().app_webhook(app.0, app.1).await {
        Ok(Some(webhook)) if webhook.callback == account.callback(&state.parts.webhook_url) => {
            hand_on(state, account, app, webhook).await?
        }
        Ok(_) => Ok(()),
        Err(failure) => Err(failure),
    };
    Ok(left.err().map(|failure| {
        tracing::warn!(account.id = %account.id, error = failure.message, "Meta may go on to call for an app");
        not_left(&failure, account, state)
    }))
}

async fn hand_on(
    state: &State,
    account: &Account,
    app: App<'_>,
    webhook: AppWebhook,
) -> Result<Answered<()>, Problem> {
    let meta = state.parts.providers.meta();
    let Some((successor, verify_token)) = successor(state, account, app.0).await? else {
        return Ok(meta.remove_app_webhook(app).await);
    };
    let webhook = hearing_all(successor.callback(&state.parts.webhook_url), webhook.fields);
    Ok(meta.set_app_webhook(app, &webhook, &verify_token).await)
}

/// Another account of the tenant's that Meta calls on behalf of the app, with its verify token.
async fn successor(
    state: &State,
    account: &Account,
    app: &AppId,
) -> Result<Option<(Account, SecretText)>, Problem> {
    let mut slice = Slice {
        limit: ACCOUNTS_AT_ONCE,
        after: None,
    };
    loop {
        let listed = state.store.accounts(&account.tenant, &slice).await?;
        for other in listed.entries {
            let is_called = other.setup.state(Step::Webhook) == StepState::Done;
            if other.id == account.id || other.app.as_ref() != Some(app) || !is_called {
                continue;
            }
            let inbound = secrets_of(state, &other).await?;
            if let Some(token) = inbound.verify_tokens.into_iter().next() {
                return Ok(Some((other, token)));
            }
        }
        match listed.next {
            Some(after) => slice.after = Some(after),
            None => return Ok(None),
        }
    }
}

/// What proves an account's webhooks. One without a usable secret has none: that keeps nobody from deleting an account, as
/// one that cannot be read now does.
async fn secrets_of(state: &State, account: &Account) -> Result<AccountInSecrets, SecretsError> {
    let keeper = &state.parts.keeper;
    match keeper.inbound(&account.tenant, &account.id).await {
        Ok(secrets) => Ok(secrets),
        Err(error @ SecretsError::Unavailable { .. }) => Err(error),
        Err(
            SecretsError::Missing { .. }
            | SecretsError::Deleted { .. }
            | SecretsError::Malformed { .. },
        ) => Ok(AccountInSecrets::default()),
    }
}

async fn todo(
    state: &State,
    account: &Account,
    (app, secret): App<'_>,
) -> Result<Todo, StoreError> {
    let known = match state.parts.providers.meta().app_webhook(app, secret).await {
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

fn not_left(failure: &ProviderFailure, account: &Account, state: &State) -> String {
    let ours = account.callback(&state.parts.webhook_url);
    format!(
        "the app's own webhook may still go to {ours}, which answers nobody any more ({}): look at it in the app's \
         dashboard, WhatsApp, Configuration, or do step 6 of another account of this app",
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
