//! Reads a function's configuration from the environment and reports everything that is wrong with it at once.
//!
//! The environment carries names, ARNs and URLs, never secrets; still, no error repeats a value. The platform at a
//! desk hands each function an environment of its own instead of changing the process's.

use crate::domain::network::Networks;
use crate::domain::provider::Gateway;
use crate::provider::Addresses;
use axum::http::Uri;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The variables a function may read.
#[derive(Debug, Clone, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// The variables of this process.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place that reads the environment"
    )]
    pub fn process() -> Self {
        let pairs = std::env::vars_os();
        Self(
            pairs
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        )
    }

    /// An environment made by hand, for a desk and for tests.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let pairs = pairs.into_iter();
        Self(
            pairs
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// Every variable, for a process that is to find the same.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a variable; an empty one counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Begins to read a configuration.
    #[must_use]
    pub fn read(&self) -> Reader<'_> {
        Reader {
            environment: self,
            faults: Vec::new(),
        }
    }
}

/// Reads a configuration variable by variable.
///
/// After a fault a reading function returns an empty value, so that the reading goes on and finds every fault;
/// [`Reader::finish`] then refuses, and nobody sees that value.
///
/// ```
/// # use heliograph::service::config::{ConfigError, Environment};
/// struct Config { messages_table: String, graph_url: String }
///
/// fn from_env(environment: &Environment) -> Result<Config, ConfigError> {
///     let mut read = environment.read();
///     let config = Config {
///         messages_table: read.text("MESSAGES_TABLE"),
///         graph_url: read.url("GRAPH_URL"),
///     };
///     read.finish(config)
/// }
/// # assert!(from_env(&Environment::default()).is_err());
/// ```
#[derive(Debug)]
pub struct Reader<'a> {
    environment: &'a Environment,
    faults: Vec<ConfigFault>,
}

impl Reader<'_> {
    /// A variable that must be there.
    pub fn text(&mut self, name: &str) -> String {
        let value = self.environment.get(name).map(str::to_owned);
        value.unwrap_or_else(|| {
            self.fault(name, "is missing");
            String::new()
        })
    }

    /// A variable that need not be there.
    #[must_use]
    pub fn optional(&self, name: &'static str) -> Option<String> {
        self.environment.get(name).map(str::to_owned)
    }

    /// An `http` or `https` URL that must be there; without a slash at its end, so that paths can be added.
    pub fn url(&mut self, name: &str) -> String {
        let text = self.text(name);
        if !text.is_empty() && !is_url(&text) {
            self.fault(name, "is not an http or https URL");
        }
        text.trim_end_matches('/').to_owned()
    }

    /// As [`Self::url`], but `default` if it is not there.
    pub fn url_or(&mut self, name: &str, default: &str) -> String {
        if self.environment.get(name).is_none() {
            return default.to_owned();
        }
        self.url(name)
    }

    /// Where the providers are, and where tenants may say that they are.
    pub fn addresses(&mut self) -> Addresses {
        let networks = if self.parsed_or("PRIVATE_PROVIDERS", false) {
            Networks::Any
        } else {
            Networks::Public
        };
        Addresses {
            graph: self.url("GRAPH_URL"),
            graph_version: self.text("GRAPH_VERSION"),
            gateways: Gateway::ALL.iter().map(|it| self.gateway(*it)).collect(),
            networks,
        }
    }

    fn gateway(&mut self, gateway: Gateway) -> (Gateway, String) {
        let url = self.url_or(&gateway.variable(), gateway.facts().address);
        (gateway, url)
    }

    /// A variable that is read by its type's `FromStr`; `default` if it is not there.
    pub fn parsed_or<T: FromStr>(&mut self, name: &'static str, default: T) -> T {
        match self.environment.get(name).map(str::parse) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => {
                self.fault(name, "is not of the form it must have");
                default
            }
        }
    }

    /// The configuration if every variable was right, else all that is wrong.
    pub fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.faults.is_empty() {
            return Ok(config);
        }
        Err(ConfigError(self.faults))
    }

    fn fault(&mut self, name: &str, wrong: &'static str) {
        let name = name.to_owned();
        self.faults.push(ConfigFault { name, wrong });
    }
}

/// Everything that is wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ConfigError(Vec<ConfigFault>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct ConfigFault {
    name: String,
    wrong: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the environment is not complete:")?;
        for (index, fault) in self.0.iter().enumerate() {
            let divider = if index == 0 { "" } else { "," };
            write!(f, "{divider} {} {}", fault.name, fault.wrong)?;
        }
        Ok(())
    }
}

fn is_url(text: &str) -> bool {
    let uri = text.parse::<Uri>().ok();
    uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_told_in_one_error_without_its_value() {
        let environment = Environment::from_pairs([
            ("GRAPH_URL", "ftp://sesame"),
            ("QUEUE", ""),
            ("SHARE", "sesame"),
        ]);
        let mut read = environment.read();
        let values = (
            read.text("MESSAGES_TABLE"),
            read.text("QUEUE"),
            read.url("GRAPH_URL"),
            read.parsed_or("SHARE", 10_u32),
        );
        let error = read.finish(values).map_err(|error| error.to_string());
        assert_eq!(
            error,
            Err(
                "the environment is not complete: MESSAGES_TABLE is missing, QUEUE is missing, \
                 GRAPH_URL is not an http or https URL, SHARE is not of the form it must have"
                    .to_owned()
            )
        );
    }

    #[test]
    fn a_complete_environment_is_read() {
        let environment = Environment::from_pairs([
            ("TABLE", "messages"),
            ("GRAPH_URL", "http://127.0.0.1:3002/"),
            ("SHARE", "25"),
        ]);
        let mut read = environment.read();
        let values = (
            read.text("TABLE"),
            read.url("GRAPH_URL"),
            read.url_or("OTHER_URL", "https://graph.facebook.com"),
            read.parsed_or("SHARE", 10_u32),
            read.parsed_or("OTHER_SHARE", 10_u32),
            read.optional("STACK"),
        );
        assert_eq!(
            read.finish(values),
            Ok((
                "messages".to_owned(),
                "http://127.0.0.1:3002".to_owned(),
                "https://graph.facebook.com".to_owned(),
                25,
                10,
                None
            ))
        );
    }

    #[test]
    fn the_environment_of_the_process_is_seen() {
        assert!(Environment::process().get("PATH").is_some());
    }
}
