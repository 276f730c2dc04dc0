//! Webhooks as Meta sends them: the envelope, the escapes, the signature. And the POST, which other providers share.

use super::assets::Number;
use anyhow::Context;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use sha2::Sha256;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the receiver may take. Meta does not say; other receivers report a few seconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What became of one POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Answered with 200: everything in it is the receiver's now.
    Taken,
    /// Answered with anything else.
    Refused,
    /// Not answered.
    Unanswered,
}

/// Sends webhooks and counts them.
#[derive(Debug)]
pub(super) struct Webhooks {
    client: reqwest::Client,
    sent: AtomicU64,
    failed: AtomicU64,
}

impl Webhooks {
    /// Nothing sent yet.
    pub(super) fn new() -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .pool_idle_timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("cannot build the client for webhooks")?;
        Ok(Self {
            client,
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })
    }

    /// The client, which neither waits for ever nor follows where it is sent.
    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Posts a body, signed with the secret of an app, if it is one's.
    pub(super) async fn post(&self, url: &str, app_secret: Option<&str>, body: Bytes) -> Outcome {
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json");
        if let Some(app_secret) = app_secret {
            request = request.header("x-hub-signature-256", signature(app_secret, &body));
        }
        let outcome = match request.body(body).send().await {
            Ok(response) if response.status() == reqwest::StatusCode::OK => Outcome::Taken,
            Ok(_) => Outcome::Refused,
            Err(_) => Outcome::Unanswered,
        };
        let count = match outcome {
            Outcome::Taken => &self.sent,
            Outcome::Refused | Outcome::Unanswered => &self.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
        outcome
    }

    /// POSTs answered with 200, and the others.
    pub(super) fn counts(&self) -> (u64, u64) {
        (
            self.sent.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
        )
    }

    /// Counts from zero again.
    pub(super) fn clear(&self) {
        self.sent.store(0, Ordering::Relaxed);
        self.failed.store(0, Ordering::Relaxed);
    }
}

/// A `messages` entry of a number: `fields` are put beside the metadata.
pub(super) fn entry(number: &Number, fields: &[(&str, Value)]) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": number.digits(),
            "phone_number_id": number.phone_number_id,
        },
    });
    if let Some(object) = value.as_object_mut() {
        let fields = fields.iter().cloned();
        object.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    }
    json!({"id": number.waba_id, "changes": [{"value": value, "field": "messages"}]})
}

/// The body of a webhook with these entries, escaped as Meta escapes: ASCII only, and `\/` for every slash.
pub(super) fn body(entries: &[Value]) -> Bytes {
    let json = json!({"object": "whatsapp_business_account", "entry": entries}).to_string();
    let mut escaped = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        match character {
            '/' => escaped.push_str("\\/"),
            ascii if ascii.is_ascii() => escaped.push(ascii),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
        }
    }
    escaped.into()
}

/// The `X-Hub-Signature-256` of a body.
pub(super) fn signature(app_secret: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(app_secret.as_bytes()) else {
        // HMAC takes a key of any length, so there is always one.
        return String::new();
    };
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]
    use super::*;

    #[test]
    fn a_body_is_ascii_and_means_what_was_put_in() {
        let entry = json!({"text": "é 👍 a/b \"q\" \\"});
        let body = body(std::slice::from_ref(&entry));
        assert!(body.is_ascii());
        let read: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(read["entry"][0], entry);
        assert!(String::from_utf8_lossy(&body).contains("\\ud83d\\udc4d a\\/b"));
    }

    #[test]
    fn a_signature_is_the_hmac_of_the_body() {
        // RFC 4231, test case 2.
        let signed = signature("Jefe", b"what do ya want for nothing?");
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signed, expected);
    }
}
