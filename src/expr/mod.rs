//! Layer 1: expressions. [`ast`] is what was typed; [`bind`] gives it Flink's types; [`Evaluator`] computes a column a
//! batch over Arrow's kernels.

pub mod aggregate;
pub mod ast;
mod bind;
mod cast;
mod coerce;
mod compile;
mod decimal;
mod display;
mod eval;
mod fold;
mod functions;
#[cfg(test)]
mod goldens;
mod json;
mod kernels;
mod literal;
mod operators;
pub mod rowwise;
#[cfg(test)]
pub(crate) mod testing;
mod text;
mod time;
mod typed;
mod value;

pub use bind::{Scope, bind, bind_as, bind_over_aggregates, bind_predicate};
pub use coerce::{coerce, common_type};
pub use eval::{EvalContext, Evaluator};
pub use functions::{Family, FunctionSpec, function, function_names, functions};
pub use time::Zone;
pub use typed::TypedExpr;
pub use value::RowError;
