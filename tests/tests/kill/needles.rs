//! Secrets, in the forms in which one could lie about, and the search for them.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

/// A text that nobody may see.
pub(crate) struct Secret {
    /// What it is, to be told where it was found.
    pub(crate) what: String,
    /// The one answer that shows it, if one does.
    pub(crate) shown_in: Option<usize>,
    text: String,
    forms: Vec<String>,
}

impl Secret {
    pub(crate) fn new(what: &str, text: &str, shown_in: Option<usize>) -> Self {
        assert!(text.len() >= 8, "{what} is too short to be searched for");
        Self {
            what: what.to_owned(),
            shown_in,
            text: text.to_owned(),
            forms: forms(text),
        }
    }

    /// Whether it stands in these bytes, in any form.
    pub(crate) fn is_in(&self, bytes: &Searchable) -> bool {
        self.forms.iter().any(|form| bytes.0.contains(form))
    }

    /// Whether it stands in them as hexadecimal digits.
    pub(crate) fn is_in_hex(&self, bytes: &Searchable) -> bool {
        bytes.0.contains(&hex::encode(&self.text))
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        self.text == text
    }
}

/// Bytes as the text that they hold; what is no text in them cannot hide one.
pub(crate) struct Searchable(String);

impl Searchable {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// As it is, as it would stand in an address, and as it would stand anywhere within a text in base64.
fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned(), text.replace(' ', "+")];
    forms.push(percent(text, |byte| format!("%{byte:02X}")));
    forms.push(percent(text, |byte| format!("%{byte:02x}")));
    for before in 0..3 {
        for engine in [&BASE64_STANDARD, &BASE64_URL_SAFE] {
            let padded = format!("{}{text}", "-".repeat(before));
            let encoded = engine.encode(padded);
            // The first and the last digits also hold bits of what stands beside.
            let (first, last) = ((before * 8).div_ceil(6), (before + text.len()) * 8 / 6);
            forms.push(encoded[first..last].to_owned());
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

fn percent(text: &str, encoded: impl Fn(u8) -> String) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let each = text.bytes().map(|byte| {
        if is_plain(byte) {
            char::from(byte).to_string()
        } else {
            encoded(byte)
        }
    });
    each.collect()
}

#[test]
fn a_secret_is_found_in_every_form_and_wherever_it_stands() {
    let secret = Secret::new("a secret", "correct horse+battery/", None);
    for before in ["", "a", "ab", "abc", "{\"password\":\""] {
        let text = format!("{before}correct horse+battery/\"}}");
        for hidden in [
            text.clone(),
            BASE64_STANDARD.encode(&text),
            BASE64_URL_SAFE.encode(&text),
            format!("{before}correct%20horse%2Bbattery%2F"),
            format!("{before}correct%20horse%2bbattery%2f"),
        ] {
            assert!(secret.is_in(&Searchable::of(hidden.as_bytes())), "{hidden}");
        }
        let hidden = Searchable::of(hex::encode(&text).as_bytes());
        assert!(secret.is_in_hex(&hidden));
    }
    let masked = Searchable::of(b"\xff***ery/ correct horse");
    assert!(!secret.is_in(&masked) && !secret.is_in_hex(&masked));
}
