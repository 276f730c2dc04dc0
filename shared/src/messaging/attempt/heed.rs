//! What a refusal means for the sender that it was told to: it is slowed down, or paused.

use super::refused::without_credential;
use super::{Sending, pace_name};
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::id::AccountId;
use crate::domain::identity::{SenderId, TenantId};
use crate::domain::message::{Leg, Outbound};
use crate::domain::pace::{Consequence, Pause, Slowed, consequence};
use crate::domain::provider::Provider;
use crate::service::telemetry::count;
use crate::store::StoreError;
use jiff::Timestamp;

impl Sending {
    /// Stops a sender that has nothing to send with: what it has to send waits until somebody puts something in.
    pub async fn stop(&self, tenant: &TenantId, left: &Leg) -> Result<(), StoreError> {
        let failure = without_credential();
        count("account_paused", "no_credential", 1);
        match consequence(&failure, (self.now)()) {
            Consequence::Pause(pause) => self.pause_with(tenant, left, &pause, failure.class).await,
            Consequence::Nothing | Consequence::SlowDown => Ok(()),
        }
    }

    /// What a refusal means for the sender. Nothing is lost if this fails, for the next message is refused alike.
    pub(super) async fn heed(&self, message: &Outbound, left: &Leg, failure: &ProviderFailure) {
        let (tenant, now) = (&message.tenant, (self.now)());
        let heeded = match consequence(failure, now) {
            Consequence::Nothing => return,
            Consequence::Pause(pause) => self.pause_with(tenant, left, &pause, failure.class).await,
            Consequence::SlowDown => self.slow_down(tenant, &left.sender, now).await,
        };
        if let Err(error) = heeded {
            tracing::warn!(sender.id = left.sender.logged(), %error, "the sender's pace was not changed");
        }
    }

    async fn slow_down(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // What this worker knows is a second old at most: somebody has done it already.
        let known = self.pace(tenant, sender).await?;
        if Slowed::again(known.slowed.as_ref(), now).is_none() {
            return Ok(());
        }
        self.store.slow_down(tenant, sender, now).await?;
        self.paces.remove(&pace_name(tenant, sender));
        Ok(())
    }

    async fn pause_with(
        &self,
        tenant: &TenantId,
        left: &Leg,
        pause: &Pause,
        class: Class,
    ) -> Result<(), StoreError> {
        let sender = &left.sender;
        let is_new = self.store.pause_sender(tenant, sender, pause).await?;
        self.paces.remove(&pace_name(tenant, sender));
        if is_new {
            tracing::warn!(
                sender.id = sender.logged(),
                code = pause.code,
                "sender paused"
            );
        }
        let is_shared = sender.provider() == Provider::Meta;
        if is_new && is_shared && class == Class::Credential {
            self.pause_others(tenant, &left.account, pause).await?;
        }
        Ok(())
    }

    /// What one sender's token is refused for, each sender of its account at Meta would be refused for: they share it.
    async fn pause_others(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        pause: &Pause,
    ) -> Result<(), StoreError> {
        let account = self.store.account(tenant, account).await?;
        for sender in account.iter().flat_map(|account| &account.senders) {
            if self.store.pause_sender(tenant, sender, pause).await? {
                tracing::warn!(
                    sender.id = sender.logged(),
                    code = pause.code,
                    "sender paused"
                );
            }
        }
        Ok(())
    }
}
