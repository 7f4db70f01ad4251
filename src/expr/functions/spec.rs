//! The declaration of a function, from which help, completion, binding and evaluation follow.

#![expect(clippy::unnecessary_wraps, reason = "the types of results are told by functions of one signature")]

use std::fmt;

use arrow_array::ArrayRef;

use super::args::Args;
use super::body::{Body, Prepare};
use crate::expr::TypedExpr;
use crate::types::{Diagnostic, LogicalType, Result, Span};

/// A scalar function.
pub struct FunctionSpec {
    /// The function's name, lower case.
    pub name: &'static str,
    /// Other names of the same function.
    pub aliases: &'static [&'static str],
    /// The chapter of help that it is in.
    pub family: Family,
    /// The function's arguments and result: `upper(text string) -> string`. Optional ones in brackets.
    pub signature: &'static str,
    /// The value that the function gives, in one line.
    pub summary: &'static str,
    /// Expressions without columns, each with its value as printed.
    pub examples: &'static [(&'static str, &'static str)],
    /// The function's name in Flink SQL; `None` when Flink has no such function.
    pub flink: Option<&'static str>,
    pub(in crate::expr) binding: Binding,
}

/// A chapter of help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Text.
    String,
    /// Regular expressions.
    Regexp,
    /// Numbers.
    Math,
    /// Dates and times.
    Time,
    /// Choosing between values.
    Conditional,
    /// Arrays, maps and rows.
    Collection,
    /// Digests of text.
    Hash,
    /// JSON in texts.
    Json,
    /// Sets of numbers.
    Bitmap,
}

impl Family {
    /// As a heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Regexp => "regular expression",
            Self::Math => "math",
            Self::Time => "date and time",
            Self::Conditional => "conditional",
            Self::Collection => "collection",
            Self::Hash => "hash",
            Self::Json => "JSON",
            Self::Bitmap => "bitmap",
        }
    }
}

impl FunctionSpec {
    pub(super) const fn new(
        family: Family,
        name: &'static str,
        signature: &'static str,
        summary: &'static str,
        examples: &'static [(&'static str, &'static str)],
        binding: Binding,
    ) -> Self {
        Self { name, aliases: &[], family, signature, summary, examples, flink: Some(name), binding }
    }

    pub(super) const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }
}

impl PartialEq for FunctionSpec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for FunctionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The way in which a call becomes a typed expression.
pub(in crate::expr) enum Binding {
    /// By checking the arguments against a list of parameters; then a kernel computes it.
    Kernel(Kernel),
    /// By a function that builds something else from the bound arguments.
    Special {
        /// The fewest and the most arguments.
        arity: (usize, usize),
        /// The function that builds it; gets the place of the call.
        build: fn(Vec<TypedExpr>, Span) -> Result<TypedExpr, Diagnostic>,
    },
}

/// The parameters, the result and the work of a kernel.
pub(in crate::expr) struct Kernel {
    pub(in crate::expr) params: &'static [Param],
    /// The fewest arguments; those behind are optional.
    pub(in crate::expr) least: usize,
    /// The last parameter may be repeated.
    pub(in crate::expr) variadic: bool,
    /// The type of the result for arguments already coerced; the error says what does not fit.
    pub(in crate::expr) result: fn(&[TypedExpr]) -> Result<LogicalType, String>,
    pub(in crate::expr) nulls: Nulls,
    pub(in crate::expr) body: Body,
}

/// The kind of argument that a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) enum Param {
    /// A string.
    Text,
    /// Up to 32 bits, coerced to int.
    Int,
    /// Any integer, coerced to bigint.
    BigInt,
    /// Any number, coerced to double.
    Double,
    /// Any number, as it is.
    Number,
    /// A date, time or timestamp, as it is.
    Instant,
    /// An instant or an interval.
    InstantOrInterval,
    /// A timestamp, or a text that is one.
    TimestampOrText,
    /// A number or a text, as it is.
    NumberOrText,
    /// A text or an integer that is the code of a character.
    TextOrInt,
    /// A boolean.
    Boolean,
    /// Bytes.
    Bytes,
    /// An array.
    Array,
    /// A map.
    Map,
    /// An array or a map.
    Collection,
    /// The name of a unit of time, typed as a bare word; evaluated as a string.
    Unit,
    /// Anything.
    Any,
}

/// When a result can be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) enum Nulls {
    /// When an argument is.
    Propagate,
    /// Always.
    Possible,
    /// Never.
    Never,
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("params", &self.params).finish_non_exhaustive()
    }
}

impl Kernel {
    pub(super) const fn new(
        params: &'static [Param],
        result: fn(&[TypedExpr]) -> Result<LogicalType, String>,
        run: fn(&mut Args<'_>) -> Result<ArrayRef>,
    ) -> Self {
        Self {
            params,
            least: params.len(),
            variadic: false,
            result,
            nulls: Nulls::Propagate,
            body: Body { fallible: false, volatile: false, per_row: false, prepare: None, run },
        }
    }

    pub(super) const fn least(mut self, least: usize) -> Self {
        self.least = least;
        self
    }

    pub(super) const fn variadic(mut self) -> Self {
        self.variadic = true;
        self
    }

    pub(super) const fn nulls(mut self, nulls: Nulls) -> Self {
        self.nulls = nulls;
        self
    }

    pub(super) const fn fallible(mut self) -> Self {
        self.body.fallible = true;
        self
    }

    pub(super) const fn volatile(mut self) -> Self {
        self.body.volatile = true;
        self
    }

    /// Another value in every row, even of constants.
    pub(super) const fn per_row(mut self) -> Self {
        self.body.volatile = true;
        self.body.per_row = true;
        self
    }

    pub(super) const fn prepare(mut self, prepare: Prepare) -> Self {
        self.body.prepare = Some(prepare);
        self
    }

    pub(super) const fn bind(self) -> Binding {
        Binding::Kernel(self)
    }
}

/// Kernel results that do not depend on the arguments.
pub(super) fn gives_string(_: &[TypedExpr]) -> Result<LogicalType, String> {
    Ok(LogicalType::String)
}

pub(super) fn gives_int(_: &[TypedExpr]) -> Result<LogicalType, String> {
    Ok(LogicalType::Int)
}

pub(super) fn gives_bigint(_: &[TypedExpr]) -> Result<LogicalType, String> {
    Ok(LogicalType::BigInt)
}

pub(super) fn gives_double(_: &[TypedExpr]) -> Result<LogicalType, String> {
    Ok(LogicalType::Double)
}

pub(super) fn gives_boolean(_: &[TypedExpr]) -> Result<LogicalType, String> {
    Ok(LogicalType::Boolean)
}

/// The type of the first argument.
pub(super) fn gives_first(args: &[TypedExpr]) -> Result<LogicalType, String> {
    args.first().map(|arg| arg.ty().clone()).ok_or_else(|| "an argument is missing".to_owned())
}
