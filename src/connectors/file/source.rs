//! The file source as the plan holds it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::discover::{InputFile, STDIN, Target, discover};
use super::fingerprint::{contents, fingerprint, is_same};
use super::follow::{self, Followed};
use super::format::{self, FileFormat};
use super::pipe::{self, Pipe, PipeFiles};
use super::reader::{FileReader, Input};
use super::splits::{FileSplit, FileSplits};
use super::stream::{Compression, CompressionChoice};
use crate::api::{Bounds, Options, PlannedSource, Source, SourceRequest, SourceStart};
use crate::connectors::dealer::{Dealer, Remaining, remaining};
use crate::connectors::options::{count, place};
use crate::formats::Inferred;
use crate::types::files::{FileInfo, FileKind, Files, OsFiles, claim_stdin};
use crate::types::{Diagnostic, Error, Result, Schema, io_reason};

/// The default of option `split`: small, so that readers stay close together in event time.
const SPLIT_BYTES: u64 = 4 << 20;
/// The default of option `max_record_bytes`: the formats'.
const RECORD_BYTES_MAX: u64 = 64 << 20;
/// The number of bytes of the first file that columns are inferred from.
const SAMPLE_BYTES: u64 = 1 << 20;
/// The number of bytes that the format is told from where no name tells it.
const SNIFFED_BYTES: u64 = 4 << 10;

/// The registry's source factory.
pub(super) fn source(request: &SourceRequest) -> Result<Arc<dyn PlannedSource>, Diagnostic> {
    Ok(Arc::new(FileSource::new(request, Arc::new(OsFiles))?))
}

#[derive(Debug)]
pub(super) struct FileSource {
    files: Arc<dyn Files>,
    target: Target,
    format: Arc<dyn FileFormat>,
    schema: Schema,
    inferred_from: Option<usize>,
    split_bytes: u64,
    record_bytes_max: usize,
    /// The pipe, of a source that is one.
    pipe: Option<PipeSource>,
    follow: bool,
    partitioned: bool,
    /// The inputs that jobs of this process began with, by their fingerprint: a job that is restarted goes on with the
    /// same, and notices what has become another since.
    begun: Mutex<BTreeMap<String, Begun>>,
}

/// The files of an input as they were when a job began with them.
#[derive(Debug, Clone)]
struct Begun {
    inputs: Arc<[InputFile]>,
    contents: Arc<[u64]>,
}

impl FileSource {
    pub(super) fn new(request: &SourceRequest, files: Arc<dyn Files>) -> Result<Self, Diagnostic> {
        let Some(path) = &request.target else {
            return Err(Diagnostic::at(request.span, "the connector `file` needs a path")
                .help("such as `from file 'data.ndjson'`"));
        };
        let options = &request.options;
        let target = Target {
            text: path.node.clone(),
            base_dir: request.base_dir.clone(),
            compression: compression(options, request)?,
        };
        let follow = options.boolean("follow")?.unwrap_or(false);
        let partitioned = options.boolean("partitioned")?.unwrap_or(false);
        let pipe = PipeSource::at(&*files, &target).map_err(|error| error.or_at(path.span))?;
        let inputs = match &pipe {
            Some(pipe) => Arc::new([pipe.input.clone()]),
            None => discovered(&*files, &target, follow && request.columns.is_some())
                .map_err(|message| Diagnostic::at(path.span, message))?,
        };
        if (follow || partitioned) && (pipe.is_some() || inputs.iter().any(|input| input.compression.is_some())) {
            let (option, what) = if follow { ("follow", "followed") } else { ("partitioned", "a partition") };
            let message = format!("a pipe or a compressed file can't be {what}");
            return Err(Diagnostic::at(place(options, option, request.span), message));
        }
        let sample = |most| match &pipe {
            Some(pipe) => pipe.sample(most),
            None => sample(&*files, &inputs, most),
        };
        let format = match options.text("format")? {
            Some(name) => named(name, options, request)?,
            None => by_name_or_content(&inputs, options, &sample).map_err(|error| error.or_at(path.span))?,
        };
        let split_bytes = count(options, "split", 1)?.unwrap_or(SPLIT_BYTES);
        let record_bytes_max = count(options, "max_record_bytes", 1)?.unwrap_or(RECORD_BYTES_MAX);
        let (schema, inferred_from) = if let Some(schema) = &request.columns {
            (schema.clone(), None)
        } else {
            let inferred = infer(&sample, &*format).map_err(|error| error.or_at(path.span))?;
            (inferred.schema, Some(inferred.records))
        };
        // Options and columns that the format can't have are refused here, at their statement, not by the running job.
        let columns: Vec<_> = (0..schema.len()).collect();
        format.decoder(&schema, &columns, false).map_err(|error| Diagnostic::at(request.span, error.to_string()))?;
        Ok(Self {
            files,
            target,
            format,
            schema,
            inferred_from,
            split_bytes,
            record_bytes_max: usize::try_from(record_bytes_max).unwrap_or(usize::MAX),
            pipe,
            follow,
            partitioned,
            begun: Mutex::default(),
        })
    }

    /// The files to read, their fingerprint, and what the readers of `restored` had left of them.
    fn input(&self, restored: Option<&[Vec<u8>]>) -> Result<(Begun, String, Remaining<FileSplit>)> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entries) = restored {
            let found = begun.iter().find_map(|(fingerprint, begun)| {
                let remaining = remaining(entries, fingerprint, is_same).ok()?;
                Some((begun.clone(), fingerprint.clone(), remaining))
            });
            if let Some(found) = found {
                return Ok(found);
            }
        }
        // Looked for again: what the directory holds now is what is read, not what it held when the source was typed.
        let inputs = discover(&*self.files, &self.target).map_err(Error::config)?;
        let contents = contents(&*self.files, &inputs)?;
        let fingerprint = fingerprint(&inputs, &contents);
        let remaining = match restored {
            Some(entries) => remaining(entries, &fingerprint, is_same)?,
            None => Remaining::all(),
        };
        let now = Begun { inputs, contents };
        begun.insert(fingerprint.clone(), now.clone());
        Ok((now, fingerprint, remaining))
    }
}

/// The format that was asked for by name.
pub(super) fn named(name: &str, options: &Options, request: &SourceRequest) -> Result<Arc<dyn FileFormat>, Diagnostic> {
    format::find(name, options)?.ok_or_else(|| {
        Diagnostic::at(place(options, "format", request.span), format!("there is no format '{name}'"))
            .did_you_mean(name, format::names())
    })
}

/// The files of an input; with `may_be_none` a folder or pattern may have none yet.
fn discovered(files: &dyn Files, target: &Target, may_be_none: bool) -> Result<Arc<[InputFile]>, String> {
    let found = discover(files, target);
    let is_folder = |info: FileInfo| info.kind == FileKind::Directory;
    let is_open = || {
        target.text.contains(['*', '?', '['])
            || files.metadata(&target.base_dir.join(&target.text)).is_ok_and(is_folder)
    };
    if found.is_err() && may_be_none && is_open() { Ok(Arc::new([])) } else { found }
}

/// The first bytes of an input, with the name of the file that they are of; `None` when it has none.
type Sampled = Option<(String, Vec<u8>, bool)>;

fn sample(files: &dyn Files, inputs: &[InputFile], most: u64) -> Result<Sampled, Diagnostic> {
    let Some(input) = inputs.iter().find(|input| input.info.len > 0) else { return Ok(None) };
    let unreadable = |error: io::Error| Diagnostic::new(format!("can't read '{}': {}", input.name, io_reason(&error)));
    let (sample, all) = input.sample(files, most).map_err(unreadable)?;
    Ok(Some((input.name.clone(), sample, all)))
}

/// The format of files of these names, or else the one that their content looks like.
fn by_name_or_content(
    inputs: &[InputFile],
    options: &Options,
    sample: &dyn Fn(u64) -> Result<Sampled, Diagnostic>,
) -> Result<Arc<dyn FileFormat>, Diagnostic> {
    let mut format: Option<(Arc<dyn FileFormat>, &InputFile)> = None;
    for input in inputs {
        let known = match input.extension() {
            Some(extension) => format::of_extension(&extension, options)?,
            None => None,
        };
        let known = match known {
            Some(known) => Some(known),
            None => {
                format::of_content(&sample(SNIFFED_BYTES)?.map_or_else(Vec::new, |(_, sample, _)| sample), options)?
            }
        };
        let Some(known) = known else {
            return Err(Diagnostic::new(format!(
                "the format of '{}' can't be told from its name or content",
                input.name
            ))
            .help("say it: with (format = 'json')"));
        };
        match &format {
            None => format = Some((known, input)),
            Some((first, name)) if first.name() != known.name() => {
                return Err(Diagnostic::new(format!(
                    "'{}' is {} and '{}' is {}: files of one source have one format",
                    name.name,
                    first.name(),
                    input.name,
                    known.name()
                )));
            }
            Some(_) => {}
        }
    }
    format.map(|(format, _)| format).ok_or_else(|| {
        Diagnostic::new("there are no files to tell the format from").help("say it: with (format = 'json')")
    })
}

fn infer(sample: &dyn Fn(u64) -> Result<Sampled, Diagnostic>, format: &dyn FileFormat) -> Result<Inferred, Diagnostic> {
    const WAY_OUT: &str = "declare them: columns (id bigint, name string)";
    let Some((name, mut sample, all)) = sample(SAMPLE_BYTES)?.filter(|(_, sample, _)| !sample.is_empty()) else {
        return Err(Diagnostic::new("there is no data to infer columns from").help(WAY_OUT));
    };
    if all && !sample.ends_with(b"\n") {
        // The last line of a file is whole without a line end too.
        sample.push(b'\n');
    } else if let Some(end) = memchr::memrchr(b'\n', &sample) {
        sample.truncate(end + 1);
    }
    if sample.starts_with("\u{feff}".as_bytes()) {
        sample.drain(..3);
    }
    format.infer(&sample).map_err(|error| {
        let help = error.help.clone().unwrap_or_else(|| WAY_OUT.to_owned());
        Diagnostic::new(format!("the columns of '{name}' can't be inferred: {}", error.message)).help(help)
    })
}

const READ_ONCE: &str = "standard input has been read already, and can be read once";

/// A source that is a pipe.
#[derive(Debug)]
struct PipeSource {
    input: InputFile,
    /// The pipe as it is read, from the first look at it on.
    opened: Mutex<Option<Arc<Pipe>>>,
}

impl PipeSource {
    /// The pipe that `target` names, if it does.
    fn at(files: &dyn Files, target: &Target) -> Result<Option<Self>, Diagnostic> {
        let path = target.base_dir.join(&target.text);
        let is_stdin = target.text == STDIN;
        if is_stdin && let Err(whose) = claim_stdin("data") {
            return Err(Diagnostic::new(format!("standard input can't be read: {whose} comes from it"))
                .help("`lotic -c '…'` and `lotic run FILE` leave standard input to the data"));
        }
        let kind = files.metadata(&path).ok().map(|info| info.kind);
        if kind != Some(FileKind::Pipe) && !(is_stdin && kind == Some(FileKind::Special)) {
            return Ok(None);
        }
        let name = if is_stdin { "stdin".to_owned() } else { target.text.clone() };
        Ok(Some(Self { input: pipe::input(path, name), opened: Mutex::default() }))
    }

    fn open(&self) -> io::Result<Arc<Pipe>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipe) = &*opened {
            return Ok(Arc::clone(pipe));
        }
        Ok(Arc::clone(opened.insert(Pipe::open(&self.input.path)?)))
    }

    fn sample(&self, most: u64) -> Result<Sampled, Diagnostic> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let opened = self.open();
        if opened.as_ref().is_ok_and(|pipe| pipe.is_taken()) {
            return Err(Diagnostic::new(READ_ONCE));
        }
        let sampled = opened.and_then(|pipe| pipe.sample(most));
        let (sample, all) = sampled.map_err(|error| {
            Diagnostic::new(format!("can't read '{}': {}", self.input.name, io_reason(&error)))
                .help("declare `columns (…)` and `format = 'json'`, and it is read when somebody writes to it")
        })?;
        Ok(Some((self.input.name.clone(), sample, all)))
    }

    /// The pipe for the one who reads it.
    fn take(&self) -> Result<Arc<Pipe>> {
        let failed = |error| Error::io(&self.input.path, error);
        let pipe = self.open().map_err(failed)?;
        if pipe.take() {
            return Ok(pipe);
        }
        if self.input.path == Path::new(STDIN) {
            return Err(Error::config(READ_ONCE));
        }
        // Whoever writes next writes to a new reader.
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let pipe = self.open().map_err(failed)?;
        pipe.take();
        Ok(pipe)
    }
}

impl FileSource {
    fn start_pipe(&self, source: &PipeSource, start: &SourceStart) -> Result<Vec<Box<dyn Source>>> {
        let name = &source.input.name;
        if start.restored.is_some() {
            return Err(Error::state(format!(
                "{name} is a pipe, and what was read of it is gone: a job that reads one can't be restored"
            )));
        }
        let inputs: Arc<[InputFile]> = Arc::new([source.input.clone()]);
        let all = FileSplit { file: 0, start: 0, end: u64::MAX, at: None, mid_record: false };
        let remaining = Remaining { next: u64::MAX, begun: vec![Some(all)], returned: Vec::new() };
        let splits = FileSplits::new(Arc::clone(&inputs), self.split_bytes, false, u64::MAX);
        let dealer = Arc::new(Dealer::new(splits, remaining, start.parallelism));
        let input = Arc::new(Input {
            files: Arc::new(PipeFiles(source.take()?)),
            inputs,
            format: self.format.clone(),
            schema: self.schema.clone(),
            projection: start.projection.clone(),
            fingerprint: format!("pipe {name}"),
            contents: Arc::new([]),
            bytes: None,
            record_bytes_max: self.record_bytes_max,
            has_lines: false,
        });
        (0..start.parallelism)
            .map(|reader| -> Result<Box<dyn Source>> {
                let (input, dealer, clock) = (input.clone(), dealer.clone(), start.clock.clone());
                Ok(Box::new(FileReader::new(input, dealer, reader, start.batch_rows, clock, 0)?))
            })
            .collect()
    }
}

fn compression(options: &Options, request: &SourceRequest) -> Result<CompressionChoice, Diagnostic> {
    let Some(name) = options.text("compression")? else { return Ok(CompressionChoice::ByExtension) };
    if name.eq_ignore_ascii_case("none") {
        return Ok(CompressionChoice::Fixed(None));
    }
    let compression = Compression::of_extension(name).ok_or_else(|| {
        Diagnostic::at(place(options, "compression", request.span), format!("there is no compression '{name}'"))
            .label("'gzip', 'zstd' or 'none'")
            .did_you_mean(name, ["gzip", "zstd", "none"])
    })?;
    Ok(CompressionChoice::Fixed(Some(compression)))
}

impl PlannedSource for FileSource {
    fn describe(&self) -> String {
        let partitioned = if self.partitioned { ", partitioned" } else { "" };
        format!("file '{}'{partitioned}", self.target.text)
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn inferred_from(&self) -> Option<usize> {
        self.inferred_from
    }

    fn bounds(&self) -> Bounds {
        if self.follow { Bounds::Unbounded } else { Bounds::Bounded }
    }

    fn version(&self) -> Result<Option<String>> {
        if self.pipe.is_some() {
            return Ok(None);
        }
        let inputs = discover(&*self.files, &self.target).map_err(Error::config)?;
        let version = inputs.iter().map(|input| format!("{} {:?}", input.path.display(), input.info));
        Ok(Some(version.collect::<Vec<_>>().join("\n")))
    }

    fn start(&self, start: &SourceStart) -> Result<Vec<Box<dyn Source>>> {
        if let Some(pipe) = &self.pipe {
            return self.start_pipe(pipe, start);
        }
        if self.follow || self.partitioned {
            let followed = Followed {
                files: self.files.clone(),
                target: self.target.clone(),
                format: self.format.clone(),
                schema: self.schema.clone(),
                record_bytes_max: self.record_bytes_max,
                grows: self.follow,
                partitioned: self.partitioned,
            };
            return follow::start(&Arc::new(followed), start);
        }
        let (Begun { inputs, contents }, fingerprint, remaining) = self.input(start.restored.as_deref())?;
        let bytes = inputs.iter().map(|input| input.info.len).sum();
        let (next, readers) = (remaining.next, remaining.readers(start.parallelism));
        let done = remaining.unfinished().fold(next, |done, split| {
            let whole = match split.end {
                u64::MAX => inputs.get(split.file).map_or(0, |input| input.info.len),
                end => end.saturating_sub(split.start),
            };
            done.saturating_sub(whole)
        });
        let splits = FileSplits::new(inputs.clone(), self.split_bytes, self.format.splittable(), next);
        let dealer = Arc::new(Dealer::new(splits, remaining, start.parallelism));
        let input = Arc::new(Input {
            files: self.files.clone(),
            inputs,
            format: self.format.clone(),
            schema: self.schema.clone(),
            projection: start.projection.clone(),
            fingerprint,
            contents,
            bytes: Some(bytes),
            record_bytes_max: self.record_bytes_max,
            has_lines: true,
        });
        (0..readers)
            .map(|reader| -> Result<Box<dyn Source>> {
                // Readers report shares of one total, so what an earlier run did is the first one's.
                let done = if reader == 0 { done } else { 0 };
                let (input, dealer, clock) = (input.clone(), dealer.clone(), start.clock.clone());
                Ok(Box::new(FileReader::new(input, dealer, reader, start.batch_rows, clock, done)?))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
