//! Patterns of rows: the stage `match`.
//!
//! Rows wait until the watermark has passed them and are matched in the order of their times, the rows of each key for
//! themselves. [`nfa`] makes an automaton of the pattern, [`matcher`] moves partial matches on by a row and decides what
//! a match discards; both are pure. [`operator`] asks the conditions a batch at a time and keeps rows and partial matches.

mod bind;
mod matcher;
mod nfa;
mod operator;
mod planned;
mod references;
mod spec;
mod stage;
#[cfg(test)]
mod tests;

pub use spec::MatchRecognize;
pub(super) use stage::MATCH;
