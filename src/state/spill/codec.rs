//! Entries as bytes and back.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::SchemaRef;

use crate::state::StateDescriptor;
use crate::types::{Error, Result, key_group};

/// Makes arrow-row bytes of entries. They are an entry's columns in order, so those of an entry begin with those of its
/// key, and no key's bytes begin with those of another.
#[derive(Debug)]
pub(super) struct Codec {
    schema: SchemaRef,
    key_schema: SchemaRef,
    partition: Vec<usize>,
    entries: RowConverter,
    keys: RowConverter,
}

impl Codec {
    pub(super) fn new(state: &StateDescriptor) -> Result<Self> {
        let converter = |schema: &SchemaRef| {
            let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
            RowConverter::new(fields)
        };
        let (schema, key_schema) = (state.schema.arrow().clone(), state.key_schema().arrow().clone());
        let (entries, keys) = (converter(&schema)?, converter(&key_schema)?);
        Ok(Self { schema, key_schema, partition: state.partition.clone(), entries, keys })
    }

    /// The number of key columns.
    pub(super) fn key_columns(&self) -> usize {
        self.key_schema.fields().len()
    }

    /// What entries of these keys are filed under.
    pub(super) fn hashes(&self, keys: &[ArrayRef]) -> Result<Vec<u32>> {
        let routing: Vec<ArrayRef> = self.partition.iter().map(|&key| keys[key].clone()).collect();
        let mut hashes = Vec::new();
        key_group::hash_keys(&routing, &mut hashes)?;
        Ok(hashes.into_iter().map(|hash| (hash >> 32) as u32).collect())
    }

    pub(super) fn keys(&self, keys: &[ArrayRef]) -> Result<Rows> {
        Ok(self.keys.convert_columns(keys)?)
    }

    pub(super) fn entries(&self, columns: &[ArrayRef]) -> Result<Rows> {
        Ok(self.entries.convert_columns(columns)?)
    }

    /// Entries of these bytes.
    pub(super) fn entry_columns<'a>(&self, rows: impl IntoIterator<Item = &'a [u8]>) -> Result<RecordBatch> {
        decode(&self.entries, &self.schema, rows)
    }

    /// Keys of these bytes.
    pub(super) fn key_columns_of<'a>(&self, rows: impl IntoIterator<Item = &'a [u8]>) -> Result<RecordBatch> {
        decode(&self.keys, &self.key_schema, rows)
    }
}

fn decode<'a>(
    converter: &RowConverter,
    schema: &SchemaRef,
    rows: impl IntoIterator<Item = &'a [u8]>,
) -> Result<RecordBatch> {
    let parser = converter.parser();
    let columns = converter.convert_rows(rows.into_iter().map(|row| parser.parse(row)))?;
    RecordBatch::try_new(schema.clone(), columns).map_err(Error::from)
}
