//! A bulk job's report as CSV: a row for each recipient, however long the rows.

use serde_json::{Value, json};
use std::time::Duration;
use tests::{Desk, recipients};

const PATIENCE: Duration = Duration::from_mins(1);

/// The pages of a job's report, put together.
async fn report(desk: &Desk, job: &str) -> (String, usize) {
    let mut path = format!("/v1/bulk-jobs/{job}/report.csv");
    let (mut report, mut pages) = (String::new(), 0);
    loop {
        let answer = desk.get(&path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        report.push_str(&answer.text);
        pages += 1;
        let Some(link) = answer.header("link") else {
            return (report, pages);
        };
        let target = link.trim_start_matches('<').split('>').next();
        target.unwrap().clone_into(&mut path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reports_pages_put_together_have_a_row_for_each_recipient() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    desk.add(&job, &recipients(2_001)).await.with(200);
    let (report, pages) = report(&desk, &job).await;
    let rows: Vec<&str> = report.lines().collect();
    assert_eq!((rows.len(), pages), (1 + 2_001, 2));
    assert!(rows[0].starts_with("to,reference,state,"));
    for (place, row) in rows.iter().skip(1).enumerate() {
        assert!(
            row.starts_with(&format!("+15551{place:06},,queued,")),
            "{row}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_long_rows_has_more_pages_and_loses_no_row() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    let reference = "\u{1f4ee}".repeat(512);
    let mut long = recipients(1_700);
    for recipient in &mut long {
        recipient["reference"] = json!(reference);
    }
    desk.add(&job, &long).await.with(200);
    let (report, pages) = report(&desk, &job).await;
    assert!(report.len() > 3_600_000, "{} bytes", report.len());
    assert_eq!(pages, 2);
    let numbers: Vec<&str> = report
        .lines()
        .skip(1)
        .filter_map(|row| row.split(',').next())
        .collect();
    let expected: Vec<Value> = recipients(1_700);
    assert_eq!(numbers.len(), expected.len());
    for (number, recipient) in numbers.iter().zip(&expected) {
        assert_eq!(*number, recipient["to"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_tells_why_and_nothing_in_it_is_run_by_a_spreadsheet() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    let fails = json!({"to": "+15559131026", "reference": "=cmd|' /C calc'!A1"});
    desk.add(&job, &[fails]).await.with(200);
    desk.start_job(&job).await.with(202);
    desk.job_once_all_are(&job, &["failed"], PATIENCE).await;
    let (report, _) = report(&desk, &job).await;
    let row = report.lines().nth(1).unwrap();
    assert!(row.starts_with("+15559131026,'=cmd|"), "{row}");
    assert!(
        row.contains(",failed,") && row.contains(",131026,"),
        "{row}"
    );
}
