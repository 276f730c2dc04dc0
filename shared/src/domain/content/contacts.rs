//! `contacts`: address cards. Their texts are shown, not used, so only what Meta needs is asked for.

use super::{ENTRIES, Fields, UNLIMITED};
use crate::domain::fault::FaultCode;
use jiff::civil::Date;

const MOST: usize = 257;

pub(super) fn check(message: &mut Fields<'_>) {
    for contact in message.required_objects("contacts", 1..=MOST) {
        check_contact(contact);
    }
}

fn check_contact(mut contact: Fields<'_>) {
    if let Some(mut name) = contact.required_object("name") {
        name.required_text("formatted_name", 1..=UNLIMITED);
        let rest = ["first_name", "last_name", "middle_name", "prefix", "suffix"];
        check_texts(name, &rest);
    }
    if let Some(org) = contact.object("org") {
        check_texts(org, &["company", "department", "title"]);
    }
    contact.parsed("birthday", parse_birthday);
    for mut phone in contact.objects("phones", 0..=ENTRIES) {
        phone.text("phone", 1..=UNLIMITED);
        phone.text("wa_id", 1..=UNLIMITED);
        if phone.value("phone").is_none() && phone.value("wa_id").is_none() {
            phone.fault("phone", FaultCode::Required, "is required, or a wa_id");
        }
        check_texts(phone, &["type"]);
    }
    for mut email in contact.objects("emails", 0..=ENTRIES) {
        email.required_text("email", 1..=UNLIMITED);
        check_texts(email, &["type"]);
    }
    for mut url in contact.objects("urls", 0..=ENTRIES) {
        url.required_text("url", 1..=UNLIMITED);
        check_texts(url, &["type"]);
    }
    for address in contact.objects("addresses", 0..=ENTRIES) {
        let parts = [
            "street",
            "city",
            "state",
            "zip",
            "country",
            "country_code",
            "type",
        ];
        check_texts(address, &parts);
    }
    contact.finish();
}

fn check_texts(mut object: Fields<'_>, names: &[&'static str]) {
    for name in names {
        object.text(name, 0..=UNLIMITED);
    }
    object.finish();
}

fn parse_birthday(text: &str) -> Result<Date, &'static str> {
    let date = text
        .parse()
        .ok()
        .filter(|_| text.len() == "2000-01-31".len());
    date.ok_or("must be a date such as 2000-01-31")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
    use crate::domain::content::tests::{accepts, refuses};
    use crate::domain::fault::FaultCode::{
        Invalid, Required, TooFew, TooMany, UnknownField, WrongType,
    };
    use serde_json::{Value, json};

    fn card() -> Value {
        json!({"name": {"formatted_name": "Ann", "first_name": "Ann"}})
    }

    #[test]
    fn a_message_carries_1_to_257_contacts() {
        accepts("contacts", json!(vec![card(); 257]));
        refuses("contacts", json!(vec![card(); 258]), "/contacts", TooMany);
        refuses("contacts", json!([]), "/contacts", TooFew);
        refuses("contacts", card(), "/contacts", WrongType);
        refuses("contacts", json!([card(), "Ann"]), "/contacts/1", WrongType);
    }

    #[test]
    fn a_contact_has_a_name_and_no_field_that_meta_does_not_know() {
        for (field, value, pointer, code) in [
            (
                "name",
                json!({}),
                "/contacts/0/name/formatted_name",
                Required,
            ),
            ("name", json!(null), "/contacts/0/name", Required),
            (
                "birthday",
                json!("31.1.2000"),
                "/contacts/0/birthday",
                Invalid,
            ),
            (
                "birthday",
                json!("2000-02-30"),
                "/contacts/0/birthday",
                Invalid,
            ),
            (
                "phones",
                json!([{}]),
                "/contacts/0/phones/0/phone",
                Required,
            ),
            ("phones", json!({}), "/contacts/0/phones", WrongType),
            (
                "emails",
                json!([{}]),
                "/contacts/0/emails/0/email",
                Required,
            ),
            ("urls", json!([{}]), "/contacts/0/urls/0/url", Required),
            (
                "addresses",
                json!([{"zip": 1}]),
                "/contacts/0/addresses/0/zip",
                WrongType,
            ),
            (
                "org",
                json!({"boss": "x"}),
                "/contacts/0/org/boss",
                UnknownField,
            ),
            ("age", json!(3), "/contacts/0/age", UnknownField),
        ] {
            let mut card = card();
            card[field] = value;
            refuses("contacts", json!([card]), pointer, code);
        }
        let mut card = card();
        card["birthday"] = json!("2000-01-31");
        card["phones"] = json!([{"phone": "+1 555 000 1111", "type": "Mobile"}]);
        accepts("contacts", json!([card]));
    }
}
