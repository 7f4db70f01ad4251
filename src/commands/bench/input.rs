//! The bids that queries read.

use std::path::PathBuf;
use std::sync::Arc;

use super::data::Workload;
use super::loops;
use super::memory::{self, MemorySource};
use super::request::BenchRequest;
use crate::types::{Clock, Error, Result};

/// The auctions that bids are joined with, as jobs read them and as loops do.
pub(super) type Auctions = (MemorySource, loops::Columns);

pub(super) fn auctions(workload: &Workload, clock: &Arc<dyn Clock>) -> Result<Auctions> {
    let (schema, batches) = workload.auctions(clock)?;
    let columns = memory::columns(&batches)?;
    Ok((MemorySource::new(schema, Arc::new(batches), 1), columns))
}

/// The place where the bids come from.
pub(super) enum Input {
    File { path: PathBuf, format: loops::Text },
    Memory { source: MemorySource, columns: loops::Columns, repeat: u64 },
}

impl Input {
    pub(super) fn prepare(
        name: &str,
        workload: &Workload,
        request: &BenchRequest,
        clock: &Arc<dyn Clock>,
        say: &mut dyn FnMut(&str),
    ) -> Result<Self> {
        let mut file = |extension: &str, format| -> Result<Self> {
            say(&format!("{} bids as {extension}", workload.events));
            let path = workload.file(&request.directory, extension, clock)?;
            Ok(Self::File { path, format })
        };
        match name {
            "json" => file("ndjson", loops::Text::Ndjson),
            "csv" => file("csv", loops::Text::Csv),
            "memory" => {
                say(&format!("{} bids in memory", workload.events));
                let (schema, batches) = workload.batches(clock)?;
                let columns = memory::columns(&batches)?;
                // The loops read them once; only what is compared with another job is repeated.
                let repeat = if request.checkpoint.is_some() { request.repeat.max(1) } else { 1 };
                Ok(Self::Memory { source: MemorySource::new(schema, Arc::new(batches), repeat), columns, repeat })
            }
            other => Err(Error::config(format!("there is no input `{other}`; there are json, csv, memory"))),
        }
    }

    pub(super) const fn repeat(&self) -> u64 {
        match self {
            Self::File { .. } => 1,
            Self::Memory { repeat, .. } => *repeat,
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::File { format: loops::Text::Ndjson, .. } => "json",
            Self::File { format: loops::Text::Csv, .. } => "csv",
            Self::Memory { .. } => "memory",
        }
    }
}
