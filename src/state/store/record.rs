//! The record that is stored of a checkpoint beside its blocks.

use serde::{Deserialize, Serialize};

use super::columns::{Reader, length};
use super::lineage::Lineage;
use crate::state::{DescriptorDoc, OperatorEntry};
use crate::types::{Error, OperatorUid, Result};

/// One checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CheckpointRecord {
    /// The checkpoint that it was taken on top of.
    pub(super) parent: Option<u64>,
    /// The lineage: the checkpoint and its ancestors.
    pub(super) lineage: Lineage,
    /// The keyed states it has.
    pub(super) states: Vec<StateRecord>,
    /// The operators that have state in it.
    pub(super) operators: Vec<OperatorUid>,
}

/// A keyed state of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StateRecord {
    /// The number of its [`SchemaRecord`].
    pub(super) schema: u32,
    /// The first checkpoint from which on every ancestor has had it: older blocks are of an operator that was removed
    /// in between, and do not count.
    pub(super) since: u64,
}

/// A keyed state of an operator, as any checkpoint declared it. Its number names the table of its blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SchemaRecord {
    pub(super) uid: OperatorUid,
    pub(super) state: DescriptorDoc,
}

/// A namespace that was dropped: its blocks may be deleted once no retained checkpoint is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PurgeRecord {
    pub(super) schema: u32,
    pub(super) namespace: i64,
    /// The key groups of the instance that dropped it.
    pub(super) first: u16,
    pub(super) end: u16,
}

/// `value` as JSON.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(Error::state)
}

/// The value that [`to_json`] wrote.
pub(super) fn from_json<'a, T: Deserialize<'a>>(what: &str, bytes: &'a [u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| Error::state(format!("{what}: {error}")))
}

/// The context that seals the operator entries of `uid` in checkpoint `id`.
pub(super) fn entries_context(id: u64, uid: &str) -> Vec<u8> {
    [&id.to_be_bytes(), uid.as_bytes()].concat()
}

/// The entries of one operator in one checkpoint.
pub(super) fn encode_entries(entries: &[OperatorEntry]) -> Result<Vec<u8>> {
    let mut out = length(entries.len())?.to_le_bytes().to_vec();
    for entry in entries {
        out.extend_from_slice(&length(entry.subtask)?.to_le_bytes());
        out.push(u8::from(entry.state.is_some()));
        for bytes in [entry.state.as_deref().unwrap_or("").as_bytes(), &entry.entry] {
            out.extend_from_slice(&length(bytes.len())?.to_le_bytes());
            out.extend_from_slice(bytes);
        }
    }
    Ok(out)
}

/// The entries that [`encode_entries`] wrote.
pub(super) fn decode_entries(bytes: &[u8]) -> Result<Vec<OperatorEntry>> {
    let mut reader = Reader::new(bytes);
    let mut entries = Vec::new();
    for _ in 0..reader.u32()? {
        let subtask = reader.rows()?;
        let named = reader.u8()? != 0;
        let length = reader.rows()?;
        let state = String::from_utf8(reader.take(length)?.to_vec()).map_err(Error::state)?;
        let length = reader.rows()?;
        let entry = reader.take(length)?.to_vec();
        entries.push(OperatorEntry { state: named.then_some(state), subtask, entry });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_and_a_cut_is_an_error() {
        let entries = [
            OperatorEntry { state: Some("offsets".into()), subtask: 0, entry: vec![1, 2, 3] },
            OperatorEntry { state: None, subtask: 1, entry: Vec::new() },
            OperatorEntry { state: Some(String::new()), subtask: 2, entry: vec![9; 300] },
        ];
        let bytes = encode_entries(&entries).expect("encodes");
        assert_eq!(decode_entries(&bytes).expect("whole"), entries);
        for cut in 0..bytes.len() {
            assert!(decode_entries(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}
