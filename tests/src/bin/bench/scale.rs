//! How much is measured: enough for figures, or for a first look.

use std::time::Duration;

/// How much is measured.
pub(crate) struct Scale {
    /// Starts of the platform.
    pub(crate) starts: usize,
    /// Single messages one after another, and again at once.
    pub(crate) sends: usize,
    /// Webhooks for the percentiles.
    pub(crate) webhooks: usize,
    /// How long webhooks come as fast as they are taken.
    pub(crate) sustained: Duration,
    /// How long webhooks come with nobody to apply them.
    pub(crate) flood: Duration,
    /// Recipients of the job without a pace.
    pub(crate) recipients: usize,
    /// How long the job with a pace lasts, in seconds.
    pub(crate) paced_s: usize,
    /// Recipients of the job beside which secrets are rotated.
    pub(crate) rotated: usize,
    /// Recipients of the job beside which one-time codes are sent.
    pub(crate) beside: usize,
    /// One-time codes of each sender, alone and beside the job.
    pub(crate) codes: usize,
    /// Starts of each function.
    pub(crate) polls: usize,
    /// Invocations of a function under load.
    pub(crate) invocations: usize,
    /// Invocations of a function with its samples.
    pub(crate) samples: usize,
}

impl Scale {
    /// Enough for figures.
    pub(crate) fn full() -> Self {
        Self {
            starts: 5,
            sends: 500,
            webhooks: 5_000,
            sustained: Duration::from_secs(10),
            flood: Duration::from_mins(1),
            recipients: 10_000,
            paced_s: 120,
            rotated: 10_000,
            beside: 100_000,
            codes: 40,
            polls: 20,
            invocations: 2_000,
            samples: 1_000,
        }
    }

    /// For a first look.
    pub(crate) fn quick() -> Self {
        Self {
            starts: 2,
            sends: 50,
            webhooks: 500,
            sustained: Duration::from_secs(2),
            flood: Duration::from_secs(5),
            recipients: 1_000,
            paced_s: 10,
            rotated: 4_000,
            beside: 2_000,
            codes: 10,
            polls: 5,
            invocations: 200,
            samples: 100,
        }
    }
}
