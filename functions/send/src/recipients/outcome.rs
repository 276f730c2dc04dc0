//! What a call for recipients tells its caller, and what is remembered of it.

use super::line::RecipientFault;
use heliograph::service::problem::Problem;
use serde::Serialize;

/// More faults than anyone reads; how many lines have one is told all the same.
const MOST_FAULTS: usize = 10_000;

/// Faults stop at this many bytes, too. Lambda answers 6 MB, and the duplicates of 4 MB of lines may take 3.5 of them.
const LARGEST_FAULTS: usize = 2_000_000;

/// A larger answer is remembered without its lists: it would not fit an item.
const LARGEST_KEPT: usize = 300_000;

/// So many of the lines with faults are named where all have some.
const MOST_NAMED: usize = 5;

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
    /// Every fault of those, the first 10,000 of them, or 2 MB.
    pub(super) errors: Vec<RecipientFault>,
    /// The first place, or row, that was not looked at, because the call took too long: send another call from there
    /// on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unread_from: Option<u64>,
    /// How many recipients the job has now.
    pub(super) total: u64,
    /// Only if the call was repeated with its `Idempotency-Key`, and its first answer had more than 300 KB: how much
    /// stood in `duplicates` and `errors`, which are empty now.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
    /// The first places, or rows, with faults.
    #[serde(skip)]
    first_rejected: Vec<u64>,
    #[serde(skip)]
    size_of_errors: usize,
}

impl Outcome {
    /// Counts a line with faults, and lines that were read as one with it.
    pub(super) fn reject(&mut self, place: u64, count: u64, faults: Vec<RecipientFault>) {
        self.rejected += count;
        if self.first_rejected.len() < MOST_NAMED {
            self.first_rejected.push(place);
        }
        for fault in faults {
            let has_room = self.errors.len() < MOST_FAULTS && self.size_of_errors < LARGEST_FAULTS;
            if has_room {
                self.size_of_errors += serde_json::to_string(&fault).map_or(0, |text| text.len());
                self.errors.push(fault);
            }
        }
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

    /// The outcome, unless every line of the call has faults.
    pub(super) fn unless_all_are_faulty(self) -> Result<Self, Problem> {
        let is_read_whole = self.unread_from.is_none();
        let all = self.rejected > 0 && self.added == 0 && self.duplicates.is_empty();
        if !(all && is_read_whole) {
            return Ok(self);
        }
        let detail = self.all_are_faulty();
        let faults = self.errors.into_iter().map(RecipientFault::into_fault);
        Err(Problem::validation(faults.collect()).because(detail))
    }

    fn all_are_faulty(&self) -> String {
        let is_csv = self.errors.iter().any(|fault| fault.row.is_some());
        let what = match (is_csv, self.rejected) {
            (true, 1) => "row",
            (true, _) => "rows",
            (false, 1) => "recipient",
            (false, _) => "recipients",
        };
        let places: Vec<String> = self.first_rejected.iter().map(u64::to_string).collect();
        let more = if places.len() == MOST_NAMED {
            ", …"
        } else {
            ""
        };
        format!(
            "none was added, all have faults: {} {what} ({}{more}): see errors",
            self.rejected,
            places.join(", ")
        )
    }

    /// The answer as it is kept with the call's key.
    pub(super) fn kept(&self) -> Option<String> {
        let whole = serde_json::to_string(self).ok()?;
        if whole.len() <= LARGEST_KEPT {
            return Some(whole);
        }
        let (errors, duplicates) = (self.errors.len(), self.duplicates.len());
        let short = Self {
            added: self.added,
            rejected: self.rejected,
            unread_from: self.unread_from,
            total: self.total,
            left_out: Some(format!(
                "the first answer named {errors} errors and {duplicates} duplicates, too many to be kept with the key"
            )),
            ..Self::default()
        };
        serde_json::to_string(&short).ok()
    }
}
