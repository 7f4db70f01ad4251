//! The first rows of a file that no statement names.

use std::time::Duration;

use arrow_array::RecordBatch;

use super::{Failure, Session};
use crate::api::{Source, SourcePoll, SourceStart};
use crate::plan::{SourceDef, file_source};
use crate::types::Spanned;

/// Between two looks at a pipe that gives nothing.
const LOOK: Duration = Duration::from_millis(10);

/// The first rows of a file.
#[derive(Debug)]
pub struct Sample {
    /// The source that reads it.
    pub source: SourceDef,
    /// The rows, in their order.
    pub rows: Vec<RecordBatch>,
    /// Rows among them that could not be read.
    pub rejected: u64,
    /// Whether there are no more.
    pub whole: bool,
}

impl Sample {
    /// The number of rows.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rows.iter().map(RecordBatch::num_rows).sum()
    }
}

impl Session {
    /// Reads the first `most` rows of the file at `path`.
    ///
    /// # Errors
    /// When it can't be read, or its columns can't be told.
    pub fn sample(&self, path: &Spanned<String>, most: usize) -> Result<Sample, Failure> {
        let source = file_source(&self.environment(), path)?;
        let projection = (0..source.source.schema().len()).collect();
        let (restored, clock) = (None, self.clock());
        let start = SourceStart { parallelism: 1, projection, restored, batch_rows: most.min(8_192), clock };
        let mut readers = source.source.start(&start)?;
        let mut sample = Sample { source, rows: Vec::new(), rejected: 0, whole: false };
        let Some(reader) = readers.first_mut() else { return Ok(sample) };
        self.read(&mut **reader, most, &mut sample)?;
        Ok(sample)
    }

    fn read(&self, reader: &mut dyn Source, most: usize, sample: &mut Sample) -> Result<(), Failure> {
        let mut left = most;
        while left > 0 && !self.is_interrupted() {
            match reader.poll()? {
                SourcePoll::Rows { rows, rejected } => {
                    let taken = rows.num_rows().min(left);
                    left -= taken;
                    sample.rejected += rejected.len() as u64;
                    sample.rows.push(rows.slice(0, taken));
                }
                SourcePoll::Pending(_) => std::thread::park_timeout(LOOK),
                SourcePoll::End => {
                    sample.whole = true;
                    break;
                }
            }
        }
        Ok(())
    }
}
