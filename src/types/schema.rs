//! Named, typed columns.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field as ArrowField, Schema as ArrowSchema, SchemaRef as ArrowSchemaRef};
use serde::{Deserialize, Serialize};

use super::{Error, LogicalType, Result};

/// One column: its name, type and whether it may hold nulls.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    /// The column's name, as typed; looked up without regard to case when no exact match exists.
    pub name: String,
    /// The column's type.
    #[serde(rename = "type")]
    pub ty: LogicalType,
    /// Whether nulls may stand in it.
    pub nullable: bool,
}

impl Field {
    /// A nullable column.
    #[must_use]
    pub fn new(name: impl Into<String>, ty: LogicalType) -> Self {
        Self { name: name.into(), ty, nullable: true }
    }

    /// The same column, declared `NOT NULL`.
    #[must_use]
    pub fn not_null(mut self) -> Self {
        self.nullable = false;
        self
    }
}

/// The columns of a stream in order. Cheap to clone: the Arrow schema behind it is built once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    fields: Arc<[Field]>,
    arrow: ArrowSchemaRef,
    names: Names,
}

/// Wider schemas are looked up by hash.
const SCANNED_COLUMNS: usize = 32;

/// The places of names: for each, in lower case, the columns called so. Made with the first look-up.
#[derive(Clone, Default)]
struct Names(Arc<OnceLock<HashMap<String, Vec<usize>>>>);

impl Names {
    fn of(&self, fields: &[Field]) -> &HashMap<String, Vec<usize>> {
        self.0.get_or_init(|| {
            let mut places: HashMap<String, Vec<usize>> = HashMap::with_capacity(fields.len());
            for (place, field) in fields.iter().enumerate() {
                places.entry(field.name.to_ascii_lowercase()).or_default().push(place);
            }
            places
        })
    }
}

/// Follows from the columns.
impl PartialEq for Names {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Names {}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl Schema {
    /// A schema of `fields`. Names should be distinct; a look-up finds the first.
    #[must_use]
    pub fn new(fields: impl Into<Arc<[Field]>>) -> Self {
        let fields: Arc<[Field]> = fields.into();
        // Every Arrow field is nullable: `NOT NULL` is checked where rows enter, and a kernel's output must never be
        // refused for a flag.
        let arrow = ArrowSchema::new(
            fields.iter().map(|field| ArrowField::new(&field.name, field.ty.to_arrow(), true)).collect::<Vec<_>>(),
        );
        Self { fields, arrow: Arc::new(arrow), names: Names::default() }
    }

    /// Rows of this schema; their number is told even where they have no column.
    ///
    /// # Errors
    /// When the columns have other types or lengths.
    pub fn record_batch(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(self.arrow.clone(), columns, &options)?)
    }

    /// The columns.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The schema of Arrow columns; every one may hold nulls.
    ///
    /// # Errors
    /// When a column has a type that the language has not.
    pub fn from_arrow(arrow: &ArrowSchema) -> Result<Self> {
        let fields = arrow.fields().iter().map(|field| {
            LogicalType::from_arrow(field.data_type())
                .map(|ty| Field::new(field.name(), ty))
                .ok_or_else(|| Error::config(format!("column {} has a type that can't be shown", field.name())))
        });
        Ok(Self::new(fields.collect::<Result<Vec<_>>>()?))
    }

    /// The Arrow schema of batches with these columns.
    #[must_use]
    pub const fn arrow(&self) -> &ArrowSchemaRef {
        &self.arrow
    }

    /// The number of columns.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no column.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The position of the column called `name`: an exact match first, else one that differs only in case.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        if self.fields.len() > SCANNED_COLUMNS {
            let alike = self.names.of(&self.fields).get(&name.to_ascii_lowercase())?;
            return alike.iter().find(|&&place| self.fields[place].name == name).or(alike.first()).copied();
        }
        self.fields
            .iter()
            .position(|field| field.name == name)
            .or_else(|| self.fields.iter().position(|field| field.name.eq_ignore_ascii_case(name)))
    }

    /// The column names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }

    /// The schema of the columns at `indices`, in that order.
    ///
    /// # Panics
    /// When an index is out of bounds: indices come from binding, not from input.
    #[must_use]
    pub fn project(&self, indices: &[usize]) -> Self {
        Self::new(indices.iter().map(|&i| self.fields[i].clone()).collect::<Vec<_>>())
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (i, field) in self.fields.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            let not_null = if field.nullable { "" } else { " not null" };
            write!(f, "{comma}{} {}{not_null}", field.name, field.ty)?;
        }
        f.write_str(")")
    }
}
