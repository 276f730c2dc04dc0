//! Webhooks as Meta signs them.

use crate::caller::{SENDER, WABA, number};
use serde_json::json;
use tests::sign;

/// A webhook body with its signature.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    /// The body.
    pub(crate) body: String,
    /// The header `X-Hub-Signature-256`.
    pub(crate) signature: String,
}

impl Signed {
    /// A webhook with one update: a message of a new person, or, every other time, a status of one of `messages`; signed
    /// with this app secret.
    pub(crate) fn update(place: usize, messages: &[String], app_secret: &str) -> Self {
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
        let body = body.to_string();
        let signature = sign(app_secret, body.as_bytes());
        Self { body, signature }
    }
}
