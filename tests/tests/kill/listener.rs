//! A caller who keeps every byte that is answered, and every secret that was ever given or drawn.

use super::needles::{Searchable, Secret};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tests::Desk;

/// The caller.
pub(crate) struct Listener<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) secrets: Vec<Secret>,
    answers: Vec<Heard>,
}

/// What was asked, and all that was answered: status, headers, body.
struct Heard {
    asked: String,
    answer: Searchable,
}

/// An answer as its asker needs it.
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// Its place among all answers.
    pub(crate) place: usize,
}

impl Told {
    #[track_caller]
    pub(crate) fn with(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// A text in it, by its pointer.
    #[track_caller]
    pub(crate) fn text(&self, pointer: &str) -> String {
        let found = self.body.pointer(pointer).and_then(Value::as_str);
        found.unwrap().to_owned()
    }
}

impl<'a> Listener<'a> {
    pub(crate) fn at(desk: &'a Desk) -> Self {
        Self {
            desk,
            secrets: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Asks by the HTTP API with a key, or a session's token.
    pub(crate) async fn ask(&mut self, key: &str, method: Method, path: &str) -> Told {
        let request = self.desk.with_key(key, method.clone(), path);
        self.hear(format!("{method} {path}"), request).await
    }

    /// The same with a body.
    pub(crate) async fn give(
        &mut self,
        key: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Told {
        let request = self.desk.with_key(key, method.clone(), path).json(body);
        self.hear(format!("{method} {path}"), request).await
    }

    /// Sends any request, and keeps the answer.
    pub(crate) async fn hear(&mut self, asked: String, request: RequestBuilder) -> Told {
        let response = request.send().await.unwrap();
        let status = response.status();
        let mut bytes = format!("{status} {:?}\n", response.headers()).into_bytes();
        let body = response.bytes().await.unwrap();
        bytes.extend_from_slice(&body);
        let answer = Searchable::of(&bytes);
        self.answers.push(Heard { asked, answer });
        Told {
            status: status.as_u16(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
            place: self.answers.len() - 1,
        }
    }

    /// That this is a secret which no answer may show.
    pub(crate) fn keep(&mut self, what: &str, text: &str) {
        self.add(what, text, None);
    }

    /// That this is one which the answer shows that gave it, and no other.
    pub(crate) fn shown(&mut self, what: &str, told: &Told, pointer: &str) -> String {
        let text = told.text(pointer);
        self.add(what, &text, Some(told.place));
        text
    }

    fn add(&mut self, what: &str, text: &str, shown_in: Option<usize>) {
        if !self.secrets.iter().any(|it| it.is(text)) {
            self.secrets.push(Secret::new(what, text, shown_in));
        }
    }

    /// Which answer shows which secret that it may not show.
    pub(crate) fn found_in_answers(&self) -> Vec<String> {
        let mut found = Vec::new();
        for secret in &self.secrets {
            for (place, heard) in self.answers.iter().enumerate() {
                let is_in = secret.is_in(&heard.answer) || secret.is_in_hex(&heard.answer);
                if is_in && secret.shown_in != Some(place) {
                    found.push(format!("{}: the answer to {}", secret.what, heard.asked));
                }
            }
        }
        found
    }
}
