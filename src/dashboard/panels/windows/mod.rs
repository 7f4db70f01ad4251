//! `windows`: what is open, what it holds so far, what just fired, what came too late; the rounds of a batch job.

mod merge;
mod panel;
mod rounds;

pub(super) use panel::SPEC;
