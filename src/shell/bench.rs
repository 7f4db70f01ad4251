//! `lotic bench`

use std::sync::Arc;

use super::cli::BenchOptions;
use super::exit::EXIT_OK;
use super::{print, render};
use crate::commands::bench::{self, BenchRequest};
use crate::types::{Clock, Result, SystemClock};

/// Measures and prints the table.
pub(super) fn run(options: &BenchOptions) -> Result<u8> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let request = BenchRequest {
        queries: options.queries.clone(),
        inputs: options.inputs.clone(),
        parallelism: options.parallelism.clone(),
        events: options.events,
        keys: options.keys,
        checkpoint: options.checkpoint.clone(),
        repeat: options.repeat,
        runs: options.runs,
        directory: options.dir.clone().unwrap_or_else(std::env::temp_dir),
    };
    let listing = bench::run(&request, &clock, &mut |doing| print::error(format!("… {doing}\n")))?;
    print::data(render::listing(&listing.json(options.json), render::terminal_width()))?;
    Ok(EXIT_OK)
}
