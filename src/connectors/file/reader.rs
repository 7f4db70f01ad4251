//! One reader of a file source.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::RecordBatch;

use super::buffer::{Filled, ReadBuffer, as_len, as_u64};
use super::discover::InputFile;
use super::fingerprint::{content, content_of_nothing};
use super::format::FileFormat;
use super::lines::LineCounter;
use super::splits::{FileSplit, FileSplits};
use super::stream::ByteStream;
use crate::api::{Rejected, Source, SourcePoll, SourceProgress};
use crate::connectors::dealer::{Deal, Dealer};
use crate::formats::{BadRecord, Decoder};
use crate::types::files::Files;
use crate::types::{CheckpointId, Clock, Error, Result, Schema};

/// Bytes read by one poll that finds no rows before it lets others have a turn.
const POLL_BYTES_MAX: u64 = 8 << 20;
/// The wait for a pipe that gives nothing for now, milliseconds.
const WAIT_MS: i64 = 10;
const BYTE_ORDER_MARK_LEN: usize = "\u{feff}".len();

/// The things that all readers of a source share.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) files: Arc<dyn Files>,
    pub(super) inputs: Arc<[InputFile]>,
    pub(super) format: Arc<dyn FileFormat>,
    pub(super) schema: Schema,
    pub(super) projection: Vec<usize>,
    /// Names the files in a checkpoint.
    pub(super) fingerprint: String,
    /// Something of the content of the first of them.
    pub(super) contents: Arc<[u64]>,
    /// The size of all files together; `None` where it is not known.
    pub(super) bytes: Option<u64>,
    pub(super) record_bytes_max: usize,
    /// Whether the line of a bad record can be told: it is counted by reading the file again.
    pub(super) has_lines: bool,
}

pub(super) struct FileReader {
    input: Arc<Input>,
    dealer: Arc<Dealer<FileSplits>>,
    index: usize,
    clock: Arc<dyn Clock>,
    batch_rows: usize,
    decoder: Box<dyn Decoder>,
    /// Bytes that the decoder has consumed in all.
    decoded: u64,
    /// The decoder has been made for the beginning of a file, or stands inside a record.
    decoder_used: bool,
    buffer: ReadBuffer,
    /// The file that was read last, kept open for its next split.
    open: Option<(usize, ByteStream)>,
    current: Option<Current>,
    /// The file and the end of the split that was read last, when the buffer stands where it ended.
    finished: Option<(usize, u64)>,
    done: u64,
    /// Bytes read by this poll.
    polled: u64,
    lines: LineCounter,
}

/// A split being read.
struct Current {
    split: FileSplit,
    phase: Phase,
    /// The end of the split's last record, once that is in the buffer.
    stop: Option<u64>,
    /// No line end stands between the split's end and here.
    searched: u64,
    /// Bytes that were offered to the decoder in vain: the next offer is twice as many, so that a long record is not
    /// scanned anew with every read.
    tried: usize,
    /// More bytes are needed before the decoder is called again.
    hungry: bool,
    /// Nothing of the file has been decoded yet. What stands first (a mark, a header, a record) is this split's, however
    /// short it is: no line end comes before it.
    owes_first: bool,
}

enum Phase {
    /// Skipping to this offset of a compressed file.
    Discard(u64),
    /// Looking for the first line that begins in the split.
    Align,
    Records,
    /// Passing over the rest of a record that an earlier run has rejected.
    PassOver,
}

enum Step {
    Rows(RecordBatch, Vec<(usize, Rejected)>),
    Finished,
    Again,
    /// There is nothing for now.
    Wait,
}

impl FileReader {
    pub(super) fn new(
        input: Arc<Input>,
        dealer: Arc<Dealer<FileSplits>>,
        index: usize,
        batch_rows: usize,
        clock: Arc<dyn Clock>,
        done: u64,
    ) -> Result<Self> {
        // A decoder refuses a record when it sees that it is longer, its line end not counted.
        let buffer = ReadBuffer::new(input.record_bytes_max.saturating_add("\r\n".len()));
        let decoder = input.format.decoder(&input.schema, &input.projection, false)?;
        Ok(Self {
            input,
            dealer,
            index,
            clock,
            batch_rows: batch_rows.max(1),
            decoder,
            decoded: 0,
            decoder_used: false,
            buffer,
            open: None,
            current: None,
            finished: None,
            done,
            polled: 0,
            lines: LineCounter::default(),
        })
    }

    fn begin(&mut self, split: FileSplit) -> Result<()> {
        let input = Arc::clone(&self.input);
        let Some(file) = input.inputs.get(split.file) else {
            return Err(Error::state("a source's position names a file that the input does not have"));
        };
        let continued = self.finished.take() == Some((split.file, split.start)) && split.at.is_none();
        if file.compression.is_some() || self.open.as_ref().is_none_or(|(open, _)| *open != split.file) {
            let failed = |error| Error::io(&file.path, error);
            let stream = file.open(&*self.input.files, 0).map_err(failed)?;
            let now = stream.info().map_err(failed)?;
            if now.id != file.info.id {
                let what = "was replaced by another file while it was read".to_owned();
                return Err(Error::Changed { path: file.path.clone(), what });
            }
            self.open = Some((split.file, stream));
            self.check_unchanged(split.file)?;
        }
        let at_file_start = split.start == 0 && split.at.is_none();
        let behind = if split.mid_record { Phase::PassOver } else { Phase::Records };
        let phase = if file.compression.is_some() {
            self.buffer.reset(0);
            split.at.map_or(behind, Phase::Discard)
        } else if continued {
            Phase::Records
        } else {
            let from = split.at.unwrap_or(split.start.saturating_sub(1));
            self.buffer.reset(from);
            if let Some((_, stream)) = &mut self.open {
                stream.seek(from);
            }
            match split.at {
                Some(_) => behind,
                None if at_file_start => Phase::Records,
                None => Phase::Align,
            }
        };
        if at_file_start || self.decoder_used && !continued {
            let Input { format, schema, projection, .. } = &*input;
            self.decoder = format.decoder(schema, projection, at_file_start)?;
            self.decoded = 0;
            self.decoder_used = at_file_start;
        }
        self.current =
            Some(Current { split, phase, stop: None, searched: 0, tried: 0, hungry: false, owes_first: false });
        Ok(())
    }

    /// Refuses a file that is not what it was when the input was put together. One that grew is read as far as it went
    /// then (and to the end of the record there), unless it begins or ended otherwise.
    fn check_unchanged(&mut self, file: usize) -> Result<()> {
        let (Some((_, stream)), Some(input)) = (&mut self.open, self.input.inputs.get(file)) else { return Ok(()) };
        let failed = |error| Error::io(&input.path, error);
        let now = stream.info().map_err(failed)?;
        let then = &input.info;
        let what = match now.len.cmp(&then.len) {
            Ordering::Less => format!("was truncated while it was read: from {} to {} bytes", then.len, now.len),
            Ordering::Equal if now.modified_ns == then.modified_ns => return Ok(()),
            Ordering::Greater => match self.input.contents.get(file) {
                Some(begun) if content(stream.file(), then.len).map_err(failed)? != *begun => {
                    format!("was rewritten while it was read: from {} to {} bytes", then.len, now.len)
                }
                Some(_) | None => return Ok(()),
            },
            Ordering::Equal => "was rewritten while it was read".to_owned(),
        };
        Err(Error::Changed { path: input.path.clone(), what })
    }

    fn fill(&mut self, file: usize) -> Result<Filled> {
        let Some((_, stream)) = &mut self.open else { return Ok(Filled::End) };
        let before = self.buffer.end();
        let filled = self.buffer.fill(stream).map_err(|error| {
            let path = self.input.inputs.get(file).map(|input| input.path.clone()).unwrap_or_default();
            Error::io(path, error)
        })?;
        self.polled += self.buffer.end() - before;
        Ok(filled)
    }

    fn step(&mut self, current: &mut Current) -> Result<Step> {
        match &mut current.phase {
            Phase::Discard(target) => {
                let target = *target;
                let held = self.buffer.end();
                if held < target {
                    self.buffer.consume(self.buffer.bytes().len());
                    match self.fill(current.split.file)? {
                        Filled::End => return Err(self.shorter(current.split.file)),
                        Filled::Nothing => return Ok(Step::Wait),
                        Filled::More | Filled::Full => {}
                    }
                } else {
                    self.buffer.consume(as_len(target - self.buffer.offset()));
                    current.phase = if current.split.mid_record { Phase::PassOver } else { Phase::Records };
                }
                Ok(Step::Again)
            }
            Phase::Align => self.align(current),
            Phase::Records => self.records(current),
            Phase::PassOver => self.pass_over(current),
        }
    }

    fn align(&mut self, current: &mut Current) -> Result<Step> {
        // A line that begins at the split's end is the next split's.
        let last = current.split.end.saturating_sub(1);
        let within = as_len(last.saturating_sub(self.buffer.offset())).min(self.buffer.bytes().len());
        match memchr::memchr(b'\n', &self.buffer.bytes()[..within]) {
            Some(at) => {
                self.buffer.consume(at + 1);
                current.phase = Phase::Records;
            }
            None if self.buffer.end() >= last => return Ok(Step::Finished),
            None => {
                self.buffer.consume(self.buffer.bytes().len());
                match self.fill(current.split.file)? {
                    Filled::End => return Err(self.shorter(current.split.file)),
                    Filled::Nothing => return Ok(Step::Wait),
                    Filled::More | Filled::Full => {}
                }
            }
        }
        Ok(Step::Again)
    }

    fn records(&mut self, current: &mut Current) -> Result<Step> {
        let at = self.buffer.offset();
        if at >= current.split.end && !current.owes_first {
            return self.rows_or(current, Step::Finished);
        }
        self.look_for_stop(current);
        // Without a stop no record begins behind the split's end in what is held.
        let limit = current.stop.unwrap_or_else(|| self.buffer.end());
        let region = as_len(limit.saturating_sub(at));
        if region == 0 && current.stop.is_some() {
            // The end of the file, and no record there.
            return self.rows_or(current, Step::Finished);
        }
        let offered = current.stop.is_some() || (!current.hungry && region >= current.tried * 2 && region > 0);
        if offered {
            return self.decode(current, region);
        }
        current.hungry = false;
        match self.fill(current.split.file)? {
            Filled::End if self.buffer.end() < current.split.end && current.split.end != u64::MAX => {
                Err(self.shorter(current.split.file))
            }
            Filled::More | Filled::End => Ok(Step::Again),
            // A record that was not whole may be now.
            Filled::Nothing | Filled::Full if region > current.tried => self.decode(current, region),
            Filled::Nothing => self.rows_or(current, Step::Wait),
            // A decoder skips what is too long for it, and all of the buffer is.
            Filled::Full => {
                Err(self.at_place(current, "the record is longer than `max_record_bytes` and was not refused"))
            }
        }
    }

    /// Finds where the last record of the split ends: behind the first line end at or after the split's last byte.
    fn look_for_stop(&self, current: &mut Current) {
        if current.stop.is_some() {
            return;
        }
        let end = self.buffer.end();
        if end >= current.split.end {
            let from = self.buffer.offset().max(current.split.end.saturating_sub(1)).max(current.searched);
            let skip = as_len(from - self.buffer.offset()).min(self.buffer.bytes().len());
            if let Some(found) = memchr::memchr(b'\n', &self.buffer.bytes()[skip..]) {
                current.stop = Some(self.buffer.offset() + as_u64(skip + found + 1));
                return;
            }
            current.searched = end;
        }
        if self.buffer.at_end() && (end >= current.split.end || current.split.end == u64::MAX) {
            current.stop = Some(end);
        }
    }

    /// Offers the first `region` bytes of the buffer to the decoder.
    fn decode(&mut self, current: &mut Current, region: usize) -> Result<Step> {
        let bytes = &self.buffer.bytes()[..region];
        let at_end = self.buffer.at_end() && region == self.buffer.bytes().len();
        let consumed = self.decoder.decode(bytes, at_end, self.batch_rows)?;
        self.decoded += as_u64(consumed);
        self.buffer.consume(consumed);
        if consumed > 0 {
            current.tried = 0;
            current.owes_first &= consumed <= BYTE_ORDER_MARK_LEN && consumed < region;
            current.hungry = true;
            self.decoder_used |= self.decoder.mid_record();
            if self.decoder.is_full(self.batch_rows) {
                return self.rows_or(current, Step::Again);
            }
            return Ok(Step::Again);
        }
        current.tried = region;
        // A decoder may also be full of bad records, so it is emptied before its silence means anything.
        let step = self.rows_or(current, Step::Again)?;
        if !matches!(step, Step::Again) || current.stop.is_none() {
            return Ok(step);
        }
        if current.stop == Some(self.buffer.end()) && !self.buffer.at_end() {
            // Whether that is the end of the file, which ends any record, only another read can tell.
            self.fill(current.split.file)?;
            return Ok(Step::Again);
        }
        let message = "the record goes on in the next line: read the file with (multiline = true)";
        Err(self.at_place(current, message))
    }

    fn pass_over(&mut self, current: &mut Current) -> Result<Step> {
        let held = self.buffer.bytes().len();
        let end = memchr::memchr(b'\n', self.buffer.bytes());
        self.buffer.consume(end.map_or(held, |end| end + 1));
        let filled = if end.is_some() { Filled::End } else { self.fill(current.split.file)? };
        match filled {
            Filled::Nothing => return Ok(Step::Wait),
            Filled::End => current.phase = Phase::Records,
            Filled::More | Filled::Full => {}
        }
        Ok(Step::Again)
    }

    /// The rows and bad records that the decoder holds, else `otherwise`.
    fn rows_or(&mut self, current: &Current, otherwise: Step) -> Result<Step> {
        let (rows, rejected) = self.flush(current)?;
        Ok(if rows.num_rows() == 0 && rejected.is_empty() { otherwise } else { Step::Rows(rows, rejected) })
    }

    fn flush(&mut self, current: &Current) -> Result<(RecordBatch, Vec<(usize, Rejected)>)> {
        let (rows, bad) = self.decoder.flush()?;
        // What the decoder has consumed since it was last empty is one piece of the file.
        let (at, decoded) = (self.buffer.offset(), self.decoded);
        let rejected = bad
            .into_iter()
            .map(|bad| {
                let offset = at.saturating_sub(decoded.saturating_sub(bad.offset));
                Ok((bad.before, self.reject(current.split.file, offset, bad)?))
            })
            .collect::<Result<_>>()?;
        Ok((rows, rejected))
    }

    fn reject(&mut self, file: usize, offset: u64, bad: BadRecord) -> Result<Rejected> {
        Ok(Rejected { place: self.place(file, offset)?, row: bad.record, message: bad.message })
    }

    fn place(&mut self, file: usize, offset: u64) -> Result<String> {
        let Some(input) = self.input.inputs.get(file) else { return Ok(String::new()) };
        if !self.input.has_lines {
            return Ok(format!("{}, byte {offset}", input.name));
        }
        let line = self.lines.line(&*self.input.files, file, input, offset);
        Ok(format!("{}:{}", input.name, line.map_err(|error| Error::io(&input.path, error))?))
    }

    fn shorter(&self, file: usize) -> Error {
        let Some(input) = self.input.inputs.get(file) else { return Error::state("a file is missing") };
        Error::Changed {
            path: input.path.clone(),
            what: format!("was truncated while it was read: it no longer has {} bytes", input.info.len),
        }
    }

    fn at_place(&mut self, current: &Current, message: &str) -> Error {
        match self.place(current.split.file, self.buffer.offset()) {
            Err(error) => error,
            Ok(place) => Error::Row { place, message: message.to_owned(), row: String::new() },
        }
    }

    fn finish(&mut self, current: &Current) -> Result<()> {
        let FileSplit { file, start, end, .. } = current.split;
        self.check_unchanged(file)?;
        if end == u64::MAX {
            self.done += self.input.inputs.get(file).map_or(0, |input| input.info.len);
            self.open = None;
        } else {
            self.done += end - start;
            // Only then is it known that the buffer begins with a line.
            let aligned = matches!(current.phase, Phase::Records) && !self.decoder.mid_record();
            self.finished = aligned.then_some((file, end));
        }
        Ok(())
    }

    /// How far a file was read that is no split of an input, with something of its content before that.
    pub(super) fn place_read(&mut self) -> Result<Option<(FileSplit, u64)>> {
        let Some(split) = self.position() else { return Ok(None) };
        let (Some((_, stream)), Some(input)) = (&mut self.open, self.input.inputs.get(split.file)) else {
            return Ok(Some((split, content_of_nothing())));
        };
        let content = content(stream.file(), split.at.unwrap_or(0)).map_err(|error| Error::io(&input.path, error))?;
        Ok(Some((split, content)))
    }

    /// The rest of the split that is being read: where it goes on.
    fn position(&self) -> Option<FileSplit> {
        let current = self.current.as_ref()?;
        let (at, mid_record) = match &current.phase {
            Phase::Discard(target) => (Some(*target), current.split.mid_record),
            Phase::Align => (current.split.at, false),
            Phase::Records if current.owes_first => (None, false),
            Phase::Records => (Some(self.buffer.offset()), self.decoder.mid_record()),
            Phase::PassOver => (Some(self.buffer.offset()), true),
        };
        Some(FileSplit { at, mid_record, ..current.split })
    }
}

impl Source for FileReader {
    fn poll(&mut self) -> Result<SourcePoll> {
        self.polled = 0;
        loop {
            let Some(mut current) = self.current.take() else {
                match self.dealer.deal(self.index) {
                    Deal::Split(split) => self.begin(split)?,
                    Deal::Wait => return Ok(SourcePoll::Pending(Some(self.clock.now_ms().saturating_add(1)))),
                    Deal::End => return Ok(SourcePoll::End),
                }
                continue;
            };
            let mut step = self.step(&mut current)?;
            let finished = matches!(step, Step::Finished);
            if finished {
                self.finish(&current)?;
            }
            if self.polled > POLL_BYTES_MAX && self.decoder.rows() == 0 && !matches!(step, Step::Rows(..)) {
                let (rows, rejected) = self.flush(&current)?;
                step = Step::Rows(rows, rejected);
            }
            if !finished {
                self.current = Some(current);
            }
            match step {
                Step::Rows(rows, rejected) => return Ok(SourcePoll::Rows { rows, rejected }),
                Step::Wait => return Ok(SourcePoll::Pending(Some(self.clock.now_ms().saturating_add(WAIT_MS)))),
                Step::Again | Step::Finished => {}
            }
        }
    }

    fn snapshot(&mut self, checkpoint: CheckpointId) -> Result<Vec<u8>> {
        // No checkpoint holds rows of a file that has become another one.
        if let Some(current) = &self.current {
            self.check_unchanged(current.split.file)?;
        }
        self.dealer.snapshot(self.index, checkpoint, &self.input.fingerprint, self.position())
    }

    fn is_at_end(&self) -> bool {
        self.current.is_none() && self.dealer.has_ended(self.index)
    }

    fn progress(&self) -> SourceProgress {
        let current = match (self.position(), &self.open) {
            (Some(split), Some((_, stream))) if split.end == u64::MAX => stream.file_bytes(),
            (Some(split), _) => split.done(),
            (None, _) => 0,
        };
        SourceProgress { done: self.done + current, total: self.input.bytes }
    }
}

impl Drop for FileReader {
    fn drop(&mut self) {
        self.dealer.end(self.index);
    }
}
