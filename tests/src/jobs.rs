//! Bulk jobs from making one to its end.

use crate::{Answer, Desk, SENDER, eventually_within};
use serde_json::{Value, json};
use std::time::Duration;

/// So many people who are recipients of nothing else.
#[must_use]
pub fn recipients(count: usize) -> Vec<Value> {
    let number = |place| json!({"to": format!("+15551{place:06}")});
    (0..count).map(number).collect()
}

impl Desk {
    /// Makes a job that sends `text`; its id.
    pub async fn make_job(&self, text: &str) -> String {
        let body = json!({"name": "test", "from": SENDER, "type": "text", "text": {"body": text}});
        let job = self.post("/v1/bulk-jobs", &body).await.with(201);
        job["id"].as_str().unwrap().to_owned()
    }

    /// Adds recipients to a job.
    pub async fn add(&self, job: &str, recipients: &[Value]) -> Answer {
        let path = format!("/v1/bulk-jobs/{job}/recipients");
        self.post(&path, &json!({"recipients": recipients})).await
    }

    /// Starts a job.
    pub async fn start_job(&self, job: &str) -> Answer {
        self.post(&format!("/v1/bulk-jobs/{job}/start"), &Value::Null)
            .await
    }

    /// A job as it is now.
    pub async fn job(&self, id: &str) -> Value {
        self.get(&format!("/v1/bulk-jobs/{id}")).await.with(200)
    }

    /// A job once it is finished and each of its recipients is in one of these states.
    pub async fn job_once_all_are(&self, id: &str, states: &[&str], patience: Duration) -> Value {
        let look = async || {
            let job = self.job(id).await;
            let counts = &job["counts"];
            let settled: u64 = states
                .iter()
                .map(|state| counts[*state].as_u64().unwrap())
                .sum();
            assert_closed(counts);
            let is_over = job["status"] == "finished" && counts["total"] == settled;
            is_over.then_some(job)
        };
        eventually_within(patience, "a bulk job to end", look).await
    }
}

/// The states sum to the total, at any time.
#[track_caller]
fn assert_closed(counts: &Value) {
    let states = counts.as_object().unwrap().iter();
    let sum: u64 = states
        .filter(|(name, _)| *name != "total")
        .map(|(_, count)| count.as_u64().unwrap())
        .sum();
    assert_eq!(counts["total"], sum, "{counts}");
}
