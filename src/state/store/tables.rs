//! The tables of the file, and what is in them.

use std::io;

use redb::{ReadableTable, TableDefinition};

use super::key::BlockKey;
use super::record::{CheckpointRecord, from_json};
use crate::state::seal::unseal;
use crate::types::{Error, Result};

/// The version of what the tables mean.
pub(super) const FORMAT: u64 = 2;

/// Numbers: [`FORMAT`], the last checkpoint id.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// A checkpoint's [`CheckpointRecord`], sealed JSON.
pub(super) const CHECKPOINTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("checkpoints");
/// [`Commit::manifest`](super::Commit::manifest), sealed.
pub(super) const MANIFESTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("manifests");
/// Bytes of the blocks that a checkpoint consists of.
pub(super) const SIZES: TableDefinition<'_, u64, u64> = TableDefinition::new("sizes");
/// The operator entries of a checkpoint by uid, sealed.
pub(super) const ENTRIES: TableDefinition<'_, (u64, &str), &[u8]> = TableDefinition::new("entries");
/// [`SchemaRecord`](super::record::SchemaRecord)s, sealed JSON.
pub(super) const SCHEMAS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("schemas");
/// Dropped namespaces by the checkpoint that dropped them, and a counter.
pub(super) const PURGES: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("purges");
/// One row while blocks of dead checkpoints are searched for: how far that is.
pub(super) const SWEEP: TableDefinition<'_, u8, (u32, &BlockKey)> = TableDefinition::new("sweep");

/// The key under which [`META`] holds [`FORMAT`].
pub(super) const VERSION: &str = "format";
/// The key under which [`META`] holds the last checkpoint id.
pub(super) const LAST_ID: &str = "last_id";

/// The checkpoint records of a table, ascending.
pub(super) fn records(table: &impl ReadableTable<u64, &'static [u8]>) -> Result<Vec<(u64, CheckpointRecord)>> {
    let mut records = Vec::new();
    for row in table.iter().map_err(db)? {
        let (id, value) = row.map_err(db)?;
        records.push((id.value(), record(id.value(), value.value())?));
    }
    Ok(records)
}

/// A checkpoint record as it is stored.
pub(super) fn record(id: u64, value: &[u8]) -> Result<CheckpointRecord> {
    let what = format!("the record of checkpoint {id}");
    from_json(&what, unseal(&id.to_be_bytes(), &what, value)?)
}

/// An error of redb's; one of the system is still to be given its path.
#[expect(clippy::wildcard_enum_match_arm, reason = "redb's other errors are of the database")]
pub(super) fn db(error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Io(error) => Error::io("", error),
        redb::Error::PreviousIo => Error::io("", io::Error::other("an earlier call of the system failed")),
        error => Error::state(error),
    }
}
