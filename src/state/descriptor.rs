//! The descriptor of an operator's keyed state.

use super::Slices;
use crate::types::Schema;

/// One keyed state of an operator. Its entries are rows: key columns, then value columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDescriptor {
    /// The state's name within the operator: `accumulators`.
    pub name: &'static str,
    /// Key columns first. Value columns are named by what they hold (`sum(price)`), never by position: that is how a
    /// restore finds them.
    pub schema: Schema,
    /// The number of columns that are the key.
    pub key_columns: usize,
    /// The key columns that route, by position: the key group of an entry is that of their hash, in this order. All of
    /// them unless said otherwise.
    pub partition: Vec<usize>,
    /// The meaning of the namespace, for people: `slice_end`; `None` when it is always 0.
    pub namespace: Option<&'static str>,
    /// The slices whose ends the namespaces are, where they are ends of slices of windows.
    pub slices: Option<Slices>,
    /// When entries expire; `None` for never.
    pub expiry: Option<Expiry>,
    /// The value columns as format version 1 had them: its name for each, in order, and which column of `schema` takes it.
    /// Empty where the names are the same. Not written anywhere.
    pub version_1: Vec<(String, usize)>,
}

/// Flink's state time-to-live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Expiry {
    /// An entry is gone so many milliseconds of processing time after it was last refreshed.
    pub ttl_ms: i64,
    /// The access that refreshes an entry.
    pub refreshed_on: Refresh,
}

/// The access that puts off the end of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refresh {
    /// Being written.
    Write,
    /// Being read or written.
    Read,
}

impl StateDescriptor {
    /// A state whose first `key_columns` columns are the key, which routes; without namespaces or expiry.
    #[must_use]
    pub fn new(name: &'static str, schema: Schema, key_columns: usize) -> Self {
        Self {
            name,
            schema,
            key_columns,
            partition: (0..key_columns).collect(),
            namespace: None,
            slices: None,
            expiry: None,
            version_1: Vec::new(),
        }
    }

    /// The same with namespaces that mean `namespace`.
    #[must_use]
    pub fn in_namespaces(self, namespace: &'static str) -> Self {
        Self { namespace: Some(namespace), ..self }
    }

    /// Whether state of these two descriptors means the same on disk. Nullability and what the namespace is called are
    /// not kept with the values.
    #[must_use]
    pub fn same_layout(&self, other: &Self) -> bool {
        self.name == other.name
            && self.key_columns == other.key_columns
            && self.partition == other.partition
            && self.slices == other.slices
            && self.expiry == other.expiry
            && self.schema.len() == other.schema.len()
            && self.schema.fields().iter().zip(other.schema.fields()).all(|(a, b)| a.name == b.name && a.ty == b.ty)
    }

    /// The state's columns for people: `(auction bigint) -> (n bigint, total double)`.
    #[must_use]
    pub fn layout(&self) -> String {
        let (keys, values) = self.schema.fields().split_at(self.key_columns.min(self.schema.len()));
        format!("{} -> {}", Schema::new(keys.to_vec()), Schema::new(values.to_vec()))
    }

    /// The key columns alone.
    #[must_use]
    pub fn key_schema(&self) -> Schema {
        Schema::new(self.schema.fields()[..self.key_columns.min(self.schema.len())].to_vec())
    }
}
