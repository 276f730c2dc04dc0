//! `template`: an approved template's name, language and parameters.
//!
//! Whether the parameters fit the template is judged where the template is known. Meta's commerce payloads
//! (`action`, `order_status`) are only checked for being objects, and for how many products they hold: Meta documents no
//! other limits within.

use super::{CARDS, ENTRIES, Fields, UNLIMITED, link, location, media, sections};
use crate::domain::fault::FaultCode;
use serde_json::Value;

const NAME: usize = 512;
const HEADER_TEXT: usize = 60;
const BODY_TEXT: usize = 32_768;
const URL: usize = 2000;
const COUPON_CODE: usize = 15;
/// Source: Meta, "Authentication templates": a code has 15 characters at most.
const ONE_TIME_CODE: usize = 15;
/// A template has at most 10 buttons, counted from 0.
const LAST_BUTTON: u64 = 9;
/// And at most [`CARDS`] cards, counted likewise.
const LAST_CARD: u64 = CARDS as u64 - 1;

pub(super) fn check(message: &mut Fields<'_>) {
    let Some(mut template) = message.required_object("template") else {
        return;
    };
    template.required_text("name", 1..=NAME);
    if let Some(mut language) = template.required_object("language") {
        language.required_text("code", 1..=UNLIMITED);
        language.choice("policy", &["deterministic"]);
        language.finish();
    }
    check_components(&mut template);
    template.finish();
}

/// Whether the template brings a one-time code. Nothing but an authentication template takes the same short text as the
/// one parameter of its body and as that of its URL button, whichever of Meta's buttons for codes it has.
pub(super) fn brings_code(template: &Value) -> bool {
    let code = |kind, sub_type| sole_text(template, kind, sub_type);
    match (code("body", None), code("button", Some("url"))) {
        (Some(body), Some(button)) => body == button && body.chars().count() <= ONE_TIME_CODE,
        _ => false,
    }
}

/// The text of the only parameter of the only component of this type.
fn sole_text<'a>(template: &'a Value, kind: &str, sub_type: Option<&str>) -> Option<&'a str> {
    let is = |value: &Value, name: &str, expected: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.is_some_and(|text| text.eq_ignore_ascii_case(expected))
    };
    let components = template.get("components")?.as_array()?;
    let mut found = components.iter().filter(|it| is(it, "type", kind));
    let component = found.next().filter(|_| found.next().is_none())?;
    if sub_type.is_some_and(|sub_type| !is(component, "sub_type", sub_type)) {
        return None;
    }
    match component.get("parameters")?.as_array()?.as_slice() {
        [only] => only.get("text")?.as_str(),
        _ => None,
    }
}

fn check_components(parent: &mut Fields<'_>) {
    let mut seen = Vec::new();
    for component in parent.objects("components", 0..=ENTRIES) {
        check_component(component, &mut seen);
    }
}

/// Meta reads the names of components, buttons and parameters in either case. But for buttons, which have places, a template
/// has one of each kind.
fn check_component(mut component: Fields<'_>, seen: &mut Vec<String>) {
    let Some(kind) = lower_case(&mut component, "type") else {
        return;
    };
    if kind != "button" && seen.contains(&kind) {
        component.fault("type", FaultCode::NotAllowed, "stands there already");
    }
    match kind.as_str() {
        "header" => check_parameters(&mut component, HEADER_TEXT),
        "button" => check_button(&mut component),
        "carousel" => check_cards(&mut component),
        "body" | "limited_time_offer" | "tap_target_configuration" | "order_status" => {
            check_parameters(&mut component, BODY_TEXT);
        }
        _ => {
            let detail = "must be one of: header, body, button, carousel, limited_time_offer, \
                          tap_target_configuration, order_status";
            component.fault("type", FaultCode::Invalid, detail);
            return;
        }
    }
    seen.push(kind);
    component.finish();
}

fn check_cards(carousel: &mut Fields<'_>) {
    for mut card in carousel.required_objects("cards", 1..=CARDS) {
        check_index(&mut card, "card_index", LAST_CARD);
        check_components(&mut card);
        card.finish();
    }
}

fn check_button(button: &mut Fields<'_>) {
    let sub_type = lower_case(button, "sub_type");
    // The one button that a template can hold only once has no index in Meta's own examples.
    if button.value("index").is_some() || sub_type.as_deref() != Some("voice_call") {
        check_index(button, "index", LAST_BUTTON);
    }
    let longest = match sub_type.as_deref() {
        Some("url") => URL,
        _ => BODY_TEXT,
    };
    check_parameters(button, longest);
}

/// A place counted from 0, as a number or as a text that holds one.
fn check_index(object: &mut Fields<'_>, name: &'static str, last: u64) {
    let Some(value) = object.required(name) else {
        return;
    };
    let index = match value {
        Value::String(text) if object.awaits_filling(text) => return,
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    match index {
        None => object.fault(name, FaultCode::WrongType, "must be a number, from 0"),
        Some(index) if index > last => {
            let detail = format!("must be between 0 and {last}");
            object.fault(name, FaultCode::OutOfRange, detail);
        }
        Some(_) => {}
    }
}

fn check_parameters(component: &mut Fields<'_>, longest: usize) {
    for parameter in component.objects("parameters", 0..=ENTRIES) {
        check_parameter(parameter, longest);
    }
}

fn check_parameter(mut parameter: Fields<'_>, longest: usize) {
    let Some(kind) = lower_case(&mut parameter, "type") else {
        return;
    };
    parameter.text("parameter_name", 1..=UNLIMITED);
    match kind.as_str() {
        "text" => check_text(&mut parameter, longest),
        "payload" => {
            parameter.required_text("payload", 1..=UNLIMITED);
        }
        "coupon_code" => {
            parameter.required_text("coupon_code", 1..=COUPON_CODE);
        }
        "currency" => check_currency(&mut parameter),
        "date_time" => check_date_time(&mut parameter),
        "image" => media::check_plain(&mut parameter, "image"),
        "video" => media::check_plain(&mut parameter, "video"),
        "document" => media::check_plain(&mut parameter, "document"),
        "location" => location::check(&mut parameter),
        "product" => check_product(&mut parameter),
        "action" => {
            if let Some(mut action) = parameter.required_object("action") {
                sections::check_products(&mut action);
            }
        }
        "order_status" => {
            parameter.required_object("order_status");
        }
        "limited_time_offer" => check_offer(&mut parameter),
        "tap_target_configuration" => check_tap_targets(&mut parameter),
        "ttl_minutes" => {
            parameter.required("ttl_minutes");
            parameter.number("ttl_minutes", 0.0..=f64::MAX);
        }
        // Meta adds types with each new kind of button; one that we do not know is Meta's to judge.
        _ => return,
    }
    parameter.finish();
}

/// In Meta's own examples a quick reply's text is also true or false.
fn check_text(parameter: &mut Fields<'_>, longest: usize) {
    if !matches!(parameter.value("text"), Some(Value::Bool(_))) {
        parameter.required_text("text", 1..=longest);
    }
}

fn check_currency(parameter: &mut Fields<'_>) {
    let Some(mut currency) = parameter.required_object("currency") else {
        return;
    };
    currency.required_text("fallback_value", 1..=UNLIMITED);
    currency.required_text("code", 3..=3);
    let amount = currency.required("amount_1000");
    if amount.is_some_and(|amount| !amount.is_i64()) {
        let detail = "must be a whole number: the amount times 1000";
        currency.fault("amount_1000", FaultCode::WrongType, detail);
    }
    currency.finish();
}

/// Meta always shows the fallback; the rest is from an older API and is not looked at.
fn check_date_time(parameter: &mut Fields<'_>) {
    if let Some(mut date_time) = parameter.required_object("date_time") {
        date_time.required_text("fallback_value", 1..=UNLIMITED);
    }
}

fn check_product(parameter: &mut Fields<'_>) {
    if let Some(mut product) = parameter.required_object("product") {
        product.required_text("product_retailer_id", 1..=UNLIMITED);
        product.text("catalog_id", 1..=UNLIMITED);
        product.finish();
    }
}

fn check_offer(parameter: &mut Fields<'_>) {
    if let Some(mut offer) = parameter.required_object("limited_time_offer") {
        offer.required("expiration_time_ms");
        offer.number("expiration_time_ms", 0.0..=f64::MAX);
        offer.finish();
    }
}

fn check_tap_targets(parameter: &mut Fields<'_>) {
    for mut target in parameter.required_objects("tap_target_configuration", 1..=ENTRIES) {
        target.required_parsed("url", link::check);
        target.required_text("title", 1..=UNLIMITED);
        target.finish();
    }
}

fn lower_case(fields: &mut Fields<'_>, name: &'static str) -> Option<String> {
    let text = fields.required_text(name, 1..=UNLIMITED)?;
    Some(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
