//! The schedule's rule: each minute in AWS, every five seconds and at the start at a desk.

use crate::functions::Functions;
use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const EVERY: Duration = Duration::from_secs(5);

pub(super) async fn run(functions: Arc<Functions>, mut stop: watch::Receiver<()>) {
    loop {
        let event = json!({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
        match serde_json::from_value::<EventBridgeEvent>(event) {
            Ok(event) => match schedule::handle(
                &functions.schedule,
                LambdaEvent::new(event, Context::default()),
            )
            .await
            {
                Ok(()) => {}
                Err(never) => match never {},
            },
            Err(error) => tracing::error!(%error, "the schedule's event is malformed"),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.changed() => return,
        }
    }
}
