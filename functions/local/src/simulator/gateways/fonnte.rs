//! Fonnte's functions. Every answer has HTTP status 200, failures too. Source: docs.fonnte.com.

use super::request::Request;
use super::{GROUP_ID, GROUP_NAME, Refusal, exchange};
use crate::simulator::assets::{Device, Key};
use crate::simulator::control::{DeviceOrder, change_device};
use crate::simulator::recipient::{Recipient, digits};
use crate::simulator::state::locked;
use crate::simulator::statuses;
use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use heliograph::domain::provider::{Gateway, Provider};
use serde_json::{Value, json};
use std::sync::Arc;

/// The country whose code a number with a leading zero gets, unless another is named.
const INDONESIA: &str = "62";

/// `POST /send`.
pub(super) async fn send(request: Request) -> Response {
    let Some(key) = key(&request) else {
        return exchange::refused(&request.state, bad_token());
    };
    let targets = targets(&request);
    let fault = super::fault(&request.state, &key, targets.first());
    let take = || take(&request, &key, &targets);
    exchange::answer(&request.state, &request.connection, fault, refusal, take).await
}

/// Checks a send as Fonnte does, and writes down a message for each target.
fn take(request: &Request, key: &Key, targets: &[Recipient]) -> Result<Value, Refusal> {
    let device = locked(&request.state.assets).device(&key.sender);
    let is_offline = device.is_none_or(|device| !device.connected);
    if is_offline && request.text("connectOnly").as_deref() != Some("false") {
        return Err(refusal("request invalid on disconnected device"));
    }
    let says_something = ["message", "url", "location"];
    if !says_something
        .iter()
        .any(|name| request.text(name).is_some())
    {
        return Err(refusal("input invalid"));
    }
    if request
        .text("url")
        .is_some_and(|url| !url.starts_with("http"))
    {
        return Err(refusal("url invalid"));
    }
    if targets.is_empty() || targets.iter().any(|it| statuses::refusal(it).is_some()) {
        return Err(refusal("target invalid"));
    }
    let mut ids = Vec::new();
    for target in targets {
        let id = super::new_number().to_string();
        super::accept(request, key, target, &id, &request.fields)?;
        ids.push(id);
    }
    let shown: Vec<&str> = targets.iter().map(Recipient::id).collect();
    Ok(json!({
        "detail": "success! message in queue",
        "id": ids,
        "process": "pending",
        "requestid": super::new_number(),
        "status": true,
        "target": shown,
    }))
}

/// `POST /validate`. Numbers that are made to fail are not on WhatsApp.
pub(super) async fn validate(request: Request) -> Response {
    let Some(key) = key(&request) else {
        return exchange::refused(&request.state, bad_token());
    };
    let targets = targets(&request);
    let fault = super::fault(&request.state, &key, targets.first());
    let look = || listed(&targets);
    exchange::answer(&request.state, &request.connection, fault, refusal, look).await
}

fn listed(targets: &[Recipient]) -> Result<Value, Refusal> {
    if targets.is_empty() {
        return Err(refusal("target invalid"));
    }
    let (gone, there): (Vec<_>, Vec<_>) = targets.iter().partition(|it| statuses::is_gone(it));
    let ids =
        |list: &[&Recipient]| -> Vec<String> { list.iter().map(|it| it.id().to_owned()).collect() };
    Ok(json!({"registered": ids(&there), "not_registered": ids(&gone), "status": true}))
}

/// `POST /device`.
pub(super) async fn device(request: Request) -> Result<Json<Value>, Refusal> {
    let device = own_device(&request)?;
    Ok(Json(json!({
        "device": device.number,
        "device_status": if device.connected { "connect" } else { "disconnect" },
        "expired": "31 December 2099",
        "messages": 0,
        "name": device.name,
        "package": "Simulated",
        "quota": "1000000",
        "status": true,
    })))
}

/// `POST /update-device`: where the device's webhooks go. Of faults it knows those that are an answer of Fonnte's.
pub(super) async fn update_device(request: Request) -> Result<Json<Value>, Refusal> {
    let device = own_device(&request)?;
    let error =
        locked(&request.state.faults).error_for(Provider::Gateway(Gateway::Fonnte), &device.number);
    if let Some(reason) = error {
        return Err(refusal(&reason));
    }
    let order = DeviceOrder {
        device: device.number.clone(),
        name: request.text("name"),
        webhook: request.text("webhook"),
        webhookstatus: request.text("webhookstatus"),
        webhookconnect: request.text("webhookconnect"),
        connected: None,
    };
    let changed = change_device(&request.state, order).await;
    changed.map_err(|_| refusal("url invalid"))?;
    Ok(Json(json!({"detail": "device updated", "status": true})))
}

/// `POST /fetch-group`.
pub(super) async fn fetch_groups(request: Request) -> Result<Json<Value>, Refusal> {
    key(&request).ok_or_else(bad_token)?;
    let detail = "update group list success";
    Ok(Json(json!({"detail": detail, "status": true})))
}

/// `POST /get-whatsapp-group`.
pub(super) async fn groups(request: Request) -> Result<Json<Value>, Refusal> {
    key(&request).ok_or_else(bad_token)?;
    let groups = [json!({"id": GROUP_ID, "name": GROUP_NAME})];
    Ok(Json(json!({"data": groups, "status": true})))
}

fn key(request: &Request) -> Option<Arc<Key>> {
    locked(&request.state.assets)
        .good_key(Provider::Gateway(Gateway::Fonnte), request.authorization())
}

fn own_device(request: &Request) -> Result<Arc<Device>, Refusal> {
    let key = key(request).ok_or_else(bad_token)?;
    let device = locked(&request.state.assets).device(&key.sender);
    device.ok_or_else(bad_token)
}

/// A refusal with this reason.
fn refusal(reason: &str) -> Refusal {
    Refusal {
        status: StatusCode::OK,
        body: json!({"reason": reason, "status": false}),
    }
}

/// The one refusal that Fonnte writes otherwise.
fn bad_token() -> Refusal {
    Refusal {
        status: StatusCode::OK,
        body: json!({"Status": false, "reason": "token invalid"}),
    }
}

/// The targets, between commas; what stands behind a bar are variables. None if any of them is none.
fn targets(request: &Request) -> Vec<Recipient> {
    let country = request.text("countryCode");
    let country = country.unwrap_or_else(|| INDONESIA.to_owned());
    let text = request.text("target").unwrap_or_default();
    let targets: Option<Vec<Recipient>> = text.split(',').map(|it| target(it, &country)).collect();
    targets.unwrap_or_default()
}

fn target(text: &str, country: &str) -> Option<Recipient> {
    let text = text.split('|').next().unwrap_or_default().trim();
    if text.ends_with("@g.us") {
        return Recipient::from_group_id(text);
    }
    let allowed = |it: char| it.is_ascii_digit() || "+ -".contains(it);
    let digits = digits(text);
    if !(5..=20).contains(&digits.len()) || !text.chars().all(allowed) {
        return None;
    }
    let national = digits.strip_prefix('0').filter(|_| country != "0");
    Some(Recipient::Phone(match national {
        Some(national) => format!("{country}{national}"),
        None => digits,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_zero_is_indonesias_unless_another_country_is_named_or_none() {
        let shown = |text: &str, country: &str| target(text, country).map(|it| it.shown());
        assert_eq!(
            shown("08123456789|Anna", "62"),
            Some("+628123456789".to_owned())
        );
        assert_eq!(shown("08123456789", "0"), Some("+08123456789".to_owned()));
        assert_eq!(shown("15550001111", "62"), Some("+15550001111".to_owned()));
        assert_eq!(shown("1@g.us", "0"), Some("1@g.us".to_owned()));
        assert_eq!(shown("bob", "0"), None);
    }
}
