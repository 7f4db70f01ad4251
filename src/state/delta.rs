//! The changes that an operator hands over at a barrier, and what it gets back on restore.

use std::fmt::Debug;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};

use super::find::rows_of_key;
use super::{OperatorStateDescriptor, StateDescriptor};
use crate::types::Result;

/// The scope of state below its key: the end of a window or slice (milliseconds), 0 where there is no window.
pub type Namespace = i64;

/// Everything that changed in one operator instance since its previous snapshot. Changes are applied in order.
#[derive(Debug, Clone, Default)]
pub struct StateDelta {
    /// In order.
    pub changes: Vec<StateChange>,
}

impl StateDelta {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// One change.
#[derive(Debug, Clone)]
pub enum StateChange {
    /// These entries have these values now.
    Upsert {
        /// [`StateDescriptor::name`]
        state: &'static str,
        /// The entries' namespace.
        namespace: Namespace,
        /// Keys and values: the descriptor's columns.
        rows: KeyedRows,
    },
    /// These entries are gone.
    Remove {
        /// [`StateDescriptor::name`]
        state: &'static str,
        /// The entries' namespace.
        namespace: Namespace,
        /// The key columns alone.
        rows: KeyedRows,
    },
    /// These entries changed after they had left memory: they are read when the checkpoint is written.
    Deferred {
        /// [`StateDescriptor::name`]
        state: &'static str,
        /// The entries' namespace.
        namespace: Namespace,
        /// The entries.
        rows: Arc<dyn DeferredRows>,
    },
    /// Every entry of the namespace is gone, in all key groups of the instance: its window has been purged.
    DropNamespace {
        /// [`StateDescriptor::name`]
        state: &'static str,
        /// The namespace.
        namespace: Namespace,
    },
    /// State of the instance itself, not of a key (Flink's operator list state). Every snapshot gives it in full: it is
    /// small (offsets). Its descriptor says how it is dealt out on restore.
    Operator {
        /// [`OperatorStateDescriptor::name`]
        state: &'static str,
        /// One entry, in the operator's own versioned encoding.
        entry: Vec<u8>,
    },
    /// A staged output to be made visible by the operator's [`Committer`](crate::api::Committer) once this checkpoint
    /// is durable, and recorded with it until then.
    Commit {
        /// In the sink's own encoding.
        entry: Vec<u8>,
    },
}

/// Entries that changed and are not in memory, as they were when they were handed over.
pub trait DeferredRows: Debug + Send + Sync {
    /// The entries of `key_group` that were put, with the state's columns, and the keys of those that are gone. No key
    /// twice.
    ///
    /// # Errors
    /// When they can't be read any more.
    fn of(&self, key_group: u16) -> Result<(RecordBatch, RecordBatch)>;
}

/// Rows with the key group of each.
#[derive(Debug, Clone)]
pub struct KeyedRows {
    /// The rows.
    pub rows: RecordBatch,
    /// One a row.
    pub key_groups: Vec<u16>,
}

/// The state that an operator instance starts from: that of its uid, in its key groups, as one checkpoint says it.
pub trait RestoredState: Send + Sync {
    /// The entries of keyed state `descriptor`, a batch a namespace, namespaces ascending, no key twice. Rows have the
    /// descriptor's columns.
    ///
    /// # Errors
    /// When what is stored is damaged or has other columns.
    fn keyed(&self, descriptor: &StateDescriptor) -> Result<Vec<(Namespace, RecordBatch)>>;

    /// As [`keyed`](Self::keyed), given to `visit` in parts, a part at a time in memory where that can be; the parts of a
    /// namespace need not follow each other.
    ///
    /// # Errors
    /// As [`keyed`](Self::keyed), and those of `visit`.
    fn scan(
        &self,
        descriptor: &StateDescriptor,
        visit: &mut dyn FnMut(Namespace, RecordBatch) -> Result<()>,
    ) -> Result<()> {
        self.keyed(descriptor)?.into_iter().try_for_each(|(namespace, rows)| visit(namespace, rows))
    }

    /// The entries of one key in keyed state `descriptor`, by namespace, ascending: what [`keyed`](Self::keyed) has of it.
    /// `key` is a column of one row for each key column, `key_group` the key's. A store decodes only what holds the key.
    ///
    /// # Errors
    /// As [`keyed`](Self::keyed).
    fn lookup(
        &self,
        descriptor: &StateDescriptor,
        _key_group: u16,
        key: &[ArrayRef],
    ) -> Result<Vec<(Namespace, RecordBatch)>> {
        let mut found = self.keyed(descriptor)?;
        for (_, rows) in &mut found {
            *rows = rows_of_key(rows, key)?;
        }
        found.retain(|(_, rows)| rows.num_rows() > 0);
        Ok(found)
    }

    /// The entries of operator state `state` that this instance is given, ordered by the instance that wrote them.
    ///
    /// # Errors
    /// When what is stored is damaged.
    fn operator(&self, state: &OperatorStateDescriptor) -> Result<Vec<Vec<u8>>>;
}
