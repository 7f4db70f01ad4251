//! A source of batches that are in memory already.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};

use super::loops::Columns;
use crate::api::{Bounds, PlannedSource, Source, SourcePoll, SourceProgress, SourceStart};
use crate::types::{CheckpointId, Error, Result, Schema};

/// Batches, dealt in order to whichever reader asks.
#[derive(Debug, Clone)]
pub(super) struct MemorySource {
    schema: Schema,
    batches: Arc<Vec<RecordBatch>>,
}

impl MemorySource {
    /// A source of `batches` with the columns of `schema`.
    #[must_use]
    pub(super) fn new(schema: Schema, batches: Arc<Vec<RecordBatch>>) -> Self {
        Self { schema, batches }
    }
}

impl PlannedSource for MemorySource {
    fn describe(&self) -> String {
        format!("memory, {} batches", self.batches.len())
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn bounds(&self) -> Bounds {
        Bounds::Bounded
    }

    fn start(&self, start: &SourceStart) -> Result<Vec<Box<dyn Source>>> {
        if start.restored.is_some() {
            return Err(Error::config("a source in memory can't be restored"));
        }
        let next = Arc::new(AtomicUsize::new(0));
        Ok((0..start.parallelism)
            .map(|_| {
                Box::new(Reader {
                    batches: self.batches.clone(),
                    projection: start.projection.clone(),
                    next: next.clone(),
                    done: 0,
                }) as Box<dyn Source>
            })
            .collect())
    }
}

struct Reader {
    batches: Arc<Vec<RecordBatch>>,
    projection: Vec<usize>,
    next: Arc<AtomicUsize>,
    done: u64,
}

impl Source for Reader {
    fn poll(&mut self) -> Result<SourcePoll> {
        match self.batches.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            None => Ok(SourcePoll::End),
            Some(rows) => {
                self.done += 1;
                Ok(SourcePoll::Rows { rows: rows.project(&self.projection)?, rejected: Vec::new() })
            }
        }
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<Vec<u8>> {
        // The position is of no use: a source in memory can't be restored.
        Ok(Vec::new())
    }

    fn progress(&self) -> SourceProgress {
        SourceProgress { done: self.done, total: Some(self.batches.len() as u64) }
    }
}

/// The same bids as the loops take them. The columns are auction, bidder, price and time.
///
/// # Errors
/// When they are not.
pub(super) fn columns(batches: &[RecordBatch]) -> Result<Columns> {
    let mut columns = Columns::default();
    for batch in batches {
        let [auction, bidder, price, time] = batch.columns() else {
            return Err(Error::config("the bids in memory have other columns"));
        };
        for (into, from) in
            [(&mut columns.auction, auction), (&mut columns.bidder, bidder), (&mut columns.price, price)]
        {
            into.extend_from_slice(from.as_primitive::<Int64Type>().values());
        }
        columns.time.extend_from_slice(time.as_primitive::<TimestampMillisecondType>().values());
    }
    Ok(columns)
}
