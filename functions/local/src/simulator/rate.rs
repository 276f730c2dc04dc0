//! How many calls came within one second.

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

#[cfg(test)]
mod tests {
    use super::*;

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
