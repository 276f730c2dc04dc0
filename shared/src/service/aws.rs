//! Builds the AWS clients: from Lambda's environment, or for endpoints at a desk.
//!
//! Building them makes no network call. Each client is made when it is first asked for and then shared; below them all
//! is one connector, with one TLS configuration and one pool of connections.

use super::config::Environment;
use super::probe::Probe;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, HttpClientError};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::OnceLock;
use std::time::Duration;

/// To open a connection within a region.
const CONNECT: Duration = Duration::from_secs(1);
/// One attempt of one call; nobody of ours polls long.
const ATTEMPT: Duration = Duration::from_secs(3);
/// The first attempt and two more.
const ATTEMPTS: u32 = 3;

/// The AWS clients of this process.
#[derive(Debug)]
pub struct Aws {
    sdk: SdkConfig,
    connector: SharedHttpConnector,
    dynamodb_url: Option<String>,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
    secrets: OnceLock<aws_sdk_secretsmanager::Client>,
}

/// Where AWS is at a desk and in tests.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// Every service that is not named below.
    pub aws: String,
    /// DynamoDB, if it has a URL of its own.
    pub dynamodb: Option<String>,
}

impl Aws {
    /// As Lambda's environment says: region, credentials, and `AWS_ENDPOINT_URL` if it is set.
    ///
    /// Nothing else is asked. The SDK's own loader looks into files and on the network for what is not there, and
    /// brings the clients to do so into every function.
    #[must_use]
    pub fn from_env(environment: &Environment) -> Self {
        let value = |name| environment.get(name).map(str::to_owned);
        Self::of(
            value("AWS_REGION"),
            SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()),
            value("AWS_ENDPOINT_URL"),
            None,
        )
    }

    /// At `endpoints`, with credentials that open nothing anywhere else; the process's environment is not asked.
    #[must_use]
    pub fn at(endpoints: &Endpoints) -> Self {
        let credentials = Credentials::new("local", "local", None, None, "local");
        Self::of(
            Some("us-east-1".to_owned()),
            SharedCredentialsProvider::new(credentials),
            Some(endpoints.aws.clone()),
            endpoints.dynamodb.clone(),
        )
    }

    /// The client of DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let client = self.dynamodb.get_or_init(|| {
            let mut config = aws_sdk_dynamodb::config::Builder::from(&self.sdk);
            if let Some(url) = &self.dynamodb_url {
                config.set_endpoint_url(Some(url.clone()));
            }
            aws_sdk_dynamodb::Client::from_conf(config.build())
        });
        client.clone()
    }

    /// The client of SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let client = self.sqs.get_or_init(|| aws_sdk_sqs::Client::new(&self.sdk));
        client.clone()
    }

    /// The client of Secrets Manager.
    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        let client = self
            .secrets
            .get_or_init(|| aws_sdk_secretsmanager::Client::new(&self.sdk));
        client.clone()
    }

    /// Asks whether anything answers at `url`, over the same connector.
    #[must_use]
    pub fn probe(&self, url: &str) -> Probe {
        Probe::new(self.connector.clone(), url)
    }

    fn of(
        region: Option<String>,
        credentials: SharedCredentialsProvider,
        url: Option<String>,
        dynamodb_url: Option<String>,
    ) -> Self {
        let connector = connector();
        let mut sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region.map(Region::new))
            .credentials_provider(credentials)
            .http_client(always(&connector))
            .timeout_config(timeouts())
            .retry_config(retries());
        sdk.set_endpoint_url(url);
        Self {
            sdk: sdk.build(),
            connector,
            dynamodb_url,
            dynamodb: OnceLock::new(),
            sqs: OnceLock::new(),
            secrets: OnceLock::new(),
        }
    }
}

/// One connector for every service. The SDK's own client would make one per service and another at its first call, each
/// time parsing the system's certificates: most of what a function's start costs.
fn connector() -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT)
        .build();
    let mut connector = Connector::builder()
        .connector_settings(settings)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    match bundled_roots() {
        Ok(context) => {
            connector.set_tls_context(context);
        }
        Err(error) => {
            tracing::warn!(%error, "the bundled certificates cannot be used, the system's are");
        }
    }
    SharedHttpConnector::new(connector.build())
}

/// A client that uses this one connector, whatever the settings it is asked for.
fn always(connector: &SharedHttpConnector) -> SharedHttpClient {
    let connector = connector.clone();
    http_client_fn(move |_, _| connector.clone())
}

/// Mozilla's roots, built in, as for the provider's client; the SDK takes them as text only.
fn bundled_roots() -> Result<TlsContext, HttpClientError> {
    let mut text = String::new();
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        STANDARD.encode_string(root, &mut text);
        text.push_str("\n-----END CERTIFICATE-----\n");
    }
    let roots = TrustStore::empty().with_pem_certificate(text);
    TlsContext::builder().with_trust_store(roots).build()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::super::loopback::{Answer, Loopback};
    use super::*;

    #[test]
    fn the_environment_says_where_aws_is() {
        let url = "http://127.0.0.1:3003";
        let pairs = [("AWS_REGION", "eu-central-1"), ("AWS_ENDPOINT_URL", url)];
        let aws = Aws::from_env(&Environment::from_pairs(pairs));
        assert_eq!(aws.sdk.region(), Some(&Region::new("eu-central-1")));
        assert_eq!(aws.sdk.endpoint_url(), Some(url));
        let aws = Aws::from_env(&Environment::default());
        assert_eq!((aws.sdk.region(), aws.sdk.endpoint_url()), (None, None));
    }

    #[tokio::test]
    async fn each_service_is_called_at_its_url_with_dummy_credentials() {
        let aws_server = Loopback::start(|_| Answer::ok("{}")).await;
        let dynamodb_server = Loopback::start(|_| Answer::ok(r#"{"TableNames":["t"]}"#)).await;
        let aws = Aws::at(&Endpoints {
            aws: aws_server.url(),
            dynamodb: Some(dynamodb_server.url()),
        });
        aws.sqs().list_queues().send().await.unwrap();
        aws.secrets().list_secrets().send().await.unwrap();
        let tables = aws.dynamodb().list_tables().send().await.unwrap();
        assert_eq!(tables.table_names(), ["t"]);
        assert_eq!(
            aws_server.targets(),
            ["AmazonSQS.ListQueues", "secretsmanager.ListSecrets"]
        );
        assert_eq!(dynamodb_server.targets(), ["DynamoDB_20120810.ListTables"]);
    }

    #[tokio::test]
    async fn a_call_that_fails_on_their_side_is_tried_three_times() {
        let server = Loopback::start(|_| Answer::unavailable()).await;
        let aws = Aws::at(&Endpoints {
            aws: server.url(),
            dynamodb: None,
        });
        assert!(aws.sqs().list_queues().send().await.is_err());
        assert_eq!(server.targets().len(), 3);
    }
}
