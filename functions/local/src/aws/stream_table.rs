//! The engine's own table of stream records, kept fast and small from beside the engine.
//!
//! The engine looks up the newest sequence number at every write by reading every record it has, and deletes none. An
//! index makes the one a single step; what is older than an hour is deleted (AWS keeps a day).

use anyhow::Result;
use rusqlite::{Connection, params};
use std::time::Duration;

/// How long a record is kept: longer than a restart takes.
const KEPT: Duration = Duration::from_hours(1);

/// Records deleted at a time: the engine waits while they are.
const AT_ONCE: u32 = 500;

/// Makes the index. To be done before the engine serves anybody.
pub(super) fn index(connection: &Connection) -> Result<()> {
    connection.execute_batch(
        "CREATE INDEX IF NOT EXISTS heliograph_stream_sequence
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )?;
    Ok(())
}

/// Deletes some of what is too old; returns how much it was. Only the oldest are looked at: the engine waits meanwhile.
pub(super) fn trim(connection: &Connection) -> Result<usize> {
    let kept = i64::try_from(KEPT.as_secs())?;
    let deleted = connection.execute(
        "DELETE FROM _stream_records WHERE id IN (
             SELECT id FROM (SELECT id, created_at FROM _stream_records ORDER BY id LIMIT ?2)
             WHERE created_at < unixepoch() - ?1)",
        params![kept, AT_ONCE],
    )?;
    Ok(deleted)
}
