//! A message as the form that Fonnte's `send` takes, or what it has no way for.
//!
//! Mapped is only what arrives as it was meant: Fonnte ignores what it does not know.

use super::FONNTE;
use crate::domain::content::{Content, Kind};
use crate::domain::identity::Recipient;
use crate::provider::unfit::{Reading, Unfit};
use serde_json::Value;

/// The kinds that Fonnte sends.
pub const KINDS: [Kind; 6] = [
    Kind::Text,
    Kind::Image,
    Kind::Video,
    Kind::Audio,
    Kind::Document,
    Kind::Location,
];

/// The same in words.
const SENT: &str = "text, image, video, audio, document and location";

/// What an inbound message's id begins with among our provider ids: Fonnte counts messages it got apart from those it
/// sends, and only the former can be answered.
pub(super) const INBOX: &str = "inbox:";

/// A form's fields.
pub(super) type Fields = Vec<(&'static str, String)>;

/// The form for a message.
pub(super) fn fields(to: &Recipient, content: &Content) -> Result<Fields, Unfit> {
    let reading = Reading::of(FONNTE, content);
    let mut fields = said(&reading);
    fields.extend(target(&reading, to));
    fields.extend(answered(&reading));
    // A device that is offline refuses, instead of keeping what it sends when nobody expects it any more.
    fields.extend([no_country(), ("connectOnly", "true".to_owned())]);
    reading.finish(Some(fields))
}

/// Numbers are international: unless told so, Fonnte takes a leading zero for Indonesia's.
pub(super) fn no_country() -> (&'static str, String) {
    ("countryCode", "0".to_owned())
}

fn target(reading: &Reading<'_>, to: &Recipient) -> Option<(&'static str, String)> {
    let target = match to {
        Recipient::Phone(number) => number.digits(),
        // A comma would make it several targets, and a bar begins variables.
        Recipient::Group(group) if is_group(group.as_str()) => group.as_str(),
        Recipient::Group(_) => {
            let detail = "is no group of Fonnte's: write its id, such as 120363000000000000@g.us";
            reading.note("/to", detail);
            return None;
        }
        Recipient::User(_) => {
            let detail = "is a name that Fonnte does not know: write the phone number, in `to`";
            reading.note("/recipient", detail);
            return None;
        }
    };
    Some(("target", target.to_owned()))
}

fn is_group(id: &str) -> bool {
    let digits = id.strip_suffix("@g.us").unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_digit() || byte == b'-';
    !digits.is_empty() && digits.bytes().all(allowed)
}

fn said(reading: &Reading<'_>) -> Fields {
    let mut fields = Fields::new();
    match reading.content.kind {
        Kind::Text => {
            fields.extend(message(reading, "body"));
            let preview = reading.content.object.get("preview_url");
            let preview = preview.and_then(Value::as_bool);
            fields.extend(preview.map(|preview| ("preview", preview.to_string())));
        }
        Kind::Image | Kind::Video | Kind::Document => {
            fields.extend(reading.link().map(|link| ("url", link.to_owned())));
            fields.extend(message(reading, "caption"));
            let filename = reading.text("filename");
            fields.extend(filename.map(|name| ("filename", name.to_owned())));
        }
        Kind::Audio => {
            fields.extend(reading.link().map(|link| ("url", link.to_owned())));
            if reading.content.object.get("voice") == Some(&Value::Bool(true)) {
                let detail = "is a voice message, which Fonnte sends as a file: leave it out";
                reading.refuse("voice", detail);
            }
        }
        Kind::Location => fields.extend(location(reading)),
        Kind::Sticker | Kind::Contacts | Kind::Reaction | Kind::Template | Kind::Interactive => {
            reading.refuse_kind(SENT);
        }
    }
    fields
}

/// A text that Fonnte sends as it stands: it fills in variables of its own, for which we give nothing.
fn message(reading: &Reading<'_>, member: &str) -> Option<(&'static str, String)> {
    let text = reading.text(member)?;
    if text.split('{').skip(1).any(begins_with_variable) {
        let detail = "holds {name} or {var1}, which Fonnte fills in: write it without the braces";
        reading.refuse(member, detail);
    }
    Some(("message", text.to_owned()))
}

fn begins_with_variable(text: &str) -> bool {
    let name = text.split_once('}').map_or("", |(name, _)| name.trim());
    let digits = name.strip_prefix("var");
    let is_numbered = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    name == "name" || digits.is_some_and(is_numbered)
}

/// A point alone: Fonnte has no place for what it is called.
fn location(reading: &Reading<'_>) -> Option<(&'static str, String)> {
    for member in ["name", "address"] {
        if reading.text(member).is_some() {
            reading.refuse(member, "has no place at Fonnte: leave it out");
        }
    }
    let degrees = |member: &str| {
        let degrees = match reading.content.object.get(member)? {
            Value::String(text) => text.parse::<f64>().ok(),
            Value::Number(number) => number.as_f64(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        degrees.map(|degrees| degrees.to_string())
    };
    let (latitude, longitude) = (degrees("latitude")?, degrees("longitude")?);
    Some(("location", format!("{latitude}, {longitude}")))
}

/// The message it answers.
fn answered(reading: &Reading<'_>) -> Option<(&'static str, String)> {
    let id = reading.content.reply_to.as_ref()?.as_str();
    let inbox = id.strip_prefix(INBOX);
    let inbox = inbox.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
    if inbox.is_none() {
        let detail =
            "is no message that came in by Fonnte, and no other can be answered: leave it out";
        reading.note("/context/message_id", detail);
    }
    inbox.map(|id| ("inboxid", id.to_owned()))
}
