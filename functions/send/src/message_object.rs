//! Meta's message object as the OpenAPI document describes it. It is read field by field, by `Content::read` and
//! `Content::read_draft`, so that all faults are told.

use heliograph::domain::content::{Kind, ProductPolicy};

/// Meta's message object without its recipient: `type`, the object of that name, and what travels beside them. Each
/// object is as Meta documents it.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes the body")]
pub(crate) struct MessageObject {
    /// `whatsapp`, if it is given.
    #[schema(pattern = "^whatsapp$")]
    messaging_product: Option<String>,
    /// Meta's message type; without it, the object that is there says it.
    r#type: Option<Kind>,
    /// `{"body": …}`.
    #[schema(value_type = Option<Object>, example = json!({"body": "Hello from Heliograph"}))]
    text: Option<()>,
    /// A picture, by `id` or `link`.
    #[schema(value_type = Option<Object>)]
    image: Option<()>,
    /// A film, by `id` or `link`.
    #[schema(value_type = Option<Object>)]
    video: Option<()>,
    /// A sound, by `id` or `link`.
    #[schema(value_type = Option<Object>)]
    audio: Option<()>,
    /// A file, by `id` or `link`.
    #[schema(value_type = Option<Object>)]
    document: Option<()>,
    /// A sticker, by `id` or `link`.
    #[schema(value_type = Option<Object>)]
    sticker: Option<()>,
    /// A place.
    #[schema(value_type = Option<Object>)]
    location: Option<()>,
    /// Address cards.
    #[schema(value_type = Option<Vec<Object>>)]
    contacts: Option<()>,
    /// An emoji on an earlier message.
    #[schema(value_type = Option<Object>)]
    reaction: Option<()>,
    /// An approved template with its parameters.
    #[schema(value_type = Option<Object>)]
    template: Option<()>,
    /// Something to tap: buttons, a list, a link, a flow and more.
    #[schema(value_type = Option<Object>)]
    interactive: Option<()>,
    /// The message this one answers.
    context: Option<ReplyTo>,
    /// Not to be delivered if the person's identity has another hash.
    #[schema(min_length = 1, max_length = 1024)]
    recipient_identity_key_hash: Option<String>,
    /// Of a template: it goes as a marketing message; `STRICT`: or not at all.
    product_policy: Option<ProductPolicy>,
    /// Of a template: it goes as a marketing message, and Meta may use what the person does with it or may not.
    message_activity_sharing: Option<bool>,
}

/// The message that another one answers.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes the body")]
pub(crate) struct ReplyTo {
    /// The provider's id of it.
    #[schema(min_length = 1)]
    message_id: String,
}
