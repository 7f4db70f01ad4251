//! The prompt: reads statements from a person at a terminal.

#[cfg(test)]
mod fuzz;
mod helper;
mod highlight;
mod history;
mod keys;
mod run;
mod watch;

pub(super) use run::run;
