//! The view of a kernel: its arguments, and builders for its result.

#![expect(clippy::unnecessary_wraps, reason = "kernels end in these, and kernels can fail")]

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray};

use super::draws::Draws;
use super::java_regex::JavaRegex;
use crate::expr::json::Path;
use crate::expr::time::{Pattern, Zone};
use crate::expr::value::{Primitive, Text, Value};
use crate::types::{LogicalType, Result};

/// The result of compiling a function's constant arguments.
#[derive(Debug)]
pub(in crate::expr) enum Prepared {
    Regex(JavaRegex),
    Pattern(Pattern),
    Path(Path),
}

/// The arguments of one call over a batch.
pub(in crate::expr) struct Args<'a> {
    pub(in crate::expr) values: &'a [Value],
    pub(in crate::expr) types: &'a [LogicalType],
    /// The type of the result.
    pub(in crate::expr) ty: &'a LogicalType,
    /// Rows to compute: 1 when every argument is constant.
    pub(in crate::expr) rows: usize,
    pub(in crate::expr) now_ms: i64,
    /// The zone in which instants are read as dates and times of day.
    pub(in crate::expr) zone: Zone,
    /// The seed of random numbers that have none of their own.
    pub(in crate::expr) seed: u64,
    /// What the call has drawn before.
    pub(in crate::expr) draws: &'a Draws,
    pub(in crate::expr) prepared: Option<&'a Prepared>,
    pub(in crate::expr) failures: Vec<(usize, String)>,
}

impl<'a> Args<'a> {
    pub(in crate::expr) fn count(&self) -> usize {
        self.values.len()
    }

    pub(in crate::expr) fn text(&self, i: usize) -> Result<Text<'a>> {
        Text::new(&self.values[i])
    }

    pub(in crate::expr) fn primitive<T: ArrowPrimitiveType>(&self, i: usize) -> Result<Primitive<'a, T>> {
        Primitive::new(&self.values[i])
    }

    pub(in crate::expr) fn int(&self, i: usize) -> Result<Primitive<'a, Int32Type>> {
        self.primitive(i)
    }

    pub(in crate::expr) fn bigint(&self, i: usize) -> Result<Primitive<'a, Int64Type>> {
        self.primitive(i)
    }

    pub(in crate::expr) fn double(&self, i: usize) -> Result<Primitive<'a, Float64Type>> {
        self.primitive(i)
    }

    /// The argument `i` when it was given.
    pub(in crate::expr) fn optional<T>(&self, i: usize, get: impl Fn(&Self, usize) -> Result<T>) -> Result<Option<T>> {
        if i < self.count() { get(self, i).map(Some) } else { Ok(None) }
    }

    /// The row of argument `i`'s array that belongs to `row`.
    pub(in crate::expr) fn place(&self, i: usize, row: usize) -> usize {
        if self.values[i].is_scalar() { 0 } else { row }
    }

    /// Strings: `f` writes each into an empty buffer, or says null.
    pub(in crate::expr) fn strings(&self, mut f: impl FnMut(usize, &mut String) -> Option<()>) -> Result<ArrayRef> {
        let mut builder = StringBuilder::with_capacity(self.rows, self.rows * 16);
        let mut scratch = String::new();
        for row in 0..self.rows {
            scratch.clear();
            match f(row, &mut scratch) {
                Some(()) => builder.append_value(&scratch),
                None => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    /// Strings that are parts of what is there already.
    pub(in crate::expr) fn slices<'t>(&self, f: impl FnMut(usize) -> Option<&'t str>) -> Result<ArrayRef> {
        let mut builder = StringBuilder::with_capacity(self.rows, self.rows * 16);
        (0..self.rows).map(f).for_each(|text| builder.append_option(text));
        Ok(Arc::new(builder.finish()))
    }

    /// Numbers.
    pub(in crate::expr) fn numbers<T: ArrowPrimitiveType>(
        &self,
        f: impl FnMut(usize) -> Option<T::Native>,
    ) -> Result<ArrayRef> {
        Ok(Arc::new((0..self.rows).map(f).collect::<PrimitiveArray<T>>()))
    }

    /// Booleans.
    pub(in crate::expr) fn booleans(&self, f: impl FnMut(usize) -> Option<bool>) -> Result<ArrayRef> {
        Ok(Arc::new((0..self.rows).map(f).collect::<BooleanArray>()))
    }
}
