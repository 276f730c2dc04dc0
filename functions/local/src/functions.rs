//! The functions, built as their binaries build them, from the environment the template would give them.

use crate::provision::Provisioned;
use anyhow::Result;
use axum::http::Method;
use axum::routing::get;
use axum::{Json, Router};
use heliograph::service::aws::Aws;

/// Every function's state.
pub(crate) struct Functions {
    accounts: Router,
    send: Router,
    api: Router,
    webhook: Router,
    pub(crate) ingest: ingest::State,
    pub(crate) dispatch: dispatch::State,
    pub(crate) deliver: deliver::State,
    pub(crate) tally: tally::State,
    pub(crate) schedule: schedule::State,
    pub(crate) rotate: rotate::State,
}

impl Functions {
    pub(crate) fn new(
        provisioned: &Provisioned,
        graph_url: &str,
        webhook_url: &str,
        aws: &Aws,
    ) -> Result<Self> {
        let env = provisioned.environment(graph_url, webhook_url);
        Ok(Self {
            accounts: accounts::router(accounts::State::new(
                &accounts::Config::from_env(&env)?,
                aws,
            )?),
            send: send::router(send::State::new(&send::Config::from_env(&env)?, aws)?),
            api: api::router(api::State::new(&api::Config::from_env(&env)?, aws)),
            webhook: webhook::router(webhook::State::new(&webhook::Config::from_env(&env)?, aws)),
            ingest: ingest::State::new(&ingest::Config::from_env(&env)?, aws),
            dispatch: dispatch::State::new(&dispatch::Config::from_env(&env)?, aws),
            deliver: deliver::State::new(&deliver::Config::from_env(&env)?, aws)?,
            tally: tally::State::new(&tally::Config::from_env(&env)?, aws),
            schedule: schedule::State::new(&schedule::Config::from_env(&env)?, aws)?,
            rotate: rotate::State::new(&rotate::Config::from_env(&env)?, aws)?,
        })
    }

    /// What the HTTP API of the template routes where, and what a desk has beside it.
    pub(crate) fn http_api(&self) -> impl Fn(&Method, &str) -> Router + Clone + Send + 'static {
        let (send, api, desk) = (self.send.clone(), self.api.clone(), desk());
        let accounts = self.accounts.clone();
        move |method, path| {
            if path.starts_with("/_desk/") {
                desk.clone()
            } else if is_sends(method, path) {
                send.clone()
            } else if is_accounts(method, path) {
                accounts.clone()
            } else {
                api.clone()
            }
        }
    }

    /// What the Function URL of `webhook` leads to.
    pub(crate) fn function_url(&self) -> impl Fn(&Method, &str) -> Router + Clone + Send + 'static {
        let webhook = self.webhook.clone();
        move |_, _| webhook.clone()
    }
}

/// The routes of function `send` in the template; all else is `api`'s, be it a route of its own or `$default`.
fn is_sends(method: &Method, path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["", "v1", "messages" | "bulk-jobs" | "test-sends"]
        | ["", "v1", "messages", _, "cancel" | "settle"]
        | [
            "",
            "v1",
            "bulk-jobs",
            _,
            "recipients" | "start" | "pause" | "resume" | "cancel" | "retry-failed",
        ]
        | ["", "v1", "senders", _, "resume"]
        | ["", "v1", "contacts", "availability"] => method == Method::POST,
        ["", "v1", "bulk-jobs", _] => method == Method::PATCH,
        _ => false,
    }
}

/// One account and all that is below it are one route for each method, or the function would have too many.
const BELOW_AN_ACCOUNT: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// The routes of function `accounts` in the template.
fn is_accounts(method: &Method, path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let methods: &[Method] = match parts[..] {
        ["", "v1", "me" | "audit" | "providers"] => &[Method::GET],
        [
            "",
            "v1",
            "accounts" | "api-keys" | "configuration" | "routes" | "tenants" | "users",
        ] => &[Method::GET, Method::POST],
        ["", "v1", "api-keys", _] => &[Method::GET, Method::PATCH, Method::DELETE],
        ["", "v1", "tenants" | "users", _] => &[Method::GET, Method::PATCH],
        ["", "v1", "senders", _] => &[Method::PATCH, Method::DELETE],
        ["", "v1", "providers" | "routes", _] => &[Method::GET, Method::PUT, Method::DELETE],
        ["", "v1", "accounts", _, ..] => &BELOW_AN_ACCOUNT,
        ["", "v1", "sessions", "current"] => &[Method::DELETE],
        ["", "v1", "senders" | "sessions"]
        | ["", "v1", "me", "password"]
        | ["", "v1", "invitations", "accept"]
        | ["", "v1", "sessions", "refresh"]
        | ["", "v1", "tenants", _, "api-keys"]
        | ["", "v1", "users", _, "invitation"] => &[Method::POST],
        _ => &[],
    };
    methods.contains(method)
}

/// What the functions have counted since the start. In AWS these are metrics.
fn desk() -> Router {
    Router::new().route(
        "/_desk/counts",
        get(async || Json(heliograph::service::telemetry::counts())),
    )
}

/// The OpenAPI document of every function with routes, as `api` serves it.
pub fn openapi() -> Result<String, serde_json::Error> {
    heliograph::service::openapi::document(documents())
}

fn documents() -> [utoipa::openapi::OpenApi; 3] {
    [api::openapi(), accounts::openapi(), send::openapi()]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn no_name_in_the_document_means_one_thing_here_and_another_there() {
        let mut known = BTreeMap::new();
        for document in documents() {
            for (name, schema) in document.components.unwrap().schemas {
                let schema = serde_json::to_value(schema).unwrap();
                let before = known.insert(name.clone(), schema.clone());
                assert_eq!(before.unwrap_or(schema.clone()), schema, "{name}");
            }
        }
    }
}
