//! The one place where files meet the formats.

use std::fmt::Debug;
use std::sync::Arc;

use crate::api::{OptionValue, Options};
use crate::formats::{Decoder, DecoderRequest, Encoder, FormatOptions, FormatSpec, Inferred, format_named, formats};
use crate::types::{Diagnostic, Error, Result, Schema};

/// A text format, its options read.
pub(super) trait FileFormat: Debug + Send + Sync {
    /// `json`
    fn name(&self) -> &'static str;

    /// The extension of files written in it.
    fn extension(&self) -> &'static str;

    /// Whether a record never holds a line end, so that a file may be read from any line on.
    fn splittable(&self) -> bool;

    /// A decoder of columns `projection` of `schema`. Only `at_file_start` may a byte order mark or a header stand before
    /// the first record.
    fn decoder(&self, schema: &Schema, projection: &[usize], at_file_start: bool) -> Result<Box<dyn Decoder>>;

    /// An encoder; the rows of a changelog begin with their kind, `op`.
    fn encoder(&self, schema: &Schema, changelog: bool) -> Result<Box<dyn Encoder>, Diagnostic>;

    /// The columns of a file that begins with `sample`, whole records.
    fn infer(&self, sample: &[u8]) -> Result<Inferred, Diagnostic>;
}

/// A format of the registry with its options.
#[derive(Debug)]
struct Registered {
    spec: &'static FormatSpec,
    options: FormatOptions,
    splittable: bool,
}

impl FileFormat for Registered {
    fn name(&self) -> &'static str {
        self.spec.name
    }

    fn extension(&self) -> &'static str {
        self.spec.extensions.first().copied().unwrap_or(self.spec.name)
    }

    fn splittable(&self) -> bool {
        self.splittable
    }

    fn decoder(&self, schema: &Schema, projection: &[usize], at_file_start: bool) -> Result<Box<dyn Decoder>> {
        let request = DecoderRequest { schema, projection, options: &self.options, at_file_start };
        (self.spec.decoder)(&request).map_err(Error::config)
    }

    fn encoder(&self, schema: &Schema, changelog: bool) -> Result<Box<dyn Encoder>, Diagnostic> {
        let options = self.options.clone().with("changelog", changelog.to_string());
        (self.spec.encoder)(schema, &options).map_err(Diagnostic::new)
    }

    fn infer(&self, sample: &[u8]) -> Result<Inferred, Diagnostic> {
        (self.spec.infer)(sample, &self.options).map_err(Diagnostic::new)
    }
}

/// The format called `name`, or that files with extension `name` have, with the settings in `options`.
///
/// # Errors
/// When a setting is wrong; an unknown name is `None`.
pub(super) fn find(name: &str, options: &Options) -> Result<Option<Arc<dyn FileFormat>>, Diagnostic> {
    #[cfg(test)]
    if name == "text" {
        return Ok(Some(Arc::new(super::text::TextFormat::new(options)?)));
    }
    format_named(name).map(|spec| registered(spec, options)).transpose()
}

/// The format of files that end in `extension`.
///
/// # Errors
/// When a setting is wrong.
pub(super) fn of_extension(extension: &str, options: &Options) -> Result<Option<Arc<dyn FileFormat>>, Diagnostic> {
    match formats().iter().find(|spec| spec.extensions.contains(&extension)) {
        Some(spec) => registered(spec, options).map(Some),
        None => find(extension, options),
    }
}

/// The format that a file looks to be of which begins with `sample`: JSON where a record begins with a brace, CSV where the
/// first line has a comma.
///
/// # Errors
/// When a setting is wrong.
pub(super) fn of_content(sample: &[u8], options: &Options) -> Result<Option<Arc<dyn FileFormat>>, Diagnostic> {
    let sample = sample.strip_prefix("\u{feff}".as_bytes()).unwrap_or(sample).trim_ascii_start();
    let first = sample.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match first.first() {
        Some(b'{') => find("json", options),
        Some(_) if first.contains(&b',') && std::str::from_utf8(first).is_ok() => find("csv", options),
        Some(_) | None => Ok(None),
    }
}

fn registered(spec: &'static FormatSpec, options: &Options) -> Result<Arc<dyn FileFormat>, Diagnostic> {
    let mut read = FormatOptions::default();
    for (name, value) in options.iter().filter(|(name, _)| spec.options.iter().any(|option| option.name == *name)) {
        let text = match &value.node {
            OptionValue::Text(text) => text.clone(),
            OptionValue::Integer(number) => number.to_string(),
            OptionValue::Boolean(flag) => flag.to_string(),
            OptionValue::Double(_) | OptionValue::Duration(_) | OptionValue::Expr(_) => {
                return Err(Diagnostic::at(value.span, format!("option `{name}` can't have this value")));
            }
        };
        read = read.with(name, text);
    }
    let splittable = spec.is_splittable(&read).map_err(Diagnostic::new)?;
    Ok(Arc::new(Registered { spec, options: read, splittable }))
}

/// The names of all formats.
pub(super) fn names() -> Vec<&'static str> {
    formats().iter().map(|spec| spec.name).collect()
}
