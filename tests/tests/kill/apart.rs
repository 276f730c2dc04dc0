//! The emulators in one process, the functions in another, which dies and is started again.

use super::process::{Folder, Process, free_ports};
use super::{TURN, job_of};
use std::time::Duration;
use tests::eventually_within;

/// The queues go on: what a function had of them when it died is invisible for three minutes more.
const PATIENCE: Duration = Duration::from_mins(6);

/// Enough for the functions to die in the middle.
const RECIPIENTS: usize = 600;

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_die_alone_find_everything_at_the_emulators() {
    let _turn = TURN.lock().await;
    let (there, here) = (Folder::new("emulators"), Folder::new("functions"));
    let ports = free_ports();
    let emulators = Process::start_with(&there, ports, &["emulators"]).await;
    let mut functions = Process::join(&here, ports, &emulators).await;
    let job = job_of(&functions.desk, RECIPIENTS).await;
    let _ = functions.desk.start_job(&job).await.with(202);
    for share in 1..=2_usize {
        let enough = (RECIPIENTS * share / 3) as u64;
        let look = async || {
            let accepted = functions.desk.stats().await["accepted"].as_u64().unwrap();
            (accepted >= enough).then_some(())
        };
        eventually_within(PATIENCE, "a share of the job to be sent", look).await;
        functions.kill().await;
        functions = Process::join(&here, ports, &emulators).await;
    }
    let desk = &functions.desk;
    let done = desk
        .job_once_all_are(&job, &["read", "unknown"], PATIENCE)
        .await;
    let accepted = desk.accepted(None).await.len();
    assert_eq!(done["counts"]["read"], accepted, "each status came");
    let stats = desk.stats().await;
    assert_eq!(stats["duplicates"], 0, "{stats}");
    assert_eq!(stats["distinct_recipients"], accepted, "{stats}");
    functions.end("TERM").await;
    emulators.end("TERM").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_keys_are_shown_by_whoever_makes_them() {
    let (there, here) = (Folder::new("emulators"), Folder::new("functions"));
    let ports = free_ports();
    let emulators = Process::start_with(&there, ports, &["emulators"]).await;
    assert!(
        !emulators.banner.contains("hg_demo"),
        "{}",
        emulators.banner
    );
    let functions = Process::join(&here, ports, &emulators).await;
    assert!(
        functions.banner.contains("hg_demo_admin"),
        "{}",
        functions.banner
    );
    functions.desk.get("/v1/messages").await.with(200);
    functions.end("TERM").await;
    emulators.end("TERM").await;
}
