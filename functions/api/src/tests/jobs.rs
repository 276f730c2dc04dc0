//! Bulk jobs: counts that close, recipients by state.

use super::desk::{Desk, ids, message, noon, tenant};
use axum::http::{Method, StatusCode};
use heliograph::domain::content::Content;
use heliograph::domain::fault::Faults;
use heliograph::domain::fields::Fields;
use heliograph::domain::job::Job;
use heliograph::domain::message::{Lane, Outbound};
use heliograph::domain::state::State;
use heliograph::store::{Counter, CounterDelta, Transaction};
use serde_json::json;
use std::collections::BTreeSet;

/// A running job with a recipient for each of `states`, in chunks of 7.
async fn job_with(desk: &Desk, states: &[State]) -> Job {
    let faults = Faults::new();
    let body = json!({"type": "text", "text": {"body": "Hi {{1}}"}});
    let mut fields = Fields::of(&body, "", &faults).unwrap();
    let job = Job::draft(
        tenant(),
        "acct_demo".parse().unwrap(),
        "100000000000001".parse().unwrap(),
        "November".to_owned(),
        Content::read_draft(&mut fields).unwrap(),
        noon(),
    );
    let mut transaction = Transaction::new();
    desk.store.create_job(&mut transaction, &job).unwrap();
    desk.store.commit(transaction).await.unwrap();
    let recipients: Vec<Outbound> = (0..)
        .zip(states)
        .map(|(number, state)| Outbound {
            lane: Lane::Bulk,
            content: None,
            job: Some(job.id.clone()),
            variables: Some(json!(["Ann"])),
            ..message(number, *state)
        })
        .collect();
    for chunk in recipients.chunks(7) {
        desk.store
            .add_recipients(&job, chunk, noon())
            .await
            .unwrap();
    }
    job
}

async fn count(desk: &Desk, job: &Job, numbers: &[(&str, i64)]) {
    let counter = |name: &str| Counter {
        tenant: tenant(),
        of: format!("job:{}", job.id),
        part: "-".to_owned(),
        name: name.to_owned(),
    };
    let delta: CounterDelta = numbers
        .iter()
        .map(|(name, by)| (counter(name), *by))
        .collect();
    let from = desk.store.position("shard-1").await.unwrap();
    assert!(desk.store.count(&delta, &from, "1").await.unwrap());
}

#[tokio::test]
async fn a_jobs_counts_close_though_not_every_recipient_is_counted_yet() {
    let desk = Desk::start().await;
    let job = job_with(&desk, &[State::Queued; 20]).await;
    let path = format!("/v1/bulk-jobs/{}", job.id);
    let (status, shown) = desk.get(&path).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(shown["status"], "ready");
    assert_eq!(shown["text"], json!({"body": "Hi {{1}}"}));
    assert_eq!(
        (&shown["counts"]["total"], &shown["counts"]["queued"]),
        (&json!(20), &json!(20))
    );
    count(&desk, &job, &[("queued", 4), ("sent", 7), ("failed", 2)]).await;
    let (_, shown) = desk.get(&path).await;
    let counts = shown["counts"].as_object().unwrap();
    let sum: u64 = counts
        .iter()
        .filter(|(name, _)| *name != "total")
        .map(|(_, n)| n.as_u64().unwrap())
        .sum();
    assert_eq!((sum, &counts["total"]), (20, &json!(20)));
    assert_eq!(
        (&counts["queued"], &counts["sent"], &counts["failed"]),
        (&json!(11), &json!(7), &json!(2))
    );
    let (jobs, _) = desk.read_list("/v1/bulk-jobs", 10).await;
    assert_eq!(jobs, [shown]);
}

#[tokio::test]
async fn every_recipient_is_listed_exactly_once_whatever_the_page() {
    let desk = Desk::start().await;
    let job = job_with(&desk, &[State::Queued; 33]).await;
    let path = format!("/v1/bulk-jobs/{}/recipients", job.id);
    for limit in [1, 5, 7, 33, 100] {
        let (recipients, _) = desk.read_list(&path, limit).await;
        assert_eq!(recipients.len(), 33, "limit {limit}");
        let once: BTreeSet<_> = ids(&recipients).into_iter().collect();
        assert_eq!(once.len(), 33, "limit {limit}");
        assert_eq!(recipients[0]["bulk_job_id"], job.id.as_str());
        assert_eq!(recipients[0]["variables"], json!(["Ann"]));
    }
}

#[tokio::test]
async fn recipients_are_listed_by_any_state() {
    let desk = Desk::start().await;
    let mixed: Vec<State> = [State::Delivered, State::Failed, State::Sent]
        .into_iter()
        .cycle()
        .take(30)
        .collect();
    let job = job_with(&desk, &mixed).await;
    for (state, count) in [("delivered", 10), ("failed", 10), ("sent", 10), ("read", 0)] {
        let path = format!("/v1/bulk-jobs/{}/recipients?state={state}", job.id);
        let (recipients, _) = desk.read_list(&path, 3).await;
        let once: BTreeSet<_> = ids(&recipients).into_iter().collect();
        assert_eq!((recipients.len(), once.len()), (count, count), "{state}");
        assert!(
            recipients
                .iter()
                .all(|recipient| recipient["state"] == state)
        );
    }
    let (status, _) = desk
        .get(&format!(
            "/v1/bulk-jobs/{}/recipients?state=received",
            job.id
        ))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn another_tenants_job_is_not_there() {
    let desk = Desk::start().await;
    let job = job_with(&desk, &[State::Failed]).await;
    for path in ["", "/recipients", "/recipients?state=failed"] {
        let path = format!("/v1/bulk-jobs/{}{path}", job.id);
        let (status, _) = desk.call(Method::GET, &path, Some("hg_stranger")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}
