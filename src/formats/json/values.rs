//! JSON values into columns, as Flink's `json` format converts them.

use super::super::column::{Column, Kind, expectation};
use super::super::scan;
use super::super::time::MinuteCache;
use super::syntax::{Broken, Parser, Text, space, unescape};
use crate::types::LogicalType;

/// A value that is no value of its column.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// The path of the value below the column: `.city[2]`.
    pub(super) path: String,
    pub(super) message: String,
}

/// Reads values of a record; remembers the first that did not fit, so that the rest of the record is still checked.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) parser: Parser,
    pub(super) misfit: Option<Misfit>,
    pub(super) minute: MinuteCache,
    scratch: Vec<u8>,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { parser: Parser::new(), misfit: None, minute: MinuteCache::default(), scratch: Vec::new() }
    }

    /// Checks the value at `pos` that nobody reads.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
    pub(super) fn skip(&mut self, bytes: &[u8], pos: usize) -> Result<usize, Broken> {
        if bytes.get(pos) == Some(&b'"') {
            let stop = scan::string_stop(bytes, pos + 1);
            if bytes.get(stop) == Some(&b'"') {
                return Ok(stop + 1);
            }
        } else if let Some((_, end)) = scan::small_integer(bytes, pos) {
            return Ok(end);
        }
        self.skip_any(bytes, pos)
    }

    #[cold]
    fn skip_any(&mut self, bytes: &[u8], pos: usize) -> Result<usize, Broken> {
        // More spaces may stand here than the record before had.
        self.parser.skip(bytes, space(bytes, pos), 1)
    }

    /// Reads the value at `pos` into `column` when it is what most values of such a column are, and pushes nothing
    /// otherwise.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
    pub(super) fn read_plain(&mut self, bytes: &[u8], pos: usize, column: &mut Column) -> Option<usize> {
        match column.kind() {
            Kind::BigInt => {
                let (value, end) = scan::small_integer(bytes, pos)?;
                column.push_i64(value);
                Some(end)
            }
            Kind::Timestamp => {
                if bytes.get(pos) != Some(&b'"') {
                    return None;
                }
                let (ms, end) = self.minute.timestamp_at(bytes, pos + 1)?;
                if bytes.get(end) != Some(&b'"') {
                    return None;
                }
                column.push_i64(ms);
                Some(end + 1)
            }
            Kind::String => {
                if bytes.get(pos) != Some(&b'"') {
                    return None;
                }
                let stop = scan::string_stop(bytes, pos + 1);
                if bytes.get(stop) != Some(&b'"') {
                    return None;
                }
                column.push_str(&bytes[pos + 1..stop]);
                Some(stop + 1)
            }
            Kind::Other => None,
        }
    }

    /// Reads the value at `pos` into `column`: exactly one value is pushed, a null where it does not fit.
    pub(super) fn read(&mut self, bytes: &[u8], pos: usize, column: &mut Column) -> Result<usize, Broken> {
        self.general(bytes, space(bytes, pos), column, 1)
    }

    fn general(&mut self, bytes: &[u8], pos: usize, column: &mut Column, depth: u32) -> Result<usize, Broken> {
        match bytes.get(pos) {
            Some(b'"') => {
                let text = self.parser.string(bytes, pos)?;
                let next = text.end + 1;
                self.with_content(bytes, text, |reader, content| {
                    if column.push_text(content).is_none() {
                        reader.refuse(column, content);
                    }
                });
                Ok(next)
            }
            Some(b'-' | b'0'..=b'9') => {
                let next = self.parser.number(bytes, pos)?;
                if column.push_number(&bytes[pos..next]).is_none() {
                    self.refuse(column, &bytes[pos..next]);
                }
                Ok(next)
            }
            Some(b't') => self.truth(bytes, pos, column, true),
            Some(b'f') => self.truth(bytes, pos, column, false),
            Some(b'n') => {
                let next = self.parser.word(bytes, pos, "null")?;
                column.push_null();
                Ok(next)
            }
            Some(b'{') if matches!(column.ty(), LogicalType::Row(_)) => self.row(bytes, pos, column, depth),
            Some(b'{') if matches!(column.ty(), LogicalType::Map(..)) => self.map(bytes, pos, column, depth),
            Some(b'[') if matches!(column.ty(), LogicalType::Array(_)) => self.array(bytes, pos, column, depth),
            _ => {
                let next = self.parser.skip(bytes, pos, depth)?;
                if matches!(column.ty(), LogicalType::String) {
                    self.scratch.clear();
                    compact(&bytes[pos..next], &mut self.scratch);
                    column.push_str(&self.scratch);
                } else {
                    self.refuse(column, &bytes[pos..next]);
                }
                Ok(next)
            }
        }
    }

    fn truth(&mut self, bytes: &[u8], pos: usize, column: &mut Column, value: bool) -> Result<usize, Broken> {
        let next = self.parser.word(bytes, pos, if value { "true" } else { "false" })?;
        if column.push_boolean(value).is_none() {
            self.refuse(column, &bytes[pos..next]);
        }
        Ok(next)
    }

    fn array(&mut self, bytes: &[u8], pos: usize, column: &mut Column, depth: u32) -> Result<usize, Broken> {
        let mut count = 0;
        let next = self.members(bytes, pos, depth, |reader, bytes, pos| {
            let Some(items) = column.items() else { return reader.parser.skip(bytes, pos, depth + 1) };
            let next = reader.nested(bytes, pos, items, depth, || format!("[{count}]"))?;
            count += 1;
            Ok(next)
        })?;
        column.end_nested();
        Ok(next)
    }

    fn row(&mut self, bytes: &[u8], pos: usize, column: &mut Column, depth: u32) -> Result<usize, Broken> {
        let row = column.len();
        let next = self.members(bytes, pos, depth, |reader, bytes, pos| {
            let (key, value) = reader.parser.key(bytes, pos)?;
            let mut at = None;
            reader.with_content(bytes, key, |_, key| at = column.field_named(key));
            let Some((name, field)) = at.and_then(|at| column.field(at)) else {
                return reader.parser.skip(bytes, value, depth + 1);
            };
            // The last of several fields of one name counts.
            field.truncate(row);
            reader.nested(bytes, value, field, depth, || format!(".{name}"))
        })?;
        column.end_nested();
        Ok(next)
    }

    /// A map's entries are found first and read afterwards, because of several with one key the last one counts.
    fn map(&mut self, bytes: &[u8], pos: usize, column: &mut Column, depth: u32) -> Result<usize, Broken> {
        let mut places: hashbrown::HashMap<Vec<u8>, usize> = hashbrown::HashMap::new();
        let mut entries: Vec<(Vec<u8>, usize)> = Vec::new();
        let next = self.members(bytes, pos, depth, |reader, bytes, pos| {
            let (key, value) = reader.parser.key(bytes, pos)?;
            let mut content = Vec::new();
            reader.with_content(bytes, key, |_, key| content.extend_from_slice(key));
            if let Some(&place) = places.get(&content) {
                entries[place].1 = value;
            } else {
                places.insert(content.clone(), entries.len());
                entries.push((content, value));
            }
            reader.parser.skip(bytes, value, depth + 1)
        })?;
        if let Some((keys, values)) = column.entries() {
            for (key, value) in entries {
                if keys.push_text(&key).is_none() {
                    self.refuse(keys, &key);
                }
                self.nested(bytes, value, values, depth, || format!("['{}']", String::from_utf8_lossy(&key)))?;
            }
        }
        column.end_nested();
        Ok(next)
    }

    fn nested(
        &mut self,
        bytes: &[u8],
        pos: usize,
        column: &mut Column,
        depth: u32,
        step: impl Fn() -> String,
    ) -> Result<usize, Broken> {
        let before = self.misfit.take();
        let next = self.general(bytes, pos, column, depth + 1)?;
        self.misfit = before.or_else(|| {
            self.misfit.take().map(|misfit| Misfit { path: format!("{}{}", step(), misfit.path), ..misfit })
        });
        Ok(next)
    }

    fn members(
        &mut self,
        bytes: &[u8],
        pos: usize,
        depth: u32,
        mut member: impl FnMut(&mut Self, &[u8], usize) -> Result<usize, Broken>,
    ) -> Result<usize, Broken> {
        // The parser walks while its owner reads: it stands aside for the time of one member.
        let mut walker = std::mem::replace(&mut self.parser, Parser::new());
        let next = walker.members(bytes, pos, depth, |walker, bytes, pos| {
            std::mem::swap(walker, &mut self.parser);
            let next = member(self, bytes, pos);
            std::mem::swap(walker, &mut self.parser);
            next
        });
        self.parser = walker;
        next
    }

    fn with_content(&mut self, bytes: &[u8], text: Text, then: impl FnOnce(&mut Self, &[u8])) {
        let content = &bytes[text.start..text.end];
        if !text.escaped {
            return then(self, content);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        unescape(content, &mut scratch);
        then(self, &scratch);
        self.scratch = scratch;
    }

    #[cold]
    fn refuse(&mut self, column: &mut Column, found: &[u8]) {
        column.push_null();
        if self.misfit.is_none() {
            self.misfit = Some(Misfit { path: String::new(), message: expectation(column.ty(), found) });
        }
    }
}

/// Reads `text`, which is to be one JSON value and nothing else, into `column`; `None`, and nothing pushed, when it is
/// not or does not fit.
pub(in super::super) fn push_json(text: &[u8], column: &mut Column) -> Option<()> {
    let before = column.len();
    let mut reader = Reader::new();
    let done = reader
        .general(text, space(text, 0), column, 1)
        .is_ok_and(|next| space(text, next) == text.len() && reader.misfit.is_none());
    if !done {
        column.truncate(before + 1);
        column.truncate(before);
    }
    done.then_some(())
}

/// Appends a checked value without the spaces between its tokens.
fn compact(value: &[u8], out: &mut Vec<u8>) {
    let mut in_string = false;
    let mut escaped = false;
    for &byte in value {
        if !in_string && matches!(byte, b' ' | b'\t' | b'\r') {
            continue;
        }
        out.push(byte);
        if escaped {
            escaped = false;
        } else if byte == b'\\' {
            escaped = in_string;
        } else if byte == b'"' {
            in_string = !in_string;
        }
    }
}
