//! What is counted and measured: in AWS by lines in the embedded metric format of `CloudWatch`, whatever the logs' levels
//! are, at a desk in memory.
//!
//! Source: AWS, "Specification: Embedded metric format".

use super::FUNCTION;
use crate::service::clock;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Values that one line holds at most.
const MOST_VALUES: usize = 100;

/// What was counted, by metric and reason. Both are words of ours, never a caller's, so there are only so many. Of what was
/// measured it is how often.
pub type Counts = BTreeMap<&'static str, BTreeMap<&'static str, u64>>;

static COUNTS: Mutex<Counts> = Mutex::new(BTreeMap::new());

/// Counts something.
pub fn count(metric: &'static str, reason: &'static str, number: u64) {
    let Some(function) = FUNCTION.get() else {
        return add(metric, reason, number);
    };
    write(function, (metric, "Count"), reason, &json!(number));
}

/// Tells how many milliseconds something took, each time.
pub fn measure(metric: &'static str, reason: &'static str, milliseconds: &[u32]) {
    let Some(function) = FUNCTION.get() else {
        let number = u64::try_from(milliseconds.len()).unwrap_or(u64::MAX);
        return add(metric, reason, number);
    };
    for values in milliseconds.chunks(MOST_VALUES) {
        write(function, (metric, "Milliseconds"), reason, &json!(values));
    }
}

/// What was counted in this process. Empty in Lambda: there it is a metric.
#[must_use]
pub fn counts() -> Counts {
    COUNTS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

fn add(metric: &'static str, reason: &'static str, number: u64) {
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    *counts.entry(metric).or_default().entry(reason).or_default() += number;
}

/// A line that standard output does not take is lost, as a log line would be.
fn write(
    function: &str,
    metric: (&'static str, &'static str),
    reason: &'static str,
    value: &Value,
) {
    let line = line(function, metric, reason, value, clock::now());
    writeln!(std::io::stdout(), "{line}").unwrap_or_default();
}

fn line(
    function: &str,
    (metric, unit): (&'static str, &'static str),
    reason: &'static str,
    value: &Value,
    now: Timestamp,
) -> Value {
    json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": "Heliograph",
                "Dimensions": [["function"], ["function", "reason"]],
                "Metrics": [{"Name": metric, "Unit": unit}],
            }],
        },
        "function": function,
        "reason": reason,
        metric: value,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_count_is_a_metric_by_function_and_by_reason() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let metric = ("webhook_refused", "Count");
        let line = line("demo-webhook", metric, "signature", &json!(1), now);
        let at = |pointer: &str| line.pointer(&format!("/_aws{pointer}")).unwrap();
        assert_eq!(at("/Timestamp"), 1_790_000_000_000_i64);
        let metric = "/CloudWatchMetrics/0";
        assert_eq!(at(&format!("{metric}/Metrics/0/Name")), "webhook_refused");
        for dimension in at(&format!("{metric}/Dimensions/1")).as_array().unwrap() {
            assert!(line.get(dimension.as_str().unwrap()).is_some());
        }
        assert_eq!(line.get("webhook_refused").unwrap(), 1);
    }

    #[test]
    fn at_a_desk_counts_add_up_by_metric_and_reason() {
        for (reason, number) in [("early", 2), ("late", 1), ("early", 3)] {
            count("of_this_test", reason, number);
        }
        measure("of_this_test", "late", &[12, 9]);
        let counted = counts().remove("of_this_test");
        assert_eq!(counted, Some(BTreeMap::from([("early", 5), ("late", 3)])));
    }
}
