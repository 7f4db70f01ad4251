//! One line of the registry of aggregate functions.

use super::{Accumulator, AggregateCall};
use crate::expr::TypedExpr;
use crate::types::{Field, LogicalType, Result};

/// One aggregate function: the registry entry.
#[derive(Debug, Clone)]
pub struct AggregateSpec {
    /// `sum`
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// The function's arguments as shown in help: `x`.
    pub arguments: &'static str,
    /// One line for listings.
    pub summary: &'static str,
    /// Statements that run as they stand on the built-in `bids` source.
    pub examples: &'static [&'static str],
    /// The Flink counterpart.
    pub flink: Option<&'static str>,
    /// Whether `*` may stand for the argument.
    pub(super) star: bool,
    /// The fewest and the most arguments.
    pub(super) arity: (usize, usize),
    /// The type that arguments are cast to, when there is one.
    pub(super) coerce: Option<LogicalType>,
    /// The type of the result, and whether it can be null; an error says what the argument had to be.
    pub(super) result: ResultType,
    /// The columns of its state; with the flag, for an input that takes rows back.
    pub(super) state: fn(&AggregateCall, bool) -> Vec<Field>,
    /// The maker of the function's accumulators; with the flag, for an input that takes rows back.
    pub(super) make: fn(&AggregateCall, bool) -> Result<Box<dyn Accumulator>>,
}

/// From the arguments to the result's type and whether it can be null, or to what the argument had to be.
pub(super) type ResultType = fn(&[TypedExpr]) -> Result<(LogicalType, bool), String>;
