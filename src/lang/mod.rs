//! Layer 4: the dataflow language. Text to statements here; [`lower`] makes plans of pipelines.
//!
//! [`parse`] says where a statement ends; `grammar/lotic.ebnf` is the reference of the syntax.

pub mod ast;
mod grammar;
mod habits;
mod lexer;
pub mod lower;
mod names;
mod parser;
mod split;
mod token;

pub use habits::answer_to_word;
pub use lexer::{LexError, Lexed, MAX_WORD_BYTES, lex};
pub use names::typed_name;
pub use parser::{
    Due, Expectation, Expectations, Expected, Frame, Kind, MAX_HEIGHT, MAX_NESTING, RESERVED, Scope, due, expectations,
    parse, parse_expr,
};
pub use split::Splitter;
pub use token::{LineBreak, Symbol, Token, TokenKind};

#[cfg(test)]
mod tests;
