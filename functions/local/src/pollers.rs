//! What Lambda's event source mappings do: bring queue messages, stream records and the ticks of a clock to functions.

mod queue;
mod rotation;
mod stream;
mod timer;

use crate::functions::Functions;
use crate::provision::{self, Provisioned, messages_table};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use heliograph::service::aws::{Aws, Endpoints};
use lambda_runtime::{Context, LambdaEvent};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Invocations at once of one mapping. Lambda allows more; the emulated engine does one thing at a time, so more would
/// only wait for it, each with its connections and buffers.
const AT_ONCE: usize = 8;

/// Those of `bulk` mostly wait: half a second for their slots, then for the provider. 80 a second of a provider that
/// takes 600 ms are ten batches a second of 1.3 s each.
const BULK_AT_ONCE: usize = 24;

/// Starts every poller; each ends when `stop` closes, after what it has under way.
pub(crate) fn start(
    tasks: &mut JoinSet<()>,
    functions: &Arc<Functions>,
    provisioned: &Provisioned,
    aws: &Aws,
    endpoints: &Endpoints,
    stop: &watch::Sender<()>,
) {
    for (name, url) in &provisioned.queues {
        let poller = queue::Poller {
            sqs: aws.sqs(),
            url: url.clone(),
            at_once: if *name == "bulk" {
                BULK_AT_ONCE
            } else {
                AT_ONCE
            },
            stop: stop.subscribe(),
        };
        let (name, functions) = (*name, functions.clone());
        tasks.spawn(poller.run(move |event| invoke(functions.clone(), name, event)));
    }
    let (store, table) = (provision::store(aws), messages_table());
    tasks.spawn(stream::run(
        functions.clone(),
        endpoints.clone(),
        store,
        table,
        stop.subscribe(),
    ));
    tasks.spawn(timer::run(functions.clone(), stop.subscribe()));
    tasks.spawn(rotation::run(
        functions.clone(),
        aws.secrets(),
        stop.subscribe(),
    ));
}

/// The template's mappings: which queue leads to which function.
pub(crate) async fn invoke(
    functions: Arc<Functions>,
    queue: &'static str,
    event: SqsEvent,
) -> SqsBatchResponse {
    let event = LambdaEvent::new(event, Context::default());
    let answer: Result<SqsBatchResponse, Infallible> = match queue {
        "dispatch" => dispatch::handle(&functions.dispatch, event).await,
        "inbound" | "status" => ingest::handle(&functions.ingest, event).await,
        _ => deliver::handle(&functions.deliver, event).await,
    };
    match answer {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
