//! A job's life as promises: what may happen to it when, and what is done for it then.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod plan;

use super::*;
use crate::domain::ledger::tests::at;
use serde_json::json;
use std::collections::BTreeMap;

fn job(status: JobStatus) -> Job {
    let message = serde_json::from_value(
        json!({"kind": "text", "body": {"type": "text", "text": {"body": "Hi"}}}),
    );
    Job {
        status,
        total: 100,
        ..Job::draft(
            "demo".parse().unwrap(),
            "acct_demo".parse().unwrap(),
            "100000000000001".parse().unwrap(),
            "spring".to_owned(),
            message.unwrap(),
            at(0),
        )
    }
}

fn paused() -> JobEvent {
    JobEvent::Paused {
        by: PausedBy::User,
        reason: "asked for".to_owned(),
    }
}

/// The status after the event, or the code of the refusal; `same` if nothing changes.
fn after_event(job: &Job, event: &JobEvent) -> &'static str {
    match happen(job, event, at(10)) {
        Ok(Some(next)) => next.status.as_str(),
        Ok(None) => "same",
        Err(refusal) => refusal.code(),
    }
}

#[test]
fn whatever_is_asked_of_a_job_in_any_status_is_done_or_refused_with_its_reason() {
    use JobStatus::{Cancelled, Cancelling, Draft, Finished, Paused, Ready, Running};
    let none = Outcomes::default();
    let events = [
        JobEvent::Started,
        paused(),
        JobEvent::Resumed(none),
        JobEvent::Cancelled,
        JobEvent::TriedAgain(none),
        JobEvent::AllEnded,
        JobEvent::TimeCame,
    ];
    let table = [
        (
            Draft,
            "job_empty job_not_started job_not_started cancelled job_not_started same same",
        ),
        (
            Ready,
            "running job_not_started job_not_started cancelling job_not_started same same",
        ),
        (
            Running,
            "same paused same cancelling job_running finished same",
        ),
        (Paused, "same same running cancelling job_paused same same"),
        (
            Cancelling,
            "job_ended job_ended job_ended same job_ended cancelled same",
        ),
        (
            Finished,
            "job_ended job_ended job_ended job_ended running same same",
        ),
        (
            Cancelled,
            "job_ended job_ended job_ended same job_ended same same",
        ),
    ];
    for (status, expected) in table {
        let got = events.each_ref().map(|event| {
            let mut job = job(status);
            if status == Paused {
                job.started_at = Some(at(1));
            }
            after_event(&job, event)
        });
        assert_eq!(got.join(" "), expected, "{status:?}");
    }
}

#[test]
fn a_start_may_be_repeated_whatever_has_become_of_the_job() {
    use JobStatus::{Cancelled, Cancelling, Finished, Paused, Running};
    for status in [Running, Paused, Cancelling, Finished, Cancelled] {
        let mut job = job(status);
        job.started_at = Some(at(1));
        assert_eq!(happen(&job, &JobEvent::Started, at(9)), Ok(None));
    }
}

#[test]
fn a_job_with_a_time_waits_for_it_and_can_be_held_back_until_then() {
    let mut ready = job(JobStatus::Ready);
    ready.send_at = Some(at(100));
    let waiting = happen(&ready, &JobEvent::Started, at(10)).unwrap().unwrap();
    assert_eq!(
        (waiting.status, waiting.starts_at()),
        (JobStatus::Ready, Some(at(100)))
    );
    assert_eq!(waiting.due_at(), Some(at(100)));
    assert_eq!(waiting.duty(at(200)), Duty::Nothing);
    assert_eq!(happen(&waiting, &JobEvent::Started, at(11)), Ok(None));
    let held = happen(&waiting, &paused(), at(20)).unwrap().unwrap();
    assert_eq!((held.status, held.due_at()), (JobStatus::Paused, None));
    assert_eq!(happen(&held, &JobEvent::TimeCame, at(150)), Ok(None));
    let resumed = JobEvent::Resumed(Outcomes::default());
    let early = happen(&held, &resumed, at(30)).unwrap().unwrap();
    assert_eq!(early.starts_at(), Some(at(100)));
    let late = happen(&held, &resumed, at(150)).unwrap().unwrap();
    assert_eq!(late.status, JobStatus::Running);
    let begun = happen(&early, &JobEvent::TimeCame, at(100))
        .unwrap()
        .unwrap();
    assert_eq!(
        (begun.status, begun.started_at),
        (JobStatus::Running, Some(at(100)))
    );
}

#[test]
fn a_job_whose_time_has_passed_sends_nothing_and_says_so_of_each_recipient() {
    let mut running = job(JobStatus::Running);
    running.expires_at = Some(at(100));
    assert_eq!(running.duty(at(99)), Duty::Send);
    assert_eq!(running.duty(at(100)), Duty::Withdraw(Withdrawal::Expired));
    let mut ready = job(JobStatus::Ready);
    ready.expires_at = Some(at(100));
    assert_eq!(
        happen(&ready, &JobEvent::Started, at(100)),
        Err(Refusal::Expired)
    );
    let mut draft = job(JobStatus::Draft);
    draft.expires_at = Some(at(100));
    let over = happen(&draft, &JobEvent::TimeCame, at(100))
        .unwrap()
        .unwrap();
    assert_eq!((over.status, over.due_at()), (JobStatus::Finished, None));
    for mut waiting in [ready, job(JobStatus::Paused)] {
        waiting.expires_at = Some(at(100));
        assert_eq!(waiting.due_at(), Some(at(100)));
        let ends = happen(&waiting, &JobEvent::TimeCame, at(100))
            .unwrap()
            .unwrap();
        assert_eq!(ends.duty(at(100)), Duty::Withdraw(Withdrawal::Expired));
    }
}

#[test]
fn a_jobs_times_can_be_changed_until_they_are_used_and_never_cross() {
    let change = |send_at: Option<i64>, expires_at: Option<i64>| {
        JobEvent::Changed(Changes {
            send_at: send_at.map(at),
            expires_at: expires_at.map(at),
            ..Changes::default()
        })
    };
    let ready = job(JobStatus::Ready);
    let changed = happen(&ready, &change(Some(50), Some(60)), at(10))
        .unwrap()
        .unwrap();
    assert_eq!(
        (changed.send_at, changed.expires_at),
        (Some(at(50)), Some(at(60)))
    );
    let crossing = happen(&changed, &change(Some(70), None), at(10));
    assert_eq!(crossing, Err(Refusal::TooShort));
    let mut running = job(JobStatus::Running);
    running.started_at = Some(at(5));
    assert_eq!(
        happen(&running, &change(Some(50), None), at(10)),
        Err(Refusal::Begun)
    );
    assert!(
        happen(&running, &change(None, Some(60)), at(10))
            .unwrap()
            .is_some()
    );
    let over = job(JobStatus::Finished);
    assert_eq!(
        happen(&over, &change(None, Some(60)), at(10)),
        Err(Refusal::Ended(JobStatus::Finished))
    );
}

#[test]
fn failures_are_tried_again_in_a_pass_of_their_own() {
    let mut over = job(JobStatus::Finished);
    over.progress.pass = 3;
    let outcomes = Outcomes {
        settled: 90,
        failed: 5,
        unknown: 2,
    };
    let event = JobEvent::TriedAgain(outcomes);
    let running = happen(&over, &event, at(10)).unwrap().unwrap();
    assert_eq!((running.progress.pass, running.before), (4, outcomes));
    assert_eq!(running.progress.again.as_ref().unwrap().asked_at, at(10));
    assert_eq!(happen(&running, &event, at(11)), Ok(None), "asked twice");
}

fn numbers(counted: &[(&str, i64)]) -> Numbers {
    counted
        .iter()
        .map(|(name, number)| ((*name).to_owned(), *number))
        .collect()
}

#[test]
fn a_job_pauses_itself_when_nobody_knows_what_became_of_too_many() {
    let outcomes = |unknown, read| Outcomes::of(&numbers(&[("unknown", unknown), ("read", read)]));
    let mut job = job(JobStatus::Running);
    assert_eq!(
        too_many_fail(&job, outcomes(99, 0)),
        None,
        "as after a kill"
    );
    assert_eq!(too_many_fail(&job, outcomes(150, 150)), None);
    let reason = too_many_fail(&job, outcomes(151, 150)).unwrap();
    assert!(reason.starts_with("151 of 301 recipients may"), "{reason}");
    job.before = outcomes(151, 150);
    assert_eq!(too_many_fail(&job, outcomes(160, 200)), None);
}

#[test]
fn a_job_takes_room_for_its_people_once_and_again_after_a_day() {
    let mut job = job(JobStatus::Running);
    job.started_at = Some(at(0));
    let (soon, day) = (at(60), 24 * 3_600);
    assert!(!job.takes_room(soon), "no template");
    let template =
        json!({"type": "template", "template": {"name": "spring", "language": {"code": "en"}}});
    job.message = serde_json::from_value(json!({"kind": "template", "body": template})).unwrap();
    assert!(job.takes_room(soon));
    job.progress.pass = 1;
    assert!(!job.takes_room(soon) && !job.takes_room(at(day - 1)));
    assert!(job.takes_room(at(day)));
}

#[test]
fn a_job_pauses_itself_when_more_than_its_share_fails_and_not_again_for_the_old_ones() {
    let outcomes =
        |failed, delivered| Outcomes::of(&numbers(&[("failed", failed), ("delivered", delivered)]));
    let mut job = job(JobStatus::Running);
    job.pause_at_failure_share = 0.2;
    assert_eq!(
        too_many_fail(&job, outcomes(19, 0)),
        None,
        "too few to tell"
    );
    assert_eq!(
        too_many_fail(&job, outcomes(4, 16)),
        None,
        "just at the limit"
    );
    let reason = too_many_fail(&job, outcomes(5, 15)).unwrap();
    assert!(
        reason.contains("5 of 20") && reason.contains("20 in 100"),
        "{reason}"
    );
    job.before = outcomes(50, 50);
    assert_eq!(too_many_fail(&job, outcomes(53, 66)), None);
    assert!(too_many_fail(&job, outcomes(60, 66)).is_some());
    job.pause_at_failure_share = 1.0;
    assert_eq!(too_many_fail(&job, outcomes(1_000, 50)), None, "never");
}

#[test]
fn failures_are_grouped_by_code_with_their_remedy_and_what_may_be_tried_again() {
    let counted = numbers(&[
        ("failed", 17),
        ("refused_131026", 9),
        ("reported_131026", 1),
        ("refused_130429", 3),
        ("reported_131016", 2),
        ("refused_transient", 2),
        ("refused_nonsense", 4),
        ("refused_100", 0),
        ("refused_190", 5),
        ("reported_131048", 2),
        ("refused_131048", 6),
        ("refused_credential", 1),
    ]);
    let groups: BTreeMap<_, _> = failures(&counted)
        .into_iter()
        .map(|group| {
            assert!(!group.message.is_empty() && !group.remedy.is_empty());
            let reason = (group.code, group.class.as_str());
            (reason, (group.count, group.retryable))
        })
        .collect();
    let expected = [
        ((Some(131_026), "recipient"), (10, 0)),
        ((Some(130_429), "throttled"), (3, 3)),
        ((Some(131_016), "transient"), (2, 0)),
        ((Some(190), "credential"), (5, 5)),
        ((Some(131_048), "policy"), (8, 6)),
        ((None, "transient"), (2, 2)),
        ((None, "credential"), (1, 1)),
    ];
    assert_eq!(groups, expected.into_iter().collect());
}

#[test]
fn recipients_who_failed_for_a_key_say_so_and_how_they_are_tried_again() {
    let groups = failures(&numbers(&[("failed", 9), ("refused_credential", 9)]));
    let group = groups.first().unwrap();
    assert!(group.message.contains("key or token"), "{group:?}");
    assert!(group.remedy.contains("put a good one in"), "{group:?}");
}

#[test]
fn the_rate_is_told_by_what_happened_since_the_job_last_began_to_run() {
    let mut progress = Progress::default();
    for second in 0..=40 {
        let done = u64::try_from(second).unwrap() * 50;
        progress.sample(done, at(0), at(second));
    }
    assert_eq!(progress.rate(2_050, at(0), at(41)), Some(50.0));
    assert_eq!(progress.rate(2_050, at(41), at(42)), None, "it was resumed");
    progress.sample(2_050, at(41), at(42));
    assert_eq!(progress.rate(2_110, at(41), at(44)), Some(30.0));
}

#[test]
fn a_job_whose_time_passed_before_it_began_is_not_started_before_or_after_that_was_noticed() {
    let ready = Job {
        expires_at: Some(at(50)),
        ..job(JobStatus::Ready)
    };
    let refused = |job: &Job| happen(job, &JobEvent::Started, at(60)).unwrap_err();
    assert_eq!(refused(&ready), Refusal::Expired);
    let noticed = happen(&ready, &JobEvent::TimeCame, at(60))
        .unwrap()
        .unwrap();
    assert_eq!(
        (noticed.status, noticed.started_at),
        (JobStatus::Running, None)
    );
    assert_eq!(refused(&noticed), Refusal::Expired);
    let ended = happen(&noticed, &JobEvent::AllEnded, at(61))
        .unwrap()
        .unwrap();
    assert_eq!(
        (ended.status, ended.started_at),
        (JobStatus::Finished, None)
    );
    assert_eq!(refused(&ended), Refusal::Expired);
}
