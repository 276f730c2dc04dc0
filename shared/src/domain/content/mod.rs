//! What a message says: Meta's own message object, checked against Meta's limits.
//!
//! One file per family of types. The object is checked and kept as the caller wrote it, never rewritten. Whom it
//! goes to is another matter: see [`read_recipient`].

mod contacts;
mod draft;
mod interactive;
mod link;
mod location;
mod marketing;
mod media;
mod reaction;
mod recipient;
mod sections;
mod template;
mod text;

#[cfg(test)]
mod tests;

pub use draft::{Draft, FillError};
pub use marketing::{Marketing, ProductPolicy};
pub use recipient::read_recipient;

use super::fault::FaultCode;
use super::fields::{Fields, Stage};
use super::identity::{Recipient, Wamid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// No limit of length is documented; [`LARGEST_OBJECT`] bounds what they are together.
const UNLIMITED: usize = usize::MAX;

/// The most that the object of a message may hold, as JSON. It travels in an item of `DynamoDB`'s, which may have 400 KB
/// with all that is added to it later.
const LARGEST_OBJECT: usize = 200_000;

/// The longest `recipient_identity_key_hash`: none is documented, and Meta's are far shorter.
const LONGEST_HASH: usize = 1_024;

/// The most cards that a carousel has, of a template or not.
const CARDS: usize = 10;

/// No limit of number is documented; this only bounds what a body can make us do.
const ENTRIES: usize = 1000;

/// A checked message object without its recipient: `type`, the object named by it, and what travels beside them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Meta's `type`.
    pub kind: Kind,
    /// The object named by the type, as the caller wrote it.
    pub object: Value,
    /// The message this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Wamid>,
    /// Meta's `recipient_identity_key_hash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_identity_key_hash: Option<String>,
    /// What makes it a marketing message, which Meta takes by a way of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marketing: Option<Marketing>,
}

/// Meta's message types that we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text.
    Text,
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A sound or, with `voice`, a voice message.
    Audio,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
    /// A place.
    Location,
    /// Address cards; its object is an array.
    Contacts,
    /// An emoji on an earlier message.
    Reaction,
    /// An approved template with its parameters.
    Template,
    /// Something to tap: buttons, a list, a link, a flow and more.
    Interactive,
}

impl Kind {
    /// Every type.
    pub const ALL: [Self; 11] = [
        Self::Text,
        Self::Image,
        Self::Video,
        Self::Audio,
        Self::Document,
        Self::Sticker,
        Self::Location,
        Self::Contacts,
        Self::Reaction,
        Self::Template,
        Self::Interactive,
    ];

    /// The type's name, which is also the name of its object.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Sticker => "sticker",
            Self::Location => "location",
            Self::Contacts => "contacts",
            Self::Reaction => "reaction",
            Self::Template => "template",
            Self::Interactive => "interactive",
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Content {
    /// Reads Meta's fields of a message body, all but the recipient. `None` means that faults were added.
    ///
    /// Registers its own names only and leaves it to the caller to finish the reading.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let before = fields.faults().count();
        let kind = read_frame(fields);
        let reply_to = read_reply_to(fields);
        let hash = fields.text("recipient_identity_key_hash", 1..=LONGEST_HASH);
        let marketing = marketing::read(fields, kind);
        let content = kind.and_then(|kind| {
            Some(Self {
                kind,
                object: fields.value(kind.as_str())?.clone(),
                reply_to,
                recipient_identity_key_hash: hash.map(str::to_owned),
                marketing,
            })
        });
        content.filter(|_| fields.faults().count() == before)
    }

    /// Whether it brings a one-time code, which may wait behind nothing.
    #[must_use]
    pub fn brings_code(&self) -> bool {
        self.kind == Kind::Template && template::brings_code(&self.object)
    }

    /// Reads the same fields of a message whose placeholders are filled later, for each recipient: what holds a
    /// placeholder is spared the checks of length and form until then.
    pub fn read_draft(fields: &mut Fields<'_>) -> Option<Draft> {
        let before = fields.faults().count();
        let stage = fields.enter(Stage::Draft);
        let kind = read_frame(fields);
        read_reply_to(fields);
        fields.text("recipient_identity_key_hash", 1..=LONGEST_HASH);
        marketing::read(fields, kind);
        let draft = kind.map(|kind| Draft::of(kind, fields));
        fields.enter(stage);
        draft.filter(|_| fields.faults().count() == before)
    }

    /// The body to put on the wire for `to`, carrying `callback` as `biz_opaque_callback_data`.
    #[must_use]
    pub fn wire(&self, to: &Recipient, callback: &str) -> Map<String, Value> {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("messaging_product", "whatsapp".into());
        let (recipient_type, address, name) = match to {
            Recipient::Phone(number) => ("individual", "to", number.as_str()),
            Recipient::User(user) => ("individual", "recipient", user.as_str()),
            Recipient::Group(group) => ("group", "to", group.as_str()),
        };
        put("recipient_type", recipient_type.into());
        put(address, name.into());
        put("type", self.kind.as_str().into());
        put(self.kind.as_str(), self.object.clone());
        if let Some(reply_to) = &self.reply_to {
            put(
                "context",
                serde_json::json!({"message_id": reply_to.as_str()}),
            );
        }
        if let Some(hash) = &self.recipient_identity_key_hash {
            put("recipient_identity_key_hash", hash.as_str().into());
        }
        put("biz_opaque_callback_data", callback.into());
        if let Some(marketing) = self.marketing {
            marketing.write(&mut body);
        }
        body
    }
}

/// Reads `messaging_product`, `type` and the object it names.
fn read_frame(fields: &mut Fields<'_>) -> Option<Kind> {
    fields.choice("messaging_product", &["whatsapp"]);
    let kind = read_kind(fields)?;
    match kind {
        Kind::Text => text::check(fields),
        Kind::Image | Kind::Video => media::check_captioned(fields, kind.as_str()),
        Kind::Audio => media::check_audio(fields),
        Kind::Document => media::check_document(fields),
        Kind::Sticker => media::check_plain(fields, kind.as_str()),
        Kind::Location => location::check(fields),
        Kind::Contacts => contacts::check(fields),
        Kind::Reaction => reaction::check(fields),
        Kind::Template => template::check(fields),
        Kind::Interactive => interactive::check(fields),
    }
    fields.value_within(kind.as_str(), LARGEST_OBJECT);
    Some(kind)
}

/// Without a `type`, the object that is there says it: Meta's own examples leave it out, for more than texts.
fn read_kind(fields: &mut Fields<'_>) -> Option<Kind> {
    let implied = Kind::ALL.into_iter().find(|kind| fields.has(kind.as_str()));
    if fields.value("type").is_none() && implied.is_some() {
        return implied;
    }
    let names = Kind::ALL.map(Kind::as_str);
    let kind = fields.required_choice("type", &names).and_then(Kind::named);
    if kind.is_none() {
        // Any of the objects may be the one that was meant: one fault is enough.
        for name in names {
            fields.value(name);
        }
    }
    kind
}

fn read_reply_to(fields: &mut Fields<'_>) -> Option<Wamid> {
    let mut context = fields.object("context")?;
    let reply_to = context.required_parsed("message_id", str::parse);
    context.finish();
    reply_to
}

/// Faults every text that stands there a second time.
fn check_distinct<'a>(fields: &Fields<'_>, texts: impl IntoIterator<Item = (String, &'a str)>) {
    let mut seen = std::collections::HashSet::new();
    for (pointer, text) in texts {
        if !seen.insert(text) {
            let detail = "is the same as an earlier one: each must be different";
            fields.faults().add(pointer, FaultCode::Duplicate, detail);
        }
    }
}
