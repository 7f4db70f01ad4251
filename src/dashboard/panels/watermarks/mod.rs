//! `watermarks`: how far event time has come in every subtask, and who holds it back.

mod panel;
mod summary;

pub(super) use panel::SPEC;
