//! Where a request came from, as the gateway saw it: no header says so that a caller could write himself.

use crate::domain::audit::{Actor, Author};
use crate::domain::role::Who;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use lambda_http::request::RequestContext;
use std::convert::Infallible;

/// The address a request came from, if the gateway told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(pub Option<String>);

impl Origin {
    /// Somebody who does something from here.
    #[must_use]
    pub fn author(self, who: &Who) -> Author {
        Author::new(Actor::from(who), self.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let told = match parts.extensions.get() {
            Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.clone(),
            Some(_) | None => None,
        };
        Ok(Self(told))
    }
}
