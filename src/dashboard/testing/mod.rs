//! The fixtures of the dashboard's tests: a job with all there is to see, and a dashboard that has watched it.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "small numbers made up here"
)]

mod app;
mod happenings;
mod job;

pub(super) use app::{PANELS, app, app_of, at, control, line, press, screen, statement, typed};
pub(super) use happenings::states;
pub(super) use job::{FIRST_EVENT_MS, HOSTILE, START_MS, empty, huge, model, view};
