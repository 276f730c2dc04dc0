//! Secrets, their versions and stages.

use super::{Scratch, in_memory, on_disk, secrets_manager};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;

const NAME: &str = "desk/out/demo/acct_demo";
const FIRST: &str = "11111111-1111-1111-1111-111111111111";
const SECOND: &str = "22222222-2222-2222-2222-222222222222";

async fn create(client: &Client) -> String {
    let call = client.create_secret().name(NAME).secret_string("first");
    call.client_request_token(FIRST)
        .send()
        .await
        .unwrap()
        .arn
        .unwrap()
}

async fn put(client: &Client, token: &str, value: &str) {
    let call = client
        .put_secret_value()
        .secret_id(NAME)
        .secret_string(value);
    call.client_request_token(token).send().await.unwrap();
}

async fn staged(client: &Client, stage: &str) -> Result<String, SdkError<GetSecretValueError>> {
    let call = client
        .get_secret_value()
        .secret_id(NAME)
        .version_stage(stage);
    call.send()
        .await
        .map(|answer| answer.secret_string.unwrap_or_default())
}

#[tokio::test]
async fn a_new_value_makes_the_old_one_the_previous() {
    let endpoints = in_memory().await;
    let client = secrets_manager(&endpoints);
    let arn = create(&client).await;
    assert!(staged(&client, "AWSPREVIOUS").await.is_err());
    put(&client, SECOND, "second").await;
    assert_eq!(staged(&client, "AWSPREVIOUS").await.unwrap(), "first");
    let current = client
        .get_secret_value()
        .secret_id(&arn)
        .send()
        .await
        .unwrap();
    assert_eq!(current.secret_string(), Some("second"));
    assert_eq!(current.version_stages(), ["AWSCURRENT"]);
    let by_id = client
        .get_secret_value()
        .secret_id(NAME)
        .version_id(FIRST)
        .send()
        .await
        .unwrap();
    assert_eq!(by_id.secret_string(), Some("first"));
    let described = client
        .describe_secret()
        .secret_id(NAME)
        .send()
        .await
        .unwrap();
    let stages = described.version_ids_to_stages().unwrap();
    assert_eq!(stages.get(FIRST).unwrap().as_slice(), ["AWSPREVIOUS"]);
    assert_eq!(stages.get(SECOND).unwrap().as_slice(), ["AWSCURRENT"]);
}

#[tokio::test]
async fn the_same_token_puts_the_same_value_once() {
    let endpoints = in_memory().await;
    let client = secrets_manager(&endpoints);
    create(&client).await;
    put(&client, SECOND, "second").await;
    put(&client, SECOND, "second").await;
    assert_eq!(staged(&client, "AWSPREVIOUS").await.unwrap(), "first");
    let call = client
        .put_secret_value()
        .secret_id(NAME)
        .secret_string("other");
    let refused = call.client_request_token(SECOND).send().await.unwrap_err();
    assert!(refused.into_service_error().is_resource_exists_exception());
    create(&client).await;
    let call = client
        .create_secret()
        .name(NAME)
        .secret_string("x")
        .send()
        .await;
    assert!(
        call.unwrap_err()
            .into_service_error()
            .is_resource_exists_exception()
    );
}

#[tokio::test]
async fn a_pending_version_comes_into_force_when_its_stage_is_moved() {
    let endpoints = in_memory().await;
    let client = secrets_manager(&endpoints);
    create(&client).await;
    let call = client
        .put_secret_value()
        .secret_id(NAME)
        .secret_string("next");
    let call = call
        .client_request_token(SECOND)
        .version_stages("AWSPENDING");
    call.send().await.unwrap();
    assert_eq!(staged(&client, "AWSCURRENT").await.unwrap(), "first");
    assert_eq!(staged(&client, "AWSPENDING").await.unwrap(), "next");

    let stage = |stage: &str| {
        client
            .update_secret_version_stage()
            .secret_id(NAME)
            .version_stage(stage)
    };
    let unaware = stage("AWSCURRENT")
        .move_to_version_id(SECOND)
        .send()
        .await
        .unwrap_err();
    assert!(
        unaware
            .into_service_error()
            .is_invalid_parameter_exception()
    );
    let aware = stage("AWSCURRENT")
        .move_to_version_id(SECOND)
        .remove_from_version_id(FIRST);
    aware.send().await.unwrap();
    stage("AWSPENDING")
        .remove_from_version_id(SECOND)
        .send()
        .await
        .unwrap();
    assert_eq!(staged(&client, "AWSCURRENT").await.unwrap(), "next");
    assert_eq!(staged(&client, "AWSPREVIOUS").await.unwrap(), "first");
    assert!(staged(&client, "AWSPENDING").await.is_err());
}

#[tokio::test]
async fn a_deleted_secret_is_refused_until_restored_and_a_forced_one_is_gone() {
    let endpoints = in_memory().await;
    let client = secrets_manager(&endpoints);
    create(&client).await;
    client.delete_secret().secret_id(NAME).send().await.unwrap();
    let refused = staged(&client, "AWSCURRENT")
        .await
        .unwrap_err()
        .into_service_error();
    assert!(refused.is_invalid_request_exception());
    assert!(
        client
            .list_secrets()
            .send()
            .await
            .unwrap()
            .secret_list()
            .is_empty()
    );
    client
        .restore_secret()
        .secret_id(NAME)
        .send()
        .await
        .unwrap();
    assert_eq!(staged(&client, "AWSCURRENT").await.unwrap(), "first");
    let call = client
        .delete_secret()
        .secret_id(NAME)
        .force_delete_without_recovery(true);
    call.send().await.unwrap();
    let refused = staged(&client, "AWSCURRENT")
        .await
        .unwrap_err()
        .into_service_error();
    assert!(refused.is_resource_not_found_exception());
}

#[tokio::test]
async fn a_value_has_the_size_limit_of_aws() {
    let endpoints = in_memory().await;
    let client = secrets_manager(&endpoints);
    let create = |size| {
        client
            .create_secret()
            .name(NAME)
            .secret_string("x".repeat(size))
            .send()
    };
    let refused = create(65_537).await.unwrap_err().into_service_error();
    assert!(refused.is_invalid_parameter_exception());
    assert!(create(65_536).await.is_ok());
}

#[tokio::test]
async fn secrets_are_listed_by_the_beginning_of_their_names() {
    let endpoints = in_memory().await;
    let client = secrets_manager(&endpoints);
    for name in ["desk/in/a", "desk/in/b", "desk/out/a"] {
        client
            .create_secret()
            .name(name)
            .secret_string("x")
            .send()
            .await
            .unwrap();
    }
    let filter = aws_sdk_secretsmanager::types::Filter::builder()
        .key(aws_sdk_secretsmanager::types::FilterNameStringType::Name)
        .values("desk/in/")
        .build();
    let first = client
        .list_secrets()
        .filters(filter.clone())
        .max_results(1)
        .send()
        .await
        .unwrap();
    let second = client.list_secrets().filters(filter).max_results(1);
    let second = second
        .set_next_token(first.next_token.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(
        first.secret_list().first().unwrap().name(),
        Some("desk/in/a")
    );
    assert_eq!(
        second.secret_list().first().unwrap().name(),
        Some("desk/in/b")
    );
    assert_eq!(second.next_token(), None);
}

#[tokio::test]
async fn secrets_are_kept_in_a_file_only_its_owner_can_read() {
    let scratch = Scratch::new();
    let before = on_disk(&scratch).await;
    let arn = create(&secrets_manager(&before)).await;
    let after = scratch.as_if_killed();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = std::fs::metadata(scratch.0.join("secretsmanager.json")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
    let after = on_disk(&after).await;
    let client = secrets_manager(&after);
    let kept = client
        .get_secret_value()
        .secret_id(arn)
        .send()
        .await
        .unwrap();
    assert_eq!(kept.secret_string(), Some("first"));
}

#[tokio::test]
async fn a_random_password_is_another_one_each_time() {
    let endpoints = in_memory().await;
    let client = secrets_manager(&endpoints);
    let first = client.get_random_password().send().await.unwrap();
    let second = client.get_random_password().send().await.unwrap();
    assert_eq!(first.random_password().unwrap().len(), 32);
    assert_ne!(first.random_password(), second.random_password());
}
