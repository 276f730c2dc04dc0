//! The chain of hints: each tick puts the hint for the next.

use super::turns::{many, started};
use super::*;
use crate::tick::{Learnt, begin, run};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use heliograph::service::aws::{Aws, Endpoints};
use heliograph::service::queue::Queue;
use tokio::sync::mpsc;

/// A chain that has broken is waited for no longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Nobody listens there.
pub(super) const NOWHERE: &str = "http://127.0.0.1:1";

/// An SQS that takes all it is sent, and the bodies of it.
async fn taking() -> (Queue, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (put, taken) = mpsc::unbounded_channel();
    let take = move |body: String| async move {
        put.send(body).unwrap();
        let headers = [("content-type", "application/x-amz-json-1.0")];
        (headers, r#"{"MessageId":"1","MD5OfMessageBody":"1"}"#)
    };
    let serving = axum::serve(listener, Router::new().fallback(take));
    #[expect(clippy::disallowed_methods, reason = "a test's server")]
    tokio::spawn(serving.into_future());
    (queue_at(&url), taken)
}

/// A queue of the SQS at this URL.
pub(super) fn queue_at(url: &str) -> Queue {
    let endpoints = Endpoints {
        aws: url.to_owned(),
        dynamodb: None,
    };
    Queue::new(Aws::at(&endpoints).sqs(), format!("{url}/queue"))
}

#[tokio::test]
async fn the_chain_of_ticks_goes_on_when_a_tick_could_hand_out_nothing() {
    let (store, _) = counted_store().await;
    let job = started(&store, |job| many(job, 0..CHUNK_SIZE)).await;
    store.put_sender(&sender(80)).await.unwrap();
    let (dispatch, mut taken) = taking().await;
    let state = crate::State {
        store: store.clone(),
        bulk: queue_at(NOWHERE),
        dispatch,
    };
    let ticking = async {
        tokio::join!(
            run(&state, &job.tenant, &job.sender, Vec::new()),
            taken.recv(),
        )
    };
    let (ended, hint) = tokio::time::timeout(PATIENCE, ticking).await.unwrap();
    ended.unwrap();
    let hint = hint.unwrap();
    assert!(hint.contains(job.sender.as_str()), "{hint}");
    // What it had slots for is named in no queue: the job's passes will meet it.
    assert_eq!(read(&store, &job).await.status, JobStatus::Running);
}

/// A database at `url` that loses its first answer to an update it has made.
async fn losing_an_answer(url: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let lost = Arc::<AtomicUsize>::default();
    let pass = move |headers: HeaderMap, body: Bytes| async move {
        let target = headers.get("x-amz-target").unwrap().to_str().unwrap();
        let is_update = target.ends_with("UpdateItem");
        let answer = client.post(url).headers(headers).body(body).send().await;
        let answer = answer.unwrap();
        if is_update && lost.fetch_add(1, Ordering::SeqCst) == 0 {
            assert!(answer.status().is_success());
            return (StatusCode::SERVICE_UNAVAILABLE, "{}".to_owned());
        }
        (answer.status(), answer.text().await.unwrap())
    };
    let serving = axum::serve(listener, Router::new().fallback(pass));
    #[expect(clippy::disallowed_methods, reason = "a test's server")]
    tokio::spawn(serving.into_future());
    own
}

#[tokio::test]
async fn a_tick_knows_the_slots_it_took_though_the_answer_was_lost() {
    let url = serve_dynamodb().await;
    let (store, _) = counted_store_at(&url);
    store.create_tables().await.unwrap();
    let job = started(&store, |job| many(job, 0..CHUNK_SIZE)).await;
    store.put_sender(&sender(80)).await.unwrap();
    let (store, _) = counted_store_at(&losing_an_answer(url).await);
    let state = crate::State {
        store,
        bulk: queue_at(NOWHERE),
        dispatch: queue_at(NOWHERE),
    };
    let nothing = Learnt { seen: 0, missed: 0 };
    let tick = begin(&state, &job.tenant, &job.sender, nothing).await;
    assert!(tick.unwrap().is_some());
}
