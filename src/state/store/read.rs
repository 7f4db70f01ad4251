//! A checkpoint read, through redb's snapshot: later commits and merges do not change it.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::ArrayRef;
use redb::{AccessGuard, ReadTransaction, TableError};

use super::block::{Block, Found, Wanted, find};
use super::database::StateStore;
use super::key::{BlockKey, Group, bounds, parse};
use super::lineage::Lineage;
use super::merge::merge;
use super::record::{decode_entries, entries_context};
use super::stored_state::StoredState;
use super::tables::{CHECKPOINTS, ENTRIES, MANIFESTS, db, record};
use crate::state::seal::unseal;
use crate::state::snapshot::Visit;
use crate::state::{OperatorEntry, SnapshotSource, StateDescriptor, StateSnapshot};
use crate::types::{CheckpointId, Error, OperatorUid, Result};

impl StateStore {
    /// A checkpoint to read from. Later commits do not change what it says.
    ///
    /// While it lives, the pages it may read are not used again: keep it as long as it is read, not longer.
    pub fn snapshot(self: &Arc<Self>, id: CheckpointId) -> Result<StateSnapshot> {
        let source = CheckpointSource::new(Arc::clone(self), id).map_err(|error| self.named(error))?;
        Ok(StateSnapshot::new(Arc::new(source)))
    }
}

/// One checkpoint of a store.
pub(super) struct CheckpointSource {
    /// Kept open as long as it is read from.
    store: Arc<StateStore>,
    transaction: ReadTransaction,
    id: u64,
    lineage: Lineage,
    /// The checkpoint's keyed states, and since when each counts.
    states: Vec<(Arc<StoredState>, u64)>,
    operators: Vec<(OperatorUid, Vec<StateDescriptor>)>,
    manifest: Vec<u8>,
}

impl CheckpointSource {
    pub(super) fn new(store: Arc<StateStore>, id: CheckpointId) -> Result<Self> {
        let transaction = store.begin_read()?;
        let table = transaction.open_table(CHECKPOINTS).map_err(db)?;
        let Some(value) = table.get(id.0).map_err(db)? else {
            let held = store.checkpoints()?.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let held = if held.is_empty() { "none".to_owned() } else { held };
            return Err(Error::state(format!("there is no checkpoint {id} (held: {held})")));
        };
        let record = record(id.0, value.value())?;
        let manifests = transaction.open_table(MANIFESTS).map_err(db)?;
        let what = format!("the manifest of checkpoint {id}");
        let manifest = manifests.get(id.0).map_err(db)?.ok_or_else(|| Error::state(format!("{what} is missing")))?;
        let manifest = unseal(&id.0.to_be_bytes(), &what, manifest.value())?.to_vec();
        let states = record
            .states
            .iter()
            .map(|state| Ok((store.schema(state.schema)?, state.since)))
            .collect::<Result<Vec<_>>>()?;
        let operators = record
            .operators
            .into_iter()
            .map(|uid| {
                let own = states.iter().filter(|(state, _)| state.uid == uid);
                let descriptors = own.map(|(state, _)| state.descriptor.clone()).collect();
                (uid, descriptors)
            })
            .collect();
        Ok(Self { transaction, id: id.0, lineage: record.lineage, states, operators, manifest, store })
    }

    /// The blocks of one of its states.
    fn blocks(&self, uid: &OperatorUid, state: &StateDescriptor) -> Option<BlockReader<'_>> {
        let found = self.states.iter().find(|(stored, _)| stored.uid == *uid && stored.descriptor.same_layout(state));
        let (transaction, lineage) = (&self.transaction, &self.lineage);
        found.map(|(stored, since)| BlockReader { transaction, state: stored, lineage, since: *since })
    }
}

/// Reads the blocks of one state that count for a checkpoint.
pub(super) struct BlockReader<'a> {
    pub(super) transaction: &'a ReadTransaction,
    pub(super) state: &'a StoredState,
    /// The checkpoint and its ancestors.
    pub(super) lineage: &'a Lineage,
    /// Older blocks do not count.
    pub(super) since: u64,
}

impl BlockReader<'_> {
    /// [`SnapshotSource::scan`]; returns the bytes of the blocks.
    pub(super) fn scan(&self, key_groups: &Range<u16>, visit: &mut Visit<'_>) -> Result<u64> {
        let state = self.state;
        let mut bytes = 0;
        self.groups(key_groups, &mut |group, stored| {
            let blocks = stored
                .iter()
                .map(|(key, value)| Block::decode(&state.layout, &state.table, key, value.value()))
                .collect::<Result<Vec<_>>>()?;
            bytes += stored.iter().map(|(key, value)| (key.len() + value.value().len()) as u64).sum::<u64>();
            let entries = merge(&state.layout, &state.keys, &blocks, true)?.entries;
            if entries.num_rows() == 0 { Ok(()) } else { visit(group.key_group, group.namespace, entries) }
        })?;
        Ok(bytes)
    }

    /// [`SnapshotSource::lookup`]
    fn lookup(&self, key_group: u16, key: &[ArrayRef], visit: &mut Visit<'_>) -> Result<()> {
        let state = self.state;
        let wanted = Wanted::new(&state.keys, key)?;
        self.groups(&(key_group..key_group + 1), &mut |group, stored| {
            for (key, value) in stored.iter().rev() {
                match find(&state.layout, &state.table, key, value.value(), &wanted)? {
                    Found::Entry(entry) => return visit(group.key_group, group.namespace, entry),
                    Found::Gone => return Ok(()),
                    Found::Older => {}
                }
            }
            Ok(())
        })
    }

    /// Calls `visit` with the blocks of each group, oldest first.
    fn groups(&self, key_groups: &Range<u16>, visit: &mut dyn FnMut(Group, &[Stored<'_>]) -> Result<()>) -> Result<()> {
        let table = match self.transaction.open_table(self.state.blocks()) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(db(error)),
        };
        let (from, to) = bounds(key_groups);
        let mut open: Option<(Group, Vec<Stored<'_>>)> = None;
        for row in table.range::<&BlockKey>(&from..&to).map_err(db)? {
            let (key, value) = row.map_err(db)?;
            let key = *key.value();
            let (group, id) = parse(&key);
            if id < self.since || !self.lineage.contains(id) {
                continue;
            }
            match &mut open {
                Some((current, blocks)) if *current == group => blocks.push((key, value)),
                _ => {
                    if let Some((group, blocks)) = open.replace((group, vec![(key, value)])) {
                        visit(group, &blocks)?;
                    }
                }
            }
        }
        open.map_or(Ok(()), |(group, blocks)| visit(group, &blocks))
    }
}

/// A block as it is stored.
type Stored<'a> = (BlockKey, AccessGuard<'a, &'static [u8]>);

impl SnapshotSource for CheckpointSource {
    fn manifest(&self) -> &[u8] {
        &self.manifest
    }

    fn operators(&self) -> &[(OperatorUid, Vec<StateDescriptor>)] {
        &self.operators
    }

    fn scan(
        &self,
        uid: &OperatorUid,
        state: &StateDescriptor,
        key_groups: Range<u16>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        self.blocks(uid, state).map_or(Ok(()), |blocks| {
            blocks.scan(&key_groups, visit).map(|_| ()).map_err(|error| self.store.named(error))
        })
    }

    fn lookup(
        &self,
        uid: &OperatorUid,
        state: &StateDescriptor,
        key_group: u16,
        key: &[ArrayRef],
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        self.blocks(uid, state)
            .map_or(Ok(()), |blocks| blocks.lookup(key_group, key, visit).map_err(|error| self.store.named(error)))
    }

    fn entries(&self, uid: &OperatorUid) -> Result<Vec<OperatorEntry>> {
        let read = || {
            let table = self.transaction.open_table(ENTRIES).map_err(db)?;
            let Some(value) = table.get((self.id, uid.as_str())).map_err(db)? else {
                return Ok(Vec::new());
            };
            let what = format!("the operator state of `{uid}` in checkpoint {}", self.id);
            decode_entries(unseal(&entries_context(self.id, uid.as_str()), &what, value.value())?)
        };
        read().map_err(|error| self.store.named(error))
    }
}
