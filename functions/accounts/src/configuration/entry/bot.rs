//! Bots as they stand in a configuration: what they say, and what they know.

use crate::accounts::bot::read_bot;
use crate::knowledge::read_texts;
use heliograph::domain::bot::{Bot, Knowledge};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::{AccountId, KnowledgeId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// What an account's bot says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct BotEntry {
    /// Whose.
    #[schema(value_type = String)]
    pub(in crate::configuration) account_id: AccountId,
    #[serde(flatten)]
    pub(in crate::configuration) bot: Bot,
}

/// Something an account's bot knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct KnowledgeEntry {
    /// Our id.
    #[schema(value_type = String)]
    pub(in crate::configuration) id: KnowledgeId,
    /// Whose.
    #[schema(value_type = String)]
    pub(in crate::configuration) account_id: AccountId,
    /// What people ask.
    pub(in crate::configuration) question: String,
    /// What they are told.
    pub(in crate::configuration) answer: String,
}

impl BotEntry {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let account_id = fields.required_parsed("account_id", str::parse);
        let bot = read_bot(fields);
        Some(Self {
            account_id: account_id?,
            bot: bot?,
        })
    }
}

impl KnowledgeEntry {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.required_parsed("id", str::parse);
        let account_id = fields.required_parsed("account_id", str::parse);
        let (question, answer) = read_texts(fields)?;
        Some(Self {
            id: id?,
            account_id: account_id?,
            question,
            answer,
        })
    }

    /// As a bot of this account knows it.
    pub(in crate::configuration) fn of(account: &AccountId, knowledge: &Knowledge) -> Self {
        Self {
            id: knowledge.id.clone(),
            account_id: account.clone(),
            question: knowledge.question.clone(),
            answer: knowledge.answer.clone(),
        }
    }

    /// As something that is written now.
    pub(in crate::configuration) fn knowledge(&self, now: Timestamp) -> Knowledge {
        Knowledge {
            id: self.id.clone(),
            question: self.question.clone(),
            answer: self.answer.clone(),
            changed_at: now,
        }
    }
}
