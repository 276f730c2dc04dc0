//! Meta's error codes: what each means for the next step, and what a person can do about it.
//!
//! The one place that knows them; the table itself stands in `meta_codes/`.

mod elsewhere;
mod groups;

use super::Class;
use elsewhere::RANGES;
use groups::{GROUPS, UNKNOWN, UNREACHABLE};

/// What one of Meta's codes means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diagnosis {
    /// What it means for the next step.
    pub class: Class,
    /// How far it reaches.
    pub reach: Reach,
    /// What went wrong, in plain words.
    pub text: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// How far a failure reaches beyond the message that met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This message alone.
    Message,
    /// Every message of the sender: it should be paused.
    Sender,
    /// Every message of the account: its senders should be paused.
    Account,
}

/// What Meta's `code` means. A code nobody has told us about is permanent: nothing is repeated on a guess.
#[must_use]
pub fn of_meta(code: i64) -> Diagnosis {
    known(code).unwrap_or_else(|| UNKNOWN.diagnosis("Meta refused it for a reason we do not know"))
}

/// Whether anybody has told us about this code.
#[must_use]
pub fn is_known(code: i64) -> bool {
    known(code).is_some()
}

/// Whether it says that the person cannot be reached, whoever writes whatever.
pub(super) fn tells_unreachable(code: i64) -> bool {
    UNREACHABLE.contains(&code)
}

fn known(code: i64) -> Option<Diagnosis> {
    for group in GROUPS {
        if let Some((_, text)) = group.codes.iter().find(|(known, _)| *known == code) {
            return Some(group.diagnosis(text));
        }
    }
    let range = RANGES.iter().find(|(codes, _, _)| codes.contains(&code));
    range.map(|(_, group, text)| group.diagnosis(text))
}

/// The code that tells what Meta means: for a sender's number that is gone, or that the token may not see, it says that
/// a parameter is not valid, and only its finer code says which.
pub(super) fn telling(code: i64, subcode: Option<i64>) -> i64 {
    match (code, subcode) {
        (100, Some(33)) => 33,
        (code, _) => code,
    }
}

/// Codes with one class and one remedy.
struct Group {
    class: Class,
    reach: Reach,
    remedy: &'static str,
    codes: &'static [(i64, &'static str)],
}

impl Group {
    const fn diagnosis(&self, text: &'static str) -> Diagnosis {
        Diagnosis {
            class: self.class,
            reach: self.reach,
            text,
            remedy: self.remedy,
        }
    }
}

#[cfg(test)]
mod tests;
