//! `reaction`: an emoji on an earlier message; an empty one takes it back.

use super::Fields;
use crate::domain::fault::FaultCode;
use crate::domain::identity::Wamid;

/// In characters. One emoji can be a family of several people, each with a colour of skin, and joiners between them.
const LONGEST: usize = 32;

pub(super) fn check(message: &mut Fields<'_>) {
    let Some(mut reaction) = message.required_object("reaction") else {
        return;
    };
    reaction.required_parsed("message_id", str::parse::<Wamid>);
    let emoji = reaction.required_text("emoji", 0..=LONGEST);
    if emoji.is_some_and(|emoji| is_plain_text(emoji) && !reaction.awaits_filling(emoji)) {
        let detail = "must be one emoji, or empty to take the reaction back";
        reaction.fault("emoji", FaultCode::Invalid, detail);
    }
    reaction.finish();
}

/// What an emoji is changes each year; that letters alone are none does not.
fn is_plain_text(emoji: &str) -> bool {
    !emoji.is_empty() && emoji.is_ascii()
}

#[cfg(test)]
mod tests {
    use crate::domain::content::tests::{accepts, refuses};
    use crate::domain::fault::FaultCode::{Invalid, Required, UnknownField, WrongType};
    use serde_json::json;

    #[test]
    fn a_reaction_is_an_emoji_on_a_message_or_takes_it_back() {
        for emoji in ["😀", "👩🏽‍🚀", "1️⃣", "🇫🇷", ""] {
            accepts("reaction", json!({"message_id": "wamid.A", "emoji": emoji}));
        }
        for (object, pointer, code) in [
            (json!({"emoji": "😀"}), "/reaction/message_id", Required),
            (
                json!({"message_id": "a b", "emoji": "😀"}),
                "/reaction/message_id",
                Invalid,
            ),
            (
                json!({"message_id": "wamid.A"}),
                "/reaction/emoji",
                Required,
            ),
            (
                json!({"message_id": "wamid.A", "emoji": "ok"}),
                "/reaction/emoji",
                Invalid,
            ),
            (
                json!({"message_id": "wamid.A", "emoji": 1}),
                "/reaction/emoji",
                WrongType,
            ),
            (
                json!({"message_id": "wamid.A", "emoji": "", "x": 1}),
                "/reaction/x",
                UnknownField,
            ),
        ] {
            refuses("reaction", object, pointer, code);
        }
    }
}
