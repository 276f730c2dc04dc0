//! How secrets stand in Secrets Manager: JSON with a version.

use super::{AccountInSecrets, AccountOutSecrets, SecretsError, malformed};
use crate::domain::identity::KeyAlias;
use crate::domain::provider_key::KeySecret;
use crate::domain::secret::{Credential, SecretText};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Every form so far; the version is read first.
#[derive(Deserialize)]
struct Versioned {
    v: u32,
}

const fn first_version() -> u32 {
    1
}

#[derive(Deserialize)]
pub(super) struct OperatorV1 {
    pub(super) key: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct InboundV1 {
    #[serde(default = "first_version")]
    v: u32,
    app_secrets: Vec<String>,
    verify_tokens: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    path_tokens: Vec<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct OutboundV1 {
    #[serde(default = "first_version")]
    v: u32,
    access_tokens: Vec<CredentialV1>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    provider_keys: Vec<KeyV1>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct KeyV1 {
    alias: KeyAlias,
    /// In milliseconds of Unix time.
    since: i64,
    key: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CredentialV1 {
    alias: String,
    token: String,
}

pub(super) fn parse_inbound(
    name: &str,
    text: &SecretText,
) -> Result<AccountInSecrets, SecretsError> {
    let wire: InboundV1 = parse_v1(name, text)?;
    let hidden = |texts: Vec<String>| texts.into_iter().map(SecretText::new).collect();
    Ok(AccountInSecrets {
        app_secrets: hidden(wire.app_secrets),
        verify_tokens: hidden(wire.verify_tokens),
        path_tokens: hidden(wire.path_tokens),
    })
}

pub(super) fn parse_outbound(
    name: &str,
    text: &SecretText,
) -> Result<AccountOutSecrets, SecretsError> {
    let wire: OutboundV1 = parse_v1(name, text)?;
    let tokens = wire.access_tokens.into_iter().map(|wire| Credential {
        alias: wire.alias,
        token: SecretText::new(wire.token),
    });
    let keys = wire.provider_keys.into_iter().map(|wire| KeySecret {
        alias: wire.alias,
        since: Timestamp::from_millisecond(wire.since).unwrap_or_default(),
        key: SecretText::new(wire.key),
    });
    Ok(AccountOutSecrets {
        access_tokens: tokens.collect(),
        provider_keys: keys.collect(),
    })
}

pub(super) fn wire_of_inbound(secrets: &AccountInSecrets) -> InboundV1 {
    let exposed = |texts: &[SecretText]| texts.iter().map(|it| it.expose().to_owned()).collect();
    InboundV1 {
        v: first_version(),
        app_secrets: exposed(&secrets.app_secrets),
        verify_tokens: exposed(&secrets.verify_tokens),
        path_tokens: exposed(&secrets.path_tokens),
    }
}

pub(super) fn wire_of_outbound(secrets: &AccountOutSecrets) -> OutboundV1 {
    let tokens = secrets.access_tokens.iter().map(|it| CredentialV1 {
        alias: it.alias.clone(),
        token: it.token.expose().to_owned(),
    });
    let keys = secrets.provider_keys.iter().map(|it| KeyV1 {
        alias: it.alias.clone(),
        since: it.since.as_millisecond(),
        key: it.key.expose().to_owned(),
    });
    OutboundV1 {
        v: first_version(),
        access_tokens: tokens.collect(),
        provider_keys: keys.collect(),
    }
}

pub(super) fn parse_v1<'de, T: Deserialize<'de>>(
    name: &str,
    text: &'de SecretText,
) -> Result<T, SecretsError> {
    let versioned: Versioned = parse_json(name, text)?;
    match versioned.v {
        1 => parse_json(name, text),
        other => Err(malformed(
            name,
            &format!("nobody knows its version {other}"),
        )),
    }
}

/// serde's own error text may quote the value, so only its place is kept.
pub(super) fn parse_json<'de, T: Deserialize<'de>>(
    name: &str,
    text: &'de SecretText,
) -> Result<T, SecretsError> {
    serde_json::from_str(text.expose()).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        malformed(
            name,
            &format!("not as expected at line {line}, column {column}"),
        )
    })
}
