//! Keys compared.

use arrow_array::ArrayRef;
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::SchemaRef;

use crate::types::Result;

/// Compares keys by their arrow-row bytes. Those live in memory only: the encoding may change between versions of Arrow.
#[derive(Debug)]
pub(super) struct Keys {
    /// `None` for a state without key columns: every entry has the same key.
    converter: Option<RowConverter>,
    columns: usize,
}

/// The encoded keys of one batch.
pub(super) enum Encoded {
    One,
    Rows(Rows),
}

impl Encoded {
    pub(super) fn get(&self, row: usize) -> &[u8] {
        match self {
            Self::One => &[],
            Self::Rows(rows) => rows.row(row).data(),
        }
    }
}

impl Keys {
    pub(super) fn new(keys: &SchemaRef) -> Result<Self> {
        let fields: Vec<_> = keys.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        let columns = fields.len();
        let converter = if fields.is_empty() { None } else { Some(RowConverter::new(fields)?) };
        Ok(Self { converter, columns })
    }

    /// The keys of rows whose first columns are the key.
    pub(super) fn encode(&self, columns: &[ArrayRef]) -> Result<Encoded> {
        Ok(match &self.converter {
            None => Encoded::One,
            Some(converter) => Encoded::Rows(converter.convert_columns(&columns[..self.columns])?),
        })
    }
}
