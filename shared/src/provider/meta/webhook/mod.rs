//! Meta's webhooks: cut into records for the queues, and read into our words.
