//! Accounts and their set-up as they are shown, and the bodies that make and change them as the document describes them.

use heliograph::domain::account::{CredentialKind, CredentialRecord, Step, StepFault, StepState};
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::{AppId, PortfolioId, WabaId};
use heliograph::domain::provider::Provider;
use heliograph::store::Account;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A connection to a provider; at Meta a WABA, reached through an app.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountDto {
    /// Our id.
    #[schema(value_type = String, example = "acct_demo")]
    id: AccountId,
    /// What people call it.
    name: String,
    /// Who is behind it.
    provider: Provider,
    /// Whether it may send.
    status: AccountStatus,
    /// Its WhatsApp Business Account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "200000000000001")]
    waba_id: Option<WabaId>,
    /// What Meta calls that.
    #[serde(skip_serializing_if = "Option::is_none")]
    waba_name: Option<String>,
    /// Meta's app through which it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "400000000000001")]
    app_id: Option<AppId>,
    /// The business portfolio that owns the WABA.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "300000000000001")]
    portfolio_id: Option<PortfolioId>,
    /// What may be known of its secrets.
    credentials: Vec<CredentialDto>,
    /// When it was made.
    created_at: Timestamp,
    /// Since when it may send.
    #[serde(skip_serializing_if = "Option::is_none")]
    active_since: Option<Timestamp>,
    /// Since when nothing leaves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Timestamp>,
    /// Once it has been enabled or activated: what keeps its senders from sending all the same, and what to do about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

/// Whether an account may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountStatus {
    /// Its set-up is not finished.
    SettingUp,
    /// It may.
    Active,
    /// It may not until it is enabled.
    Disabled,
}

impl AccountStatus {
    pub(crate) fn of(account: &Account) -> Self {
        match (account.disabled_at, account.active_since) {
            (Some(_), _) => Self::Disabled,
            (None, Some(_)) => Self::Active,
            (None, None) => Self::SettingUp,
        }
    }
}

/// What may be known of a secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Credential)]
struct CredentialDto {
    /// What it is for.
    kind: CredentialKind,
    /// What attempts call it.
    alias: String,
    /// Its last four characters, if it is long enough.
    #[schema(example = "***oken")]
    mask: String,
    /// When it was put in.
    since: Timestamp,
    /// When Meta stops to take it, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

impl From<&CredentialRecord> for CredentialDto {
    fn from(record: &CredentialRecord) -> Self {
        Self {
            kind: record.kind,
            alias: record.alias.clone(),
            mask: record.mask.clone(),
            since: record.since,
            expires_at: record.expires_at,
        }
    }
}

impl From<&Account> for AccountDto {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.clone(),
            name: account.name.clone(),
            provider: account.provider,
            status: AccountStatus::of(account),
            waba_id: account.waba.clone(),
            waba_name: account.waba_name.clone(),
            app_id: account.app.clone(),
            portfolio_id: account.portfolio.clone(),
            credentials: account
                .credentials
                .iter()
                .map(CredentialDto::from)
                .collect(),
            created_at: account.created_at,
            active_since: account.active_since,
            disabled_at: account.disabled_at,
            warnings: Vec::new(),
        }
    }
}

/// How far an account's set-up is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Setup)]
pub(crate) struct SetupDto {
    /// Whose.
    #[schema(value_type = String, example = "acct_demo")]
    account_id: AccountId,
    /// Whether it may send.
    status: AccountStatus,
    /// Its six steps.
    steps: Vec<StepDto>,
    /// What to do next.
    #[schema(example = "PUT /v1/accounts/acct_demo/setup/tokens")]
    next: String,
    /// Where Meta is to call.
    #[schema(example = "https://abc.lambda-url.eu-central-1.on.aws/webhooks/meta/acct_demo")]
    webhook_url: String,
    /// When Meta's last event came, to a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_event_at: Option<Timestamp>,
    /// The verify token that was made because none was given: shown this once. Whoever sets the webhook up in the app's
    /// dashboard needs it; what `setup/webhook` does needs nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verify_token: Option<String>,
    /// What is right, and yet to be known.
    pub(crate) warnings: Vec<String>,
}

/// How far a step is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SetupStep)]
struct StepDto {
    /// Its place among the six.
    #[schema(minimum = 1, maximum = 6)]
    number: u8,
    /// Which.
    step: Step,
    /// How far.
    state: StepState,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<StepFault>,
}

impl SetupDto {
    pub(crate) fn of(
        account: &Account,
        webhook_url: String,
        last_event_at: Option<Timestamp>,
    ) -> Self {
        let steps = (1..).zip(Step::ALL).map(|(number, step)| {
            let record = account.setup.record(step);
            StepDto {
                number,
                step,
                state: account.setup.state(step),
                at: record.map(|it| it.at),
                fault: record.and_then(|it| it.fault.clone()),
            }
        });
        Self {
            account_id: account.id.clone(),
            status: AccountStatus::of(account),
            steps: steps.collect(),
            next: next(account),
            webhook_url,
            last_event_at,
            verify_token: None,
            warnings: Vec::new(),
        }
    }
}

/// What is to be done next of an account's set-up.
pub(crate) fn next(account: &Account) -> String {
    let id = &account.id;
    if account.provider != Provider::Meta && account.disabled_at.is_none() {
        return match account.keys.first() {
            None => format!("PUT /v1/accounts/{id}/keys/{{alias}}"),
            Some(_) => "POST /v1/messages".to_owned(),
        };
    }
    // One that waits for another's token is not what stands in the way.
    let waits = |step: &Step| account.setup.state(*step) == StepState::Entered;
    match (
        AccountStatus::of(account),
        account.setup.left().find(|it| !waits(it)),
    ) {
        (AccountStatus::Disabled, _) => format!("PATCH /v1/accounts/{id}"),
        (_, Some(step)) => format!("PUT /v1/accounts/{id}/setup/{}", step.as_str()),
        (AccountStatus::SettingUp, None) => format!("POST /v1/accounts/{id}/activate"),
        (AccountStatus::Active, None) => "POST /v1/messages".to_owned(),
    }
}

/// An account to make.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `read_new`"
)]
pub(crate) struct AccountBody {
    /// What people call it.
    #[schema(min_length = 1, max_length = 100, example = "Shop")]
    name: String,
    /// Whose service it connects to: Meta's, unless told.
    provider: Option<Provider>,
}

/// What is changed of an account; what is absent stays.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `read_changes`"
)]
pub(crate) struct AccountChangesBody {
    /// What people call it.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// Whether nothing leaves it.
    disabled: Option<bool>,
}

/// The first step.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `setup`")]
pub(crate) struct BusinessBody {
    /// Meta's id of the WhatsApp Business Account.
    #[schema(min_length = 1, example = "200000000000002")]
    waba_id: String,
    /// Meta's id of the app.
    #[schema(min_length = 1, example = "400000000000002")]
    app_id: String,
    /// The app's secret. May be left out once it is in.
    #[schema(min_length = 8, max_length = 200)]
    app_secret: Option<String>,
}

/// The second step.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `setup`")]
pub(crate) struct PhoneNumberBody {
    /// Meta's id of the phone number; not the number.
    #[schema(min_length = 1, example = "100000000000002")]
    phone_number_id: String,
}

/// The third step.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `tokens`")]
pub(crate) struct TokensBody {
    /// A system user's access token, with `whatsapp_business_messaging` and `whatsapp_business_management`.
    #[schema(min_length = 8, max_length = 2000)]
    access_token: Option<String>,
    /// What Meta proves itself with when it calls the webhook for the first time. Made for you if there is none.
    #[schema(min_length = 8, max_length = 200)]
    verify_token: Option<String>,
}
