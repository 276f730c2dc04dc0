//! `/{phone}/whatsapp_business_profile` and `/{phone}/settings`.

use super::fields::only_fields;
use super::incoming::Incoming;
use super::numbers::{change, success};
use crate::simulator::assets::Scope;
use crate::simulator::graph_error::GraphError;
use axum::Json;
use serde_json::{Value, json};

const MANAGEMENT: [Scope; 1] = [Scope::Management];
const PROFILE_FIELDS: [&str; 8] = [
    "about",
    "address",
    "description",
    "email",
    "messaging_product",
    "profile_picture_url",
    "websites",
    "vertical",
];
const SETTINGS: [&str; 4] = [
    "calling",
    "payload_encryption",
    "storage_configuration",
    "user_identity_change",
];

/// `GET /{phone}/whatsapp_business_profile`.
pub(super) async fn show(call: Incoming) -> Result<Json<Value>, GraphError> {
    let number = call.request().number(&call.id, &Scope::ALL)?.number;
    // Meta tells the product whatever is asked for.
    let fields = call.fields().map(|it| format!("{it},messaging_product"));
    let profile = number.profile.shown();
    let profile = only_fields(profile, fields.as_deref(), &PROFILE_FIELDS)?;
    Ok(Json(json!({"data": [profile]})))
}

/// `POST /{phone}/whatsapp_business_profile`.
pub(super) async fn set(call: Incoming) -> Result<Json<Value>, GraphError> {
    call.request().number(&call.id, &MANAGEMENT)?;
    let params = call.params()?;
    params.check_product()?;
    let given = params.without_product();
    change(&call, |number| {
        let set = number.profile.set(&given);
        set.map_err(|reason| GraphError::parameter(&format!("Param {reason}")))
    })?;
    Ok(success())
}

/// `GET /{phone}/settings`: what was set, and what holds where nothing was.
pub(super) async fn show_settings(call: Incoming) -> Result<Json<Value>, GraphError> {
    let number = call.request().number(&call.id, &MANAGEMENT)?.number;
    let mut settings = json!({
        "calling": {"status": "DISABLED"},
        "payload_encryption": {"status": "DISABLED"},
        "storage_configuration": {"status": "DEFAULT"},
    });
    if let Some(object) = settings.as_object_mut() {
        object.extend(number.settings.clone());
    }
    Ok(Json(settings))
}

/// `POST /{phone}/settings`: keeps each object as it is given, in the place of the one before.
pub(super) async fn set_settings(call: Incoming) -> Result<Json<Value>, GraphError> {
    call.request().number(&call.id, &MANAGEMENT)?;
    let given = call.params()?.without_product();
    if given.is_empty() {
        return Err(GraphError::parameter(&format!(
            "Give one of {}",
            SETTINGS.join(", ")
        )));
    }
    for (name, value) in &given {
        if !SETTINGS.contains(&name.as_str()) || !value.is_object() {
            let message = format!("Param {name} is not a setting, or not an object");
            return Err(GraphError::parameter(&message));
        }
    }
    change(&call, |number| {
        number.settings.extend(given);
        Ok(())
    })?;
    Ok(success())
}
