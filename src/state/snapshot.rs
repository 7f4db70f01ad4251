//! One checkpoint or savepoint to read from.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_select::concat::concat_batches;

use super::find::rows_of_key;
use super::take_up::check_namespace;
use super::{Instance, Namespace, OperatorEntry, OperatorStateDescriptor, RestoredState, StateDescriptor, TakeUp};
use crate::types::{OperatorUid, Result};

/// Called with the entries of one key group and namespace.
pub type Visit<'a> = dyn FnMut(u16, Namespace, RecordBatch) -> Result<()> + 'a;

/// The source that a snapshot is read from: a checkpoint in a store, or a savepoint's files.
pub trait SnapshotSource: Send + Sync {
    /// The manifest that was stored beside the state, opaque here.
    fn manifest(&self) -> &[u8];

    /// The operators that have state, with their keyed states.
    fn operators(&self) -> &[(OperatorUid, Vec<StateDescriptor>)];

    /// Calls `visit` for every key group and namespace in `key_groups` that has entries of `state`, both ascending, each
    /// once, with rows of the descriptor's columns and no key twice. `state` is one of [`operators`](Self::operators).
    ///
    /// # Errors
    /// When what is stored is damaged, or `visit` fails.
    fn scan(
        &self,
        uid: &OperatorUid,
        state: &StateDescriptor,
        key_groups: Range<u16>,
        visit: &mut Visit<'_>,
    ) -> Result<()>;

    /// As [`scan`](Self::scan) of one key group, with the entries of one key alone: `key` has a column of one row for each
    /// key column.
    ///
    /// # Errors
    /// As [`scan`](Self::scan).
    fn lookup(
        &self,
        uid: &OperatorUid,
        state: &StateDescriptor,
        key_group: u16,
        key: &[ArrayRef],
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        self.scan(uid, state, key_group..key_group + 1, &mut |key_group, namespace, rows| {
            let found = rows_of_key(&rows, key)?;
            if found.num_rows() == 0 { Ok(()) } else { visit(key_group, namespace, found) }
        })
    }

    /// The entries that the instances of `uid` handed over beside keyed state, ordered by instance.
    ///
    /// # Errors
    /// When what is stored is damaged.
    fn entries(&self, uid: &OperatorUid) -> Result<Vec<OperatorEntry>>;
}

/// One checkpoint of a store, or a savepoint: everything a job can be restored from. Cheap to clone.
#[derive(Clone)]
pub struct StateSnapshot {
    source: Arc<dyn SnapshotSource>,
}

impl StateSnapshot {
    /// A snapshot read from `source`.
    #[must_use]
    pub fn new(source: Arc<dyn SnapshotSource>) -> Self {
        Self { source }
    }

    /// [`Commit::manifest`](super::Commit::manifest)
    #[must_use]
    pub fn manifest(&self) -> &[u8] {
        self.source.manifest()
    }

    /// The operators that have state in it, with their keyed states.
    #[must_use]
    pub fn operators(&self) -> Vec<(OperatorUid, Vec<StateDescriptor>)> {
        self.source.operators().to_vec()
    }

    /// The state of operator `uid` that an instance is given; empty when it has none.
    #[must_use]
    pub fn operator(&self, uid: &OperatorUid, instance: impl Into<Instance>) -> Arc<dyn RestoredState> {
        Arc::new(OperatorState { source: Arc::clone(&self.source), uid: uid.clone(), instance: instance.into() })
    }

    /// The commit entries ([`StateChange::Commit`](super::StateChange::Commit)) of operator `uid`.
    pub fn commit_entries(&self, uid: &OperatorUid) -> Result<Vec<Vec<u8>>> {
        let entries = self.source.entries(uid)?;
        Ok(entries.into_iter().filter(|entry| entry.state.is_none()).map(|entry| entry.entry).collect())
    }

    /// The source that the snapshot is read from, for whoever copies it.
    #[must_use]
    pub fn source(&self) -> &dyn SnapshotSource {
        &*self.source
    }
}

impl fmt::Debug for StateSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.source.operators().iter().map(|(uid, _)| uid)).finish()
    }
}

/// The state of one operator for one instance.
struct OperatorState {
    source: Arc<dyn SnapshotSource>,
    uid: OperatorUid,
    instance: Instance,
}

impl OperatorState {
    /// The state stored under the name of `descriptor`, and how it becomes the state that `descriptor` declares.
    fn stored(&self, descriptor: &StateDescriptor) -> Result<Option<(&StateDescriptor, TakeUp)>> {
        let states = self.source.operators().iter().find(|(uid, _)| *uid == self.uid).map(|(_, states)| states);
        let stored = states.and_then(|states| states.iter().find(|state| state.name == descriptor.name));
        let take_up = |stored| {
            let taken = descriptor.take_up(stored).map_err(|differs| differs.error(&self.uid, descriptor.name))?;
            Ok((stored, taken))
        };
        stored.map(take_up).transpose()
    }
}

impl RestoredState for OperatorState {
    fn keyed(&self, descriptor: &StateDescriptor) -> Result<Vec<(Namespace, RecordBatch)>> {
        let mut namespaces: BTreeMap<Namespace, Vec<RecordBatch>> = BTreeMap::new();
        self.scan(descriptor, &mut |namespace, rows| {
            namespaces.entry(namespace).or_default().push(rows);
            Ok(())
        })?;
        let schema = descriptor.schema.arrow();
        namespaces.into_iter().map(|(namespace, parts)| Ok((namespace, concat_batches(schema, &parts)?))).collect()
    }

    fn scan(
        &self,
        descriptor: &StateDescriptor,
        visit: &mut dyn FnMut(Namespace, RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let Some((stored, take_up)) = self.stored(descriptor)? else { return Ok(()) };
        self.source.scan(&self.uid, stored, self.instance.key_groups.clone(), &mut |_, namespace, rows| {
            check_namespace(descriptor, namespace)?;
            visit(namespace, take_up.rows(descriptor, &rows)?)
        })
    }

    fn lookup(
        &self,
        descriptor: &StateDescriptor,
        key_group: u16,
        key: &[ArrayRef],
    ) -> Result<Vec<(Namespace, RecordBatch)>> {
        let Some((stored, take_up)) = self.stored(descriptor)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        self.source.lookup(&self.uid, stored, key_group, key, &mut |_, namespace, rows| {
            found.push((namespace, take_up.rows(descriptor, &rows)?));
            Ok(())
        })?;
        Ok(found)
    }

    fn operator(&self, state: &OperatorStateDescriptor) -> Result<Vec<Vec<u8>>> {
        Ok(state.deal(self.source.entries(&self.uid)?, &self.instance))
    }
}
