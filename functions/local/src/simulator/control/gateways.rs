//! Keys and devices under `/_sim`: what a person would set up at a provider that is not Meta. No answer shows a secret.

use super::assets::created;
use super::{BadOrder, read};
use crate::simulator::assets::{
    Address, Change, DEMO_DEVICE, DEMO_NUMBER, Device, Key, MOCK_SENDER, Origin, TokenHash,
};
use crate::simulator::gateways;
use crate::simulator::handshake::is_callable;
use crate::simulator::state::{State as Simulator, locked};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use heliograph::domain::provider::{Gateway, Provider};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The routes for keys and devices.
pub(super) fn router() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/_sim/keys", post(put_key))
        .route("/_sim/keys/{key}", delete(revoke_key))
        .route("/_sim/devices", get(devices).post(put_device))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyOrder {
    provider: Provider,
    key: String,
    sender: Option<String>,
}

/// What is to be otherwise about a device of Fonnte's, or a new one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulator) struct DeviceOrder {
    pub(in crate::simulator) device: String,
    pub(in crate::simulator) name: Option<String>,
    pub(in crate::simulator) webhook: Option<String>,
    pub(in crate::simulator) webhookstatus: Option<String>,
    pub(in crate::simulator) webhookconnect: Option<String>,
    pub(in crate::simulator) connected: Option<bool>,
}

async fn put_key(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Response, BadOrder> {
    let order: KeyOrder = read(&body)?;
    if order.key.is_empty() || order.key.contains(['/', ' ']) {
        return Err(BadOrder::new("key must be without / and spaces"));
    }
    let sender = sender(&order)?;
    simulator.change(|assets| {
        let hash = TokenHash::of(&order.key);
        let known = assets.key(&hash);
        // One that was revoked is good again.
        let key = Key {
            hash,
            provider: order.provider,
            sender: sender.clone(),
            revoked: false,
            origin: known.map_or(Origin::Added, |key| key.origin),
        };
        let is_device = order.provider == Provider::Gateway(Gateway::Fonnte)
            && assets.device(&sender).is_none();
        let device = is_device.then(|| Device::new(&sender, Origin::Added));
        Ok::<_, BadOrder>((Change::of_key(key, device), ()))
    })?;
    Ok(created(
        json!({"provider": order.provider, "sender": sender}),
    ))
}

/// What the key is of.
fn sender(order: &KeyOrder) -> Result<String, BadOrder> {
    let usual = match order.provider {
        Provider::Meta => {
            return Err(BadOrder::new("what opens Meta is ordered at /_sim/tokens"));
        }
        Provider::Gateway(Gateway::Fonnte) => DEMO_DEVICE,
        Provider::Gateway(Gateway::Notifapi) => DEMO_NUMBER,
        Provider::Gateway(Gateway::Mock) => MOCK_SENDER,
    };
    let sender = order.sender.as_deref().unwrap_or(usual);
    let is_name = !sender.is_empty() && sender.bytes().all(|it| it.is_ascii_alphanumeric());
    if !is_name {
        return Err(BadOrder::new("sender must be digits, such as 15550002000"));
    }
    Ok(sender.to_owned())
}

async fn revoke_key(
    State(simulator): State<Arc<Simulator>>,
    Path(key): Path<String>,
) -> Result<Json<Value>, BadOrder> {
    simulator.change(|assets| {
        let key = assets.key(&TokenHash::of(&key));
        let key = key.ok_or_else(|| BadOrder::not_found("there is no such key"))?;
        let revoked = Key {
            revoked: true,
            ..(*key).clone()
        };
        Ok::<_, BadOrder>((Change::of_key(revoked, None), ()))
    })?;
    Ok(Json(json!({"success": true})))
}

async fn devices(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    let devices = locked(&simulator.assets).devices();
    let shown = devices.iter().map(|it| shown(it));
    Json(json!({"data": shown.collect::<Vec<_>>()}))
}

async fn put_device(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Response, BadOrder> {
    let order: DeviceOrder = read(&body)?;
    let device = change_device(&simulator, order).await?;
    Ok(created(shown(&device)))
}

/// Changes a device, and tells whoever it calls if it was connected or lost by that.
pub(in crate::simulator) async fn change_device(
    simulator: &Simulator,
    order: DeviceOrder,
) -> Result<Device, BadOrder> {
    super::assets::check_id("device", &order.device)?;
    let urls = [&order.webhook, &order.webhookstatus, &order.webhookconnect];
    if !urls.into_iter().flatten().all(|url| is_callable(url)) {
        return Err(BadOrder::new(
            "a webhook must be a URL of a loopback address",
        ));
    }
    let (device, turned) = simulator.change(|assets| {
        let known = assets.device(&order.device);
        let new = || Device::new(&order.device, Origin::Added);
        let before = known.map_or_else(new, |known| (*known).clone());
        let after = changed(before.clone(), order);
        let turned = before.connected != after.connected;
        Ok::<_, BadOrder>((Change::of_device(after.clone()), (after, turned)))
    })?;
    if turned {
        gateways::announce(simulator, &device).await;
    }
    Ok(device)
}

fn changed(before: Device, order: DeviceOrder) -> Device {
    Device {
        name: order.name.unwrap_or(before.name),
        webhook: order.webhook.map(Address::new).or(before.webhook),
        webhookstatus: order
            .webhookstatus
            .map(Address::new)
            .or(before.webhookstatus),
        webhookconnect: order
            .webhookconnect
            .map(Address::new)
            .or(before.webhookconnect),
        connected: order.connected.unwrap_or(before.connected),
        ..before
    }
}

fn shown(device: &Device) -> Value {
    let hidden = |address: &Option<Address>| address.as_ref().map(|_| "…");
    json!({
        "device": device.number,
        "name": device.name,
        "webhook": hidden(&device.webhook),
        "webhookstatus": hidden(&device.webhookstatus),
        "webhookconnect": hidden(&device.webhookconnect),
        "connected": device.connected,
    })
}
