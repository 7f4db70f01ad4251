//! Completion and hints: what may stand at a place of a text that is being typed. No terminal in it: the prompt and the
//! dashboard's `:` line both ask here. Everything that is offered follows from the registries and the catalog.

mod candidate;
mod completer;
mod cursor;
mod files;
mod known;
mod offer;
mod options;
mod scope;
mod usage;
mod words;

#[cfg(test)]
mod tests;

pub use candidate::{Candidate, CandidateKind, Completions};
pub use completer::Completer;
