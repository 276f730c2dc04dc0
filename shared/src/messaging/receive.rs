//! Applies what a webhook brought: each update alone, each as often as it comes, in any order.
//!
//! Idempotency keys: an inbound message's id follows from the provider's; a status changes nothing the second time.
//! Every update is kept raw with what became of it.

mod device_status;
mod inbound;
mod owner;
mod portfolio;
mod status;

#[cfg(test)]
pub(crate) use inbound::apply as apply_inbound;

use crate::domain::id::MessageId;
use crate::domain::identity::TenantId;
use crate::domain::provider::Provider;
use crate::domain::queue::WebhookRecord;
use crate::domain::state::Status;
use crate::domain::webhook::{Connection, Fact, Update};
use crate::provider::updates;
use crate::service::telemetry::STEPS;
use crate::store::{Event, EventState, Expiring, Sender, Store, StoreError, StoredRecord};
use jiff::{SignedDuration, Timestamp};
use owner::Owner;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Accounts and senders hardly ever change.
const SENDER_LIFETIME: Duration = Duration::from_secs(30);

/// That a sender's statuses come is noted once a minute, which the store sees to. It is asked more often, since what it
/// has not noted counts for nothing, and a message may wait for the next note.
const NOTED_EVERY: Duration = Duration::from_secs(20);

/// The waits between tries of what could not be matched yet, or failed; after the last one nobody tries any more.
const WAITS: [SignedDuration; 8] = [
    SignedDuration::from_secs(2),
    SignedDuration::from_secs(10),
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(3),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(72),
];

/// Fields whose events tell that an account, a number or a template stands otherwise than it did.
const TELLS_OF_HEALTH: [&str; 8] = [
    "account_alerts",
    "account_review_update",
    "account_update",
    "business_status_update",
    "message_template_status_update",
    "phone_number_name_update",
    "phone_number_quality_update",
    "security",
];

/// The longest name of an event's kind.
const LONGEST_KIND: usize = 200;

/// Applies webhook records to the store.
#[derive(Debug)]
pub struct Receiving {
    store: Store,
    senders: Expiring<Option<Arc<Sender>>>,
    wabas: Expiring<bool>,
    noted: Expiring<()>,
}

/// What became of one update.
pub(crate) struct Applied {
    state: EventState,
    reason: Option<String>,
    message: Option<String>,
}

impl Applied {
    fn to(message: &MessageId) -> Self {
        Self {
            state: EventState::Applied,
            reason: None,
            message: Some(message.to_string()),
        }
    }

    fn not(state: EventState, reason: impl Into<String>) -> Self {
        Self {
            state,
            reason: Some(reason.into()),
            message: None,
        }
    }

    const fn kept() -> Self {
        Self {
            state: EventState::Kept,
            reason: None,
            message: None,
        }
    }
}

impl Receiving {
    /// Applies to `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            senders: Expiring::new(1_000, SENDER_LIFETIME),
            wabas: Expiring::new(1_000, SENDER_LIFETIME),
            noted: Expiring::new(1_000, NOTED_EVERY),
        }
    }

    /// Applies a record and keeps it with what became of each update. `raw` is the record as it stood on the queue.
    ///
    /// Fails if an update could not be applied for a reason that may pass: the record is kept with that reason, and
    /// the queue brings it again.
    pub async fn receive(
        &self,
        record: &WebhookRecord,
        raw: &str,
        tries: u32,
        now: Timestamp,
    ) -> Result<StoredRecord, StoreError> {
        let mut events = Vec::new();
        let mut failure = None;
        for update in updates(record) {
            let applied = match self.apply(record, &update, now).await {
                Ok(applied) => applied,
                // Another try would end alike.
                Err(error @ StoreError::Refused(_)) => {
                    Applied::not(EventState::Malformed, error.to_string())
                }
                Err(error) => {
                    let applied = Applied::not(EventState::Failed, error.to_string());
                    failure = Some(error);
                    applied
                }
            };
            if let Some(id) = &applied.message {
                tracing::info!(target: STEPS, { message.id = id, event.id = %record.id }, "update applied");
            }
            events.push(event(&update, applied));
        }
        let mut stored = StoredRecord {
            id: record.id.clone(),
            tenant: record.tenant.clone(),
            account: record.account.clone(),
            received_at: record.received_at,
            raw: raw.to_owned(),
            events,
            tries: tries + 1,
            try_again_at: None,
        };
        wait_or_stop(&mut stored, now);
        self.store.keep_events(&stored).await?;
        self.note_event(record).await;
        failure.map_or(Ok(stored), Err)
    }

    /// Notes that events of this account reach us, for whoever sets it up or looks after it.
    async fn note_event(&self, record: &WebhookRecord) {
        let WebhookRecord {
            tenant,
            account,
            received_at,
            ..
        } = record;
        let name = format!("{tenant}/{account}");
        if self.noted.get(&name, Instant::now()).is_some() {
            return;
        }
        match self.store.note_event(tenant, account, *received_at).await {
            Ok(()) => self.noted.put(&name, (), Instant::now()),
            Err(error) => {
                tracing::warn!(account.id = %account, %error, "the newest event was not noted");
            }
        }
    }

    async fn apply(
        &self,
        record: &WebhookRecord,
        update: &Update,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        if let Fact::Malformed(why) = &update.fact {
            return Ok(Applied::not(EventState::Malformed, why.clone()));
        }
        let Some(sender) = self.owner(record, update).await? else {
            let reason = not_ours(record.provider);
            return Ok(Applied::not(EventState::UnknownAccount, reason));
        };
        if TELLS_OF_HEALTH.contains(&update.field.as_str()) {
            self.look_again(&record.tenant, update, now).await?;
        }
        match (&update.fact, sender) {
            (Fact::Message(message), Owner::Sender(sender)) => {
                inbound::apply(&self.store, &sender, message, record.received_at).await
            }
            (Fact::Status(status), Owner::Sender(sender)) => {
                let applied = status::apply(&self.store, &sender, status, now).await?;
                // One that matches no message of ours proves nothing about those that would.
                if applied.state == EventState::Applied {
                    self.note_status(&sender, status.at.min(now)).await;
                }
                Ok(applied)
            }
            (Fact::DeviceStatus(status), Owner::Sender(sender)) => {
                device_status::apply(&self.store, &sender, status, now).await
            }
            (Fact::Connection(connection), _) => {
                tell_connection(record, *connection);
                Ok(Applied::kept())
            }
            (Fact::PortfolioLimit { limit, told_at, .. }, _) => {
                let told_at = told_at.unwrap_or(record.received_at);
                portfolio::apply(&self.store, &record.tenant, &update.entry, *limit, told_at).await
            }
            (Fact::Message(_) | Fact::Status(_) | Fact::DeviceStatus(_), Owner::Waba) => {
                Ok(Applied::not(EventState::Malformed, "no phone number id"))
            }
            (Fact::Other(_) | Fact::Malformed(_), _) => Ok(Applied::kept()),
        }
    }

    /// Has the account looked at soon: what has changed is asked of Meta, which tells more than the event does.
    async fn look_again(
        &self,
        tenant: &TenantId,
        update: &Update,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Ok(waba) = update.entry.parse() else {
            return Ok(());
        };
        match self.store.account_of_waba(tenant, &waba).await? {
            Some(account) => self.store.hasten_health_check(tenant, &account, now).await,
            None => Ok(()),
        }
    }

    /// Notes that statuses of this sender's messages reach us, for those that wait for one. Missing it once only makes
    /// them wait longer.
    async fn note_status(&self, sender: &Sender, at: Timestamp) {
        let name = format!("{}/{}", sender.tenant, sender.id);
        if self.noted.get(&name, Instant::now()).is_some() {
            return;
        }
        match self.store.note_status(&sender.tenant, &sender.id, at).await {
            Ok(()) => self.noted.put(&name, (), Instant::now()),
            Err(error) => {
                tracing::warn!(sender.id = sender.id.logged(), %error, "the newest status was not noted");
            }
        }
    }
}

/// Why an update changes nothing here.
const fn not_ours(provider: Provider) -> &'static str {
    match provider {
        Provider::Meta => "the WABA or the phone number is not one of this tenant's",
        Provider::Gateway(_) => "the device is not one of this account's",
    }
}

/// Nothing is sent by a device that is lost until somebody connects it again, so the log tells of it.
fn tell_connection(record: &WebhookRecord, connection: Connection) {
    let account = &record.account;
    match connection {
        Connection::Connected => tracing::info!(account.id = %account, "a device was connected"),
        Connection::Lost => {
            tracing::warn!(account.id = %account, "a device was lost: connect it again");
        }
    }
}

fn event(update: &Update, applied: Applied) -> Event {
    let mut kind = match &update.fact {
        Fact::Message(message) => format!("{}/{}", update.field, message.kind),
        Fact::Status(status) => format!("{}/status/{}", update.field, status.status.as_str()),
        Fact::DeviceStatus(status) => {
            let told = status.status.map_or("unknown", Status::as_str);
            format!("{}/status/{told}", update.field)
        }
        Fact::Connection(connection) => format!("{}/{}", update.field, connection.as_str()),
        Fact::Other(kind) | Fact::PortfolioLimit { name: kind, .. } => kind.clone(),
        Fact::Malformed(_) => update.field.clone(),
    };
    // Some of it is the provider's text, and all of a record's events stand in one item.
    kind.truncate(kind.floor_char_boundary(LONGEST_KIND));
    let Applied {
        state,
        reason,
        message,
    } = applied;
    Event {
        field: update.field.clone(),
        kind,
        state,
        reason,
        message,
    }
}

/// Sets when a record is tried again in which something waits or failed, or says that nobody tries any more. A queue
/// may bring what failed again as well; the sweeper has no queue behind it.
fn wait_or_stop(record: &mut StoredRecord, now: Timestamp) {
    if !record.events.iter().any(|event| event.state.is_open()) {
        return;
    }
    let wait = usize::try_from(record.tries)
        .ok()
        .and_then(|tries| WAITS.get(tries.saturating_sub(1)));
    match wait {
        Some(wait) => record.try_again_at = now.saturating_add(*wait).ok(),
        None => {
            for event in record
                .events
                .iter_mut()
                .filter(|event| event.state == EventState::Waiting)
            {
                event.state = EventState::Unmatched;
            }
        }
    }
}
