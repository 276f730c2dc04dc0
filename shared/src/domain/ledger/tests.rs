//! Tests of the ledger's rules.
