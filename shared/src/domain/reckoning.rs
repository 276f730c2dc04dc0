//! Counts as numbers to reckon with, and back.

/// A count to divide by, or to divide.
pub(super) fn float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// How many whole ones that is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and the number is not negative"
)]
pub(super) fn whole(count: f64) -> u64 {
    count.floor() as u64
}
