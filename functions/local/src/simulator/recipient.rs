//! Whom a send names, as Meta reads it: a phone number in any spelling, a business-scoped user id, or a group.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

/// Whom a message goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Recipient {
    /// A phone, as Meta's `wa_id`: digits alone.
    Phone(String),
    /// A business-scoped user id.
    User(String),
    /// A group, as `group:` and its id.
    Group(String),
}

const GROUP: &str = "group:";

impl Recipient {
    /// Reads `to`. A number without `+` gets the country code of the business in front, unless it begins with it.
    pub(super) fn from_to(to: &str, business_number: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_digit() || "+ -().".contains(c);
        let digits = digits(to);
        if !to.chars().all(allowed) || !(5..=20).contains(&digits.len()) {
            return None;
        }
        let country = country_code(business_number);
        if to.trim_start().starts_with('+') || digits.starts_with(&country) {
            return Some(Self::Phone(digits));
        }
        Some(Self::Phone(format!("{country}{digits}")))
    }

    /// Reads `recipient`: two letters of a country, a dot, letters and digits.
    pub(super) fn from_user_id(user_id: &str) -> Option<Self> {
        let (country, rest) = user_id.split_once('.')?;
        let well_formed = country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && (1..=140).contains(&rest.len())
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        well_formed.then(|| Self::User(user_id.to_owned()))
    }

    /// A group by its id, which has no documented form.
    pub(super) fn from_group_id(id: &str) -> Option<Self> {
        let printable = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
        printable.then(|| Self::Group(format!("{GROUP}{id}")))
    }

    /// Reads what [`Self::key`] wrote, or what a person typed to find messages by.
    pub(super) fn from_key(key: &str) -> Self {
        if key.starts_with(GROUP) {
            return Self::Group(key.to_owned());
        }
        Self::from_user_id(key).unwrap_or_else(|| Self::Phone(digits(key)))
    }

    /// The `wa_id` or the user id: one name per person.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Phone(name) | Self::User(name) | Self::Group(name) => name,
        }
    }

    /// The id as Meta writes it: the `wa_id`, the user id or the group's id.
    pub(super) fn id(&self) -> &str {
        self.key().strip_prefix(GROUP).unwrap_or(self.key())
    }

    /// The recipient as our users write it: `+E.164`, or the id.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Phone(digits) => format!("+{digits}"),
            Self::User(_) | Self::Group(_) => self.id().to_owned(),
        }
    }

    /// A new message id for this recipient, built as Meta's are.
    pub(super) fn new_wamid(&self) -> String {
        let name = self.id().as_bytes();
        let mut bytes = vec![0x1c, 0x18, u8::try_from(name.len()).unwrap_or(u8::MAX)];
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(&[0x15, 0x02, 0x00, 0x11, 0x18, 0x12]);
        let random = Uuid::new_v4().simple().to_string().to_uppercase();
        bytes.extend(random.bytes().take(18));
        bytes.push(0);
        format!("wamid.{}", STANDARD.encode(bytes))
    }
}

/// The digits of a text.
pub(super) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The country code a `+E.164` number begins with, by the lengths the numbering plan assigns.
fn country_code(number: &str) -> String {
    const TWO_DIGITS: [&str; 44] = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46",
        "47", "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63",
        "64", "65", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
    ];
    let mut code = digits(number);
    let length = match code.get(..2) {
        Some(start) if start.starts_with(['1', '7']) => 1,
        Some(start) if TWO_DIGITS.contains(&start) => 2,
        _ => 3,
    };
    code.truncate(length);
    code
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_number_without_plus_gets_the_country_code_of_the_business() {
        let to = |text: &str, business: &str| Recipient::from_to(text, business).unwrap().shown();
        assert_eq!(to("+62 812-3456", "+15550001000"), "+628123456");
        assert_eq!(to("15550001111", "+15550001000"), "+15550001111");
        assert_eq!(to("08123456", "+628000000"), "+6208123456");
        assert_eq!(to("5550001111", "+35350001000"), "+3535550001111");
        assert_eq!(Recipient::from_to("bob", "+15550001000"), None);
        assert_eq!(Recipient::from_to("", "+15550001000"), None);
    }

    #[test]
    fn a_message_id_is_built_as_metas_are() {
        let wamid = Recipient::Phone("15550001111".to_owned()).new_wamid();
        assert!(wamid.starts_with("wamid.HBgLMTU1NTAwMDExMTEVAgARGB"));
    }
}
