//! A bounded map whose entries expire: what a warm function remembers between invocations.
//!
//! The time is an argument. Entries of equal age do not all expire at once: each name's lifetime is a little
//! shorter than the full one, always by the same amount.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Lifetimes differ by up to this share (one fifth).
const JITTER_SHARE: u32 = 5;

/// A bounded map of values that expire.
#[derive(Debug)]
pub struct Expiring<V> {
    capacity: usize,
    lifetime: Duration,
    entries: Mutex<HashMap<String, Entry<V>>>,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    until: Instant,
}

impl<V: Clone> Expiring<V> {
    /// A map of at most `capacity` entries that live for `lifetime` at most.
    #[must_use]
    pub fn new(capacity: usize, lifetime: Duration) -> Self {
        Self {
            capacity,
            lifetime,
            entries: Mutex::default(),
        }
    }

    /// The value of `name`, unless it has expired.
    #[must_use]
    pub fn get(&self, name: &str, now: Instant) -> Option<V> {
        let entries = self.entries();
        let entry = entries.get(name).filter(|entry| entry.until > now)?;
        Some(entry.value.clone())
    }

    /// Keeps `value`. A full map first drops what has expired, or else what would expire first.
    pub fn put(&self, name: &str, value: V, now: Instant) {
        let until = now + self.lifetime_of(name);
        let mut entries = self.entries();
        if entries.len() >= self.capacity && !entries.contains_key(name) {
            make_room(&mut entries, now);
        }
        entries.insert(name.to_owned(), Entry { value, until });
    }

    /// Forgets `name`.
    pub fn remove(&self, name: &str) {
        self.entries().remove(name);
    }

    fn lifetime_of(&self, name: &str) -> Duration {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let percent = u32::try_from(hasher.finish() % 100).unwrap_or(0);
        let shorter = self.lifetime / JITTER_SHARE * percent / 100;
        self.lifetime.saturating_sub(shorter)
    }

    /// No entry is ever half written, so a panic elsewhere leaves the map usable.
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry<V>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room<V>(entries: &mut HashMap<String, Entry<V>>, now: Instant) {
    let before = entries.len();
    entries.retain(|_, entry| entry.until > now);
    if entries.len() < before {
        return;
    }
    let first = entries.iter().min_by_key(|(_, entry)| entry.until);
    if let Some(name) = first.map(|(name, _)| name.clone()) {
        entries.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_mins(5);

    #[test]
    fn a_value_is_kept_for_its_lifetime_and_not_longer() {
        let (map, start) = (Expiring::new(10, LIFETIME), Instant::now());
        map.put("a", 1, start);
        assert_eq!(map.get("a", start + LIFETIME * 3 / 4), Some(1));
        assert_eq!(map.get("a", start + LIFETIME), None);
    }

    #[test]
    fn names_written_together_do_not_expire_together() {
        let (map, start) = (Expiring::new(100, LIFETIME), Instant::now());
        let names: Vec<_> = (0..100).map(|number| format!("name {number}")).collect();
        for name in &names {
            map.put(name, (), start);
        }
        let later = start + LIFETIME * 9 / 10;
        let alive = names.iter().filter(|name| map.get(name, later).is_some());
        assert!((20..=80).contains(&alive.count()));
    }

    #[test]
    fn the_map_never_grows_beyond_its_capacity() {
        let (map, start) = (Expiring::new(10, LIFETIME), Instant::now());
        for number in 0..1_000 {
            map.put(
                &number.to_string(),
                number,
                start + Duration::from_secs(number),
            );
            assert!(map.entries().len() <= 10);
        }
        assert_eq!(
            map.get("999", start + Duration::from_secs(1_000)),
            Some(999)
        );
    }

    #[test]
    fn a_forgotten_name_is_gone() {
        let (map, start) = (Expiring::new(10, LIFETIME), Instant::now());
        map.put("a", 1, start);
        map.remove("a");
        assert_eq!(map.get("a", start), None);
    }
}
