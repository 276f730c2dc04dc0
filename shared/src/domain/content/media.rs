//! `image`, `video`, `audio`, `document`, `sticker`, and the same where they stand inside other types.

use super::{Fields, UNLIMITED, link};
use crate::domain::fault::FaultCode;

const CAPTION: usize = 1024;
/// Meta documents no length; its ids have some 20 digits, and what is much longer is something else.
const MEDIA_ID: usize = 256;

/// An image or a video.
pub(super) fn check_captioned(message: &mut Fields<'_>, name: &'static str) {
    let Some(mut media) = message.required_object(name) else {
        return;
    };
    check_source(&mut media);
    media.text("caption", 0..=CAPTION);
    media.finish();
}

pub(super) fn check_audio(message: &mut Fields<'_>) {
    let Some(mut audio) = message.required_object("audio") else {
        return;
    };
    check_source(&mut audio);
    audio.boolean("voice");
    audio.finish();
}

pub(super) fn check_document(message: &mut Fields<'_>) {
    let Some(mut document) = message.required_object("document") else {
        return;
    };
    check_source(&mut document);
    document.text("caption", 0..=CAPTION);
    document.text("filename", 1..=UNLIMITED);
    document.finish();
}

/// A sticker, and any medium where no caption is allowed.
pub(super) fn check_plain(parent: &mut Fields<'_>, name: &'static str) {
    let Some(mut media) = parent.required_object(name) else {
        return;
    };
    check_source(&mut media);
    if name == "document" {
        media.text("filename", 1..=UNLIMITED);
    }
    media.finish();
}

/// Exactly one of `id` (uploaded before) and `link` (fetched by Meta).
fn check_source(media: &mut Fields<'_>) {
    let id = media.text("id", 1..=MEDIA_ID);
    media.parsed("link", link::check);
    match (media.value("id"), media.value("link")) {
        (None, None) => media.fault("id", FaultCode::Required, "is required, or a link"),
        (Some(_), Some(_)) => {
            let detail = "is not allowed beside an id: give one of them";
            media.fault("link", FaultCode::NotAllowed, detail);
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
    if id.is_some_and(|id| id.contains(char::is_whitespace) && !media.awaits_filling(id)) {
        media.fault(
            "id",
            FaultCode::Invalid,
            "must be a media id, without spaces",
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::content::tests::{accepts, refuses};
    use crate::domain::fault::FaultCode::{
        Invalid, NotAllowed, Required, TooLong, TooShort, UnknownField, WrongType,
    };
    use serde_json::json;

    #[test]
    fn a_medium_comes_from_exactly_one_of_id_and_link() {
        for kind in ["image", "video", "audio", "document", "sticker"] {
            let at = |field: &str| format!("/{kind}/{field}");
            accepts(kind, json!({"id": "9".repeat(256)}));
            accepts(kind, json!({"link": "https://example.com/m"}));
            refuses(kind, json!({}), &at("id"), Required);
            refuses(kind, json!({"id": ""}), &at("id"), TooShort);
            refuses(kind, json!({"id": "a b"}), &at("id"), Invalid);
            refuses(kind, json!({"id": "9".repeat(257)}), &at("id"), TooLong);
            refuses(kind, json!({"link": "http(s)://url"}), &at("link"), Invalid);
            let both = json!({"id": "1", "link": "https://example.com/m"});
            refuses(kind, both, &at("link"), NotAllowed);
            refuses(
                kind,
                json!({"id": "1", "size": 1}),
                &at("size"),
                UnknownField,
            );
        }
    }

    #[test]
    fn a_caption_holds_at_most_1024_characters_where_there_may_be_one() {
        for kind in ["image", "video", "document"] {
            let pointer = format!("/{kind}/caption");
            accepts(kind, json!({"id": "1", "caption": "x".repeat(1024)}));
            let long = json!({"id": "1", "caption": "x".repeat(1025)});
            refuses(kind, long, &pointer, TooLong);
        }
        for kind in ["audio", "sticker"] {
            let captioned = json!({"id": "1", "caption": "x"});
            refuses(kind, captioned, &format!("/{kind}/caption"), UnknownField);
        }
    }

    #[test]
    fn only_an_audio_is_a_voice_message_and_only_a_document_has_a_filename() {
        accepts("audio", json!({"id": "1", "voice": true}));
        let wrong = json!({"id": "1", "voice": "yes"});
        refuses("audio", wrong, "/audio/voice", WrongType);
        accepts("document", json!({"id": "1", "filename": "a.pdf"}));
        let named = json!({"id": "1", "filename": "a.jpg"});
        refuses("image", named, "/image/filename", UnknownField);
    }
}
