//! Process functions: state and timers of a key, a row at a time.

mod bind;
mod connect;
mod machine;
mod operator;
mod planned;
mod program;
mod scope;
mod stage;
mod states;
mod steps;
mod store;
mod undo;
mod window;

pub(super) use connect::CONNECT;
pub(super) use stage::PROCESS;

#[cfg(test)]
mod tests;
