//! The events of a benchmark: generated once, kept as files and as columns.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch};

use crate::api::{OptionValue, Options, SourcePoll, SourceRequest, SourceStart};
use crate::formats::{Encoder, encoder};
use crate::types::key_group::mix;
use crate::types::{Batch, Clock, Error, Result, Schema, Span, Spanned};

/// Nexmark's bids: `events` of them, on `keys` auctions spread evenly, or on Nexmark's own when `keys` is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Workload {
    /// The number of bids.
    pub events: u64,
    /// The number of auctions; 0 for Nexmark's own distribution.
    pub keys: u64,
}

/// The columns of the files, in order.
pub(super) const COLUMNS: &str =
    "auction bigint, bidder bigint, price bigint, channel string, url string, date_time timestamp, extra string";

impl Workload {
    /// The file of this workload, written if it is not there yet. `extension` is `ndjson` or `csv`.
    ///
    /// # Errors
    /// When it can't be written.
    pub(super) fn file(&self, directory: &Path, extension: &str, clock: &Arc<dyn Clock>) -> Result<PathBuf> {
        let path = directory.join(format!("lotic-bench-bid-{}-{}.{extension}", self.events, self.keys));
        if path.is_file() {
            return Ok(path);
        }
        let staged = path.with_extension(format!("{extension}.part"));
        let io = |error| Error::io(&staged, error);
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&staged).map_err(io)?);
        let mut written: Option<Box<dyn Encoder>> = None;
        let mut text = Vec::new();
        self.generate("bid", None, clock, |schema, rows| {
            let encoder = if let Some(encoder) = &mut written {
                encoder
            } else {
                let encoder = encoder(if extension == "csv" { "csv" } else { "json" }, schema, false)?;
                encoder.header(&mut text);
                written.insert(encoder)
            };
            encoder.encode(&Batch::untimed(rows), &mut text)?;
            file.write_all(&text).map_err(io)?;
            text.clear();
            Ok(())
        })?;
        file.into_inner().map_err(|error| Error::io(&staged, error.into_error()))?.sync_all().map_err(io)?;
        std::fs::rename(&staged, &path).map_err(io)?;
        Ok(path)
    }

    /// The number columns as batches in memory: auction, bidder, price, `date_time`.
    ///
    /// # Errors
    /// When they can't be generated.
    pub(super) fn batches(&self, clock: &Arc<dyn Clock>) -> Result<(Schema, Vec<RecordBatch>)> {
        self.in_memory("bid", &["auction", "bidder", "price", "date_time"], clock)
    }

    /// The number columns of the auctions of the same time: id, seller, first price, `date_time`.
    ///
    /// # Errors
    /// When they can't be generated.
    pub(super) fn auctions(&self, clock: &Arc<dyn Clock>) -> Result<(Schema, Vec<RecordBatch>)> {
        self.in_memory("auction", &["id", "seller", "initial_bid", "date_time"], clock)
    }

    fn in_memory(&self, kind: &str, wanted: &[&str], clock: &Arc<dyn Clock>) -> Result<(Schema, Vec<RecordBatch>)> {
        let mut batches = Vec::new();
        let mut columns = None;
        self.generate(kind, Some(wanted), clock, |schema, rows| {
            columns.get_or_insert_with(|| schema.clone());
            batches.push(rows);
            Ok(())
        })?;
        Ok((columns.unwrap_or_else(|| Schema::new([])), batches))
    }

    /// Calls `take` with the events of a kind, columns `wanted` or all, a batch at a time.
    fn generate(
        &self,
        kind: &str,
        wanted: Option<&[&str]>,
        clock: &Arc<dyn Clock>,
        mut take: impl FnMut(&Schema, RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let connector = crate::connectors::connectors()
            .iter()
            .find(|connector| connector.name == "nexmark")
            .and_then(|connector| connector.source)
            .ok_or_else(|| Error::config("the nexmark connector is missing"))?;
        let at = Span::default();
        let events = i64::try_from(self.events).map_err(|_| Error::config("too many events"))?;
        let request = SourceRequest {
            name: "bids".into(),
            target: Some(Spanned::new(kind.to_owned(), at)),
            columns: None,
            options: Options::new(vec![
                ("events".into(), Spanned::new(OptionValue::Integer(events), at)),
                ("seed".into(), Spanned::new(OptionValue::Integer(7), at)),
            ]),
            base_dir: PathBuf::new(),
            span: at,
        };
        let source = connector(&request).map_err(Error::config)?;
        let schema = source.schema().clone();
        let projection: Vec<usize> = match wanted {
            None => (0..schema.len()).collect(),
            Some(names) => names.iter().filter_map(|name| schema.index_of(name)).collect(),
        };
        let columns = schema.project(&projection);
        let start = SourceStart {
            parallelism: 1,
            projection,
            restored: None,
            batch_rows: crate::types::DEFAULT_BATCH_ROWS,
            clock: clock.clone(),
        };
        let mut reader = source.start(&start)?.pop().ok_or_else(|| Error::config("nexmark has no reader"))?;
        let mut row = 0;
        loop {
            match reader.poll()? {
                SourcePoll::Rows { rows, .. } => {
                    let rows = if kind == "bid" { self.spread(rows, row)? } else { rows };
                    row += rows.num_rows() as u64;
                    take(&columns, rows)?;
                }
                SourcePoll::Pending(_) => {}
                SourcePoll::End => return Ok(()),
            }
        }
    }

    /// Replaces the auctions, which come first, by evenly spread ones.
    fn spread(&self, rows: RecordBatch, first: u64) -> Result<RecordBatch> {
        if self.keys == 0 {
            return Ok(rows);
        }
        let auctions: Int64Array = (first..first + rows.num_rows() as u64)
            .map(|row| i64::try_from(1_000 + mix(row) % self.keys).unwrap_or(i64::MAX))
            .collect();
        let mut columns = rows.columns().to_vec();
        if let Some(auction) = columns.first_mut() {
            debug_assert_eq!(auction.len(), auctions.len());
            *auction = Arc::new(auctions) as ArrayRef;
        }
        Ok(RecordBatch::try_new(rows.schema(), columns)?)
    }
}
