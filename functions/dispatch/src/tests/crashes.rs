//! A job whose ticks and workers die anywhere, overlap and come late: whatever the order, its provider takes each
//! message once, the job is over only when nobody of it is open, and in the end everybody has a state that is true.

use super::turns::{many, refused};
use super::*;
use heliograph::domain::failure::ProviderFailure;
use heliograph::domain::job::{Changes, Outcomes, PausedBy, Withdrawal};
use heliograph::domain::ledger::{CallResult, Event};
use heliograph::domain::message::Message;
use heliograph::domain::state::Status;
use heliograph::domain::webhook::{Person, StatusUpdate};
use heliograph::store::{JobError, StoreError};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tokio::runtime::Builder;

/// Recipients, and how many of them stand in a chunk.
const RECIPIENTS: usize = 7;
const IN_A_CHUNK: usize = 3;

/// A tick that makes fewer calls than this comes to its end.
const IMMORTAL: usize = usize::MAX / 2;

/// More rounds without any harm than a job needs to end.
const ROUNDS: usize = 60;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// A tick, of the job as it is, or as an earlier tick has read it.
    Tick {
        is_late: bool,
        slots: usize,
        /// The process dies when it has made so many calls.
        calls: usize,
        /// So many of its hints come to the queue.
        hints: usize,
    },
    /// A worker takes a hint, which may come again.
    Work {
        hint: usize,
        again: bool,
        call: Call,
    },
    /// A worker that nobody has heard of goes on.
    Wake(usize),
    /// The provider tells something about a message it took.
    Told { of: usize, status: Status },
    /// Somebody asks for something.
    Asked(Asked),
    /// So many seconds pass.
    Wait(i64),
}

/// What comes of a worker's call.
#[derive(Debug, Clone, Copy)]
enum Call {
    /// The worker reads that the job does not run, or dies before it calls.
    None,
    Accepted,
    /// The message is taken, and the worker sleeps before it writes that.
    AcceptedUnwritten,
    AcceptedUnanswered,
    Unanswered,
    RefusedForNow,
    Refused,
}

/// What somebody asks for.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Start,
    Pause,
    Resume,
    Cancel,
    TryAgain,
    Expire,
}

fn any_call() -> impl Strategy<Value = Call> {
    prop_oneof![
        1 => Just(Call::None),
        4 => Just(Call::Accepted),
        1 => Just(Call::AcceptedUnwritten),
        1 => Just(Call::AcceptedUnanswered),
        1 => Just(Call::Unanswered),
        2 => Just(Call::RefusedForNow),
        1 => Just(Call::Refused),
    ]
}

fn any_asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        4 => Just(Asked::Pause),
        6 => Just(Asked::Resume),
        1 => Just(Asked::Cancel),
        6 => Just(Asked::TryAgain),
        1 => Just(Asked::Expire),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let calls = prop_oneof![Just(IMMORTAL), 0..12_usize];
    let tick = (prop::bool::weighted(0.2), 0..9_usize, calls, 0..9_usize);
    let status = prop::sample::select(vec![Status::Sent, Status::Delivered, Status::Failed]);
    prop_oneof![
        5 => tick.prop_map(|(is_late, slots, calls, hints)| Step::Tick { is_late, slots, calls, hints }),
        8 => (0..99_usize, any::<bool>(), any_call())
            .prop_map(|(hint, again, call)| Step::Work { hint, again, call }),
        1 => (0..9_usize).prop_map(Step::Wake),
        2 => (0..99_usize, status).prop_map(|(of, status)| Step::Told { of, status }),
        1 => any_asked().prop_map(Step::Asked),
        4 => (1..40_i64).prop_map(Step::Wait),
    ]
}

/// How many calls the process may still make before it dies.
#[derive(Debug, Clone, Default)]
struct Lifetime(Arc<AtomicUsize>);

impl Lifetime {
    fn begin(&self, calls: usize) {
        self.0.store(calls, Ordering::Relaxed);
    }
}

impl Intercept for Lifetime {
    fn name(&self) -> &'static str {
        "lifetime"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let left = |calls: usize| calls.checked_sub(1);
        let lives = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        lives.map(|_| ()).map_err(|_| "the process is dead".into())
    }
}

/// A worker in the middle of a call.
struct Worker {
    message: Outbound,
    token: String,
    result: CallResult,
}

/// The job, and all that is about it.
struct World {
    store: Store,
    /// The same, for who may die.
    mortal: Store,
    lifetime: Lifetime,
    job: Job,
    read_before: Job,
    hints: Vec<MessageId>,
    asleep: Vec<Worker>,
    /// What the provider took, and how often.
    taken: BTreeMap<MessageId, usize>,
    second: i64,
    claims: usize,
}

impl World {
    async fn new(url: &str, have_failed: bool) -> Self {
        let (store, _) = counted_store_at(url);
        store.create_tables().await.unwrap();
        let lifetime = Lifetime::default();
        let mortal = store_at(url, lifetime.clone());
        let job = draft(&store).await;
        let recipients: Vec<Outbound> = if have_failed {
            (0..RECIPIENTS)
                .map(|number| refused(&job, number))
                .collect()
        } else {
            many(&job, 0..RECIPIENTS)
        };
        for (number, chunk) in recipients.chunks(IN_A_CHUNK).enumerate() {
            let now = at(i64::try_from(number).unwrap());
            store.add_recipients(&job, chunk, now).await.unwrap();
        }
        let mut world = Self {
            store,
            mortal,
            lifetime,
            read_before: job.clone(),
            job,
            hints: Vec::new(),
            asleep: Vec::new(),
            taken: BTreeMap::new(),
            second: 100,
            claims: 0,
        };
        world.is_asked(Asked::Start).await;
        if have_failed {
            world.heal().await;
            world.is_asked(Asked::TryAgain).await;
        }
        world.read_before = world.job().await;
        assert_eq!(world.read_before.status, JobStatus::Running);
        world
    }

    fn now(&self) -> Timestamp {
        at(self.second)
    }

    async fn job(&self) -> Job {
        read(&self.store, &self.job).await
    }

    async fn recipients(&self) -> Vec<Outbound> {
        let ids: Vec<_> = many(&self.job, 0..RECIPIENTS)
            .into_iter()
            .map(|it| it.id)
            .collect();
        let all = self.store.messages(&self.job.tenant, &ids).await.unwrap();
        let outbound = all.into_iter().filter_map(|it| match it {
            Message::Outbound(message) => Some(*message),
            Message::Inbound(_) => None,
        });
        outbound.collect()
    }

    async fn happens(&mut self, step: &Step) {
        match *step {
            Step::Tick {
                is_late,
                slots,
                calls,
                hints,
            } => {
                let read = self.job().await;
                let job = if is_late {
                    self.read_before.clone()
                } else {
                    read.clone()
                };
                self.read_before = read;
                self.tick(job, slots, calls, hints).await;
            }
            Step::Work { hint, again, call } => {
                if let Some(place) = hint.checked_rem(self.hints.len()) {
                    let id = self.hints.swap_remove(place);
                    if again {
                        self.hints.push(id.clone());
                    }
                    self.work(&id, call).await;
                }
            }
            Step::Wake(worker) => {
                if let Some(place) = worker.checked_rem(self.asleep.len()) {
                    let worker = self.asleep.swap_remove(place);
                    self.ends(worker).await;
                }
            }
            Step::Told { of, status } => self.is_told(of, status).await,
            Step::Asked(asked) => self.is_asked(asked).await,
            Step::Wait(seconds) => self.second += seconds,
        }
    }

    /// What the function does in a tick, as far as the process lives.
    async fn tick(&mut self, job: Job, slots: usize, calls: usize, hints: usize) {
        let now = self.now();
        self.lifetime.begin(calls);
        match job.duty(now) {
            Duty::Nothing => {}
            Duty::Withdraw(_) => withdraw::all(&self.mortal, vec![job], now).await,
            Duty::Send => {
                // Who dies has nobody to tell.
                let _ = self.hand_out(job, slots, hints).await;
            }
        }
    }

    async fn hand_out(&mut self, job: Job, slots: usize, hints: usize) -> Result<(), StoreError> {
        let now = self.now();
        let mut taken = take(&self.mortal, job, at_most(slots), now).await?;
        assert!(taken.ids.len() <= slots, "no more than there are slots for");
        if taken.save(&self.mortal).await? {
            self.hints.extend(taken.ids.iter().take(hints).cloned());
            again::step(&self.mortal, &mut taken, now).await?;
        }
        Ok(())
    }

    /// What `deliver` does with a hint.
    async fn work(&mut self, id: &MessageId, call: Call) {
        self.claims += 1;
        let (token, now) = (format!("claim {}", self.claims), self.now());
        let claimed = self.store.claim(&self.job.tenant, id, &token, now).await;
        let Ok(message) = claimed else {
            return;
        };
        match self.job().await.duty_to(Lane::Bulk, now) {
            Duty::Send => {}
            Duty::Nothing => return self.gives_back(message, &token, None).await,
            Duty::Withdraw(why) => return self.gives_back(message, &token, Some(why)).await,
        }
        let silence = CallResult::Ambiguous(ProviderFailure::ambiguous("no answer"));
        let accepted = CallResult::Accepted {
            provider_id: wamid(id),
            recipient: Person::default(),
        };
        let result = match call {
            Call::None => return,
            Call::Accepted | Call::AcceptedUnwritten => accepted,
            Call::AcceptedUnanswered | Call::Unanswered => silence,
            Call::RefusedForNow => CallResult::Refused(ProviderFailure::from_meta(130_429, &[])),
            Call::Refused => CallResult::Refused(ProviderFailure::from_meta(131_026, &[])),
        };
        if let Call::Accepted | Call::AcceptedUnwritten | Call::AcceptedUnanswered = call {
            *self.taken.entry(id.clone()).or_default() += 1;
        }
        let worker = Worker {
            message,
            token,
            result,
        };
        if let Call::AcceptedUnwritten = call {
            self.asleep.push(worker);
        } else {
            self.ends(worker).await;
        }
    }

    async fn gives_back(&self, message: Outbound, token: &str, why: Option<Withdrawal>) {
        let back = Event::GivenBack { token };
        let message = self.store.apply(message, &back, self.now()).await.unwrap();
        if let Some(why) = why {
            let ended = self.store.apply(message, &why.event(), self.now()).await;
            ended.unwrap();
        }
    }

    async fn ends(&self, worker: Worker) {
        let event = Event::CallEnded {
            token: &worker.token,
            result: worker.result,
            duration_ms: 40,
            credential: None,
        };
        let written = self.store.apply(worker.message, &event, self.now()).await;
        written.unwrap();
    }

    async fn is_told(&self, of: usize, status: Status) {
        let Some(place) = of.checked_rem(self.taken.len()) else {
            return;
        };
        let id = self.taken.keys().nth(place).unwrap();
        let failure = (status == Status::Failed).then(|| ProviderFailure::from_meta(131_026, &[]));
        let update = StatusUpdate {
            wamid: wamid(id),
            message: Some(id.clone()),
            status,
            at: self.now(),
            recipient: Person::default(),
            pricing: None,
            failure,
        };
        let known = self.store.outbound(&self.job.tenant, id).await.unwrap();
        let event = Event::StatusCame(&update);
        let told = self.store.apply(known.unwrap(), &event, self.now()).await;
        told.unwrap();
    }

    async fn is_asked(&mut self, asked: Asked) {
        let event = match asked {
            Asked::Start => JobEvent::Started,
            Asked::Pause => JobEvent::Paused {
                by: PausedBy::User,
                reason: "asked".to_owned(),
            },
            Asked::Resume => JobEvent::Resumed(Outcomes::default()),
            Asked::Cancel => JobEvent::Cancelled,
            Asked::TryAgain => JobEvent::TriedAgain(Outcomes::default()),
            Asked::Expire => JobEvent::Changed(Changes {
                expires_at: Some(at(self.second + 30)),
                ..Changes::default()
            }),
        };
        let job = self.job().await;
        let moved = self
            .store
            .move_job(job, &event, Default::default(), self.now());
        match moved.await {
            Ok(_) | Err(JobError::Refused(_)) => {}
            Err(JobError::Store(error)) => panic!("{error}"),
        }
    }

    /// What is true at any time.
    async fn check(&self) {
        let is_over = matches!(
            self.job().await.status,
            JobStatus::Finished | JobStatus::Cancelled
        );
        for message in self.recipients().await {
            let (id, state) = (&message.id, message.state);
            let taken = self.taken.get(id).copied().unwrap_or(0);
            assert!(taken <= 1, "{id} was taken {taken} times");
            assert!(
                !is_over || !state.is_open(),
                "{id} is {state:?} and its job is over"
            );
            let is_sent = matches!(state, State::Accepted | State::Sent | State::Delivered);
            assert!(
                !is_sent || taken == 1,
                "{id} is {state:?} and was never taken"
            );
            let is_unsent = matches!(state, State::Queued | State::Cancelled | State::Expired);
            assert!(!is_unsent || taken == 0, "{id} is {state:?} and was taken");
        }
    }

    /// Lets the job end without any more harm.
    async fn heal(&mut self) {
        for _ in 0..ROUNDS {
            let job = self.job().await;
            match job.status {
                JobStatus::Finished | JobStatus::Cancelled => return,
                JobStatus::Paused => self.is_asked(Asked::Resume).await,
                _ => {}
            }
            self.tick(job, RECIPIENTS, IMMORTAL, RECIPIENTS).await;
            for id in std::mem::take(&mut self.hints) {
                self.work(&id, Call::Accepted).await;
            }
            self.second += 2;
            self.check().await;
        }
        panic!("the job has not ended: {:?}", self.job().await);
    }

    /// What is true in the end.
    async fn check_end(&self) {
        let job = self.job().await;
        for message in self.recipients().await {
            let is_sent = self.taken.contains_key(&message.id);
            match message.state {
                State::Unknown | State::Failed => {}
                State::Cancelled => assert_eq!(job.status, JobStatus::Cancelled),
                State::Expired => assert!(job.is_expired(self.now())),
                _ => assert!(is_sent, "{message:?}"),
            }
        }
    }
}

fn wamid(id: &MessageId) -> heliograph::domain::identity::Wamid {
    format!("wamid.{id}").parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]
    #[test]
    fn a_job_sends_each_message_once_and_ends_with_counts_that_close_wherever_its_processes_die(
        have_failed: bool,
        steps in prop::collection::vec(any_step(), 0..50),
    ) {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let mut world = World::new(&serve_dynamodb().await, have_failed).await;
            for step in &steps {
                world.happens(step).await;
                world.check().await;
            }
            world.heal().await;
            world.check_end().await;
        });
    }
}
