//! The table: what was measured, the figure to hold, and whether it holds.

use std::time::Duration;

/// Prints lines as they are measured, and counts those that miss.
#[derive(Debug, Default)]
pub(crate) struct Table {
    held: u32,
    missed: u32,
}

#[expect(
    clippy::unused_self,
    reason = "all that is printed goes through the table"
)]
impl Table {
    /// Begins a part.
    pub(crate) fn part(&self, title: &str) {
        println!("\n{title}");
    }

    /// A figure that is only told.
    pub(crate) fn fact(&self, what: &str, measured: &str) {
        println!("  {what:<66} {measured:>14}");
    }

    /// A figure that must not be more than `limit`.
    pub(crate) fn at_most(&mut self, what: &str, measured: f64, limit: f64, unit: &str) {
        let verdict = self.verdict(measured <= limit);
        let (measured, limit) = (shown(measured, unit), shown(limit, unit));
        println!("  {what:<66} {measured:>14}   <= {limit:<10} {verdict}");
    }

    /// A figure that must not be less than `limit`.
    pub(crate) fn at_least(&mut self, what: &str, measured: f64, limit: f64, unit: &str) {
        let verdict = self.verdict(measured >= limit);
        let (measured, limit) = (shown(measured, unit), shown(limit, unit));
        println!("  {what:<66} {measured:>14}   >= {limit:<10} {verdict}");
    }

    /// How many figures held.
    pub(crate) fn summary(&self) -> String {
        format!("{} held, {} missed", self.held, self.missed)
    }

    fn verdict(&mut self, holds: bool) -> &'static str {
        if holds {
            self.held += 1;
            "ok"
        } else {
            self.missed += 1;
            "MISSED"
        }
    }
}

/// A number with its unit: three digits are enough.
pub(crate) fn shown(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        value if value < 1.0 => 3,
        value if value < 10.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    };
    let digits = if value.fract() == 0.0 { 0 } else { digits };
    let text = format!("{value:.digits$} {unit}");
    text.trim_end().to_owned()
}

/// A duration in milliseconds.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// A count as the table's numbers are.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
