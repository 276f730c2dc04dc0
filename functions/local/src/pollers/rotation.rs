//! What Secrets Manager does with its rotation function: the four steps, in order, for each secret that is due.

use crate::functions::Functions;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::SecretListEntry;
use heliograph::domain::id::SessionId;
use heliograph::service::clock;
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use rotate::RotationEvent;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked for what is due. Secrets Manager does not promise a time.
const EVERY: Duration = Duration::from_secs(1);

/// After a rotation that failed. Secrets Manager waits longer.
const PAUSE: Duration = Duration::from_secs(5);

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// Rotates until the platform stops.
pub(super) async fn run(functions: Arc<Functions>, secrets: Client, mut stop: watch::Receiver<()>) {
    let mut wait = EVERY;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stop.changed() => return,
        }
        wait = EVERY;
        for entry in due(&secrets).await {
            if let Err(error) = rotate(&functions, &entry).await {
                tracing::warn!(%error, "a secret was not rotated");
                wait = PAUSE;
            }
        }
    }
}

async fn due(secrets: &Client) -> Vec<SecretListEntry> {
    let mut pages = secrets.list_secrets().into_paginator().send();
    let mut due = Vec::new();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => due.extend(
                page.secret_list
                    .unwrap_or_default()
                    .into_iter()
                    .filter(is_due),
            ),
            Err(error) => {
                tracing::warn!(%error, "the secrets cannot be listed");
                break;
            }
        }
    }
    due
}

fn is_due(entry: &SecretListEntry) -> bool {
    let now = clock::now().as_second();
    entry
        .next_rotation_date()
        .is_some_and(|date| date.secs() <= now)
}

async fn rotate(
    functions: &Functions,
    entry: &SecretListEntry,
) -> Result<(), lambda_runtime::Error> {
    let (Some(arn), Some(date)) = (entry.arn(), entry.next_rotation_date()) else {
        return Ok(());
    };
    // The same for the same rotation: one that was cut off goes on with the version that it has made.
    let due = date.secs().to_string();
    let token = SessionId::derived(Timestamp::UNIX_EPOCH, &[arn, &due]).to_string();
    for step in STEPS {
        let event = RotationEvent {
            secret_id: arn.to_owned(),
            token: token.clone(),
            step: step.to_owned(),
        };
        rotate::handle(
            &functions.rotate,
            LambdaEvent::new(event, Context::default()),
        )
        .await?;
    }
    Ok(())
}
