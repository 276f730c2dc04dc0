//! Fonnte's reasons: what each means for the next step, and what a person can do about it.
//!
//! The one place that knows them. They are words, so each is known by the part of it that tells.

use super::FONNTE;
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::secret::SecretText;
use crate::provider::{passing, shown};

/// The reason of a device that has sent all that was paid for.
const NO_QUOTA: &str = "insufficient quota";

/// How long such a device's token rests, in seconds, before one message shows whether more was bought.
const NO_QUOTA_REST_S: u32 = 15 * 60;

/// A reason.
struct Reason {
    /// What it holds, in lower case.
    tells: &'static str,
    class: Class,
    text: &'static str,
    remedy: &'static str,
}

const REASONS: [Reason; 14] = [
    Reason {
        tells: "token invalid",
        class: Class::Credential,
        text: "Fonnte does not know the device's token",
        remedy: "copy the device's token from Fonnte into the account",
    },
    Reason {
        // No wait of seconds brings a quota back, and until a person does, every message of the device fails alike:
        // its token is worth nothing so long, and is no worse for it.
        tells: NO_QUOTA,
        class: Class::Credential,
        text: "the device has no messages left in its package",
        remedy: "buy more messages at Fonnte and put the token in again, or wait a quarter of an hour; then resume the sender",
    },
    Reason {
        tells: "disconnect",
        class: Class::Transient,
        text: "the device is not connected to WhatsApp",
        remedy: "it is tried again; if it lasts, connect the device at Fonnte, by its QR code",
    },
    Reason {
        tells: "device not",
        class: Class::Transient,
        text: "the device cannot send now",
        remedy: "it is tried again; if it lasts, look at the device at Fonnte",
    },
    Reason {
        tells: "unavailable",
        class: Class::Transient,
        text: "Fonnte cannot send now",
        remedy: "it is tried again; if it lasts, ask Fonnte",
    },
    Reason {
        tells: "too many",
        class: Class::Throttled,
        text: "Fonnte asks to go slower",
        remedy: "it is tried again, slower",
    },
    Reason {
        tells: "rate limit",
        class: Class::Throttled,
        text: "Fonnte asks to go slower",
        remedy: "it is tried again, slower",
    },
    Reason {
        tells: "target invalid",
        class: Class::Recipient,
        text: "Fonnte cannot send to this number or group",
        remedy: "check the number, with its country code, or the group's id",
    },
    Reason {
        tells: "input invalid",
        class: Class::Permanent,
        text: "Fonnte lacks something of the message",
        remedy: "check what the message says",
    },
    Reason {
        tells: "url invalid",
        class: Class::Permanent,
        text: "the file's link is none that Fonnte takes",
        remedy: "give a public link that begins with https:// and ends in the file's name",
    },
    Reason {
        tells: "url unreachable",
        class: Class::Permanent,
        text: "Fonnte could not get the file from its link",
        remedy: "check that the link can be opened by everybody",
    },
    Reason {
        tells: "file format not supported",
        class: Class::Permanent,
        text: "Fonnte does not send files of this format",
        remedy: "send the file in another format",
    },
    Reason {
        tells: "file size must under 4mb",
        class: Class::Permanent,
        text: "the file is larger than the 4 MB that Fonnte sends",
        remedy: "send a smaller file, or its link as a text",
    },
    Reason {
        tells: "json format invalid",
        class: Class::Permanent,
        text: "Fonnte could not read the request",
        remedy: "report this to whoever runs Heliograph",
    },
];

/// What a reason means. Of one that nobody has told us about the HTTP status says whether it may pass; else it is
/// permanent: nothing is repeated on a guess.
pub(super) fn failure(said: &str, status: u16, key: &SecretText) -> ProviderFailure {
    let words = said.to_ascii_lowercase();
    let known = REASONS.iter().find(|reason| words.contains(reason.tells));
    if let Some(known) = known {
        let is_spent = known.tells == NO_QUOTA;
        return ProviderFailure {
            retry_after_s: is_spent.then_some(NO_QUOTA_REST_S),
            ..ProviderFailure::without_code(known.class, known.text, known.remedy)
        };
    }
    let failure = ProviderFailure::without_code(
        passing(status).unwrap_or(Class::Permanent),
        "Fonnte refused it for a reason we do not know",
        "look the reason up in Fonnte's documentation",
    );
    failure.with_words_of(FONNTE, &[shown(said, key)])
}
