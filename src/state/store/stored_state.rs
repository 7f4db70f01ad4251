//! A keyed state as the file has it.

use redb::TableDefinition;

use super::block::Layout;
use super::key::BlockKey;
use super::keys::Keys;
use crate::state::StateDescriptor;
use crate::types::{OperatorUid, Result};

/// A keyed state whose blocks are in the database.
#[derive(Debug)]
pub(super) struct StoredState {
    pub(super) number: u32,
    pub(super) uid: OperatorUid,
    pub(super) descriptor: StateDescriptor,
    /// The name of the table of its blocks.
    pub(super) table: String,
    pub(super) layout: Layout,
    pub(super) keys: Keys,
}

impl StoredState {
    pub(super) fn new(number: u32, uid: OperatorUid, descriptor: StateDescriptor) -> Result<Self> {
        let keys = descriptor.key_schema();
        Ok(Self {
            number,
            table: format!("{uid}/{}#{number}", descriptor.name),
            layout: Layout { entries: descriptor.schema.arrow().clone(), keys: keys.arrow().clone() },
            keys: Keys::new(keys.arrow())?,
            uid,
            descriptor,
        })
    }

    pub(super) fn blocks(&self) -> TableDefinition<'_, &'static BlockKey, &'static [u8]> {
        TableDefinition::new(&self.table)
    }
}
