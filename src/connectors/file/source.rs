//! The file source as the plan holds it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::discover::{InputFile, Target, discover};
use super::fingerprint::{contents, fingerprint, is_same};
use super::format::{self, FileFormat};
use super::reader::{FileReader, Input};
use super::splits::{FileSplit, FileSplits};
use super::stream::{Compression, CompressionChoice};
use crate::api::{Bounds, Options, PlannedSource, Source, SourceRequest, SourceStart};
use crate::connectors::dealer::{Dealer, Remaining, remaining};
use crate::connectors::options::{count, place};
use crate::formats::Inferred;
use crate::types::files::{Files, OsFiles};
use crate::types::{Diagnostic, Error, Result, Schema};

/// The default of option `split`: small, so that readers stay close together in event time.
const SPLIT_BYTES: u64 = 4 << 20;
/// The default of option `max_record_bytes`: the formats'.
const RECORD_BYTES_MAX: u64 = 64 << 20;
/// The number of bytes of the first file that columns are inferred from.
const SAMPLE_BYTES: u64 = 1 << 20;

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
            return Err(Diagnostic::at(request.span, "file needs a path").help("write file 'data.ndjson'"));
        };
        let options = &request.options;
        let target = Target {
            text: path.node.clone(),
            base_dir: request.base_dir.clone(),
            compression: compression(options, request)?,
        };
        let inputs = discover(&*files, &target).map_err(|message| Diagnostic::at(path.span, message))?;
        let format = match options.text("format")? {
            Some(name) => named(name, options, request)?,
            None => by_extension(&inputs, options).map_err(|error| error.or_at(path.span))?,
        };
        let split_bytes = count(options, "split", 1)?.unwrap_or(SPLIT_BYTES);
        let record_bytes_max = count(options, "max_record_bytes", 1)?.unwrap_or(RECORD_BYTES_MAX);
        let (schema, inferred_from) = if let Some(schema) = &request.columns {
            (schema.clone(), None)
        } else {
            let inferred = infer(&*files, &inputs, &*format).map_err(|error| error.or_at(path.span))?;
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

fn by_extension(inputs: &[InputFile], options: &Options) -> Result<Arc<dyn FileFormat>, Diagnostic> {
    let mut format: Option<(Arc<dyn FileFormat>, &InputFile)> = None;
    for input in inputs {
        let known = match input.extension() {
            Some(extension) => format::of_extension(&extension, options)?,
            None => None,
        };
        let Some(known) = known else {
            return Err(Diagnostic::new(format!("the format of '{}' can't be told from its name", input.name))
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
    format.map(|(format, _)| format).ok_or_else(|| Diagnostic::new("there are no files"))
}

fn infer(files: &dyn Files, inputs: &[InputFile], format: &dyn FileFormat) -> Result<Inferred, Diagnostic> {
    const WAY_OUT: &str = "declare them: columns (id bigint, name string)";
    let Some(input) = inputs.iter().find(|input| input.info.len > 0) else {
        return Err(Diagnostic::new("there is no data to infer columns from").help(WAY_OUT));
    };
    let unreadable = |error| Diagnostic::new(format!("can't read '{}': {error}", input.name));
    let (mut sample, all) = input.sample(files, SAMPLE_BYTES).map_err(unreadable)?;
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
        Diagnostic::new(format!("the columns of '{}' can't be inferred: {}", input.name, error.message)).help(help)
    })
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
        format!("file '{}'", self.target.text)
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn inferred_from(&self) -> Option<usize> {
        self.inferred_from
    }

    fn bounds(&self) -> Bounds {
        Bounds::Bounded
    }

    fn start(&self, start: &SourceStart) -> Result<Vec<Box<dyn Source>>> {
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
            bytes,
            record_bytes_max: self.record_bytes_max,
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
