//! A job whose ticks and workers die anywhere, overlap and come late: whatever the order, its provider takes each
//! message once, the job is over only when nobody of it is open, and in the end everybody has a state that is true.

mod world;

use super::serve_dynamodb;
use heliograph::domain::state::Status;
use proptest::prelude::*;
use tokio::runtime::Builder;
use world::{IMMORTAL, World};

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
    Asked(Wish),
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
enum Wish {
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

fn any_wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        4 => Just(Wish::Pause),
        6 => Just(Wish::Resume),
        1 => Just(Wish::Cancel),
        6 => Just(Wish::TryAgain),
        1 => Just(Wish::Expire),
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
        1 => any_wish().prop_map(Step::Asked),
        4 => (1..40_i64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
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
