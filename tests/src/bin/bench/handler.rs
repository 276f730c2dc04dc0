//! The handler of `webhook` by itself, in this process: what it takes beyond the queue's answer, without Lambda's
//! round trip.

use crate::caller::ACCOUNT;
use crate::load::Timings;
use crate::scale::Scale;
use crate::signed::Signed;
use crate::table::{Table, ms};
use crate::tap::Tap;
use anyhow::{Result, ensure};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use heliograph::service::aws::{Aws, Endpoints};
use heliograph::service::config::Environment;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::ServiceExt;
use webhook::{Config, State};

/// Calls before the measured ones.
const WARM_UP: usize = 50;

/// Calls it again and again, as `variables` say, through `tap`.
pub(crate) async fn measure(
    scale: &Scale,
    table: &mut Table,
    bodies: &[Signed],
    (variables, tap): (&[(String, String)], &Arc<Tap>),
) -> Result<()> {
    let environment = Environment::from_pairs(variables.iter().cloned());
    let config = Config::from_env(&environment)?;
    let endpoints = Endpoints {
        aws: tap.url().to_owned(),
        dynamodb: None,
    };
    let (count, bodies, tap) = (scale.invocations, bodies.to_vec(), tap.clone());
    // As in Lambda: one thread, which nothing else runs on.
    let timings = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let state = State::new(&config, &Aws::at(&endpoints));
        runtime.block_on(calls(&state, count, &bodies, &tap))
    });
    let beyond = timings.await??;
    table.at_most(
        "webhook: time in the handler beyond the SQS call, p50",
        ms(beyond.median()),
        0.3,
        "ms",
    );
    table.at_most(
        "webhook: time in the handler beyond the SQS call, p99",
        ms(beyond.percentile(99)),
        3.0,
        "ms",
    );
    Ok(())
}

async fn calls(state: &State, count: usize, bodies: &[Signed], tap: &Tap) -> Result<Timings> {
    let mut beyond = Vec::new();
    for (place, body) in bodies.iter().cycle().take(WARM_UP + count).enumerate() {
        tap.take();
        let took = call(state, body).await?;
        let asked = tap.take().time;
        if place >= WARM_UP {
            beyond.push(took.saturating_sub(asked));
        }
    }
    Ok(Timings::of(beyond))
}

async fn call(state: &State, signed: &Signed) -> Result<Duration> {
    let request = Request::post(format!("/webhooks/meta/{ACCOUNT}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-hub-signature-256", &signed.signature)
        .body(Body::from(signed.body.clone()))?;
    let router = webhook::router(state.clone());
    let begun = Instant::now();
    let answer = router.oneshot(request).await?;
    let took = begun.elapsed();
    ensure!(
        answer.status() == StatusCode::OK,
        "webhook answered {}",
        answer.status()
    );
    Ok(took)
}
