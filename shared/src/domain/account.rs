//! An account's set-up: its six steps, what it has of secrets (never a secret itself), and when it may be activated.

use super::identity::{PhoneNumberId, WabaId};
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};

/// One step of the set-up.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The Meta business account: the WABA, the app and the app's secret.
    Business,
    /// The phone number that messages leave from.
    PhoneNumber,
    /// The access token and the webhook's verify token.
    Tokens,
    /// What people see of the business.
    Profile,
    /// What the bot says.
    Bot,
    /// Meta calls our webhook.
    Webhook,
}

impl Step {
    /// Every step, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Business,
        Self::PhoneNumber,
        Self::Tokens,
        Self::Profile,
        Self::Bot,
        Self::Webhook,
    ];

    /// Its name, as in paths.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Business => "business",
            Self::PhoneNumber => "phone-number",
            Self::Tokens => "tokens",
            Self::Profile => "profile",
            Self::Bot => "bot",
            Self::Webhook => "webhook",
        }
    }
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Nothing has been said.
    Open,
    /// Said, and not yet checked with Meta: that takes the access token. Nothing uses it until then.
    Entered,
    /// Checked with Meta, which found something wrong.
    Faulty,
    /// Checked, and in use.
    Done,
}

/// What Meta found wrong with a step that had been entered before there was a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StepFault {
    /// What is wrong.
    pub detail: String,
    /// What to do about it.
    pub remedy: String,
}

/// How far one step is, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Which.
    pub step: Step,
    /// How far.
    pub state: StepState,
    /// Since when.
    #[serde(with = "millisecond::required")]
    pub at: Timestamp,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<StepFault>,
}

/// How far a set-up is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    #[serde(default)]
    steps: Vec<StepRecord>,
    /// The WABA of the first step, until it has been checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waba: Option<WabaId>,
    /// The phone number id of the second step, until it is a sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<PhoneNumberId>,
}

impl Setup {
    /// How far a step is.
    #[must_use]
    pub fn state(&self, step: Step) -> StepState {
        self.record(step).map_or(StepState::Open, |it| it.state)
    }

    /// What is known of a step, if anything was said.
    #[must_use]
    pub fn record(&self, step: Step) -> Option<&StepRecord> {
        self.steps.iter().find(|it| it.step == step)
    }

    /// Notes that a step is so far.
    pub fn note(&mut self, step: Step, state: StepState, now: Timestamp) {
        self.put(StepRecord {
            step,
            state,
            at: now,
            fault: None,
        });
    }

    /// Notes what is wrong with a step.
    pub fn note_fault(&mut self, step: Step, fault: StepFault, now: Timestamp) {
        self.put(StepRecord {
            step,
            state: StepState::Faulty,
            at: now,
            fault: Some(fault),
        });
    }

    /// Notes that nothing of these steps holds any more.
    pub fn reopen(&mut self, steps: &[Step]) {
        self.steps.retain(|it| !steps.contains(&it.step));
    }

    fn put(&mut self, record: StepRecord) {
        self.steps.retain(|it| it.step != record.step);
        self.steps.push(record);
    }

    /// The steps that are not done, in order.
    pub fn left(&self) -> impl Iterator<Item = Step> {
        let left = |step: &Step| self.state(*step) != StepState::Done;
        Step::ALL.into_iter().filter(left)
    }
}

/// What a secret of an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// Proves that a webhook is Meta's.
    AppSecret,
    /// Proves to us that Meta's handshake is about this webhook.
    VerifyToken,
    /// Opens Meta to us.
    AccessToken,
}

/// What may be known of a secret: everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRecord {
    /// What it is for.
    pub kind: CredentialKind,
    /// What people and attempts call it.
    pub alias: String,
    /// Its last four characters, if it is long enough.
    pub mask: String,
    /// When it was put in.
    #[serde(with = "millisecond::required")]
    pub since: Timestamp,
    /// When Meta stops to take it, if it does.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub expires_at: Option<Timestamp>,
}

/// What Meta says of a phone number, in Meta's words: new ones may come at any time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NumberFacts {
    /// The name people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_name: Option<String>,
    /// Whether Meta has approved that name: `APPROVED`, `PENDING_REVIEW`, `DECLINED` and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "APPROVED")]
    pub name_status: Option<String>,
    /// Whether it was verified by a code: `VERIFIED`, `NOT_VERIFIED`, `EXPIRED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "VERIFIED")]
    pub code_verification_status: Option<String>,
    /// Whether it is connected: `CONNECTED`, `PENDING`, `FLAGGED`, `RESTRICTED` and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "CONNECTED")]
    pub status: Option<String>,
    /// What people think of its messages: `GREEN`, `YELLOW`, `RED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "GREEN")]
    pub quality_rating: Option<String>,
    /// How many people its portfolio may write to in 24 hours: `TIER_2K` and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "TIER_2K")]
    pub messaging_limit: Option<String>,
    /// How fast it may send: `STANDARD`, `HIGH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "STANDARD")]
    pub throughput: Option<String>,
    /// Whether it may send: `AVAILABLE`, `LIMITED`, `BLOCKED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "AVAILABLE")]
    pub can_send_message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap_or_default()
    }

    #[test]
    fn a_set_up_is_whole_when_each_of_its_steps_is_done_in_whatever_order() {
        let mut setup = Setup::default();
        assert_eq!(setup.left().count(), 6);
        for (step, second) in Step::ALL.into_iter().rev().zip(1..) {
            setup.note(step, StepState::Entered, at(second));
            assert!(setup.left().any(|left| left == step));
            setup.note(step, StepState::Done, at(second));
        }
        assert_eq!(setup.left().count(), 0);
    }

    #[test]
    fn a_step_that_turns_out_to_be_wrong_is_left_again_until_it_is_mended() {
        let mut setup = Setup::default();
        setup.note(Step::Business, StepState::Done, at(1));
        let fault = StepFault {
            detail: "not this app's".to_owned(),
            remedy: "take another".to_owned(),
        };
        setup.note_fault(Step::Business, fault.clone(), at(2));
        assert_eq!(setup.left().next(), Some(Step::Business));
        let record = setup.record(Step::Business).and_then(|it| it.fault.clone());
        assert_eq!(record, Some(fault));
        setup.note(Step::Business, StepState::Done, at(3));
        assert_eq!(setup.left().next(), Some(Step::PhoneNumber));
        assert_eq!(
            setup.record(Step::Business).and_then(|it| it.fault.clone()),
            None
        );
    }
}
