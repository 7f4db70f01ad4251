//! The kernels of text functions.

use arrow_array::ArrayRef;
use arrow_array::types::Int32Type;

use crate::expr::functions::args::Args;
use crate::types::{LogicalType, Result};

type Output = Result<ArrayRef>;

/// The most bytes that one call may make of one row.
const MAX_TEXT: usize = 16 << 20;

fn length(text: &str) -> i32 {
    i32::try_from(if text.is_ascii() { text.len() } else { text.chars().count() }).unwrap_or(i32::MAX)
}

/// The characters `from..to` of a text, from 0.
fn characters(text: &str, from: usize, to: usize) -> &str {
    if text.is_ascii() {
        return &text[from.min(text.len())..to.min(text.len()).max(from.min(text.len()))];
    }
    let mut places = text.char_indices().map(|(place, _)| place);
    let start = places.nth(from).unwrap_or(text.len());
    let end = if to <= from { start } else { places.nth(to - from - 1).unwrap_or(text.len()) };
    &text[start..end]
}

fn count(value: i32) -> usize {
    usize::try_from(value).unwrap_or(0)
}

pub(super) fn char_length(args: &mut Args<'_>) -> Output {
    let text = args.text(0)?;
    args.numbers::<Int32Type>(|row| text.get(row).map(length))
}

pub(super) fn upper(args: &mut Args<'_>) -> Output {
    let text = args.text(0)?;
    args.strings(|row, out| {
        let text = text.get(row)?;
        if text.is_ascii() {
            out.push_str(text);
            out.make_ascii_uppercase();
        } else {
            out.push_str(&text.to_uppercase());
        }
        Some(())
    })
}

pub(super) fn lower(args: &mut Args<'_>) -> Output {
    let text = args.text(0)?;
    args.strings(|row, out| {
        let text = text.get(row)?;
        if text.is_ascii() {
            out.push_str(text);
            out.make_ascii_lowercase();
        } else {
            out.push_str(&text.to_lowercase());
        }
        Some(())
    })
}

pub(super) fn initcap(args: &mut Args<'_>) -> Output {
    let text = args.text(0)?;
    args.strings(|row, out| {
        let mut inside = false;
        for c in text.get(row)?.chars() {
            out.push(if inside { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() });
            inside = c.is_ascii_alphanumeric();
        }
        Some(())
    })
}

pub(super) fn trim(args: &mut Args<'_>) -> Output {
    trimmed(args, true, true)
}

pub(super) fn ltrim(args: &mut Args<'_>) -> Output {
    trimmed(args, true, false)
}

pub(super) fn rtrim(args: &mut Args<'_>) -> Output {
    trimmed(args, false, true)
}

fn trimmed(args: &Args<'_>, start: bool, end: bool) -> Output {
    let text = args.text(0)?;
    let characters = args.optional(1, Args::text)?;
    args.slices(|row| {
        let mut text = text.get(row)?;
        let set = match &characters {
            Some(characters) => characters.get(row)?,
            None => " ",
        };
        if start {
            text = text.trim_start_matches(|c| set.contains(c));
        }
        if end {
            text = text.trim_end_matches(|c| set.contains(c));
        }
        Some(text)
    })
}

pub(super) fn substring(args: &mut Args<'_>) -> Output {
    let (text, start) = (args.text(0)?, args.int(1)?);
    let wanted = args.optional(2, Args::int)?;
    args.slices(|row| {
        let (text, start) = (text.get(row)?, start.get(row)?);
        let wanted = match &wanted {
            Some(wanted) => wanted.get(row)?,
            None => i32::MAX,
        };
        if wanted < 0 {
            return None;
        }
        let from = match start {
            0 => 0,
            1.. => count(start - 1),
            _ => match usize::try_from(i64::from(length(text)) + i64::from(start)) {
                Ok(from) => from,
                Err(_) => return Some(""),
            },
        };
        Some(characters(text, from, from.saturating_add(count(wanted))))
    })
}

pub(super) fn left(args: &mut Args<'_>) -> Output {
    let (text, wanted) = (args.text(0)?, args.int(1)?);
    args.slices(|row| Some(characters(text.get(row)?, 0, count(wanted.get(row)?))))
}

pub(super) fn right(args: &mut Args<'_>) -> Output {
    let (text, wanted) = (args.text(0)?, args.int(1)?);
    args.slices(|row| {
        let (text, wanted) = (text.get(row)?, count(wanted.get(row)?));
        Some(characters(text, count(length(text)).saturating_sub(wanted), usize::MAX))
    })
}

pub(super) fn concat(args: &mut Args<'_>) -> Output {
    let texts = (0..args.count()).map(|i| args.text(i)).collect::<Result<Vec<_>>>()?;
    args.strings(|row, out| texts.iter().try_for_each(|text| text.get(row).map(|text| out.push_str(text))))
}

pub(super) fn concat_ws(args: &mut Args<'_>) -> Output {
    let texts = (0..args.count()).map(|i| args.text(i)).collect::<Result<Vec<_>>>()?;
    args.strings(|row, out| {
        let (separator, texts) = texts.split_first()?;
        let separator = separator.get(row)?;
        for (i, text) in texts.iter().filter_map(|text| text.get(row)).enumerate() {
            if i > 0 {
                out.push_str(separator);
            }
            out.push_str(text);
        }
        Some(())
    })
}

pub(super) fn replace(args: &mut Args<'_>) -> Output {
    let (text, search, with) = (args.text(0)?, args.text(1)?, args.text(2)?);
    args.strings(|row, out| {
        let (text, search, with) = (text.get(row)?, search.get(row)?, with.get(row)?);
        let mut done = 0;
        for (place, found) in text.match_indices(search) {
            out.push_str(&text[done..place]);
            out.push_str(with);
            done = place + found.len();
        }
        out.push_str(&text[done..]);
        Some(())
    })
}

pub(super) fn translate(args: &mut Args<'_>) -> Output {
    let (text, from, to) = (args.text(0)?, args.text(1)?, args.text(2)?);
    args.strings(|row, out| {
        // As in Flink, nothing is replaced without `from`, and removed without `to`.
        let (text, from, to) = (text.get(row)?, from.get(row).unwrap_or_default(), to.get(row).unwrap_or_default());
        for c in text.chars() {
            match from.chars().position(|known| known == c) {
                Some(place) => out.extend(to.chars().nth(place)),
                None => out.push(c),
            }
        }
        Some(())
    })
}

/// The place, from 1, of the `nth` occurrence at or behind the place `start`; 0 if there is none.
fn find(text: &str, search: &str, start: i32, nth: i32) -> i32 {
    if search.is_empty() {
        return 1;
    }
    let skipped = characters(text, 0, count(start - 1));
    let mut from = skipped.len();
    for n in 1..=nth {
        let Some(place) = text.get(from..).and_then(|rest| rest.find(search)) else { return 0 };
        if n == nth {
            return length(&text[..from + place]) + 1;
        }
        let step = text[from + place..].chars().next().map_or(1, char::len_utf8);
        from += place + step;
    }
    0
}

pub(super) fn locate(args: &mut Args<'_>) -> Output {
    let (search, text) = (args.text(0)?, args.text(1)?);
    let start = args.optional(2, Args::int)?;
    args.numbers::<Int32Type>(|row| {
        let start = match &start {
            Some(start) => start.get(row)?,
            None => 1,
        };
        Some(find(text.get(row)?, search.get(row)?, start.max(1), 1))
    })
}

pub(super) fn instr(args: &mut Args<'_>) -> Output {
    let (text, search) = (args.text(0)?, args.text(1)?);
    let (start, nth) = (args.optional(2, Args::int)?, args.optional(3, Args::int)?);
    let mut failures = Vec::new();
    let result = args.numbers::<Int32Type>(|row| {
        let start = start.as_ref().map_or(Some(1), |start| start.get(row))?;
        let nth = nth.as_ref().map_or(Some(1), |nth| nth.get(row))?;
        let (text, search) = (text.get(row)?, search.get(row)?);
        if nth < 1 {
            failures.push((row, format!("`instr` counts occurrences from 1, not from {nth}")));
            return None;
        }
        Some(match start {
            0 => 0,
            1.. => find(text, search, start, nth),
            _ => find_back(text, search, start, nth),
        })
    });
    args.failures.extend(failures);
    result
}

/// The place, from 1, of the `nth` occurrence counted from the end, all of it at or before the place `start` from the end
/// (-1 is the last character); 0 if there is none.
fn find_back(text: &str, search: &str, start: i32, nth: i32) -> i32 {
    let reversed = |text: &str| text.chars().rev().collect::<String>();
    match find(&reversed(text), &reversed(search), start.saturating_neg(), nth) {
        0 => 0,
        place => length(text) + 2 - place - length(search),
    }
}

pub(super) fn startswith(args: &mut Args<'_>) -> Output {
    let (text, start) = (args.text(0)?, args.text(1)?);
    args.booleans(|row| Some(text.get(row)?.starts_with(start.get(row)?)))
}

pub(super) fn endswith(args: &mut Args<'_>) -> Output {
    let (text, end) = (args.text(0)?, args.text(1)?);
    args.booleans(|row| Some(text.get(row)?.ends_with(end.get(row)?)))
}

pub(super) fn lpad(args: &mut Args<'_>) -> Output {
    pad(args, true)
}

pub(super) fn rpad(args: &mut Args<'_>) -> Output {
    pad(args, false)
}

fn pad(args: &Args<'_>, before: bool) -> Output {
    let (text, wanted, padding) = (args.text(0)?, args.int(1)?, args.text(2)?);
    args.strings(|row, out| {
        let (text, wanted, padding) = (text.get(row)?, wanted.get(row)?, padding.get(row)?);
        let wanted = usize::try_from(wanted).ok().filter(|&wanted| wanted <= MAX_TEXT)?;
        if padding.is_empty() {
            return None;
        }
        let missing = wanted.saturating_sub(count(length(text)));
        if !before {
            out.push_str(characters(text, 0, wanted));
        }
        out.extend(padding.chars().cycle().take(missing));
        if before {
            out.push_str(characters(text, 0, wanted));
        }
        Some(())
    })
}

pub(super) fn repeat(args: &mut Args<'_>) -> Output {
    let (text, times) = (args.text(0)?, args.int(1)?);
    let mut failures = Vec::new();
    let result = args.strings(|row, out| {
        let (text, times) = (text.get(row)?, count(times.get(row)?));
        if text.len().saturating_mul(times) > MAX_TEXT {
            failures.push((row, format!("`repeat` would make a text of more than {MAX_TEXT} bytes")));
            return None;
        }
        (0..times).for_each(|_| out.push_str(text));
        Some(())
    });
    args.failures.extend(failures);
    result
}

pub(super) fn reverse(args: &mut Args<'_>) -> Output {
    let text = args.text(0)?;
    args.strings(|row, out| {
        out.extend(text.get(row)?.chars().rev());
        Some(())
    })
}

pub(super) fn overlay(args: &mut Args<'_>) -> Output {
    let (text, with, start) = (args.text(0)?, args.text(1)?, args.int(2)?);
    let wanted = args.optional(3, Args::int)?;
    args.strings(|row, out| {
        let (text, with, start) = (text.get(row)?, with.get(row)?, start.get(row)?);
        let wanted = match &wanted {
            Some(wanted) => wanted.get(row)?,
            None => length(with),
        };
        if start < 1 || start > length(text) {
            out.push_str(text);
            return Some(());
        }
        let from = count(start - 1);
        out.push_str(characters(text, 0, from));
        out.push_str(with);
        // As in Flink, nothing follows a replacement of no characters.
        if wanted > 0 {
            out.push_str(characters(text, from.saturating_add(count(wanted)), usize::MAX));
        }
        Some(())
    })
}

pub(super) fn split_index(args: &mut Args<'_>) -> Output {
    let (text, index) = (args.text(0)?, args.int(2)?);
    if args.types[1] == LogicalType::Int {
        let code = args.int(1)?;
        return args.slices(|row| {
            let separator = char::from_u32(u32::try_from(code.get(row)?).ok()?)?;
            nth_part(text.get(row)?, separator.encode_utf8(&mut [0; 4]), index.get(row)?)
        });
    }
    let separator = args.text(1)?;
    args.slices(|row| nth_part(text.get(row)?, separator.get(row)?, index.get(row)?))
}

fn nth_part<'t>(text: &'t str, separator: &str, index: i32) -> Option<&'t str> {
    let index = usize::try_from(index).ok()?;
    if text.is_empty() {
        return None;
    }
    match separator.as_bytes() {
        [] => text.split_whitespace().nth(index),
        &[byte] => {
            // One byte is ASCII, and found without decoding.
            let mut ends = memchr::memchr_iter(byte, text.as_bytes()).chain([text.len()]);
            let start = if index == 0 { 0 } else { ends.nth(index - 1)? + 1 };
            text.get(start..ends.next()?)
        }
        _ => text.split(separator).nth(index),
    }
}

pub(super) fn ascii(args: &mut Args<'_>) -> Output {
    let text = args.text(0)?;
    args.numbers::<Int32Type>(|row| Some(text.get(row)?.bytes().next().map_or(0, |byte| byte.cast_signed().into())))
}

pub(super) fn chr(args: &mut Args<'_>) -> Output {
    let code = args.bigint(0)?;
    args.strings(|row, out| {
        let code = code.get(row)?;
        if let (0.., Ok(byte)) = (code, u8::try_from(code.rem_euclid(256))) {
            out.push(char::from(byte));
        }
        Some(())
    })
}

pub(super) fn url_encode(args: &mut Args<'_>) -> Output {
    let text = args.text(0)?;
    args.strings(|row, out| {
        for byte in text.get(row)?.bytes() {
            match byte {
                b' ' => out.push('+'),
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => out.push(char::from(byte)),
                _ => {
                    out.push('%');
                    out.extend([byte >> 4, byte & 15].iter().filter_map(|&digit| {
                        char::from_digit(digit.into(), 16).map(|digit| digit.to_ascii_uppercase())
                    }));
                }
            }
        }
        Some(())
    })
}

pub(super) fn url_decode(args: &mut Args<'_>) -> Output {
    let text = args.text(0)?;
    args.strings(|row, out| {
        let mut bytes = Vec::new();
        let mut rest = text.get(row)?.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'+' => bytes.push(b' '),
                b'%' => {
                    let mut digit = || char::from(rest.next()?).to_digit(16);
                    bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
                }
                _ => bytes.push(byte),
            }
        }
        out.push_str(&String::from_utf8_lossy(&bytes));
        Some(())
    })
}
