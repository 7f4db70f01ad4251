//! Rows for the person at the terminal, or for the next program in the pipe.

use std::io::{self, IsTerminal, Write};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::api::ResultSink;
use crate::formats::encoder;
use crate::types::{Batch, Error, Result, RowKind, Schema, printable};

/// How rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Aligned columns.
    Table,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated, with a header line.
    Csv,
    /// One column a line.
    Vertical,
    /// As Flink prints a changelog: `+I[1001, 5]`.
    Changelog,
}

impl Mode {
    /// Every mode by name.
    pub const NAMES: &'static [&'static str] = &["table", "ndjson", "csv", "vertical", "changelog"];

    /// What suits standard output: a table for a person, NDJSON for a program.
    #[must_use]
    pub fn default_for_stdout() -> Self {
        if io::stdout().is_terminal() { Self::Table } else { Self::Ndjson }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "table" => Ok(Self::Table),
            "ndjson" | "json" => Ok(Self::Ndjson),
            "csv" => Ok(Self::Csv),
            "vertical" => Ok(Self::Vertical),
            "changelog" => Ok(Self::Changelog),
            other => Err(format!("`{other}` is no output mode; there are {}", Self::NAMES.join(", "))),
        }
    }
}

/// Writes rows to standard output in the current mode.
#[derive(Debug)]
pub(super) struct RowPrinter {
    state: Mutex<State>,
    hidden: AtomicBool,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    /// The columns that the last header showed: another schema needs another header.
    shown: Option<Schema>,
    widths: Vec<usize>,
    rows: u64,
}

impl RowPrinter {
    /// A printer in this mode.
    #[must_use]
    pub(super) const fn new(mode: Mode) -> Self {
        let state = State { mode, shown: None, widths: Vec::new(), rows: 0 };
        Self { state: Mutex::new(state), hidden: AtomicBool::new(false) }
    }

    /// Shows rows in this mode from now on.
    pub(super) fn set_mode(&self, mode: Mode) {
        let mut state = self.lock();
        state.mode = mode;
        state.shown = None;
    }

    /// How rows are shown.
    pub(super) fn mode(&self) -> Mode {
        self.lock().mode
    }

    /// Shows no rows while the screen belongs to the dashboard, which shows them itself.
    pub(super) fn hide(&self, hidden: bool) {
        self.hidden.store(hidden, Ordering::SeqCst);
    }

    /// Rows as they would be shown.
    pub(super) fn text(&self, batch: &Batch) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        self.lock().write(batch, &mut text)?;
        Ok(text)
    }

    /// The next rows begin a new result: header first. Returns how many rows the last one had.
    pub(super) fn begin(&self) -> u64 {
        let mut state = self.lock();
        state.shown = None;
        std::mem::take(&mut state.rows)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResultSink for RowPrinter {
    fn rows(&self, _name: &str, batch: &Batch) -> Result<()> {
        if batch.is_empty() || self.hidden.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut state = self.lock();
        let mut text = Vec::new();
        state.write(batch, &mut text)?;
        state.rows += batch.rows() as u64;
        let mut stdout = io::stdout().lock();
        stdout.write_all(&text).and_then(|()| stdout.flush()).map_err(|error| Error::io("standard output", error))
    }
}

impl State {
    fn write(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        let schema = schema_of(batch)?;
        let first = self.shown.as_ref() != Some(&schema);
        if first {
            self.widths.clear();
        }
        match self.mode {
            Mode::Ndjson => encoder("json", &schema, batch.kinds().is_some())?.encode(batch, out)?,
            Mode::Csv => {
                let mut encoder = encoder("csv", &schema, batch.kinds().is_some())?;
                if first {
                    encoder.header(out);
                }
                encoder.encode(batch, out)?;
            }
            Mode::Changelog => changelog(batch, out)?,
            Mode::Vertical => vertical(&schema, batch, out)?,
            Mode::Table => self.table(&schema, batch, first, out)?,
        }
        self.shown = Some(schema);
        Ok(())
    }

    /// One table a batch, the later ones without header and no narrower than the first, so that a stream reads as one
    /// table that grows.
    fn table(&mut self, schema: &Schema, batch: &Batch, first: bool, out: &mut Vec<u8>) -> Result<()> {
        let cells = Cells::new(batch)?;
        let kinds = batch.kinds().is_some();
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        let mut header = if kinds { vec!["op".to_owned()] } else { Vec::new() };
        header.extend(schema.names().map(|name| printable(name).into_owned()));
        self.widths.resize(header.len(), 0);
        let mut rows = Vec::with_capacity(batch.rows());
        for row in 0..batch.rows() {
            let mut line = if kinds { vec![batch.kind(row).short().to_owned()] } else { Vec::new() };
            line.extend((0..schema.len()).map(|column| cells.text(row, column)));
            rows.push(line);
        }
        for line in rows.iter().chain(first.then_some(&header)) {
            for (width, cell) in self.widths.iter_mut().zip(line) {
                *width = (*width).max(unicode_width::UnicodeWidthStr::width(cell.as_str()));
            }
        }
        if first {
            let rule: Vec<String> = self.widths.iter().map(|&width| "─".repeat(width)).collect();
            table.add_row(header);
            table.add_row(rule);
        }
        for line in rows {
            table.add_row(line);
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            let width = u16::try_from(self.widths[index] + 2).unwrap_or(u16::MAX);
            column.set_constraint(comfy_table::ColumnConstraint::Absolute(comfy_table::Width::Fixed(width)));
            let numeric = index.checked_sub(usize::from(kinds)).is_some_and(|i| schema.fields()[i].ty.is_numeric());
            if numeric {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for line in table.lines() {
            out.extend_from_slice(line.trim_end().as_bytes());
            out.push(b'\n');
        }
        Ok(())
    }
}

fn schema_of(batch: &Batch) -> Result<Schema> {
    let fields = batch.columns().schema_ref().fields().iter().map(|field| {
        crate::types::LogicalType::from_arrow(field.data_type())
            .map(|ty| crate::types::Field::new(field.name(), ty))
            .ok_or_else(|| Error::config(format!("column {} has a type that can't be shown", field.name())))
    });
    Ok(Schema::new(fields.collect::<Result<Vec<_>>>()?))
}

fn changelog(batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
    let cells = Cells::new(batch)?;
    for row in 0..batch.rows() {
        out.extend_from_slice(batch.kinds().map_or(RowKind::Insert, |_| batch.kind(row)).short().as_bytes());
        out.push(b'[');
        for column in 0..batch.columns().num_columns() {
            if column > 0 {
                out.extend_from_slice(b", ");
            }
            out.extend_from_slice(cells.text(row, column).as_bytes());
        }
        out.extend_from_slice(b"]\n");
    }
    Ok(())
}

fn vertical(schema: &Schema, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
    let cells = Cells::new(batch)?;
    let width = schema.names().map(unicode_width::UnicodeWidthStr::width).max().unwrap_or(0);
    for row in 0..batch.rows() {
        if batch.kinds().is_some() {
            out.extend_from_slice(format!("{:>width$}: {}\n", "op", batch.kind(row).short()).as_bytes());
        }
        for (column, name) in schema.names().enumerate() {
            out.extend_from_slice(format!("{:>width$}: {}\n", printable(name), cells.text(row, column)).as_bytes());
        }
        out.push(b'\n');
    }
    Ok(())
}

/// The cells of a batch as safe text.
struct Cells<'a> {
    columns: Vec<ArrayFormatter<'a>>,
}

impl<'a> Cells<'a> {
    fn new(batch: &'a Batch) -> Result<Self> {
        let options = FormatOptions::new()
            .with_null("NULL")
            .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.3f"))
            .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.3fZ"))
            .with_time_format(Some("%H:%M:%S%.3f"));
        let columns = batch
            .columns()
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).map_err(Error::from))
            .collect::<Result<_>>()?;
        Ok(Self { columns })
    }

    fn text(&self, row: usize, column: usize) -> String {
        match self.columns[column].value(row).try_to_string() {
            Ok(text) => printable(&text).into_owned(),
            Err(_) => "?".to_owned(),
        }
    }
}
