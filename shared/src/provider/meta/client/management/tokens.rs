//! Apps and access tokens. Source: Meta, "Debug token", "System user access tokens".

use super::{Answered, MetaClient, not_understood};
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::identity::AppId;
use crate::domain::secret::SecretText;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// How an app proves itself.
#[must_use]
pub fn app_token(app: &AppId, secret: &SecretText) -> SecretText {
    SecretText::new(format!("{app}|{}", secret.expose()))
}

/// An app, as Meta knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AppFacts {
    /// Its id.
    pub id: String,
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
}

/// What Meta says of an access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    /// Whether Meta takes it.
    pub is_valid: bool,
    /// Whose app's it is.
    pub app: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Debugged {
    data: Wire,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    is_valid: bool,
    #[serde(default)]
    app_id: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    /// Seconds of Unix time; 0 for a token without an end.
    #[serde(default)]
    expires_at: i64,
}

#[derive(Deserialize)]
struct Exchanged {
    access_token: String,
    #[serde(default)]
    expires_in: Option<i64>,
}

impl MetaClient {
    /// Reads an app by its own token: whether the id and the secret belong together.
    pub async fn app(&self, app: &AppId, secret: &SecretText) -> Answered<AppFacts> {
        let token = app_token(app, secret);
        self.look(&token, app.to_string(), &[("fields", "id,name")])
            .await
    }

    /// An app's secrets without those that Meta does not take any more: whoever had got hold of one could go on to write
    /// webhooks. The first one stays, and so does one of which Meta does not say.
    pub async fn good_secrets(&self, app: &AppId, secrets: Vec<SecretText>) -> Vec<SecretText> {
        let mut good = Vec::new();
        for secret in secrets {
            let is_first = good.is_empty();
            let is_dead = |failure: ProviderFailure| failure.class == Class::Credential;
            if is_first || !self.app(app, &secret).await.is_err_and(is_dead) {
                good.push(secret);
            }
        }
        good
    }

    /// What Meta says of an access token, asked by an app.
    pub async fn token(
        &self,
        app: &AppId,
        secret: &SecretText,
        token: &SecretText,
    ) -> Answered<TokenFacts> {
        self.debug(&app_token(app, secret), token).await
    }

    /// What Meta says of an access token, asked by itself: where the app's secret may not be read.
    pub async fn own_token(&self, token: &SecretText) -> Answered<TokenFacts> {
        self.debug(token, token).await
    }

    async fn debug(&self, asking: &SecretText, token: &SecretText) -> Answered<TokenFacts> {
        let query = [("input_token", token.expose())];
        let Debugged { data } = self.look(asking, "debug_token".to_owned(), &query).await?;
        Ok(TokenFacts {
            is_valid: data.is_valid,
            app: data.app_id,
            scopes: data.scopes,
            expires_at: (data.expires_at > 0)
                .then(|| Timestamp::from_second(data.expires_at).ok())
                .flatten(),
        })
    }

    /// A new access token for the one of a system user's that ends: with the same rights, for 60 days. The old one goes on
    /// until its own end.
    pub async fn exchange_token(
        &self,
        app: &AppId,
        secret: &SecretText,
        token: &SecretText,
        now: Timestamp,
    ) -> Answered<(SecretText, Option<Timestamp>)> {
        let id = app.to_string();
        let query = [
            ("grant_type", "fb_exchange_token"),
            ("client_id", id.as_str()),
            ("client_secret", secret.expose()),
            ("set_token_expires_in_60_days", "true"),
            ("fb_exchange_token", token.expose()),
        ];
        let path = "oauth/access_token".to_owned();
        let answer: Exchanged = self.look(token, path, &query).await?;
        if answer.access_token.is_empty() {
            return Err(not_understood("it gave no token"));
        }
        let lasts = answer.expires_in.map(SignedDuration::from_secs);
        let until = lasts.and_then(|lasts| now.saturating_add(lasts).ok());
        Ok((SecretText::new(answer.access_token), until))
    }
}
