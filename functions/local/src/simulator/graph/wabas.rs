//! The node of a WABA, its numbers and its templates.

use super::fields::only_fields;
use super::incoming::Incoming;
use super::numbers;
use crate::simulator::access::WabaCall;
use crate::simulator::assets::{Assets, Change, Number, Waba};
use crate::simulator::graph_error::GraphError;
use crate::simulator::recipient::digits;
use crate::simulator::record::fingerprint;
use crate::simulator::state::locked;
use axum::Json;
use axum::http::header::HOST;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use serde_json::{Value, json};
use std::sync::Arc;

const DEFAULT_LIMIT: usize = 25;
const HIGHEST_LIMIT: usize = 100;

/// Fields of a WABA that are never set here.
const NEVER_SET: [&str; 12] = [
    "analytics",
    "audiences",
    "auth_international_rate_eligibility",
    "conversation_analytics",
    "dcc_config",
    "is_enabled_for_insights",
    "message_templates",
    "phone_numbers",
    "pricing_analytics",
    "purchase_order_number",
    "schedules",
    "subscribed_apps",
];

/// The node of a WABA.
pub(super) fn node(call: &Incoming) -> Result<Value, GraphError> {
    let waba = call.request().waba(&call.id)?.waba;
    let owner = json!({"id": waba.portfolio.id, "name": waba.portfolio.name});
    let node = json!({
        "id": waba.waba_id,
        "name": waba.name,
        "currency": waba.currency,
        "timezone_id": waba.timezone_id,
        "message_template_namespace": waba.template_namespace(),
        "account_review_status": "APPROVED",
        "business_verification_status": "VERIFIED",
        "country": "US",
        "ownership_type": "SELF_OWNED",
        "owner_business_info": owner,
        "on_behalf_of_business_info": owner,
        "primary_business_location": "US",
        "health_status": health(&waba),
    });
    only_fields(node, call.fields().as_deref(), &NEVER_SET)
}

fn health(waba: &Waba) -> Value {
    json!({"can_send_message": "AVAILABLE", "entities": entities(waba)})
}

/// The health of a WABA and of whom it belongs to: here always good.
pub(super) fn entities(waba: &Waba) -> Vec<Value> {
    let good = |kind: &str, id: &str| json!({"entity_type": kind, "id": id, "can_send_message": "AVAILABLE"});
    vec![
        good("WABA", &waba.waba_id),
        good("BUSINESS", &waba.portfolio.id),
        good("APP", &waba.app_id),
    ]
}

/// `GET /{waba}/phone_numbers`.
pub(super) async fn phone_numbers(call: Incoming) -> Result<Json<Value>, GraphError> {
    let WabaCall { token, waba } = call.request().waba(&call.id)?;
    let numbers = locked(&call.simulator.assets).numbers_of(&waba.waba_id);
    let page = Page::cut(&call, numbers)?;
    let fields = call.fields();
    let mut nodes = Vec::new();
    for number in &page.numbers {
        nodes.push(numbers::shown(
            &call,
            number,
            &token.app_id,
            fields.as_deref(),
        )?);
    }
    let mut answer = json!({"data": nodes});
    if let (Some(object), Some(paging)) = (answer.as_object_mut(), page.paging(&call)) {
        object.insert("paging".to_owned(), paging);
    }
    Ok(Json(answer))
}

/// Some of a WABA's numbers, and whether others follow.
struct Page {
    numbers: Vec<Arc<Number>>,
    others_follow: bool,
}

impl Page {
    /// Cuts the page a call asks for out of all numbers, which are in order of their ids.
    fn cut(call: &Incoming, mut numbers: Vec<Arc<Number>>) -> Result<Self, GraphError> {
        let limit = limit(call)?;
        if let Some(before) = cursor(call, "before")? {
            numbers.retain(|it| it.phone_number_id < before);
            let first = numbers.len().saturating_sub(limit);
            return Ok(Self {
                numbers: numbers.split_off(first),
                others_follow: true,
            });
        }
        if let Some(after) = cursor(call, "after")? {
            numbers.retain(|it| it.phone_number_id > after);
        }
        let others_follow = numbers.len() > limit;
        numbers.truncate(limit);
        Ok(Self {
            numbers,
            others_follow,
        })
    }

    fn paging(&self, call: &Incoming) -> Option<Value> {
        let of = |number: &Arc<Number>| URL_SAFE_NO_PAD.encode(&number.phone_number_id);
        let (before, after) = (self.numbers.first().map(of)?, self.numbers.last().map(of)?);
        let mut paging = json!({"cursors": {"before": before, "after": after}});
        if self.others_follow {
            let next = next_url(call, &after)?;
            paging
                .as_object_mut()?
                .insert("next".to_owned(), next.into());
        }
        Some(paging)
    }
}

fn limit(call: &Incoming) -> Result<usize, GraphError> {
    let Some(limit) = call.query("limit") else {
        return Ok(DEFAULT_LIMIT);
    };
    let limit = limit.parse().ok().filter(|&it| it > 0);
    let limit: Option<usize> = limit.map(|it: usize| it.min(HIGHEST_LIMIT));
    limit.ok_or_else(|| GraphError::parameter("Param limit must be a positive integer"))
}

fn cursor(call: &Incoming, name: &str) -> Result<Option<String>, GraphError> {
    let Some(cursor) = call.query(name).filter(|cursor| !cursor.is_empty()) else {
        return Ok(None);
    };
    let id = URL_SAFE_NO_PAD.decode(cursor).ok();
    let id = id.and_then(|bytes| String::from_utf8(bytes).ok());
    let bad = || GraphError::parameter(&format!("Param {name} is not a cursor"));
    id.ok_or_else(bad).map(Some)
}

/// The call for the next page, without its token: that belongs into the header.
fn next_url(call: &Incoming, after: &str) -> Option<String> {
    let host = call.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or("localhost");
    let mut url = Url::parse(&format!("http://{host}{}", call.uri.path())).ok()?;
    for name in ["limit", "fields"] {
        if let Some(value) = call.query(name) {
            url.query_pairs_mut().append_pair(name, &value);
        }
    }
    url.query_pairs_mut().append_pair("after", after);
    Some(url.into())
}

/// `POST /{waba}/phone_numbers`: a new number, neither verified nor registered.
pub(super) async fn add_phone_number(call: Incoming) -> Result<Json<Value>, GraphError> {
    let waba = call.request().waba(&call.id)?.waba;
    let params = call.params()?;
    let display = display_number(&params.required("phone_number")?, params.text("cc"))?;
    let verified_name = params.required("verified_name")?;
    if !(2..=75).contains(&verified_name.chars().count()) {
        let message = "Param verified_name must be 2 to 75 characters long";
        return Err(GraphError::parameter(message));
    }
    let id = call.simulator.change(|assets| {
        check_new(assets, &display)?;
        let id = free_id(assets, &display);
        let number = Number {
            verified_name,
            ..Number::new(&id, &display, &waba.waba_id)
        };
        Ok::<_, GraphError>((Change::of_number(number), id))
    })?;
    Ok(Json(json!({"id": id})))
}

/// The number as `+E.164`. It may be given with its country code or without.
fn display_number(number: &str, country: Option<String>) -> Result<String, GraphError> {
    let (number, country) = (digits(number), digits(&country.unwrap_or_default()));
    let whole = if number.starts_with(&country) {
        number
    } else {
        format!("{country}{number}")
    };
    if (7..=15).contains(&whole.len()) && !whole.starts_with('0') {
        return Ok(format!("+{whole}"));
    }
    Err(GraphError::parameter(
        "Param phone_number must be a phone number, with its country code in it or in cc",
    ))
}

fn check_new(assets: &Assets, display: &str) -> Result<(), GraphError> {
    let mut numbers = assets.numbers().into_iter();
    if numbers.any(|number| number.display_phone_number == display) {
        let message = "The phone number is in use with a WhatsApp Business Account already";
        return Err(GraphError::parameter(message));
    }
    Ok(())
}

/// An id of fifteen digits, as those of the numbers that are always known, made of the number.
fn free_id(assets: &Assets, display: &str) -> String {
    let mut seed = fingerprint(display);
    loop {
        let id = format!("1{:014}", seed % 100_000_000_000_000);
        if assets.number(&id).is_none() {
            return id;
        }
        seed = seed.wrapping_add(1);
    }
}

/// `GET /{waba}/message_templates`.
pub(super) async fn templates(call: Incoming) -> Result<Json<Value>, GraphError> {
    call.request().waba(&call.id)?;
    let name = call.query("name").unwrap_or_default();
    Ok(Json(
        locked(&call.simulator.templates).list(&call.id, &name),
    ))
}
