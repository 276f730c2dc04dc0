//! How many calls came within one second, and in each.

use std::collections::VecDeque;

const SECOND_MICROS: i64 = 1_000_000;

/// The calls of the last second, and the most there ever were.
#[derive(Debug, Default, Clone)]
pub(super) struct Window {
    recent: VecDeque<i64>,
    highest: usize,
}

impl Window {
    /// How many calls there were in the second that ends now.
    pub(super) fn count(&mut self, now_micros: i64) -> usize {
        while self
            .recent
            .front()
            .is_some_and(|&at| at <= now_micros - SECOND_MICROS)
        {
            self.recent.pop_front();
        }
        self.recent.len()
    }

    /// Notes a call.
    pub(super) fn note(&mut self, now_micros: i64) {
        self.count(now_micros);
        self.recent.push_back(now_micros);
        self.highest = self.highest.max(self.recent.len());
    }

    /// The most calls there ever were within one second.
    pub(super) fn highest(&self) -> usize {
        self.highest
    }
}

/// How many calls came in each second of the clock, from that of the first on.
#[derive(Debug, Default, Clone)]
pub(super) struct Seconds {
    first: i64,
    calls: Vec<u32>,
}

impl Seconds {
    /// Notes a call. One before the first, if the clock was set back, is the first second's.
    pub(super) fn note(&mut self, now_micros: i64) {
        let second = now_micros.div_euclid(SECOND_MICROS);
        if self.calls.is_empty() {
            self.first = second;
        }
        let place = usize::try_from(second - self.first).unwrap_or(0);
        if self.calls.len() <= place {
            self.calls.resize(place + 1, 0);
        }
        if let Some(calls) = self.calls.get_mut(place) {
            *calls += 1;
        }
    }

    /// The calls of each second; those without any are among them.
    pub(super) fn calls(&self) -> &[u32] {
        &self.calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_without_a_call_are_counted_too() {
        let mut seconds = Seconds::default();
        assert!(seconds.calls().is_empty());
        for at in [7_900_000, 7_999_999, 8_000_000, 10_500_000] {
            seconds.note(at);
        }
        assert_eq!(seconds.calls(), [2, 1, 0, 1]);
    }

    #[test]
    fn a_call_leaves_the_window_after_one_second() {
        let mut window = Window::default();
        for at in [0, 500_000, 999_999] {
            window.note(at);
        }
        assert_eq!(window.count(999_999), 3);
        assert_eq!(window.count(1_000_000), 2);
        assert_eq!(window.highest(), 3);
    }
}
