//! The senders behind `from`: one, or those of a route.

use super::Source;
use crate::domain::content::Content;
use crate::domain::fault::Fault;
use crate::domain::identity::{Recipient, SenderId, TenantId};
use crate::domain::message::OnUnknown;
use crate::domain::route::Way;
use crate::provider;
use crate::store::{Store, StoreError};

/// The senders that a message may leave from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// Beginning with the one whose turn is first.
    pub senders: Vec<SenderId>,
    /// The route, if it is one.
    pub way: Option<Box<Way>>,
}

/// The senders that `from` names. `None` if it is a route that the tenant has not, or one without a sender.
pub async fn sources(
    store: &Store,
    tenant: &TenantId,
    from: &Source,
) -> Result<Option<Sources>, StoreError> {
    let route = match from {
        Source::Sender(sender) => {
            return Ok(Some(Sources {
                senders: vec![sender.clone()],
                way: None,
            }));
        }
        Source::Route(route) => route,
    };
    let way = store.way(tenant, route).await?;
    Ok(way.map(|way| Sources {
        senders: way.senders(|_| true),
        way: Some(Box::new(way)),
    }))
}

impl Sources {
    /// What is done when the outcome of a call is not known; every one of the senders must have a way to do it.
    pub fn on_unknown(&self, said: Option<OnUnknown>) -> Result<OnUnknown, Fault> {
        let of_route = self.way.as_ref().map(|way| way.policy.on_unknown);
        let on_unknown = said.or(of_route).unwrap_or_default();
        for sender in &self.senders {
            sender.provider().allows(on_unknown)?;
        }
        Ok(on_unknown)
    }

    /// Those that have a way to send this; what the first of them lacks, if none has.
    pub(super) fn fit(
        &self,
        to: &Recipient,
        content: &Content,
    ) -> Result<Vec<&SenderId>, Vec<Fault>> {
        let fits = |sender: &SenderId| provider::fits(sender.provider(), to, content);
        let fitting: Vec<&SenderId> = self
            .senders
            .iter()
            .filter(|sender| fits(sender).is_ok())
            .collect();
        match self.senders.first().map(fits) {
            Some(Err(unfit)) if fitting.is_empty() => Err(unfit.faults().to_vec()),
            Some(_) | None => Ok(fitting),
        }
    }
}
