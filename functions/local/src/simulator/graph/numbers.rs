//! The node of a number: what it shows, its PIN, and where its webhooks go.

use super::fields::only_fields;
use super::incoming::{Incoming, Params};
use super::subscriptions::verified_url;
use super::wabas::entities;
use crate::simulator::access::NumberCall;
use crate::simulator::assets::{Change, Number, Scope, Subscription};
use crate::simulator::graph_error::GraphError;
use crate::simulator::state::locked;
use axum::Json;
use serde_json::{Map, Value, json};

/// Fields of a number that are never set here.
const NEVER_SET: [&str; 11] = [
    "certificate",
    "conversational_automation",
    "eligibility_for_api_business_global_search",
    "is_preverified_number",
    "last_onboarded_time",
    "new_certificate",
    "new_display_name",
    "new_name_status",
    "official_business_account",
    "search_visibility",
    "username",
];

/// The node of a number.
pub(super) fn node(call: &Incoming) -> Result<Value, GraphError> {
    let NumberCall { token, number } = call.request().number(&call.id, &Scope::ALL)?;
    shown(call, &number, &token.app_id, call.fields().as_deref())
}

/// A number as its node and the list of its WABA show it to an app.
pub(super) fn shown(
    call: &Incoming,
    number: &Number,
    app_id: &str,
    fields: Option<&str>,
) -> Result<Value, GraphError> {
    let level = match number.messages_per_second {
        0..=80 => "STANDARD",
        _ => "HIGH",
    };
    let verification = if number.verification.verified {
        "VERIFIED"
    } else {
        "NOT_VERIFIED"
    };
    let node = json!({
        "id": number.phone_number_id,
        "display_phone_number": number.display_phone_number,
        "verified_name": number.verified_name,
        "quality_rating": number.quality_rating,
        "status": number.status,
        "name_status": number.name_status,
        "code_verification_status": verification,
        "platform_type": "CLOUD_API",
        "host_platform": "CLOUD_API",
        "throughput": {"level": level},
        "whatsapp_business_manager_messaging_limit": number.messaging_limit,
        "messaging_limit_tier": number.messaging_limit,
        "is_pin_enabled": number.registration.has_pin(),
        "is_official_business_account": false,
        "is_on_biz_app": false,
        "account_mode": "LIVE",
        "health_status": health(call, number),
        "webhook_configuration": webhook_configuration(call, number, app_id),
    });
    only_fields(node, fields, &NEVER_SET)
}

fn health(call: &Incoming, number: &Number) -> Value {
    let mut own = json!({"entity_type": "PHONE_NUMBER", "id": number.phone_number_id});
    let can_send = if number.registration.registered {
        "AVAILABLE"
    } else {
        let error = json!({
            "error_code": 141_000,
            "error_description": "The phone number is not registered",
            "possible_solution": "Verify the phone number, then register it with a PIN",
        });
        set(&mut own, "errors", json!([error]));
        "BLOCKED"
    };
    set(&mut own, "can_send_message", can_send.into());
    let waba = locked(&call.simulator.assets).waba(&number.waba_id);
    let others = waba.map(|waba| entities(&waba)).unwrap_or_default();
    let entities: Vec<Value> = [own].into_iter().chain(others).collect();
    json!({"can_send_message": can_send, "entities": entities})
}

/// The URLs an app has given for the number, for its WABA and for itself, as far as there are any.
fn webhook_configuration(call: &Incoming, number: &Number, app_id: &str) -> Value {
    let assets = locked(&call.simulator.assets);
    let waba = assets.waba(&number.waba_id);
    let of_number = number.callback.clone().filter(|it| it.app_id == app_id);
    let of_waba = waba.and_then(|waba| waba.subscription(app_id).cloned());
    let url = |it: Option<Subscription>| it.and_then(|it| it.override_callback_uri);
    let levels = [
        ("phone_number", url(of_number)),
        ("whatsapp_business_account", url(of_waba)),
        (
            "application",
            assets
                .webhook_of(app_id, Some(number))
                .map(|it| it.callback_url),
        ),
    ];
    let given = levels
        .into_iter()
        .filter_map(|(level, url)| Some((level.to_owned(), url?.into())));
    Value::Object(given.collect())
}

fn set(value: &mut Value, name: &str, field: Value) {
    if let Some(object) = value.as_object_mut() {
        object.insert(name.to_owned(), field);
    }
}

/// `POST /{phone}`: sets the PIN, or where the webhooks of the number go.
pub(super) async fn update(call: &Incoming) -> Result<Json<Value>, GraphError> {
    let NumberCall { token, .. } = call.request().number(&call.id, &[Scope::Management])?;
    let params = call.params()?;
    let pin = params.text("pin");
    if let Some(pin) = &pin {
        check_pin(pin)?;
    }
    let configuration = params.object("webhook_configuration");
    if pin.is_none() && configuration.is_none() {
        let message = "Give pin or webhook_configuration: this simulator changes nothing else";
        return Err(GraphError::parameter(message));
    }
    let callback = match configuration {
        None => None,
        Some(configuration) => Some(callback(call, &token.app_id, configuration).await?),
    };
    change(call, |number| {
        if let Some(pin) = &pin {
            number.set_pin(pin);
        }
        if let Some(callback) = callback {
            number.callback = callback;
        }
        Ok(())
    })?;
    Ok(success())
}

async fn callback(
    call: &Incoming,
    app_id: &str,
    configuration: Map<String, Value>,
) -> Result<Option<Subscription>, GraphError> {
    let url = verified_url(call, &Params::of(configuration)).await?;
    Ok(url.map(|url| Subscription {
        app_id: app_id.to_owned(),
        override_callback_uri: Some(url),
    }))
}

/// Checks that a PIN has six digits.
pub(super) fn check_pin(pin: &str) -> Result<(), GraphError> {
    if pin.len() == 6 && pin.bytes().all(|it| it.is_ascii_digit()) {
        return Ok(());
    }
    Err(GraphError::parameter("Param pin must be 6 digits"))
}

/// Changes the number of a call as it is by now. The change is kept even where `apply` refuses: a try counts.
pub(super) fn change(
    call: &Incoming,
    apply: impl FnOnce(&mut Number) -> Result<(), GraphError>,
) -> Result<(), GraphError> {
    call.simulator.change(|assets| {
        let number = assets.number(&call.id);
        let number = number.ok_or_else(|| GraphError::unknown_object("post", &call.id))?;
        let mut number = (*number).clone();
        let outcome = apply(&mut number);
        Ok::<_, GraphError>((Change::of_number(number), outcome))
    })?
}

/// What Meta answers when there is nothing more to say.
pub(super) fn success() -> Json<Value> {
    Json(json!({"success": true}))
}
