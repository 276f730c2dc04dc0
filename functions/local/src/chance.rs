//! Numbers that look random and are the same in every run: a test that fails can be run again.

/// A well-mixed number for a counter (the finaliser of `SplitMix64`).
pub(crate) fn mixed(counter: u64) -> u64 {
    let mut mixed = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Whether the `counter`th of many falls into this share of them.
pub(crate) fn falls_into(share: f64, counter: u64) -> bool {
    let drawn = u32::try_from(mixed(counter) >> 32).unwrap_or(u32::MAX);
    f64::from(drawn) < share * (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_kept_over_many() {
        let hits = (0..10_000).filter(|&n| falls_into(0.25, n)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        assert!((0..1_000).all(|n| falls_into(1.0, n) && !falls_into(0.0, n)));
    }
}
