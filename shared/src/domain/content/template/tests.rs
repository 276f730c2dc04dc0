//! Every limit of a template: at it passes, one beyond is told with its place.

#![expect(
    clippy::needless_pass_by_value,
    reason = "rows of a table read better by value"
)]

use super::brings_code;
use crate::domain::content::tests::{accepts, refuses};
use crate::domain::fault::FaultCode::{
    self, Invalid, NotAllowed, OutOfRange, Required, TooFew, TooLong, TooMany, TooShort,
    UnknownField, WrongType,
};
use serde_json::{Value, json};

fn with(component: Value) -> Value {
    json!({"name": "offer", "language": {"code": "en"}, "components": [component]})
}

fn refuses_component(component: Value, within: &str, code: FaultCode) {
    let pointer = format!("/template/components/0{within}");
    refuses("template", with(component), &pointer, code);
}

fn refuses_parameter(parameter: Value, within: &str, code: FaultCode) {
    let component = json!({"type": "body", "parameters": [parameter]});
    refuses_component(component, &format!("/parameters/0{within}"), code);
}

#[test]
fn a_template_has_one_header_and_one_body_and_buttons_by_their_places() {
    let two = |one: Value, other: Value| json!({"name": "offer", "language": {"code": "en"}, "components": [one, other]});
    let button = |index: u8| {
        json!({"type": "button", "sub_type": "url", "index": index,
            "parameters": [{"type": "text", "text": "x"}]})
    };
    accepts("template", two(button(0), button(1)));
    let text = json!([{"type": "text", "text": "x"}]);
    let body = |kind: &str| json!({"type": kind, "parameters": text.clone()});
    accepts("template", two(body("header"), body("body")));
    for kind in ["header", "body"] {
        let object = two(body(kind), body(&kind.to_uppercase()));
        refuses(
            "template",
            object,
            "/template/components/1/type",
            NotAllowed,
        );
    }
}

#[test]
fn a_template_has_a_name_and_a_language() {
    accepts(
        "template",
        json!({"name": "x".repeat(512), "language": {"code": "en_US", "policy": "deterministic"}}),
    );
    let named = |name: Value| json!({"name": name, "language": {"code": "en"}});
    let spoken = |language: Value| json!({"name": "x", "language": language});
    for (object, pointer, code) in [
        (named(json!("x".repeat(513))), "/template/name", TooLong),
        (named(json!("")), "/template/name", TooShort),
        (spoken(json!(null)), "/template/language", Required),
        (spoken(json!("en")), "/template/language", WrongType),
        (spoken(json!({})), "/template/language/code", Required),
        (
            spoken(json!({"code": "en", "policy": "fallback"})),
            "/template/language/policy",
            Invalid,
        ),
        (
            json!({"name": "x", "language": {"code": "en"}, "namespace": "y"}),
            "/template/namespace",
            UnknownField,
        ),
    ] {
        refuses("template", object, pointer, code);
    }
}

#[test]
fn a_header_s_text_holds_60_characters_and_a_url_button_s_2000() {
    let text = |length: usize| json!([{"type": "text", "text": "x".repeat(length)}]);
    let url = |length: usize| json!({"type": "button", "sub_type": "URL", "index": "9", "parameters": text(length)});
    accepts(
        "template",
        with(json!({"type": "HEADER", "parameters": text(60)})),
    );
    accepts("template", with(url(2000)));
    let header = json!({"type": "header", "parameters": text(61)});
    refuses_component(header, "/parameters/0/text", TooLong);
    refuses_component(url(2001), "/parameters/0/text", TooLong);
}

#[test]
fn a_button_says_which_one_it_is() {
    let button = |sub_type: Value, index: Value| json!({"type": "button", "sub_type": sub_type, "index": index});
    for index in [json!(0), json!(9), json!("0"), json!("9")] {
        accepts("template", with(button(json!("quick_reply"), index)));
    }
    accepts("template", with(button(json!("voice_call"), json!(null))));
    for (component, within, code) in [
        (button(json!(null), json!(0)), "/sub_type", Required),
        (button(json!("url"), json!(null)), "/index", Required),
        (button(json!("url"), json!(10)), "/index", OutOfRange),
        (button(json!("url"), json!("10")), "/index", OutOfRange),
        (button(json!("url"), json!("first")), "/index", WrongType),
        (button(json!("url"), json!(-1)), "/index", WrongType),
    ] {
        refuses_component(component, within, code);
    }
}

#[test]
fn a_component_is_one_that_meta_knows() {
    for (component, within, code) in [
        (json!({"parameters": []}), "/type", Required),
        (json!({"type": "bdy"}), "/type", Invalid),
        (json!({"type": "body", "text": "x"}), "/text", UnknownField),
        (
            json!({"type": "body", "parameters": {}}),
            "/parameters",
            WrongType,
        ),
        (json!({"type": "carousel", "cards": []}), "/cards", TooFew),
        (
            json!({"type": "carousel", "cards": [{}]}),
            "/cards/0/card_index",
            Required,
        ),
        (
            json!({"type": "carousel", "cards": [{"card_index": 10}]}),
            "/cards/0/card_index",
            OutOfRange,
        ),
        (
            json!({"type": "carousel", "cards": vec![json!({"card_index": 1}); 11]}),
            "/cards",
            TooMany,
        ),
        (
            json!({"type": "carousel", "cards": [{"card_index": 0, "components": [{"type": "x"}]}]}),
            "/cards/0/components/0/type",
            Invalid,
        ),
    ] {
        refuses_component(component, within, code);
    }
}

#[test]
fn every_kind_of_parameter_may_be_as_meta_writes_it() {
    let link = "https://example.com/a";
    for parameter in [
        json!({"type": "coupon_code", "coupon_code": "x".repeat(15)}),
        json!({"type": "text", "text": true, "parameter_name": "sure"}),
        json!({"type": "document", "document": {"link": link, "filename": "a.pdf"}}),
        json!({"type": "location", "location": {"latitude": "1", "longitude": 2}}),
        json!({"type": "order_status", "order_status": {"reference_id": "1"}}),
        json!({"type": "some_day", "some_day": {"deep": [1]}}),
    ] {
        accepts(
            "template",
            with(json!({"type": "body", "parameters": [parameter]})),
        );
    }
}

#[test]
fn every_parameter_of_a_text_is_checked() {
    for (parameter, within, code) in [
        (json!({"type": "text"}), "/text", Required),
        (json!({"type": "text", "text": ""}), "/text", TooShort),
        (json!({"type": "text", "text": 7}), "/text", WrongType),
        (
            json!({"type": "text", "text": "x", "name": "y"}),
            "/name",
            UnknownField,
        ),
        (json!({"type": "payload"}), "/payload", Required),
        (
            json!({"type": "coupon_code", "coupon_code": "x".repeat(16)}),
            "/coupon_code",
            TooLong,
        ),
        (
            json!({"type": "currency", "currency": {"code": "USD", "amount_1000": 1}}),
            "/currency/fallback_value",
            Required,
        ),
        (
            json!({"type": "currency", "currency": {"fallback_value": "1", "code": "US", "amount_1000": 1}}),
            "/currency/code",
            TooShort,
        ),
        (
            json!({"type": "currency", "currency": {"fallback_value": "1", "code": "USD", "amount_1000": 1.5}}),
            "/currency/amount_1000",
            WrongType,
        ),
        (
            json!({"type": "date_time", "date_time": {"year": 1977}}),
            "/date_time/fallback_value",
            Required,
        ),
    ] {
        refuses_parameter(parameter, within, code);
    }
}

#[test]
fn every_parameter_that_is_more_than_a_text_is_checked() {
    let link = "https://example.com/a";
    for (parameter, within, code) in [
        (
            json!({"type": "image", "image": {"link": "http(s)://the-image-url"}}),
            "/image/link",
            Invalid,
        ),
        (
            json!({"type": "video", "video": {"id": "1", "link": link}}),
            "/video/link",
            NotAllowed,
        ),
        (
            json!({"type": "image", "image": {"id": "1", "caption": "x"}}),
            "/image/caption",
            UnknownField,
        ),
        (
            json!({"type": "location", "location": {"latitude": 91, "longitude": 0}}),
            "/location/latitude",
            OutOfRange,
        ),
        (
            json!({"type": "product", "product": {"catalog_id": "1"}}),
            "/product/product_retailer_id",
            Required,
        ),
        (
            json!({"type": "action", "action": "x"}),
            "/action",
            WrongType,
        ),
        (
            json!({"type": "action", "action": {"sections": [{"product_items": vec![json!({}); 31]}]}}),
            "/action/sections/0/product_items",
            TooMany,
        ),
        (
            json!({"type": "ttl_minutes", "ttl_minutes": "x"}),
            "/ttl_minutes",
            WrongType,
        ),
        (
            json!({"type": "limited_time_offer", "limited_time_offer": {}}),
            "/limited_time_offer/expiration_time_ms",
            Required,
        ),
        (
            json!({"type": "tap_target_configuration", "tap_target_configuration": [{"url": "x", "title": "y"}]}),
            "/tap_target_configuration/0/url",
            Invalid,
        ),
    ] {
        refuses_parameter(parameter, within, code);
    }
}

#[test]
fn a_template_with_one_short_text_in_body_and_button_brings_a_one_time_code() {
    let sent = |body: &str, button: &str, sub_type: &str| {
        let text = |text: &str| json!([{"type": "text", "text": text}]);
        let button = json!({"type": "button", "sub_type": sub_type, "index": "0", "parameters": text(button)});
        let components = json!([{"type": "BODY", "parameters": text(body)}, button]);
        json!({"name": "any", "language": {"code": "en"}, "components": components})
    };
    let code = sent("J$FpnYnP", "J$FpnYnP", "url");
    assert!(brings_code(&code));
    for other in [
        sent("Pablo", "offers/12", "url"),
        sent("J$FpnYnP", "J$FpnYnP", "quick_reply"),
        sent("1234567890123456", "1234567890123456", "url"),
        json!({"name": "any", "language": {"code": "en"}}),
    ] {
        assert!(!brings_code(&other), "{other}");
    }
    let mut more = code;
    if let Some(Value::Array(components)) = more.get_mut("components") {
        components.extend_from_within(1..);
    }
    assert!(!brings_code(&more), "two buttons");
}
