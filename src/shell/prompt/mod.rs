//! The prompt: reads statements from a person at a terminal.

mod helper;
mod highlight;
mod history;
mod keys;
mod run;
mod watch;

pub(super) use run::run;
