//! Whether a callback URL answers for itself, asked as Meta asks before it posts there.

use super::graph_error::GraphError;
use super::webhooks::Webhooks;
use reqwest::{Response, StatusCode, Url};
use std::net::IpAddr;
use uuid::Uuid;

/// The longest URL Meta takes.
const URL_CHARACTERS: usize = 200;
/// So much of an answer is read: a challenge is shorter.
const ANSWER_BYTES: usize = 4_096;

/// Calls the URL with a challenge, which it must send back.
pub(super) async fn verify(
    webhooks: &Webhooks,
    callback_url: &str,
    verify_token: &str,
) -> Result<(), GraphError> {
    let mut url = read(callback_url)?;
    let challenge = (Uuid::new_v4().as_u128() % 10_000_000_000).to_string();
    url.query_pairs_mut()
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.challenge", &challenge)
        .append_pair("hub.verify_token", verify_token);
    let called = webhooks.client().get(url).send().await;
    let response = called.map_err(|_| GraphError::callback("the URL does not answer"))?;
    let status = response.status();
    if status != StatusCode::OK {
        let name = status.canonical_reason().unwrap_or_default();
        return Err(GraphError::callback(&format!(
            "HTTP Status Code = {}; HTTP Message = {name}",
            status.as_u16()
        )));
    }
    let answer = text(response).await;
    if answer.as_deref() == Some(challenge.as_str()) {
        return Ok(());
    }
    Err(GraphError::challenge(&challenge))
}

/// A URL that may be called from here: a simulator must not call the world on behalf of whoever reaches it.
fn read(callback_url: &str) -> Result<Url, GraphError> {
    if callback_url.chars().count() > URL_CHARACTERS {
        return Err(GraphError::parameter(
            "The callback URL must be at most 200 characters long",
        ));
    }
    let url = callable(callback_url);
    url.ok_or_else(|| {
        GraphError::parameter(
            "The callback URL must be an http or https URL, and for this simulator one of a loopback address",
        )
    })
}

/// Whether a URL may be called from here.
pub(super) fn is_callable(url: &str) -> bool {
    callable(url).is_some()
}

fn callable(url: &str) -> Option<Url> {
    Url::parse(url).ok().filter(is_here)
}

fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = address.parse().is_ok_and(|it: IpAddr| it.is_loopback());
    matches!(url.scheme(), "http" | "https") && (is_loopback || host == "localhost")
}

async fn text(mut response: Response) -> Option<String> {
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        answer.extend_from_slice(&chunk);
        if answer.len() > ANSWER_BYTES {
            return None;
        }
    }
    String::from_utf8(answer).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loopback_address_is_called() {
        for good in [
            "http://127.0.0.1:3001/webhooks/meta/acct_1",
            "https://localhost/",
            "http://[::1]:1/?a=b",
        ] {
            assert!(read(good).is_ok(), "{good}");
        }
        for bad in [
            "http://example.com/",
            "http://10.0.0.1/",
            "http://localhost.example.com/",
            "file:///etc/passwd",
            "127.0.0.1",
            &format!("http://127.0.0.1/{}", "a".repeat(200)),
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
