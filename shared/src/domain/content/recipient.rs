//! `to`, `recipient` and `recipient_type`: whom a message goes to.

use super::Fields;
use crate::domain::fault::FaultCode;
use crate::domain::identity::{Bsuid, GroupId, Recipient};
use crate::domain::phone::PhoneNumber;

/// Reads `to`, `recipient` and `recipient_type`. `None` means that faults were added.
///
/// As at Meta, `to` wins where both are given.
pub fn read_recipient(fields: &mut Fields<'_>) -> Option<Recipient> {
    let before = fields.faults().count();
    let recipient = match fields.choice("recipient_type", &["individual", "group"]) {
        Some("group") => read_group(fields),
        _ => read_individual(fields),
    };
    recipient.filter(|_| fields.faults().count() == before)
}

fn read_group(fields: &mut Fields<'_>) -> Option<Recipient> {
    if fields.value("recipient").is_some() {
        let detail = "is not allowed for a group: its id belongs into `to`";
        fields.fault("recipient", FaultCode::NotAllowed, detail);
    }
    let group = fields.required_parsed("to", |text| {
        if text.starts_with('+') {
            Err("is a phone number, and no group's id".to_owned())
        } else {
            text.parse::<GroupId>().map_err(|error| error.to_string())
        }
    });
    group.map(Recipient::Group)
}

fn read_individual(fields: &mut Fields<'_>) -> Option<Recipient> {
    let user: Option<Bsuid> = fields.parsed("recipient", str::parse);
    if fields.value("to").is_some() {
        return read_number(fields).map(Recipient::Phone);
    }
    if fields.value("recipient").is_none() {
        let detail = "is required: a phone number, or `recipient` with a business-scoped user id";
        fields.fault("to", FaultCode::Required, detail);
    }
    user.map(Recipient::User)
}

fn read_number(fields: &mut Fields<'_>) -> Option<PhoneNumber> {
    fields.parsed("to", |text| {
        if looks_like_bsuid(text) {
            Err("is a business-scoped user id: put it into `recipient`".to_owned())
        } else {
            text.parse::<PhoneNumber>()
                .map_err(|error| error.to_string())
        }
    })
}

/// Two letters of a country, a dot, letters and digits.
fn looks_like_bsuid(text: &str) -> bool {
    text.split_once('.').is_some_and(|(country, rest)| {
        country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_alphabetic())
            && !rest.is_empty()
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::domain::fault::{Fault, Faults};
    use serde_json::{Value, json};

    fn read(body: &Value) -> Result<Recipient, Vec<Fault>> {
        let faults = Faults::new();
        let mut fields = Fields::of(body, "", &faults).unwrap();
        let recipient = read_recipient(&mut fields);
        fields.finish();
        faults.into_result(recipient)
    }

    #[test]
    fn a_recipient_is_a_number_a_user_or_a_group() {
        let number = Recipient::Phone("+15550001111".parse().unwrap());
        let user = Recipient::User("US.13491208655302741918".parse().unwrap());
        assert_eq!(read(&json!({"to": "15550001111"})), Ok(number.clone()));
        assert_eq!(
            read(&json!({"recipient_type": "individual", "recipient": "US.13491208655302741918"})),
            Ok(user)
        );
        assert_eq!(
            read(&json!({"to": "+1 555 000 1111", "recipient": "US.1"})),
            Ok(number)
        );
        assert_eq!(
            read(&json!({"to": "Y2FwaV9ncm91cA", "recipient_type": "group"})),
            Ok(Recipient::Group("Y2FwaV9ncm91cA".parse().unwrap()))
        );
    }

    #[test]
    fn every_wrong_recipient_is_told_where_and_what_to_do() {
        for (body, pointer, remedy) in [
            (json!({}), "/to", "`recipient`"),
            (
                json!({"to": "US.13491208655302741918"}),
                "/to",
                "`recipient`",
            ),
            (json!({"to": "020 7946 0000"}), "/to", "country code"),
            (json!({"to": "+91xxxxxxxxxx"}), "/to", "country code"),
            (json!({"to": "1234567890123456"}), "/to", "phone number id"),
            (json!({"to": 15_550_001_111_u64}), "/to", "text"),
            (json!({"to": ""}), "/to", "empty"),
            (json!({"recipient": "15550001111"}), "/recipient", "user id"),
            (
                json!({"to": "+15550001111", "recipient": "no"}),
                "/recipient",
                "user id",
            ),
            (json!({"recipient_type": "group"}), "/to", "required"),
            (
                json!({"recipient_type": "group", "to": "+15550001111"}),
                "/to",
                "phone number",
            ),
            (
                json!({"recipient_type": "group", "to": "G1", "recipient": "US.1"}),
                "/recipient",
                "`to`",
            ),
            (
                json!({"to": "+15550001111", "recipient_type": "crowd"}),
                "/recipient_type",
                "individual, group",
            ),
        ] {
            let faults = read(&body).unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
            let fault = faults.first().unwrap();
            assert_eq!(fault.pointer, pointer);
            assert!(fault.detail.contains(remedy), "{}", fault.detail);
        }
    }
}
