//! Lowering over fakes: a few stages, one window, and connectors that plan but do not run.

mod definitions;
mod jobs;
mod language;

use language::{Shell, run};
