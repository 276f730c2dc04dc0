//! A call for recipients as promises: it ends in time, and its answer fits.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use heliograph::domain::fault::FaultCode;
use serde_json::json;
use std::cell::Cell;

fn job() -> Job {
    let message = json!({"kind": "text", "body": {"type": "text", "text": {"body": "Hi"}}});
    Job::draft(
        "demo".parse().unwrap(),
        "acct_demo".parse().unwrap(),
        "100000000000001".parse().unwrap(),
        "spring".to_owned(),
        serde_json::from_value(message).unwrap(),
        clock::now(),
    )
}

/// Says that it is late when it is asked for the `last` time.
fn late_at_look(last: usize) -> impl Fn() -> bool {
    let looks = Cell::new(0);
    move || {
        looks.set(looks.get() + 1);
        looks.get() == last
    }
}

fn read_until_late(lines: &[Value]) -> (Outcome, usize) {
    let job = job();
    let mut outcome = Outcome::default();
    let mut lines = json_lines(&job, lines).peekable();
    let chunk = next_chunk(
        &mut lines,
        &mut HashSet::new(),
        &mut outcome,
        late_at_look(3),
    );
    (outcome, chunk.len())
}

#[test]
fn a_call_of_nothing_but_faults_or_duplicates_ends_in_time() {
    let (outcome, added) = read_until_late(&vec![json!({"to": "0171"}); 5_000]);
    assert_eq!(
        (outcome.unread_from, outcome.rejected, added),
        (Some(2_000), 2_000, 0)
    );
    let (outcome, added) = read_until_late(&vec![json!({"to": "+15550000001"}); 5_000]);
    assert_eq!((outcome.unread_from, added), (Some(2_000), 1));
    assert_eq!(outcome.duplicates.len(), 1_999);
}

#[test]
fn a_call_cut_short_before_it_added_anybody_says_where_to_go_on() {
    let (outcome, _) = read_until_late(&vec![json!({"to": "0171"}); 5_000]);
    let outcome = outcome.unless_all_are_faulty().unwrap();
    assert_eq!(outcome.unread_from, Some(2_000));
}

#[test]
fn an_answer_of_many_long_faults_fits_lambda() {
    let mut outcome = Outcome::default();
    for row in 0..10_000 {
        let column = Some("\u{1}".repeat(128));
        let fault = RecipientFault::of_row(row, column, FaultCode::Invalid, "is not so");
        outcome.reject(row, 1, vec![fault]);
    }
    let answer = serde_json::to_string(&outcome).unwrap();
    assert!(answer.len() < 2_100_000, "{}", answer.len());
    assert_eq!(outcome.rejected, 10_000);
}
