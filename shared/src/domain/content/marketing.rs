//! What only a marketing message carries. A message that has any of it takes Meta's own way for such messages.

use super::Kind;
use crate::domain::fault::FaultCode;
use crate::domain::fields::Fields;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The names of the fields.
pub(super) const FIELDS: [&str; 2] = ["product_policy", "message_activity_sharing"];

/// Meta's fields of a marketing message; what is absent is left to Meta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marketing {
    /// Whether it may go as any other message where it cannot go as a marketing message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_policy: Option<ProductPolicy>,
    /// Whether Meta may use what the person does with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_activity_sharing: Option<bool>,
}

/// Meta's `product_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProductPolicy {
    /// It goes as any other message where it cannot go as a marketing message.
    CloudApiFallback,
    /// It goes as a marketing message or not at all.
    Strict,
}

impl ProductPolicy {
    const ALL: [Self; 2] = [Self::CloudApiFallback, Self::Strict];

    const fn as_str(self) -> &'static str {
        match self {
            Self::CloudApiFallback => "CLOUD_API_FALLBACK",
            Self::Strict => "STRICT",
        }
    }
}

/// Reads the fields of a message of this kind; they go with a template only.
pub(super) fn read(fields: &mut Fields<'_>, kind: Option<Kind>) -> Option<Marketing> {
    let names = ProductPolicy::ALL.map(ProductPolicy::as_str);
    let policy = fields.choice("product_policy", &names);
    let marketing = Marketing {
        product_policy: ProductPolicy::ALL
            .into_iter()
            .find(|known| Some(known.as_str()) == policy),
        message_activity_sharing: fields.boolean("message_activity_sharing"),
    };
    let given: Vec<&str> = FIELDS.into_iter().filter(|name| fields.has(name)).collect();
    if kind.is_some_and(|kind| kind != Kind::Template) {
        for name in &given {
            let detail = "goes with a message of type template only";
            fields.fault(name, FaultCode::NotAllowed, detail);
        }
    }
    (!given.is_empty()).then_some(marketing)
}

impl Marketing {
    /// Adds the fields to the body for the wire.
    pub(super) fn write(self, body: &mut Map<String, Value>) {
        let policy = self.product_policy.map(ProductPolicy::as_str);
        let values = [
            policy.map(Value::from),
            self.message_activity_sharing.map(Value::from),
        ];
        for (name, value) in FIELDS.into_iter().zip(values) {
            if let Some(value) = value {
                body.insert(name.to_owned(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use crate::domain::content::tests::{places, read};
    use crate::domain::fault::FaultCode;
    use crate::domain::identity::Recipient;
    use serde_json::{Value, json};

    fn template() -> Value {
        json!({"name": "offer", "language": {"code": "en"}})
    }

    #[test]
    fn a_template_carries_its_marketing_fields_as_they_were_given() {
        let to = Recipient::Phone("+15550001111".parse().unwrap());
        for (policy, sharing) in [
            (Some("STRICT"), Some(false)),
            (Some("CLOUD_API_FALLBACK"), None),
            (None, Some(true)),
        ] {
            let body = json!({"template": template(), "product_policy": policy, "message_activity_sharing": sharing});
            let content = read(&body).unwrap();
            assert!(content.marketing.is_some());
            let wire = content.wire(&to, "msg_1");
            assert_eq!(wire.get("product_policy"), policy.map(Value::from).as_ref());
            let sharing = sharing.map(Value::from);
            assert_eq!(wire.get("message_activity_sharing"), sharing.as_ref());
        }
        let plain = read(&json!({"template": template()})).unwrap();
        assert_eq!(plain.marketing, None);
    }

    #[test]
    fn marketing_fields_are_refused_elsewhere_and_in_another_form() {
        let text = json!({"body": "Hi"});
        for (body, pointer, code) in [
            (
                json!({"text": text, "product_policy": "STRICT"}),
                "/product_policy",
                FaultCode::NotAllowed,
            ),
            (
                json!({"text": text, "message_activity_sharing": true}),
                "/message_activity_sharing",
                FaultCode::NotAllowed,
            ),
            (
                json!({"template": template(), "product_policy": "LAX"}),
                "/product_policy",
                FaultCode::Invalid,
            ),
            (
                json!({"template": template(), "message_activity_sharing": "yes"}),
                "/message_activity_sharing",
                FaultCode::WrongType,
            ),
        ] {
            let faults = read(&body).unwrap_err();
            assert_eq!(places(&faults), [(pointer, code)], "{body}");
        }
    }
}
