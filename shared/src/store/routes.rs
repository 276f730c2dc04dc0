//! Routes, and the senders that they name as they are now.

use super::item::{Indexes, Item, Key, body, item, number};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::{Sender, Store, StoreError, Transaction, keys};
use crate::domain::id::RouteId;
use crate::domain::identity::TenantId;
use crate::domain::message::Leg;
use crate::domain::route::{Failover, Route, Stop, Way};
use std::collections::HashMap;

impl Store {
    /// A tenant's routes, by their ids, the last first: those that are made here have the time in theirs.
    pub async fn routes(
        &self,
        tenant: &TenantId,
        slice: &Slice,
    ) -> Result<Listed<Route>, StoreError> {
        let listing = Listing {
            index: Index::TABLE,
            partitions: vec![keys::routes(tenant)],
            prefix: String::new(),
            order: Order::Descending,
        };
        self.list_of(&self.messages, &listing, slice).await
    }

    /// The tenant's route of this id.
    pub async fn route(
        &self,
        tenant: &TenantId,
        id: &RouteId,
    ) -> Result<Option<Route>, StoreError> {
        let item = self.read(&self.messages, route_key(tenant, id)).await?;
        item.map(body).transpose()
    }

    /// Adds a new route to a transaction.
    pub fn add_route(
        &self,
        transaction: &mut Transaction,
        route: &Route,
    ) -> Result<(), StoreError> {
        transaction.put_new(&self.messages, route_item(route)?)
    }

    /// Adds to a transaction that `next` takes the place of a route, if that is still as it was read.
    pub fn change_route(
        &self,
        transaction: &mut Transaction,
        read: &Route,
        next: &Route,
    ) -> Result<(), StoreError> {
        let changed_at = number(read.changed_at.as_millisecond());
        let values = HashMap::from([(":read".to_owned(), changed_at)]);
        let condition = Some("changed_at = :read");
        transaction.put_if(&self.messages, route_item(next)?, condition, values)
    }

    /// Adds to a transaction that a route is taken away.
    pub fn remove_route(
        &self,
        transaction: &mut Transaction,
        route: &Route,
    ) -> Result<(), StoreError> {
        let key = route_key(&route.tenant, &route.id);
        transaction.delete(&self.messages, key, Some(("attribute_exists(pk)", None)))
    }

    /// What a message over the tenant's route of this id knows of it, if there is such a route with a sender.
    pub async fn way(&self, tenant: &TenantId, id: &RouteId) -> Result<Option<Way>, StoreError> {
        let Some(route) = self.route(tenant, id).await? else {
            return Ok(None);
        };
        let senders = self.senders_named(tenant, &route.senders).await?;
        let mut stops: Vec<(u16, Stop)> = Vec::new();
        for sender in &senders {
            let settings = self.known_provider_settings(tenant, sender.id.provider());
            stops.push((settings.await?.priority, stop(sender)));
        }
        let stops = in_order(stops, &route.policy);
        Ok((!stops.is_empty()).then_some(Way {
            route: route.id,
            stops,
            policy: route.policy,
        }))
    }
}

/// By the priorities of their providers, and where these are the same in the order of the route. Where the number may not
/// change, those of the route's first number come first: they alone may send.
fn in_order(mut stops: Vec<(u16, Stop)>, policy: &Failover) -> Vec<Stop> {
    let first = stops.first().and_then(|(_, stop)| stop.number.clone());
    stops.sort_by_key(|(priority, stop)| {
        let is_other = !policy.other_number && stop.number != first;
        (is_other, *priority)
    });
    stops.into_iter().map(|(_, stop)| stop).collect()
}

/// A sender as a stop of a route.
#[must_use]
pub fn stop(sender: &Sender) -> Stop {
    let digits: String = sender
        .display_number
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    Stop {
        leg: Leg {
            account: sender.account.clone(),
            sender: sender.id.clone(),
        },
        number: (!digits.is_empty()).then_some(digits),
    }
}

fn route_key(tenant: &TenantId, id: &RouteId) -> Key {
    Key::new(keys::routes(tenant), id.as_str())
}

fn route_item(route: &Route) -> Result<Item, StoreError> {
    let key = route_key(&route.tenant, &route.id);
    item("route", key, Indexes::default(), route)
}
