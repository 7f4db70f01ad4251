//! lotic: an interactive shell for streams. See `src/ARCHITECTURE.md` for the layers; a module imports only from below.

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
