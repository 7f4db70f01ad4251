//! Values that come and go one by one, kept in columns of their type.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalYearMonthType, Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray, StringArray, new_empty_array, new_null_array};
use arrow_select::concat::concat;

use crate::expr::value::mistyped;
use crate::types::{LogicalType, Result};

/// How values of a type are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Booleans.
    Bool,
    /// Integers, dates, times, timestamps and intervals.
    Int,
    /// Floats.
    Float,
    /// Decimals, unscaled.
    Wide,
    /// Texts.
    Text,
    /// Anything else: a column of one row each.
    Any,
}

impl Class {
    /// The class of `ty`.
    #[must_use]
    pub const fn of(ty: &LogicalType) -> Self {
        match ty {
            LogicalType::Boolean => Self::Bool,
            LogicalType::TinyInt
            | LogicalType::SmallInt
            | LogicalType::Int
            | LogicalType::BigInt
            | LogicalType::Date
            | LogicalType::Time
            | LogicalType::Timestamp
            | LogicalType::TimestampLtz
            | LogicalType::IntervalDayTime
            | LogicalType::IntervalYearMonth => Self::Int,
            LogicalType::Float | LogicalType::Double => Self::Float,
            LogicalType::Decimal(..) => Self::Wide,
            LogicalType::String => Self::Text,
            LogicalType::Null
            | LogicalType::Bytes
            | LogicalType::Array(_)
            | LogicalType::Map(..)
            | LogicalType::Row(_) => Self::Any,
        }
    }
}

/// One value. Booleans are 0 and 1.
#[derive(Debug, Clone)]
pub enum Scalar {
    /// No value.
    Null,
    /// A boolean or whole number.
    Int(i64),
    /// A float.
    Float(f64),
    /// A decimal, unscaled.
    Wide(i128),
    /// A text.
    Text(Box<str>),
    /// Anything else: a column of one row.
    Any(ArrayRef),
}

/// The key of a map, in the order in which maps are gone through.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A boolean or whole number.
    Int(i64),
    /// A decimal, unscaled.
    Wide(i128),
    /// A text.
    Text(Box<str>),
}

impl Key {
    /// Whether maps can have keys of `ty`.
    #[must_use]
    pub const fn can_be(ty: &LogicalType) -> bool {
        matches!(Class::of(ty), Class::Bool | Class::Int | Class::Wide | Class::Text)
    }

    /// The key as a value.
    #[must_use]
    pub fn scalar(&self) -> Scalar {
        match self {
            Self::Int(value) => Scalar::Int(*value),
            Self::Wide(value) => Scalar::Wide(*value),
            Self::Text(value) => Scalar::Text(value.clone()),
        }
    }
}

impl Scalar {
    /// The value as a key; `None` where it can't be one, null among them.
    #[must_use]
    pub fn key(self) -> Option<Key> {
        match self {
            Self::Int(value) => Some(Key::Int(value)),
            Self::Wide(value) => Some(Key::Wide(value)),
            Self::Text(value) => Some(Key::Text(value)),
            Self::Null | Self::Float(_) | Self::Any(_) => None,
        }
    }

    /// Whether it is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Any(value) => value.is_null(0),
            Self::Int(_) | Self::Float(_) | Self::Wide(_) | Self::Text(_) => false,
        }
    }
}

/// Numbers, each of which may be missing.
#[derive(Debug, Clone, Default)]
pub struct Typed<T> {
    values: Vec<T>,
    set: Vec<bool>,
}

impl<T: Copy + Default> Typed<T> {
    #[inline]
    fn get(&self, at: usize) -> Option<T> {
        if *self.set.get(at)? { Some(self.values[at]) } else { None }
    }

    #[inline]
    fn put(&mut self, at: usize, value: Option<T>) {
        self.set[at] = value.is_some();
        self.values[at] = value.unwrap_or_default();
    }

    fn resize(&mut self, len: usize) {
        self.values.resize(len, T::default());
        self.set.resize(len, false);
    }

    fn remove(&mut self, at: usize) {
        self.values.remove(at);
        self.set.remove(at);
    }
}

/// Values of one type, in a column that can grow, shrink and change. A place behind the end is null.
#[derive(Debug, Clone)]
pub enum Values {
    /// Booleans and whole numbers.
    Int(Typed<i64>),
    /// Floats.
    Float(Typed<f64>),
    /// Decimals, unscaled.
    Wide(Typed<i128>),
    /// Texts.
    Text(Vec<Option<Box<str>>>),
    /// Anything else.
    Any(Vec<Option<ArrayRef>>),
}

/// Runs `$body` with `$T` as the Arrow type in which `$ty`, of [`Class::Int`], is kept.
macro_rules! int_class {
    ($ty:expr, $T:ident => $body:expr) => {{
        match $ty {
            LogicalType::TinyInt => {
                type $T = Int8Type;
                $body
            }
            LogicalType::SmallInt => {
                type $T = Int16Type;
                $body
            }
            LogicalType::Int => {
                type $T = Int32Type;
                $body
            }
            LogicalType::Date => {
                type $T = Date32Type;
                $body
            }
            LogicalType::Time => {
                type $T = Time32MillisecondType;
                $body
            }
            LogicalType::Timestamp | LogicalType::TimestampLtz => {
                type $T = TimestampMillisecondType;
                $body
            }
            LogicalType::IntervalDayTime => {
                type $T = DurationMillisecondType;
                $body
            }
            LogicalType::IntervalYearMonth => {
                type $T = IntervalYearMonthType;
                $body
            }
            _ => {
                type $T = Int64Type;
                $body
            }
        }
    }};
}
pub(super) use int_class;

fn numbers<T>(ty: &LogicalType, values: impl Iterator<Item = Option<i64>>) -> ArrayRef
where
    T: ArrowPrimitiveType,
    T::Native: TryFrom<i64> + Default,
{
    // What is held came from values of this type.
    let values = values.map(|value| value.map(|value| T::Native::try_from(value).unwrap_or_default()));
    Arc::new(values.collect::<PrimitiveArray<T>>().with_data_type(ty.to_arrow()))
}

impl Values {
    /// No values of `ty`.
    #[must_use]
    pub fn new(ty: &LogicalType) -> Self {
        match Class::of(ty) {
            Class::Bool | Class::Int => Self::Int(Typed::default()),
            Class::Float => Self::Float(Typed::default()),
            Class::Wide => Self::Wide(Typed::default()),
            Class::Text => Self::Text(Vec::new()),
            Class::Any => Self::Any(Vec::new()),
        }
    }

    /// The number of places.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Int(values) => values.set.len(),
            Self::Float(values) => values.set.len(),
            Self::Wide(values) => values.set.len(),
            Self::Text(values) => values.len(),
            Self::Any(values) => values.len(),
        }
    }

    /// Whether there is no place.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes it `len` places, new ones without a value.
    pub fn resize(&mut self, len: usize) {
        match self {
            Self::Int(values) => values.resize(len),
            Self::Float(values) => values.resize(len),
            Self::Wide(values) => values.resize(len),
            Self::Text(values) => values.resize(len, None),
            Self::Any(values) => values.resize(len, None),
        }
    }

    /// Takes the place out; those behind it move up.
    pub fn remove(&mut self, at: usize) {
        match self {
            Self::Int(values) => values.remove(at),
            Self::Float(values) => values.remove(at),
            Self::Wide(values) => values.remove(at),
            Self::Text(values) => drop(values.remove(at)),
            Self::Any(values) => drop(values.remove(at)),
        }
    }

    /// Whether there is a value.
    #[must_use]
    #[inline]
    pub fn is_set(&self, at: usize) -> bool {
        match self {
            Self::Int(values) => values.get(at).is_some(),
            Self::Float(values) => values.get(at).is_some(),
            Self::Wide(values) => values.get(at).is_some(),
            Self::Text(values) => values.get(at).is_some_and(Option::is_some),
            Self::Any(values) => values.get(at).is_some_and(Option::is_some),
        }
    }

    /// The boolean or whole number.
    #[must_use]
    #[inline]
    pub fn int(&self, at: usize) -> Option<i64> {
        if let Self::Int(values) = self { values.get(at) } else { None }
    }

    /// The float.
    #[must_use]
    #[inline]
    pub fn float(&self, at: usize) -> Option<f64> {
        if let Self::Float(values) = self { values.get(at) } else { None }
    }

    /// The decimal.
    #[must_use]
    #[inline]
    pub fn wide(&self, at: usize) -> Option<i128> {
        if let Self::Wide(values) = self { values.get(at) } else { None }
    }

    /// The text.
    #[must_use]
    #[inline]
    pub fn text(&self, at: usize) -> Option<&str> {
        if let Self::Text(values) = self { values.get(at)?.as_deref() } else { None }
    }

    /// The value.
    #[must_use]
    pub fn get(&self, at: usize) -> Scalar {
        let found = match self {
            Self::Int(values) => values.get(at).map(Scalar::Int),
            Self::Float(values) => values.get(at).map(Scalar::Float),
            Self::Wide(values) => values.get(at).map(Scalar::Wide),
            Self::Text(values) => values.get(at).cloned().flatten().map(Scalar::Text),
            Self::Any(values) => values.get(at).cloned().flatten().map(Scalar::Any),
        };
        found.unwrap_or(Scalar::Null)
    }

    /// Sets the boolean or whole number.
    #[inline]
    pub fn put_int(&mut self, at: usize, value: Option<i64>) {
        if let Self::Int(values) = self {
            values.put(at, value);
        }
    }

    /// Sets the value, which is of the column's type.
    #[inline]
    pub fn put(&mut self, at: usize, value: Scalar) {
        match (self, value) {
            (Self::Int(values), Scalar::Int(value)) => values.put(at, Some(value)),
            (Self::Float(values), Scalar::Float(value)) => values.put(at, Some(value)),
            (Self::Wide(values), Scalar::Wide(value)) => values.put(at, Some(value)),
            (Self::Text(values), Scalar::Text(value)) => values[at] = Some(value),
            (Self::Any(values), Scalar::Any(value)) => values[at] = value.is_valid(0).then_some(value),
            (Self::Int(values), _) => values.put(at, None),
            (Self::Float(values), _) => values.put(at, None),
            (Self::Wide(values), _) => values.put(at, None),
            (Self::Text(values), _) => values[at] = None,
            (Self::Any(values), _) => values[at] = None,
        }
    }

    /// Adds a value behind the others.
    #[inline]
    pub fn push(&mut self, value: Scalar) {
        let at = self.len();
        self.resize(at + 1);
        self.put(at, value);
    }

    /// The values at these places as a column of `ty`, which is theirs.
    ///
    /// # Errors
    /// When values of a nested type can't be put together: a defect of ours.
    pub fn array(&self, ty: &LogicalType, places: impl Iterator<Item = usize> + Clone) -> Result<ArrayRef> {
        Ok(match self {
            Self::Int(values) if *ty == LogicalType::Boolean => {
                Arc::new(places.map(|at| values.get(at).map(|value| value != 0)).collect::<BooleanArray>())
            }
            Self::Int(values) => int_class!(ty, T => numbers::<T>(ty, places.map(|at| values.get(at)))),
            #[expect(clippy::cast_possible_truncation, reason = "what is held came from 32 bits")]
            Self::Float(values) if *ty == LogicalType::Float => Arc::new(
                places.map(|at| values.get(at).map(|value| value as f32)).collect::<PrimitiveArray<Float32Type>>(),
            ),
            Self::Float(values) => Arc::new(places.map(|at| values.get(at)).collect::<PrimitiveArray<Float64Type>>()),
            Self::Wide(values) => Arc::new(
                places
                    .map(|at| values.get(at))
                    .collect::<PrimitiveArray<Decimal128Type>>()
                    .with_data_type(ty.to_arrow()),
            ),
            Self::Text(values) => {
                Arc::new(places.map(|at| values.get(at).and_then(|value| value.as_deref())).collect::<StringArray>())
            }
            Self::Any(values) => {
                let null = new_null_array(&ty.to_arrow(), 1);
                let rows: Vec<&dyn Array> = places
                    .map(|at| values.get(at).and_then(Option::as_ref).map_or(null.as_ref(), AsRef::as_ref))
                    .collect();
                if rows.is_empty() { new_empty_array(&ty.to_arrow()) } else { concat(&rows)? }
            }
        })
    }

    /// All values as a column of `ty`, which is theirs.
    ///
    /// # Errors
    /// As [`Self::array`].
    pub fn whole(&self, ty: &LogicalType) -> Result<ArrayRef> {
        self.array(ty, 0..self.len())
    }

    /// The values of a column of `ty`.
    ///
    /// # Errors
    /// When the column is of another type.
    pub fn of(ty: &LogicalType, column: &ArrayRef) -> Result<Self> {
        let mut values = Self::new(ty);
        values.resize(column.len());
        for at in 0..column.len() {
            values.put(at, scalar(ty, column, at)?);
        }
        Ok(values)
    }

    /// Bytes held, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Int(values) => values.values.capacity() * 9,
            Self::Float(values) => values.values.capacity() * 9,
            Self::Wide(values) => values.values.capacity() * 17,
            Self::Text(values) => {
                values.capacity() * 16 + values.iter().flatten().map(|text| text.len()).sum::<usize>()
            }
            Self::Any(values) => {
                values.capacity() * 16 + values.iter().flatten().map(Array::get_array_memory_size).sum::<usize>()
            }
        }
    }
}

/// The value of row `at` of a column of `T`.
fn int<T: ArrowPrimitiveType<Native: Into<i64>>>(column: &ArrayRef, at: usize) -> Option<i64> {
    column.as_primitive_opt::<T>().map(|values| values.value(at).into())
}

/// The value of row `at` of a column of `ty`.
///
/// # Errors
/// When the column is of another type.
pub(super) fn scalar(ty: &LogicalType, column: &ArrayRef, at: usize) -> Result<Scalar> {
    if column.is_null(at) {
        return Ok(Scalar::Null);
    }
    let wrong = || mistyped(column, "another type");
    Ok(match Class::of(ty) {
        Class::Bool => Scalar::Int(i64::from(column.as_boolean_opt().ok_or_else(wrong)?.value(at))),
        Class::Int => Scalar::Int(int_class!(ty, T => int::<T>(column, at)).ok_or_else(wrong)?),
        Class::Float if *ty == LogicalType::Float => {
            Scalar::Float(column.as_primitive_opt::<Float32Type>().ok_or_else(wrong)?.value(at).into())
        }
        Class::Float => Scalar::Float(column.as_primitive_opt::<Float64Type>().ok_or_else(wrong)?.value(at)),
        Class::Wide => Scalar::Wide(column.as_primitive_opt::<Decimal128Type>().ok_or_else(wrong)?.value(at)),
        Class::Text => Scalar::Text(column.as_string_opt::<i32>().ok_or_else(wrong)?.value(at).into()),
        Class::Any => Scalar::Any(column.slice(at, 1)),
    })
}
