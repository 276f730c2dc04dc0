//! How long calls took, as counts in buckets: what is counted in several places is added up, and percentiles are told of
//! the sum.

use super::reckoning::{float, whole};

/// The longest time of each bucket, in milliseconds; a bucket begins where the one before it ends. Each ends at most a
/// quarter above its beginning. The places stand in items, so that no bucket may ever change.
const LONGEST: [u32; 41] = [
    1, 2, 3, 5, 7, 10, 13, 17, 22, 28, 36, 46, 58, 74, 94, 119, 150, 189, 238, 299, 376, 472, 593,
    745, 935, 1_174, 1_473, 1_848, 2_319, 2_910, 3_651, 4_581, 5_747, 7_210, 9_045, 11_347, 14_234,
    17_856, 22_399, 28_098, 30_000,
];

/// How many buckets there are.
pub const BUCKETS: usize = LONGEST.len();

/// Which bucket a time belongs to. What took longer than any call may belongs to the last one.
#[must_use]
pub fn bucket_of(millis: u32) -> usize {
    LONGEST
        .partition_point(|longest| *longest < millis)
        .min(BUCKETS - 1)
}

/// How many calls took how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latencies([u64; BUCKETS]);

impl Default for Latencies {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Latencies {
    /// Adds calls to a bucket. There are no others than [`BUCKETS`].
    pub fn add(&mut self, bucket: usize, calls: u64) {
        if let Some(count) = self.0.get_mut(bucket) {
            *count += calls;
        }
    }

    /// Adds all that were counted elsewhere.
    pub fn merge(&mut self, others: &Self) {
        for (count, more) in self.0.iter_mut().zip(others.0) {
            *count += more;
        }
    }

    /// The time that so many in a thousand calls stayed within, at most 12 % off: the middle of its bucket. `None` of no
    /// calls.
    #[must_use]
    pub fn within(&self, per_mille: u64) -> Option<u32> {
        let calls: u64 = self.0.iter().sum();
        let rank = calls.saturating_mul(per_mille).div_ceil(1_000).max(1);
        let mut seen = 0;
        let reached = self.0.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        reached.map(middle).filter(|_| calls > 0)
    }
}

/// The time that is as many times longer than the shortest of its bucket as the longest is longer than it.
fn middle(bucket: usize) -> u32 {
    let longest_of = |bucket: usize| LONGEST.get(bucket).copied().unwrap_or(u32::MAX);
    let shortest = bucket.checked_sub(1).map_or(1, |it| longest_of(it) + 1);
    let product = float(u64::from(shortest) * u64::from(longest_of(bucket)));
    u32::try_from(whole(product.sqrt().round())).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn counted(times: &[u32]) -> Latencies {
        let mut latencies = Latencies::default();
        for time in times {
            latencies.add(bucket_of(*time), 1);
        }
        latencies
    }

    #[test]
    fn a_time_belongs_to_one_bucket_and_a_longer_one_to_no_earlier() {
        assert_eq!((bucket_of(0), bucket_of(1), bucket_of(2)), (0, 0, 1));
        assert_eq!((bucket_of(4), bucket_of(5), bucket_of(6)), (3, 3, 4));
        assert_eq!(bucket_of(u32::MAX), BUCKETS - 1);
        assert!((1..40_000).is_sorted_by_key(bucket_of));
    }

    #[test]
    fn no_calls_have_no_percentile_and_one_call_has_its_own() {
        assert_eq!(Latencies::default().within(500), None);
        let one = counted(&[150]);
        assert_eq!(one.within(500), one.within(990));
    }

    #[test]
    fn a_few_slow_calls_show_in_the_tail_alone() {
        let mut times = vec![100; 98];
        times.extend([9_000, 9_000]);
        let latencies = counted(&times);
        assert!((90..112).contains(&latencies.within(500).unwrap()));
        assert!((90..112).contains(&latencies.within(950).unwrap()));
        assert!((8_000..10_000).contains(&latencies.within(990).unwrap()));
    }

    proptest! {
        #[test]
        fn a_percentile_is_at_most_12_percent_off(
            mut times in vec(1_u32..30_000, 1..200), per_mille in 1_u64..=1_000,
        ) {
            let told = f64::from(counted(&times).within(per_mille).unwrap());
            times.sort_unstable();
            let rank = (times.len() * usize::try_from(per_mille).unwrap()).div_ceil(1_000).max(1);
            let truly = f64::from(times[rank - 1]);
            // A time is told in whole milliseconds.
            prop_assert!((told - truly).abs() <= truly * 0.12 + 0.5, "{told} {truly}");
        }

        #[test]
        fn parts_add_up_to_the_whole(one in vec(1_u32..30_000, 0..50), other in vec(1_u32..30_000, 0..50)) {
            let mut merged = counted(&one);
            merged.merge(&counted(&other));
            let together: Vec<u32> = one.into_iter().chain(other).collect();
            prop_assert_eq!(merged, counted(&together));
        }
    }
}
