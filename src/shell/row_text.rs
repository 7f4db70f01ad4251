//! Rows of results as text, in each mode.

mod values;

use values::NULL;
pub(super) use values::{Cells, Look, shown_columns};

use super::cells::{GAP, cut, cut_counted, fit, pad, safe, total, width};
use super::mode::Mode;
use crate::formats::encoder;
use crate::types::{Batch, LogicalType, Result, RowKind, Schema, printable, printable_json};

/// The narrowest that a column of text becomes before rows are shown vertically instead.
const COLUMN_LEAST: usize = 8;

/// A null on a terminal with colours.
const DIM_NULL: &str = "\x1b[2mNULL\x1b[0m";

/// Writes the rows of one result after the other.
#[derive(Debug)]
pub(super) struct RowText {
    mode: Mode,
    look: Look,
    /// The header shown last: other columns need another.
    shown: Option<Shown>,
    rows: u64,
    /// What was remarked of the results since the last began: where two jobs print in turns, each of their tables is new.
    remarked: Vec<Remark>,
}

/// What a person should be told about rows, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remark {
    Vertical,
    Cut,
}

/// The result that is being shown.
#[derive(Debug)]
struct Shown {
    schema: Schema,
    changelog: bool,
    look: Look,
    /// Columns of the terminal that the table has to fit.
    limit: Option<usize>,
    widths: Vec<usize>,
    /// A table that is too wide for its terminal.
    vertical: bool,
}

impl RowText {
    /// Rows in this mode.
    pub(super) const fn new(mode: Mode) -> Self {
        let look = Look { thousands: false, digits: None, zone: None, dim: false };
        Self { mode, look, shown: None, rows: 0, remarked: Vec::new() }
    }

    /// The mode.
    pub(super) const fn mode(&self) -> Mode {
        self.mode
    }

    /// Shows rows in this mode from now on.
    pub(super) fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
        self.shown = None;
    }

    /// How values are shown.
    pub(super) const fn look(&self) -> Look {
        self.look
    }

    /// Shows values so from now on.
    pub(super) fn set_look(&mut self, look: Look) {
        self.look = look;
        self.shown = None;
    }

    /// The next rows begin a new result: header first. Returns how many rows the last one had.
    pub(super) fn begin(&mut self) -> u64 {
        self.shown = None;
        self.remarked.clear();
        std::mem::take(&mut self.rows)
    }

    /// So many rows of this result were shown elsewhere.
    pub(super) const fn count(&mut self, rows: u64) {
        self.rows += rows;
    }

    /// The rows written of this result.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes the rows into `out`: for a terminal of `limit` columns, or as they are for a file. Returns what a person
    /// should be told about them.
    pub(super) fn write(&mut self, batch: &Batch, limit: Option<usize>, out: &mut Vec<u8>) -> Result<Option<String>> {
        let schema = Schema::from_arrow(batch.columns().schema_ref())?;
        let changelog = batch.kinds().is_some();
        let first = self.shown.as_ref().is_none_or(|shown| shown.schema != schema || shown.changelog != changelog);
        self.rows += batch.rows() as u64;
        if matches!(self.mode, Mode::Ndjson | Mode::Csv) {
            let from = out.len();
            encoded(self.mode, &schema, batch, first, out)?;
            if limit.is_some() {
                harmless(self.mode, from, out);
            }
            self.shown = Some(Shown::new(schema, changelog, self.look, limit));
            return Ok(None);
        }
        let mut text = String::new();
        let remark = match self.mode {
            Mode::Ndjson | Mode::Csv => None,
            Mode::Changelog => write_changelog(batch, &mut text).map(|()| None)?,
            Mode::Vertical => write_vertical(&schema, batch, self.look, &mut text).map(|()| None)?,
            Mode::Live | Mode::Table => {
                let shown = match self.shown.take().filter(|_| !first) {
                    Some(shown) => self.shown.insert(shown),
                    None => self.shown.insert(Shown::new(schema, changelog, self.look, limit)),
                };
                shown.write(batch, first, &mut text)?
            }
        };
        out.extend_from_slice(text.as_bytes());
        Ok(remark.filter(|(remark, _)| !self.remarked.contains(remark)).map(|(remark, text)| {
            self.remarked.push(remark);
            text
        }))
    }
}

fn encoded(mode: Mode, schema: &Schema, batch: &Batch, first: bool, out: &mut Vec<u8>) -> Result<()> {
    let format = if mode == Mode::Csv { "csv" } else { "json" };
    let mut encoder = encoder(format, schema, batch.kinds().is_some())?;
    if first && mode == Mode::Csv {
        encoder.header(out);
    }
    encoder.encode(batch, out)
}

/// On a terminal, what drives it is escaped in JSON's own way, or shown in CSV. A file or pipe gets the bytes as they are.
fn harmless(mode: Mode, from: usize, out: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(&out[from..]).into_owned();
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if mode == Mode::Csv {
            shown.push_str(&printable(line));
        } else {
            shown.push_str(&printable_json(line));
        }
        shown.push_str(end);
    }
    out.truncate(from);
    out.extend_from_slice(shown.as_bytes());
}

impl Shown {
    const fn new(schema: Schema, changelog: bool, look: Look, limit: Option<usize>) -> Self {
        Self { schema, changelog, look, limit, widths: Vec::new(), vertical: false }
    }

    /// One table a batch, the later ones without header and no narrower than the first, so that a stream reads as one
    /// table that grows.
    fn write(&mut self, batch: &Batch, first: bool, out: &mut String) -> Result<Option<(Remark, String)>> {
        if self.vertical {
            write_vertical(&self.schema, batch, self.look, out)?;
            return Ok(None);
        }
        let header = self.header();
        let rows = self.rows(batch)?;
        self.widths.resize(header.len(), 0);
        let mut widths = self.widths.clone();
        for line in rows.iter().chain(first.then_some(&header)) {
            for (widest, cell) in widths.iter_mut().zip(line) {
                *widest = (*widest).max(width(cell));
            }
        }
        if let Some(limit) = self.limit
            && !self.fit(&mut widths, &header, limit)
        {
            if first {
                self.vertical = true;
                write_vertical(&self.schema, batch, self.look, out)?;
                let text = format!(
                    "these rows are {} columns wide and the terminal {limit}: shown vertically",
                    total(&widths)
                );
                return Ok(Some((Remark::Vertical, text)));
            }
            // The header stands: later rows may stick out, and no number is cut.
            self.clamp(&mut widths);
        }
        self.widths = widths;
        if first {
            self.line(&header, false, out);
            let rule: Vec<String> = self.widths.iter().map(|&width| "─".repeat(width)).collect();
            self.line(&rule, false, out);
        }
        let mut cuts = 0_u64;
        for line in rows {
            let line: Vec<String> = line
                .into_iter()
                .zip(&self.widths)
                .map(|(cell, &width)| match cut_counted(&cell, width) {
                    Some(shorter) => {
                        cuts += 1;
                        shorter
                    }
                    None => cell,
                })
                .collect();
            self.line(&line, self.look.dim, out);
        }
        let text = "values that end in … were cut to fit the terminal: `.mode vertical` shows them whole";
        Ok((cuts > 0).then(|| (Remark::Cut, text.to_owned())))
    }

    fn header(&self) -> Vec<String> {
        let kind = self.changelog.then(|| "op".to_owned());
        kind.into_iter().chain(self.schema.names().map(|name| safe(name).into_owned())).collect()
    }

    fn rows(&self, batch: &Batch) -> Result<Vec<Vec<String>>> {
        let columns = shown_columns(batch, self.look)?;
        let cells = Cells::new(&columns, self.look)?;
        let row = |row| {
            let kind = self.changelog.then(|| batch.kind(row).short().to_owned());
            kind.into_iter().chain((0..self.schema.len()).map(|column| cells.text(row, column))).collect()
        };
        Ok((0..batch.rows()).map(row).collect())
    }

    /// The type of the column at `index` of the table; none for the kind of change.
    fn ty(&self, index: usize) -> Option<&LogicalType> {
        let index = index.checked_sub(usize::from(self.changelog))?;
        self.schema.fields().get(index).map(|field| &field.ty)
    }

    /// Whether a cut value of the column still says something true: half a number or half a time does not.
    fn may_be_cut(&self, index: usize) -> bool {
        self.ty(index).is_some_and(|ty| {
            matches!(
                ty,
                LogicalType::String
                    | LogicalType::Bytes
                    | LogicalType::Array(..)
                    | LogicalType::Map(..)
                    | LogicalType::Row(..)
            )
        })
    }

    fn fit(&self, widths: &mut [usize], header: &[String], limit: usize) -> bool {
        let least: Vec<usize> = widths
            .iter()
            .zip(header)
            .enumerate()
            .map(
                |(index, (&widest, name))| {
                    if self.may_be_cut(index) { widest.min(width(name).max(COLUMN_LEAST)) } else { widest }
                },
            )
            .collect();
        fit(widths, &least, limit)
    }

    /// Columns that may be cut stay as wide as they were.
    fn clamp(&self, widths: &mut [usize]) {
        for (index, widest) in widths.iter_mut().enumerate() {
            if self.may_be_cut(index) {
                *widest = self.widths[index];
            }
        }
    }

    /// One line; nulls dim if asked: any other cell that reads so is in quotes.
    fn line(&self, cells: &[String], dim: bool, out: &mut String) {
        for (index, (cell, &width)) in cells.iter().zip(&self.widths).enumerate() {
            if index > 0 {
                out.extend(std::iter::repeat_n(' ', GAP));
            }
            let from = out.len();
            pad(out, cell, width, self.ty(index).is_some_and(LogicalType::is_numeric));
            if dim && cell == NULL {
                let at = from + out[from..].find(NULL).unwrap_or(0);
                out.replace_range(at..at + NULL.len(), DIM_NULL);
            }
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
}

fn write_changelog(batch: &Batch, out: &mut String) -> Result<()> {
    let columns = batch.columns().columns();
    let cells = Cells::new(columns, Look::default())?;
    for row in 0..batch.rows() {
        out.push_str(batch.kinds().map_or(RowKind::Insert, |_| batch.kind(row)).short());
        out.push('[');
        for column in 0..batch.columns().num_columns() {
            if column > 0 {
                out.push_str(", ");
            }
            out.push_str(&cells.text(row, column));
        }
        out.push_str("]\n");
    }
    Ok(())
}

/// One column a line, an empty line behind each row; values are whole, a terminal wraps them.
fn write_vertical(schema: &Schema, batch: &Batch, look: Look, out: &mut String) -> Result<()> {
    let columns = shown_columns(batch, look)?;
    let cells = Cells::new(&columns, look)?;
    let names: Vec<String> = schema.names().map(|name| safe(name).into_owned()).collect();
    let op = batch.kinds().is_some().then_some("op");
    let widest = names.iter().map(String::as_str).chain(op).map(width).max().unwrap_or(0);
    for row in 0..batch.rows() {
        let mut line = |name: &str, value: &str| {
            pad(out, name, widest, true);
            out.push_str(": ");
            out.push_str(value);
            out.push('\n');
        };
        if let Some(op) = op {
            line(op, batch.kind(row).short());
        }
        for (column, name) in names.iter().enumerate() {
            match cells.text(row, column) {
                null if look.dim && null == NULL => line(name, DIM_NULL),
                text => line(name, &text),
            }
        }
        out.push('\n');
    }
    Ok(())
}

/// The lines of a table of `rows` that is no wider than `limit`, whatever it holds: its header, a rule, its rows.
pub(super) fn page(schema: &Schema, rows: &[&[String]], limit: usize) -> Vec<String> {
    let mut shown = Shown::new(schema.clone(), false, Look::default(), Some(limit));
    let header = shown.header();
    let mut widths: Vec<usize> = header.iter().map(|name| width(name)).collect();
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(*row) {
            *widest = (*widest).max(width(cell));
        }
    }
    // What sticks out all the same is cut with its line.
    shown.fit(&mut widths, &header, limit);
    shown.widths = widths;
    let rule: Vec<String> = shown.widths.iter().map(|&width| "─".repeat(width)).collect();
    let lines = [&header[..], &rule[..]].into_iter().chain(rows.iter().copied());
    let line = |cells: &[String]| {
        let fitted =
            cells.iter().zip(&shown.widths).map(|(cell, &width)| cut(cell, width).unwrap_or_else(|| cell.clone()));
        let fitted: Vec<String> = fitted.collect();
        let mut line = String::new();
        shown.line(&fitted, false, &mut line);
        line.truncate(line.trim_end_matches('\n').len());
        cut(&line, limit).unwrap_or(line)
    };
    lines.map(line).collect()
}

#[cfg(test)]
mod tests;
