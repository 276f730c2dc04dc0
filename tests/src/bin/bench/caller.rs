//! Those who call the platform: a customer's program, Meta with its webhooks, and a look into the simulator.

use crate::desk::Desk;
use crate::signed::Signed;
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The demo tenant's sender.
pub(crate) const SENDER: &str = "100000000000001";
/// The demo tenant's account.
pub(crate) const ACCOUNT: &str = "acct_demo";
/// The demo tenant's WhatsApp Business Account.
pub(crate) const WABA: &str = "200000000000001";
/// What Meta signs its webhooks with.
pub(crate) const APP_SECRET: &str = "demo-app-secret";
pub(crate) const ADMIN_KEY: &str = "hg_demo_admin";

/// Longer than any call takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// A job that sends nothing for so long does not go on.
const JOB_PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks at what happens by itself.
const STEP: Duration = Duration::from_millis(250);
/// Recipients a call takes.
const MOST_RECIPIENTS: usize = 5_000;

/// Who calls.
pub(crate) struct Caller {
    http: Client,
    api: String,
    webhook: String,
    simulator: String,
}

impl Caller {
    /// Calls the platform in one process and the simulator in another; it may be the same.
    pub(crate) fn of(platform: &Desk, simulator: &Desk) -> Result<Self> {
        Ok(Self {
            http: Client::builder().no_proxy().timeout(PATIENCE).build()?,
            api: platform.url("api")?.to_owned(),
            webhook: platform.url("webhook")?.to_owned(),
            simulator: simulator.url("simulator")?.to_owned(),
        })
    }

    /// Sends a text to a person, who gets it at once; our id of the message.
    pub(crate) async fn send(&self, place: usize) -> Result<String> {
        let (id, state) = self.hand_in(place).await?;
        ensure!(state != "queued", "a message waits");
        Ok(id)
    }

    /// Hands in a text to a person; our id of the message, and its state when that was answered.
    pub(crate) async fn hand_in(&self, place: usize) -> Result<(String, String)> {
        let body = json!({
            "from": SENDER, "to": number(place), "type": "text", "text": {"body": "Your parcel is on its way"},
        });
        let message = self.api(Method::POST, "/v1/messages", &body).await?;
        let text = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
        let id = text("id").context("a message without an id")?;
        Ok((id, text("state").context("a message without a state")?))
    }

    /// Posts a webhook.
    pub(crate) async fn webhook(&self, signed: &Signed) -> Result<()> {
        let answer = self
            .http
            .post(format!("{}/webhooks/meta/{ACCOUNT}", self.webhook))
            .header("content-type", "application/json")
            .header("x-hub-signature-256", &signed.signature)
            .body(signed.body.clone())
            .send()
            .await?;
        ensure!(
            answer.status() == 200,
            "a webhook was answered {}",
            answer.status()
        );
        Ok(())
    }

    /// Makes a job and gives it its recipients.
    pub(crate) async fn job(&self, recipients: usize) -> Result<String> {
        let body = json!({
            "name": "bench", "from": SENDER, "type": "text", "text": {"body": "Hello {{name}}, we are open again"},
        });
        let job = self.api(Method::POST, "/v1/bulk-jobs", &body).await?;
        let id = job
            .get("id")
            .and_then(Value::as_str)
            .context("a job without an id")?;
        let lines: Vec<Value> = (0..recipients)
            .map(|place| json!({"to": number(place), "variables": {"name": format!("person {place}")}}))
            .collect();
        for lines in lines.chunks(MOST_RECIPIENTS) {
            let path = format!("/v1/bulk-jobs/{id}/recipients");
            let body = json!({"recipients": lines});
            self.api(Method::POST, &path, &body).await?;
        }
        Ok(id.to_owned())
    }

    /// What a job will do.
    pub(crate) async fn plan(&self, job: &str) -> Result<Value> {
        self.look(&format!("/v1/bulk-jobs/{job}/plan")).await
    }

    /// Starts a job.
    pub(crate) async fn start(&self, job: &str) -> Result<()> {
        self.order(job, "start").await
    }

    /// Starts, pauses, resumes or cancels a job.
    pub(crate) async fn order(&self, job: &str, order: &str) -> Result<()> {
        let path = format!("/v1/bulk-jobs/{job}/{order}");
        self.api(Method::POST, &path, &Value::Null).await.map(drop)
    }

    /// The job's counts once it is finished and so many of its recipients are in `state`, and how long that took; or
    /// as they are when the patience ends.
    pub(crate) async fn counts_once(
        &self,
        job: &str,
        (state, count): (&str, usize),
        patience: Duration,
    ) -> Result<(Value, Duration)> {
        let begun = Instant::now();
        let count = u64::try_from(count)?;
        loop {
            let job = self.look(&format!("/v1/bulk-jobs/{job}")).await?;
            let counts = job.get("counts").cloned().unwrap_or_default();
            let there = counts.get(state).and_then(Value::as_u64) >= Some(count);
            let finished = job.get("status").and_then(Value::as_str) == Some("finished");
            if finished && there || begun.elapsed() > patience {
                return Ok((counts, begun.elapsed()));
            }
            tokio::time::sleep(STEP).await;
        }
    }

    /// Sends a one-time code from a sender, and waits until it is sent.
    pub(crate) async fn code(&self, place: usize, sender: &str, key: &str) -> Result<()> {
        let body = json!({
            "from": sender, "to": number(place), "type": "text", "lane": "otp", "text": {"body": "Your code is 123456"},
        });
        let request = self.http.post(format!("{}/v1/messages", self.api));
        let answer = request.bearer_auth(key).json(&body).send().await?;
        ensure!(
            answer.status() == 200,
            "a code was answered {}",
            answer.status()
        );
        Ok(())
    }

    /// Waits until the simulator has accepted so many messages more.
    pub(crate) async fn until_accepted(&self, more: u64) -> Result<()> {
        let accepting = tokio::time::timeout(JOB_PATIENCE, self.accepting(more));
        accepting.await.context("the job does not go on")?
    }

    async fn accepting(&self, more: u64) -> Result<()> {
        let accepted = async || {
            let counts = self.simulator_counts().await?;
            anyhow::Ok(counts.get("accepted").and_then(Value::as_u64).unwrap_or(0))
        };
        let enough = accepted().await? + more;
        while accepted().await? < enough {
            tokio::time::sleep(STEP).await;
        }
        Ok(())
    }

    /// Gives the sender so many messages a second, of which bulk leaves a share to other lanes.
    pub(crate) async fn pace(&self, per_second: u32, reserved_percent: u8) -> Result<()> {
        let changes =
            json!({"messages_per_second": per_second, "reserved_percent": reserved_percent});
        let path = format!("/v1/senders/{SENDER}");
        self.api(Method::PATCH, &path, &changes).await.map(drop)
    }

    /// Has the simulator fail.
    pub(crate) async fn fault(&self, order: &Value) -> Result<()> {
        let failing = self.simulator(Method::POST, "/_sim/faults", order);
        failing.await.map(drop)
    }

    /// Has the simulator take so long for each send, from `least` to `most` milliseconds.
    pub(crate) async fn provider_takes(&self, least: u32, most: u32) -> Result<()> {
        let order = json!({"min_ms": least, "max_ms": most});
        let taking = self.simulator(Method::POST, "/_sim/latency", &order);
        taking.await.map(drop)
    }

    /// The simulator's counts.
    pub(crate) async fn simulator_counts(&self) -> Result<Value> {
        self.simulator(Method::GET, "/_sim/stats", &Value::Null)
            .await
    }

    /// How many calls of the sender's came in each second of the clock.
    pub(crate) async fn calls_by_second(&self) -> Result<Vec<u32>> {
        let path = format!("/_sim/calls?sender={SENDER}");
        let mut answer = self.simulator(Method::GET, &path, &Value::Null).await?;
        let calls = answer
            .get_mut("data")
            .map(Value::take)
            .context("no calls")?;
        Ok(serde_json::from_value(calls)?)
    }

    /// When the simulator accepted each message, in order.
    pub(crate) async fn accepted(&self) -> Result<Vec<Timestamp>> {
        let first = "/_sim/messages?limit=1000";
        let mut next = first.to_owned();
        let mut times = Vec::new();
        loop {
            let page = self.simulator(Method::GET, &next, &Value::Null).await?;
            let entries = page
                .get("data")
                .and_then(Value::as_array)
                .context("no page")?;
            for entry in entries {
                let at = entry.get("at").and_then(Value::as_str).unwrap_or_default();
                times.push(at.parse()?);
            }
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(cursor) => next = format!("{first}&cursor={cursor}"),
                None => return Ok(times),
            }
        }
    }

    /// What the API answers to whom only looks.
    pub(crate) async fn look(&self, path: &str) -> Result<Value> {
        self.api(Method::GET, path, &Value::Null).await
    }

    /// What the API answers.
    pub(crate) async fn api(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let request = self.http.request(method, format!("{}{path}", self.api));
        read(request.bearer_auth(ADMIN_KEY), body).await
    }

    /// What the simulator answers to an order.
    pub(crate) async fn simulator(
        &self,
        method: Method,
        path: &str,
        order: &Value,
    ) -> Result<Value> {
        let url = format!("{}{path}", self.simulator);
        read(self.http.request(method, url), order).await
    }
}

/// A fictional number.
pub(crate) fn number(place: usize) -> String {
    format!("+1555{:07}", 1_000_000 + place)
}

async fn read(mut request: RequestBuilder, body: &Value) -> Result<Value> {
    if !body.is_null() {
        request = request.json(body);
    }
    let answer = request.send().await?;
    let (status, url) = (answer.status(), answer.url().path().to_owned());
    ensure!(
        status.is_success(),
        "{url} answered {status}: {}",
        answer.text().await?
    );
    Ok(answer.json().await?)
}
