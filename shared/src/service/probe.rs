//! Whether a server answers at all, asked without its own client.

use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::HttpError;
use thiserror::Error;

/// Asks one address.
#[derive(Debug, Clone)]
pub struct Probe {
    connector: SharedHttpConnector,
    url: String,
}

/// Why nothing answers.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// The address is none.
    #[error("the address cannot be asked")]
    Address(#[from] HttpError),
    /// There is no connection, or no answer on it.
    #[error("nothing answers")]
    Silent(#[from] ConnectorError),
}

impl Probe {
    pub(super) fn new(connector: SharedHttpConnector, url: &str) -> Self {
        let url = url.to_owned();
        Self { connector, url }
    }

    /// Whether anything answers, whatever it says. The caller says how long that may take.
    pub async fn answers(&self) -> Result<(), ProbeError> {
        let request = HttpRequest::get(&self.url)?;
        self.connector.call(request).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::super::aws::{Aws, Endpoints};
    use super::super::loopback::{Answer, Loopback};
    use super::*;

    fn aws() -> Aws {
        Aws::at(&Endpoints {
            aws: "http://127.0.0.1:1".to_owned(),
            dynamodb: None,
        })
    }

    #[tokio::test]
    async fn a_server_that_refuses_everything_still_answers() {
        let server = Loopback::start(|_| Answer::unavailable()).await;
        aws().probe(&server.url()).answers().await.unwrap();
    }

    #[tokio::test]
    async fn an_address_where_nobody_is_does_not_answer() {
        let answered = aws().probe("http://127.0.0.1:1").answers().await;
        assert!(
            matches!(answered, Err(ProbeError::Silent(_))),
            "{answered:?}"
        );
        let answered = aws().probe("nowhere at all").answers().await;
        assert!(
            matches!(answered, Err(ProbeError::Address(_))),
            "{answered:?}"
        );
    }
}
