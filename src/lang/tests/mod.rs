//! Tests of the language.

mod errors;
mod expressions;
mod limits;
mod registry;
mod statements;
