//! What an operator hands over at a barrier, and what it gets back on restore.

use arrow_array::RecordBatch;

use crate::types::{Result, Schema};

/// What scopes state below its key: the end of a window or slice (milliseconds), 0 where there is no window.
pub type Namespace = i64;

/// One keyed state of an operator. Its entries are rows: key columns, then value columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDescriptor {
    /// Its name within the operator: `accumulators`.
    pub name: &'static str,
    /// Key columns first.
    pub schema: Schema,
    /// How many of the columns are the key.
    pub key_columns: usize,
    /// What the namespace means, for people: `slice_end`; `None` when it is always 0.
    pub namespace: Option<&'static str>,
}

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
        /// Their namespace.
        namespace: Namespace,
        /// Keys and values: the descriptor's columns.
        rows: KeyedRows,
    },
    /// These entries are gone.
    Remove {
        /// [`StateDescriptor::name`]
        state: &'static str,
        /// Their namespace.
        namespace: Namespace,
        /// The key columns alone.
        rows: KeyedRows,
    },
    /// Every entry of the namespace is gone, in all key groups of the instance: its window has been purged.
    DropNamespace {
        /// [`StateDescriptor::name`]
        state: &'static str,
        /// Which.
        namespace: Namespace,
    },
    /// State of the instance itself, not of a key (Flink's operator list state). Every snapshot gives it in full: it is
    /// small (offsets). On restore every instance is given the entries of all.
    Operator {
        /// Its name within the operator: `offsets`.
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

    /// The entries that all instances of the operator wrote under `state`, ordered by instance.
    ///
    /// # Errors
    /// When what is stored is damaged.
    fn operator(&self, state: &str) -> Result<Vec<Vec<u8>>>;
}
