//! Puts what has been checked with Meta into use: the WABA becomes the account's, the number a sender.

use super::changing::Changing;
use super::meta_id::display_number;
use super::sender_changes::Changes;
use super::trouble::Trouble;
use super::{checks, connection, senders};
use crate::State;
use heliograph::domain::account::{Step, StepState};
use heliograph::domain::identity::{PhoneNumberId, SenderId, WabaId};
use heliograph::domain::secret::SecretText;
use heliograph::messaging::health::tell_limit;
use heliograph::provider::meta::client::management::PhoneNumberNode;
use heliograph::service::problem::Problem;
use heliograph::store::{Account, Holder, Sender, Store, WindowPolicy};

/// The share of its rate that a sender's bulk jobs leave to other messages, unless told.
const RESERVED_PERCENT: u8 = 10;

/// Messages a second that Meta takes from a number of each throughput. Source: Meta, "Throughput".
const STANDARD_RATE: u32 = 80;
const HIGH_RATE: u32 = 1_000;

/// Refuses a WABA that another account has.
pub(crate) async fn check_free(
    state: &State,
    account: &Account,
    waba: &WabaId,
) -> Result<(), Problem> {
    let holder = state.store.holder_of_waba(waba).await?;
    is_own(
        holder.as_ref(),
        account,
        "waba_taken",
        "this WhatsApp Business Account",
    )
}

/// Refuses a number that another account has.
pub(crate) async fn check_number_free(
    state: &State,
    account: &Account,
    id: &PhoneNumberId,
) -> Result<(), Problem> {
    let holder = state.store.holder_of_number(&id.clone().into()).await?;
    is_own(
        holder.as_ref(),
        account,
        "number_taken",
        "this phone number",
    )
}

/// Another tenant is not named.
fn is_own(
    holder: Option<&Holder>,
    account: &Account,
    code: &'static str,
    what: &str,
) -> Result<(), Problem> {
    match holder {
        Some(holder) if holder.tenant != account.tenant => {
            let detail = format!("{what} is connected by somebody else on this installation");
            Err(Problem::conflict(code, detail))
        }
        Some(holder) if holder.account != account.id => {
            let detail = format!("{what} belongs to your account {} already", holder.account);
            Err(Problem::conflict(code, detail))
        }
        Some(_) | None => Ok(()),
    }
}

/// Checks the WABA and makes it the account's.
pub(crate) async fn take_waba(
    state: &State,
    changing: &mut Changing<'_>,
    token: &SecretText,
    waba: &WabaId,
) -> Result<(), Trouble> {
    check_free(state, &changing.account, waba).await?;
    let facts = checks::waba(state, token, waba).await?;
    let before = changing.account.waba.clone().filter(|it| it != waba);
    if let Some(before) = before {
        let senders = state.store.senders_of(&changing.account).await?;
        if !senders.is_empty() {
            let detail =
                "its senders belong to another WABA: delete them first, or make another account";
            return Err(Problem::conflict("waba_in_use", detail).into());
        }
        let transaction = &mut changing.transaction;
        state
            .store
            .leave_waba(transaction, &changing.account, &before)?;
        connection::unsubscribe(state, &changing.account).await;
        let gone = [Step::PhoneNumber, Step::Profile, Step::Webhook];
        changing.account.setup.reopen(&gone);
    }
    let account = &mut changing.account;
    state
        .store
        .take_waba(&mut changing.transaction, account, waba)?;
    account.waba = Some(waba.clone());
    account.waba_name = facts.name;
    account.portfolio = facts.owner_business_info.and_then(|it| it.id.parse().ok());
    account.setup.waba = None;
    account
        .setup
        .note(Step::Business, StepState::Done, changing.now);
    Ok(())
}

/// Checks the number and makes it a sender, as `changes` would have one that is new.
pub(crate) async fn take_number(
    state: &State,
    changing: &mut Changing<'_>,
    token: &SecretText,
    (waba, id): (&WabaId, &PhoneNumberId),
    changes: &Changes,
) -> Result<Sender, Trouble> {
    check_number_free(state, &changing.account, id).await?;
    let node = checks::number(state, token, waba, id).await?;
    let sender = make_sender(state, changing, (waba, id), &node, changes).await?;
    let account = &mut changing.account;
    account.setup.phone_number = None;
    account
        .setup
        .note(Step::PhoneNumber, StepState::Done, changing.now);
    Ok(sender)
}

/// Until its account is active, a sender is paused: what is sent from it would leave before everything is right.
async fn make_sender(
    state: &State,
    changing: &mut Changing<'_>,
    (waba, id): (&WabaId, &PhoneNumberId),
    node: &PhoneNumberNode,
    changes: &Changes,
) -> Result<Sender, Trouble> {
    let (account, now) = (&changing.account, changing.now);
    let id = SenderId::from(id.clone());
    tell_limit(&state.store, account, node, now).await?;
    if let Some(before) = state.store.sender(&account.tenant, &id).await? {
        let known = Sender {
            facts: node.facts.clone(),
            ..before.clone()
        };
        let transaction = &mut changing.transaction;
        state
            .store
            .change_sender(transaction, (&before, &known), now)
            .await?;
        if !changing.account.senders.contains(&id) {
            changing.account.senders.push(id);
        }
        return Ok(known);
    }
    let mut sender = Sender {
        id: id.clone(),
        tenant: account.tenant.clone(),
        account: account.id.clone(),
        waba: Some(waba.clone()),
        portfolio: account.portfolio.clone(),
        display_number: display_number(&node.display_phone_number),
        messages_per_second: rate_of(node),
        coexistence: node.is_on_biz_app,
        calls_per_second: None,
        reserved_percent: RESERVED_PERCENT,
        window: WindowPolicy::Warn,
        facts: node.facts.clone(),
        era: 0,
    };
    changes.apply(&mut sender);
    if account.may_send() {
        senders::resume_one(&state.store, account, &id, now).await?;
    } else {
        let pause = senders::not_active(account, now);
        state
            .store
            .pause_with_account(&account.tenant, &id, &pause)
            .await?;
    }
    state
        .store
        .add_sender(&mut changing.transaction, account, &sender)?;
    changing.adds_sender = true;
    changing.account.senders.push(id);
    Ok(sender)
}

/// How many messages a second Meta takes from a number.
fn rate_of(node: &PhoneNumberNode) -> u32 {
    match node.facts.throughput.as_deref() {
        Some("HIGH") => HIGH_RATE,
        Some(_) | None => STANDARD_RATE,
    }
}

/// The account's sender that profile and settings are first asked of.
pub(crate) async fn first_sender(
    store: &Store,
    account: &Account,
) -> Result<Option<Sender>, Problem> {
    let senders = store.senders_of(account).await?;
    Ok(senders.into_iter().next())
}
