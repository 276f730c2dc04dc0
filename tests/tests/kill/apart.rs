//! The emulators in one process, the functions in another; that these may die is shown beside, by `bulk`.

use super::TURN;
use super::process::{Folder, Process, free_ports};

#[tokio::test(flavor = "multi_thread")]
async fn demo_keys_are_shown_by_whoever_makes_them() {
    let _turn = TURN.lock().await;
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
