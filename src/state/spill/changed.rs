//! What has changed in the file, for a checkpoint that is written while the job goes on.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;

use super::block::{Block, CHANGED};
use super::codec::Codec;
use super::log::{Extent, Lease, failed};
use crate::state::DeferredRows;
use crate::types::files::ScratchFile;
use crate::types::{Result, key_group};

/// The entries of some blocks that changed in one epoch.
pub(super) struct Changed {
    pub(super) file: Arc<dyn ScratchFile>,
    pub(super) directory: PathBuf,
    pub(super) codec: Arc<Codec>,
    /// By where they begin, ascending.
    pub(super) blocks: Vec<(u32, Extent)>,
    pub(super) epoch: u32,
    pub(super) max_parallelism: u16,
    pub(super) _lease: Lease,
}

impl fmt::Debug for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Changed({} blocks of epoch {})", self.blocks.len(), self.epoch)
    }
}

impl DeferredRows for Changed {
    fn of(&self, key_group: u16) -> Result<(RecordBatch, RecordBatch)> {
        let of = |hash: u32| key_group::key_group(u64::from(hash) << 32, self.max_parallelism);
        // The last block that begins before the key group may reach into it.
        let first = self.blocks.partition_point(|(start, _)| of(*start) < key_group).saturating_sub(1);
        let end = self.blocks.partition_point(|(start, _)| of(*start) <= key_group);
        let (mut put, mut gone, mut buffer) = (Vec::new(), Vec::new(), Vec::new());
        for &(start, extent) in &self.blocks[first.min(end)..end] {
            buffer.resize(extent.bytes as usize, 0);
            self.file.read_at(extent.offset(), &mut buffer).map_err(|error| failed(&self.directory, &error))?;
            let entries = Block::read(start, &buffer)?.entries(self.epoch);
            for entry in entries.filter(|entry| entry.marks & CHANGED != 0 && of(entry.hash) == key_group) {
                if entry.is_gone() { &mut gone } else { &mut put }.push(entry.row.to_vec());
            }
        }
        let (put, gone) = (put.iter().map(Vec::as_slice), gone.iter().map(Vec::as_slice));
        Ok((self.codec.entry_columns(put)?, self.codec.key_columns_of(gone)?))
    }
}
