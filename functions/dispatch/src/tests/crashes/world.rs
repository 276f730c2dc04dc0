//! The job, its provider, its workers, and the people who ask for something.

use super::super::turns::{many, refused};
use super::super::*;
use super::{Call, Step, Wish};
use heliograph::domain::failure::ProviderFailure;
use heliograph::domain::identity::Wamid;
use heliograph::domain::job::{Changes, Outcomes, PausedBy, Withdrawal};
use heliograph::domain::ledger::{CallResult, Event};
use heliograph::domain::message::{Attempt, Message};
use heliograph::domain::state::Status;
use heliograph::domain::webhook::{Person, StatusUpdate};
use heliograph::store::{JobError, StoreError};

/// Recipients, and how many of them stand in a chunk.
const RECIPIENTS: usize = 7;
const IN_A_CHUNK: usize = 3;

/// Calls that no tick makes: it comes to its end.
pub(super) const IMMORTAL: usize = usize::MAX;

/// More rounds without any harm than a job needs to end.
const ROUNDS: usize = 60;

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
pub(super) struct World {
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
    pub(super) async fn new(url: &str, have_failed: bool) -> Self {
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
        world.is_asked(Wish::Start).await;
        if have_failed {
            Box::pin(world.heal()).await;
            world.is_asked(Wish::TryAgain).await;
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

    pub(super) async fn happens(&mut self, step: &Step) {
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
                Box::pin(self.tick(job, slots, calls, hints)).await;
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
            Step::Asked(wish) => self.is_asked(wish).await,
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
        let claimed = self
            .store
            .claim(&self.job.tenant, id, &token, Attempt::starting(now))
            .await;
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
            onward: None,
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

    async fn is_asked(&mut self, wish: Wish) {
        let event = match wish {
            Wish::Start => JobEvent::Started,
            Wish::Pause => JobEvent::Paused {
                by: PausedBy::User,
                reason: "asked".to_owned(),
            },
            Wish::Resume => JobEvent::Resumed(Outcomes::default()),
            Wish::Cancel => JobEvent::Cancelled,
            Wish::TryAgain => JobEvent::TriedAgain(Outcomes::default()),
            Wish::Expire => JobEvent::Changed(Changes {
                expires_at: Some(at(self.second + 30)),
                ..Changes::default()
            }),
        };
        let job = self.job().await;
        let moved = self
            .store
            .move_job(job, &event, Asked::default(), self.now());
        let moved = moved.await;
        assert!(
            matches!(moved, Ok(_) | Err(JobError::Refused(_))),
            "{moved:?}"
        );
    }

    /// What is true at any time.
    pub(super) async fn check(&self) {
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
    pub(super) async fn heal(&mut self) {
        for _ in 0..ROUNDS {
            let job = self.job().await;
            match job.status {
                JobStatus::Finished | JobStatus::Cancelled => return,
                JobStatus::Paused => self.is_asked(Wish::Resume).await,
                _ => {}
            }
            Box::pin(self.tick(job, RECIPIENTS, IMMORTAL, RECIPIENTS)).await;
            for id in std::mem::take(&mut self.hints) {
                self.work(&id, Call::Accepted).await;
            }
            self.second += 2;
            self.check().await;
        }
        unreachable!("the job has not ended: {:?}", self.job().await);
    }

    /// What is true in the end.
    pub(super) async fn check_end(&self) {
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

fn wamid(id: &MessageId) -> Wamid {
    format!("wamid.{id}").parse().unwrap()
}
