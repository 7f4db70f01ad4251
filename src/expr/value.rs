//! The values that evaluation passes around: columns, constants, and where rows fail.

use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, Datum, PrimitiveArray, RecordBatch, StringArray, UInt32Array,
    cast::AsArray, new_null_array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::ArrowError;
use arrow_select::take::take;

use crate::types::{Error, LogicalType, Result};

/// A row whose expression failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The row's position in the batch.
    pub row: usize,
    /// Why: `division by zero`.
    pub message: String,
}

/// A value for every row: a column, or one value for all. A constant stays one value until somebody needs a column.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// One value a row.
    Array(ArrayRef),
    /// An array of one row, for all rows.
    Scalar(ArrayRef),
}

impl Value {
    pub(super) const fn data(&self) -> &ArrayRef {
        match self {
            Self::Array(data) | Self::Scalar(data) => data,
        }
    }

    pub(super) const fn is_scalar(&self) -> bool {
        matches!(self, Self::Scalar(_))
    }

    /// Null for all rows.
    pub(super) fn null(ty: &LogicalType) -> Self {
        Self::Scalar(new_null_array(&ty.to_arrow(), 1))
    }

    pub(super) fn boolean(value: bool) -> Self {
        Self::Scalar(std::sync::Arc::new(BooleanArray::from(vec![value])))
    }

    /// The same shape with other data.
    pub(super) fn with(&self, data: ArrayRef) -> Self {
        match self {
            Self::Array(_) => Self::Array(data),
            Self::Scalar(_) => Self::Scalar(data),
        }
    }

    /// A column of `rows` rows.
    pub(super) fn into_array(self, rows: usize) -> Result<ArrayRef> {
        match self {
            Self::Array(data) => Ok(data),
            Self::Scalar(data) if data.logical_null_count() > 0 => Ok(new_null_array(data.data_type(), rows)),
            Self::Scalar(data) => Ok(take(&data, &UInt32Array::from(vec![0; rows]), None)?),
        }
    }

    /// As booleans.
    pub(super) fn as_boolean(&self) -> Result<&BooleanArray> {
        self.data().as_boolean_opt().ok_or_else(|| mistyped(self.data(), "boolean"))
    }

    /// The constant true, false or null (`Some(None)`); `None` for a column.
    #[expect(clippy::option_option, reason = "three values of a constant, and none of a column")]
    pub(super) fn constant_boolean(&self) -> Option<Option<bool>> {
        match self {
            Self::Array(_) => None,
            Self::Scalar(data) => {
                let data = data.as_boolean_opt()?;
                Some(data.is_valid(0).then(|| data.value(0)))
            }
        }
    }
}

impl Datum for Value {
    fn get(&self) -> (&dyn Array, bool) {
        (self.data().as_ref(), self.is_scalar())
    }
}

/// A column of another type than binding said.
pub(super) fn mistyped(data: &ArrayRef, wanted: &str) -> Error {
    ArrowError::InvalidArgumentError(format!("{} where {wanted} was bound", data.data_type())).into()
}

/// Typed access to a value, row by row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Primitive<'a, T: ArrowPrimitiveType> {
    pub(super) values: &'a [T::Native],
    pub(super) nulls: Option<&'a NullBuffer>,
    pub(super) scalar: bool,
}

impl<'a, T: ArrowPrimitiveType> Primitive<'a, T> {
    pub(super) fn new(value: &'a Value) -> Result<Self> {
        let array: &PrimitiveArray<T> =
            value.data().as_primitive_opt().ok_or_else(|| mistyped(value.data(), &T::DATA_TYPE.to_string()))?;
        Ok(Self { values: array.values(), nulls: array.nulls(), scalar: value.is_scalar() })
    }

    /// The value of a row, unless it is null.
    pub(super) fn get(&self, row: usize) -> Option<T::Native> {
        let row = if self.scalar { 0 } else { row };
        match self.nulls {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(self.values[row]),
        }
    }

    /// The constant, unless it is a column or null.
    pub(super) fn constant(&self) -> Option<T::Native> {
        if self.scalar { self.get(0) } else { None }
    }
}

/// Typed access to strings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    array: &'a StringArray,
    scalar: bool,
}

impl<'a> Text<'a> {
    pub(super) fn new(value: &'a Value) -> Result<Self> {
        let array = value.data().as_string_opt().ok_or_else(|| mistyped(value.data(), "string"))?;
        Ok(Self { array, scalar: value.is_scalar() })
    }

    /// The string of a row, unless it is null.
    pub(super) fn get(&self, row: usize) -> Option<&'a str> {
        let row = if self.scalar { 0 } else { row };
        self.array.is_valid(row).then(|| self.array.value(row))
    }
}

/// The rows that an expression is evaluated for, and where it says which of them failed.
pub(super) struct Scope<'a> {
    pub(super) batch: &'a RecordBatch,
    pub(super) now_ms: i64,
    pub(super) seed: u64,
    /// Rows whose value somebody will look at; `None` for all. What happens in the others is nobody's business.
    active: Option<BooleanBuffer>,
    errors: &'a mut Vec<RowError>,
}

impl<'a> Scope<'a> {
    pub(super) const fn new(batch: &'a RecordBatch, (now_ms, seed): (i64, u64), errors: &'a mut Vec<RowError>) -> Self {
        Self { batch, now_ms, seed, active: None, errors }
    }

    pub(super) fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// The rows looked at, as a mask.
    pub(super) fn mask(&self) -> BooleanBuffer {
        self.active.clone().unwrap_or_else(|| BooleanBuffer::new_set(self.rows()))
    }

    /// Calls `f` looking only at the rows of `mask` (which are among the rows looked at now).
    pub(super) fn only<T>(&mut self, mask: BooleanBuffer, f: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.active.replace(mask);
        let result = f(self);
        self.active = outer;
        result
    }

    /// Reports rows that failed for the same reason.
    pub(super) fn fail_all(&mut self, rows: impl Iterator<Item = usize>, scalar: bool, message: &str) {
        let active = if scalar { None } else { self.active.clone() };
        let rows = rows.filter(|&row| active.as_ref().is_none_or(|active| active.value(row)));
        self.report(rows.map(|row| (row, message.to_owned())).collect(), scalar);
    }

    /// The rows looked at; `None` for all.
    pub(super) const fn active(&self) -> Option<&BooleanBuffer> {
        self.active.as_ref()
    }

    /// Reports failures of an operation. Those of a constant operation are every row's.
    pub(super) fn report(&mut self, failures: Vec<(usize, String)>, scalar: bool) {
        if scalar {
            let Some((_, message)) = failures.into_iter().next() else { return };
            for row in self.mask().set_indices() {
                self.errors.push(RowError { row, message: message.clone() });
            }
            return;
        }
        for (row, message) in failures {
            if self.active.as_ref().is_none_or(|active| active.value(row)) {
                self.errors.push(RowError { row, message });
            }
        }
    }
}

/// The union of the nulls of two operands of one operation over `rows` rows. `None`: no nulls.
pub(super) fn union_nulls(left: &Value, right: &Value, rows: usize) -> Option<NullBuffer> {
    let spread = |value: &Value| -> Option<NullBuffer> {
        let nulls = value.data().logical_nulls()?;
        if value.is_scalar() {
            return nulls.is_null(0).then(|| NullBuffer::new_null(rows));
        }
        Some(nulls)
    };
    NullBuffer::union(spread(left).as_ref(), spread(right).as_ref()).filter(|nulls| nulls.null_count() > 0)
}
