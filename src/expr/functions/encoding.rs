//! Bytes and addresses as text, and back.

use std::sync::Arc;

use arrow_array::builder::BinaryBuilder;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, cast::AsArray};

use super::args::Args;
use super::spec::{Binding, Family, FunctionSpec, Kernel, Nulls, Param, gives_bigint, gives_string};
use crate::expr::TypedExpr;
use crate::expr::text::{BASE64, write_base64};
use crate::expr::value::mistyped;
use crate::types::{LogicalType, Result};
use Param::{Bytes, Text};

const fn text(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    examples: &'static [(&'static str, &'static str)],
    binding: Binding,
) -> FunctionSpec {
    FunctionSpec::new(Family::String, name, signature, summary, examples, binding)
}

pub(super) const FUNCTIONS: &[FunctionSpec] = &[
    text(
        "to_base64",
        "to_base64(text string) -> string",
        "the bytes of a text in base64",
        &[("to_base64('hello world')", "aGVsbG8gd29ybGQ=")],
        Kernel::new(&[Text], gives_string, to_base64).bind(),
    ),
    text(
        "from_base64",
        "from_base64(text string) -> string",
        "the text whose bytes are given in base64",
        &[("from_base64('aGVsbG8gd29ybGQ=')", "hello world")],
        Kernel::new(&[Text], gives_string, from_base64).fallible().bind(),
    ),
    text(
        "encode",
        "encode(text string, charset string) -> bytes",
        "the bytes of a text in a character set: 'US-ASCII', 'ISO-8859-1', 'UTF-8', 'UTF-16BE', 'UTF-16LE' or 'UTF-16'",
        &[("encode('hi', 'UTF-8')", "x'6869'"), ("encode('h', 'UTF-16')", "x'feff0068'")],
        Kernel::new(&[Text, Text], gives_bytes, encode).fallible().bind(),
    ),
    text(
        "decode",
        "decode(bytes, charset string) -> string",
        "the text whose bytes are given in a character set",
        &[("decode(x'6869', 'UTF-8')", "hi")],
        Kernel::new(&[Bytes, Text], gives_string, decode).fallible().bind(),
    ),
    text(
        "unhex",
        "unhex(text string) -> bytes",
        "the bytes that the hexadecimal digits of a text say, two each; null if it has others",
        &[("unhex('4D7953514C')", "x'4d7953514c'"), ("unhex('zz')", "NULL")],
        Kernel::new(&[Text], gives_bytes, unhex).nulls(Nulls::Possible).bind(),
    ),
    text(
        "inet_aton",
        "inet_aton(address string) -> bigint",
        "an IPv4 address as a number, short forms such as '127.1' too; null if it is none",
        &[("inet_aton('192.168.1.1')", "3232235777"), ("inet_aton('127.1')", "2130706433")],
        Kernel::new(&[Text], gives_bigint, inet_aton).nulls(Nulls::Possible).bind(),
    ),
    text(
        "inet_ntoa",
        "inet_ntoa(number bigint) -> string",
        "the IPv4 address that a number stands for; null if it is none",
        &[("inet_ntoa(3232235777)", "192.168.1.1")],
        Kernel::new(&[Param::BigInt], gives_string, inet_ntoa).nulls(Nulls::Possible).bind(),
    ),
];

#[expect(clippy::unnecessary_wraps, reason = "the registry's functions have one signature")]
fn gives_bytes(_: &[TypedExpr]) -> std::result::Result<LogicalType, String> {
    Ok(LogicalType::Bytes)
}

fn to_base64(args: &mut Args<'_>) -> Result<ArrayRef> {
    let text = args.text(0)?;
    args.strings(|row, out| {
        write_base64(out, text.get(row)?.as_bytes());
        Some(())
    })
}

fn from_base64(args: &mut Args<'_>) -> Result<ArrayRef> {
    let text = args.text(0)?;
    let mut failures = Vec::new();
    let result = args.strings(|row, out| {
        let decoded = decode_base64(text.get(row)?);
        if decoded.is_none() {
            failures.push((row, "not valid base64".to_owned()));
        }
        out.push_str(&decoded?);
        Some(())
    });
    args.failures.extend(failures);
    result
}

fn decode_base64(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = BASE64.iter().position(|&known| known == digit)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 255).ok()?);
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The character sets that every Java has.
#[derive(Clone, Copy)]
enum Charset {
    Ascii,
    Latin1,
    Utf8,
    Utf16Be,
    Utf16Le,
    /// Big-endian unless a mark says otherwise; a mark is written.
    Utf16,
}

impl Charset {
    const NAMES: [(&'static str, Self); 6] = [
        ("US-ASCII", Self::Ascii),
        ("ISO-8859-1", Self::Latin1),
        ("UTF-8", Self::Utf8),
        ("UTF-16BE", Self::Utf16Be),
        ("UTF-16LE", Self::Utf16Le),
        ("UTF-16", Self::Utf16),
    ];

    fn named(name: &str) -> std::result::Result<Self, String> {
        let found = Self::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|&(_, charset)| charset).ok_or_else(|| {
            format!("unknown character set '{}': there are {}", crate::types::printable(name), {
                Self::NAMES.map(|(name, _)| name).join(", ")
            })
        })
    }

    fn encode(self, text: &str, out: &mut Vec<u8>) {
        let narrow = |limit: u32| {
            text.chars().map(move |c| u8::try_from(u32::from(c)).ok().filter(|&b| u32::from(b) < limit).unwrap_or(b'?'))
        };
        match self {
            Self::Ascii => out.extend(narrow(128)),
            Self::Latin1 => out.extend(narrow(256)),
            Self::Utf8 => out.extend_from_slice(text.as_bytes()),
            Self::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            Self::Utf16Be => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Self::Utf16 if text.is_empty() => {}
            Self::Utf16 => {
                out.extend([0xfe, 0xff]);
                Self::Utf16Be.encode(text, out);
            }
        }
    }

    fn decode(self, bytes: &[u8], out: &mut String) {
        let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16, out: &mut String| {
            let units = bytes.chunks(2).map(|pair| if let &[a, b] = pair { unit([a, b]) } else { 0xfffd });
            out.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
        };
        match self {
            Self::Ascii => {
                let decoded = bytes.iter().map(|&b| if b < 128 { char::from(b) } else { char::REPLACEMENT_CHARACTER });
                out.extend(decoded);
            }
            Self::Latin1 => out.extend(bytes.iter().copied().map(char::from)),
            Self::Utf8 => out.push_str(&String::from_utf8_lossy(bytes)),
            Self::Utf16Le => wide(bytes, u16::from_le_bytes, out),
            Self::Utf16Be => wide(bytes, u16::from_be_bytes, out),
            Self::Utf16 => match bytes {
                [0xff, 0xfe, rest @ ..] => Self::Utf16Le.decode(rest, out),
                [0xfe, 0xff, rest @ ..] => Self::Utf16Be.decode(rest, out),
                _ => Self::Utf16Be.decode(bytes, out),
            },
        }
    }
}

/// Builds bytes: `f` writes each into an empty buffer, or says null.
pub(super) fn binaries(rows: usize, mut f: impl FnMut(usize, &mut Vec<u8>) -> Option<()>) -> ArrayRef {
    let mut builder = BinaryBuilder::with_capacity(rows, rows * 16);
    let mut scratch = Vec::new();
    for row in 0..rows {
        scratch.clear();
        match f(row, &mut scratch) {
            Some(()) => builder.append_value(&scratch),
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}

/// The bytes of argument `i`, row by row.
pub(super) fn bytes_of<'a>(args: &Args<'a>, i: usize) -> Result<impl Fn(usize) -> Option<&'a [u8]> + use<'a>> {
    let value = &args.values[i];
    let data = value.data().as_binary_opt::<i32>().ok_or_else(|| mistyped(value.data(), "bytes"))?;
    let scalar = value.is_scalar();
    Ok(move |row: usize| {
        let place = if scalar { 0 } else { row };
        data.is_valid(place).then(|| data.value(place))
    })
}

fn encode(args: &mut Args<'_>) -> Result<ArrayRef> {
    let (texts, charsets) = (args.text(0)?, args.text(1)?);
    let mut failures = Vec::new();
    let result = binaries(args.rows, |row, out| {
        let (text, name) = (texts.get(row)?, charsets.get(row)?);
        Charset::named(name).map_err(|message| failures.push((row, message))).ok()?.encode(text, out);
        Some(())
    });
    args.failures.extend(failures);
    Ok(result)
}

fn decode(args: &mut Args<'_>) -> Result<ArrayRef> {
    let (bytes, charsets) = (bytes_of(args, 0)?, args.text(1)?);
    let mut failures = Vec::new();
    let result = args.strings(|row, out| {
        let (bytes, name) = (bytes(row)?, charsets.get(row)?);
        Charset::named(name).map_err(|message| failures.push((row, message))).ok()?.decode(bytes, out);
        Some(())
    });
    args.failures.extend(failures);
    result
}

fn unhex(args: &mut Args<'_>) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    Ok(binaries(args.rows, |row, out| {
        let digits = texts.get(row)?.bytes().map(|digit| char::from(digit).to_digit(16));
        let digits = digits.collect::<Option<Vec<u32>>>()?;
        // An odd first digit is a byte of its own.
        let (first, pairs) = digits.split_at(digits.len() % 2);
        out.extend(first.iter().filter_map(|&digit| u8::try_from(digit).ok()));
        out.extend(pairs.chunks(2).filter_map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok()));
        Some(())
    }))
}

fn inet_aton(args: &mut Args<'_>) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    args.numbers::<Int64Type>(|row| address(texts.get(row)?))
}

/// The last part of a short form fills what is missing.
fn address(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split('.').collect();
    let (last, first) = parts.split_last()?;
    let number = |text: &str| -> Option<i64> {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    let left = 4_usize.checked_sub(first.len())?;
    let mut address = 0;
    for part in first {
        address = address << 8 | number(part).filter(|&part| part < 256)?;
    }
    let bits = 8 * left;
    (left > 0).then_some(())?;
    Some(address << bits | number(last).filter(|&last| last < 256)?)
}

fn inet_ntoa(args: &mut Args<'_>) -> Result<ArrayRef> {
    let numbers = args.bigint(0)?;
    args.strings(|row, out| {
        let number = u32::try_from(numbers.get(row)?).ok()?;
        out.push_str(&std::net::Ipv4Addr::from(number).to_string());
        Some(())
    })
}
