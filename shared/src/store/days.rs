//! How many messages of a day a tenant's limit was taken by, over several items, so that none takes all writes.

use super::item::{Item, Key, number};
use super::transaction::{Change, Committed, Transaction};
use super::{Sender, Store, StoreError, keys};
use crate::domain::identity::TenantId;
use crate::domain::tier::{DAY_SHARDS, DayPlace, DayRoom, Rooms, day_of, end_of};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::try_join;

/// How long after its day an item is kept, for whoever asks what became of a limit.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(3 * 24);

impl Store {
    /// What is left of the limits that a sender's messages have besides its rate.
    pub async fn rooms(&self, sender: &Sender, now: Timestamp) -> Result<Rooms, StoreError> {
        let (portfolio, day) = try_join!(
            self.room(sender),
            self.day_room(&sender.tenant, day_of(now))
        )?;
        Ok(Rooms {
            portfolio,
            day,
            ..Rooms::default()
        })
    }

    /// What is left of a day, if the tenant's tier limits it. Nothing is read for one without the limit.
    pub async fn day_room(
        &self,
        tenant: &TenantId,
        day: Date,
    ) -> Result<Option<DayRoom>, StoreError> {
        match self.standing(tenant).await?.limits.messages_per_day {
            Some(per_day) => self.day_taken(tenant, day, per_day).await.map(Some),
            None => Ok(None),
        }
    }

    /// What is left of a day under this limit.
    pub async fn day_taken(
        &self,
        tenant: &TenantId,
        day: Date,
        per_day: u64,
    ) -> Result<DayRoom, StoreError> {
        let keys: [usize; DAY_SHARDS] = std::array::from_fn(|shard| shard);
        let keys = keys.map(|shard| key(tenant, day, shard));
        let found = self.read_together(&self.messages, keys).await?;
        Ok(DayRoom {
            day,
            per_day,
            taken: found.map(|item| item.as_ref().and_then(taken_of).unwrap_or(0)),
        })
    }

    /// Takes room for `count` messages. `false` if there was none, or others have left too little of it since it was
    /// read.
    pub async fn take_day_room(
        &self,
        tenant: &TenantId,
        room: &DayRoom,
        count: u64,
    ) -> Result<bool, StoreError> {
        let Some(places) = room.places(count) else {
            return Ok(false);
        };
        if let [place] = places.as_slice() {
            let key = key(tenant, room.day, place.shard);
            return self.change_if(key, &taking(*place, room.day)).await;
        }
        let mut transaction = Transaction::new();
        for place in places {
            self.take_day_place(&mut transaction, tenant, room.day, place)?;
        }
        Ok(transaction.is_empty() || self.commit_if(transaction).await? == Committed::Yes)
    }

    /// Adds to a transaction that room is taken in one shard. It fails if others have left too little of it.
    pub fn take_day_place(
        &self,
        transaction: &mut Transaction,
        tenant: &TenantId,
        day: Date,
        place: DayPlace,
    ) -> Result<(), StoreError> {
        let key = key(tenant, day, place.shard);
        transaction.update(&self.messages, key, &taking(place, day))
    }
}

fn taking(place: DayPlace, day: Date) -> Change {
    let expires = end_of(day)
        .saturating_add(KEPT_FOR)
        .unwrap_or(Timestamp::MAX);
    let change = Change {
        update: "SET expires = :expires ADD taken :count".into(),
        condition: Some("attribute_not_exists(taken) OR taken <= :most".into()),
        names: Vec::new(),
        values: vec![
            (":expires".into(), number(expires.as_second())),
            (":count".into(), number(place.count)),
            (":most".into(), number(place.most_before)),
        ],
    };
    change.making("day_taken")
}

fn key(tenant: &TenantId, day: Date, shard: usize) -> Key {
    Key::new(keys::day_taken(tenant, day, shard), keys::HEAD)
}

fn taken_of(item: &Item) -> Option<u64> {
    item.get("taken")?.as_n().ok()?.parse().ok()
}
