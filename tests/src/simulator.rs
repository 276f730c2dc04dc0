//! The other side of the desk: the simulated Meta, and webhooks signed as Meta signs them.

use crate::desk::read;
use crate::{ACCOUNT, APP_SECRET, Answer, Desk, SENDER, eventually};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The `X-Hub-Signature-256` of a body.
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

impl Desk {
    /// Every message the simulator accepted, oldest first; only those to `to`, if it is given.
    pub async fn accepted(&self, to: Option<&str>) -> Vec<Value> {
        let to = to.map_or(String::new(), |to| {
            format!("&to={}", to.replace('+', "%2B"))
        });
        let first = format!("{}/_sim/messages?limit=1000{to}", self.simulator);
        let mut next = first.clone();
        let mut all = Vec::new();
        loop {
            let page = read(self.http.get(&next)).await.with(200);
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("{first}&cursor={cursor}"),
                None => return all,
            }
        }
    }

    /// The simulator's counts.
    pub async fn stats(&self) -> Value {
        let url = format!("{}/_sim/stats", self.simulator);
        read(self.http.get(url)).await.with(200)
    }

    /// Waits until the simulator owes us no webhook.
    pub async fn all_statuses_delivered(&self) {
        let look = async || (self.stats().await["webhooks"]["pending"] == 0).then_some(());
        eventually("the simulator to deliver its webhooks", look).await;
    }

    /// Orders the simulator to fail.
    pub async fn fault(&self, order: &Value) {
        let url = format!("{}/_sim/faults", self.simulator);
        read(self.http.post(url).json(order)).await.with(201);
    }

    /// Has it fail no more.
    pub async fn end_faults(&self) {
        let url = format!("{}/_sim/faults", self.simulator);
        let answer = read(self.http.delete(url)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// Has the simulator play another sender.
    pub async fn add_sender(&self, sender: &Value) {
        let url = format!("{}/_sim/senders", self.simulator);
        read(self.http.post(url).json(sender)).await.with(201);
    }

    /// Has a provider that is not Meta take a key.
    pub async fn order_key(&self, key: &Value) {
        let url = format!("{}/_sim/keys", self.simulator);
        read(self.http.post(url).json(key)).await.with(201);
    }

    /// Has it take the key no more.
    pub async fn revoke_key(&self, key: &str) {
        let url = format!("{}/_sim/keys/{key}", self.simulator);
        let answer = read(self.http.delete(url)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// Has the simulator list a template.
    pub async fn put_template(&self, template: &Value) {
        let url = format!("{}/_sim/templates", self.simulator);
        read(self.http.post(url).json(template)).await.with(201);
    }

    /// Has the simulator take so long for each send.
    pub async fn latency(&self, ms: u32) {
        let url = format!("{}/_sim/latency", self.simulator);
        let order = json!({"min_ms": ms, "max_ms": ms});
        read(self.http.post(url).json(&order)).await.with(200);
    }

    /// A message from a person, to the demo sender if the order says nothing else; the provider's id of it.
    pub async fn inbound(&self, order: &Value) -> String {
        let mut order = order.clone();
        if order["to"].is_null() && order["provider"].is_null() {
            order["to"] = SENDER.into();
        }
        let url = format!("{}/_sim/inbound", self.simulator);
        let answer = read(self.http.post(url).json(&order)).await.with(200);
        assert_eq!(answer["delivered"], true, "{answer}");
        answer["wamid"].as_str().unwrap().to_owned()
    }

    /// Posts a webhook to the demo account, signed as Meta signs it.
    pub async fn webhook(&self, body: &[u8]) -> Answer {
        self.webhook_signed(ACCOUNT, body, Some(&sign(APP_SECRET, body)))
            .await
    }

    /// Posts a webhook to any account, with any signature.
    pub async fn webhook_signed(
        &self,
        account: &str,
        body: &[u8],
        signature: Option<&str>,
    ) -> Answer {
        let mut request = self
            .http
            .post(self.webhook_url(account))
            .header("content-type", "application/json")
            .body(body.to_vec());
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        read(request).await
    }

    /// Where an account's webhooks go.
    #[must_use]
    pub fn webhook_url(&self, account: &str) -> String {
        format!("{}/webhooks/meta/{account}", self.webhook)
    }

    /// Where webhooks come in.
    #[must_use]
    pub fn webhook_base(&self) -> &str {
        &self.webhook
    }

    /// Where the simulated Meta answers.
    #[must_use]
    pub fn simulator_url(&self) -> &str {
        &self.simulator
    }

    /// The client, for requests that nothing here makes.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }
}
