//! `/{phone}/request_code`, `verify_code`, `register`, `deregister`: what makes a number fit for sending.

use super::incoming::Incoming;
use super::numbers::{change, check_pin, success};
use crate::simulator::assets::{CodeRefusal, Method, Refusal, Scope};
use crate::simulator::graph_error::GraphError;
use crate::simulator::state::now_ms;
use axum::Json;
use serde_json::{Value, json};
use uuid::Uuid;

const MANAGEMENT: [Scope; 1] = [Scope::Management];
const REGIONS: [&str; 14] = [
    "AE", "AU", "BH", "BR", "CA", "CH", "DE", "GB", "ID", "IN", "JP", "KR", "SG", "ZA",
];

/// `POST /{phone}/request_code`. The code stands in the control surface.
pub(super) async fn request_code(call: Incoming) -> Result<Json<Value>, GraphError> {
    call.request().number(&call.id, &MANAGEMENT)?;
    let params = call.params()?;
    let method = match params.required("code_method")?.as_str() {
        "SMS" => Method::Sms,
        "VOICE" => Method::Voice,
        _ => {
            return Err(GraphError::parameter(
                "Param code_method must be one of {SMS, VOICE}",
            ));
        }
    };
    let language = params.required("language")?;
    check_language(&language)?;
    let code = format!("{:06}", Uuid::new_v4().as_u128() % 1_000_000);
    change(&call, |number| {
        let sent = number.request_code(code, method, &language, now_ms());
        sent.map_err(not_sent)
    })?;
    Ok(success())
}

/// `en` or `en_US`.
fn check_language(language: &str) -> Result<(), GraphError> {
    let (language, country) = language.split_once('_').unwrap_or((language, "US"));
    let is_language = (2..=3).contains(&language.len());
    if is_language
        && language.bytes().all(|it| it.is_ascii_lowercase())
        && country.len() == 2
        && country.bytes().all(|it| it.is_ascii_uppercase())
    {
        return Ok(());
    }
    let message = "Param language must be a language and a country, such as en_US";
    Err(GraphError::parameter(message))
}

fn not_sent(refusal: CodeRefusal) -> GraphError {
    match refusal {
        CodeRefusal::TooManyRequests => {
            let reason = "Too many codes were requested for this number. Try again later.";
            GraphError::request_code(Some(2_388_367), reason)
        }
        CodeRefusal::AlreadyVerified
        | CodeRefusal::NoCode
        | CodeRefusal::WrongCode
        | CodeRefusal::TooManyGuesses => {
            GraphError::request_code(None, "This number is verified already.")
        }
    }
}

/// `POST /{phone}/verify_code`.
pub(super) async fn verify_code(call: Incoming) -> Result<Json<Value>, GraphError> {
    call.request().number(&call.id, &MANAGEMENT)?;
    // Meta lets people type the dash it prints in the middle.
    let code = call.params()?.required("code")?.replace('-', "");
    change(&call, |number| {
        number.verify_code(&code, now_ms()).map_err(not_taken)
    })?;
    Ok(Json(json!({"success": true, "id": call.id})))
}

fn not_taken(refusal: CodeRefusal) -> GraphError {
    GraphError::verify_code(match refusal {
        CodeRefusal::AlreadyVerified => "This number is verified already.",
        CodeRefusal::NoCode => "No code was sent in the last ten minutes. Request one.",
        CodeRefusal::WrongCode => "The code is not the one that was sent.",
        CodeRefusal::TooManyGuesses | CodeRefusal::TooManyRequests => {
            "Too many wrong codes. Request another one."
        }
    })
}

/// `POST /{phone}/register`.
pub(super) async fn register(call: Incoming) -> Result<Json<Value>, GraphError> {
    call.request().number(&call.id, &MANAGEMENT)?;
    let params = call.params()?;
    params.check_product()?;
    let pin = params.required("pin")?;
    check_pin(&pin)?;
    let region = params.text("data_localization_region");
    if region.as_deref().is_some_and(|it| !REGIONS.contains(&it)) {
        return Err(GraphError::parameter(&format!(
            "Param data_localization_region must be one of {}",
            REGIONS.join(", ")
        )));
    }
    change(&call, |number| {
        number
            .register(&pin, region, now_ms())
            .map_err(not_registered)
    })?;
    Ok(success())
}

/// `POST /{phone}/deregister`.
pub(super) async fn deregister(call: Incoming) -> Result<Json<Value>, GraphError> {
    call.request().number(&call.id, &MANAGEMENT)?;
    change(&call, |number| {
        number.deregister(now_ms()).map_err(not_registered)
    })?;
    Ok(success())
}

fn not_registered(refusal: Refusal) -> GraphError {
    match refusal {
        Refusal::TooManyAttempts => GraphError::of_code(133_016),
        Refusal::NotVerified => GraphError::of_code(133_006),
        Refusal::WrongPin => GraphError::of_code(133_005),
        Refusal::NotRegistered => GraphError::parameter_of(
            2_207_051,
            "Phone number not registered on the WhatsApp Business Platform.",
        ),
    }
}
