//! Numbers under `/_sim`: what Meta decides of them, and the codes it sends to them.

use super::assets::{check_id, created};
use super::{BadOrder, read};
use crate::simulator::assets::{Assets, Change, NameStatus, Number, NumberStatus, Quality, Tier};
use crate::simulator::state::{State as Simulator, locked};
use crate::simulator::updates;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The routes for numbers.
pub(super) fn router() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/_sim/numbers", post(put_number))
        .route("/_sim/codes", get(codes))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NumberOrder {
    phone_number_id: String,
    display_phone_number: Option<String>,
    waba_id: Option<String>,
    messages_per_second: Option<u32>,
    verified: Option<bool>,
    registered: Option<bool>,
    quality_rating: Option<Quality>,
    name_status: Option<NameStatus>,
    status: Option<NumberStatus>,
    messaging_limit: Option<Tier>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeSearch {
    phone_number_id: Option<String>,
}

/// Adds a number, or changes what is named of it; Meta's webhooks about that are posted before the answer.
async fn put_number(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Response, BadOrder> {
    let order: NumberOrder = read(&body)?;
    check_id("phone_number_id", &order.phone_number_id)?;
    let (before, after) = simulator.change(|assets| {
        let before = assets.number(&order.phone_number_id);
        let after = changed(assets, before.as_deref(), &order)?;
        let outcome = (before, after.clone());
        Ok::<_, BadOrder>((Change::of_number(after), outcome))
    })?;
    let webhooks = match before {
        Some(before) => updates::send(&simulator, &before, &after).await,
        None => Vec::new(),
    };
    Ok(created(json!({
        "phone_number_id": after.phone_number_id,
        "display_phone_number": after.display_phone_number,
        "waba_id": after.waba_id,
        "messages_per_second": after.messages_per_second,
        "verified": after.verification.verified,
        "registered": after.registration.registered,
        "quality_rating": after.quality_rating,
        "name_status": after.name_status,
        "status": after.status,
        "messaging_limit": after.messaging_limit,
        "webhooks": webhooks,
    })))
}

fn changed(
    assets: &Assets,
    known: Option<&Number>,
    order: &NumberOrder,
) -> Result<Number, BadOrder> {
    let mut number = match known {
        Some(known) => known.clone(),
        None => new(order)?,
    };
    if let Some(waba_id) = &order.waba_id {
        number.waba_id.clone_from(waba_id);
    }
    if assets.waba(&number.waba_id).is_none() {
        let reason = format!("there is no WABA {}", number.waba_id);
        return Err(BadOrder::new(reason));
    }
    if let Some(display) = &order.display_phone_number {
        let digits = display.strip_prefix('+');
        let digits = digits.filter(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()));
        if digits.is_none() {
            let reason = "display_phone_number must look like +15550001000";
            return Err(BadOrder::new(reason));
        }
        number.display_phone_number.clone_from(display);
    }
    decide(&mut number, order);
    Ok(number)
}

fn new(order: &NumberOrder) -> Result<Number, BadOrder> {
    match (&order.display_phone_number, &order.waba_id) {
        (Some(display), Some(waba_id)) => Ok(Number::new(&order.phone_number_id, display, waba_id)),
        _ => Err(BadOrder::new(
            "a number that is not known yet needs display_phone_number and waba_id",
        )),
    }
}

fn decide(number: &mut Number, order: &NumberOrder) {
    if let Some(registered) = order.registered {
        number.registration.registered = registered;
        number.status = if registered {
            NumberStatus::Connected
        } else {
            NumberStatus::Disconnected
        };
    }
    set(&mut number.verification.verified, order.verified);
    set(&mut number.messages_per_second, order.messages_per_second);
    set(&mut number.quality_rating, order.quality_rating);
    set(&mut number.name_status, order.name_status);
    set(&mut number.status, order.status);
    set(&mut number.messaging_limit, order.messaging_limit);
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// The codes that were sent and not used, as the people who own the numbers would get them.
async fn codes(
    State(simulator): State<Arc<Simulator>>,
    search: Result<Query<CodeSearch>, QueryRejection>,
) -> Result<Json<Value>, BadOrder> {
    let Query(search) = search.map_err(|error| BadOrder::new(error.body_text()))?;
    let mut numbers = locked(&simulator.assets).numbers();
    if let Some(id) = &search.phone_number_id {
        numbers.retain(|number| number.phone_number_id == *id);
    }
    let codes = numbers.iter().filter_map(|it| shown_code(it));
    Ok(Json(json!({"data": codes.collect::<Vec<_>>()})))
}

fn shown_code(number: &Number) -> Option<Value> {
    let code = number.verification.code.as_ref()?;
    let sent_at = Timestamp::from_millisecond(code.sent_ms).ok()?;
    Some(json!({
        "phone_number_id": number.phone_number_id,
        "display_phone_number": number.display_phone_number,
        "code": code.digits,
        "code_method": code.method,
        "language": code.language,
        "sent_at": format!("{sent_at:.3}"),
    }))
}
