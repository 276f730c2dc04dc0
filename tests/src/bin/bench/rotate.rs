//! Every secret of an account gives way to the next one while a bulk job, single messages and webhooks go on.

use crate::apart::Apart;
use crate::caller::{ACCOUNT, APP_SECRET, Caller, WABA};
use crate::job::{Job, LATENCY_MS};
use crate::load::{Timings, calls_beside};
use crate::scale::Scale;
use crate::signed::Signed;
use crate::table::{Table, ms, number, shown};
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(5);
/// How long single messages go beside the job before anything changes.
const BEFORE: Duration = Duration::from_secs(10);
/// Between two changes, in which both secrets live.
const BETWEEN: Duration = Duration::from_secs(3);
/// Between two looks at the account.
const STEP: Duration = Duration::from_millis(50);
/// What the job sends before single messages begin.
const SOME: u64 = 100;

const SINGLES_A_SECOND: u32 = 4;
const WEBHOOKS_A_SECOND: u32 = 20;
/// None of the job's recipients: even ones before anything changes, odd ones meanwhile.
const STRANGERS: usize = 1_000_000;

/// The demo account's app.
const APP: &str = "400000000000001";
const NEXT_APP_SECRET: &str = "bench-next-app-secret";
/// A token that ends, since no other is exchanged; so late that nobody does it unasked.
const TOKEN: &str = "bench-ending-token";
const TOKEN_ENDS_IN_S: u32 = 50 * 24 * 3_600;

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    let recipients = scale.rotated;
    let (least, most) = LATENCY_MS;
    table.part(&format!(
        "Every secret of an account rotated beside a job of {recipients} without a pace, {SINGLES_A_SECOND} single \
         messages and {WEBHOOKS_A_SECOND} webhooks a second, and the job's statuses; Meta takes {least} to {most} ms; \
         AWS and Meta in another process"
    ));
    let apart = Apart::start().await?;
    let caller = &apart.caller;
    put_in_token_that_ends(caller).await?;
    caller.provider_takes(least, most).await?;
    let job = Job::of(recipients, &apart).await?;
    let id = job.id.clone();
    let mut beside = None;
    let other = Box::pin(async {
        beside = Some(Beside::of(&id, caller).await?);
        Ok(())
    });
    let run = job.run_beside("read", PATIENCE, other).await?;
    let beside = beside.context("nothing went on beside the job")?;
    for (what, took) in &beside.changes {
        table.fact(what, &shown(took.as_secs_f64(), "s"));
    }
    table.at_least(
        "recipients whose turn was still to come after the last of these",
        beside.to_come,
        1.0,
        "",
    );
    let refused = shown(run.simulated("/refused"), "");
    table.fact(
        "calls that Meta refused, for the token was revoked",
        &refused,
    );
    table.at_most("recipients failed", run.count("failed"), 0.0, "");
    run.outcome(beside.singles().count(), table);
    beside.outcome(caller, table).await?;
    let (taken, refused) = (
        run.simulated("/webhooks/sent") + number(beside.answered(true)),
        run.simulated("/webhooks/failed") + number(beside.answered(false)),
    );
    let what = format!("webhooks not answered 200, of {}", taken + refused);
    table.at_most(&what, refused, 0.0, "");
    apart.stop().await
}

/// What went on beside the job.
struct Beside {
    /// Single messages before anything changed.
    before: Vec<Single>,
    /// Single messages while secrets changed.
    during: Vec<Single>,
    /// Whether each webhook was answered with 200.
    webhooks: Vec<bool>,
    /// How long each change took.
    changes: Vec<(&'static str, Duration)>,
    /// Recipients of the job that were queued when all of it had changed.
    to_come: f64,
}

/// A single message: how long the caller waited, and its id, if it was taken in.
struct Single {
    took: Duration,
    id: Option<String>,
}

impl Beside {
    /// Lets it all go on.
    async fn of(job: &str, caller: &Caller) -> Result<Self> {
        caller.until_accepted(SOME).await?;
        let both_live = AtomicBool::new(false);
        let singles = async {
            let early = |place| single(caller, STRANGERS + 2 * place);
            let late = |place| single(caller, STRANGERS + 2 * place + 1);
            let waiting = tokio::time::sleep(BEFORE);
            let (before, ()) = calls_beside(SINGLES_A_SECOND, early, waiting).await;
            let changing = change_everything(caller, &both_live);
            let (during, changes) = calls_beside(SINGLES_A_SECOND, late, changing).await;
            anyhow::Ok((before, during, changes?))
        };
        let post = |place| webhook(caller, place, &both_live);
        let (webhooks, singles) = calls_beside(WEBHOOKS_A_SECOND, post, singles).await;
        let (before, during, changes) = singles?;
        let job = caller.look(&format!("/v1/bulk-jobs/{job}")).await?;
        let to_come = job.pointer("/counts/queued").and_then(Value::as_f64);
        Ok(Self {
            before,
            during,
            webhooks,
            changes,
            to_come: to_come.context("no count")?,
        })
    }

    fn singles(&self) -> impl Iterator<Item = &Single> {
        self.before.iter().chain(&self.during)
    }

    fn answered(&self, with_200: bool) -> usize {
        let answers = self.webhooks.iter();
        answers.filter(|answer| **answer == with_200).count()
    }

    /// What became of the single messages, and how long their callers waited.
    async fn outcome(&self, caller: &Caller, table: &mut Table) -> Result<()> {
        let mut failed = 0;
        for single in self.singles() {
            failed += usize::from(!is_sent(single, caller).await?);
        }
        let what = format!("single messages failed, of {}", self.singles().count());
        table.at_most(&what, number(failed), 0.0, "");
        let median = |of: &[Single]| {
            let timings = of.iter().map(|single| single.took).collect();
            shown(ms(Timings::of(timings).median()), "")
        };
        table.fact(
            "median of a single message, before and during",
            &format!("{}, {} ms", median(&self.before), median(&self.during)),
        );
        Ok(())
    }
}

/// Sends a single message.
async fn single(caller: &Caller, place: usize) -> Single {
    let begun = Instant::now();
    let message = caller.hand_in(place).await;
    Single {
        took: begun.elapsed(),
        id: told(message).map(|(id, _)| id),
    }
}

/// Posts a webhook, every other one signed with the next app secret while both live.
async fn webhook(caller: &Caller, place: usize, both_live: &AtomicBool) -> bool {
    let app_secret = if both_live.load(Ordering::Relaxed) && place.is_multiple_of(2) {
        NEXT_APP_SECRET
    } else {
        APP_SECRET
    };
    let signed = Signed::update(place, &[], app_secret);
    told(caller.webhook(&signed).await).is_some()
}

/// What went wrong is counted, and told on the way.
fn told<T>(outcome: Result<T>) -> Option<T> {
    outcome
        .inspect_err(|error| eprintln!("bench: {error:#}"))
        .ok()
}

async fn is_sent(single: &Single, caller: &Caller) -> Result<bool> {
    let Some(id) = &single.id else {
        return Ok(false);
    };
    let message = caller.look(&format!("/v1/messages/{id}")).await?;
    let state = message.get("state").and_then(Value::as_str);
    Ok(state.is_some_and(|it| ["accepted", "sent", "delivered", "read"].contains(&it)))
}

/// The account's token is one that Meta lets end.
async fn put_in_token_that_ends(caller: &Caller) -> Result<()> {
    let order = json!({
        "token": TOKEN, "app_id": APP, "wabas": [WABA], "expires_in_s": TOKEN_ENDS_IN_S,
    });
    caller
        .simulator(Method::POST, "/_sim/tokens", &order)
        .await?;
    let token = json!({"access_token": TOKEN});
    set_up(caller, "tokens", &token).await
}

async fn set_up(caller: &Caller, step: &str, body: &Value) -> Result<()> {
    let path = format!("/v1/accounts/{ACCOUNT}/setup/{step}");
    caller.api(Method::PUT, &path, body).await.map(drop)
}

/// Changes each secret of the account, one after another, and has Meta refuse the token that was there before.
async fn change_everything(
    caller: &Caller,
    both_live: &AtomicBool,
) -> Result<Vec<(&'static str, Duration)>> {
    let exchanged = rotate(caller, "access_token").await?;
    let revoke = format!("/_sim/tokens/{TOKEN}");
    caller
        .simulator(Method::DELETE, &revoke, &Value::Null)
        .await?;
    tokio::time::sleep(BETWEEN).await;
    let drawn = rotate(caller, "verify_token").await?;
    tokio::time::sleep(BETWEEN).await;
    let entered = enter_next_app_secret(caller, both_live).await?;
    let exchanged_again = rotate(caller, "access_token").await?;
    tokio::time::sleep(BETWEEN).await;
    Ok(vec![
        (
            "access token exchanged; then the old one is revoked",
            exchanged,
        ),
        ("verify token drawn anew and told to Meta", drawn),
        (
            "next app secret entered, the one before good beside it",
            entered,
        ),
        ("access token exchanged once more", exchanged_again),
    ])
}

/// Asks for a rotation; how long it takes until the account shows the next one.
async fn rotate(caller: &Caller, kind: &str) -> Result<Duration> {
    let before = since(caller, kind).await?;
    let begun = Instant::now();
    let path = format!("/v1/accounts/{ACCOUNT}/rotate");
    let order = json!({"credential": kind});
    caller.api(Method::POST, &path, &order).await?;
    let waiting = async {
        while since(caller, kind).await? == before {
            tokio::time::sleep(STEP).await;
        }
        anyhow::Ok(begun.elapsed())
    };
    let rotated = tokio::time::timeout(PATIENCE, waiting).await;
    rotated.with_context(|| format!("the {kind} was not rotated in time"))?
}

/// Since when a secret of the account is in force.
async fn since(caller: &Caller, kind: &str) -> Result<Value> {
    let account = caller.look(&format!("/v1/accounts/{ACCOUNT}")).await?;
    let credentials = account.get("credentials").and_then(Value::as_array);
    let mut credentials = credentials.into_iter().flatten();
    let known = credentials.find(|it| it.get("kind").is_some_and(|known| known == kind));
    let since = known.and_then(|it| it.get("since"));
    Ok(since.context("the account has no such secret")?.clone())
}

/// A person resets the app's secret at Meta, which has both for a while, and enters the next one here.
async fn enter_next_app_secret(caller: &Caller, both_live: &AtomicBool) -> Result<Duration> {
    let both = json!({"app_id": APP, "app_secret": APP_SECRET, "next_secret": NEXT_APP_SECRET});
    caller.simulator(Method::POST, "/_sim/apps", &both).await?;
    let begun = Instant::now();
    let business = json!({"waba_id": WABA, "app_id": APP, "app_secret": NEXT_APP_SECRET});
    set_up(caller, "business", &business).await?;
    let took = begun.elapsed();
    both_live.store(true, Ordering::Relaxed);
    tokio::time::sleep(BETWEEN).await;
    let next = json!({"app_id": APP, "app_secret": NEXT_APP_SECRET});
    caller.simulator(Method::POST, "/_sim/apps", &next).await?;
    Ok(took)
}
