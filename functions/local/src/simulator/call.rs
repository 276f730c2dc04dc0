//! What a body posted to `/messages` or `/marketing_messages` asks for, checked as Meta checks it.

use super::assets::Number;
use super::graph_error::GraphError;
use super::recipient::Recipient;
use super::statuses::refusal;
use serde_json::{Map, Value, json};

const TYPES: [&str; 12] = [
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "reaction",
    "interactive",
    "template",
    "pin",
];
const TEXT_CHARACTERS: usize = 4096;
const CALLBACK_CHARACTERS: usize = 512;

/// A body that is a JSON object, not checked any further.
#[derive(Debug)]
pub(super) struct Call {
    /// What it was posted to.
    path: String,
    body: Map<String, Value>,
}

/// A send that Meta would accept.
#[derive(Debug)]
pub(super) struct Send {
    pub(super) path: String,
    pub(super) recipient: Recipient,
    pub(super) callback: Option<String>,
    input: String,
    is_template: bool,
}

impl Call {
    /// Reads a body posted to `path`.
    pub(super) fn read(path: &str, body: &[u8]) -> Result<Self, GraphError> {
        let path = path.to_owned();
        serde_json::from_slice(body)
            .map(|body| Self { path, body })
            .map_err(|_| GraphError::parameter("The request body must be a JSON object"))
    }

    /// Whether it marks a message as read (and perhaps shows that we type) instead of sending one.
    pub(super) fn is_receipt(&self) -> bool {
        self.text("status") == Some("read")
    }

    /// Checks a body that marks a message as read.
    pub(super) fn check_receipt(&self) -> Result<(), GraphError> {
        self.check_product()?;
        match self.text("message_id") {
            Some(id) if id.starts_with("wamid.") => Ok(()),
            Some(_) => Err(GraphError::with_details(131_009, "Invalid message_id")),
            None => Err(GraphError::parameter(
                "The parameter message_id is required.",
            )),
        }
    }

    /// Whom it goes to, if it says so in a way that can be read.
    pub(super) fn recipient(&self, sender: &Number) -> Option<Recipient> {
        match self.text("to") {
            Some(id) if self.text("recipient_type") == Some("group") => {
                Recipient::from_group_id(id)
            }
            Some(to) => Recipient::from_to(to, &sender.display_phone_number),
            None => Recipient::from_user_id(self.text("recipient")?),
        }
    }

    /// The template it names, by name and language.
    pub(super) fn template(&self) -> Option<(&str, &str)> {
        let template = self.body.get("template")?;
        let text = |pointer| template.pointer(pointer).and_then(Value::as_str);
        Some((text("/name")?, text("/language/code")?))
    }

    /// Checks a body that sends.
    pub(super) fn check_send(&self, sender: &Number) -> Result<Send, GraphError> {
        self.check_product()?;
        let Some(input) = self.text("to").or(self.text("recipient")) else {
            return Err(GraphError::parameter("The parameter to is required."));
        };
        let kind = self.check_type()?;
        if self.path == "marketing_messages" && kind != "template" {
            return Err(GraphError::of_code(134_100));
        }
        let recipient = self.recipient(sender).ok_or_else(|| {
            GraphError::with_details(131_009, "Parameter value is not valid: to or recipient")
        })?;
        if recipient.shown() == sender.display_phone_number {
            return Err(GraphError::of_code(131_021));
        }
        if let Some(code) = refusal(&recipient) {
            return Err(GraphError::of_code(code));
        }
        Ok(Send {
            path: self.path.clone(),
            recipient,
            callback: self.check_callback()?,
            input: input.to_owned(),
            is_template: kind == "template",
        })
    }

    fn check_product(&self) -> Result<(), GraphError> {
        match self.text("messaging_product") {
            Some("whatsapp") => Ok(()),
            Some(_) => Err(GraphError::parameter(
                "Param messaging_product must be one of {WHATSAPP}",
            )),
            None => Err(GraphError::parameter(
                "The parameter messaging_product is required.",
            )),
        }
    }

    fn check_type(&self) -> Result<&str, GraphError> {
        let kind = match self.body.get("type") {
            None => "text",
            Some(kind) => kind.as_str().unwrap_or_default(),
        };
        if !TYPES.contains(&kind) {
            let types = TYPES.join(", ").to_uppercase();
            let message = format!("Param type must be one of {{{types}}} - got another.");
            return Err(GraphError::parameter(&message));
        }
        let content = self.body.get(kind).ok_or_else(|| missing(kind))?;
        match kind {
            "contacts" if content.is_array() => {}
            _ if content.is_object() => {}
            _ => return Err(GraphError::with_details(131_009, format!("Invalid {kind}"))),
        }
        match kind {
            "text" => check_text(content)?,
            "template" => {
                required(content, "/name", "template['name']")?;
                required(content, "/language/code", "template['language']['code']")?;
            }
            "reaction" => required(content, "/message_id", "reaction['message_id']")?,
            "interactive" => required(content, "/type", "interactive['type']")?,
            "image" | "video" | "audio" | "document" | "sticker"
                if content.get("id").is_none() && content.get("link").is_none() =>
            {
                return Err(missing(&format!("{kind}['id'] or {kind}['link']")));
            }
            _ => {}
        }
        Ok(kind)
    }

    fn check_callback(&self) -> Result<Option<String>, GraphError> {
        match self.body.get("biz_opaque_callback_data") {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= CALLBACK_CHARACTERS => {
                Ok(Some(text.clone()))
            }
            Some(_) => Err(GraphError::parameter(
                "Param biz_opaque_callback_data must be a string of at most 512 characters",
            )),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.body
            .get(name)?
            .as_str()
            .filter(|text| !text.is_empty())
    }
}

impl Send {
    /// What Meta answers when it accepts.
    pub(super) fn answer(&self, wamid: &str) -> Value {
        let contact = match &self.recipient {
            Recipient::Phone(digits) => json!({"input": self.input, "wa_id": digits}),
            Recipient::User(user_id) => json!({"input": self.input, "user_id": user_id}),
            Recipient::Group(_) => json!({"input": self.input, "wa_id": self.input}),
        };
        let message = match (&self.recipient, self.is_template) {
            (Recipient::Group(_), _) => json!({"id": wamid, "group_id": self.input}),
            (_, true) => json!({"id": wamid, "message_status": "accepted"}),
            (_, false) => json!({"id": wamid}),
        };
        json!({"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]})
    }
}

fn check_text(content: &Value) -> Result<(), GraphError> {
    required(content, "/body", "text['body']")?;
    let body = content
        .get("body")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if body.chars().count() > TEXT_CHARACTERS {
        return Err(GraphError::parameter(
            "Param text['body'] must be at most 4096 characters long.",
        ));
    }
    Ok(())
}

fn required(content: &Value, pointer: &str, name: &str) -> Result<(), GraphError> {
    let text = content.pointer(pointer).and_then(Value::as_str);
    if text.is_some_and(|text| !text.is_empty()) {
        return Ok(());
    }
    Err(missing(name))
}

fn missing(name: &str) -> GraphError {
    GraphError::with_details(131_008, format!("Required parameter is missing: {name}"))
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]
    use super::*;
    use std::path::Path;

    fn check(body: &Value) -> Result<Send, GraphError> {
        let sender = Number::new("100000000000001", "+15550001000", "200000000000001");
        Call::read("messages", body.to_string().as_bytes())
            .unwrap()
            .check_send(&sender)
    }

    fn text(to: &str) -> Value {
        json!({"messaging_product": "whatsapp", "to": to, "text": {"body": "Hello"}})
    }

    #[test]
    fn the_type_is_text_unless_it_is_said() {
        let send = check(&text("+15550001111")).unwrap();
        assert_eq!(send.recipient.shown(), "+15550001111");
        assert_eq!(
            send.answer("wamid.A")["contacts"][0]["wa_id"],
            "15550001111"
        );
    }

    #[test]
    fn a_body_that_meta_refuses_is_refused() {
        let mut no_product = text("+15550001111");
        no_product["messaging_product"] = "sms".into();
        let mut no_body = text("+15550001111");
        no_body["text"] = json!({});
        let mut odd_type = text("+15550001111");
        odd_type["type"] = "telegram".into();
        let no_object =
            json!({"messaging_product": "whatsapp", "to": "+15550001111", "type": "image"});
        for refused in [
            no_product,
            no_body,
            odd_type,
            no_object,
            text("bob"),
            text("+15550001000"),
        ] {
            assert!(check(&refused).is_err(), "{refused}");
        }
        let refused = check(&text("+15558131047")).unwrap_err();
        assert_eq!(refused, GraphError::of_code(131_047));
    }

    #[test]
    fn real_bodies_are_accepted() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/send");
        let Ok(files) = std::fs::read_dir(folder) else {
            return;
        };
        for file in files.map(|file| file.unwrap().path()) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let body: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            let to = body.get("to").or(body.get("recipient"));
            let sends = name.contains("__req-") && body.get("type").is_some();
            // Some of Meta's examples hold a placeholder where a number belongs.
            let to_someone = to.and_then(Value::as_str).is_some_and(|to| {
                to.ends_with(|last: char| last.is_ascii_digit())
                    || body["recipient_type"] == "group"
            });
            if sends && to_someone {
                assert!(check(&body).is_ok(), "{name}: {:?}", check(&body).err());
            }
        }
    }
}
