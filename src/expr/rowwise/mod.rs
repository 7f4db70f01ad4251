//! Expressions a row at a time, for what depends on the row before: process functions.
//!
//! The parts of an expression that read no variable are hoisted: they are columns, evaluated a batch at a time. The rest
//! becomes typed closures over variables and those columns; an operation that has none is computed by its kernel, over one
//! row.

mod code;
mod column;
mod compile;
mod fault;
mod native;
mod values;

pub use code::{Code, Get, GetAny, GetText, Row};
pub use column::Column;
pub use compile::Compiler;
pub use fault::{Eval, Fault};
pub use values::{Class, Key, Scalar, Values};
