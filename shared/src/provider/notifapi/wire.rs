//! A message as the JSON that one of NotifAPI's functions takes, or what it has no way for.

use super::NOTIFAPI;
use crate::domain::content::{Content, Kind};
use crate::domain::identity::Recipient;
use crate::domain::phone::PhoneNumber;
use crate::provider::unfit::{Reading, Unfit};
use serde_json::{Map, Value};

/// The kinds that NotifAPI sends.
pub const KINDS: [Kind; 3] = [Kind::Text, Kind::Image, Kind::Document];

/// The same in words.
const SENT: &str = "text, image and document, and to groups text alone";

/// A call without its key.
pub(super) struct Call {
    pub(super) function: &'static str,
    pub(super) body: Map<String, Value>,
}

/// The call for a message.
pub(super) fn call(to: &Recipient, content: &Content) -> Result<Call, Unfit> {
    let reading = Reading::of(NOTIFAPI, content);
    if content.reply_to.is_some() {
        let detail = "has no place at NotifAPI, which answers no message: leave it out";
        reading.note("/context/message_id", detail);
    }
    let target = target(&reading, to);
    let call = said(&reading, to).zip(target).map(|(mut call, target)| {
        call.body.extend([target]);
        call
    });
    reading.finish(call)
}

/// A number as its callers write it.
pub(super) fn phone(number: &PhoneNumber) -> (String, Value) {
    ("phone_no".to_owned(), number.as_str().into())
}

fn target(reading: &Reading<'_>, to: &Recipient) -> Option<(String, Value)> {
    match to {
        Recipient::Phone(number) => Some(phone(number)),
        Recipient::Group(group) => Some(("group_id".to_owned(), group.as_str().into())),
        Recipient::User(_) => {
            let detail = "is a name that NotifAPI does not know: write the phone number, in `to`";
            reading.note("/recipient", detail);
            None
        }
    }
}

fn said(reading: &Reading<'_>, to: &Recipient) -> Option<Call> {
    let is_group = matches!(to, Recipient::Group(_));
    match reading.content.kind {
        Kind::Text => {
            let function = if is_group {
                "send_message_group_id"
            } else {
                "send_message"
            };
            let text = reading.text("body")?;
            Some(new_call(function, &[("message", text)]))
        }
        Kind::Image | Kind::Document if is_group => {
            reading.refuse_kind(SENT);
            None
        }
        Kind::Image => {
            let caption = reading.text("caption").unwrap_or_default();
            let link = reading.link()?;
            let fields = [("message", caption), ("url", link)];
            Some(new_call("send_image_url", &fields))
        }
        Kind::Document => {
            for member in ["caption", "filename"] {
                if reading.text(member).is_some() {
                    reading.refuse(
                        member,
                        "has no place beside a file at NotifAPI: leave it out",
                    );
                }
            }
            Some(new_call("send_file_url", &[("url", reading.link()?)]))
        }
        Kind::Video
        | Kind::Audio
        | Kind::Sticker
        | Kind::Location
        | Kind::Contacts
        | Kind::Reaction
        | Kind::Template
        | Kind::Interactive => {
            reading.refuse_kind(SENT);
            None
        }
    }
}

fn new_call(function: &'static str, fields: &[(&str, &str)]) -> Call {
    let field = |(name, text): &(&str, &str)| ((*name).to_owned(), Value::from(*text));
    Call {
        function,
        body: fields.iter().map(field).collect(),
    }
}
