//! One checkpoint or savepoint to read from.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use super::{Namespace, RestoredState, StateDescriptor};
use crate::types::{Error, OperatorUid, Result};

/// Called with the entries of one key group and namespace.
pub type Visit<'a> = dyn FnMut(u16, Namespace, RecordBatch) -> Result<()> + 'a;

/// What a snapshot is read from: a checkpoint in a store, or a savepoint's files.
pub trait SnapshotSource: Send + Sync {
    /// What was stored beside the state, opaque here.
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

    /// What the instances of `uid` handed over beside keyed state, ordered by instance.
    ///
    /// # Errors
    /// When what is stored is damaged.
    fn entries(&self, uid: &OperatorUid) -> Result<Vec<OperatorEntry>>;
}

/// An entry that belongs to an operator instance, not to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorEntry {
    /// The operator state it belongs to; `None` for an output to be committed.
    pub state: Option<String>,
    /// Which instance wrote it.
    pub subtask: usize,
    /// In the operator's own encoding.
    pub entry: Vec<u8>,
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

    /// The state of operator `uid` in these key groups; empty when it has none.
    #[must_use]
    pub fn operator(&self, uid: &OperatorUid, key_groups: Range<u16>) -> Arc<dyn RestoredState> {
        Arc::new(OperatorState { source: Arc::clone(&self.source), uid: uid.clone(), key_groups })
    }

    /// The commit entries ([`StateChange::Commit`](super::StateChange::Commit)) of operator `uid`.
    pub fn commit_entries(&self, uid: &OperatorUid) -> Result<Vec<Vec<u8>>> {
        let entries = self.source.entries(uid)?;
        Ok(entries.into_iter().filter(|entry| entry.state.is_none()).map(|entry| entry.entry).collect())
    }

    /// Where it is read from, for whoever copies it.
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

/// The state of one operator in some key groups.
struct OperatorState {
    source: Arc<dyn SnapshotSource>,
    uid: OperatorUid,
    key_groups: Range<u16>,
}

impl RestoredState for OperatorState {
    fn keyed(&self, descriptor: &StateDescriptor) -> Result<Vec<(Namespace, RecordBatch)>> {
        let states = self.source.operators().iter().find(|(uid, _)| *uid == self.uid).map(|(_, states)| states);
        let Some(stored) = states.and_then(|states| states.iter().find(|state| state.name == descriptor.name)) else {
            return Ok(Vec::new());
        };
        if !stored.same_layout(descriptor) {
            return Err(Error::state(format!(
                "state `{}` of operator `{}` is stored as {} but the job declares {}",
                descriptor.name,
                self.uid,
                stored.layout(),
                descriptor.layout()
            )));
        }
        let mut namespaces: BTreeMap<Namespace, Vec<RecordBatch>> = BTreeMap::new();
        self.source.scan(&self.uid, stored, self.key_groups.clone(), &mut |_, namespace, rows| {
            namespaces.entry(namespace).or_default().push(rows);
            Ok(())
        })?;
        let schema = stored.schema.arrow();
        namespaces.into_iter().map(|(namespace, parts)| Ok((namespace, concat_batches(schema, &parts)?))).collect()
    }

    fn operator(&self, state: &str) -> Result<Vec<Vec<u8>>> {
        let entries = self.source.entries(&self.uid)?;
        Ok(entries.into_iter().filter(|e| e.state.as_deref() == Some(state)).map(|e| e.entry).collect())
    }
}
