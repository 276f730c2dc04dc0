//! What Secrets Manager asks for.

use heliograph::domain::id::AccountId;
use heliograph::domain::identity::TenantId;
use serde::Deserialize;
use thiserror::Error;

/// The event. Source: AWS, "Lambda rotation functions".
#[derive(Debug, Clone, Deserialize)]
pub struct RotationEvent {
    /// The secret, by its ARN.
    #[serde(rename = "SecretId")]
    pub secret_id: String,
    /// The id of the version that is to become current.
    #[serde(rename = "ClientRequestToken")]
    pub token: String,
    /// Which of the four steps.
    #[serde(rename = "Step")]
    pub step: String,
}

/// Why an event is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Another secret.
    #[error("the secret is not one of an account's")]
    Secret,
    /// Another step.
    #[error("nobody knows this step")]
    Step,
}

/// What proves webhooks, or what opens Meta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

/// One of the four steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Create,
    Set,
    Test,
    Finish,
}

impl Step {
    /// AWS writes them in both ways.
    fn named(name: &str) -> Option<Self> {
        match name {
            "createSecret" | "create_secret" => Some(Self::Create),
            "setSecret" | "set_secret" => Some(Self::Set),
            "testSecret" | "test_secret" => Some(Self::Test),
            "finishSecret" | "finish_secret" => Some(Self::Finish),
            _ => None,
        }
    }
}

/// An event that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) step: Step,
    pub(crate) direction: Direction,
    pub(crate) tenant: TenantId,
    pub(crate) account: AccountId,
}

impl Request {
    /// Reads an event about one of the secrets under `prefix`.
    pub(crate) fn of(event: &RotationEvent, prefix: &str) -> Result<Self, RequestError> {
        let step = Step::named(&event.step).ok_or(RequestError::Step)?;
        let (direction, tenant, account) =
            parts(&event.secret_id, prefix).ok_or(RequestError::Secret)?;
        Ok(Self {
            step,
            direction,
            tenant,
            account,
        })
    }
}

/// `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-XXXXXX`, of which the end is chance.
fn parts(arn: &str, prefix: &str) -> Option<(Direction, TenantId, AccountId)> {
    let (_, name) = arn.split_once(":secret:")?;
    let (name, _chance) = name.rsplit_once('-')?;
    let mut parts = name.strip_prefix(prefix)?.strip_prefix('/')?.split('/');
    let direction = match parts.next()? {
        "in" => Direction::In,
        "out" => Direction::Out,
        _ => return None,
    };
    let (tenant, account) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts
        .next()
        .is_none()
        .then_some((direction, tenant, account))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str, step: &str) -> Result<Request, RequestError> {
        let event = RotationEvent {
            secret_id: format!("arn:aws:secretsmanager:eu-central-1:000000000000:secret:{name}"),
            token: "token".to_owned(),
            step: step.to_owned(),
        };
        Request::of(&event, "heliograph")
    }

    #[test]
    fn a_step_is_known_in_both_spellings() {
        for (spellings, step) in [
            (["createSecret", "create_secret"], Step::Create),
            (["setSecret", "set_secret"], Step::Set),
            (["testSecret", "test_secret"], Step::Test),
            (["finishSecret", "finish_secret"], Step::Finish),
        ] {
            for spelling in spellings {
                let read = request("heliograph/out/demo/acct_demo-AbC123", spelling);
                assert_eq!(read.map(|it| it.step), Ok(step));
            }
        }
        let unknown = request("heliograph/out/demo/acct_demo-AbC123", "burnSecret");
        assert_eq!(unknown, Err(RequestError::Step));
    }

    #[test]
    fn a_secret_tells_by_its_name_what_it_is_and_whose() {
        let read = request("heliograph/in/acme-2/acct_x-AbC123", "setSecret");
        let whose = read.map(|it| (it.direction, it.tenant.to_string(), it.account.to_string()));
        let expected = (Direction::In, "acme-2".to_owned(), "acct_x".to_owned());
        assert_eq!(whose, Ok(expected));
        for other in [
            "heliograph/operator-AbC123",
            "other/in/demo/acct_demo-AbC123",
            "heliograph/in/demo-AbC123",
            "heliograph/in/demo/acct_demo/more-AbC123",
            "heliograph2/in/demo/acct_demo-AbC123",
        ] {
            assert_eq!(
                request(other, "setSecret"),
                Err(RequestError::Secret),
                "{other}"
            );
        }
    }
}
