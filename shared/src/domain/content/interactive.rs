//! `interactive`: something to tap. Reply buttons, lists and links are checked to the end; of Meta's other types
//! the frame is checked and how much there is of products and cards; what else stands in their `action` is Meta's to judge.

use super::{CARDS, ENTRIES, Fields, UNLIMITED, check_distinct, link, media, sections};
use crate::domain::fault::FaultCode;

const TYPES: [&str; 15] = [
    "button",
    "list",
    "cta_url",
    "flow",
    "location_request_message",
    "address_message",
    "call_permission_request",
    "voice_call",
    "request_contact_info",
    "product",
    "product_list",
    "catalog_message",
    "carousel",
    "order_details",
    "order_status",
];
const HEADERS: [&str; 4] = ["text", "image", "video", "document"];
const HEADER_TEXT: usize = 60;
const FOOTER: usize = 60;
const BODY: usize = 1024;
const LIST_BODY: usize = 4096;
const BUTTONS: usize = 3;
const BUTTON_TITLE: usize = 20;
const BUTTON_ID: usize = 256;
const CARD_BODY: usize = 160;
const ROWS: usize = 10;
const ROW_ID: usize = 200;
const ROW_TITLE: usize = 24;
const ROW_DESCRIPTION: usize = 72;

pub(super) fn check(message: &mut Fields<'_>) {
    let Some(mut interactive) = message.required_object("interactive") else {
        return;
    };
    let kind = interactive.required_choice("type", &TYPES);
    match kind {
        Some("button") => check_button(&mut interactive),
        Some("list") => check_list(&mut interactive),
        Some("cta_url") => check_cta_url(&mut interactive),
        _ => check_other(&mut interactive, kind),
    }
    check_text(&mut interactive, "footer", FOOTER);
    interactive.finish();
}

fn check_button(interactive: &mut Fields<'_>) {
    check_header(interactive, &HEADERS);
    check_required_text(interactive, "body", BODY);
    let Some(mut action) = interactive.required_object("action") else {
        return;
    };
    let mut ids = Vec::new();
    let mut titles = Vec::new();
    for mut button in action.required_objects("buttons", 1..=BUTTONS) {
        button.required_choice("type", &["reply"]);
        if let Some(mut reply) = button.required_object("reply") {
            let id = reply.required_text("id", 1..=BUTTON_ID);
            let title = reply.required_text("title", 1..=BUTTON_TITLE);
            if id.is_some_and(|id| id != id.trim() && !reply.awaits_filling(id)) {
                let detail = "must not begin or end with a space";
                reply.fault("id", FaultCode::Invalid, detail);
            }
            ids.extend(id.map(|id| (reply.pointer_to("id"), id)));
            titles.extend(title.map(|title| (reply.pointer_to("title"), title)));
            reply.finish();
        }
        button.finish();
    }
    check_distinct(&action, ids);
    check_distinct(&action, titles);
    action.finish();
}

/// Meta shows only texts above a list.
fn check_list(interactive: &mut Fields<'_>) {
    check_header(interactive, &["text"]);
    check_required_text(interactive, "body", LIST_BODY);
    let Some(mut action) = interactive.required_object("action") else {
        return;
    };
    action.required_text("button", 1..=BUTTON_TITLE);
    action.required("sections");
    let mut rows = 0;
    let mut ids = Vec::new();
    for mut section in sections::titled(&mut action) {
        for mut row in section.required_objects("rows", 1..=ENTRIES) {
            rows += 1;
            let id = row.required_text("id", 1..=ROW_ID);
            ids.extend(id.map(|id| (row.pointer_to("id"), id)));
            row.required_text("title", 1..=ROW_TITLE);
            row.text("description", 0..=ROW_DESCRIPTION);
            row.finish();
        }
        section.finish();
    }
    if rows > ROWS {
        let detail = format!("has {rows} rows in all, at most {ROWS} are allowed");
        action.fault("sections", FaultCode::TooMany, detail);
    }
    check_distinct(&action, ids);
    action.finish();
}

fn check_cta_url(interactive: &mut Fields<'_>) {
    check_header(interactive, &HEADERS);
    check_required_text(interactive, "body", BODY);
    let Some(mut action) = interactive.required_object("action") else {
        return;
    };
    action.required_choice("name", &["cta_url"]);
    if let Some(mut parameters) = action.required_object("parameters") {
        parameters.required_text("display_text", 1..=BUTTON_TITLE);
        parameters.required_parsed("url", link::check);
        parameters.finish();
    }
    action.finish();
}

/// A header of a type that we do not know is let through: Meta adds such with each type of message.
fn check_other(interactive: &mut Fields<'_>, kind: Option<&str>) {
    let header = interactive.object("header");
    let medium = header.and_then(|mut header| header.required_text("type", 1..=UNLIMITED));
    if medium.is_some_and(|medium| HEADERS.contains(&medium)) {
        check_header(interactive, &HEADERS);
    }
    check_text(interactive, "body", BODY);
    let Some(mut action) = interactive.required_object("action") else {
        return;
    };
    match kind {
        Some("product_list") => sections::check_products(&mut action),
        Some("carousel") => {
            for mut card in action.objects("cards", 1..=CARDS) {
                check_text(&mut card, "body", CARD_BODY);
            }
        }
        _ => {}
    }
}

fn check_header(interactive: &mut Fields<'_>, allowed: &[&'static str]) {
    let Some(mut header) = interactive.object("header") else {
        return;
    };
    match header.required_choice("type", allowed) {
        Some("text") => {
            header.required_text("text", 1..=HEADER_TEXT);
            header.text("sub_text", 1..=HEADER_TEXT);
        }
        Some(medium) => media::check_plain(&mut header, medium),
        // What else stands in it can only be judged by its type.
        None => return,
    }
    header.finish();
}

fn check_required_text(interactive: &mut Fields<'_>, name: &'static str, longest: usize) {
    if interactive.required(name).is_some() {
        check_text(interactive, name, longest);
    }
}

fn check_text(interactive: &mut Fields<'_>, name: &'static str, longest: usize) {
    if let Some(mut part) = interactive.object(name) {
        part.required_visible_text("text", 1..=longest);
        part.finish();
    }
}

#[cfg(test)]
mod tests;
