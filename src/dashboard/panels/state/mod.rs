//! `state`: keyed state, from operator to state to key.

mod keys;
mod panel;

pub(super) use panel::SPEC;
