//! What AWS charges: the one table of unit prices.

/// A price in US dollars for a million of something, on demand in us-east-1, without the free tiers.
struct Price(f64);

/// Since when AWS lists these prices, on the pages "Pricing" of DynamoDB, SQS and Lambda. Look them up before you rely on
/// them.
pub(crate) const PRICED: &str = "November 2024";
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
/// How long a batch of hints holds its worker: it comes half a second before the first of its slots, which are a tenth
/// apart at most; the slowest call of a Meta that takes 50 to 600 ms takes nearly the longest, and the writes some more.
const HELD_S: f64 = 0.5 + 0.1 + 0.55 + 0.05;

/// What a bulk message asks of AWS.
pub(crate) struct Cost {
    /// Of DynamoDB.
    pub(crate) write_units: f64,
    /// Of DynamoDB.
    pub(crate) read_units: f64,
    /// Calls of SQS: hints and webhook records, sent, received and deleted.
    pub(crate) sqs: f64,
    /// Of all functions but `tally`, which has a few a second, however many messages there are.
    pub(crate) invocations: f64,
}

impl Cost {
    /// A million of them, in dollars.
    pub(crate) fn together(&self) -> f64 {
        self.dynamodb() + self.sqs() + self.lambda()
    }

    /// Each service's part.
    pub(crate) fn shown(&self) -> String {
        let parts = [self.dynamodb(), self.sqs(), self.lambda()];
        parts.map(|part| format!("${part:.2}")).join(", ")
    }

    fn dynamodb(&self) -> f64 {
        self.write_units * WRITE_UNIT.0 + self.read_units * READ_UNIT.0
    }

    fn sqs(&self) -> f64 {
        self.sqs * SQS_REQUEST.0
    }

    /// Of the time in functions only that of `deliver`, which mostly waits, is worth counting.
    fn lambda(&self) -> f64 {
        let deliver_s = HELD_S / BATCH * DELIVER_GB;
        self.invocations * LAMBDA_REQUEST.0 + deliver_s * LAMBDA_GB_SECOND.0
    }
}
