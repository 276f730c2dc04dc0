//! Those who call the platform: a customer's program, Meta with its webhooks, and a look into the simulator.

use crate::desk::Desk;
use anyhow::{Context, Result, ensure};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::{Duration, Instant};

/// The demo tenant's sender.
pub(crate) const SENDER: &str = "100000000000001";
/// The demo tenant's account.
pub(crate) const ACCOUNT: &str = "acct_demo";
/// The demo tenant's WhatsApp Business Account.
const WABA: &str = "200000000000001";
const APP_SECRET: &str = "demo-app-secret";
pub(crate) const ADMIN_KEY: &str = "hg_demo_admin";

/// Longer than any call takes.
const PATIENCE: Duration = Duration::from_secs(30);
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

/// A webhook body with its signature.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    /// The body.
    pub(crate) body: String,
    /// The header `X-Hub-Signature-256`.
    pub(crate) signature: String,
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

    /// Sends a text to a person; our id of the message.
    pub(crate) async fn send(&self, place: usize) -> Result<String> {
        let body = json!({
            "from": SENDER, "to": number(place), "type": "text", "text": {"body": "Your parcel is on its way"},
        });
        let message = read(self.post("/v1/messages").json(&body)).await?;
        let state = message.get("state").and_then(Value::as_str);
        ensure!(state != Some("queued"), "a message waits");
        let id = message.get("id").and_then(Value::as_str);
        Ok(id.context("a message without an id")?.to_owned())
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
        let job = read(self.post("/v1/bulk-jobs").json(&body)).await?;
        let id = job
            .get("id")
            .and_then(Value::as_str)
            .context("a job without an id")?;
        let lines: Vec<Value> = (0..recipients)
            .map(|place| json!({"to": number(place), "variables": {"name": format!("person {place}")}}))
            .collect();
        for lines in lines.chunks(MOST_RECIPIENTS) {
            let path = format!("/v1/bulk-jobs/{id}/recipients");
            read(self.post(&path).json(&json!({"recipients": lines}))).await?;
        }
        Ok(id.to_owned())
    }

    /// What a job will do.
    pub(crate) async fn plan(&self, job: &str) -> Result<Value> {
        read(self.get(&format!("/v1/bulk-jobs/{job}/plan"))).await
    }

    /// Starts a job.
    pub(crate) async fn start(&self, job: &str) -> Result<()> {
        self.order(job, "start").await
    }

    /// Starts, pauses, resumes or cancels a job.
    pub(crate) async fn order(&self, job: &str, order: &str) -> Result<()> {
        read(self.post(&format!("/v1/bulk-jobs/{job}/{order}"))).await?;
        Ok(())
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
            let job = read(self.get(&format!("/v1/bulk-jobs/{job}"))).await?;
            let counts = job.get("counts").cloned().unwrap_or_default();
            let there = counts.get(state).and_then(Value::as_u64) >= Some(count);
            let finished = job.get("status").and_then(Value::as_str) == Some("finished");
            if finished && there || begun.elapsed() > patience {
                return Ok((counts, begun.elapsed()));
            }
            tokio::time::sleep(STEP).await;
        }
    }

    /// Ids of a job's recipients that wait for their turn.
    pub(crate) async fn queued(&self, job: &str, count: usize) -> Result<Vec<String>> {
        let first = format!("/v1/bulk-jobs/{job}/recipients?state=queued&limit=100");
        let mut next = first.clone();
        let mut ids = Vec::new();
        while ids.len() < count {
            let page = read(self.get(&next)).await?;
            let entries = page
                .get("data")
                .and_then(Value::as_array)
                .context("no page")?;
            let found = entries.iter().filter_map(|entry| entry.get("id")?.as_str());
            ids.extend(found.map(str::to_owned));
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(cursor) => next = format!("{first}&cursor={cursor}"),
                None => break,
            }
        }
        ids.truncate(count);
        Ok(ids)
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

    /// Has the simulator fail.
    pub(crate) async fn fault(&self, order: &Value) -> Result<()> {
        let url = format!("{}/_sim/faults", self.simulator);
        read(self.http.post(url).json(order)).await?;
        Ok(())
    }

    /// Has the simulator take so long for each send, from `least` to `most` milliseconds.
    pub(crate) async fn provider_takes(&self, least: u32, most: u32) -> Result<()> {
        let order = json!({"min_ms": least, "max_ms": most});
        read(
            self.http
                .post(format!("{}/_sim/latency", self.simulator))
                .json(&order),
        )
        .await?;
        Ok(())
    }

    /// The simulator's counts.
    pub(crate) async fn simulator_counts(&self) -> Result<Value> {
        read(self.http.get(format!("{}/_sim/stats", self.simulator))).await
    }

    /// When the simulator accepted each message, in order.
    pub(crate) async fn accepted(&self) -> Result<Vec<Timestamp>> {
        let first = format!("{}/_sim/messages?limit=1000", self.simulator);
        let mut next = first.clone();
        let mut times = Vec::new();
        loop {
            let page = read(self.http.get(&next)).await?;
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

    fn get(&self, path: &str) -> RequestBuilder {
        let request = self.http.get(format!("{}{path}", self.api));
        request.bearer_auth(ADMIN_KEY)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.api));
        request.bearer_auth(ADMIN_KEY)
    }
}

impl Signed {
    /// A webhook with one update: a message of a new person, or, every other time, a status of one of `messages`.
    pub(crate) fn update(place: usize, messages: &[String]) -> Result<Self> {
        let number = number(place);
        let person = number.trim_start_matches('+');
        let now = heliograph::service::clock::now().as_second().to_string();
        let about = place
            .checked_rem(messages.len())
            .and_then(|place| messages.get(place));
        let update = match about {
            Some(message) if place.is_multiple_of(2) => json!({"statuses": [{
                "id": format!("wamid.BENCH{place}"), "status": "delivered", "timestamp": now, "recipient_id": person,
                "biz_opaque_callback_data": message,
            }]}),
            Some(_) | None => json!({
                "contacts": [{"profile": {"name": "Somebody"}, "wa_id": person}],
                "messages": [{
                    "from": person, "id": format!("wamid.BENCH{place}"), "timestamp": now, "type": "text",
                    "text": {"body": "When do you open tomorrow?"},
                }],
            }),
        };
        let mut value = json!({
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550001000", "phone_number_id": SENDER},
        });
        if let (Some(value), Some(update)) = (value.as_object_mut(), update.as_object()) {
            value.extend(update.clone());
        }
        let change = json!({"field": "messages", "value": value});
        let body = json!({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": [change]}]});
        Self::of(body.to_string())
    }

    fn of(body: String) -> Result<Self> {
        let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes())?;
        mac.update(body.as_bytes());
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        Ok(Self { body, signature })
    }
}

/// A fictional number.
fn number(place: usize) -> String {
    format!("+1555{:07}", 1_000_000 + place)
}

async fn read(request: RequestBuilder) -> Result<Value> {
    let answer = request.send().await?;
    let (status, url) = (answer.status(), answer.url().path().to_owned());
    ensure!(
        status.is_success(),
        "{url} answered {status}: {}",
        answer.text().await?
    );
    Ok(answer.json().await?)
}
