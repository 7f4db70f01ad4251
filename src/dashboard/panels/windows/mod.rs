//! `windows`: what is open, what it holds so far, what just fired, what came too late.

mod merge;
mod panel;

pub(super) use panel::SPEC;
