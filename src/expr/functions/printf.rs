//! `printf`: Java's format strings.

use std::fmt::Write;

use arrow_array::{Array, ArrayRef, cast::AsArray};

use super::args::Args;
use super::spec::{Family, FunctionSpec, Kernel, Nulls, Param, gives_string};
use crate::expr::cast::write_value;
use crate::expr::kernels::Longs;
use crate::expr::value::Value;
use crate::types::{LogicalType, Result};

pub(super) const FUNCTIONS: &[FunctionSpec] = &[FunctionSpec::new(
    Family::String,
    "printf",
    "printf(format string, value, …) -> string",
    "the values in a format of Java: %s %d %x %o %f %e %g %b %c %n %% with flags, width and precision; null if they do not fit",
    &[("printf('%s has %05d, %.2f', 'a', 42, 1.005e0)", "a has 00042, 1.01"), ("printf('%d', 'x')", "NULL")],
    Kernel::new(&[Param::Text, Param::Any], gives_string, printf).least(1).variadic().nulls(Nulls::Possible).bind(),
)];

/// The most characters that a width or precision may ask for.
const WIDTH_MAX: usize = 1 << 16;

/// `%[index$][flags][width][.precision]conversion`
#[derive(Debug, Default)]
struct Directive {
    index: Option<usize>,
    flags: String,
    width: usize,
    precision: Option<usize>,
    conversion: char,
}

impl Directive {
    /// The directive behind a `%`, and what stands behind it.
    fn parse(rest: &str) -> Option<(Self, &str)> {
        let number = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let mut found = Self::default();
        let mut rest = rest;
        let digits = number(rest);
        if digits > 0 && rest[digits..].starts_with('$') {
            found.index = Some(rest[..digits].parse::<usize>().ok()?.checked_sub(1)?);
            rest = &rest[digits + 1..];
        }
        let flags = rest.bytes().take_while(|b| b"-#+ 0,(".contains(b)).count();
        rest[..flags].clone_into(&mut found.flags);
        rest = &rest[flags..];
        let digits = number(rest);
        if digits > 0 {
            found.width = rest[..digits].parse().ok().filter(|&width| width <= WIDTH_MAX)?;
            rest = &rest[digits..];
        } else if found.has('-') || found.has('0') {
            return None;
        }
        if let Some(behind) = rest.strip_prefix('.') {
            let digits = number(behind);
            found.precision = Some(behind[..digits].parse().ok().filter(|&precision| precision <= WIDTH_MAX)?);
            rest = &behind[digits..];
        }
        let mut chars = rest.chars();
        found.conversion = chars.next()?;
        Some((found, chars.as_str()))
    }

    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    /// Writes `body` filled up to the width.
    fn fill(&self, out: &mut String, body: &str) {
        let missing = self.width.saturating_sub(body.chars().count());
        if self.has('-') {
            out.push_str(body);
        }
        out.extend(std::iter::repeat_n(' ', missing));
        if !self.has('-') {
            out.push_str(body);
        }
    }

    /// Writes a number of these digits with its sign, grouped and filled with zeros as the flags say.
    fn number(&self, out: &mut String, negative: bool, digits: &str) {
        let mut body = String::new();
        if self.has(',') {
            let whole = digits.find('.').unwrap_or(digits.len());
            for (i, digit) in digits[..whole].char_indices() {
                if i > 0 && (whole - i).is_multiple_of(3) {
                    body.push(',');
                }
                body.push(digit);
            }
            body.push_str(&digits[whole..]);
        } else {
            body.push_str(digits);
        }
        let (before, behind) = match (negative, self.has('(')) {
            (true, true) => ("(", ")"),
            (true, false) => ("-", ""),
            (false, _) if self.has('+') => ("+", ""),
            (false, _) if self.has(' ') => (" ", ""),
            (false, _) => ("", ""),
        };
        if self.has('0') {
            let missing = self.width.saturating_sub(body.len() + before.len() + behind.len());
            body.insert_str(0, &"0".repeat(missing));
        }
        self.fill(out, &format!("{before}{body}{behind}"));
    }

    /// Writes `value`; `None` when it is not of the conversion's kind.
    fn write(&self, out: &mut String, value: &Argument<'_>) -> Option<()> {
        let cut = |text: String| match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text,
        };
        match self.conversion {
            's' => self.fill(out, &cut(value.shown())),
            'S' => self.fill(out, &cut(value.shown()).to_uppercase()),
            'b' | 'B' => {
                let shown = cut(match value.boolean() {
                    Some(value) => value.to_string(),
                    None => (!value.is_null()).to_string(),
                });
                self.fill(out, &if self.conversion == 'B' { shown.to_uppercase() } else { shown });
            }
            'd' | 'x' | 'X' | 'o' | 'c' | 'C' | 'f' | 'e' | 'E' | 'g' | 'G' if value.is_null() => {
                self.fill(out, "null");
            }
            'd' if self.precision.is_none() => {
                let number = value.integer()?;
                self.number(out, number < 0, &number.unsigned_abs().to_string());
            }
            'x' | 'X' | 'o' if self.precision.is_none() => {
                let bits = value.bits()?;
                let digits = match self.conversion {
                    'x' => format!("{bits:x}"),
                    'X' => format!("{bits:X}"),
                    _ => format!("{bits:o}"),
                };
                let plain =
                    Self { flags: self.flags.replace(['+', ' ', '(', ','], ""), width: self.width, ..Self::default() };
                plain.number(out, false, &digits);
            }
            'c' | 'C' => {
                let c = char::from_u32(u32::try_from(value.integer()?).ok()?)?.to_string();
                self.fill(out, &if self.conversion == 'C' { c.to_uppercase() } else { c });
            }
            'f' | 'e' | 'E' | 'g' | 'G' => {
                let decimal = match value.decimal()? {
                    Ok(decimal) => decimal,
                    Err(name) => {
                        self.fill(out, name);
                        return Some(());
                    }
                };
                let precision = self.precision.unwrap_or(6);
                let digits = match self.conversion {
                    'f' => decimal.fixed(precision),
                    'e' | 'E' => decimal.scientific(precision),
                    _ => decimal.general(precision.max(1)),
                };
                let upper = self.conversion.is_ascii_uppercase();
                self.number(out, decimal.negative, &if upper { digits.to_uppercase() } else { digits });
            }
            _ => return None,
        }
        Some(())
    }
}

/// A value of a row.
struct Argument<'a> {
    data: &'a ArrayRef,
    ty: &'a LogicalType,
    row: usize,
}

impl Argument<'_> {
    fn is_null(&self) -> bool {
        *self.ty == LogicalType::Null || self.data.is_null(self.row)
    }

    fn shown(&self) -> String {
        let mut out = String::new();
        if self.is_null() {
            return "null".to_owned();
        }
        match self.boolean() {
            Some(value) => out.push_str(if value { "true" } else { "false" }),
            None => write_value(&mut out, self.data, self.ty, self.row),
        }
        if matches!(self.ty, LogicalType::Timestamp | LogicalType::TimestampLtz) {
            return out.replacen(' ', "T", 1);
        }
        out
    }

    fn boolean(&self) -> Option<bool> {
        let bits = self.data.as_boolean_opt()?;
        bits.is_valid(self.row).then(|| bits.value(self.row))
    }

    fn integer(&self) -> Option<i64> {
        let value = Value::Array(self.data.clone());
        if self.ty.is_integer() { Longs::new(&value).ok().map(|longs| longs.get(self.row)) } else { None }
    }

    /// Two's complement in the width of the type.
    fn bits(&self) -> Option<u64> {
        let bits = self.integer()?.cast_unsigned();
        Some(if *self.ty == LogicalType::TinyInt {
            bits & 0xff
        } else if *self.ty == LogicalType::SmallInt {
            bits & 0xffff
        } else if *self.ty == LogicalType::Int {
            bits & 0xffff_ffff
        } else {
            bits
        })
    }

    /// A floating-point number, or the name of what is none.
    fn decimal(&self) -> Option<std::result::Result<Decimal, &'static str>> {
        if !matches!(self.ty, LogicalType::Float | LogicalType::Double) {
            return None;
        }
        let mut shown = String::new();
        write_value(&mut shown, self.data, self.ty, self.row);
        Some(match shown.as_str() {
            "NaN" => Err("NaN"),
            "Infinity" => Err("Infinity"),
            "-Infinity" => Err("-Infinity"),
            shown => Ok(Decimal::parse(shown)?),
        })
    }
}

/// A number by its decimal digits: `0.d₁d₂d₃… × 10^exponent`.
struct Decimal {
    negative: bool,
    /// Each 0 to 9.
    digits: Vec<u8>,
    exponent: i32,
}

impl Decimal {
    /// From `-12.5` or `1.25E-7`.
    fn parse(shown: &str) -> Option<Self> {
        let (negative, rest) = shown.strip_prefix('-').map_or((false, shown), |rest| (true, rest));
        let (mantissa, exponent) = rest.split_once('E').unwrap_or((rest, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|digit| digit - b'0').collect();
        let exponent = i32::try_from(whole.len()).ok()? + exponent.parse::<i32>().ok()?;
        let zeros = digits.iter().take_while(|&&digit| digit == 0).count();
        let exponent = if zeros == digits.len() { 1 } else { exponent - i32::try_from(zeros).ok()? };
        Some(Self { negative, digits: digits[zeros..].to_vec(), exponent })
    }

    /// The first `count` digits, the last rounded half up, and by how much the exponent grew.
    fn rounded(&self, count: i64) -> (Vec<u8>, i32) {
        let Ok(count) = usize::try_from(count) else { return (Vec::new(), 0) };
        let mut kept: Vec<u8> = self.digits.iter().copied().chain(std::iter::repeat(0)).take(count).collect();
        if self.digits.get(count).is_none_or(|&next| next < 5) {
            return (kept, 0);
        }
        for digit in kept.iter_mut().rev() {
            *digit += 1;
            if *digit < 10 {
                return (kept, 0);
            }
            *digit = 0;
        }
        kept.insert(0, 1);
        (kept, 1)
    }

    fn fixed(&self, precision: usize) -> String {
        let precision = i64::try_from(precision).unwrap_or(0);
        let (digits, grown) = self.rounded(i64::from(self.exponent) + precision);
        let whole = i64::from(self.exponent + grown);
        let digit =
            |at: i64| usize::try_from(at).ok().and_then(|at| digits.get(at)).map_or('0', |&d| char::from(d + b'0'));
        let mut out: String = if whole > 0 { (0..whole).map(digit).collect() } else { "0".to_owned() };
        if precision > 0 {
            out.push('.');
            out.extend((whole..whole + precision).map(digit));
        }
        out
    }

    fn scientific(&self, precision: usize) -> String {
        let (digits, grown) = self.rounded(i64::try_from(precision).unwrap_or(0) + 1);
        let mut out = String::new();
        for (i, digit) in digits.iter().take(precision + 1).enumerate() {
            if i == 1 {
                out.push('.');
            }
            out.push(char::from(digit + b'0'));
        }
        let exponent = if self.digits.is_empty() { 0 } else { self.exponent - 1 + grown };
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "e{sign}{:02}", exponent.unsigned_abs());
        out
    }

    /// So many digits that count, with an exponent below 10^-4 and from 10^precision on.
    fn general(&self, precision: usize) -> String {
        let limit = i32::try_from(precision).unwrap_or(i32::MAX);
        let (_, grown) = self.rounded(i64::from(limit));
        let exponent = self.exponent + grown;
        if self.digits.is_empty() || (-3..=limit).contains(&exponent) {
            return self.fixed(usize::try_from(limit - exponent).unwrap_or(0));
        }
        self.scientific(precision - 1)
    }
}

/// The texts between directives, and the directives.
fn parts(format: &str) -> Option<Vec<(&str, Option<Directive>)>> {
    let mut parts = Vec::new();
    let mut rest = format;
    while let Some((before, behind)) = rest.split_once('%') {
        let (directive, behind) = Directive::parse(behind)?;
        parts.push((before, Some(directive)));
        rest = behind;
    }
    parts.push((rest, None));
    Some(parts)
}

fn printf(args: &mut Args<'_>) -> Result<ArrayRef> {
    let formats = args.text(0)?;
    let mut compiled = None;
    args.strings(|row, out| {
        let format = formats.get(row)?;
        if compiled.as_ref().is_none_or(|(known, _)| *known != format) {
            compiled = Some((format, parts(format)));
        }
        let parts = compiled.as_ref()?.1.as_ref()?;
        let mut next = 0;
        for (before, directive) in parts {
            out.push_str(before);
            let Some(directive) = directive else { continue };
            match directive.conversion {
                'n' => out.push('\n'),
                '%' => directive.fill(out, "%"),
                _ => {
                    let at = 1 + directive.index.unwrap_or_else(|| {
                        next += 1;
                        next - 1
                    });
                    let value = args.values.get(at)?;
                    let value = Argument { data: value.data(), ty: &args.types[at], row: args.place(at, row) };
                    directive.write(out, &value)?;
                }
            }
        }
        Some(())
    })
}
