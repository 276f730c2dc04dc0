//! Function `webhook` beside the same in Node.js and in Python: each invoked as Lambda does, each putting every event on
//! the same SQS.

use crate::caller::{ACCOUNT, APP_SECRET, Caller};
use crate::desk::{Desk, Folder, binary};
use crate::functions::addresses;
use crate::invoked::{WARM_UP, invoke_webhook, queue_urls, url_event};
use crate::lambda::Lambda;
use crate::load::Timings;
use crate::process;
use crate::scale::Scale;
use crate::table::{Table, ms, number};
use crate::tap::{Tap, takes_everything};
use crate::webhook::bodies;
use anyhow::{Context, Result, ensure};
use heliograph::service::config::Environment;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::process::Command;

/// What is compared.
#[derive(Debug, Clone, Copy)]
enum Written {
    Rust,
    Node,
    Python,
}

/// What one of them takes.
struct Taken {
    /// From exec to the first poll, and to the answer of the first event.
    first_poll: Duration,
    first_answer: Duration,
    /// Milliseconds of the processor for an event.
    cpu: f64,
    /// Events a second, one after another.
    rate: f64,
    /// The most memory, in MB.
    memory: f64,
}

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    let environment = Environment::process();
    let place = environment.get("HELIOGRAPH_VERSUS");
    let place = PathBuf::from(place.context("nothing is prepared: run tests/versus/run")?);
    table.part("The same webhook in three languages, invoked through a Runtime API one event after another");
    let (webhook_port, _statuses) = takes_everything().await?;
    let folder = Folder::new()?;
    let emulators = Desk::emulators(&folder, webhook_port).await?;
    let platform = Desk::functions(emulators.url("aws")?, emulators.url("simulator")?, 0).await?;
    let bodies = bodies(&Caller::of(&platform, &emulators)?).await?;
    platform.stop().await?;
    let tap = Tap::before(emulators.url("aws")?).await?;
    let queues = queue_urls(tap.url()).await?;
    let url = |queue: &str| queues.get(queue).cloned().unwrap_or_default();
    let mut variables = addresses(emulators.url("simulator")?, url);
    variables.extend(
        [
            ("AWS_ENDPOINT_URL", tap.url()),
            ("APP_SECRET", APP_SECRET),
            ("WEBHOOK_PATH", &format!("/webhooks/meta/{ACCOUNT}")),
            ("PATH", environment.get("PATH").unwrap_or_default()),
            // As Lambda has it, too; AWS's SDK of Python reads no other.
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("NODE_NO_WARNINGS", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let events: Vec<Value> = bodies.iter().map(url_event).collect();
    let mut taken = Vec::new();
    for written in [Written::Rust, Written::Node, Written::Python] {
        let it = written
            .measure(&place, scale, &events, (&variables, &tap))
            .await?;
        table.fact(
            &format!("{written:?}: exec to first poll, to the first answer"),
            &format!("{:.0}, {:.0} ms", ms(it.first_poll), ms(it.first_answer)),
        );
        table.fact(
            &format!("{written:?}: CPU an event; events a second; memory"),
            &format!("{:.2} ms; {:.0} /s; {:.0} MB", it.cpu, it.rate, it.memory),
        );
        taken.push((written, it));
    }
    if let [(_, ours), others @ ..] = &taken[..] {
        for (written, theirs) in others {
            let start = theirs.first_poll.as_secs_f64() / ours.first_poll.as_secs_f64();
            table.at_least(&format!("{written:?}: times our start"), start, 10.0, "");
            let cpu = theirs.cpu / ours.cpu;
            table.at_least(
                &format!("{written:?}: times our CPU for an event"),
                cpu,
                5.0,
                "",
            );
        }
    }
    emulators.stop().await
}

impl Written {
    fn program(self, place: &Path) -> Result<Command> {
        let mut program = match self {
            Self::Rust => Command::new(binary("webhook")?),
            Self::Node => Command::new("node"),
            Self::Python => Command::new("python"),
        };
        match self {
            Self::Rust => {}
            Self::Node => drop(program.arg("webhook.mjs")),
            Self::Python => drop(program.args(["-m", "awslambdaric", "webhook.handler"])),
        }
        program.current_dir(place);
        Ok(program)
    }

    async fn measure(
        self,
        place: &Path,
        scale: &Scale,
        events: &[Value],
        (variables, tap): (&[(String, String)], &Tap),
    ) -> Result<Taken> {
        let (mut polls, mut answers) = (Vec::new(), Vec::new());
        // The first start reads the program from the disk.
        for start in 0..=scale.starts {
            let begun = Instant::now();
            let mut lambda = Lambda::of(&mut self.program(place)?, "webhook", variables).await?;
            invoke_webhook(&mut lambda, events.first().context("no event")?).await?;
            if start > 0 {
                polls.push(lambda.first_poll);
                answers.push(begun.elapsed());
            }
        }
        let mut lambda = Lambda::of(&mut self.program(place)?, "webhook", variables).await?;
        for event in events.iter().cycle().take(WARM_UP) {
            invoke_webhook(&mut lambda, event).await?;
        }
        tap.take();
        let before = process::cpu(lambda.pid()?)?;
        let begun = Instant::now();
        for event in events.iter().cycle().take(scale.invocations) {
            invoke_webhook(&mut lambda, event).await?;
        }
        let rate = number(scale.invocations) / begun.elapsed().as_secs_f64();
        let used = process::cpu(lambda.pid()?)?.saturating_sub(before);
        let kept = tap.take().all_of("AmazonSQS");
        ensure!(
            kept >= number(scale.invocations),
            "{self:?} put {kept} events on the queue"
        );
        Ok(Taken {
            first_poll: Timings::of(polls).median(),
            first_answer: Timings::of(answers).median(),
            cpu: ms(used) / number(scale.invocations),
            rate,
            memory: process::peak_memory(lambda.pid()?)?,
        })
    }
}
