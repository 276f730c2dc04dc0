//! Reads a query string parameter by parameter; what is wrong, unknown or given twice is told in one answer.

use super::cursor::Cursor;
use crate::domain::fault::{FaultCode, Faults};
use crate::service::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;

const DEFAULT_LIMIT: u32 = 25;
const MAX_LIMIT: u32 = 100;

/// The parameters of a query string. An axum extractor; a fault's place is `?` and the parameter's name.
#[derive(Debug)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
    faults: Faults,
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// How many entries, 1 to 100.
    pub limit: u32,
    /// Where the page begins, as the page before it said.
    pub cursor: Option<String>,
}

impl Parameters {
    /// The parameters of `uri`.
    pub fn of(uri: &Uri) -> Result<Self, Problem> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let Query(pairs) = query.map_err(|_| {
            Problem::bad_request("invalid_request", "the query string cannot be read")
        })?;
        Ok(Self {
            pairs,
            faults: Faults::new(),
        })
    }

    /// A parameter as text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let position = self.pairs.iter().position(|(given, _)| given == name)?;
        Some(self.pairs.remove(position).1)
    }

    /// A parameter that its type's `FromStr` accepts; the type's error becomes the fault's detail.
    pub fn parsed<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        match self.text(name)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, FaultCode::Invalid, error.to_string());
                None
            }
        }
    }

    /// `limit` and `cursor`.
    pub fn page(&mut self) -> PageQuery {
        let limit = self.text("limit").map(|text| text.parse::<u32>());
        let limit = match limit {
            None => DEFAULT_LIMIT,
            Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => limit,
            Some(_) => {
                let detail = format!("must be a number from 1 to {MAX_LIMIT}");
                self.fault("limit", FaultCode::OutOfRange, detail);
                DEFAULT_LIMIT
            }
        };
        PageQuery {
            limit,
            cursor: self.text("cursor"),
        }
    }

    /// Adds a fault at a parameter.
    pub fn fault(&self, name: &str, code: FaultCode, detail: impl Into<String>) {
        self.faults.add(format!("?{name}"), code, detail);
    }

    /// Ends the reading: what nobody asked for, or stands twice, is a fault.
    pub fn finish(self) -> Result<(), Problem> {
        for (name, _) in &self.pairs {
            let detail = "is not a parameter of this list, or stands twice";
            self.fault(name, FaultCode::UnknownField, detail);
        }
        self.faults
            .into_result(Some(()))
            .map_err(Problem::validation)
    }
}

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::of(&parts.uri)
    }
}

impl PageQuery {
    /// The place where the page begins; `None` is the list's beginning.
    pub fn place<P: DeserializeOwned>(&self, cursor: Cursor<'_>) -> Result<Option<P>, Problem> {
        self.cursor
            .as_deref()
            .map(|text| cursor.read(text))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::{Value, json};

    fn parameters(query: &'static str) -> Parameters {
        Parameters::of(&Uri::from_static(query)).unwrap()
    }

    fn errors(problem: &Problem) -> Value {
        let mut problem = serde_json::to_value(problem).unwrap();
        problem.get_mut("errors").unwrap().take()
    }

    #[test]
    fn a_page_has_25_entries_unless_asked_otherwise() {
        let mut none = parameters("/v1/messages");
        assert_eq!(
            none.page(),
            PageQuery {
                limit: 25,
                cursor: None
            }
        );
        assert_eq!(none.finish(), Ok(()));
        let mut both = parameters("/v1/messages?limit=100&cursor=abc&state=failed");
        let expected = PageQuery {
            limit: 100,
            cursor: Some("abc".to_owned()),
        };
        assert_eq!(both.page(), expected);
        assert_eq!(both.text("state").as_deref(), Some("failed"));
        assert_eq!(both.finish(), Ok(()));
    }

    #[test]
    fn every_fault_of_a_query_string_is_told_at_once() {
        let mut query = parameters("/v1/messages?limit=0&colour=red&since=now&limit=5");
        query.page();
        assert_eq!(query.parsed::<u32>("since"), None);
        let detail = "is not a parameter of this list, or stands twice";
        assert_eq!(
            errors(&query.finish().unwrap_err()),
            json!([
                {"pointer": "?limit", "code": "out_of_range", "detail": "must be a number from 1 to 100"},
                {"pointer": "?since", "code": "invalid", "detail": "invalid digit found in string"},
                {"pointer": "?colour", "code": "unknown_field", "detail": detail},
                {"pointer": "?limit", "code": "unknown_field", "detail": detail},
            ])
        );
    }

    #[test]
    fn a_cursor_that_is_none_is_refused_when_it_is_read() {
        let tenant = "demo".parse().unwrap();
        let page = parameters("/v1/messages?cursor=nonsense").page();
        let place = page.place::<String>(Cursor::of("messages", &tenant));
        assert_eq!(place.unwrap_err().code(), "invalid_cursor");
    }
}
