//! What a call is made from, and who is next when it does not succeed.

use super::Sending;
use crate::domain::content::Content;
use crate::domain::failure::ProviderFailure;
use crate::domain::message::{Attempt, Leg, Outbound, Passed};
use crate::domain::purpose::Purpose;
use crate::domain::route::{Onward, Way};
use crate::domain::secret::Credential;
use crate::provider::fits;
use crate::store::StoreError;
use jiff::Timestamp;
use serde_json::Value;

/// What a call is made from, and with.
#[derive(Debug, Clone, Copy)]
pub struct Departure<'a> {
    /// With what, if there is anything.
    pub credential: Option<&'a Credential>,
    /// From where, if the message has a choice.
    pub leg: Option<&'a Leg>,
    /// Whose turn it was before.
    pub passed: &'a [Passed],
    /// What for.
    pub purpose: Purpose,
}

impl Departure<'_> {
    pub(super) fn attempt(&self, now: Timestamp) -> Attempt {
        Attempt {
            leg: self.leg.cloned(),
            passed: self.passed.to_vec(),
            // Should this worker die, nobody else could tell.
            credential: self.credential.map(|credential| credential.alias.clone()),
            ..Attempt::starting(now)
        }
    }

    /// The message as it leaves.
    pub(super) fn of(&self, mut message: Outbound) -> Outbound {
        if let Some(leg) = self.leg {
            message.leave_from(leg);
        }
        message
    }
}

impl Sending {
    /// Who is next after a failure, if the message has a choice. What cannot be read now leaves it to its own sender.
    pub(super) async fn onward(
        &self,
        message: &Outbound,
        failure: &ProviderFailure,
    ) -> Option<Onward> {
        match self.way(message).await {
            Ok(found) => found.map(|(way, content)| {
                let can_send = |provider| fits(provider, &message.to, &content).is_ok();
                way.after(&message.sender, &message.attempts, failure, can_send)
            }),
            Err(error) => {
                tracing::warn!(message.id = %message.id, %error, "the message's route cannot be read");
                None
            }
        }
    }

    /// The senders that a message has a choice of, and what it says.
    async fn way(&self, message: &Outbound) -> Result<Option<(Box<Way>, Content)>, StoreError> {
        let Some(job) = &message.job else {
            return Ok(message.way.clone().zip(message.content.clone()));
        };
        let Some(job) = self.job(&message.tenant, job).await? else {
            return Ok(None);
        };
        let variables = message.variables.as_ref().unwrap_or(&Value::Null);
        Ok(job.way.clone().zip(job.message.fill(variables).ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::SecretText;

    #[test]
    fn a_claim_names_the_key_so_that_it_is_known_if_the_worker_dies() {
        let key = Credential {
            alias: "main".to_owned(),
            token: SecretText::new("demo-token"),
        };
        let claimed = |credential| {
            let departure = Departure {
                credential,
                leg: None,
                passed: &[],
                purpose: Purpose::Delivery,
            };
            departure.attempt(Timestamp::UNIX_EPOCH).credential
        };
        assert_eq!(claimed(Some(&key)).as_deref(), Some("main"));
        assert_eq!(claimed(None), None, "there is none to call with");
    }
}
