//! An HTTP answer, read whole.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// An HTTP answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as text.
    pub text: String,
    headers: HeaderMap,
}

impl Answer {
    /// Reads an answer to its end.
    pub async fn read(response: reqwest::Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// The body as JSON.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The body of an answer that must have this status.
    #[expect(
        clippy::must_use_candidate,
        reason = "that it has it is often all that is asked"
    )]
    #[track_caller]
    pub fn with(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// The body of an answer that must be a problem document of this status and code.
    #[expect(
        clippy::must_use_candidate,
        reason = "that it is one is often all that is asked"
    )]
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.with(status);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }

    /// Where the faults are of a request that was refused with 400.
    #[must_use]
    #[track_caller]
    pub fn faults(&self) -> Vec<String> {
        let problem = self.problem(400, "invalid_request");
        let faults = problem["errors"].as_array().unwrap().iter();
        let mut pointers: Vec<String> = faults
            .map(|fault| fault["pointer"].as_str().unwrap().to_owned())
            .collect();
        pointers.sort();
        pointers
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
