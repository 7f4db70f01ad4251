//! The rows of one preview, written to a file: `bids | limit 10 | into 'x.csv'`.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::api::{Arg, Pipeline, ResultSink};
use crate::expr::ast::{Expr, ExprNode, Literal};
use crate::formats::encoder;
use crate::types::{Batch, Diagnostic, Error, Result, Schema, Spanned};

/// A file of rows. It is made when the first row comes, or at the end.
#[derive(Debug)]
pub struct FileRows {
    path: PathBuf,
    /// The format, by the name that encoders know.
    format: &'static str,
    overwrite: bool,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    file: Option<BufWriter<File>>,
    rows: u64,
}

/// Creates a file of rows, in the place of one that is there only if `overwrite`.
///
/// # Errors
/// When it exists and is not to be overwritten, or can't be created.
pub fn create_rows_file(path: &Path, overwrite: bool) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).truncate(overwrite).create(overwrite).create_new(!overwrite);
    options.open(path).map_err(|error| Error::io(path, error))
}

/// The format of a file with this ending.
fn format_of(path: &Spanned<String>) -> Result<&'static str, Diagnostic> {
    let ending = Path::new(&path.node).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "csv" => Ok("csv"),
        "ndjson" | "jsonl" | "json" => Ok("json"),
        _ => Err(Diagnostic::at(path.span, format!("the name '{}' does not say the format", path.node))
            .help("end it in .csv, or in .ndjson for JSON, one object a line")),
    }
}

/// The value of `with (overwrite = …)`.
fn overwrites(options: &[(Spanned<String>, ExprNode)]) -> Result<bool, Diagnostic> {
    let mut overwrite = false;
    for (name, value) in options {
        if !name.node.eq_ignore_ascii_case("overwrite") {
            return Err(Diagnostic::at(name.span, format!("a file of rows has no option `{}`", name.node))
                .help("the option is `overwrite = true`"));
        }
        let Expr::Literal(Literal::Boolean(typed)) = value.node else {
            return Err(Diagnostic::at(value.span, "option `overwrite` takes true or false"));
        };
        overwrite = typed;
    }
    Ok(overwrite)
}

impl FileRows {
    /// The file that `pipeline` ends in, and the pipeline before it; `None` where it ends otherwise.
    ///
    /// # Errors
    /// An ending that says no format, an unknown option, and a file that exists, at its place.
    pub(super) fn of(pipeline: &Pipeline, base_dir: &Path) -> Result<Option<(Pipeline, Self)>, Diagnostic> {
        let Some(Arg::File { path, options }) = pipeline.stages.last().and_then(|stage| stage.args.head.first()) else {
            return Ok(None);
        };
        let (format, overwrite) = (format_of(path)?, overwrites(options)?);
        let file = base_dir.join(&path.node);
        if !overwrite && file.exists() {
            return Err(Diagnostic::at(path.span, format!("'{}' exists already", path.node))
                .help(format!("give another name, or: into '{}' with (overwrite = true)", path.node)));
        }
        let mut shown = pipeline.clone();
        shown.stages.pop();
        Ok(Some((shown, Self { path: file, format, overwrite, written: Mutex::default() })))
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the file; returns how many rows are in it.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn finish(&self) -> Result<u64> {
        let mut written = self.lock();
        self.open(&mut written)?.flush().map_err(|error| Error::io(&self.path, error))?;
        Ok(written.rows)
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open<'w>(&self, written: &'w mut Written) -> Result<&'w mut BufWriter<File>> {
        if written.file.is_none() {
            written.file = Some(BufWriter::new(create_rows_file(&self.path, self.overwrite)?));
        }
        written.file.as_mut().ok_or_else(|| Error::config("the file of rows is not open"))
    }
}

impl ResultSink for FileRows {
    fn rows(&self, _name: &str, batch: &Batch) -> Result<()> {
        let schema = Schema::from_arrow(batch.columns().schema_ref())?;
        let mut encoder = encoder(self.format, &schema, batch.kinds().is_some())?;
        let mut written = self.lock();
        let mut text = Vec::new();
        if written.rows == 0 && self.format == "csv" {
            encoder.header(&mut text);
        }
        encoder.encode(batch, &mut text)?;
        self.open(&mut written)?.write_all(&text).map_err(|error| Error::io(&self.path, error))?;
        written.rows += batch.rows() as u64;
        Ok(())
    }
}
