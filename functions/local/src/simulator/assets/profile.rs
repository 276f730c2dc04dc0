//! The profile people see of a business, checked as Meta checks it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

const VERTICALS: [&str; 21] = [
    "OTHER",
    "AUTO",
    "BEAUTY",
    "APPAREL",
    "EDU",
    "ENTERTAIN",
    "EVENT_PLAN",
    "FINANCE",
    "GROCERY",
    "GOVT",
    "HOTEL",
    "HEALTH",
    "NONPROFIT",
    "PROF_SERVICES",
    "RETAIL",
    "TRAVEL",
    "RESTAURANT",
    "ALCOHOL",
    "ONLINE_GAMBLING",
    "PHYSICAL_GAMBLING",
    "OTC_DRUGS",
];
const WEBSITES: usize = 2;
const WEBSITE_CHARACTERS: usize = 256;

/// A profile: what was set of it, under Meta's names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Profile(Map<String, Value>);

impl Profile {
    /// Sets what is given and leaves the rest, or says what is wrong and changes nothing.
    pub(crate) fn set(&mut self, given: &Map<String, Value>) -> Result<(), String> {
        let mut changed = self.0.clone();
        for (name, value) in given {
            let (name, value) = checked(name, value)?;
            changed.insert(name.to_owned(), value);
        }
        self.0 = changed;
        Ok(())
    }

    /// The profile as Meta shows it.
    pub(crate) fn shown(&self) -> Value {
        let mut shown = self.0.clone();
        shown.insert("messaging_product".to_owned(), "whatsapp".into());
        shown.into()
    }
}

fn checked<'a>(name: &'a str, value: &Value) -> Result<(&'a str, Value), String> {
    match name {
        "about" => text(name, value, 1, 139),
        "address" => text(name, value, 0, 256),
        "description" => text(name, value, 0, 512),
        "email" => email(value),
        "websites" => websites(value),
        "vertical" => vertical(value),
        "profile_picture_handle" => picture(value),
        _ => Err(format!("{name} is not a field of a business profile")),
    }
    .map(|value| match name {
        // What is uploaded is a handle, what is shown a URL.
        "profile_picture_handle" => ("profile_picture_url", value),
        _ => (name, value),
    })
}

fn text(name: &str, value: &Value, shortest: usize, longest: usize) -> Result<Value, String> {
    let length = value.as_str().map(|text| text.chars().count());
    if length.is_some_and(|length| (shortest..=longest).contains(&length)) {
        return Ok(value.clone());
    }
    Err(format!(
        "{name} must be a string of {shortest} to {longest} characters"
    ))
}

fn email(value: &Value) -> Result<Value, String> {
    let value = text("email", value, 0, 128)?;
    let address = value.as_str().unwrap_or_default();
    let parts = address.split_once('@');
    if address.is_empty() || parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
    {
        return Ok(value);
    }
    Err("email must look like name@example.com".to_owned())
}

fn websites(value: &Value) -> Result<Value, String> {
    let is_website = |site: &Value| {
        site.as_str().is_some_and(|site| {
            let has_scheme = site.starts_with("https://") || site.starts_with("http://");
            has_scheme && site.chars().count() <= WEBSITE_CHARACTERS
        })
    };
    let sites = value.as_array();
    if sites.is_some_and(|sites| sites.len() <= WEBSITES && sites.iter().all(is_website)) {
        return Ok(value.clone());
    }
    Err(
        "websites must be at most two URLs of at most 256 characters with http:// or https://"
            .to_owned(),
    )
}

fn vertical(value: &Value) -> Result<Value, String> {
    if value.as_str().is_some_and(|it| VERTICALS.contains(&it)) {
        return Ok(value.clone());
    }
    Err(format!("vertical must be one of {}", VERTICALS.join(", ")))
}

fn picture(value: &Value) -> Result<Value, String> {
    if value.as_str().is_some_and(|handle| !handle.is_empty()) {
        return Ok(json!("https://pps.whatsapp.net/simulated"));
    }
    Err("profile_picture_handle must be the handle of an upload".to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn set(profile: &mut Profile, given: Value) -> Result<(), String> {
        let Value::Object(given) = given else {
            return Err("not an object".to_owned());
        };
        profile.set(&given)
    }

    #[test]
    fn what_is_not_given_stays() {
        let mut profile = Profile::default();
        set(
            &mut profile,
            json!({"about": "Open", "email": "a@example.com"}),
        )
        .unwrap();
        set(&mut profile, json!({"about": "Closed"})).unwrap();
        let shown =
            json!({"messaging_product": "whatsapp", "about": "Closed", "email": "a@example.com"});
        assert_eq!(profile.shown(), shown);
    }

    #[test]
    fn one_bad_field_changes_nothing() {
        let mut profile = Profile::default();
        for bad in [
            json!({"address": "Here", "about": ""}),
            json!({"address": "Here", "about": "a".repeat(140)}),
            json!({"address": "Here", "description": "a".repeat(513)}),
            json!({"address": "Here", "email": "nobody"}),
            json!({"address": "Here", "websites": ["example.com"]}),
            json!({"address": "Here", "websites": ["https://a", "https://b", "https://c"]}),
            json!({"address": "Here", "vertical": "SPACE"}),
            json!({"address": "Here", "phone": "1"}),
        ] {
            assert!(set(&mut profile, bad.clone()).is_err(), "{bad}");
        }
        assert_eq!(profile, Profile::default());
    }
}
