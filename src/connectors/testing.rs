//! The helpers that tests of connectors share: requests, starts, and readers driven by seed.

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};

use super::random::Stream;
use crate::api::{OptionValue, Options, PlannedSource, Rejected, Source, SourcePoll, SourceRequest, SourceStart};
use crate::types::{CheckpointId, Result, Schema, Span, Spanned, VirtualClock};

/// The place where tests say that everything was typed.
pub(super) const SPAN: Span = Span::new(10, 20);

/// `source test from connector 'target' columns … with (options)`
pub(super) fn request(
    target: Option<&str>,
    columns: Option<Schema>,
    options: &[(&str, OptionValue)],
    base_dir: &Path,
) -> SourceRequest {
    let entries =
        options.iter().map(|(name, value)| ((*name).to_owned(), Spanned::new(value.clone(), Span::new(30, 35))));
    SourceRequest {
        name: "test".to_owned(),
        target: target.map(|target| Spanned::new(target.to_owned(), SPAN)),
        columns,
        options: Options::new(entries.collect()),
        base_dir: base_dir.to_path_buf(),
        span: Span::new(0, 40),
    }
}

pub(super) fn start(parallelism: usize, projection: &[usize], batch_rows: usize) -> SourceStart {
    SourceStart {
        parallelism,
        projection: projection.to_vec(),
        restored: None,
        batch_rows,
        clock: Arc::new(VirtualClock::default()),
    }
}

/// The output of a source.
#[derive(Default)]
pub(super) struct Got {
    pub(super) batches: Vec<RecordBatch>,
    pub(super) rejected: Vec<Rejected>,
}

impl Got {
    pub(super) fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The rows as text, sorted: what two runs must have in common.
    pub(super) fn sorted(&self) -> Vec<String> {
        let mut rows: Vec<String> = self.batches.iter().flat_map(shown).collect();
        rows.sort_unstable();
        rows
    }

    fn append(&mut self, mut other: Self) {
        self.batches.append(&mut other.batches);
        self.rejected.append(&mut other.rejected);
    }
}

/// Each row as text.
pub(super) fn shown(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("null");
    let columns: Vec<_> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" "))
        .collect()
}

/// Polls every reader in turn until all have ended.
pub(super) fn drain(readers: &mut [Box<dyn Source>]) -> Result<Got> {
    let mut got = Got::default();
    let mut ended = vec![false; readers.len()];
    while ended.contains(&false) {
        for (reader, ended) in readers.iter_mut().zip(&mut ended) {
            if *ended {
                continue;
            }
            match reader.poll()? {
                SourcePoll::Rows { rows, rejected } => {
                    got.batches.push(rows);
                    got.rejected.extend(rejected.into_iter().map(|(_, row)| row));
                }
                SourcePoll::Pending(_) => {}
                SourcePoll::End => *ended = true,
            }
        }
    }
    Ok(got)
}

pub(super) fn read(source: &dyn PlannedSource, start: &SourceStart) -> Result<Got> {
    drain(&mut source.start(start)?)
}

/// Runs `source` and kills it behind a checkpoint, four times, each time restored at another parallelism, then runs it to
/// its end. The barrier reaches one reader after the other while all read on; what a reader read behind its snapshot is
/// forgotten with its run, as in a job.
pub(super) fn read_with_failures(source: &dyn PlannedSource, template: &SourceStart, seed: u64) -> Result<Got> {
    let random = Stream::new(seed, "failures");
    let mut row = 0;
    let mut below = |bound: usize| {
        row += 1;
        usize::try_from(random.below(row, bound as u64)).unwrap()
    };
    let mut kept = Got::default();
    let mut restored: Option<Vec<Vec<u8>>> = None;
    for attempt in 1..=4 {
        let parallelism = below(4) + 1;
        let start = SourceStart { parallelism, restored: restored.take(), ..template.clone() };
        let mut readers = source.start(&start)?;
        let count = readers.len();
        let mut got: Vec<Got> = readers.iter().map(|_| Got::default()).collect();
        for _ in 0..below(15) {
            let at = below(count);
            poll(&mut readers[at], &mut got[at])?;
        }
        let mut entries = vec![None; count];
        while entries.contains(&None) {
            let at = below(count);
            if entries[at].is_none() && below(3) == 0 {
                entries[at] = Some(readers[at].snapshot(CheckpointId(attempt))?);
                kept.append(std::mem::take(&mut got[at]));
            } else {
                poll(&mut readers[at], &mut got[at])?;
            }
        }
        restored = entries.into_iter().collect();
    }
    let start = SourceStart { parallelism: 2, restored, ..template.clone() };
    kept.append(drain(&mut source.start(&start)?)?);
    Ok(kept)
}

fn poll(reader: &mut Box<dyn Source>, got: &mut Got) -> Result<()> {
    if let SourcePoll::Rows { rows, rejected } = reader.poll()? {
        got.batches.push(rows);
        got.rejected.extend(rejected.into_iter().map(|(_, row)| row));
    }
    Ok(())
}
