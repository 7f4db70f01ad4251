//! The closures that expressions become.

use std::borrow::Cow;
use std::fmt;

use arrow_array::ArrayRef;

use super::column::Column;
use super::fault::{Eval, Fault};
use super::values::{Class, Key, Scalar, Values, scalar};
use crate::types::LogicalType;

/// Computes a value of a row.
pub type Get<R, T> = Box<dyn Fn(&R) -> Eval<T> + Send>;

/// Computes a text of a row.
pub type GetText<R> = Box<dyn for<'r> Fn(&'r R) -> Eval<Cow<'r, str>> + Send>;

/// Computes anything else: a column of one row.
pub type GetAny<R> = Box<dyn Fn(&R) -> Result<ArrayRef, Fault> + Send>;

/// The row at hand: its variables and the columns that were evaluated for its batch.
pub trait Row: 'static {
    /// The boolean or whole number that is variable `var`.
    fn int(&self, var: usize) -> Option<i64>;
    /// The float that is.
    fn float(&self, var: usize) -> Option<f64>;
    /// The decimal that is.
    fn wide(&self, var: usize) -> Option<i128>;
    /// The text that is.
    fn text(&self, var: usize) -> Option<Cow<'_, str>>;
    /// The value of any other type: a column of one row.
    ///
    /// # Errors
    /// When it can't be put together: a defect of ours.
    fn any(&self, var: usize) -> Result<ArrayRef, Fault>;
    /// The items or entries of a list or map.
    fn count(&self, var: usize) -> usize;
    /// The item of a list at `index`, from 1.
    fn item(&self, var: usize, index: i64) -> Option<(&Values, usize)>;
    /// The value of a map for `key`.
    fn entry(&self, var: usize, key: &Key) -> Option<&Scalar>;
    /// A column of the batch, and the place of the row in it.
    fn column(&self, column: usize) -> (&Column, usize);
    /// Processing time, epoch milliseconds.
    fn now_ms(&self) -> i64;
}

/// A compiled expression.
pub enum Code<R> {
    /// Of [`Class::Bool`].
    Bool(Get<R, bool>),
    /// Of [`Class::Int`].
    Int(Get<R, i64>),
    /// Of [`Class::Float`].
    Float(Get<R, f64>),
    /// Of [`Class::Wide`].
    Wide(Get<R, i128>),
    /// Of [`Class::Text`].
    Text(GetText<R>),
    /// Of [`Class::Any`].
    Any(GetAny<R>),
}

impl<R> fmt::Debug for Code<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}

/// A closure that gives a text: the lifetimes need it said.
pub(super) fn text<R, F>(f: F) -> Code<R>
where
    F: for<'r> Fn(&'r R) -> Eval<Cow<'r, str>> + Send + 'static,
{
    Code::Text(Box::new(f))
}

impl<R: Row> Code<R> {
    /// The value.
    ///
    /// # Errors
    /// When the row fails.
    #[inline]
    pub fn scalar(&self, row: &R) -> Result<Scalar, Fault> {
        Ok(match self {
            Self::Bool(get) => get(row)?.map_or(Scalar::Null, |value| Scalar::Int(i64::from(value))),
            Self::Int(get) => get(row)?.map_or(Scalar::Null, Scalar::Int),
            Self::Float(get) => get(row)?.map_or(Scalar::Null, Scalar::Float),
            Self::Wide(get) => get(row)?.map_or(Scalar::Null, Scalar::Wide),
            Self::Text(get) => get(row)?.map_or(Scalar::Null, |text| Scalar::Text(text.into())),
            Self::Any(get) => Scalar::Any(get(row)?),
        })
    }

    /// The value as a column of one row.
    ///
    /// # Errors
    /// When the row fails.
    pub fn array(&self, row: &R, ty: &LogicalType) -> Result<ArrayRef, Fault> {
        if let Self::Any(get) = self {
            return get(row);
        }
        let mut values = Values::new(ty);
        values.push(self.scalar(row)?);
        Ok(values.whole(ty)?)
    }

    /// The code of an expression of `ty` that `get` computes as a column of one row.
    pub(super) fn of_array(ty: &LogicalType, get: GetAny<R>) -> Self {
        let ty = ty.clone();
        let class = Class::of(&ty);
        if class == Class::Any {
            return Self::Any(get);
        }
        let value = move |row: &R| -> Result<Scalar, Fault> { Ok(scalar(&ty, &get(row)?, 0)?) };
        match class {
            Class::Bool => Self::Bool(Box::new(move |row| {
                Ok(if let Scalar::Int(value) = value(row)? { Some(value != 0) } else { None })
            })),
            Class::Int => Self::Int(Box::new(move |row| {
                Ok(if let Scalar::Int(value) = value(row)? { Some(value) } else { None })
            })),
            Class::Float => Self::Float(Box::new(move |row| {
                Ok(if let Scalar::Float(value) = value(row)? { Some(value) } else { None })
            })),
            Class::Wide => Self::Wide(Box::new(move |row| {
                Ok(if let Scalar::Wide(value) = value(row)? { Some(value) } else { None })
            })),
            Class::Text | Class::Any => text(move |row| {
                Ok(if let Scalar::Text(value) = value(row)? { Some(Cow::Owned(value.into_string())) } else { None })
            }),
        }
    }
}
