//! A message that is sent to find out whether a key is good: with that key alone, and without consequence for others.

use super::{Departed, DepartureError, Departures, Leaves, Leaving};
use crate::domain::id::MessageId;
use crate::domain::identity::TenantId;
use crate::domain::message::Outbound;
use crate::domain::pace::Held;
use crate::domain::purpose::Purpose;
use crate::domain::secret::Credential;
use crate::messaging::attempt::Departure;

impl Departures {
    /// Whether a message may leave from its own sender with this credential alone, whatever is known of that, and though
    /// the provider had the sender paused.
    pub async fn leaves_with(
        &self,
        message: &Outbound,
        credential: Credential,
    ) -> Result<Leaves, DepartureError> {
        let leaving = Leaving {
            leg: message.leg(),
            is_over_route: false,
            passed: Vec::new(),
            credential: Some(credential),
        };
        let of = (&message.tenant, &message.sender, message.lane);
        let leave = self.pacer.leave_for(Purpose::Trial, of, None);
        Ok(Leaves::by(&leave.await?, leaving))
    }

    /// The same as [`Self::attempt`], of a message that tests its credential: what comes of it has no consequence for
    /// others.
    pub async fn attempt_test(
        &self,
        tenant: &TenantId,
        id: &MessageId,
        leaving: &Leaving,
        held: Held,
    ) -> Result<Departed, DepartureError> {
        // It counts within the limits, and is not kept back by them.
        let place = self.place(tenant, leaving, held).await?.unwrap_or_default();
        let departure = Departure {
            purpose: Purpose::Trial,
            ..leaving.departure()
        };
        let attempted = self.attempted((tenant, id), departure, held, place);
        Ok(match Departed::of(attempted.await?) {
            Ok(departed) => departed,
            Err(refused) => {
                let tested = Box::pin(self.sending.with_tested(*refused));
                Departed::Made(tested.await?)
            }
        })
    }
}
