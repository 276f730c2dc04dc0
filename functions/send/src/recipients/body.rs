//! The JSON body of a call for recipients: for the OpenAPI document; it is read line by line.

use serde_json::Value;

/// Recipients to add.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read line by line"
)]
pub(crate) struct RecipientsBody {
    /// Up to 5,000.
    #[schema(min_items = 1, max_items = 5000)]
    recipients: Vec<RecipientBody>,
}

/// One recipient.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read line by line"
)]
pub(crate) struct RecipientBody {
    /// The number, with its country code; or, with `recipient_type` group, the group's id. May be absent only if
    /// `recipient` is there.
    #[schema(example = "+15550002001")]
    to: Option<String>,
    /// A business-scoped user id, for a person whose number is not known.
    recipient: Option<String>,
    /// `individual` or `group`.
    recipient_type: Option<String>,
    /// What fills the placeholders.
    variables: Option<Variables>,
    /// Your own name for this recipient.
    reference: Option<String>,
}

/// What fills the placeholders: an array for `{{1}}`, an object for `{{name}}`.
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read line by line"
)]
pub(crate) enum Variables {
    /// By place: the first fills `{{1}}`.
    Places(Vec<Value>),
    /// By name.
    #[schema(value_type = Object, example = json!({"name": "Ada"}))]
    Names(Value),
}
