//! Every key of every item, in one place. `#` divides; no part may hold one (the types see to it).

use crate::domain::email::EmailAddress;
use crate::domain::id::{
    AccountId, ContactId, ConversationId, EventId, JobId, MessageId, SessionId,
};
use crate::domain::identity::{PortfolioId, SenderId, TenantId, WabaId, Wamid};
use crate::domain::phone::PhoneNumber;
use crate::domain::provider::Provider;
use jiff::Timestamp;
use jiff::civil::Date;

/// The sort key of items that are alone under their partition key.
pub(super) const HEAD: &str = "-";

/// Over how many partitions a tenant's lists are spread: 1,000 writes a second stay below 500 on each.
pub(super) const LIST_SHARDS: u8 = 8;

/// Over how many partitions what is due is spread.
pub(super) const DUE_SHARDS: u8 = 16;

pub(super) fn message(tenant: &TenantId, id: &MessageId) -> String {
    format!("T#{tenant}#M#{id}")
}

/// The message id in a message's partition key, and its tenant.
pub(super) fn message_of(pk: &str) -> Option<(TenantId, MessageId)> {
    let (tenant, id) = pk.strip_prefix("T#")?.split_once("#M#")?;
    Some((tenant.parse().ok()?, id.parse().ok()?))
}

pub(super) fn provider_id(tenant: &TenantId, wamid: &Wamid) -> String {
    format!("T#{tenant}#W#{wamid}")
}

pub(super) fn thread(tenant: &TenantId, sender: &SenderId, canonical: &str) -> String {
    format!("T#{tenant}#TH#{sender}#{canonical}")
}

/// Whether a thread is a group's, and no person's.
pub(super) fn is_of_group(thread: &str) -> bool {
    let name = thread.rsplit_once('#').map(|(_, name)| name);
    name.is_some_and(|name| name.starts_with("g:"))
}

pub(super) fn log(tenant: &TenantId, shard: u8) -> String {
    format!("T#{tenant}#LOG#{shard}")
}

pub(super) fn state(tenant: &TenantId, shard: u8) -> String {
    format!("T#{tenant}#STATE#{shard}")
}

pub(super) fn job_problems(job: &JobId, shard: u8) -> String {
    format!("J#{job}#{shard}")
}

/// Senders, jobs and webhook records that are due.
pub(super) fn due(shard: u8) -> String {
    format!("DUE#{shard}")
}

/// Messages that are due: apart, for there may be so many that nothing behind them would be seen.
pub(super) fn due_messages(shard: u8) -> String {
    format!("DUE#M#{shard}")
}

pub(super) fn due_sort(at: Timestamp, id: &str) -> String {
    format!("{}#{id}", millis(at))
}

/// Milliseconds of Unix time that sort as text.
pub(super) fn millis(at: Timestamp) -> String {
    format!("{:013}", at.as_millisecond())
}

pub(super) fn job(tenant: &TenantId, id: &JobId) -> String {
    format!("T#{tenant}#J#{id}")
}

/// The job's part of a job's partition key, and its tenant.
pub(super) fn job_of(pk: &str) -> Option<(TenantId, JobId)> {
    let (tenant, id) = pk.strip_prefix("T#")?.split_once("#J#")?;
    Some((tenant.parse().ok()?, id.parse().ok()?))
}

/// The recipients of one transaction.
pub(super) const CHUNK_PREFIX: &str = "CHUNK#";

/// Recipients that are to be tried again.
pub(super) const AGAIN_PREFIX: &str = "AGAIN#";

/// Before the key of a chunk: the marker of one that may hold open recipients.
pub(super) const OPEN_PREFIX: &str = "OPEN#";

pub(super) fn open_chunk(chunk: &str) -> String {
    format!("{OPEN_PREFIX}{chunk}")
}

pub(super) fn jobs(tenant: &TenantId) -> String {
    format!("T#{tenant}#JOBS")
}

pub(super) fn sender(tenant: &TenantId, id: &SenderId) -> String {
    format!("T#{tenant}#S#{id}")
}

/// Beside the sender itself: its pace.
pub(super) const PACE: &str = "PACE";

pub(super) fn senders(tenant: &TenantId) -> String {
    format!("T#{tenant}#SENDERS")
}

/// Beside the sender itself: how new the newest status of its messages is.
pub(super) const STATUSES: &str = "STATUSES";

/// WhatsApp's own id of a message, which the sender's provider tells.
pub(super) fn state_id(tenant: &TenantId, sender: &SenderId, state_id: &Wamid) -> String {
    format!("T#{tenant}#STATEID#{sender}#{state_id}")
}

/// What a provider answered when it was asked about a phone number.
pub(super) fn number_check(tenant: &TenantId, number: &PhoneNumber) -> String {
    format!("T#{tenant}#CHECK#{}", number.digits())
}

pub(super) fn portfolio(tenant: &TenantId, id: &PortfolioId) -> String {
    format!("T#{tenant}#B#{id}")
}

/// Beside the portfolio itself: how many people it has written to.
pub(super) const REACHED: &str = "REACHED";

/// How many messages of a day were taken of one shard of a tenant's limit.
pub(super) fn day_taken(tenant: &TenantId, day: Date, shard: usize) -> String {
    format!("T#{tenant}#DAY#{day}#{shard}")
}

/// How many requests of a minute were let through by one shard of a tenant's limit.
pub(super) fn requests(tenant: &TenantId, minute: i64, shard: usize) -> String {
    format!("T#{tenant}#REQUESTS#{minute}#{shard}")
}

pub(super) fn account(tenant: &TenantId, id: &AccountId) -> String {
    format!("T#{tenant}#A#{id}")
}

/// A tenant's accounts.
pub(super) fn accounts(tenant: &TenantId) -> String {
    format!("T#{tenant}#ACCOUNTS")
}

/// A tenant's routes.
pub(super) fn routes(tenant: &TenantId) -> String {
    format!("T#{tenant}#ROUTES")
}

/// An account's bot, and beside it what it knows.
pub(super) fn bot(tenant: &TenantId, id: &AccountId) -> String {
    format!("T#{tenant}#BOT#{id}")
}

/// Beside the account itself: when Meta's newest event came.
pub(super) const EVENTS: &str = "EVENTS";

/// Beside what a tenant says of a provider: how many calls were made of it, where that is limited.
pub(super) const CALLS: &str = "CALLS";

/// Beside the account itself: what every environment knows of one of its credentials.
pub(super) const CREDENTIAL_PREFIX: &str = "CREDENTIAL#";

/// Beside the account itself: how it stands.
pub(super) const HEALTH: &str = "HEALTH";

/// The account in the partition key of what stands beside it, and its tenant.
pub(super) fn account_of(pk: &str) -> Option<(TenantId, AccountId)> {
    let (tenant, id) = pk.strip_prefix("T#")?.split_once("#A#")?;
    Some((tenant.parse().ok()?, id.parse().ok()?))
}

/// What was different each time an account was looked at.
pub(super) fn health_log(tenant: &TenantId, id: &AccountId) -> String {
    format!("T#{tenant}#H#{id}")
}

/// What a tenant says of a provider.
pub(super) fn provider(tenant: &TenantId, provider: Provider) -> String {
    format!("T#{tenant}#PROVIDER#{}", provider.as_str())
}

/// One of Meta's things belongs to one account of the whole installation, so these two have no tenant.
pub(super) fn waba(id: &WabaId) -> String {
    format!("WABA#{id}")
}

pub(super) fn number(id: &SenderId) -> String {
    format!("NUMBER#{id}")
}

/// The one key without a tenant that a webhook's path leads to.
pub(super) fn account_pointer(id: &AccountId) -> String {
    format!("ACCOUNT#{id}")
}

pub(super) fn api_key(hash: &str) -> String {
    format!("KEY#{hash}")
}

/// A tenant's API keys by their ids, each naming its hash.
pub(super) fn api_keys(tenant: &TenantId) -> String {
    format!("T#{tenant}#KEYS")
}

pub(super) fn users(tenant: &TenantId) -> String {
    format!("T#{tenant}#USERS")
}

pub(super) fn address(tenant: &TenantId, email: &EmailAddress) -> String {
    format!("T#{tenant}#EMAIL#{email}")
}

/// Found before a tenant is known, as what follows here.
pub(super) fn session(id: &SessionId) -> String {
    format!("SESSION#{id}")
}

pub(super) fn invitation(hash: &str) -> String {
    format!("INVITATION#{hash}")
}

pub(super) fn tries(what: &str) -> String {
    format!("TRIES#{what}")
}

/// The list of every tenant.
pub(super) const TENANTS: &str = "TENANTS";

pub(super) fn tenant(id: &TenantId) -> String {
    format!("T#{id}#TENANT")
}

pub(super) fn audit(tenant: &TenantId) -> String {
    format!("T#{tenant}#AUDIT")
}

pub(super) fn identity(tenant: &TenantId, canonical: &str) -> String {
    format!("T#{tenant}#I#{canonical}")
}

pub(super) fn contact(tenant: &TenantId, id: &ContactId) -> String {
    format!("T#{tenant}#C#{id}")
}

pub(super) fn contacts(tenant: &TenantId, shard: u8) -> String {
    format!("T#{tenant}#CONTACTS#{shard}")
}

pub(super) fn conversation(tenant: &TenantId, id: &ConversationId) -> String {
    format!("T#{tenant}#V#{id}")
}

pub(super) fn inbox(tenant: &TenantId, state: &str, shard: u8) -> String {
    format!("T#{tenant}#INBOX#{state}#{shard}")
}

pub(super) fn idempotency(tenant: &TenantId, hash: &str) -> String {
    format!("T#{tenant}#IDEM#{hash}")
}

pub(super) fn counters(tenant: &TenantId, of: &str) -> String {
    format!("T#{tenant}#N#{of}")
}

pub(super) fn position(shard: &str) -> String {
    format!("STREAM#{shard}")
}

pub(super) fn events(tenant: &TenantId, shard: u8) -> String {
    format!("T#{tenant}#EV#{shard}")
}

pub(super) fn events_of(tenant: &TenantId, id: &EventId) -> String {
    events(tenant, shard_of(id.as_str(), LIST_SHARDS))
}

pub(super) fn events_in_state(tenant: &TenantId, shard: u8) -> String {
    format!("T#{tenant}#EVSTATE#{shard}")
}

/// Which of `count` partitions an id belongs to: its last hexadecimal digit decides, which is random in a UUID.
pub(super) fn shard_of(id: &str, count: u8) -> u8 {
    let last = id.bytes().last().unwrap_or(b'0');
    let digit = char::from(last)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok());
    digit.unwrap_or(last) % count
}
