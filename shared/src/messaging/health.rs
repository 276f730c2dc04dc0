//! Looks at an account at Meta: its token, its WABA, its numbers, its webhook and its templates.
//!
//! Changes nothing at Meta. What Meta says of a number is kept with its sender, and its messaging limit with its portfolio.

use crate::domain::failure::ProviderFailure;
use crate::domain::health::{Check, CheckName, Standing};
use crate::domain::identity::WabaId;
use crate::domain::secret::SecretText;
use crate::domain::webhook::PortfolioLimit;
use crate::provider::Answered;
use crate::provider::meta::client::MetaClient;
use crate::provider::meta::client::management::{HealthStatus, PhoneNumberNode, Subscription};
use crate::store::{Account, Sender, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

/// A token that ends sooner needs somebody.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a token needs, by Meta's names.
pub const SCOPES: [&str; 2] = [
    "whatsapp_business_management",
    "whatsapp_business_messaging",
];

/// Meta's error for what is not there, or not for this token. Source: Meta, "Error codes".
const NO_SUCH_THING: i64 = 100;

/// What a number may be that sends nothing, or less. Source: Meta, "Phone number status".
const GONE: [&str; 4] = ["BANNED", "DELETED", "DISCONNECTED", "MIGRATED"];
const HELD: [&str; 3] = ["FLAGGED", "RATE_LIMITED", "RESTRICTED"];

/// What a set-up has not come to yet.
const NO_TOKEN: &str = "there is no access token yet: do step 3 of the set-up";
const NO_WABA: &str = "the WABA is not known yet: do step 1 of the set-up";
const NO_SENDER: &str = "no phone number is a sender yet: do step 2 of the set-up";

/// Names told of templates that are not well.
const NAMES_TOLD: usize = 5;

/// What it takes to look.
#[derive(Debug, Clone, Copy)]
pub struct Looking<'a> {
    /// Where senders stand.
    pub store: &'a Store,
    /// Who is asked.
    pub meta: &'a MetaClient,
    /// What it is asked with.
    pub token: &'a SecretText,
    /// Where Meta is to call for the account.
    pub callback: &'a str,
}

impl Looking<'_> {
    /// Looks at everything that the access token shows.
    pub async fn look(&self, account: &Account, now: Timestamp) -> Result<Vec<Check>, StoreError> {
        let mut checks = vec![self.token_check(now).await];
        let Some(waba) = &account.waba else {
            checks.push(missing(CheckName::Waba, NO_WABA));
            return Ok(checks);
        };
        let seen = self.waba_check(waba).await;
        let is_seen = seen.standing < Standing::Failing;
        checks.push(seen);
        if is_seen {
            let numbers = self.meta.numbers(self.token, waba).await;
            checks.extend(self.number_checks(account, &numbers, now).await?);
            let numbers = numbers.unwrap_or_default();
            checks.push(self.webhook_check(account, waba, &numbers).await);
            checks.push(self.template_check(waba).await);
        }
        Ok(checks)
    }

    async fn token_check(&self, now: Timestamp) -> Check {
        const NAME: CheckName = CheckName::AccessToken;
        let facts = match self.meta.own_token(self.token).await {
            Ok(facts) => facts,
            Err(failure) => return of_failure(NAME, &failure),
        };
        if !facts.is_valid {
            let detail = "Meta does not take the access token any more; put another one in: step 3 of the set-up";
            return Check::ill(NAME, Standing::Failing, detail);
        }
        let lacks = |scope: &&&str| !facts.scopes.iter().any(|it| it == **scope);
        if let Some(scope) = SCOPES.iter().find(lacks) {
            let detail = format!(
                "the access token lacks the permission {scope}: generate it anew with both WhatsApp permissions ticked, \
                 and put it in: step 3 of the set-up"
            );
            return Check::ill(NAME, Standing::Failing, detail);
        }
        match facts.expires_at {
            Some(until) if until.duration_since(now) < ENDS_SOON => {
                let detail = format!(
                    "the access token ends at {until:.0}; it should have been exchanged: put another one in"
                );
                Check::ill(NAME, Standing::Warning, detail)
            }
            Some(_) | None => Check::well(NAME),
        }
    }

    async fn waba_check(&self, waba: &WabaId) -> Check {
        match self.meta.waba(self.token, waba).await {
            Ok(facts) => of_health(CheckName::Waba, facts.health_status.as_ref()),
            Err(failure) if failure.code == Some(NO_SUCH_THING) => Check::ill(
                CheckName::Waba,
                Standing::Failing,
                "Meta does not show the access token this WABA: give its system user full control of it, in Business \
                 settings, System users, Assign assets",
            ),
            Err(failure) => of_failure(CheckName::Waba, &failure),
        }
    }

    async fn number_checks(
        &self,
        account: &Account,
        numbers: &Answered<Vec<PhoneNumberNode>>,
        now: Timestamp,
    ) -> Result<Vec<Check>, StoreError> {
        let numbers = match numbers {
            Ok(numbers) => numbers,
            Err(failure) => return Ok(vec![of_failure(CheckName::PhoneNumber, failure)]),
        };
        let senders = self.store.senders_of(account).await?;
        if senders.is_empty() {
            return Ok(vec![missing(CheckName::PhoneNumber, NO_SENDER)]);
        }
        let mut checks = Vec::new();
        for sender in senders {
            let node = numbers.iter().find(|it| it.id == sender.id.as_str());
            let check = match node {
                Some(node) => {
                    self.note(account, &sender, node, now).await?;
                    of_number(node)
                }
                None => Check::ill(
                    CheckName::PhoneNumber,
                    Standing::Failing,
                    "the WABA has this number no more",
                ),
            };
            checks.push(check.of(sender.id.as_str()));
        }
        Ok(checks)
    }

    async fn note(
        &self,
        account: &Account,
        sender: &Sender,
        node: &PhoneNumberNode,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if sender.facts != node.facts {
            self.store
                .note_facts(&sender.tenant, &sender.id, &node.facts)
                .await?;
        }
        tell_limit(self.store, account, node, now).await
    }

    async fn webhook_check(
        &self,
        account: &Account,
        waba: &WabaId,
        numbers: &[PhoneNumberNode],
    ) -> Check {
        const NAME: CheckName = CheckName::Webhook;
        let known = match self.meta.subscriptions(self.token, waba).await {
            Ok(known) => known,
            Err(failure) => return of_failure(NAME, &failure),
        };
        let is_ours = |it: &&Subscription| match &account.app {
            Some(app) => it.app == app.as_str(),
            None => true,
        };
        let Some(subscription) = known.iter().find(is_ours) else {
            return uncalled(account);
        };
        let of_waba = subscription.callback.as_deref();
        let own = |it: &&PhoneNumberNode| account.senders.iter().any(|id| id.as_str() == it.id);
        let seen: Vec<_> = numbers.iter().filter(own).collect();
        // A number may have an address of its own, which goes before the WABA's.
        let called =
            |it: &&&PhoneNumberNode| it.webhook.as_deref().or(of_waba) == Some(self.callback);
        if let Some(number) = seen.iter().find(|it| !called(it)) {
            return uncalled(account).of(&number.id);
        }
        let all_are_seen = seen.len() == account.senders.len();
        // Where no number tells, the WABA's address is all that can be judged.
        if (seen.is_empty() || !all_are_seen) && of_waba != Some(self.callback) {
            return uncalled(account);
        }
        if all_are_seen {
            return Check::well(NAME);
        }
        let detail = "Meta calls this account's webhook for the WABA, and does not show all of its senders' numbers: \
                      whether one of them has a callback URL of its own could not be seen";
        Check::ill(NAME, Standing::Unknown, detail)
    }

    async fn template_check(&self, waba: &WabaId) -> Check {
        const NAME: CheckName = CheckName::Templates;
        match self.meta.ill_templates(self.token, waba).await {
            Ok(names) if names.is_empty() => Check::well(NAME),
            Ok(names) => {
                let told: Vec<_> = names.iter().take(NAMES_TOLD).map(String::as_str).collect();
                let detail = format!(
                    "{} templates are rejected, paused or disabled: {}",
                    names.len(),
                    told.join(", ")
                );
                Check::ill(NAME, Standing::Warning, detail)
            }
            Err(failure) => of_failure(NAME, &failure),
        }
    }
}

/// What an account lacks that has no access token yet: without one Meta shows nothing of the rest.
#[must_use]
pub fn without_token(account: &Account) -> Vec<Check> {
    let mut checks = vec![missing(CheckName::AccessToken, NO_TOKEN)];
    if account.waba_said().is_none() {
        checks.push(missing(CheckName::Waba, NO_WABA));
    }
    if account.senders.is_empty() && account.setup.phone_number.is_none() {
        checks.push(missing(CheckName::PhoneNumber, NO_SENDER));
    }
    checks
}

/// Tells an account's portfolio how many people it may write to, if Meta says so with a number.
pub async fn tell_limit(
    store: &Store,
    account: &Account,
    node: &PhoneNumberNode,
    now: Timestamp,
) -> Result<(), StoreError> {
    let tier = node.facts.messaging_limit.as_deref();
    let limit = tier.and_then(PortfolioLimit::of_tier);
    if let (Some(portfolio), Some(limit)) = (&account.portfolio, limit) {
        store
            .tell_portfolio(&account.tenant, portfolio, limit.people(), now)
            .await?;
    }
    Ok(())
}

fn missing(check: CheckName, detail: &str) -> Check {
    Check::ill(check, Standing::Failing, detail)
}

fn uncalled(account: &Account) -> Check {
    let id = &account.id;
    let detail = format!(
        "Meta does not call this account's webhook; do step 6: PUT /v1/accounts/{id}/setup/webhook; if it lasts, take \
         the number's own callback URL away at Meta"
    );
    Check::ill(CheckName::Webhook, Standing::Failing, detail)
}

/// What may pass says nothing about the account.
fn of_failure(check: CheckName, failure: &ProviderFailure) -> Check {
    let standing = if failure.is_retryable() {
        Standing::Unknown
    } else {
        Standing::Failing
    };
    let detail = format!("{}; {}", failure.message, failure.remedy);
    Check::ill(check, standing, detail)
}

/// People who complain make a number yellow, then red; Meta then lets it send less.
fn of_number(node: &PhoneNumberNode) -> Check {
    let status = node.facts.status.as_deref();
    if let Some(status) = status.filter(|it| GONE.contains(it)) {
        let detail =
            format!("Meta lets it send nothing: it is {status}; look at it in WhatsApp Manager");
        return Check::ill(CheckName::PhoneNumber, Standing::Failing, detail);
    }
    let check = of_health(CheckName::PhoneNumber, Some(&node.health));
    if let Some(status) = status.filter(|it| check.standing == Standing::Well && HELD.contains(it))
    {
        let detail =
            format!("Meta lets it send less: it is {status}; look at it in WhatsApp Manager");
        return Check::ill(CheckName::PhoneNumber, Standing::Warning, detail);
    }
    let quality = node.facts.quality_rating.as_deref();
    if check.standing == Standing::Well && matches!(quality, Some("YELLOW" | "RED")) {
        let quality = quality.unwrap_or_default();
        let detail = format!(
            "its quality is {quality}: people block or report it; send less, and to those who asked"
        );
        return Check::ill(CheckName::PhoneNumber, Standing::Warning, detail);
    }
    check
}

/// As Meta itself says; what it says nothing of is well.
fn of_health(check: CheckName, status: Option<&HealthStatus>) -> Check {
    let can_send = status.and_then(|it| it.can_send_message.as_deref());
    let standing = match can_send {
        Some("BLOCKED") => Standing::Failing,
        Some("LIMITED") => Standing::Warning,
        Some(_) | None => return Check::well(check),
    };
    let entities = status.iter().flat_map(|it| &it.entities);
    let errors = entities.flat_map(|it| &it.errors);
    let told: Vec<_> = errors
        .filter_map(|it| {
            it.possible_solution
                .clone()
                .or(it.error_description.clone())
        })
        .collect();
    let detail = if told.is_empty() {
        "Meta limits what it sends; look at it in WhatsApp Manager".to_owned()
    } else {
        format!("Meta limits what it sends: {}", told.join("; "))
    };
    Check::ill(check, standing, detail)
}
