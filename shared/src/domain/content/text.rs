//! `text`: a body, and whether its first link is previewed.

use super::Fields;

pub(super) fn check(message: &mut Fields<'_>) {
    let Some(mut text) = message.required_object("text") else {
        return;
    };
    text.required_visible_text("body", 1..=4096);
    text.boolean("preview_url");
    text.finish();
}

#[cfg(test)]
mod tests {
    use crate::domain::content::tests::{accepts, refuses};
    use crate::domain::fault::FaultCode::{
        Invalid, Required, TooLong, TooShort, UnknownField, WrongType,
    };
    use serde_json::json;

    #[test]
    fn a_text_holds_at_most_4096_characters() {
        accepts(
            "text",
            json!({"body": "é".repeat(4096), "preview_url": true}),
        );
        for (object, pointer, code) in [
            (json!({"body": "é".repeat(4097)}), "/text/body", TooLong),
            (json!({"body": ""}), "/text/body", TooShort),
            (json!({"body": " \n\u{200b}"}), "/text/body", Invalid),
            (json!({"body": "a\0b"}), "/text/body", Invalid),
            (json!({"body": 1}), "/text/body", WrongType),
            (json!({}), "/text/body", Required),
            (json!("hello"), "/text", WrongType),
            (json!(null), "/text", Required),
            (
                json!({"body": "x", "preview_url": "yes"}),
                "/text/preview_url",
                WrongType,
            ),
            (json!({"body": "x", "size": 1}), "/text/size", UnknownField),
        ] {
            refuses("text", object, pointer, code);
        }
    }
}
