//! The days that a list of counts is about: `from` and `to`, in UTC.

use heliograph::domain::fault::FaultCode;
use heliograph::service::http::Parameters;
use jiff::ToSpan;
use jiff::civil::Date;

/// The longest period, in days, unless a list says otherwise.
const MOST_DAYS: i32 = 92;

/// The period unless told, in days.
const USUAL_DAYS: i32 = 7;

/// Some days in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) from: Date,
    pub(crate) to: Date,
}

impl Period {
    /// The period that is asked for. What is wrong with it is noted as a fault.
    pub(crate) fn read(parameters: &mut Parameters, today: Date) -> Self {
        Self::within(MOST_DAYS, parameters, today)
    }

    /// The same where it may have so many days.
    pub(crate) fn within(most_days: i32, parameters: &mut Parameters, today: Date) -> Self {
        let to = day(parameters, "to").unwrap_or(today);
        let from = day(parameters, "from").unwrap_or_else(|| days_before(to, USUAL_DAYS - 1));
        if from > to {
            parameters.fault("from", FaultCode::OutOfRange, "must not be after to");
        } else if from < days_before(to, most_days - 1) {
            let detail = format!("must be within {most_days} days of to");
            parameters.fault("from", FaultCode::OutOfRange, detail);
        }
        Self { from, to }
    }

    /// Each of its days, in order.
    pub(crate) fn days(self) -> impl Iterator<Item = Date> {
        self.from
            .series(1.day())
            .take_while(move |day| *day <= self.to)
    }
}

/// A day of the form `2026-11-20` and no other.
fn day(parameters: &mut Parameters, name: &str) -> Option<Date> {
    let text = parameters.text(name)?;
    let day = text
        .parse::<Date>()
        .ok()
        .filter(|day| day.to_string() == text);
    if day.is_none() {
        let detail = "must be a day such as 2026-11-20";
        parameters.fault(name, FaultCode::Invalid, detail);
    }
    day
}

fn days_before(day: Date, days: i32) -> Date {
    day.saturating_sub(days.days())
}
