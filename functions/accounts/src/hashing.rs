//! The one thread that hashes passwords, beside what else the process does.
//!
//! A hash takes 19 MiB. The allocator keeps what a thread freed for that thread, so many threads would keep that many times
//! 19 MiB, which is more than a function has.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use thiserror::Error;
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

static THREAD: OnceLock<Sender<Work>> = OnceLock::new();

/// The work failed in a way that nobody expected.
#[derive(Debug, Error)]
#[error("a password could not be hashed")]
pub(crate) struct Broken;

/// What `work` makes, when its turn has come.
pub(crate) async fn done<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Broken> {
    let (told, made) = oneshot::channel();
    let work = move || drop(told.send(work()));
    let thread = THREAD.get_or_init(start);
    thread.send(Box::new(work)).map_err(|_| Broken)?;
    made.await.map_err(|_| Broken)
}

fn start() -> Sender<Work> {
    let (give, take) = channel::<Work>();
    thread::spawn(move || {
        for work in take {
            // Whoever waits for it hears that it broke; the others come to their turn.
            drop(catch_unwind(AssertUnwindSafe(work)));
        }
    });
    give
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )]
    use super::*;
    use tokio::task::JoinSet;

    #[tokio::test(flavor = "multi_thread")]
    async fn all_that_is_hashed_is_hashed_by_one_thread() {
        let mut asked: JoinSet<_> = (0..20).map(|_| done(|| thread::current().id())).collect();
        let mut seen = Vec::new();
        while let Some(id) = asked.join_next().await {
            seen.push(id.unwrap().unwrap());
        }
        seen.dedup();
        assert_eq!(seen.len(), 1);
        assert_ne!(seen.first(), Some(&thread::current().id()));
    }

    #[tokio::test]
    async fn what_breaks_breaks_alone() {
        assert!(done(|| panic!("on purpose")).await.is_err());
        assert_eq!(done(|| 1).await.unwrap(), 1);
    }
}
