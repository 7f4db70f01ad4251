//! Parts of addresses, maps written as text, and choosing by number.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{MapBuilder, StringBuilder};
use arrow_schema::DataType;
use hashbrown::HashMap;

use super::args::Args;
use super::java_regex::JavaRegex;
use super::spec::{Binding, Family, FunctionSpec, Kernel, Nulls, Param, gives_string};
use crate::expr::TypedExpr;
use crate::expr::coerce::coerce_all;
use crate::expr::typed::{CompareOp, Op};
use crate::expr::value::mistyped;
use crate::expr::{coerce, operators};
use crate::types::{Diagnostic, LogicalType, Result, Span};
use Param::Text;

pub(super) const FUNCTIONS: &[FunctionSpec] = &[
    FunctionSpec::new(
        Family::String,
        "parse_url",
        "parse_url(url string, part string[, key string]) -> string",
        "a part of an address: 'HOST', 'PATH', 'QUERY', 'REF', 'PROTOCOL', 'AUTHORITY', 'FILE' or 'USERINFO'; with a key, that value of the query",
        &[
            ("parse_url('http://example.com/a?b=1#c', 'HOST')", "example.com"),
            ("parse_url('http://example.com/a?b=1&d=2', 'QUERY', 'd')", "2"),
        ],
        Kernel::new(&[Text, Text, Text], gives_string, parse_url).least(2).nulls(Nulls::Possible).bind(),
    ),
    FunctionSpec::new(
        Family::Collection,
        "str_to_map",
        "str_to_map(text string[, between_entries string, behind_key string]) -> map<string, string>",
        "the map that a text says, `,` between its entries and `=` behind keys unless regular expressions for them are given",
        &[("str_to_map('a=1,b=2')", "{a=1, b=2}"), ("str_to_map('a:1;b:2', ';', ':')", "{a=1, b=2}")],
        Kernel::new(&[Text, Text, Text], map_type, str_to_map).least(1).nulls(Nulls::Possible).fallible().bind(),
    ),
    FunctionSpec::new(
        Family::Conditional,
        "elt",
        "elt(index int, value, value, …) -> the values' common type",
        "the value at an index, from 1; null if there is none",
        &[("elt(2, 'a', 'b')", "b"), ("elt(3, 'a', 'b')", "NULL")],
        Binding::Special { arity: (2, usize::MAX), build: elt },
    ),
];

#[expect(clippy::unnecessary_wraps, reason = "the registry's functions have one signature")]
fn map_type(_: &[TypedExpr]) -> std::result::Result<LogicalType, String> {
    Ok(LogicalType::Map(Box::new(LogicalType::String), Box::new(LogicalType::String)))
}

/// `case index when 1 then … end`
fn elt(args: Vec<TypedExpr>, span: Span) -> std::result::Result<TypedExpr, Diagnostic> {
    let mut args = args.into_iter();
    let Some(index) = args.next() else { return Err(Diagnostic::at(span, "an argument is missing")) };
    let index = coerce::coerce(index, &LogicalType::BigInt)?;
    let (values, ty) = coerce_all("elt", args.collect(), span)?;
    let mut branches = Vec::with_capacity(values.len() * 2 + 1);
    for (at, value) in (1_i64..).zip(values) {
        let number = TypedExpr::literal(Arc::new(arrow_array::Int64Array::from(vec![at])), LogicalType::BigInt);
        branches.push(operators::compare(CompareOp::Eq, index.clone(), number, span)?);
        branches.push(value);
    }
    branches.push(TypedExpr::null(ty.clone()));
    Ok(TypedExpr::op(Op::Case, branches, ty, true))
}

/// The parts of an address, as `java.net.URL` sees them.
struct Url<'a> {
    protocol: &'a str,
    authority: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Url<'a> {
    /// The address that `text` is; `None` without a protocol that Java knows.
    fn parse(text: &'a str) -> Option<Self> {
        const KNOWN: [&str; 6] = ["http", "https", "ftp", "file", "jar", "mailto"];
        let (protocol, rest) = text.trim().split_once(':')?;
        KNOWN.iter().any(|known| known.eq_ignore_ascii_case(protocol)).then_some(())?;
        let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        Some(Self { protocol, authority, path, query, fragment })
    }

    fn part(&self, part: &str, key: Option<&str>, out: &mut String) -> Option<()> {
        let (user, host) = match self.authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, self.authority),
        };
        if part == "FILE" {
            out.push_str(self.path);
            if let Some(query) = self.query {
                out.push('?');
                out.push_str(query);
            }
            return Some(());
        }
        out.push_str(match part {
            "HOST" => match host.rsplit_once(':') {
                Some((name, digits)) if digits.bytes().all(|b| b.is_ascii_digit()) => name,
                _ => host,
            },
            "PATH" => self.path,
            "QUERY" => match key {
                Some(key) => {
                    self.query?.split('&').find_map(|entry| entry.split_once('=').filter(|(k, _)| *k == key))?.1
                }
                None => self.query?,
            },
            "REF" => self.fragment?,
            "PROTOCOL" => self.protocol,
            "AUTHORITY" if self.authority.is_empty() => return None,
            "AUTHORITY" => self.authority,
            "USERINFO" => user?,
            _ => return None,
        });
        Some(())
    }
}

fn parse_url(args: &mut Args<'_>) -> Result<ArrayRef> {
    let (urls, parts) = (args.text(0)?, args.text(1)?);
    let keys = args.optional(2, Args::text)?;
    args.strings(|row, out| {
        let (url, part) = (Url::parse(urls.get(row)?)?, parts.get(row)?);
        let key = match &keys {
            Some(keys) => Some(keys.get(row)?),
            None => None,
        };
        // As in Flink, only a query has keys.
        if key.is_some() && part != "QUERY" {
            return None;
        }
        url.part(part, key, out)
    })
}

/// A separator: a plain text, or what a regular expression matches.
enum Separator {
    Text(String),
    Regex(JavaRegex),
}

impl Separator {
    fn new(text: &str) -> std::result::Result<Self, String> {
        let plain = !text.is_empty() && !text.contains(|c| r".$|()[]{}^?*+\".contains(c));
        if plain { Ok(Self::Text(text.to_owned())) } else { JavaRegex::new(text).map(Self::Regex) }
    }

    /// The places of its matches.
    fn split<'t>(&self, text: &'t str, most: usize) -> std::result::Result<Vec<&'t str>, String> {
        match self {
            Self::Text(separator) => Ok(text.splitn(most, separator.as_str()).collect()),
            Self::Regex(regex) => regex.split(text, most),
        }
    }
}

fn str_to_map(args: &mut Args<'_>) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    let separators = [args.optional(1, Args::text)?, args.optional(2, Args::text)?];
    let DataType::Map(field, _) = args.ty.to_arrow() else { return Err(mistyped(args.values[0].data(), "map")) };
    let DataType::Struct(entry) = field.data_type() else { return Err(mistyped(args.values[0].data(), "map")) };
    let names = arrow_array::builder::MapFieldNames {
        entry: field.name().clone(),
        key: entry[0].name().clone(),
        value: entry[1].name().clone(),
    };
    let mut builder = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new())
        .with_keys_field(Arc::clone(&entry[0]))
        .with_values_field(Arc::clone(&entry[1]));
    let mut known: HashMap<&str, std::result::Result<Separator, String>> = HashMap::new();
    for row in 0..args.rows {
        let between = separators[0].as_ref().map_or(Some(","), |texts| texts.get(row));
        let behind = separators[1].as_ref().map_or(Some("="), |texts| texts.get(row));
        let (Some(text), Some(between), Some(behind)) = (texts.get(row), between, behind) else {
            builder.append(false)?;
            continue;
        };
        for separator in [between, behind] {
            known.entry(separator).or_insert_with(|| Separator::new(separator));
        }
        match entries(text, &known[between], &known[behind]) {
            Ok(entries) => {
                for (key, value) in entries {
                    builder.keys().append_value(key);
                    builder.values().append_option(value);
                }
                builder.append(true)?;
            }
            Err(message) => {
                args.failures.push((row, message));
                builder.append(false)?;
            }
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// The entries of a text: a key without a value has null; the last of equal keys wins.
fn entries<'t>(
    text: &'t str,
    between: &std::result::Result<Separator, String>,
    behind: &std::result::Result<Separator, String>,
) -> std::result::Result<Vec<(&'t str, Option<&'t str>)>, String> {
    let (between, behind) = (between.as_ref().map_err(String::clone)?, behind.as_ref().map_err(String::clone)?);
    let mut entries: Vec<(&str, Option<&str>)> = Vec::new();
    if text.is_empty() {
        return Ok(entries);
    }
    for entry in between.split(text, usize::MAX)? {
        let parts = behind.split(entry, 2)?;
        let (key, value) = (parts.first().copied().unwrap_or_default(), parts.get(1).copied());
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some(known) => known.1 = value,
            None => entries.push((key, value)),
        }
    }
    Ok(entries)
}
