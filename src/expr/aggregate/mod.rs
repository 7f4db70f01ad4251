//! Aggregate functions: columns of state indexed by group.

use arrow_array::{ArrayRef, BooleanArray};

use super::TypedExpr;
use super::ast::Call;
use crate::types::{Diagnostic, Field, LogicalType, Result, Schema};

/// One aggregate call, bound: `sum(price) filter (where price > 0)`.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateCall {
    /// The registry name of the function.
    pub function: &'static str,
    /// Its arguments, coerced.
    pub args: Vec<TypedExpr>,
    /// `distinct`
    pub distinct: bool,
    /// `filter (where …)`
    pub filter: Option<TypedExpr>,
    /// The type of the result.
    pub ty: LogicalType,
    /// Whether the result can be null.
    pub nullable: bool,
}

/// Whether `name` is an aggregate function.
#[must_use]
pub fn is_aggregate(_name: &str) -> bool {
    unimplemented!()
}

/// Binds an aggregate call.
///
/// # Errors
/// An unknown function (with the near name), or arguments that do not fit, at their place.
pub fn bind_aggregate(_call: &Call, _schema: &Schema) -> Result<AggregateCall, Diagnostic> {
    unimplemented!()
}

impl AggregateCall {
    /// The columns of its state, names distinct within the call: `sum`, `count`.
    #[must_use]
    pub fn state_fields(&self) -> Vec<Field> {
        unimplemented!()
    }

    /// Accumulators for no groups yet.
    #[must_use]
    pub fn accumulator(&self) -> Box<dyn Accumulator> {
        unimplemented!()
    }
}

/// The accumulators of one aggregate call over many groups. Groups are numbered from 0; a new group starts empty.
pub trait Accumulator: Send {
    /// Makes room for groups below `groups`; those that exist keep their state.
    fn resize(&mut self, groups: usize);

    /// Adds row `i` of `args` to group `groups[i]`, for the rows that `keep` allows.
    ///
    /// # Errors
    /// When a kernel refuses its input. Overflow of an integer sum wraps, as in Flink.
    fn update(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()>;

    /// Takes such rows back.
    ///
    /// # Errors
    /// As [`Self::update`].
    fn retract(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()>;

    /// Adds state that [`Self::state`] gave, row `i` to group `groups[i]`.
    ///
    /// # Errors
    /// When the columns do not have the state's types.
    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()>;

    /// The results of these groups; the state stays.
    ///
    /// # Errors
    /// When a kernel refuses its input.
    fn values(&self, groups: &[u32]) -> Result<ArrayRef>;

    /// The state of these groups: one column for each of [`AggregateCall::state_fields`].
    ///
    /// # Errors
    /// When a kernel refuses its input.
    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>>;

    /// Empties group `group`, whose number is used again.
    fn clear(&mut self, group: u32);

    /// Bytes held, estimated.
    fn bytes(&self) -> usize;
}
