//! Everything that leaves a chain: its edges, its rejected rows, its counters.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};

use super::exchange::EdgeOutput;
use super::metrics::SubtaskMetrics;
use super::shown::ROW_CHARS;
use crate::api::{OnError, Rejected, dead_letter_schema};
use crate::plan::{Mode, Port};
use crate::types::{Batch, ChannelStatus, Clock, Error, Result, Schema, StreamElement, excerpt};

/// The outputs of one subtask.
#[derive(Debug)]
pub(super) struct Outputs {
    edges: Vec<EdgeOutput>,
    main: Vec<usize>,
    /// By operator of the chain: the edges of its side outputs with their port.
    sides: Vec<Vec<(usize, usize)>>,
    dead_letters: Vec<usize>,
    source_dead_letters: Vec<usize>,
    on_error: OnError,
    dead_letter_schema: Schema,
    idle: bool,
    metrics: Arc<SubtaskMetrics>,
    clock: Arc<dyn Clock>,
    /// Rows of the sink that are still to be shown.
    tap_rows: usize,
    /// Whether event time has no end but that of the input.
    batch: bool,
    closed_from: Option<usize>,
}

impl Outputs {
    /// The outputs of a chain of `operators` operators over `edges`.
    pub(super) fn new(
        edges: Vec<(Port, EdgeOutput)>,
        operators: usize,
        on_error: OnError,
        metrics: Arc<SubtaskMetrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mut outputs = Self {
            edges: Vec::with_capacity(edges.len()),
            main: Vec::new(),
            sides: vec![Vec::new(); operators],
            dead_letters: Vec::new(),
            source_dead_letters: Vec::new(),
            on_error,
            dead_letter_schema: dead_letter_schema(),
            idle: false,
            metrics,
            clock,
            tap_rows: 0,
            batch: false,
            closed_from: None,
        };
        for (index, (port, edge)) in edges.into_iter().enumerate() {
            outputs.edges.push(edge);
            match port {
                Port::Main => outputs.main.push(index),
                Port::Side { operator, port } => outputs.sides[operator].push((port, index)),
                Port::DeadLetter => outputs.dead_letters.push(index),
                Port::SourceDeadLetter => outputs.source_dead_letters.push(index),
            }
        }
        outputs
    }

    /// The same in a job of this mode.
    pub(super) fn in_mode(self, mode: Mode) -> Self {
        Self { batch: mode == Mode::Batch, ..self }
    }

    /// Whether nothing is late: event time stands still until all input has come.
    pub(super) const fn is_batch(&self) -> bool {
        self.batch
    }

    pub(super) fn metrics(&self) -> &SubtaskMetrics {
        &self.metrics
    }

    /// Whether the chain ends in a sink: what its last operator takes counts as written.
    pub(super) fn end_in_sink(&self) -> bool {
        self.main.is_empty()
    }

    /// The next `rows` rows that the sink writes are shown.
    pub(super) const fn open_tap(&mut self, rows: usize) {
        self.tap_rows = rows;
    }

    /// Rows on their way into the sink.
    pub(super) fn tap(&mut self, batch: &Batch) {
        if self.tap_rows > 0 {
            self.metrics.shown().output(batch, self.tap_rows);
            self.tap_rows = self.tap_rows.saturating_sub(batch.rows());
        }
    }

    /// Rows of the main output.
    pub(super) fn main_batch(&mut self, batch: Batch) -> Result<()> {
        if self.main.is_empty() {
            return Ok(());
        }
        self.metrics.add_out(batch.rows(), batch.bytes());
        self.set_idle(false);
        Self::send(&mut self.edges, &self.metrics, self.main.iter().copied(), batch)
    }

    /// A watermark of the last operator; dead letters keep its time.
    pub(super) fn main_watermark(&mut self, watermark: i64) {
        self.metrics.set_watermark(watermark);
        for &edge in self.main.iter().chain(&self.dead_letters).chain(&self.source_dead_letters) {
            self.edges[edge].watermark(watermark);
        }
        self.set_idle(false);
    }

    /// Rows of side output `port` of the operator at `operator`; dropped when nobody reads it.
    pub(super) fn side_batch(&mut self, operator: usize, port: usize, batch: Batch) -> Result<()> {
        if batch.is_empty() || !self.sides[operator].iter().any(|(of, _)| *of == port) {
            return Ok(());
        }
        self.metrics.add_out(batch.rows(), batch.bytes());
        self.set_idle(false);
        let edges = self.sides[operator].iter().filter(|(of, _)| *of == port).map(|(_, edge)| *edge);
        Self::send(&mut self.edges, &self.metrics, edges, batch)
    }

    /// A watermark of the operator at `operator`, for its side outputs.
    pub(super) fn side_watermark(&mut self, operator: usize, watermark: i64) {
        if self.sides[operator].is_empty() {
            return;
        }
        for &(_, edge) in &self.sides[operator] {
            self.edges[edge].watermark(watermark);
        }
        self.set_idle(false);
    }

    /// Gives up rows of an operator, as the vertex says.
    pub(super) fn reject(&mut self, rows: Vec<Rejected>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        match self.dead_letters(self.on_error, rows)? {
            Some(letters) => Self::send(&mut self.edges, &self.metrics, self.dead_letters.iter().copied(), letters),
            None => Ok(()),
        }
    }

    /// Gives up rows of the source, as the source says.
    pub(super) fn reject_read(&mut self, on_error: OnError, rows: Vec<Rejected>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        match self.dead_letters(on_error, rows)? {
            Some(letters) => {
                Self::send(&mut self.edges, &self.metrics, self.source_dead_letters.iter().copied(), letters)
            }
            None => Ok(()),
        }
    }

    /// An error, a count, or a count and the letters to send.
    fn dead_letters(&mut self, on_error: OnError, mut rows: Vec<Rejected>) -> Result<Option<Batch>> {
        self.metrics.shown().rejected(if on_error == OnError::Fail { &rows[..1] } else { &rows }, self.clock.now_ms());
        if on_error == OnError::Fail {
            let first = rows.swap_remove(0);
            let row = excerpt(&first.row, ROW_CHARS);
            return Err(Error::Row { place: first.place, message: first.message, row });
        }
        self.metrics.add_rejected(rows.len());
        if on_error == OnError::Skip {
            return Ok(None);
        }
        let text = |value: &dyn Fn(&Rejected) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(value)))
        };
        let columns = vec![
            text(&|row| row.place.clone()),
            text(&|row| row.message.clone()),
            text(&|row| String::from_utf8_lossy(&row.row).into_owned()),
        ];
        let letters = RecordBatch::try_new(Arc::clone(self.dead_letter_schema.arrow()), columns)?;
        self.set_idle(false);
        Ok(Some(Batch::untimed(letters)))
    }

    /// Tells every reader whether rows are to be expected. Rows and watermarks say so of their own edge alone: an edge that
    /// nothing has come through yet holds no reader's time back.
    pub(super) fn status(&mut self, status: ChannelStatus) {
        self.set_idle(status == ChannelStatus::Idle);
        for edge in &mut self.edges {
            edge.status(status);
        }
    }

    /// A latency marker of this time: handed on, or at its end when the chain ends in a sink.
    pub(super) fn latency_marker(&mut self, since_ns: u64) {
        if self.end_in_sink() {
            self.metrics.shown().latency(self.clock.nanos().saturating_sub(since_ns));
        } else if !self.idle {
            self.control(&StreamElement::LatencyMarker(since_ns));
        }
    }

    /// Sends `element` on every channel of every edge.
    pub(super) fn control(&mut self, element: &StreamElement) {
        for edge in &mut self.edges {
            edge.control(element);
        }
    }

    /// Sends what waits for room; whether nothing waits any more.
    pub(super) fn flush(&mut self) -> bool {
        let mut flushed = true;
        // No edge may be passed over because another is full.
        for edge in &mut self.edges {
            flushed &= edge.flush();
        }
        flushed
    }

    /// Whether nothing waits for room.
    pub(super) fn has_room(&self) -> bool {
        self.edges.iter().all(EdgeOutput::has_room)
    }

    /// Processing time, epoch milliseconds.
    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Whether there are readers and none of them wants anything more.
    pub(super) fn all_closed(&self) -> bool {
        !self.edges.is_empty() && self.edges.iter().all(EdgeOutput::is_closed)
    }

    /// The operator at `operator` wants no more input.
    pub(super) fn close_operator(&mut self, operator: usize) {
        self.closed_from = Some(self.closed_from.map_or(operator, |from| from.min(operator)));
    }

    /// The first operator that wants no more input.
    pub(super) fn closed_from(&self) -> Option<usize> {
        self.closed_from
    }

    /// Whether a side output of an operator before `operator` still has a reader: then those before must go on although
    /// nothing behind them does.
    pub(super) fn side_open_before(&self, operator: usize) -> bool {
        self.sides[..operator].iter().flatten().any(|(_, edge)| !self.edges[*edge].is_closed())
    }

    fn set_idle(&mut self, idle: bool) {
        if self.idle != idle {
            self.idle = idle;
            self.metrics.set_idle(idle);
        }
    }

    fn send(
        edges: &mut [EdgeOutput],
        metrics: &SubtaskMetrics,
        targets: impl Iterator<Item = usize>,
        batch: Batch,
    ) -> Result<()> {
        let mut targets = targets.peekable();
        while let Some(edge) = targets.next() {
            metrics.add_edge_rows(edge, batch.rows());
            if targets.peek().is_none() {
                return edges[edge].batch(batch);
            }
            edges[edge].batch(batch.clone())?;
        }
        Ok(())
    }
}
