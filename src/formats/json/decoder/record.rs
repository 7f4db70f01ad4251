//! One record after another: any record.

use arrow_schema::SchemaRef;
use hashbrown::HashMap;

use super::super::super::column::{Column, missing_value, quoted};
use super::super::super::lines::{Lines, without_line_end};
use super::super::super::{DecoderRequest, options};
use super::super::layout::{Layout, UNREAD};
use super::super::syntax::{Broken, Parser, Piece, unescape};
use super::super::values::{Misfit, Reader};
use super::under_way::UnderWay;
use crate::types::Field;

/// Decodes newline-delimited JSON.
#[derive(Debug)]
pub struct JsonDecoder {
    pub(super) arrow: SchemaRef,
    pub(super) fields: Vec<Field>,
    pub(super) any_not_null: bool,
    pub(super) columns: Vec<Column>,
    pub(super) targets: HashMap<Box<[u8]>, usize>,
    pub(super) layout: Layout,
    /// Whether the predicted fields are one for each column, besides those that nobody reads.
    pub(super) fills_every_column: bool,
    pub(super) alike: UnderWay,
    pub(super) reader: Reader,
    pub(super) misfits: Vec<(usize, Misfit)>,
    pub(super) rows: usize,
    pub(super) lines: Lines,
}

impl JsonDecoder {
    /// A decoder of the projected columns.
    ///
    /// # Errors
    /// When an option does not fit, told by its name.
    pub fn new(request: &DecoderRequest<'_>) -> Result<Self, String> {
        let record_bytes_max = options::record_bytes_max(request.options)?;
        let schema = request.schema.project(request.projection);
        let fields = schema.fields().to_vec();
        let mut targets = HashMap::new();
        for (target, field) in fields.iter().enumerate() {
            targets.entry(field.name.as_bytes().into()).or_insert(target);
        }
        Ok(Self {
            arrow: schema.arrow().clone(),
            any_not_null: fields.iter().any(|field| !field.nullable),
            columns: fields.iter().map(|field| Column::new(&field.ty)).collect(),
            fields,
            targets,
            layout: Layout::default(),
            fills_every_column: false,
            alike: UnderWay::default(),
            reader: Reader::new(),
            misfits: Vec::new(),
            rows: 0,
            lines: Lines::new(record_bytes_max),
        })
    }

    /// Reads the record at `start`, whose line ends just before `next`, as one more row (or none, when the line is
    /// blank). A record whose values do not fit is refused here, one that is broken by the caller.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called from one place")]
    pub(super) fn record(&mut self, bytes: &[u8], start: usize, next: usize, at_end: bool) -> Result<(), Broken> {
        let row = self.rows;
        let (mut pos, mut step, mut filled, mut missed) = (start, 0, 0, false);
        loop {
            let target;
            if let Some(predicted) = self.layout.follow(step, bytes, pos) {
                (pos, target) = predicted;
                step += 1;
            } else if pos + 2 == next && step > 0 && bytes[pos] == b'}' && step == self.layout.members.len() && !at_end
            {
                break;
            } else {
                match self.reader.parser.piece(bytes, pos, pos == start, at_end)? {
                    Piece::Field(key, value) => {
                        missed = true;
                        (pos, target, step) = self.locate(&bytes[key.start..key.end], key.escaped, value, step);
                    }
                    Piece::End => break,
                    Piece::Blank => return Ok(()),
                }
            }
            if let Some(column) = self.columns.get_mut(target) {
                let plain = if column.len() == row { self.reader.read_plain(bytes, pos, column) } else { None };
                (pos, filled) = match plain {
                    Some(end) => (end, filled + 1),
                    None => self.read(bytes, pos, target, filled)?,
                };
            } else {
                pos = self.reader.skip(bytes, pos)?;
            }
        }
        if missed && self.layout.missed() {
            self.learn(&bytes[start..next]);
        }
        if filled < self.columns.len() {
            self.columns.iter_mut().filter(|column| column.len() == row).for_each(Column::push_null);
        }
        self.rows += 1;
        if self.any_not_null || !self.misfits.is_empty() || self.lines.is_too_long(next - start) {
            self.check_row(bytes, start, next);
        }
        Ok(())
    }

    /// Reads the value at `pos` with all care; returns the position behind it and the number of columns filled.
    #[inline(never)]
    fn read(&mut self, bytes: &[u8], pos: usize, target: usize, filled: usize) -> Result<(usize, usize), Broken> {
        let column = &mut self.columns[target];
        let again = column.len() > self.rows;
        if again {
            // The last of several fields of one name counts.
            column.truncate(self.rows);
            self.misfits.retain(|(of, _)| *of != target);
        }
        let end = self.reader.read(bytes, pos, column)?;
        if let Some(misfit) = self.reader.misfit.take() {
            self.misfits.push((target, misfit));
        }
        Ok((end, filled + usize::from(!again)))
    }

    /// A field's target and the step behind it in the layout.
    fn locate(&self, key: &[u8], escaped: bool, value: usize, step: usize) -> (usize, usize, usize) {
        let plain;
        let key = if escaped {
            let mut unescaped = Vec::new();
            unescape(key, &mut unescaped);
            plain = unescaped;
            plain.as_slice()
        } else {
            key
        };
        match self.layout.find(key, step) {
            Some(at) => (value, self.layout.members[at].target, at + 1),
            None => (value, self.targets.get(key).copied().unwrap_or(UNREAD), step),
        }
    }

    /// Makes `record`, which was read without fault, the prediction.
    #[cold]
    fn learn(&mut self, record: &[u8]) {
        self.layout.clear();
        let mut parser = Parser::new();
        let mut name = Vec::new();
        let mut pos = 0;
        while let Ok(Piece::Field(key, value)) = parser.piece(record, pos, pos == 0, true) {
            name.clear();
            unescape(&record[key.start..key.end], &mut name);
            let target = self.targets.get(name.as_slice()).copied().unwrap_or(UNREAD);
            self.layout.push(&record[pos..value], &name, target);
            let Ok(next) = parser.skip(record, value, 1) else { break };
            pos = next;
        }
        let mut filled: Vec<usize> =
            self.layout.members.iter().map(|member| member.target).filter(|&target| target != UNREAD).collect();
        filled.sort_unstable();
        self.fills_every_column = filled.into_iter().eq(0..self.columns.len());
    }

    /// Takes the row just read back when it must not stand: it is too long, a value is not of its column, or one is
    /// missing that must not.
    #[cold]
    fn check_row(&mut self, bytes: &[u8], start: usize, next: usize) {
        let row = self.rows - 1;
        let record = without_line_end(&bytes[start..next]);
        let message = if self.lines.is_too_long(record.len()) {
            Some(self.lines.too_long())
        } else if let Some((target, misfit)) = self.misfits.first() {
            Some(format!("column {}{}: {}", self.fields[*target].name, misfit.path, misfit.message))
        } else {
            missing_value(&self.fields, &self.columns, row)
        };
        if let Some(message) = message {
            self.undo_to(row);
            self.lines.reject(start, record, message, row);
        }
    }

    fn undo_to(&mut self, rows: usize) {
        self.rows = rows;
        self.misfits.clear();
        self.reader.misfit = None;
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
    }

    /// Refuses the broken record at `start`, whose line ends just before `next`.
    #[cold]
    pub(super) fn refuse(&mut self, bytes: &[u8], start: usize, next: usize) {
        self.undo_to(self.rows);
        let record = without_line_end(&bytes[start..next]);
        let message = if self.lines.is_too_long(record.len()) {
            self.lines.too_long()
        } else {
            let (at, expected) = (self.reader.parser.at - start, self.reader.parser.expected);
            let found = match record.get(at) {
                Some(&first) => quoted(&record[at..record.len().min(at + character_length(first))]),
                None => "the end of the line".to_owned(),
            };
            format!("not JSON at byte {}: expected {expected}, found {found}", at + 1)
        };
        self.lines.reject(start, record, message, self.rows);
    }
}

fn character_length(first: u8) -> usize {
    match first {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0.. => 4,
        _ => 1,
    }
}
