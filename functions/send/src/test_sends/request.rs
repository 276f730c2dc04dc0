//! What a test asks for: a message, and the key that it is sent with.

use crate::State;
use crate::message_object::MessageObject;
use heliograph::domain::fault::{Fault, FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::{KeyAlias, SenderId, TenantId};
use heliograph::domain::provider::Provider;
use heliograph::domain::provider_key::ProviderKey;
use heliograph::domain::secret::Credential;
use heliograph::messaging::submit::Submission;
use heliograph::service::problem::Problem;
use heliograph::service::telemetry;
use heliograph::store::Account;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// What a test has beside the message.
const OWN: [&str; 3] = ["account_id", "sender_id", "key"];

/// What a message has that a test has not: it leaves at once, from the key's sender, and is tried once.
const NOT_HERE: [&str; 6] = [
    "from",
    "lane",
    "send_at",
    "expires_at",
    "on_unknown",
    "wait_minutes",
];

/// Whatever breaks, nothing sends it later than this. It is less than the sweeper waits for.
const OVER_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// In the place of the sender until that is known.
const ANY_SENDER: &str = "100000000000001";

/// A test, as it is asked for.
pub(super) struct Test {
    pub(super) ask: Ask,
    /// The message. What it leaves from is not known yet.
    pub(super) submission: Submission,
}

/// What it is to be sent with.
pub(super) struct Ask {
    account: AccountId,
    sender: Option<SenderId>,
    key: Option<KeyAlias>,
}

/// What it is sent with.
pub(super) struct Chosen {
    pub(super) sender: SenderId,
    /// What is known of the key, at any other provider than Meta.
    pub(super) key: Option<ProviderKey>,
    /// The key itself, if one was named.
    pub(super) pinned: Option<Credential>,
}

impl Test {
    /// Reads a body; every fault of it at once.
    pub(super) fn read(body: &Value, now: Timestamp) -> Result<Self, Vec<Fault>> {
        let Some(object) = body.as_object() else {
            return Err(Submission::read(body, now).err().unwrap_or_default());
        };
        let (own, mut message) = split(object);
        let misplaced = NOT_HERE.iter().filter(|name| object.contains_key(**name));
        let misplaced = misplaced.map(|name| fault(name, FaultCode::NotAllowed, "is not a test's"));
        let mut faults: Vec<Fault> = misplaced.collect();
        for name in NOT_HERE {
            message.remove(name);
        }
        message.insert("from".to_owned(), ANY_SENDER.into());
        let ask = Ask::read(&own).map_err(|found| faults.extend(found));
        let submission = Submission::read(&Value::Object(message), now);
        let submission = submission.map_err(|found| faults.extend(found));
        match (ask, submission) {
            (Ok(ask), Ok(submission)) if faults.is_empty() => Ok(Self {
                ask,
                submission: Submission {
                    expires_at: now.checked_add(OVER_AFTER).ok(),
                    ..submission
                },
            }),
            _ => Err(faults),
        }
    }
}

/// What is a test's own, and the message.
fn split(object: &Map<String, Value>) -> (Value, Map<String, Value>) {
    let is_own = |(name, _): &(&String, &Value)| OWN.contains(&name.as_str());
    let (own, message): (Vec<_>, Vec<_>) = object.iter().partition(is_own);
    let owned = |entries: Vec<(&String, &Value)>| -> Map<String, Value> {
        let entries = entries.into_iter();
        entries
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    (Value::Object(owned(own)), owned(message))
}

impl Ask {
    fn read(own: &Value) -> Result<Self, Vec<Fault>> {
        let faults = Faults::new();
        let read = Fields::of(own, "", &faults).and_then(|mut fields| {
            let account = fields.required_parsed("account_id", str::parse);
            let sender = fields.parsed("sender_id", str::parse);
            let key = fields.parsed("key", str::parse);
            fields.finish();
            Some(Self {
                account: account?,
                sender,
                key,
            })
        });
        faults.into_result(read)
    }
}

/// What the account has of what is asked for.
pub(super) async fn chosen(state: &State, tenant: &TenantId, ask: Ask) -> Result<Chosen, Problem> {
    let account = state.store.account(tenant, &ask.account).await?;
    let account = account.ok_or_else(|| {
        invalid(
            "account_id",
            "is not an account of yours; write the id of one",
        )
    })?;
    let key = known_key(&account, &ask)?;
    let sender = sender_of(&account, key.as_ref(), ask.sender)?;
    let pinned = match &ask.key {
        Some(alias) => Some(pinned(state, &account, alias).await?),
        None => None,
    };
    Ok(Chosen {
        sender,
        key,
        pinned,
    })
}

/// What the account lists of the key that is named, at any other provider than Meta.
fn known_key(account: &Account, ask: &Ask) -> Result<Option<ProviderKey>, Problem> {
    let Some(alias) = &ask.key else {
        return Ok(None);
    };
    match account.provider {
        Provider::Meta => Ok(None),
        Provider::Gateway(_) => {
            let key = account.key(alias).cloned();
            key.map(Some).ok_or_else(unknown_key)
        }
    }
}

/// What it leaves from: the key's, the one that is named, or the only one.
fn sender_of(
    account: &Account,
    key: Option<&ProviderKey>,
    named: Option<SenderId>,
) -> Result<SenderId, Problem> {
    let own = key.map(|key| key.sender.clone());
    match (own, named) {
        (Some(own), Some(named)) if own != named => Err(invalid(
            "sender_id",
            "is not what is sent from with this key",
        )),
        (None, Some(named)) if !account.senders.contains(&named) => {
            Err(invalid("sender_id", "is not a sender of this account"))
        }
        (Some(sender), _) | (None, Some(sender)) => Ok(sender),
        (None, None) => only_sender(account),
    }
}

fn only_sender(account: &Account) -> Result<SenderId, Problem> {
    if let [only] = account.senders.as_slice() {
        return Ok(only.clone());
    }
    let detail = "is missing: the account does not have just one sender";
    Err(faulty(fault("sender_id", FaultCode::Required, detail)))
}

async fn pinned(state: &State, account: &Account, alias: &KeyAlias) -> Result<Credential, Problem> {
    let pinned = state
        .parts
        .departures
        .credentials()
        .pinned(account, alias)
        .await;
    let pinned = pinned.map_err(|error| {
        let error_text = telemetry::chain(&error);
        tracing::warn!(account.id = %account.id, error = error_text, "a key to test could not be read");
        Problem::unavailable(&error)
    });
    pinned?.ok_or_else(unknown_key)
}

fn unknown_key() -> Problem {
    invalid("key", "is not the alias of a key that the account has")
}

fn invalid(name: &str, detail: &str) -> Problem {
    faulty(fault(name, FaultCode::Invalid, detail))
}

fn faulty(fault: Fault) -> Problem {
    Problem::validation(vec![fault])
}

fn fault(name: &str, code: FaultCode, detail: &str) -> Fault {
    Fault {
        pointer: format!("/{name}"),
        code,
        detail: detail.to_owned(),
    }
}

/// A message to test a key with.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `Test::read`"
)]
pub(crate) struct TestSendRequest {
    /// The account whose key it is.
    #[schema(min_length = 1, example = "acct_demo-mock")]
    account_id: String,
    /// What it leaves from; may be absent if the key or the account has only one.
    #[schema(min_length = 1, example = "mock-15550004000")]
    sender_id: Option<String>,
    /// The alias of the key; unless told, the one that the next message would be sent with.
    #[schema(min_length = 1, example = "demo")]
    key: Option<String>,
    /// The number it goes to, with its country code; or, with `recipient_type` group, the group's id. May be absent
    /// only if `recipient` is there.
    #[schema(min_length = 1, example = "+15550002001")]
    to: Option<String>,
    /// A business-scoped user id, for a person whose number is not known.
    #[schema(min_length = 1)]
    recipient: Option<String>,
    /// `individual` or `group`.
    #[schema(pattern = "^(individual|group)$")]
    recipient_type: Option<String>,
    #[serde(flatten)]
    object: MessageObject,
    /// Your own value; it stands in every answer about this message.
    #[schema(max_length = 512)]
    biz_opaque_callback_data: Option<String>,
    /// Your own name for the message.
    #[schema(min_length = 1, max_length = 512)]
    reference: Option<String>,
    /// Your own facts about the message.
    #[schema(value_type = Option<Object>)]
    metadata: Option<()>,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    fn places(body: &Value) -> Vec<String> {
        let read = Test::read(body, Timestamp::UNIX_EPOCH);
        let faults = read.err().unwrap_or_default();
        faults.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn a_test_is_a_message_with_an_account_and_is_over_soon() {
        let body = json!({"account_id": "acct_demo", "to": "+15550001111", "text": {"body": "Hi"}});
        let test = Test::read(&body, Timestamp::UNIX_EPOCH).ok().unwrap();
        let over = test.submission.expires_at.unwrap();
        assert_eq!(over, Timestamp::UNIX_EPOCH + OVER_AFTER);
        assert_eq!(test.ask.account.as_str(), "acct_demo");
        assert!(test.ask.sender.is_none() && test.ask.key.is_none());
    }

    #[test]
    fn every_fault_is_told_at_once_and_what_is_no_tests_is_one() {
        let body = json!({
            "account_id": "demo", "key": "No Alias", "to": "nobody", "text": {}, "colour": "red",
            "from": "100000000000001", "send_at": "2026-11-21T09:00:00Z",
        });
        let mut places = places(&body);
        places.sort();
        let wanted = [
            "/account_id",
            "/colour",
            "/from",
            "/key",
            "/send_at",
            "/text/body",
            "/to",
        ];
        assert_eq!(places, wanted);
        assert_eq!(self::places(&json!([])).len(), 1);
    }
}
