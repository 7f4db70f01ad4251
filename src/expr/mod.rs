//! Layer 1: expressions. [`ast`] is what was typed; [`bind`] gives it Flink's types; [`Evaluator`] computes a column a
//! batch over Arrow's kernels.

pub mod aggregate;
pub mod ast;
mod bind;
mod eval;
mod typed;

pub use bind::{bind, bind_as, bind_predicate};
pub use eval::{EvalContext, Evaluator, RowError};
pub use typed::TypedExpr;
