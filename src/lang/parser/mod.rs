//! Tokens to statements. One statement at a time, each with what ended it, so that scripts, prompts and streams of lines
//! share one answer to where a statement ends.

mod call;
mod data_type;
mod driver;
mod expected;
mod expr;
mod input;
mod literal;
mod pipeline;
mod predicate;
mod report;
mod signature;
mod statement;
mod trace;

pub use driver::{Completeness, expectations, is_complete, may_continue, parse, parse_expr};
pub use expected::{Expectation, Expectations, Expected, Frame, Kind, Scope};
pub use expr::{MAX_HEIGHT, RESERVED};
pub use input::MAX_NESTING;

pub(super) use driver::{Ended, next_statement};
pub(super) use input::Source;

/// Whether `c` overrides the direction of writing, so that a name with it reads as another.
pub(super) const fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}
