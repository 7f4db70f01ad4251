//! Streams by name: sources are scanned and streams built when they are first read, side outputs are named.

use std::sync::Arc;

use super::{Builder, Environment, Named, Place, StreamBody, uid_of, unusable};
use crate::api::{
    Bounds, ChangelogMode, LookupSource, OnError, Options, SourceRequest, StreamRef, StreamShape, TimeAttributes,
};
use crate::plan::definitions::SourceDef;
use crate::plan::logical::{NodeKind, Scan};
use crate::plan::name::{check_name, unknown};
use crate::types::{Diagnostic, Span, Spanned};

/// The depth to which streams may be defined of streams. Each level costs stack while it is built.
const DEEPEST_STREAM: usize = 100;

/// The stream that reads standard input, where nothing of this name is defined.
const STDIN: &str = "stdin";
/// The path that means it; `-` does too.
const STDIN_PATH: &str = "/dev/stdin";

/// The source of the file at `path`, which no statement names.
///
/// # Errors
/// At `path`, when it can't be read or its columns can't be told.
pub fn file_source(environment: &Environment<'_>, path: &Spanned<String>) -> Result<SourceDef, Diagnostic> {
    let connector = environment.registries.find_connector("file").and_then(|connector| connector.source);
    let Some(make) = connector else {
        return Err(Diagnostic::at(path.span, "a path needs the `file` connector"));
    };
    let target = if path.node == "-" { STDIN_PATH } else { &path.node };
    let name = std::path::Path::new(target).file_name().map_or_else(|| target.into(), |name| name.to_string_lossy());
    let name = match name.split('.').next() {
        Some(stem) if !stem.is_empty() => stem.to_owned(),
        _ => name.into_owned(),
    };
    let source = make(&SourceRequest {
        name: name.clone(),
        target: Some(Spanned::new(target.to_owned(), path.span)),
        columns: None,
        options: Options::default(),
        base_dir: environment.base_dir.clone(),
        span: path.span,
    })
    .map_err(|error| error.or_at(path.span))?;
    let base_dir = environment.base_dir.clone();
    Ok(SourceDef {
        name,
        source,
        event_time: None,
        primary_key: None,
        pace: None,
        on_error: None,
        dead_letter: None,
        base_dir,
    })
}

/// The error of a source without an end, where all input is to be read first.
fn endless(source: &str, span: Span) -> Diagnostic {
    Diagnostic::at(span, format!("`{source}` has no end, and mode = 'batch' reads all of its input first"))
        .help("say where it ends (`events` of nexmark, `rows` of datagen and demo data, a file without `follow`), or take mode = 'streaming'")
}

impl Builder<'_> {
    /// The stream or source called `name`, which qualifies its columns.
    ///
    /// # Errors
    /// When there is none, with the near name; when it is a sink, or a stream that reads itself; and a mistake in it,
    /// shown at `name`.
    pub fn stream(&mut self, name: &Spanned<String>) -> Result<(StreamRef, StreamShape), Diagnostic> {
        let (stream, shape) = self.read(name)?;
        Ok((stream, StreamShape { name: Some(name.clone()), inputs: Vec::new(), ..shape }))
    }

    /// The source called `name` for look-ups, and the shape of its rows, whose columns its name qualifies.
    ///
    /// # Errors
    /// When there is none, with the near name; when it is something else, or rows can't be looked up in it.
    pub fn lookup(&mut self, name: &Spanned<String>) -> Result<(LookupSource, StreamShape), Diagnostic> {
        let names = self.names;
        let def = match names.find(&name.node) {
            Some(Named::Source(def)) => def,
            Some(Named::Stream(called, _)) => {
                return Err(Diagnostic::at(name.span, format!("`{called}` is a stream, and look-ups go to a source"))
                    .help("look up in the source that it reads, and filter or map behind the join"));
            }
            Some(Named::Broken(called, kind, error)) => return Err(unusable(called, kind, error, name.span)),
            Some(Named::Sink(_) | Named::Process(_) | Named::Function(_)) => {
                return Err(Diagnostic::at(name.span, format!("`{}` is no source to look up in", name.node)));
            }
            None => return Err(self.unknown_stream(name)),
        };
        let refused =
            |what: &str| Diagnostic::at(name.span, format!("rows can't be looked up in `{}`: {what}", def.name));
        if def.primary_key.as_ref().is_some_and(|key| key.kind.is_some()) {
            return Err(refused("its rows say what they do to others (`row_kind`)")
                .help("join with it as a stream: `join` without `lookup`, or `as of`"));
        }
        let on_error = def.on_error.unwrap_or(self.unreadable);
        if on_error == OnError::DeadLetter {
            return Err(refused("rows of it that can't be read have no dead letters")
                .help("declare the source with (on_error = 'fail') or 'skip'"));
        }
        self.remarks.extend(def.inferred());
        let source = LookupSource {
            name: def.name.clone(),
            source: Arc::clone(&def.source),
            primary_key: def.primary_key.as_ref().map(|key| key.columns.clone()),
            skips_unreadable: on_error == OnError::Skip,
        };
        let shape = StreamShape { zone: self.zone, name: Some(name.clone()), ..def.shape() };
        Ok((source, shape))
    }

    /// The rows of the file at `path`, which no source names: its format by its name or content, its columns inferred, no
    /// event time. The file's name, up to its first point, qualifies the columns.
    ///
    /// # Errors
    /// At `path`, when it can't be read or its columns can't be told.
    pub fn file(&mut self, path: &Spanned<String>) -> Result<(StreamRef, StreamShape), Diagnostic> {
        let named = format!("'{}'", path.node);
        if let Some(known) = self.named.get(&named) {
            return Ok(known.clone());
        }
        let def = file_source(self.environment, path)?;
        if self.batch && def.source.bounds() == Bounds::Unbounded {
            return Err(endless(&path.node, path.span));
        }
        self.remarks.extend(def.inferred());
        let (stream, shape) = self.scan(&def);
        let shape = StreamShape { name: Some(Spanned::new(def.name.clone(), path.span)), ..shape };
        self.shapes.insert(stream, shape.clone());
        self.named.insert(named, (stream, shape.clone()));
        Ok((stream, shape))
    }

    /// Says that the stream `name` is being defined, so that it can't read itself.
    pub fn begin_stream(&mut self, name: &str) {
        self.building.push(name.to_owned());
    }

    /// Whether what is built is the body of a stream.
    #[must_use]
    pub fn is_in_stream(&self) -> bool {
        !self.building.is_empty()
    }

    /// Says which side outputs are made further down, for the error of who reads one too early.
    pub fn announce(&mut self, later: impl IntoIterator<Item = String>) {
        self.later = later.into_iter().collect();
    }

    /// Makes side output `port` of the operator at `node` known as the stream `name` in this job.
    ///
    /// # Errors
    /// When the name can't be one or is taken, or there is no such output.
    pub fn name_side_output(
        &mut self,
        node: Option<usize>,
        port: usize,
        name: &Spanned<String>,
    ) -> Result<(), Diagnostic> {
        check_name("stream", name)?;
        if self.named.contains_key(&name.node) || self.names.is_taken(&name.node) {
            return Err(Diagnostic::at(name.span, format!("the name `{}` is taken", name.node))
                .help("a side output needs a name of its own"));
        }
        let side = node.and_then(|node| {
            let stream = StreamRef { node, output: port + 1 };
            Some((stream, self.plan.schema(stream)?))
        });
        let Some((stream, schema)) = side else {
            return Err(Diagnostic::at(name.span, "this stage has no side output"));
        };
        let inputs = self.plan.nodes[stream.node].inputs.iter();
        let known: Vec<_> = inputs.filter_map(|input| self.shapes.get(input)).collect();
        let append = known.iter().all(|shape| shape.changelog.is_append());
        let event_time = known.iter().all(|shape| shape.time.event_time);
        let shape = StreamShape {
            changelog: if append { ChangelogMode::Append } else { ChangelogMode::Retract(None) },
            time: TimeAttributes { event_time, columns: Vec::new() },
            zone: self.zone,
            ..StreamShape::of(schema)
        };
        self.shapes.insert(stream, shape.clone());
        self.named.insert(name.node.clone(), (stream, shape));
        Ok(())
    }

    fn read(&mut self, name: &Spanned<String>) -> Result<(StreamRef, StreamShape), Diagnostic> {
        if let Some(known) = self.named.get(&name.node) {
            return Ok(known.clone());
        }
        let names = self.names;
        let found = names.find(&name.node);
        // Also when nothing has it: a stream is defined only when it is bound.
        let called = found.map_or(name.node.as_str(), Named::name);
        if self.building.iter().any(|open| open == called) {
            return Err(Diagnostic::at(name.span, format!("the stream `{called}` reads itself"))
                .help("a stream can read only what was defined before it"));
        }
        if let Some(known) = self.named.get(called) {
            return Ok(known.clone());
        }
        let read = match found {
            None if name.node.eq_ignore_ascii_case(STDIN) => {
                return self.file(&Spanned::new(STDIN_PATH.to_owned(), name.span));
            }
            None => return Err(self.unknown_stream(name)),
            Some(Named::Sink(sink)) => {
                return Err(Diagnostic::at(name.span, format!("`{}` is a sink, which can't be read", sink.name))
                    .help("to read the files of a file sink: source NAME from file 'DIR'"));
            }
            Some(Named::Process(process)) => {
                let called = &process.name.node;
                return Err(Diagnostic::at(name.span, format!("`{called}` is a process function, and can't be read"))
                    .help(format!("it stands behind a keyed stream: … | key_by … | process {called}")));
            }
            Some(Named::Function(function)) => {
                let message = format!("`{}` is a function, and can't be read", function.name.node);
                return Err(Diagnostic::at(name.span, message));
            }
            Some(Named::Broken(called, kind, error)) => return Err(unusable(called, kind, error, name.span)),
            Some(Named::Source(def)) => {
                if self.batch && def.source.bounds() == Bounds::Unbounded {
                    return Err(endless(&def.name, name.span));
                }
                self.scan(def)
            }
            Some(Named::Stream(called, body)) => self.build(called, body, name)?,
        };
        self.shapes.insert(read.0, read.1.clone());
        self.named.insert(called.to_owned(), read.clone());
        Ok(read)
    }

    fn scan(&mut self, def: &SourceDef) -> (StreamRef, StreamShape) {
        let schema = def.source.schema().clone();
        let columns: Vec<usize> = (0..schema.len()).collect();
        let uid = self.next_uid(&uid_of(&[Some(&def.name), Some("source")]));
        let scan = Scan {
            name: def.name.clone(),
            source: def.source.clone(),
            projection: columns.clone(),
            event_time: def.event_time.clone(),
            filter: None,
            output: columns,
            schema,
            pace: def.pace,
            on_error: def.on_error.unwrap_or(self.unreadable),
        };
        let stream = self.push(NodeKind::Scan(scan), Vec::new(), uid, None);
        let shape = StreamShape { zone: self.zone, ..def.shape() };
        let Some(key) = &def.primary_key else { return (stream, shape) };
        self.shapes.insert(stream, shape.clone());
        let operator = (self.environment.optimizer.normalize)(&shape.schema, key.columns.clone(), key.kind);
        self.add(operator, &[stream], Place { of: &def.name, into: None, stage: 0 }, None)
    }

    fn build(
        &mut self,
        called: &str,
        body: &Arc<dyn StreamBody>,
        name: &Spanned<String>,
    ) -> Result<(StreamRef, StreamShape), Diagnostic> {
        if self.building.len() >= DEEPEST_STREAM {
            let message = format!("more than {DEEPEST_STREAM} streams read one another here");
            return Err(Diagnostic::at(name.span, message));
        }
        self.building.push(called.to_owned());
        let built = body.build(called, self);
        self.building.pop();
        // The places in it are those of the statement that defined the stream, so the error is shown where it is read.
        built.map_err(|error| error.inside(&format!("in stream `{called}`"), name.span))
    }

    fn unknown_stream(&self, name: &Spanned<String>) -> Diagnostic {
        if self.later.contains(&name.node) {
            return Diagnostic::at(name.span, format!("`{}` is made by a later pipeline of this job", name.node))
                .help("put the pipeline that makes it before the one that reads it");
        }
        let readable = self.names.all().filter(|(_, kind)| kind.is_stream()).map(|(name, _)| name);
        unknown("stream or source", name, readable.chain(self.named.keys().map(String::as_str)))
    }
}
