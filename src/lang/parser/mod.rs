//! Tokens to statements. One statement at a time, each with what ended it, so that scripts, prompts and streams of lines
//! share one answer to where a statement ends.

mod call;
mod data_type;
mod driver;
mod expr;
mod input;
mod literal;
mod pipeline;
mod predicate;
mod report;
mod signature;
mod statement;
mod trace;

pub use driver::{Completeness, is_complete, may_continue, parse, parse_expr};
pub use expr::MAX_HEIGHT;
pub use input::MAX_NESTING;

pub(super) use driver::{Ended, next_statement};
pub(super) use input::Source;
