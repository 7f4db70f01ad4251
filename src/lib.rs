//! lotic: an interactive shell for streams. See `src/ARCHITECTURE.md` for the layers; a module imports only from below.

// For what the library's tests share with the integration tests.
#[cfg(test)]
extern crate self as lotic;
#[cfg(test)]
#[path = "../tests/runtime_support/memory_state.rs"]
mod memory_state;

pub mod types;

pub mod expr;
pub mod formats;
pub mod inspect;
pub mod state;

pub mod api;
pub mod checkpoint;

pub mod connectors;
pub mod operators;
pub mod plan;

pub mod lang;
pub mod runtime;

pub mod session;

pub mod commands;
pub mod dashboard;

pub mod shell;
