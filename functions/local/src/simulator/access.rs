//! Who calls the Graph API, and what they may see and do.

use super::assets::{App, Number, Scope, Token, TokenHash, Validity, Waba};
use super::graph_error::GraphError;
use super::state::{State, locked, now_s};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Uri};
use std::borrow::Cow;
use std::sync::Arc;

/// Who calls.
#[derive(Debug)]
pub(super) enum Caller {
    /// An app, with its id and secret.
    App(Arc<App>),
    /// A system user, with a token that is valid.
    User(Arc<Token>),
}

/// A call of a system user's that concerns this number.
#[derive(Debug)]
pub(super) struct NumberCall {
    pub(super) token: Arc<Token>,
    pub(super) number: Arc<Number>,
}

/// A call of a system user's that concerns this WABA.
#[derive(Debug)]
pub(super) struct WabaCall {
    pub(super) token: Arc<Token>,
    pub(super) waba: Arc<Waba>,
}

/// What a call has to say for itself.
pub(super) struct Request<'a> {
    pub(super) state: &'a State,
    /// As Meta's errors name it: `get`, `post`, `delete`.
    pub(super) verb: &'a str,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
}

impl Caller {
    /// The id of the app that calls, or for which the token was issued.
    pub(super) fn app_id(&self) -> &str {
        match self {
            Self::App(app) => &app.app_id,
            Self::User(token) => &token.app_id,
        }
    }
}

impl Request<'_> {
    /// Who calls.
    pub(super) fn caller(&self) -> Result<Caller, GraphError> {
        let token = self.token().ok_or_else(GraphError::no_token)?;
        match token.split_once('|') {
            Some((app_id, secret)) => self.app(app_id, secret).map(Caller::App),
            None => self.user(&token).map(Caller::User),
        }
    }

    /// The call of a system user who may see this number, and with a token that allows one of these permissions.
    pub(super) fn number(&self, id: &str, scopes: &[Scope]) -> Result<NumberCall, GraphError> {
        let token = self.user_for(id)?;
        let number = locked(&self.state.assets).number(id);
        let number = number
            .filter(|number| token.sees(&number.waba_id))
            .ok_or_else(|| GraphError::unknown_object(self.verb, id))?;
        allow(&token, scopes)?;
        Ok(NumberCall { token, number })
    }

    /// The call of a system user who may see this WABA, and with a token that allows to manage it.
    pub(super) fn waba(&self, id: &str) -> Result<WabaCall, GraphError> {
        let token = self.user_for(id)?;
        let waba = locked(&self.state.assets).waba(id);
        let waba = waba
            .filter(|waba| token.sees(&waba.waba_id))
            .ok_or_else(|| GraphError::unknown_object(self.verb, id))?;
        allow(&token, &[Scope::Management])?;
        Ok(WabaCall { token, waba })
    }

    /// The system user who calls; for an app no asset of a business exists.
    fn user_for(&self, id: &str) -> Result<Arc<Token>, GraphError> {
        match self.caller()? {
            Caller::User(token) => Ok(token),
            Caller::App(_) => Err(GraphError::unknown_object(self.verb, id)),
        }
    }

    fn token(&self) -> Option<Cow<'_, str>> {
        let header = self.headers.get(AUTHORIZATION);
        let bearer = header
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        if let Some(bearer) = bearer {
            return Some(bearer.into());
        }
        // Meta takes it in the query, too, and many of its examples have it there.
        let mut pairs = super::graph::pairs(self.uri.query()?).into_iter();
        let (_, token) = pairs.find(|(name, _)| name == "access_token")?;
        Some(token.into())
    }

    fn app(&self, app_id: &str, secret: &str) -> Result<Arc<App>, GraphError> {
        let app = locked(&self.state.assets).app(app_id);
        let app = app.ok_or_else(GraphError::unknown_app)?;
        if app.has_secret(secret) {
            return Ok(app);
        }
        Err(GraphError::bad_signature())
    }

    fn user(&self, token: &str) -> Result<Arc<Token>, GraphError> {
        let token = locked(&self.state.assets).token(&TokenHash::of(token));
        let token = token.ok_or_else(GraphError::bad_token)?;
        match token.validity(now_s()) {
            Validity::Valid => Ok(token),
            Validity::Expired => Err(GraphError::expired_token()),
            Validity::Revoked => Err(GraphError::revoked_token()),
        }
    }
}

fn allow(token: &Token, scopes: &[Scope]) -> Result<(), GraphError> {
    if scopes.iter().any(|&scope| token.allows(scope)) {
        return Ok(());
    }
    let missing = scopes.first().copied().unwrap_or(Scope::Management);
    Err(GraphError::missing_scope(missing))
}
