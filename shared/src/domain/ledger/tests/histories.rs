//! P2 as a model: workers that claim, call, crash, come late and are told twice, over the ledger's own rules.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What happens next; the numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Wait(u16),
    Claim(usize),
    Call(usize, Answer),
    Crash(usize),
    Tell(usize),
    Look(usize),
    Report(usize, Status),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Accepts,
    Refuses,
    AcceptsSilently,
    LosesIt,
}

/// A worker that holds a claim; `outcome` is what it has to write down.
struct Worker {
    message: usize,
    token: String,
    claimed_at: Timestamp,
    outcome: Option<CallResult>,
}

/// What the provider and the ledger know of one message.
struct Line {
    message: Outbound,
    calls: usize,
    refusals: usize,
    acceptances: Vec<String>,
}

struct World {
    now: Timestamp,
    lines: Vec<Line>,
    workers: Vec<Worker>,
    counts: BTreeMap<&'static str, i64>,
    names: usize,
}

impl World {
    fn new(policies: &[OnUnknown]) -> Self {
        let line = |on_unknown: &OnUnknown| {
            let mut message = queued(at(0));
            message.on_unknown = *on_unknown;
            message.expires_at = Some(at(300));
            Line {
                message,
                calls: 0,
                refusals: 0,
                acceptances: Vec::new(),
            }
        };
        let lines: Vec<Line> = policies.iter().map(line).collect();
        let waiting = i64::try_from(lines.len()).unwrap();
        Self {
            now: at(0),
            lines,
            workers: Vec::new(),
            counts: BTreeMap::from([("queued", waiting)]),
            names: 0,
        }
    }

    fn fresh(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}.{}", self.names)
    }

    /// Writes what a rule decided, counts it as `tally` does, and checks that the step was allowed.
    fn write(&mut self, place: usize, next: Option<Outbound>) {
        let Some(next) = next else { return };
        let line = self.lines.get_mut(place).unwrap();
        let (old, new) = (line.message.state, next.state);
        let ended = !old.is_open() && old != State::Unknown;
        assert!(!ended || !new.is_open(), "{old:?} became {new:?}");
        assert_eq!(next.rev, line.message.rev + 1);
        *self.counts.entry(old.as_str()).or_default() -= 1;
        *self.counts.entry(new.as_str()).or_default() += 1;
        line.message = next;
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Wait(ms) => self.now += SignedDuration::from_millis((*ms).into()),
            Step::Claim(which) => self.claim(which % self.lines.len()),
            Step::Call(which, answer) => self.call(*which, *answer),
            Step::Crash(which) => {
                if !self.workers.is_empty() {
                    self.workers.swap_remove(which % self.workers.len());
                }
            }
            Step::Tell(which) => self.tell(*which),
            Step::Look(which) => {
                let place = which % self.lines.len();
                for event in [Event::LeaseRanOut, Event::TimePassed] {
                    let next = apply(&self.lines.get(place).unwrap().message, &event, self.now);
                    self.write(place, next);
                }
            }
            Step::Report(which, of) => self.report(*which, *of),
        }
    }

    fn claim(&mut self, place: usize) {
        let token = self.fresh("token");
        let next = claimed(&self.lines.get(place).unwrap().message, &token, self.now);
        if next.is_some() {
            self.workers.push(Worker {
                message: place,
                token,
                claimed_at: self.now,
                outcome: None,
            });
        }
        self.write(place, next);
    }

    fn call(&mut self, which: usize, answer: Answer) {
        if self.workers.is_empty() {
            return;
        }
        let name = self.fresh("wamid");
        let which = which % self.workers.len();
        let worker = self.workers.get_mut(which).unwrap();
        if worker.outcome.is_some() {
            return;
        }
        if self.now.duration_since(worker.claimed_at) > START_WITHIN {
            let Worker { message, token, .. } = self.workers.swap_remove(which);
            let event = Event::GivenBack { token: &token };
            let next = apply(&self.lines.get(message).unwrap().message, &event, self.now);
            return self.write(message, next);
        }
        let line = self.lines.get_mut(worker.message).unwrap();
        line.calls += 1;
        let may_repeat = line.message.on_unknown == OnUnknown::Retry;
        assert!(
            may_repeat || line.calls <= 1 + line.refusals,
            "a call was repeated"
        );
        if matches!(answer, Answer::Accepts | Answer::AcceptsSilently) {
            line.acceptances.push(name.clone());
            assert!(may_repeat || line.acceptances.len() == 1, "accepted twice");
        }
        worker.outcome = Some(match answer {
            Answer::Accepts => accepted(&name),
            Answer::Refuses => refused(),
            Answer::AcceptsSilently | Answer::LosesIt => ambiguous(),
        });
    }

    /// A worker writes its outcome, twice: the database's answer may have been lost.
    fn tell(&mut self, which: usize) {
        if self.workers.is_empty() {
            return;
        }
        let which = which % self.workers.len();
        let worker = self.workers.get(which).unwrap();
        let (place, token) = (worker.message, worker.token.clone());
        let Some(result) = worker.outcome.clone() else {
            return;
        };
        self.workers.swap_remove(which);
        let line = self.lines.get_mut(place).unwrap();
        line.refusals += usize::from(matches!(result, CallResult::Refused(_)));
        let event = ended(&token, result);
        for _ in 0..2 {
            let next = apply(&self.lines.get(place).unwrap().message, &event, self.now);
            self.write(place, next);
        }
    }

    fn report(&mut self, which: usize, of: Status) {
        let place = which % self.lines.len();
        let line = self.lines.get(place).unwrap();
        if line.acceptances.is_empty() {
            return;
        }
        let name = line
            .acceptances
            .get(which % line.acceptances.len())
            .unwrap();
        let update = status(name, of, self.now);
        let next = apply(&line.message, &Event::StatusCame(&update), self.now);
        self.write(place, next);
    }

    fn check_counts(&self) {
        let mut recounted: BTreeMap<&str, i64> = BTreeMap::new();
        for line in &self.lines {
            *recounted.entry(line.message.state.as_str()).or_default() += 1;
        }
        let counts = self.counts.iter().filter(|(_, count)| **count != 0);
        assert!(counts.eq(recounted.iter()), "the counts do not close");
    }

    /// Time goes on, every worker is gone and the sweeper comes by: nothing may stay open for ever.
    fn settle(&mut self) {
        self.now = at(100_000);
        for place in 0..self.lines.len() {
            self.step(&Step::Look(place));
            let state = self.lines.get(place).unwrap().message.state;
            assert!(!state.is_open(), "a message hangs as {state:?}");
        }
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let which = 0..8_usize;
    let answer = prop::sample::select(vec![
        Answer::Accepts,
        Answer::Refuses,
        Answer::AcceptsSilently,
        Answer::LosesIt,
    ]);
    prop_oneof![
        3 => prop::sample::select(vec![10, 500, 2_500, 9_000, 31_000]).prop_map(Step::Wait),
        4 => which.clone().prop_map(Step::Claim),
        4 => (which.clone(), answer).prop_map(|(which, answer)| Step::Call(which, answer)),
        1 => which.clone().prop_map(Step::Crash),
        3 => which.clone().prop_map(Step::Tell),
        2 => which.clone().prop_map(Step::Look),
        2 => (which, any_status()).prop_map(|(which, of)| Step::Report(which, of)),
    ]
}

fn any_status() -> impl Strategy<Value = Status> {
    prop::sample::select(vec![
        Status::Sent,
        Status::Delivered,
        Status::Read,
        Status::Played,
        Status::Failed,
    ])
}

/// Any event, as often as not one that makes no sense where it happens.
fn any_apply() -> impl Strategy<Value = (u8, usize, Status, i64)> {
    (0..9_u8, 0..3_usize, any_status(), 0..400_i64)
}

/// The order of states that design and console know; states outside it have no place.
const ORDER: [State; 8] = [
    State::Queued,
    State::Sending,
    State::Unknown,
    State::Accepted,
    State::Sent,
    State::Failed,
    State::Delivered,
    State::Read,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn at_most_one_call_unless_a_refusal_or_the_sender_opened_another(
        steps in prop::collection::vec(any_step(), 0..120)
    ) {
        let mut world = World::new(&[OnUnknown::Hold, OnUnknown::Retry]);
        for step in &steps {
            world.step(step);
            world.check_counts();
        }
        world.workers.clear();
        world.settle();
        world.check_counts();
    }

    #[test]
    fn no_event_panics_or_takes_a_message_back_but_for_a_new_attempt(
        events in prop::collection::vec(any_apply(), 0..40),
        on_unknown in prop::sample::select(vec![OnUnknown::Hold, OnUnknown::Retry]),
    ) {
        let mut message = queued(at(0));
        message.on_unknown = on_unknown;
        message.expires_at = Some(at(350));
        for (kind, which, of, second) in events {
            let token = ["one", "two", "three"].get(which).copied().unwrap();
            let name = ["wamid.A", "wamid.B", "wamid.C"].get(which).copied().unwrap();
            let update = status(name, of, at(second));
            let now = at(second);
            let event = match kind {
                0 | 1 => {
                    message = claimed(&message, token, now).unwrap_or(message);
                    continue;
                }
                2 => ended(token, accepted(name)),
                3 => ended(token, refused()),
                4 => ended(token, ambiguous()),
                5 => Event::GivenBack { token },
                6 => Event::LeaseRanOut,
                7 => Event::TimePassed,
                _ => Event::StatusCame(&update),
            };
            let Some(next) = apply(&message, &event, now) else { continue };
            prop_assert_eq!(next.rev, message.rev + 1);
            let rank = |state| ORDER.iter().position(|known| *known == state);
            let opens_another = next.state == State::Queued
                && matches!(message.state, State::Sending | State::Unknown);
            prop_assert!(
                opens_another || rank(message.state) <= rank(next.state) || next.state == State::Expired
            );
            message = next;
        }
    }
}
