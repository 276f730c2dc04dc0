//! Makes at a desk what the template makes in AWS: tables, queues and the operator's key, under the same names for the same things.

use anyhow::{Context, Result};
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName::{
    MessageRetentionPeriod, RedrivePolicy, VisibilityTimeout,
};
use heliograph::domain::provider::Gateway;
use heliograph::provider::Providers;
use heliograph::service::aws::Aws;
use heliograph::service::config::Environment;
use heliograph::store::Store;
use serde_json::json;
use std::collections::BTreeMap;

/// The stack's name at a desk.
pub(crate) const STACK: &str = "heliograph";

/// The queues: name, the seconds a receiver has, and how often a message is received before it is a dead letter.
const QUEUES: [(&str, u32, u32); 6] = [
    ("otp", 180, 5),
    ("single", 180, 5),
    ("bulk", 180, 5),
    ("dispatch", 90, 5),
    ("inbound", 180, 5),
    ("status", 180, 5),
];

/// The secret part of the operator's key at a desk. In AWS the template has it drawn.
const OPERATOR: &str = "demo";

/// What rotates secrets; nobody but the desk's own clock calls it.
const ROTATE_FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:heliograph-rotate";

/// Dead letters wait two weeks for a person.
const DEAD_LETTERS_KEPT_S: &str = "1209600";

/// What was made: names for the functions' environments.
#[derive(Debug, Clone)]
pub(crate) struct Provisioned {
    pub(crate) queues: BTreeMap<&'static str, String>,
}

impl Provisioned {
    /// Every variable of every function: each reads its own.
    pub(crate) fn environment(&self, graph_url: &str, webhook_url: &str) -> Environment {
        let queues = self.queues.iter();
        let urls =
            queues.map(|(name, url)| (format!("{}_QUEUE_URL", name.to_uppercase()), url.clone()));
        // The simulator plays them all.
        let gateways = Gateway::ALL.iter().map(|gateway| {
            let url = format!("{graph_url}/{}", gateway.as_str());
            (gateway.variable(), url)
        });
        let names = [
            ("MESSAGES_TABLE".to_owned(), messages_table()),
            ("LOGS_TABLE".to_owned(), logs_table()),
            ("SECRETS_PREFIX".to_owned(), STACK.to_owned()),
            ("GRAPH_URL".to_owned(), graph_url.to_owned()),
            ("GRAPH_VERSION".to_owned(), "v25.0".to_owned()),
            // A tenant's own providers are at the desk, too.
            ("PRIVATE_PROVIDERS".to_owned(), "true".to_owned()),
            ("WEBHOOK_URL".to_owned(), webhook_url.to_owned()),
            ("ROTATE_FUNCTION_ARN".to_owned(), ROTATE_FUNCTION.to_owned()),
        ];
        Environment::from_pairs(names.into_iter().chain(gateways).chain(urls))
    }

    /// The providers, as a function that reads that environment finds them.
    pub(crate) fn providers(&self, graph_url: &str, webhook_url: &str) -> Result<Providers> {
        let environment = self.environment(graph_url, webhook_url);
        let mut env = environment.read();
        let addresses = env.addresses();
        Ok(Providers::new(&env.finish(addresses)?)?)
    }
}

/// Both tables.
pub(crate) fn store(aws: &Aws) -> Store {
    Store::new(aws.dynamodb(), messages_table(), logs_table())
}

/// The name of the table of messages.
pub(crate) fn messages_table() -> String {
    format!("{STACK}-messages")
}

fn logs_table() -> String {
    format!("{STACK}-logs")
}

/// Makes what is not there yet.
pub(crate) async fn provision(aws: &Aws, endpoint: &str) -> Result<Provisioned> {
    let mut provisioned = Provisioned {
        queues: BTreeMap::new(),
    };
    store(aws)
        .create_tables()
        .await
        .context("the tables cannot be made")?;
    for (name, visibility, receives) in QUEUES {
        let url = make_queue(&aws.sqs(), name, visibility, receives)
            .await
            .with_context(|| format!("queue {name} cannot be made at {endpoint}"))?;
        provisioned.queues.insert(name, url);
    }
    let operator = json!({"v": 1, "key": OPERATOR});
    put_secret(&aws.secrets(), &format!("{STACK}/operator"), &operator).await?;
    Ok(provisioned)
}

/// Keeps a secret, unless there is one of this name.
pub(crate) async fn put_secret(
    secrets: &aws_sdk_secretsmanager::Client,
    name: &str,
    value: &serde_json::Value,
) -> Result<()> {
    let created = secrets
        .create_secret()
        .name(name)
        .secret_string(value.to_string())
        .send()
        .await;
    match created {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(CreateSecretError::is_resource_exists_exception) =>
        {
            Ok(())
        }
        Err(error) => Err(error).context("a secret cannot be written"),
    }
}

async fn make_queue(sqs: &Client, name: &str, visibility: u32, receives: u32) -> Result<String> {
    let dead = sqs
        .create_queue()
        .queue_name(format!("{STACK}-{name}-dead-letters"))
        .attributes(MessageRetentionPeriod, DEAD_LETTERS_KEPT_S)
        .send()
        .await?;
    let dead_url = dead.queue_url.context("a queue without a URL")?;
    let attributes = sqs
        .get_queue_attributes()
        .queue_url(dead_url)
        .attribute_names(aws_sdk_sqs::types::QueueAttributeName::QueueArn)
        .send()
        .await?;
    let arn = attributes
        .attributes
        .and_then(|all| all.into_values().next());
    let redrive = json!({
        "deadLetterTargetArn": arn.context("a queue without an ARN")?,
        "maxReceiveCount": receives,
    });
    let queue = sqs
        .create_queue()
        .queue_name(format!("{STACK}-{name}"))
        .attributes(VisibilityTimeout, visibility.to_string())
        .attributes(RedrivePolicy, redrive.to_string())
        .send()
        .await?;
    queue.queue_url.context("a queue without a URL")
}
