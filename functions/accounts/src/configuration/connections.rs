//! Makes the accounts of a configuration, with what belongs to them: by the steps of the set-up, as far as secrets are there.

use super::entry::{AccountEntry, BotEntry, KnowledgeEntry, SenderEntry};
use super::import::{Outcome, Status};
use crate::State;
use crate::accounts::setup::Business;
use crate::accounts::tokens::Tokens;
use crate::accounts::{self, bot, dto, keys, senders, setup, tokens};
use crate::authority::Authority;
use crate::knowledge;
use heliograph::domain::account::{CredentialKind, Step, StepState};
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::PhoneNumberId;
use heliograph::service::clock;
use heliograph::service::problem::Problem;
use heliograph::store::{Account, Sender, StoreError};
use serde_json::json;

/// Makes an account, and does the steps of its set-up whose secrets were put in.
pub(super) async fn take_account(
    state: &State,
    authority: &Authority,
    entry: &AccountEntry,
) -> Result<Outcome, Problem> {
    let known = state.store.account(&authority.tenant, &entry.id).await?;
    let (mut account, mut outcome) = match known {
        None => (
            add(state, authority, entry).await?,
            Outcome::of(Status::Made),
        ),
        Some(account) if entry.agrees_with(&account) => (account, Outcome::of(Status::Unchanged)),
        Some(account) => (account, Outcome::differs()),
    };
    if outcome.status != Status::Differs {
        if let Some(business) = business(&account, entry) {
            account = setup::take_business(state, authority, entry.id.as_str(), business).await?;
            outcome = Outcome::of(Status::Made);
        }
        if let Some(number) = number(&account, entry) {
            let id = entry.id.as_str();
            account = setup::take_phone_number(state, authority, id, number).await?;
            outcome = Outcome::of(Status::Made);
        }
        if let Some(new) = new_tokens(&account, entry) {
            let (now, beside) = tokens::take(state, authority, entry.id.as_str(), new).await?;
            account = now;
            outcome = Outcome::of(Status::Made);
            outcome.verify_token = beside.verify_token;
            outcome.warnings = beside.warnings;
        }
    }
    if outcome.status != Status::Differs {
        for key in &entry.keys {
            let Some(new) = key
                .to_put_in()
                .filter(|_| account.key(&key.alias).is_none())
            else {
                continue;
            };
            let id = entry.id.as_str();
            let (now, warnings) = keys::take(state, authority, id, &key.alias, new).await?;
            account = now;
            outcome.status = Status::Made;
            outcome.warnings.extend(warnings);
        }
    }
    outcome.next = Some(dto::next(&account));
    Ok(outcome)
}

async fn add(
    state: &State,
    authority: &Authority,
    entry: &AccountEntry,
) -> Result<Account, Problem> {
    let tenant = authority.tenant.clone();
    let now = clock::now();
    let account = Account::new(entry.id.clone(), tenant, entry.name.clone(), now);
    let mut account = account.at(entry.provider);
    account.disabled_at = entry.disabled.then_some(now);
    let said = json!({"name": entry.name, "imported": true});
    let transaction = accounts::adding(&state.store, authority, &account, said)?;
    match state.store.commit(transaction).await {
        Ok(()) => Ok(account),
        Err(StoreError::Conflict) => not_added(state, authority, entry).await,
        Err(error) => Err(error.into()),
    }
}

/// The same import may have been faster, the tenant may not call any more, or the id is somebody else's.
async fn not_added(
    state: &State,
    authority: &Authority,
    entry: &AccountEntry,
) -> Result<Account, Problem> {
    if let Some(account) = state.store.account(&authority.tenant, &entry.id).await? {
        return Ok(account);
    }
    let tenant = state.store.tenant(&authority.tenant).await?;
    if tenant.is_none_or(|it| it.disabled_at.is_some()) {
        return Err(authority.why_not(&state.store).await);
    }
    let detail =
        "an account of this id cannot be made here: give it and what belongs to it another id";
    Err(Problem::conflict("id_taken", detail))
}

/// The first step, if it was not said and its secret was put in. What was entered waits for the access token.
fn business(account: &Account, entry: &AccountEntry) -> Option<Business> {
    match account.setup.state(Step::Business) {
        StepState::Done | StepState::Entered => return None,
        StepState::Open | StepState::Faulty => {}
    }
    Some(Business {
        waba: entry.waba_id.clone()?,
        app: entry.app_id.clone()?,
        app_secret: Some(entry.secret(CredentialKind::AppSecret)?),
    })
}

/// The number that was entered in the second step, if none was.
fn number(account: &Account, entry: &AccountEntry) -> Option<PhoneNumberId> {
    let is_open = account.setup.state(Step::PhoneNumber) == StepState::Open;
    entry.phone_number_id.clone().filter(|_| is_open)
}

/// The third step, if it is not done and its secret was put in.
fn new_tokens(account: &Account, entry: &AccountEntry) -> Option<Tokens> {
    if is_done(account, Step::Tokens) {
        return None;
    }
    Some(Tokens {
        access: Some(entry.secret(CredentialKind::AccessToken)?),
        verify: entry.secret(CredentialKind::VerifyToken),
    })
}

fn is_done(account: &Account, step: Step) -> bool {
    account.setup.state(step) == StepState::Done
}

/// Makes a sender, once Meta can be asked about its number.
pub(super) async fn take_sender(
    state: &State,
    authority: &Authority,
    entry: &SenderEntry,
) -> Result<Outcome, Problem> {
    let store = &state.store;
    if let Some(there) = store.sender(&authority.tenant, &entry.id).await? {
        return take_settings(state, authority, &there, entry).await;
    }
    let account = find(state, authority, &entry.account_id).await?;
    let Some(number) = entry.id.phone_number_id() else {
        let detail = "it comes with its key: put that in, with PUT /v1/accounts/{id}/keys/{alias}, then import it again";
        return Ok(Outcome::because(Status::Waiting, detail));
    };
    if !(is_done(&account, Step::Business) && is_done(&account, Step::Tokens)) {
        let detail = "its account has no access token that Meta has been asked about: put the secrets of its account in, or do steps 1 and 3 of its set-up; then import it again";
        return Ok(Outcome::because(Status::Waiting, detail));
    }
    let of = (account.id.as_str(), &number);
    let said = json!({"account_id": account.id, "phone_number_id": entry.id, "imported": true});
    senders::take(state, authority, of, &entry.settings(), said).await?;
    Ok(Outcome::of(Status::Made))
}

/// What is to be otherwise of a sender that is there. One that came with its key has been asked for nothing yet: it gets
/// what it had.
async fn take_settings(
    state: &State,
    authority: &Authority,
    there: &Sender,
    entry: &SenderEntry,
) -> Result<Outcome, Problem> {
    let outcome = Outcome::compared(&SenderEntry::from(there), entry);
    if outcome.status != Status::Differs {
        return Ok(outcome);
    }
    let account = find(state, authority, &there.account).await?;
    if *there != Sender::at_gateway(&account, there.id.clone()) {
        return Ok(outcome);
    }
    let said = json!({"account_id": account.id, "imported": true});
    senders::set(
        &state.store,
        authority,
        (&there.id, &entry.settings()),
        said,
    )
    .await?;
    Ok(Outcome::of(Status::Made))
}

/// Has a bot say what it said, unless it says something already.
pub(super) async fn take_bot(
    state: &State,
    authority: &Authority,
    entry: &BotEntry,
) -> Result<Outcome, Problem> {
    let account = find(state, authority, &entry.account_id).await?;
    if is_done(&account, Step::Bot) {
        let there = state.store.bot(&account.tenant, &account.id).await?;
        return Ok(Outcome::compared(&there, &entry.bot));
    }
    bot::put(&state.store, authority, account.id.as_str(), &entry.bot).await?;
    Ok(Outcome::of(Status::Made))
}

/// Has a bot know what it knew.
pub(super) async fn take_knowledge(
    state: &State,
    authority: &Authority,
    entry: &KnowledgeEntry,
) -> Result<Outcome, Problem> {
    let store = &state.store;
    let known = store.knowledge(&authority.tenant, &entry.account_id, &entry.id);
    if let Some(there) = known.await? {
        let there = KnowledgeEntry::of(&entry.account_id, &there);
        return Ok(Outcome::compared(&there, entry));
    }
    let account = entry.account_id.as_str();
    let new = entry.knowledge(clock::now());
    knowledge::put(store, authority, account, &new, None).await?;
    Ok(Outcome::of(Status::Made))
}

async fn find(state: &State, authority: &Authority, id: &AccountId) -> Result<Account, Problem> {
    let found = state.store.account(&authority.tenant, id).await?;
    let missing = || Problem::not_found().because("its account is not here: import that first");
    found.ok_or_else(missing)
}
