//! Every limit of an interactive message: at it passes, one beyond is told with its place.

#![expect(
    clippy::needless_pass_by_value,
    reason = "rows of a table read better by value"
)]

use crate::domain::content::tests::{accepts, refuses};
use crate::domain::fault::FaultCode::{
    self, Duplicate, Invalid, Required, TooFew, TooLong, TooMany, TooShort, UnknownField, WrongType,
};
use serde_json::{Value, json};

fn buttons(buttons: &[(&str, &str)]) -> Value {
    let buttons: Vec<Value> = buttons
        .iter()
        .map(|(id, title)| json!({"type": "reply", "reply": {"id": id, "title": title}}))
        .collect();
    json!({"type": "button", "body": {"text": "Well?"}, "action": {"buttons": buttons}})
}

fn list(sections: Value) -> Value {
    let action = json!({"button": "Show", "sections": sections});
    json!({"type": "list", "body": {"text": "Which?"}, "action": action})
}

fn rows(from: usize, count: usize) -> Value {
    (from..from + count)
        .map(|row| json!({"id": row.to_string(), "title": "Row"}))
        .collect()
}

fn link() -> Value {
    let parameters = json!({"display_text": "See", "url": "https://example.com"});
    let action = json!({"name": "cta_url", "parameters": parameters});
    json!({"type": "cta_url", "body": {"text": "Look"}, "action": action})
}

/// `object` with `value` at `pointer`.
fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap_or_default();
    if let Some(parent) = object.pointer_mut(parent) {
        parent[field] = value;
    }
    object
}

fn at_most(object: &Value, within: &str, longest: usize) {
    let text = |length: usize| json!("x".repeat(length));
    accepts("interactive", with(object.clone(), within, text(longest)));
    let pointer = format!("/interactive{within}");
    let long = with(object.clone(), within, text(longest + 1));
    refuses("interactive", long, &pointer, TooLong);
    refuses(
        "interactive",
        with(object.clone(), within, json!("")),
        &pointer,
        TooShort,
    );
}

fn refuses_with(object: Value, within: &str, value: Value, code: FaultCode) {
    let pointer = format!("/interactive{within}");
    refuses("interactive", with(object, within, value), &pointer, code);
}

#[test]
fn every_text_has_its_limit() {
    let text = json!({"text": "x"});
    for (object, body) in [
        (buttons(&[("1", "Yes")]), 1024),
        (list(json!([{"title": "A", "rows": rows(0, 1)}])), 4096),
        (link(), 1024),
    ] {
        at_most(&object, "/body/text", body);
        at_most(
            &with(object.clone(), "/footer", text.clone()),
            "/footer/text",
            60,
        );
        let header = json!({"type": "text", "text": "x"});
        at_most(&with(object, "/header", header), "/header/text", 60);
    }
    let buttons = buttons(&[("1", "Yes")]);
    at_most(&buttons, "/action/buttons/0/reply/id", 256);
    at_most(&buttons, "/action/buttons/0/reply/title", 20);
    let list = list(json!([{"title": "A", "rows": rows(0, 1)}]));
    at_most(&list, "/action/button", 20);
    at_most(&list, "/action/sections/0/title", 24);
    at_most(&list, "/action/sections/0/rows/0/id", 200);
    at_most(&list, "/action/sections/0/rows/0/title", 24);
    at_most(&link(), "/action/parameters/display_text", 20);
    let description = "/action/sections/0/rows/0/description";
    accepts(
        "interactive",
        with(list.clone(), description, json!("x".repeat(72))),
    );
    refuses_with(list, description, json!("x".repeat(73)), TooLong);
}

#[test]
fn one_to_three_buttons_each_with_its_own_id_and_title() {
    accepts(
        "interactive",
        buttons(&[("1", "A"), ("2", "B"), ("3", "C")]),
    );
    for (object, pointer, code) in [
        (buttons(&[]), "/action/buttons", TooFew),
        (
            buttons(&[("1", "A"), ("2", "B"), ("3", "C"), ("4", "D")]),
            "/action/buttons",
            TooMany,
        ),
        (
            buttons(&[("1", "A"), ("1", "B")]),
            "/action/buttons/1/reply/id",
            Duplicate,
        ),
        (
            buttons(&[("1", "A"), ("2", "A")]),
            "/action/buttons/1/reply/title",
            Duplicate,
        ),
        (
            buttons(&[(" 1", "A")]),
            "/action/buttons/0/reply/id",
            Invalid,
        ),
    ] {
        refuses(
            "interactive",
            object,
            &format!("/interactive{pointer}"),
            code,
        );
    }
    let one = buttons(&[("1", "A")]);
    refuses_with(one.clone(), "/action/buttons/0/type", json!("url"), Invalid);
    refuses_with(
        one.clone(),
        "/action/buttons/0/reply",
        json!(null),
        Required,
    );
    refuses_with(one.clone(), "/action/name", json!("x"), UnknownField);
    refuses_with(one.clone(), "/body", json!(null), Required);
    refuses_with(one, "/action", json!([]), WrongType);
}

#[test]
fn a_list_has_at_most_10_rows_in_all_and_titles_where_there_are_several_sections() {
    let two = |first: usize, second: usize| {
        list(json!([
            {"title": "A", "rows": rows(0, first)},
            {"title": "B", "rows": rows(first, second)}
        ]))
    };
    accepts("interactive", two(5, 5));
    accepts("interactive", list(json!([{"rows": rows(0, 10)}])));
    let sections = "/interactive/action/sections";
    for (object, within, code) in [
        (two(5, 6), "", TooMany),
        (list(json!([])), "", TooFew),
        (list(json!([{"title": "A", "rows": []}])), "/0/rows", TooFew),
        (list(json!([{"title": "A"}])), "/0/rows", Required),
        (
            list(json!([{"rows": rows(0, 1)}, {"title": "B", "rows": rows(1, 1)}])),
            "/0/title",
            Required,
        ),
        (
            list(json!([{"title": "A", "rows": rows(0, 1)}, {"title": "B", "rows": rows(0, 1)}])),
            "/1/rows/0/id",
            Duplicate,
        ),
    ] {
        refuses("interactive", object, &format!("{sections}{within}"), code);
    }
    let image = json!({"type": "image", "image": {"id": "1"}});
    let object = with(two(1, 1), "/header", image);
    refuses("interactive", object, "/interactive/header/type", Invalid);
}

#[test]
fn a_link_button_opens_a_url() {
    accepts("interactive", link());
    refuses_with(
        link(),
        "/action/parameters/url",
        json!("http(s)://url"),
        Invalid,
    );
    refuses_with(link(), "/action/parameters/url", json!(null), Required);
    refuses_with(link(), "/action/parameters/id", json!("x"), UnknownField);
    refuses_with(link(), "/action/name", json!("link"), Invalid);
}

#[test]
fn a_header_is_a_text_or_a_medium() {
    for medium in ["image", "video", "document"] {
        let header = json!({"type": medium, medium: {"link": "https://example.com/m"}});
        accepts("interactive", with(link(), "/header", header));
        let header = json!({"type": medium, medium: {"link": "m"}});
        let object = with(link(), "/header", header);
        let pointer = format!("/interactive/header/{medium}/link");
        refuses("interactive", object, &pointer, Invalid);
        let header = json!({"type": medium});
        let object = with(link(), "/header", header);
        refuses(
            "interactive",
            object,
            &format!("/interactive/header/{medium}"),
            Required,
        );
    }
    let untyped = with(link(), "/header", json!({"text": "x"}));
    refuses("interactive", untyped, "/interactive/header/type", Required);
}

#[test]
fn the_frame_of_every_other_type_is_checked() {
    let flow = json!({"type": "flow", "body": {"text": "x"}, "action": {"name": "flow", "parameters": {"any": 1}}});
    at_most(&flow, "/body/text", 1024);
    at_most(
        &with(flow.clone(), "/footer", json!({"text": "x"})),
        "/footer/text",
        60,
    );
    let headed = with(
        flow.clone(),
        "/header",
        json!({"type": "text", "text": "x"}),
    );
    at_most(&headed, "/header/text", 60);
    accepts(
        "interactive",
        with(flow.clone(), "/header", json!({"type": "hologram"})),
    );
    refuses_with(flow.clone(), "/action", json!(null), Required);
    refuses_with(flow.clone(), "/type", json!("poll"), Invalid);
    refuses_with(flow.clone(), "/type", json!(null), Required);
    refuses_with(flow, "/title", json!("x"), UnknownField);
}

fn products(sections: &[usize]) -> Value {
    let section = |count: &usize| {
        let products = vec![json!({"product_retailer_id": "A1"}); *count];
        json!({"title": "Seeds", "product_items": products})
    };
    let sections: Vec<Value> = sections.iter().map(section).collect();
    let action = json!({"catalog_id": "1", "sections": sections});
    json!({"type": "product_list", "body": {"text": "Which?"}, "action": action})
}

#[test]
fn a_list_of_products_has_30_in_10_titled_sections() {
    accepts("interactive", products(&[30]));
    accepts("interactive", products(&[3; 10]));
    for (sections, within, code) in [
        (vec![31], "/action/sections/0/product_items", TooMany),
        (vec![15, 16], "/action/sections", TooMany),
        (vec![1; 11], "/action/sections", TooMany),
        (vec![0], "/action/sections/0/product_items", TooFew),
        (vec![], "/action/sections", TooFew),
    ] {
        let pointer = format!("/interactive{within}");
        refuses("interactive", products(&sections), &pointer, code);
    }
    let two = products(&[1, 1]);
    at_most(&two, "/action/sections/1/title", 24);
    refuses_with(two, "/action/sections/1/title", json!(null), Required);
}

#[test]
fn a_carousel_has_10_cards_with_short_texts() {
    let carousel = |cards: usize| {
        let card = |index| json!({"card_index": index, "body": {"text": "Look here"}});
        let cards: Vec<Value> = (0..cards).map(card).collect();
        json!({"type": "carousel", "body": {"text": "Look"}, "action": {"cards": cards}})
    };
    accepts("interactive", carousel(10));
    at_most(&carousel(2), "/action/cards/1/body/text", 160);
    refuses(
        "interactive",
        carousel(11),
        "/interactive/action/cards",
        TooMany,
    );
    refuses(
        "interactive",
        carousel(0),
        "/interactive/action/cards",
        TooFew,
    );
}
