//! What went over the wire, for whoever tests a key.
//!
//! Only what runs within [`recorded`] is written down, beside the call and not in its way: what is recorded is what is sent
//! in any case. The secret may stand anywhere in it, so nothing of it can be seen before that is masked.

use super::http::USER_AGENT;
use super::masking::masked;
use crate::domain::secret::SecretText;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, SET_COOKIE};
use reqwest::{RequestBuilder, Response, Url};
use std::cell::RefCell;

/// In the place of a secret that is not the one that was called with.
const MASK: &str = "***";

tokio::task_local! {
    static RECORD: RefCell<Option<Raw>>;
}

/// One exchange with a provider, without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// `POST` or another.
    pub method: String,
    /// Where it went.
    pub url: String,
    /// What was said.
    pub request: Said,
    /// What was answered, as far as it came.
    pub response: Option<(u16, Said)>,
}

/// One side of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Names and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The body; what is no text in it is replaced.
    pub body: String,
}

/// What was written down of a call. It cannot be seen as it is.
pub struct Recorded(Option<Raw>);

struct Raw {
    method: String,
    url: Url,
    request: RawSaid,
    response: Option<(u16, RawSaid)>,
}

#[derive(Default)]
struct RawSaid {
    /// Whether a value is a secret, too.
    headers: Vec<(String, String, bool)>,
    body: Vec<u8>,
}

/// Does what `call` does, and writes down the newest request that a provider was sent within it, with the answer.
pub async fn recorded<T>(call: impl Future<Output = T>) -> (T, Recorded) {
    let recording = async {
        let done = call.await;
        (done, Recorded(RECORD.with(RefCell::take)))
    };
    RECORD.scope(RefCell::new(None), recording).await
}

impl Recorded {
    /// What went over the wire, if anything did, with the secret masked wherever it stands.
    #[must_use]
    pub fn masked(self, secret: &SecretText) -> Option<Exchange> {
        let raw = self.0?;
        Some(Exchange {
            method: raw.method,
            url: masked(raw.url.as_str(), secret),
            request: raw.request.masked(secret),
            response: raw
                .response
                .map(|(status, said)| (status, said.masked(secret))),
        })
    }
}

impl RawSaid {
    fn masked(self, secret: &SecretText) -> Said {
        let headers = self.headers.into_iter().map(|(name, value, is_secret)| {
            let shown = masked(&value, secret);
            let hides = is_secret && shown == value;
            (name, if hides { MASK.to_owned() } else { shown })
        });
        Said {
            headers: headers.collect(),
            body: masked(&String::from_utf8_lossy(&self.body), secret),
        }
    }
}

/// Nearly every call is made by nobody who records it.
fn if_recording(note: impl FnOnce(&RefCell<Option<Raw>>)) {
    let _ = RECORD.try_with(note);
}

/// Writes a request down that is about to be sent.
pub(super) fn note_request(request: &RequestBuilder) {
    let note = |record: &RefCell<Option<Raw>>| {
        let built = request.try_clone().and_then(|it| it.build().ok());
        let raw = built.map(|built| {
            let body = built.body().and_then(reqwest::Body::as_bytes);
            let body = body.unwrap_or_default().to_vec();
            let mut headers = added(built.url(), body.len());
            headers.extend(listed(built.headers()));
            Raw {
                method: built.method().to_string(),
                url: built.url().clone(),
                request: RawSaid { headers, body },
                response: None,
            }
        });
        record.replace(raw);
    };
    if_recording(note);
}

/// Writes down how its answer begins.
pub(super) fn note_head(response: &Response) {
    let head = RawSaid {
        headers: listed(response.headers()),
        body: Vec::new(),
    };
    let status = response.status().as_u16();
    if_recording(|record| {
        if let Some(raw) = record.borrow_mut().as_mut() {
            raw.response = Some((status, head));
        }
    });
}

/// Writes down what came of its body.
pub(super) fn note_body(part: &[u8]) {
    if_recording(|record| {
        let mut record = record.borrow_mut();
        let said = record.as_mut().and_then(|raw| raw.response.as_mut());
        if let Some((_, said)) = said {
            said.body.extend_from_slice(part);
        }
    });
}

/// The headers that the client adds to each request on its way.
fn added(url: &Url, length: usize) -> Vec<(String, String, bool)> {
    let host = url.host_str().unwrap_or_default();
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let header = |name: HeaderName, value: String| (name.to_string(), value, false);
    vec![
        header(HOST, host),
        header(reqwest::header::USER_AGENT, USER_AGENT.to_owned()),
        header(ACCEPT, "*/*".to_owned()),
        header(CONTENT_LENGTH, length.to_string()),
    ]
}

fn listed(headers: &HeaderMap) -> Vec<(String, String, bool)> {
    let headers = headers.iter().map(|(name, value)| {
        let is_secret = value.is_sensitive() || name == SET_COOKIE;
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), value, is_secret)
    });
    headers.collect()
}

#[cfg(test)]
mod tests;
