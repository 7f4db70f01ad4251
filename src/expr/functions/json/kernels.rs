//! The kernels of JSON functions.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StructArray};
use arrow_schema::DataType;

use crate::expr::functions::args::{Args, Prepared};
use crate::expr::json::{Found, Json, Path, escape, quote, separate, write_json};
use crate::expr::value::{Text, mistyped};
use crate::types::Result;

type Output = Result<ArrayRef>;

/// What stands in for a value that there is not.
pub(super) const BEHAVIOURS: [&str; 4] = ["null", "array", "object", "error"];

/// The path of each row: the constant one, or a row's own.
struct Paths<'a> {
    constant: Option<&'a Path>,
    texts: Text<'a>,
}

impl<'a> Paths<'a> {
    fn new(args: &Args<'a>) -> Result<Self> {
        let constant = match args.prepared {
            Some(Prepared::Path(path)) => Some(path),
            Some(_) | None => None,
        };
        Ok(Self { constant, texts: args.text(1)? })
    }

    /// The path of a row; null without one, the error of one that does not compile.
    fn get(&self, row: usize) -> Option<std::result::Result<Cow<'a, Path>, String>> {
        match self.constant {
            Some(path) => Some(Ok(Cow::Borrowed(path))),
            None => Some(Path::new(self.texts.get(row)?).map(Cow::Owned)),
        }
    }
}

const NO_JSON: &str = "the text is no JSON";

fn constant<'a>(args: &Args<'a>, at: usize) -> Result<Option<&'a str>> {
    Ok(args.optional(at, Args::text)?.and_then(|text| text.get(0)))
}

/// What is at the path of a row, or why there is nothing.
enum Sought<T> {
    Value(T),
    Empty,
    Wrong(String),
}

pub(super) fn value(args: &mut Args<'_>) -> Output {
    let (texts, paths) = (args.text(0)?, Paths::new(args)?);
    let (on_empty, on_error) = (args.optional(2, Args::text)?, args.optional(3, Args::text)?);
    args.strings(|row, out| {
        let text = texts.get(row)?;
        let sought = match (paths.get(row)?, Json::parse(text)) {
            (Err(message), _) => Sought::Wrong(message),
            (_, None) => Sought::Wrong(NO_JSON.to_owned()),
            (Ok(path), Some(root)) => match path.find(&root) {
                Found::One(Json::Null) if !path.lax => return None,
                Found::One(Json::Null) => Sought::Empty,
                Found::One(value) if value.is_scalar() => {
                    if let Json::Text(text) = value {
                        out.push_str(text);
                    } else {
                        value.write(out);
                    }
                    Sought::Value(())
                }
                Found::Missing | Found::One(_) | Found::Several(_) if path.lax => Sought::Empty,
                Found::Missing | Found::One(_) | Found::Several(_) => Sought::Wrong(String::new()),
            },
        };
        let default = match sought {
            Sought::Value(()) => return Some(()),
            Sought::Empty => &on_empty,
            Sought::Wrong(_) => &on_error,
        };
        out.push_str(default.as_ref()?.get(row)?);
        Some(())
    })
}

pub(super) fn query(args: &mut Args<'_>) -> Output {
    let (texts, paths) = (args.text(0)?, Paths::new(args)?);
    let wrapper = constant(args, 2)?.unwrap_or("without");
    let (on_empty, on_error) = (constant(args, 3)?.unwrap_or("null"), constant(args, 4)?.unwrap_or("null"));
    let mut failures = Vec::new();
    let result = args.strings(|row, out| {
        let text = texts.get(row)?;
        let sought = match (paths.get(row)?, Json::parse(text)) {
            (Err(message), _) => Sought::Wrong(message),
            (_, None) => Sought::Wrong(NO_JSON.to_owned()),
            (Ok(path), Some(root)) => queried(&path, &root, wrapper, out),
        };
        let (behaviour, message) = match sought {
            Sought::Value(()) => return Some(()),
            Sought::Empty => (on_empty, "the path leads to nothing".to_owned()),
            Sought::Wrong(message) => (on_error, message),
        };
        match behaviour {
            "array" => out.push_str("[]"),
            "object" => out.push_str("{}"),
            "error" => {
                failures.push((row, message));
                return None;
            }
            _ => return None,
        }
        Some(())
    });
    args.failures.extend(failures);
    result
}

/// Writes what is at `path`, with an array around it as `wrapper` says.
fn queried(path: &Path, root: &Json<'_>, wrapper: &str, out: &mut String) -> Sought<()> {
    let found = path.find(root);
    let around = match &found {
        Found::Missing if path.lax => return Sought::Empty,
        Found::Missing => return Sought::Wrong("the path leads to nothing".to_owned()),
        Found::One(Json::Null) => return Sought::Empty,
        Found::One(value) => match wrapper {
            "with" => true,
            "conditional" => !matches!(value, Json::Array(_)),
            _ if value.is_scalar() && path.lax => return Sought::Empty,
            _ if value.is_scalar() => return Sought::Wrong("an array or object is wanted".to_owned()),
            _ => false,
        },
        Found::Several(_) => wrapper == "with",
    };
    if around {
        out.push('[');
    }
    match found {
        Found::Missing => {}
        Found::One(value) => value.write(out),
        Found::Several(values) => {
            out.push('[');
            for (i, value) in values.into_iter().enumerate() {
                separate(out, i);
                value.write(out);
            }
            out.push(']');
        }
    }
    if around {
        out.push(']');
    }
    Sought::Value(())
}

pub(super) fn exists(args: &mut Args<'_>) -> Output {
    let (texts, paths) = (args.text(0)?, Paths::new(args)?);
    let on_error = constant(args, 2)?.unwrap_or("false");
    let mut failures = Vec::new();
    let result = args.booleans(|row| {
        let text = texts.get(row)?;
        let message = match (paths.get(row)?, Json::parse(text)) {
            (Err(message), _) => message,
            (_, None) => NO_JSON.to_owned(),
            (Ok(path), Some(root)) => match path.find(&root) {
                Found::Missing if !path.lax => "the path leads to nothing".to_owned(),
                Found::Missing | Found::One(Json::Null) => return Some(false),
                Found::One(_) | Found::Several(_) => return Some(true),
            },
        };
        match on_error {
            "false" => Some(false),
            "true" => Some(true),
            "error" => {
                failures.push((row, message));
                None
            }
            _ => None,
        }
    });
    args.failures.extend(failures);
    result
}

pub(super) fn is_json(args: &mut Args<'_>) -> Output {
    let (texts, kind) = (args.text(0)?, constant(args, 1)?.unwrap_or("value"));
    args.booleans(|row| {
        let found = texts.get(row).and_then(Json::parse);
        Some(match kind {
            "scalar" => found.is_some_and(|value| value.is_scalar()),
            "array" => matches!(found, Some(Json::Array(_))),
            "object" => matches!(found, Some(Json::Object(_))),
            _ => found.is_some(),
        })
    })
}

pub(super) fn string(args: &mut Args<'_>) -> Output {
    let (data, ty) = (args.values[0].data(), &args.types[0]);
    let nulls = data.logical_nulls();
    args.strings(|row, out| {
        let place = args.place(0, row);
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(place)) {
            return None;
        }
        write_json(out, data, ty, place);
        Some(())
    })
}

/// Whether argument `i` is null in a row.
fn is_null(args: &Args<'_>, i: usize, row: usize) -> bool {
    args.values[i].data().logical_nulls().is_some_and(|nulls| nulls.is_null(args.place(i, row)))
}

pub(super) fn object(args: &mut Args<'_>, with_nulls: bool) -> Output {
    let keys = (0..args.count()).step_by(2).map(|i| args.text(i)).collect::<Result<Vec<_>>>()?;
    let mut failures = Vec::new();
    let mut entries: Vec<(&str, usize)> = Vec::new();
    let result = args.strings(|row, out| {
        entries.clear();
        for (at, keys) in keys.iter().enumerate() {
            let Some(key) = keys.get(row) else {
                failures.push((row, "a key of a JSON object is null".to_owned()));
                return None;
            };
            if !with_nulls && is_null(args, at * 2 + 1, row) {
                continue;
            }
            // The last of equal keys wins, in the place of the first.
            match entries.iter_mut().find(|(known, _)| *known == key) {
                Some(entry) => entry.1 = at * 2 + 1,
                None => entries.push((key, at * 2 + 1)),
            }
        }
        out.push('{');
        for (n, &(key, i)) in entries.iter().enumerate() {
            separate(out, n);
            quote(out, key);
            out.push(':');
            write_json(out, args.values[i].data(), &args.types[i], args.place(i, row));
        }
        out.push('}');
        Some(())
    });
    args.failures.extend(failures);
    result
}

pub(super) fn array(args: &mut Args<'_>, with_nulls: bool) -> Output {
    args.strings(|row, out| {
        out.push('[');
        let kept = (0..args.count()).filter(|&i| with_nulls || !is_null(args, i, row));
        for (n, i) in kept.enumerate() {
            separate(out, n);
            write_json(out, args.values[i].data(), &args.types[i], args.place(i, row));
        }
        out.push(']');
        Some(())
    })
}

pub(super) fn raw(args: &mut Args<'_>) -> Output {
    let texts = written(args, false, true)?;
    let DataType::Struct(fields) = args.ty.to_arrow() else { return Err(mistyped(&texts, "row")) };
    let nulls = texts.nulls().cloned();
    Ok(Arc::new(StructArray::try_new(fields, vec![texts], nulls)?))
}

pub(super) fn quoted(args: &mut Args<'_>) -> Output {
    let texts = args.text(0)?;
    args.strings(|row, out| {
        out.push('"');
        escape(out, texts.get(row)?, true);
        out.push('"');
        Some(())
    })
}

pub(super) fn unquoted(args: &mut Args<'_>) -> Output {
    let texts = args.text(0)?;
    args.strings(|row, out| {
        let text = texts.get(row)?;
        match Json::parse(text) {
            Some(Json::Text(inner)) if text.starts_with('"') => out.push_str(&inner),
            _ => out.push_str(text),
        }
        Some(())
    })
}

pub(super) fn parse(args: &mut Args<'_>, lenient: bool) -> Output {
    written(args, lenient, false)
}

/// The texts without spaces, if they are JSON.
fn written(args: &mut Args<'_>, lenient: bool, duplicates: bool) -> Output {
    let texts = args.text(0)?;
    let allowed = if args.count() > 1 { Some(args.values[1].as_boolean()?) } else { None };
    let mut failures = Vec::new();
    let result = args.strings(|row, out| {
        let text = texts.get(row)?;
        let allowed = match allowed {
            Some(allowed) => {
                let place = args.place(1, row);
                allowed.is_valid(place).then(|| allowed.value(place))?
            }
            None => duplicates,
        };
        let Some(value) = Json::parse_with(text, !allowed) else {
            if !lenient {
                let shown: String = text.chars().take(60).collect();
                failures.push((row, format!("'{}' is no JSON", crate::types::printable(&shown))));
            }
            return None;
        };
        value.write(out);
        Some(())
    });
    args.failures.extend(failures);
    result
}
