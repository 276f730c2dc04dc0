//! Fonnte, a gateway to WhatsApp's own app on a person's phone: no official API. Source: docs.fonnte.com.
//!
//! A device is a sender, its token the key. Failure comes with HTTP 200; `pending` is success, for Fonnte sends later.

mod answer;
mod reasons;
pub mod webhook;
mod wire;

#[cfg(test)]
mod tests;

pub use webhook::{heard, updates};
pub use wire::KINDS;

use super::gateway::{Checked, GoodKey};
use super::http::{
    ANSWER_LIMIT, Answer, LIST_LIMIT, exchange, form, secret_header, unwritable_key,
};
use super::{Access, Answered, Group, SendOutcome, Unfit};
use crate::domain::content::Content;
use crate::domain::id::MessageId;
use crate::domain::identity::Recipient;
use crate::domain::phone::PhoneNumber;
use crate::domain::provider::{Gateway, Provider};
use crate::domain::secret::SecretText;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{Map, Value};

const FONNTE: Provider = Provider::Gateway(Gateway::Fonnte);

/// What Fonnte says of a device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Device {
    /// Its number, in digits.
    #[serde(rename = "device")]
    pub number: String,
    /// `connect` while its phone is reached, else `disconnect`.
    #[serde(rename = "device_status")]
    pub status: String,
    /// What its owner calls it.
    #[serde(default)]
    pub name: Option<String>,
    /// What was paid for.
    #[serde(default)]
    pub package: Option<String>,
    /// How many messages are left, in digits.
    #[serde(default)]
    pub quota: Option<String>,
    /// When the package ends, in words.
    #[serde(default)]
    pub expired: Option<String>,
}

impl Device {
    /// Whether its phone is reached, so that it can send.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.status.eq_ignore_ascii_case("connect")
    }
}

/// Whether Fonnte can send this, as far as that can be said without asking it.
pub fn fits(to: &Recipient, content: &Content) -> Result<(), Unfit> {
    wire::fields(to, content).map(drop)
}

/// Sends a message: one call, never repeated here.
pub async fn send(
    access: Access<'_>,
    to: &Recipient,
    content: &Content,
    id: &MessageId,
) -> SendOutcome {
    let fields = match wire::fields(to, content) {
        Ok(fields) => fields,
        Err(unfit) => return SendOutcome::NotAccepted(unfit.failure()),
    };
    let Some(request) = filled(access.send("send", id), access, &fields) else {
        return SendOutcome::NotAccepted(unwritable_key());
    };
    match exchange(request, ANSWER_LIMIT).await {
        Ok(answer) => answer::judge(&answer, access.key),
        Err(none) => none.after_send(FONNTE),
    }
}

/// Asks whether the key is good. It tells by itself which device it is of.
pub async fn check_key(access: Access<'_>, _: Option<&str>) -> Answered<GoodKey> {
    let device = device(access).await?;
    let quota = device.quota.as_deref().unwrap_or("an unknown number of");
    let said = if device.is_connected() {
        format!("the device is connected; {quota} messages are left")
    } else {
        "the device is not connected: scan its code at Fonnte with the phone".to_owned()
    };
    Ok(GoodKey {
        number: Some(device.number),
        said,
    })
}

/// Asks which of these numbers are on WhatsApp, all in one call.
pub async fn check_numbers(access: Access<'_>, numbers: &[PhoneNumber]) -> Answered<Checked> {
    let digits: Vec<&str> = numbers.iter().map(PhoneNumber::digits).collect();
    let fields = [("target", digits.join(",")), wire::no_country()];
    let answer = ask(access, "validate", &fields).await?;
    let listed = |name: &str| {
        let list = answer.get(name).and_then(Value::as_array);
        let list: Vec<&str> = list
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let is_listed = |number: &&PhoneNumber| list.contains(&number.digits());
        numbers.iter().filter(is_listed).cloned().collect()
    };
    Ok(Checked {
        registered: listed("registered"),
        not_registered: listed("not_registered"),
    })
}

/// Asks about the device whose token the key is.
pub async fn device(access: Access<'_>) -> Answered<Device> {
    let answer = ask(access, "device", &[]).await?;
    let device = serde_json::from_value(Value::Object(answer));
    device.map_err(|_| answer::not_understood("its answer about the device has another form"))
}

/// Has the device call `address` with what comes in, with statuses, and when it is connected or lost. What comes in is
/// told by devices alone that mark it as read, so this one does from then on. Source: docs.fonnte.com, "API Update Device"
/// and "Webhook Reply Message".
pub async fn call_at(access: Access<'_>, address: &SecretText) -> Answered<()> {
    // Its number and its name are set anew with the rest, so they are asked for first.
    let Device { number, name, .. } = device(access).await?;
    let address = || address.expose().to_owned();
    let reads = || "true".to_owned();
    let fields = [
        ("name", name.unwrap_or_else(|| number.clone())),
        ("device", number),
        ("webhook", address()),
        ("webhookstatus", address()),
        ("webhookconnect", address()),
        ("autoread", reads()),
        ("personal", reads()),
        ("group", reads()),
    ];
    ask(access, "update-device", &fields).await.map(drop)
}

/// Has Fonnte look which groups the device is in, and lists them.
pub async fn groups(access: Access<'_>) -> Answered<Vec<Group>> {
    ask(access, "fetch-group", &[]).await?;
    let answer = ask(access, "get-whatsapp-group", &[]).await?;
    let list = answer.get("data").and_then(Value::as_array);
    let list = list.ok_or_else(|| answer::not_understood("its list of groups has another form"))?;
    let group = |group: &Value| {
        let text = |name: &str| group.get(name).and_then(Value::as_str);
        Some(Group {
            id: text("id")?.parse().ok()?,
            name: text("name").map(str::to_owned),
        })
    };
    Ok(list.iter().filter_map(group).collect())
}

/// A call that sends nothing, and may be repeated.
async fn ask(
    access: Access<'_>,
    function: &str,
    fields: &[(&str, String)],
) -> Answered<Map<String, Value>> {
    let request = access.call(Method::POST, function);
    let request = filled(request, access, fields).ok_or_else(unwritable_key)?;
    let answer: Result<Answer, _> = exchange(request, LIST_LIMIT).await;
    let answer = answer.map_err(|none| none.after_look(FONNTE))?;
    answer::read(&answer, access.key)
}

/// A request with its form and its key, which stands alone in its header, without `Bearer`. `None` if no header can
/// hold the key.
fn filled(
    request: RequestBuilder,
    access: Access<'_>,
    fields: &[(&str, String)],
) -> Option<RequestBuilder> {
    let key = secret_header(access.key.expose())?;
    let request = request
        .header(AUTHORIZATION, key)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    Some(request.body(form(access.base, fields)))
}
