//! Webhook events that wait for their message, or failed: tried again, less and less often, then left to a person.

use crate::{AT_ONCE, State, SweepError, Swept, report};
use heliograph::domain::queue::WebhookBody;
use heliograph::service::unapplied;
use jiff::Timestamp;

pub(crate) async fn try_again(state: &State, now: Timestamp) -> Result<(), SweepError> {
    for record in state.store.events_to_try(now, AT_ONCE).await? {
        let Ok(webhook) = WebhookBody::decode(&record.raw) else {
            tracing::error!(event.id = %record.id, "a kept webhook record does not decode");
            continue;
        };
        let outcome = state
            .receiving
            .receive(&webhook, &record.raw, record.tries, now)
            .await;
        unapplied::count(Some(&record), outcome.as_ref());
        report(&Swept::Event(&record.id), outcome.map(drop));
    }
    Ok(())
}
