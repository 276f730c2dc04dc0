//! What happens to what waits, and to what fails.

use super::stack::{Stack, list, owner};
use heliograph::store::LONGEST_TICK;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn every_queue_gives_up_into_dead_letters_that_are_kept_longer_and_watched() {
    let stack = Stack::read();
    let watched = |metric: &str| -> BTreeSet<String> {
        let alarms = stack.of_type("AWS::CloudWatch::Alarm").into_iter();
        let alarms = alarms.filter(|(_, alarm)| alarm["MetricName"] == metric);
        alarms
            .map(|(_, alarm)| owner(&alarm["Dimensions"][0]["Value"]))
            .collect()
    };
    let by_depth = watched("ApproximateNumberOfMessagesVisible");
    let by_age = watched("ApproximateAgeOfOldestMessage");
    for (id, queue) in consumed_queues(&stack) {
        let dead = owner(&queue["RedrivePolicy"]["deadLetterTargetArn"]);
        let kept = &stack.resource(&dead)["Properties"]["MessageRetentionPeriod"];
        assert!(
            kept.as_u64() > queue["MessageRetentionPeriod"].as_u64(),
            "{id}"
        );
        assert_eq!(kept, 1_209_600, "{id}");
        assert!(
            queue["RedrivePolicy"]["maxReceiveCount"].as_u64() >= Some(3),
            "{id}"
        );
        assert!(by_depth.contains(&dead) && by_age.contains(&dead), "{id}");
        assert!(by_age.contains(id), "{id}");
    }
}

#[test]
fn a_message_stays_invisible_for_six_times_its_consumers_timeout() {
    let stack = Stack::read();
    for (id, queue) in consumed_queues(&stack) {
        let consumer = stack
            .consumer(id)
            .unwrap_or_else(|| panic!("{id} has no consumer"));
        let timeout = stack.property(&consumer, "Timeout").as_u64().unwrap();
        assert!(
            queue["VisibilityTimeout"].as_u64() >= Some(6 * timeout),
            "{id}"
        );
    }
}

#[test]
fn a_chunk_that_a_tick_fills_counts_as_open_until_the_tick_has_ended() {
    let stack = Stack::read();
    let dispatch = stack.consumer("DispatchQueue").unwrap();
    let timeout = stack.property(&dispatch, "Timeout").as_i64().unwrap();
    assert!(timeout <= LONGEST_TICK.as_secs());
}

#[test]
fn every_queue_is_encrypted_and_spoken_to_over_tls_only() {
    let stack = Stack::read();
    let policies = stack.of_type("AWS::SQS::QueuePolicy");
    let covered: BTreeSet<String> = policies
        .iter()
        .flat_map(|(_, policy)| list(&policy["Queues"]))
        .map(owner)
        .collect();
    for (id, queue) in stack.of_type("AWS::SQS::Queue") {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{id}");
        assert!(covered.contains(id), "{id}");
    }
    for (id, policy) in policies {
        for statement in list(&policy["PolicyDocument"]["Statement"]) {
            assert_eq!(
                statement["Effect"], "Deny",
                "{id}: a queue policy may only take away"
            );
        }
    }
}

/// The queues that are no dead-letter queue.
fn consumed_queues(stack: &Stack) -> Vec<(&str, &Value)> {
    let mut queues = stack.of_type("AWS::SQS::Queue");
    queues.retain(|(id, _)| !id.ends_with("DeadLetters"));
    assert_eq!(queues.len(), 6);
    queues
}

#[test]
fn one_bad_record_never_fails_its_batch() {
    for function in Stack::read().functions() {
        for trigger in [function.triggers("SQS"), function.triggers("DynamoDB")].concat() {
            assert_eq!(
                trigger["FunctionResponseTypes"],
                json!(["ReportBatchItemFailures"]),
                "{}",
                function.name
            );
        }
        for queue in function.queues() {
            let arn = format!("${{{queue}.Arn}}");
            for action in [
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
            ] {
                assert!(
                    function.may(action).contains(&arn.as_str()),
                    "{}: {action}",
                    function.name
                );
            }
        }
    }
}

#[test]
fn only_what_bulk_brings_is_held_back() {
    for function in Stack::read().functions() {
        for trigger in function.triggers("SQS") {
            let held_back = trigger["ScalingConfig"].get("MaximumConcurrency").is_some();
            assert_eq!(
                held_back,
                ["BulkQueue", "StatusQueue"].contains(&owner(&trigger["Queue"]).as_str()),
                "{}",
                function.name
            );
        }
    }
}

#[test]
fn a_function_that_feeds_its_own_queue_is_not_stopped_as_a_runaway() {
    for function in Stack::read().functions() {
        let own = function.queues();
        let mut fed = function.may("sqs:SendMessage").into_iter();
        if fed.any(|arn| own.contains(&owner(&json!(arn)))) {
            assert_eq!(
                function.properties["RecursiveLoop"], "Allow",
                "{}",
                function.name
            );
        }
    }
}
