//! A call of one of a provider's functions: its fields, wherever they stand.

use crate::simulator::connection::Connection;
use crate::simulator::graph::pairs;
use crate::simulator::state::State;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A call.
pub(super) struct Request {
    pub(super) state: Arc<State>,
    pub(super) connection: Connection,
    /// What its path ends in.
    pub(super) function: String,
    /// The fields of its body, a form or JSON; none of one that is neither.
    pub(super) fields: Map<String, Value>,
    headers: HeaderMap,
}

impl FromRequest<Arc<State>> for Request {
    type Rejection = Response;

    async fn from_request(
        request: axum::extract::Request,
        state: &Arc<State>,
    ) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let connection = ConnectInfo::<Connection>::from_request_parts(&mut parts, state).await;
        let ConnectInfo(connection) = connection.map_err(IntoResponse::into_response)?;
        let (headers, path) = (parts.headers.clone(), parts.uri.path().to_owned());
        let request = axum::extract::Request::from_parts(parts, body);
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(IntoResponse::into_response)?;
        Ok(Self {
            state: Arc::clone(state),
            connection,
            function: path.rsplit('/').next().unwrap_or_default().to_owned(),
            fields: fields(&body),
            headers,
        })
    }
}

fn fields(body: &[u8]) -> Map<String, Value> {
    let form = || {
        let pairs = pairs(&String::from_utf8_lossy(body)).into_iter();
        pairs
            .map(|(name, text)| (name, Value::String(text)))
            .collect()
    };
    serde_json::from_slice(body).unwrap_or_else(|_| form())
}

impl Request {
    /// A header, if it is a text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The header that holds a key.
    pub(super) fn authorization(&self) -> &str {
        self.header(AUTHORIZATION.as_str()).unwrap_or_default()
    }

    /// A field that is not empty, as text; a number and a truth value are one, too.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = match self.fields.get(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some(text).filter(|text| !text.is_empty())
    }
}
