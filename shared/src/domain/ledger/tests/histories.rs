//! P2 as a model: workers whose clocks differ, that claim, call, crash, come late and are told twice; senders that
//! cancel and operators that settle; over the ledger's own rules.

use super::*;
use crate::domain::id::JobId;
use crate::domain::waiting::WaitMinutes;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What happens next; the numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Wait(u32),
    /// A worker whose clock is so many milliseconds off claims.
    Claim(usize, i64),
    Call(usize, Answer),
    Crash(usize),
    Tell(usize),
    /// Somebody whose clock is off looks whether something has run out.
    Look(usize, i64),
    Report(usize, Status),
    /// A status of another message of the sender comes.
    Heard,
    Cancel(usize),
    /// The time of its job has passed.
    Expire(usize),
    Settle(usize, Verdict),
    /// Somebody wants another attempt of what has failed.
    TryAgain(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Accepts,
    Refuses,
    AcceptsSilently,
    /// Takes the message and says that it did not.
    Lies,
    LosesIt,
}

/// A worker that holds a claim; `outcome` is what it has to write down.
struct Worker {
    message: usize,
    token: String,
    claimed_at: Timestamp,
    clock_off: SignedDuration,
    outcome: Option<CallResult>,
}

/// What the provider and the ledger know of one message.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Line {
    message: Outbound,
    calls: usize,
    refusals: usize,
    acceptances: Vec<String>,
    /// Acceptances that were told as refusals.
    lies: usize,
    /// Whether a status has reached the message.
    told: bool,
    /// Whether one has that says that it was sent.
    proven: bool,
    settled: bool,
    retried: bool,
    tried_again: bool,
}

impl Line {
    /// Whether the first attempt's promise is given up: by the sender's policy or by an operator.
    fn may_repeat(&self) -> bool {
        self.message.on_unknown != OnUnknown::Hold || self.retried
    }
}

struct World {
    now: Timestamp,
    lines: Vec<Line>,
    workers: Vec<Worker>,
    counts: BTreeMap<&'static str, i64>,
    names: usize,
    newest_status: Option<Timestamp>,
}

impl World {
    fn new(policies: &[(Lane, OnUnknown, Option<i64>)]) -> Self {
        let line = |(lane, on_unknown, expires_at): &(Lane, OnUnknown, Option<i64>)| {
            let mut message = queued(at(0));
            message.lane = *lane;
            message.job = (*lane == Lane::Bulk).then(|| JobId::at(at(0)));
            message.on_unknown = *on_unknown;
            message.expires_at = expires_at.map(at);
            Line {
                message,
                calls: 0,
                refusals: 0,
                acceptances: Vec::new(),
                lies: 0,
                told: false,
                proven: false,
                settled: false,
                retried: false,
                tried_again: false,
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
            newest_status: None,
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
        // A late refusal takes back an operator's word that it was sent.
        assert!(
            !ended || !new.is_open() || line.settled || line.tried_again,
            "{old:?} became {new:?}"
        );
        assert_eq!(next.rev, line.message.rev + 1);
        *self.counts.entry(old.as_str()).or_default() -= 1;
        *self.counts.entry(new.as_str()).or_default() += 1;
        line.message = next;
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Wait(ms) => self.now += SignedDuration::from_millis((*ms).into()),
            Step::Claim(which, off) => self.claim(which % self.lines.len(), *off),
            Step::Call(which, answer) => self.call(*which, *answer),
            Step::Crash(which) => {
                if !self.workers.is_empty() {
                    self.workers.swap_remove(which % self.workers.len());
                }
            }
            Step::Tell(which) => self.tell(*which),
            Step::Look(which, off) => self.look(which % self.lines.len(), *off),
            Step::Heard => self.newest_status = Some(self.now),
            Step::Cancel(which) => self.happen(which % self.lines.len(), &Event::Cancelled),
            Step::Expire(which) => self.happen(which % self.lines.len(), &Event::JobExpired),
            Step::TryAgain(which) => self.try_again(which % self.lines.len()),
            Step::Settle(which, verdict) => self.settle(which % self.lines.len(), *verdict),
            Step::Report(which, of) => self.report(*which, *of),
        }
    }

    fn happen(&mut self, place: usize, event: &Event<'_>) {
        let message = &self.lines.get(place).unwrap().message;
        let next = apply(message, event, self.now);
        self.write(place, next);
    }

    fn try_again(&mut self, place: usize) {
        let line = self.lines.get_mut(place).unwrap();
        let next = apply(&line.message, &Event::TriedAgain(self.now), self.now);
        assert!(
            next.is_none() || (line.acceptances.len() == line.lies && !line.told),
            "tried again though it was accepted"
        );
        line.tried_again |= next.is_some();
        self.write(place, next);
    }

    fn look(&mut self, place: usize, off: i64) {
        let now = self.now + SignedDuration::from_millis(off);
        let looked = Event::WaitLookedAt {
            newest_status: self.newest_status,
        };
        for event in [Event::LeaseRanOut, Event::TimePassed, looked] {
            let line = self.lines.get(place).unwrap();
            let next = apply(&line.message, &event, now);
            let opened = next.as_ref().is_some_and(|next| {
                line.message.state == State::Unknown && next.state == State::Queued
            });
            assert!(
                !opened || !line.told || line.calls > 1,
                "sent again though a status came"
            );
            self.write(place, next);
        }
    }

    fn settle(&mut self, place: usize, verdict: Verdict) {
        let line = self.lines.get_mut(place).unwrap();
        let settlement = settlement(verdict, self.now);
        let next = apply(&line.message, &Event::Settled(&settlement), self.now);
        assert!(next.is_none() || line.message.state == State::Unknown);
        line.settled |= next.is_some();
        line.retried |= next.is_some() && verdict == Verdict::Retry;
        self.write(place, next);
    }

    fn claim(&mut self, place: usize, off: i64) {
        let token = self.fresh("token");
        let clock_off = SignedDuration::from_millis(off);
        let now = self.now + clock_off;
        let next = claimed(&self.lines.get(place).unwrap().message, &token, now);
        if next.is_some() {
            let proven = self.lines.get(place).unwrap().proven;
            assert!(!proven, "claimed though a status proves it was sent");
            self.workers.push(Worker {
                message: place,
                token,
                claimed_at: now,
                clock_off,
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
        if (self.now + worker.clock_off).duration_since(worker.claimed_at) > START_WITHIN {
            let Worker { message, token, .. } = self.workers.swap_remove(which);
            let event = Event::GivenBack { token: &token };
            let next = apply(&self.lines.get(message).unwrap().message, &event, self.now);
            return self.write(message, next);
        }
        let line = self.lines.get_mut(worker.message).unwrap();
        line.calls += 1;
        let may_repeat = line.may_repeat();
        assert!(
            may_repeat || line.calls <= 1 + line.refusals,
            "a call was repeated"
        );
        if !matches!(answer, Answer::Refuses | Answer::LosesIt) {
            line.acceptances.push(name.clone());
            let excused = may_repeat || line.acceptances.len() <= 1 + line.lies;
            assert!(excused, "accepted twice");
        }
        line.lies += usize::from(answer == Answer::Lies);
        worker.outcome = Some(match answer {
            Answer::Accepts => accepted(&name),
            Answer::Refuses | Answer::Lies => refused(),
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
        let line = self.lines.get_mut(place).unwrap();
        line.told |= next.is_some();
        line.proven |= next.is_some() && of != Status::Failed;
        self.newest_status = Some(self.now);
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

    /// Every worker is gone, then new ones come and the sweeper goes by, for longer than a week: nothing may stay open,
    /// nor be looked at for ever.
    fn come_to_rest(&mut self) {
        self.workers.clear();
        for _ in 0..200 {
            self.step(&Step::Wait(3_600_000));
            for place in 0..self.lines.len() {
                self.step(&Step::Look(place, 0));
                self.step(&Step::Claim(place, 0));
                self.step(&Step::Call(0, Answer::Accepts));
                self.step(&Step::Tell(0));
            }
        }
        for line in &self.lines {
            let Outbound { state, waiting, .. } = &line.message;
            assert!(!state.is_open(), "a message hangs as {state:?}");
            assert_eq!(*waiting, None, "somebody waits for ever");
            let says_why = *state != State::Failed || line.message.failure().is_some();
            assert!(says_why, "a failed message does not say why");
        }
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let which = 0..8_usize;
    let off = prop::sample::select(vec![-5_000_i64, -200, 0, 0, 200, 5_000]);
    let answer = prop::sample::select(vec![
        Answer::Accepts,
        Answer::Refuses,
        Answer::AcceptsSilently,
        Answer::Lies,
        Answer::LosesIt,
    ]);
    prop_oneof![
        3 => prop::sample::select(vec![10, 500, 2_500, 9_000, 31_000, 101_000]).prop_map(Step::Wait),
        4 => (which.clone(), off.clone()).prop_map(|(which, off)| Step::Claim(which, off)),
        4 => (which.clone(), answer).prop_map(|(which, answer)| Step::Call(which, answer)),
        1 => which.clone().prop_map(Step::Crash),
        3 => which.clone().prop_map(Step::Tell),
        2 => (which.clone(), off).prop_map(|(which, off)| Step::Look(which, off)),
        2 => (which.clone(), any_status()).prop_map(|(which, of)| Step::Report(which, of)),
        1 => Just(Step::Heard),
        1 => which.clone().prop_map(Step::Cancel),
        1 => which.clone().prop_map(Step::Expire),
        1 => which.clone().prop_map(Step::TryAgain),
        1 => (which, any_verdict()).prop_map(|(which, verdict)| Step::Settle(which, verdict)),
    ]
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(Verdict::ALL.to_vec())
}

pub(super) fn any_status() -> impl Strategy<Value = Status> {
    prop::sample::select(vec![
        Status::Sent,
        Status::Delivered,
        Status::Read,
        Status::Played,
        Status::Failed,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn at_most_one_call_unless_a_refusal_or_the_sender_opened_another(
        steps in prop::collection::vec(any_step(), 0..120)
    ) {
        let wait = OnUnknown::Wait(WaitMinutes::try_from(5).unwrap());
        let mut world = World::new(&[
            (Lane::Single, OnUnknown::Hold, Some(300)),
            (Lane::Otp, OnUnknown::Retry, Some(300)),
            (Lane::Single, wait, None),
            (Lane::Bulk, OnUnknown::Hold, None),
            (Lane::Bulk, OnUnknown::Retry, Some(300)),
            (Lane::Bulk, wait, None),
        ]);
        for step in &steps {
            world.step(step);
            world.check_counts();
        }
        world.come_to_rest();
        world.check_counts();
    }
}
