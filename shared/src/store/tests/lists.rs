//! Lists: every entry once, in order, whatever the size of the pages and the number of partitions.

use super::*;
use crate::domain::ledger::tests::{at, queued};
use crate::domain::state::State;
use crate::store::item::Key;
use crate::store::page::{Index, Listing, Order};

/// Every entry's sort value, page by page.
async fn walk(store: &Store, order: Order, prefix: &str, limit: usize) -> Vec<String> {
    let listing = Listing {
        index: if prefix.is_empty() {
            Index::LIST
        } else {
            Index::STATE
        },
        partitions: (0..keys::LIST_SHARDS)
            .map(|shard| {
                let tenant = "demo".parse().unwrap();
                let partition = if prefix.is_empty() {
                    keys::log
                } else {
                    keys::state
                };
                partition(&tenant, shard)
            })
            .collect(),
        prefix: prefix.to_owned(),
        order,
    };
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let slice = Slice { limit, after };
        let page = store.list(&store.messages, &listing, &slice).await.unwrap();
        assert!(page.entries.len() <= limit);
        assert!(page.next.is_none() || page.entries.len() == limit);
        seen.extend(page.entries.into_iter().map(|entry| entry.sort));
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

#[tokio::test]
async fn every_entry_is_listed_once_in_both_orders_and_any_size_of_page() {
    let store = empty_store().await;
    let mut ids = Vec::new();
    for second in 0..23 {
        let message = queued(at(second));
        write(&store, &message).await;
        ids.push(message.id.to_string());
    }
    let newest_first: Vec<String> = ids.iter().rev().cloned().collect();
    for limit in [1, 2, 7, 22, 23, 24, 100] {
        assert_eq!(
            walk(&store, Order::Ascending, "", limit).await,
            ids,
            "{limit}"
        );
        let walked = walk(&store, Order::Descending, "", limit).await;
        assert_eq!(walked, newest_first, "{limit}");
    }
}

#[tokio::test]
async fn a_list_by_state_holds_that_state_alone() {
    let store = empty_store().await;
    let states = [
        State::Queued,
        State::Failed,
        State::Unknown,
        State::Read,
        State::Expired,
    ];
    let mut failed = Vec::new();
    for second in 0..25 {
        let mut message = queued(at(second));
        let which = usize::try_from(second).unwrap() % states.len();
        message.state = states.get(which).copied().unwrap();
        write(&store, &message).await;
        if message.state == State::Failed {
            failed.push(format!("failed#{}", message.id));
        }
    }
    for limit in [1, 3, 50] {
        assert_eq!(
            walk(&store, Order::Ascending, "failed#", limit).await,
            failed
        );
    }
    let slice = Slice {
        limit: 50,
        after: None,
    };
    let tenant = "demo".parse().unwrap();
    for (bucket, count) in [
        (StateBucket::Open, 5),
        (StateBucket::Problem(State::Unknown), 5),
        (StateBucket::Problem(State::Cancelled), 0),
    ] {
        let page = store
            .messages_by_state(&tenant, bucket, &slice)
            .await
            .unwrap();
        assert_eq!(page.entries.len(), count, "{bucket:?}");
    }
    let other = "other".parse().unwrap();
    let page = store.messages_by_time(&other, &slice).await.unwrap();
    assert!(page.entries.is_empty());
}

#[tokio::test]
async fn a_webhook_record_is_kept_to_the_byte_and_found_while_it_waits() {
    let store = empty_store().await;
    let mut record = StoredRecord {
        id: crate::domain::id::EventId::at(at(0)),
        tenant: "demo".parse().unwrap(),
        account: "acct_demo".parse().unwrap(),
        received_at: at(0),
        raw: format!("{{\"text\":\"{}\u{1F600}\\u0000\"}}", "abc ".repeat(50_000)),
        events: vec![events::Event {
            field: "messages".to_owned(),
            kind: "messages/status/sent".to_owned(),
            state: EventState::Waiting,
            reason: Some("no message of ours".to_owned()),
            message: None,
        }],
        tries: 1,
        try_again_at: Some(at(2)),
    };
    store.keep_events(&record).await.unwrap();
    let read = store.events(&record.tenant, &record.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&record));
    assert_eq!(store.events_to_try(at(2), 5).await.unwrap(), []);
    assert_eq!(
        store.events_to_try(at(3), 5).await.unwrap(),
        [record.clone()]
    );
    let slice = Slice {
        limit: 5,
        after: None,
    };
    let (tenant, waiting) = (record.tenant.clone(), EventState::Waiting);
    let listed = store
        .events_by_state(&tenant, waiting, &slice)
        .await
        .unwrap();
    assert_eq!(listed.entries, [record.clone()]);
    record.try_again_at = None;
    record.events.first_mut().unwrap().state = EventState::Applied;
    store.keep_events(&record).await.unwrap();
    assert_eq!(store.events_to_try(at(3), 5).await.unwrap(), []);
    let listed = store
        .events_by_state(&tenant, waiting, &slice)
        .await
        .unwrap();
    assert_eq!(listed.entries, []);
    let listed = store.events_by_time(&tenant, &slice).await.unwrap();
    assert_eq!(listed.entries, [record]);
}

#[tokio::test]
async fn a_page_of_large_items_ends_early_and_the_next_goes_on_behind_it() {
    let store = empty_store().await;
    let tenant = "demo".parse().unwrap();
    let mut ids = Vec::new();
    for second in 0..25 {
        let mut message = queued(at(second));
        message.reference = Some("x".repeat(300_000));
        write(&store, &message).await;
        ids.insert(0, message.id);
    }
    let mut seen = Vec::new();
    let mut slice = Slice {
        limit: 100,
        after: None,
    };
    loop {
        let page = store.messages_by_time(&tenant, &slice).await.unwrap();
        assert_eq!(page.entries.len(), 6.min(ids.len() - seen.len()));
        seen.extend(page.entries.into_iter().filter_map(|entry| match entry {
            Message::Outbound(message) => Some(message.id),
            Message::Inbound(_) => None,
        }));
        slice.after = page.next;
        if slice.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn a_page_of_large_records_ends_early_and_no_record_is_skipped() {
    let store = empty_store().await;
    let tenant = "demo".parse().unwrap();
    let mut ids = Vec::new();
    for second in 0..40 {
        let id = crate::domain::id::EventId::at(at(second));
        // No text that could be packed.
        let texts = (0..4_000).map(|_| uuid::Uuid::new_v4().to_string());
        let record = StoredRecord {
            id: id.clone(),
            tenant: Clone::clone(&tenant),
            account: "acct_demo".parse().unwrap(),
            received_at: at(second),
            raw: format!("{{\"text\":\"{}\"}}", texts.collect::<String>()),
            events: Vec::new(),
            tries: 0,
            try_again_at: None,
        };
        store.keep_events(&record).await.unwrap();
        ids.insert(0, id);
    }
    let mut seen = Vec::new();
    let mut slice = Slice {
        limit: 100,
        after: None,
    };
    loop {
        let page = store.events_by_time(&tenant, &slice).await.unwrap();
        let size: usize = page.entries.iter().map(|it| it.raw.len()).sum();
        assert!(page.next.is_none() || page.entries.len() > 1);
        assert!(size < 6_000_000, "{size}");
        seen.extend(page.entries.into_iter().map(|it| it.id));
        slice.after = page.next;
        if slice.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn an_item_that_two_partitions_list_while_it_moves_is_read_once() {
    let store = empty_store().await;
    let mut listed = Vec::new();
    for second in 0..2 {
        let message = queued(at(second));
        write(&store, &message).await;
        let key = Key::new(keys::message(&message.tenant, &message.id), keys::HEAD);
        listed.extend([key.clone(), key]);
    }
    let read = store.read_all(&store.messages, listed).await.unwrap();
    assert_eq!(read.len(), 2);
}
