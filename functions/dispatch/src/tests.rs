//! A job's passes over an embedded DynamoDB that counts the calls: however large the job, a tick makes few.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chain;
mod crashes;
mod days;
mod idle;
mod legs;
mod turns;

use crate::again;
use crate::legs::Places;
use crate::recipients::{Ask, take};
use crate::tick::{Learnt, inbound, lease};
use crate::withdraw;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
};
use aws_sdk_dynamodb::error::BoxError;
use heliograph::domain::account::NumberFacts;
use heliograph::domain::content::Draft;
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::Recipient;
use heliograph::domain::job::{Duty, Job, JobEvent, JobStatus};
use heliograph::domain::message::{Attempt, Lane, Outbound};
use heliograph::domain::pace::{InboundRate, Slot, Slowed};
use heliograph::domain::state::State;
use heliograph::domain::times::Times;
use heliograph::store::{
    Asked, CHUNK_SIZE, Counter, Pace, RECEIVED_COUNTER, Sender, Store, Transaction, WindowPolicy,
    day_counters,
};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// More than a tick looks at.
const CHUNKS: usize = 70;

#[derive(Debug, Clone, Default)]
struct Calls(Arc<AtomicUsize>);

impl Calls {
    /// How many were made since the last time this was asked.
    fn made(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

async fn counted_store() -> (Store, Calls) {
    let (store, calls) = counted_store_at(&serve_dynamodb().await);
    store.create_tables().await.unwrap();
    (store, calls)
}

async fn serve_dynamodb() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let database = dynoxide::Database::memory().unwrap();
    let serving = dynoxide::server::serve_with_shutdown(listener, database, std::future::pending());
    #[expect(clippy::disallowed_methods, reason = "a test's server")]
    tokio::spawn(serving);
    url
}

fn counted_store_at(url: &str) -> (Store, Calls) {
    let calls = Calls::default();
    (store_at(url, calls.clone()), calls)
}

/// The store at this URL, for one whose calls go through `interceptor`.
fn store_at(url: &str, interceptor: impl Intercept + 'static) -> Store {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(Credentials::for_tests())
        .interceptor(interceptor)
        .build();
    Store::new(Client::from_conf(config), "messages", "logs")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A recipient of the job: in this state, and not to be sent before an hour has passed.
fn recipient(job: &Job, number: usize, state: State) -> Outbound {
    let to = format!("+1555{number:07}");
    let id = MessageId::derived(job.created_at, &[job.id.as_str(), &to]);
    let from = (job.tenant.clone(), job.account.clone(), job.sender.clone());
    let to = Recipient::Phone(to.parse().unwrap());
    Outbound {
        state,
        job: Some(job.id.clone()),
        not_before: Some(at(3_600)),
        ..Outbound::queued(id, from, to, Lane::Bulk, at(0))
    }
}

/// What a portfolio's limit counts.
fn template() -> Draft {
    let template = json!({"name": "spring", "language": {"code": "en"}});
    let body = json!({"type": "template", "template": template});
    serde_json::from_value(json!({"kind": "template", "body": body})).unwrap()
}

/// A job without recipients.
async fn draft(store: &Store) -> Job {
    let message = serde_json::from_value(
        json!({"kind": "text", "body": {"type": "text", "text": {"body": "Hi"}}}),
    );
    let job = Job::draft(
        "demo".parse().unwrap(),
        "acct_demo".parse().unwrap(),
        "100000000000001".parse().unwrap(),
        "spring".to_owned(),
        message.unwrap(),
        at(0),
    );
    let mut transaction = Transaction::new();
    store.create_job(&mut transaction, &job).unwrap();
    store.commit(transaction).await.unwrap();
    job
}

/// A running job of which all recipients have ended but the first, which waits.
async fn running(store: &Store, chunks: usize) -> Job {
    let job = draft(store).await;
    for chunk in 0..chunks {
        let numbers = chunk * CHUNK_SIZE..(chunk + 1) * CHUNK_SIZE;
        let recipients: Vec<Outbound> = numbers
            .map(|number| {
                let waits = number == 0;
                let state = if waits {
                    State::Queued
                } else {
                    State::Accepted
                };
                recipient(&job, number, state)
            })
            .collect();
        let now = at(i64::try_from(chunk).unwrap());
        store.add_recipients(&job, &recipients, now).await.unwrap();
    }
    let ready = read(store, &job).await;
    let event = JobEvent::Started;
    store
        .move_job(ready, &event, Asked::default(), at(100))
        .await
        .unwrap()
}

async fn read(store: &Store, job: &Job) -> Job {
    store.job(&job.tenant, &job.id).await.unwrap().unwrap()
}

/// A tick that may hand out everything; how many it did.
async fn tick(store: &Store, job: &Job, second: i64) -> usize {
    handed_out(store, job, 100_000, second).await.len()
}

/// A tick with so many slots; whom it handed out, and whom it took back.
async fn handed_out(store: &Store, job: &Job, slots: usize, second: i64) -> Vec<MessageId> {
    let (job, now) = (read(store, job).await, at(second));
    if let Duty::Withdraw(_) = job.duty(now) {
        withdraw::all(store, vec![job], now).await;
        return Vec::new();
    }
    let mut taken = take(store, job, at_most(slots), now).await.unwrap();
    assert!(taken.save(store).await.unwrap());
    again::step(store, &mut taken, now).await.unwrap();
    taken.ids
}

/// So many slots of the jobs' own sender, and none of another.
fn own(slots: usize) -> (usize, Places) {
    (slots, Places::default())
}

fn at_most(slots: usize) -> Ask<'static> {
    static NOBODY: LazyLock<Places> = LazyLock::new(Places::default);
    Ask {
        places: &NOBODY,
        most: slots,
        fresh: usize::MAX,
        first: usize::MAX,
        until: Instant::now() + Duration::from_mins(10),
    }
}

#[tokio::test]
async fn a_tick_makes_few_calls_however_large_the_job_and_ended_chunks_are_never_read_again() {
    let (store, calls) = counted_store().await;
    let job = running(&store, CHUNKS).await;
    let mut handed_out = 0;
    calls.made();
    for second in 101..103 {
        handed_out += tick(&store, &job, second).await;
        // The job twice, its counters, the chunks twenty at a time, and a marker for each.
        let made = calls.made();
        assert!(made <= 75, "{made} calls in a tick of the first pass");
    }
    assert_eq!(handed_out, CHUNKS * CHUNK_SIZE, "everybody once");
    for second in [110, 111] {
        assert_eq!(tick(&store, &job, second).await, 0);
        // A read of each chunk's recipients, and the marker's end.
        let made = calls.made();
        assert!(made <= 140, "{made} calls in a tick of the second pass");
    }
    for second in [120, 130, 140] {
        assert_eq!(tick(&store, &job, second).await, 0);
        let made = calls.made();
        assert!(made <= 8, "{made} calls for one open recipient");
    }
    assert_eq!(read(&store, &job).await.status, JobStatus::Running);
    assert_eq!(tick(&store, &job, 4_000).await, 1, "its time has come");
}

#[tokio::test]
async fn a_cancelled_job_is_walked_through_once_and_ends_when_nobody_is_open() {
    let (store, calls) = counted_store().await;
    let job = running(&store, CHUNKS).await;
    let event = JobEvent::Cancelled;
    let known = read(&store, &job).await;
    store
        .move_job(known, &event, Asked::default(), at(101))
        .await
        .unwrap();
    calls.made();
    for second in 102..106 {
        assert_eq!(tick(&store, &job, second).await, 0, "nobody is handed out");
        let made = calls.made();
        assert!(made <= 100, "{made} calls in a tick");
    }
    assert_eq!(read(&store, &job).await.status, JobStatus::Cancelling);
    tick(&store, &job, 140).await;
    assert_eq!(read(&store, &job).await.status, JobStatus::Cancelled);
    let first = recipient(&job, 0, State::Queued);
    let first = store.outbound(&job.tenant, &first.id).await.unwrap();
    assert_eq!(first.unwrap().state, State::Cancelled);
}

#[tokio::test]
async fn a_job_does_not_end_while_one_of_it_is_being_sent() {
    let (store, _) = counted_store().await;
    let job = running(&store, 3).await;
    let first = recipient(&job, 0, State::Queued).id;
    let sent_at = at(3_700);
    store
        .claim(&job.tenant, &first, "one", Attempt::starting(sent_at))
        .await
        .unwrap();
    let event = JobEvent::Cancelled;
    let known = read(&store, &job).await;
    store
        .move_job(known, &event, Asked::default(), sent_at)
        .await
        .unwrap();
    for second in 3_701..3_706 {
        tick(&store, &job, second).await;
    }
    assert_eq!(read(&store, &job).await.status, JobStatus::Cancelling);
    // After its lease, and after the counters, which nobody moves here, were waited for.
    for second in [3_732, 3_735, 3_770] {
        handed_out(&store, &job, 0, second).await;
    }
    assert_eq!(read(&store, &job).await.status, JobStatus::Cancelled);
    let first = store.outbound(&job.tenant, &first).await.unwrap();
    assert_eq!(first.unwrap().state, State::Unknown, "nobody knows");
}

#[tokio::test]
async fn what_comes_in_is_taken_from_what_bulk_may_send() {
    let (store, _) = counted_store().await;
    let now = at(0);
    let day = now.to_zoned(TimeZone::UTC).date();
    let sender = sender(100);
    let received = |count| {
        let counter = Counter {
            tenant: sender.tenant.clone(),
            of: day_counters(day),
            part: sender.id.to_string(),
            name: RECEIVED_COUNTER.to_owned(),
        };
        BTreeMap::from([(counter, count)])
    };
    let start = store.position("shard-1").await.unwrap();
    store.count(&received(160), &start, "100").await.unwrap();
    let mut pace = Pace {
        inbound: Some(InboundRate::after(
            None,
            100,
            now - SignedDuration::from_secs(1),
        )),
        ..Pace::default()
    };
    let inbound = inbound(&store, &sender, &pace, now).await.unwrap();
    assert_eq!(inbound.per_second, 60);
    let slots = |pace: &Pace, inbound| {
        let nothing = Learnt { seen: 0, missed: 0 };
        lease(&sender, pace, nothing, inbound, now).taken.slots
    };
    let quiet = InboundRate::after(None, 0, now);
    let span = |slots: &[Slot]| {
        slots
            .last()
            .unwrap()
            .at
            .duration_since(slots.first().unwrap().at)
    };
    // 90 and 30 a second, 1.2 seconds of them, and one in a hundred less.
    let (many, few) = (slots(&pace, quiet), slots(&pace, inbound));
    assert_eq!((many.len(), few.len()), (107, 36));
    assert!(span(&few) > SignedDuration::from_millis(1_150));
    pace.slowed = Some(Slowed {
        at: now,
        permille: 500,
    });
    assert_eq!(slots(&pace, inbound).len(), 2, "never nothing");
}

#[test]
fn a_sender_keeps_to_its_part_of_what_its_credential_may_call() {
    let now = at(0);
    let quiet = InboundRate::after(None, 0, now);
    let nothing = || Learnt { seen: 0, missed: 0 };
    let of = |sender: &Sender| {
        lease(sender, &Pace::default(), nothing(), quiet, now)
            .taken
            .slots
            .len()
    };
    let free = sender(100);
    let limited = Sender {
        calls_per_second: Some(50),
        ..free.clone()
    };
    let generous = Sender {
        calls_per_second: Some(500),
        ..free.clone()
    };
    assert_eq!((of(&free), of(&limited), of(&generous)), (107, 54, 107));
}

fn sender(messages_per_second: u32) -> Sender {
    Sender {
        id: "100000000000001".parse().unwrap(),
        tenant: "demo".parse().unwrap(),
        account: "acct_demo".parse().unwrap(),
        waba: Some("200000000000001".parse().unwrap()),
        portfolio: None,
        display_number: "+15550001000".to_owned(),
        messages_per_second,
        coexistence: false,
        calls_per_second: None,
        reserved_percent: 10,
        window: WindowPolicy::Off,
        facts: NumberFacts::default(),
        era: 0,
    }
}
