//! Business portfolios: their limit, and how many people they have written to.

use super::item::{Indexes, Item, Key, body, item, number, text};
use super::transaction::{Change, Transaction};
use super::{Sender, Store, StoreError, keys};
use crate::domain::identity::{PortfolioId, TenantId};
use crate::domain::pace::{Portfolio, Reached, Room, hour_of};
use jiff::Timestamp;

/// Before the number of an hour in the name of an attribute.
const HOUR_PREFIX: &str = "h";

impl Store {
    /// Writes a portfolio; writing it again changes its limit.
    pub async fn put_portfolio(
        &self,
        tenant: &TenantId,
        portfolio: &Portfolio,
    ) -> Result<(), StoreError> {
        let key = Key::new(keys::portfolio(tenant, &portfolio.id), keys::HEAD);
        self.put(item("portfolio", key, Indexes::default(), portfolio)?)
            .await
    }

    /// Writes the limit that the provider told of a portfolio at `told_at`: `None` for none. What was told before the
    /// limit that stands changes nothing.
    pub async fn tell_portfolio(
        &self,
        tenant: &TenantId,
        id: &PortfolioId,
        people_per_day: Option<u64>,
        told_at: Timestamp,
    ) -> Result<(), StoreError> {
        let set = "SET id = :id, told_at = :told_at";
        let mut change = Change {
            update: format!("{set} REMOVE people_per_day"),
            condition: Some("attribute_not_exists(told_at) OR told_at <= :told_at".into()),
            names: vec![],
            values: vec![
                (":id".into(), text(id.as_str())),
                (":told_at".into(), number(told_at.as_millisecond())),
            ],
        };
        if let Some(people) = people_per_day {
            change.update = format!("{set}, people_per_day = :people");
            change.values.push((":people".into(), number(people)));
        }
        let key = Key::new(keys::portfolio(tenant, id), keys::HEAD);
        self.change_if(key, &change.making("portfolio")).await?;
        Ok(())
    }

    /// What is left of the limit of the portfolio that a sender belongs to, if it has one.
    pub async fn room(&self, sender: &Sender) -> Result<Option<Room>, StoreError> {
        let Some(id) = &sender.portfolio else {
            return Ok(None);
        };
        let pk = keys::portfolio(&sender.tenant, id);
        let keys = [Key::new(&pk, keys::HEAD), Key::new(&pk, keys::REACHED)];
        let [found, reached] = self.read_together(&self.messages, keys).await?;
        let portfolio: Option<Portfolio> = found.map(body).transpose()?;
        let Some(people_per_day) = portfolio.and_then(|portfolio| portfolio.people_per_day) else {
            return Ok(None);
        };
        Ok(Some(Room {
            portfolio: id.clone(),
            people_per_day,
            reached: reached.as_ref().map(reached_of).unwrap_or_default(),
        }))
    }

    /// Takes room for `count` people at `now`. `false` if others have left too little of it since it was read.
    pub async fn take_room(
        &self,
        tenant: &TenantId,
        room: &Room,
        count: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(change) = reach(room, count, now, now) else {
            return Ok(false);
        };
        let key = Key::new(keys::portfolio(tenant, &room.portfolio), keys::REACHED);
        self.change_if(key, &change).await
    }

    /// Adds to a transaction, written at `now`, that a person is written to at `time`. It fails if others have taken
    /// the last room since it was read.
    pub fn take_place(
        &self,
        transaction: &mut Transaction,
        tenant: &TenantId,
        room: &Room,
        time: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let change = reach(room, 1, time, now).ok_or(StoreError::Conflict)?;
        let key = Key::new(keys::portfolio(tenant, &room.portfolio), keys::REACHED);
        transaction.update(&self.messages, key, &change)
    }
}

/// The change by which so many more are written to in the hour of `time`, if they still have room in it. Hours that
/// count no more by `now` go. `None` if there was no room when it was read.
fn reach(room: &Room, count: u64, time: Timestamp, now: Timestamp) -> Option<Change> {
    let most = room.most_before(count, time)?;
    let name = name_of(hour_of(time));
    let gone: Vec<String> = room.reached.gone(now).map(name_of).collect();
    let remove = if gone.is_empty() {
        String::new()
    } else {
        format!(" REMOVE {}", gone.join(", "))
    };
    let change = Change {
        update: format!("ADD {name} :count{remove}"),
        condition: Some(format!("attribute_not_exists({name}) OR {name} <= :most")),
        names: vec![],
        values: vec![
            (":count".into(), number(count)),
            (":most".into(), number(most)),
        ],
    };
    Some(change.making("reached"))
}

fn name_of(hour: i64) -> String {
    format!("{HOUR_PREFIX}{hour}")
}

fn reached_of(item: &Item) -> Reached {
    let hours = item.iter().filter_map(|(name, value)| {
        let hour = name.strip_prefix(HOUR_PREFIX)?.parse().ok()?;
        Some((hour, value.as_n().ok()?.parse().ok()?))
    });
    Reached(hours.collect())
}
