//! Addresses people sign in with.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The longest address. Source: RFC 5321, 4.5.3.1.3, less the angle brackets.
const LONGEST: usize = 254;

/// An e-mail address, in lower case: nobody is two people by his capitals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = &'static str;

    /// Only what no address can be is refused, whether it reaches anybody is not ours to judge; and what looks like another
    /// one than it is. Of an address in other letters than ASCII's, the form in ASCII is taken: RFC 5890 has one for domains.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        let is_plain = |part: &str| {
            let sound = |it: u8| it.is_ascii_graphic() && !b"<>\"(),:;@#".contains(&it);
            !part.is_empty() && part.bytes().all(sound)
        };
        match text.split_once('@') {
            Some((local, domain))
                if text.len() <= LONGEST && is_plain(local) && is_plain(domain) =>
            {
                Ok(Self(text.to_ascii_lowercase()))
            }
            _ => Err("must be an e-mail address in ASCII, such as ada@example.com"),
        }
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_whatever_its_capitals_and_what_is_none_is_refused() {
        let read = |text: &str| text.parse::<EmailAddress>().map(String::from);
        assert_eq!(read("Ada@Example.com"), Ok("ada@example.com".to_owned()));
        let long = format!("{}@example.com", "a".repeat(LONGEST));
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b@c",
            "ada lovelace@example.com",
            "a\n@b",
            "a#b@example.com",
            "\u{130}@example.com",
            "ada\u{200b}@example.com",
            &long,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
