//! Makes the tables where no template has made them: at a desk and in tests. `tests/` holds both descriptions equal.

use super::{Store, StoreError};
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType,
    TimeToLiveSpecification,
};

/// A table's indexes: name, hash attribute, sort attribute.
pub type IndexShape = (&'static str, &'static str, Option<&'static str>);

/// The indexes of `messages`.
pub const MESSAGES_INDEXES: [IndexShape; 6] = [
    ("by_provider_id", "provider_key", None),
    ("by_thread", "thread_key", Some("list_sort")),
    ("by_list", "list_key", Some("list_sort")),
    ("by_state", "state_key", Some("state_sort")),
    ("by_job", "job_key", Some("state_sort")),
    ("by_due", "due_key", Some("due_sort")),
];

/// The indexes of `logs`.
pub const LOGS_INDEXES: [IndexShape; 2] = [
    ("by_state", "state_key", Some("state_sort")),
    ("by_due", "due_key", Some("due_sort")),
];

/// The attribute after whose time DynamoDB deletes an item.
pub const TTL_ATTRIBUTE: &str = "expires";

impl Store {
    /// Makes both tables, if they are not there.
    pub async fn create_tables(&self) -> Result<(), StoreError> {
        let stream = StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(StreamViewType::NewAndOldImages)
            .build()
            .map_err(unbuilt)?;
        self.create_table(&self.messages, &MESSAGES_INDEXES, Some(stream))
            .await?;
        self.create_table(&self.logs, &LOGS_INDEXES, None).await
    }

    async fn create_table(
        &self,
        name: &str,
        indexes: &[IndexShape],
        stream: Option<StreamSpecification>,
    ) -> Result<(), StoreError> {
        let there = self.client.describe_table().table_name(name).send().await;
        match there {
            Ok(_) => return Ok(()),
            Err(error) if error.as_service_error().is_some_and(aws_sdk_dynamodb::operation::describe_table::DescribeTableError::is_resource_not_found_exception) => {}
            Err(error) => return Err(error.into()),
        }
        let mut attributes = vec!["pk", "sk"];
        for (_, hash, sort) in indexes {
            attributes.extend([*hash].into_iter().chain(*sort));
        }
        attributes.sort_unstable();
        attributes.dedup();
        let attributes = attributes
            .into_iter()
            .map(text_attribute)
            .collect::<Result<_, _>>();
        let indexes = indexes.iter().map(index).collect::<Result<_, _>>();
        self.client
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(attributes.map_err(unbuilt)?))
            .set_key_schema(Some(keys("pk", Some("sk")).map_err(unbuilt)?))
            .set_global_secondary_indexes(Some(indexes.map_err(unbuilt)?))
            .set_stream_specification(stream)
            .send()
            .await?;
        let ttl = TimeToLiveSpecification::builder()
            .attribute_name(TTL_ATTRIBUTE)
            .enabled(true)
            .build()
            .map_err(unbuilt)?;
        self.client
            .update_time_to_live()
            .table_name(name)
            .time_to_live_specification(ttl)
            .send()
            .await?;
        Ok(())
    }
}

fn unbuilt(error: BuildError) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

fn text_attribute(name: &str) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(ScalarAttributeType::S)
        .build()
}

fn keys(hash: &str, sort: Option<&str>) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |name: &str, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
    };
    let mut keys = vec![element(hash, KeyType::Hash)?];
    if let Some(sort) = sort {
        keys.push(element(sort, KeyType::Range)?);
    }
    Ok(keys)
}

fn index((name, hash, sort): &IndexShape) -> Result<GlobalSecondaryIndex, BuildError> {
    let projection = Projection::builder()
        .projection_type(ProjectionType::KeysOnly)
        .build();
    GlobalSecondaryIndex::builder()
        .index_name(*name)
        .set_key_schema(Some(keys(hash, *sort)?))
        .projection(projection)
        .build()
}
