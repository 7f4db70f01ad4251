//! One record after another: any record.

use arrow_schema::SchemaRef;

use super::super::super::column::{Column, Kind, expectation, missing_value};
use super::super::super::lines::{Extent, Lines, without_line_end};
use super::super::super::time::MinuteCache;
use super::super::super::{DecoderRequest, json, options, scan};
use super::super::cells::{self, Dialect, QUOTE};
use super::super::places::Plain;
use crate::types::{Error, Field, LogicalType, Result};

pub(super) const UNREAD: usize = usize::MAX;

/// Decodes comma-separated values.
#[derive(Debug)]
pub struct CsvDecoder {
    pub(super) arrow: SchemaRef,
    /// All column names, for the header.
    pub(super) names: Vec<String>,
    /// The column that each cell goes to, or [`UNREAD`].
    pub(super) targets: Vec<usize>,
    pub(super) fields: Vec<Field>,
    pub(super) columns: Vec<Column>,
    pub(super) any_not_null: bool,
    pub(super) dialect: Dialect,
    /// The first record may be a header still.
    pub(super) header_ahead: bool,
    /// The null literal could be taken for a number, so no cell is converted before it was compared.
    pub(super) careful: bool,
    pub(super) plain: Plain,
    pub(super) misfit: Option<String>,
    pub(super) minute: MinuteCache,
    pub(super) scratch: Vec<u8>,
    pub(super) rows: usize,
    pub(super) lines: Lines,
}

/// Goes through the marks of the bytes.
pub(super) struct Cursor {
    base: usize,
    /// Marks of the block at `base` that were not passed yet.
    ends: u64,
    /// Bytes beyond ASCII in the blocks seen since this was last reset.
    high: bool,
    block_high: bool,
    delimiter: u8,
}

impl Cursor {
    pub(super) fn at(bytes: &[u8], pos: usize, delimiter: u8) -> Self {
        let mut cursor = Self { base: pos, ends: 0, high: false, block_high: false, delimiter };
        cursor.load(bytes);
        cursor
    }

    #[inline]
    fn load(&mut self, bytes: &[u8]) {
        let rest = bytes.get(self.base..).unwrap_or_default();
        let marks = if let Some(block) = rest.first_chunk::<64>() {
            scan::cell_marks(block, self.delimiter, QUOTE)
        } else {
            let mut block = [0; 64];
            block[..rest.len()].copy_from_slice(rest);
            let mut marks = scan::cell_marks(&block, self.delimiter, QUOTE);
            // A delimiter of NUL would be found in the padding.
            marks.ends &= (1_u64 << rest.len()) - 1;
            marks
        };
        self.ends = marks.ends;
        self.block_high = marks.high;
        self.high |= marks.high;
    }

    /// The position of the next delimiter, quote or line feed, or the end of the bytes.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
    fn next(&mut self, bytes: &[u8]) -> usize {
        while self.ends == 0 {
            self.base += 64;
            if self.base >= bytes.len() {
                self.base = bytes.len();
                return bytes.len();
            }
            self.load(bytes);
        }
        let at = self.base + self.ends.trailing_zeros() as usize;
        self.ends &= self.ends - 1;
        at
    }
}

/// A cell's place.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) quoted: bool,
    /// Quotes are doubled in it.
    pub(super) escaped: bool,
}

/// The record's structure is broken; where, and what is wrong.
pub(super) struct Broken {
    pub(super) at: usize,
    pub(super) message: &'static str,
}

impl CsvDecoder {
    /// A decoder of the projected columns.
    ///
    /// # Errors
    /// When an option does not fit, told by its name.
    pub fn new(request: &DecoderRequest<'_>) -> Result<Self, String> {
        let dialect = Dialect::new(request.options)?;
        let record_bytes_max = options::record_bytes_max(request.options)?;
        let schema = request.schema.project(request.projection);
        let mut targets = vec![UNREAD; request.schema.len()];
        for (target, &cell) in request.projection.iter().enumerate() {
            if let Some(slot) = targets.get_mut(cell) {
                *slot = target;
            }
        }
        Ok(Self {
            arrow: schema.arrow().clone(),
            names: request.schema.names().map(str::to_owned).collect(),
            targets,
            fields: schema.fields().to_vec(),
            columns: schema.fields().iter().map(|field| Column::new(&field.ty)).collect(),
            any_not_null: schema.fields().iter().any(|field| !field.nullable),
            header_ahead: request.at_file_start && dialect.header != Some(false),
            careful: dialect.null_literal.iter().any(u8::is_ascii_digit),
            dialect,
            plain: Plain::default(),
            misfit: None,
            minute: MinuteCache::default(),
            scratch: Vec::new(),
            rows: 0,
            lines: Lines::new(record_bytes_max),
        })
    }

    /// Reads the record at `start` as one more row; returns the position behind its line end, `None` when the bytes end
    /// before it does.
    #[inline]
    pub(super) fn record(
        &mut self,
        bytes: &[u8],
        start: usize,
        at_end: bool,
        cursor: &mut Cursor,
    ) -> Result<Option<usize>, Broken> {
        cursor.high = cursor.block_high;
        let mut number = 0;
        let mut cell_start = start;
        let next = loop {
            let mut end = cursor.next(bytes);
            let mut cell = Cell { start: cell_start, end, quoted: false, escaped: false };
            if bytes.get(end) == Some(&QUOTE) {
                if end == cell_start {
                    (cell, end) = self.quoted_cell(bytes, cell_start, cursor)?;
                } else {
                    // Inside an unquoted cell a quote is a character like any other.
                    while bytes.get(end) == Some(&QUOTE) {
                        end = cursor.next(bytes);
                    }
                    cell.end = end;
                }
            }
            let last = bytes.get(end) != Some(&self.dialect.delimiter);
            if last {
                if end >= bytes.len() && !at_end {
                    return Ok(None);
                }
                if !cell.quoted && cell.end > cell.start && bytes[cell.end - 1] == b'\r' {
                    cell.end -= 1;
                }
                if number == 0 && cell.start == cell.end && !cell.quoted && self.targets.len() != 1 {
                    return Ok(Some(end + 1));
                }
            }
            if let Some(&target) = self.targets.get(number)
                && target != UNREAD
            {
                self.take(bytes, cell, target);
            }
            number += 1;
            if last {
                break end + 1;
            }
            cell_start = end + 1;
        };
        self.rows += 1;
        let doubtful = number != self.targets.len()
            || cursor.high
            || self.misfit.is_some()
            || self.any_not_null
            || self.lines.is_too_long(next - start);
        if doubtful {
            self.check_row(bytes, start, next, number);
        }
        Ok(Some(next))
    }

    /// The cell whose opening quote stands at `start`, and the position of the delimiter or line end behind it.
    fn quoted_cell(&self, bytes: &[u8], start: usize, cursor: &mut Cursor) -> Result<(Cell, usize), Broken> {
        let mut escaped = false;
        let close = loop {
            let at = cursor.next(bytes);
            match bytes.get(at) {
                None => return Err(Broken { at, message: "a quote is still open at the end of the file" }),
                Some(&QUOTE) if bytes.get(at + 1) == Some(&QUOTE) => {
                    escaped = true;
                    cursor.next(bytes);
                }
                Some(&QUOTE) => break at,
                Some(b'\n') if !self.dialect.multiline => {
                    return Err(Broken { at, message: "a quote is still open at the end of the line" });
                }
                Some(_) => {}
            }
        };
        let cell = Cell { start: start + 1, end: close, quoted: true, escaped };
        let behind = cursor.next(bytes);
        let returned =
            behind == close + 2 && bytes[close + 1] == b'\r' && matches!(bytes.get(behind), None | Some(b'\n'));
        if behind == close + 1 || returned {
            Ok((cell, behind))
        } else {
            Err(Broken { at: close + 1, message: "text stands behind a closing quote" })
        }
    }

    /// Converts a cell into its column: exactly one value is pushed, a null where it does not fit.
    #[inline]
    pub(super) fn take(&mut self, bytes: &[u8], cell: Cell, target: usize) {
        let column = &mut self.columns[target];
        if !self.careful {
            match column.kind() {
                Kind::BigInt => {
                    if let Some(value) = scan::cell_integer(bytes, cell.start, cell.end) {
                        return column.push_i64(value);
                    }
                }
                Kind::Timestamp => {
                    if let Some((ms, end)) = self.minute.timestamp_at(bytes, cell.start)
                        && end == cell.end
                    {
                        return column.push_i64(ms);
                    }
                }
                Kind::String | Kind::Other => {}
            }
        }
        let content = &bytes[cell.start..cell.end];
        // The empty text, and the base64 of no bytes, are values; of other types nothing is none.
        let has_empty = matches!(column.ty(), LogicalType::String | LogicalType::Bytes);
        if cell.quoted {
            if content.is_empty() && !has_empty {
                column.push_null();
            } else if cell.escaped {
                self.scratch.clear();
                cells::undouble(content, &mut self.scratch);
                self.convert(target, true, content);
            } else {
                self.convert(target, false, content);
            }
        } else if content == self.dialect.null_literal {
            column.push_null();
        } else {
            self.convert(target, false, content);
        }
    }

    fn convert(&mut self, target: usize, from_scratch: bool, content: &[u8]) {
        let text = if from_scratch { self.scratch.as_slice() } else { content };
        let column = &mut self.columns[target];
        // What has no text form of its own is JSON in a cell.
        let nested = matches!(column.ty(), LogicalType::Array(_) | LogicalType::Map(..) | LogicalType::Row(_));
        let fits = if nested { json::push_json(text, column) } else { column.push_text(text) };
        if fits.is_none() {
            column.push_null();
            if self.misfit.is_none() {
                let expected = expectation(column.ty(), text);
                self.misfit = Some(format!("column {}: {expected}", self.fields[target].name));
            }
        }
    }

    /// Takes the row just read back when it must not stand.
    #[cold]
    fn check_row(&mut self, bytes: &[u8], start: usize, next: usize, cells: usize) {
        let row = self.rows - 1;
        let record = without_line_end(&bytes[start..next.min(bytes.len())]);
        let message = if self.lines.is_too_long(record.len()) {
            Some(self.lines.too_long())
        } else if let Err(error) = simdutf8::compat::from_utf8(record) {
            Some(format!("not UTF-8 at byte {}", error.valid_up_to() + 1))
        } else if cells != self.targets.len() {
            Some(format!("expected {} columns, found {cells}", self.targets.len()))
        } else if self.misfit.is_some() {
            self.misfit.take()
        } else {
            missing_value(&self.fields, &self.columns, row)
        };
        if let Some(message) = message {
            self.undo_to(row);
            self.lines.reject(start, record, message, row);
        }
    }

    pub(super) fn undo_to(&mut self, rows: usize) {
        self.rows = rows;
        self.misfit = None;
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
    }

    /// Refuses the broken record at `start`; returns the position behind it, or `None` when it may only be cut short by
    /// the end of the bytes.
    #[cold]
    pub(super) fn refuse(&mut self, bytes: &[u8], start: usize, broken: &Broken, at_end: bool) -> Option<usize> {
        if broken.at >= bytes.len() && !at_end {
            return None;
        }
        let Extent::Whole { end, next } = Lines::extent(bytes, start, broken.at, at_end) else { return None };
        let message = if self.lines.is_too_long(end - start) {
            self.lines.too_long()
        } else {
            format!("not CSV at byte {}: {}", broken.at - start + 1, broken.message)
        };
        self.lines.reject(start, &bytes[start..end], message, self.rows);
        Some(next)
    }

    /// Passes over the header if the record at `pos` is one; `None` when its end has not come yet.
    pub(super) fn header(&mut self, bytes: &[u8], pos: usize, at_end: bool) -> Result<Option<usize>> {
        let Extent::Whole { end, next } = Lines::extent(bytes, pos, pos, at_end) else {
            return Ok(None);
        };
        self.header_ahead = false;
        let cells = cells::split(&bytes[pos..end], self.dialect.delimiter);
        let found: Vec<&str> = cells.iter().flatten().map(|cell| cell.text.trim()).collect();
        let same = found.len() == self.names.len()
            && found.iter().zip(&self.names).all(|(found, name)| found.eq_ignore_ascii_case(name));
        if same {
            return Ok(Some(next));
        }
        if self.dialect.header != Some(true) {
            return Ok(Some(pos));
        }
        let permuted = found.len() == self.names.len()
            && self.names.iter().all(|name| found.iter().any(|found| found.eq_ignore_ascii_case(name)));
        if permuted {
            return Err(Error::config(format!(
                "the header has the columns in the order ({}), the source in the order ({}): declare them in the order of the header",
                found.join(", "),
                self.names.join(", ")
            )));
        }
        Ok(Some(next))
    }
}
