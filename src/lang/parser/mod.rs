//! Tokens to statements. One statement at a time, each with what ended it, so that scripts, prompts and streams of lines
//! share one answer to where a statement ends.

mod call;
mod data_type;
mod driver;
mod expected;
mod expr;
mod fail;
mod input;
mod literal;
mod operand;
mod pattern;
mod pipeline;
mod power;
mod predicate;
mod process;
mod report;
mod signature;
mod statement;
mod time;
mod trace;
mod tree;

pub use driver::{Due, due, expectations, parse, parse_expr};
pub use expected::{Expectation, Expectations, Expected, Frame, Kind, Scope};
pub use expr::RESERVED;
pub use input::MAX_NESTING;
pub use tree::MAX_HEIGHT;

pub(super) use driver::{Ended, next_statement, source};
