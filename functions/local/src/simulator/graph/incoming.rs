//! A call of the Graph API outside of sending: whom it concerns, and its parameters, wherever they stand.

use crate::simulator::access::Request;
use crate::simulator::graph_error::GraphError;
use crate::simulator::state::State as Simulator;
use axum::extract::{FromRequest, FromRequestParts, Path};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Uri};
use bytes::Bytes;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// A call, with its version checked.
pub(super) struct Incoming {
    pub(super) simulator: Arc<Simulator>,
    /// The id in its path, if there is one.
    pub(super) id: String,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    verb: String,
    body: Bytes,
}

/// The parameters of a call: Meta takes them from the query, from a form and from JSON alike.
pub(super) struct Params(Map<String, Value>);

impl FromRequest<Arc<Simulator>> for Incoming {
    type Rejection = GraphError;

    async fn from_request(
        request: axum::extract::Request,
        simulator: &Arc<Simulator>,
    ) -> Result<Self, GraphError> {
        let (mut parts, body) = request.into_parts();
        let path = Path::<HashMap<String, String>>::from_request_parts(&mut parts, simulator).await;
        let mut path = path.map_err(|error| GraphError::parameter(&error.body_text()))?;
        super::check_version(path.get("version").map_or("", String::as_str))?;
        let (verb, uri, headers) = (
            parts.method.as_str().to_ascii_lowercase(),
            parts.uri.clone(),
            parts.headers.clone(),
        );
        let request = axum::extract::Request::from_parts(parts, body);
        let body = Bytes::from_request(request, simulator).await;
        Ok(Self {
            simulator: Arc::clone(simulator),
            id: path.remove("id").unwrap_or_default(),
            uri,
            headers,
            verb,
            body: body.map_err(|error| GraphError::parameter(&error.body_text()))?,
        })
    }
}

impl Incoming {
    /// Who calls, to be asked for.
    pub(super) fn request(&self) -> Request<'_> {
        Request {
            state: &self.simulator,
            verb: &self.verb,
            uri: &self.uri,
            headers: &self.headers,
        }
    }

    /// The fields that are asked for, if not all.
    pub(super) fn fields(&self) -> Option<String> {
        self.query("fields")
    }

    /// A parameter of the query.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let mut pairs = pairs(self.uri.query()?).into_iter();
        pairs.find(|(it, _)| it == name).map(|(_, value)| value)
    }

    /// Its parameters. Of two with one name that of the body holds.
    pub(super) fn params(&self) -> Result<Params, GraphError> {
        let query = pairs(self.uri.query().unwrap_or_default());
        let mut params: Map<String, Value> = query.into_iter().map(typed).collect();
        if self.is_form() {
            let body = String::from_utf8_lossy(&self.body);
            params.extend(pairs(&body).into_iter().map(typed));
        } else if !self.body.trim_ascii().is_empty() {
            let body: Map<String, Value> = serde_json::from_slice(&self.body)
                .map_err(|_| GraphError::parameter("The request body must be a JSON object"))?;
            params.extend(body);
        }
        params.remove("access_token");
        Ok(Params(params))
    }

    fn is_form(&self) -> bool {
        let kind = self.headers.get(CONTENT_TYPE);
        let is_json = |body: &[u8]| body.trim_ascii_start().starts_with(b"{");
        // `curl -d` calls everything a form, and who copies Meta's examples sends JSON so.
        kind.is_some_and(|kind| {
            kind.as_bytes()
                .starts_with(b"application/x-www-form-urlencoded")
        }) && !is_json(&self.body)
    }
}

impl Params {
    /// Parameters that stand inside another one.
    pub(super) fn of(object: Map<String, Value>) -> Self {
        Self(object)
    }

    /// A parameter as text; a number is one, too.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A text that must be given and must not be empty.
    pub(super) fn required(&self, name: &str) -> Result<String, GraphError> {
        let given = self.text(name).filter(|text| !text.is_empty());
        given.ok_or_else(|| GraphError::parameter(&format!("The parameter {name} is required.")))
    }

    /// A parameter that is an object.
    pub(super) fn object(&self, name: &str) -> Option<Map<String, Value>> {
        self.0.get(name)?.as_object().cloned()
    }

    /// Checks that it is said for which product the call is.
    pub(super) fn check_product(&self) -> Result<(), GraphError> {
        match self.required("messaging_product")?.as_str() {
            "whatsapp" | "WHATSAPP" => Ok(()),
            _ => Err(GraphError::parameter(
                "Param messaging_product must be one of {WHATSAPP}",
            )),
        }
    }

    /// All of them but that.
    pub(super) fn without_product(mut self) -> Map<String, Value> {
        self.0.remove("messaging_product");
        self.0
    }
}

/// In a query and in a form lists and objects are written as JSON, everything else is text.
fn typed((name, text): (String, String)) -> (String, Value) {
    let nested = text.starts_with(['[', '{']);
    let nested = nested.then(|| serde_json::from_str(&text).ok()).flatten();
    (name, nested.unwrap_or(Value::String(text)))
}

/// The pairs of a query or of a form.
pub(in crate::simulator) fn pairs(query: &str) -> Vec<(String, String)> {
    let Ok(mut url) = reqwest::Url::parse("http://localhost/") else {
        return Vec::new();
    };
    url.set_query(Some(query));
    url.query_pairs().into_owned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_text_is_written_as_json() {
        let read = |text: &str| typed((String::new(), text.to_owned())).1;
        assert_eq!(read("[\"https://a\"]"), serde_json::json!(["https://a"]));
        assert_eq!(read("123456"), Value::from("123456"));
        assert_eq!(read("[open]"), Value::from("[open]"));
    }

    #[test]
    fn a_query_is_read_with_its_escapes() {
        let read = pairs("a=1+2&b=%7B%22c%22%3A1%7D&d");
        let expected = [("a", "1 2"), ("b", "{\"c\":1}"), ("d", "")];
        assert_eq!(
            read,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
