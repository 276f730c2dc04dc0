//! The chain of hints: each tick puts the hint for the next.

use super::turns::{many, started};
use super::*;
use crate::tick::run;
use heliograph::service::aws::{Aws, Endpoints};
use heliograph::service::queue::Queue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A chain that has broken is waited for no longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Nobody listens there.
pub(super) const NOWHERE: &str = "http://127.0.0.1:1";

/// An SQS that takes what it is sent first.
struct Taking {
    listener: TcpListener,
}

impl Taking {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener }
    }

    fn queue(&self) -> Queue {
        let url = format!("http://{}", self.listener.local_addr().unwrap());
        queue_at(&url)
    }

    /// The body of the first request.
    async fn taken(&self) -> String {
        let (mut caller, _) = self.listener.accept().await.unwrap();
        let request = request(&mut caller).await;
        let answer = r#"{"MessageId":"1","MD5OfMessageBody":"1"}"#;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0";
        let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
        caller.write_all(answer.as_bytes()).await.unwrap();
        request
    }
}

/// The body of a request.
async fn request(caller: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        assert!(caller.read_buf(&mut read).await.unwrap() > 0, "it hung up");
        let text = String::from_utf8_lossy(&read).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() == length.unwrap().trim().parse::<usize>().unwrap() {
            return body.to_owned();
        }
    }
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
    let taking = Taking::start().await;
    let state = crate::State {
        store: store.clone(),
        bulk: queue_at(NOWHERE),
        dispatch: taking.queue(),
    };
    let ticking = async {
        tokio::join!(
            run(&state, &job.tenant, &job.sender, Vec::new()),
            taking.taken(),
        )
    };
    let (ended, hint) = tokio::time::timeout(PATIENCE, ticking).await.unwrap();
    ended.unwrap();
    assert!(hint.contains(job.sender.as_str()), "{hint}");
    // What it had slots for is named in no queue: the job's passes will meet it.
    assert_eq!(read(&store, &job).await.status, JobStatus::Running);
}
