//! What a call for recipients tells its caller.

use super::line::RecipientFault;
use heliograph::service::problem::Problem;
use serde::Serialize;

/// More faults than anyone reads; how many lines have one is told all the same.
const MOST_FAULTS: usize = 10_000;

/// What became of a call's recipients.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
#[schema(as = RecipientsAdded)]
pub(crate) struct Outcome {
    /// How many were added.
    pub(super) added: u64,
    /// Those that stood in the job, or earlier in the call, already: their places counted from 0, or their rows.
    pub(super) duplicates: Vec<u64>,
    /// How many were not added because of their faults. Of rows that were read as one, each counts.
    pub(super) rejected: u64,
    /// Every fault of those, the first 10,000 of them.
    pub(super) errors: Vec<RecipientFault>,
    /// The first place, or row, that was not looked at, because the call took too long: send another call from there
    /// on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unread_from: Option<u64>,
    /// How many recipients the job has now.
    pub(super) total: u64,
}

impl Outcome {
    pub(super) fn reject(&mut self, count: u64, faults: Vec<RecipientFault>) {
        self.rejected += count;
        let room = MOST_FAULTS.saturating_sub(self.errors.len());
        self.errors.extend(faults.into_iter().take(room));
    }

    /// The problem that ended a call, with what the call had done before it.
    pub(super) fn before(&self, problem: Problem) -> Problem {
        match self.added {
            0 => problem,
            added => problem.besides(format!(
                "{added} of the call's recipients were added before"
            )),
        }
    }
}
