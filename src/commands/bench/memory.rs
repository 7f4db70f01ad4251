//! A source of batches that are in memory already.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};

use super::loops::Columns;
use crate::api::{Bounds, PlannedSource, Source, SourcePoll, SourceProgress, SourceStart};
use crate::types::{CheckpointId, Error, Result, Schema};

/// The place of the time column.
const TIME: usize = 3;

/// Batches, dealt in order to whichever reader asks.
#[derive(Debug, Clone)]
pub(super) struct MemorySource {
    schema: Schema,
    batches: Arc<Vec<RecordBatch>>,
    repeat: usize,
    /// The time by which each round is later than the one before, milliseconds.
    round_ms: i64,
}

impl MemorySource {
    /// A source of `batches` with the columns of `schema`, auction, bidder, price and time, read `repeat` times.
    #[must_use]
    pub(super) fn new(schema: Schema, batches: Arc<Vec<RecordBatch>>, repeat: u64) -> Self {
        let edge = |batch: Option<&RecordBatch>, row: fn(usize) -> usize| {
            let times = batch?.columns().get(TIME)?.as_primitive_opt::<TimestampMillisecondType>()?;
            times.values().get(row(times.len())).copied()
        };
        let first = edge(batches.first(), |_| 0).unwrap_or(0);
        let last = edge(batches.last(), |rows| rows.saturating_sub(1)).unwrap_or(0);
        // A round begins with a time that none before it had.
        let round_ms = last - first + 60_000;
        Self { schema, batches, repeat: usize::try_from(repeat).unwrap_or(usize::MAX), round_ms }
    }
}

impl PlannedSource for MemorySource {
    fn describe(&self) -> String {
        format!("memory, {} batches, {} times", self.batches.len(), self.repeat)
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
                    source: self.clone(),
                    projection: start.projection.clone(),
                    next: next.clone(),
                    done: 0,
                }) as Box<dyn Source>
            })
            .collect())
    }
}

struct Reader {
    source: MemorySource,
    projection: Vec<usize>,
    next: Arc<AtomicUsize>,
    done: u64,
}

impl Source for Reader {
    fn poll(&mut self) -> Result<SourcePoll> {
        let (next, batches) = (self.next.fetch_add(1, Ordering::Relaxed), self.source.batches.len());
        let Some(rows) = self.source.batches.get(next % batches.max(1)).filter(|_| next / batches < self.source.repeat)
        else {
            return Ok(SourcePoll::End);
        };
        self.done += 1;
        let mut rows = rows.project(&self.projection)?;
        if next >= batches
            && let Some(time) = self.projection.iter().position(|&column| column == TIME)
        {
            let by_ms = i64::try_from(next / batches).unwrap_or(0) * self.source.round_ms;
            let mut columns = rows.columns().to_vec();
            let times = columns[time].as_primitive::<TimestampMillisecondType>();
            columns[time] = Arc::new(
                times
                    .unary::<_, TimestampMillisecondType>(|time| time + by_ms)
                    .with_data_type(times.data_type().clone()),
            );
            rows = RecordBatch::try_new(rows.schema(), columns)?;
        }
        Ok(SourcePoll::Rows { rows, rejected: Vec::new() })
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<Vec<u8>> {
        // The position is of no use: a source in memory can't be restored.
        Ok(Vec::new())
    }

    fn progress(&self) -> SourceProgress {
        let total = self.source.batches.len() * self.source.repeat;
        SourceProgress { done: self.done, total: Some(total as u64) }
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
