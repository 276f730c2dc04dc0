//! What AWS charges: the one table of unit prices.

use crate::tap::Noted;

/// A price in US dollars for a million of something, on demand in us-east-1, without the free tiers.
struct Price(f64);

/// As AWS lists them since November 2024, on the pages "Pricing" of DynamoDB, SQS and Lambda. Look them up before you rely
/// on them.
const WRITE_UNIT: Price = Price(0.625);
const READ_UNIT: Price = Price(0.125);
const SQS_REQUEST: Price = Price(0.40);
const LAMBDA_REQUEST: Price = Price(0.20);
/// A second of a gigabyte, arm64.
const LAMBDA_GB_SECOND: Price = Price(13.3334);

/// Memory of `deliver`, in gigabytes.
const DELIVER_GB: f64 = 0.25;

/// Hints `deliver` has in one invocation.
const BATCH: f64 = 10.0;

/// What a message costs, for a million of them.
pub(crate) struct Cost {
    /// Reads and writes.
    pub(crate) dynamodb: f64,
    /// Hints and webhook records, sent, received and deleted.
    pub(crate) sqs: f64,
    /// `deliver` alone: it mostly waits.
    pub(crate) deliver: f64,
}

impl Cost {
    /// Of `messages` for which all this was called, each of which held its worker for `waits_s` seconds.
    pub(crate) fn of(noted: &Noted, messages: f64, waits_s: f64) -> Self {
        let seconds = waits_s / BATCH * DELIVER_GB;
        Self {
            dynamodb: (noted.write_units * WRITE_UNIT.0 + noted.read_units * READ_UNIT.0)
                / messages,
            sqs: noted.all_of("AmazonSQS") / messages * SQS_REQUEST.0,
            deliver: seconds * LAMBDA_GB_SECOND.0 + LAMBDA_REQUEST.0 / BATCH,
        }
    }
}
