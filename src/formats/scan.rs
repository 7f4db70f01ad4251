//! Looking at text many bytes at a time: 16 in a vector (`wide` picks the target's instructions), 8 inside a word. All of
//! it is safe code: a load is a bounds-checked copy of a fixed-size array, which compiles to one instruction.

/// The eight bytes at `pos`, the first in the lowest byte; `None` within eight bytes of the end.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
#[must_use]
pub fn word_at(bytes: &[u8], pos: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(pos..)?.first_chunk::<8>()?))
}

const HIGHS: u64 = 0x8080_8080_8080_8080;
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The number of the eight bytes, from the first on, that are ASCII digits.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
#[must_use]
pub const fn digit_count(word: u64) -> u32 {
    let values = word ^ ZEROS;
    // A byte over 9 gets its high bit, by the sum or by itself. A carry can only spoil bytes behind the first such one.
    let over = (values.wrapping_add(0x7676_7676_7676_7676) | values) & HIGHS;
    over.trailing_zeros() / 8
}

/// The number that the first `count` bytes of `word` spell, 1 ≤ `count` ≤ 8; they must be digits.
///
/// Three multiplications add neighbours, then pairs, then fours (D. Lemire, "Quickly parsing eight digits", 2018).
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
#[must_use]
pub const fn digits_value(word: u64, count: u32) -> u64 {
    let values = (word ^ ZEROS) << (64 - 8 * count);
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xffff_ffff
}

const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The whole number of at most 15 digits (and perhaps a minus sign) at `pos`, and the position behind it. `None` when
/// there is none, or when it begins with a needless zero, goes on as a fraction or exponent, is longer, or stands too
/// near the end of `bytes`: then the general parser decides.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
#[must_use]
pub fn small_integer(bytes: &[u8], pos: usize) -> Option<(i64, usize)> {
    let negative = *bytes.get(pos)? == b'-';
    let first = pos + usize::from(negative);
    let word = word_at(bytes, first)?;
    let mut count = digit_count(word);
    if count == 0 {
        return None;
    }
    let mut value = digits_value(word, count);
    if count == 8 {
        let next = word_at(bytes, first + 8)?;
        let more = digit_count(next);
        if more == 8 {
            return None;
        }
        if more > 0 {
            value = value * POWERS[more as usize] + digits_value(next, more);
        }
        count += more;
    }
    let end = first + count as usize;
    if (word & 0xff == u64::from(b'0') && count > 1) || matches!(*bytes.get(end)?, b'.' | b'e' | b'E') {
        return None;
    }
    // At most 15 digits: the sign bit is free.
    let value = value.cast_signed();
    Some((if negative { -value } else { value }, end))
}

/// The digits at `at` of `window`, at most 15 and no needless zero in front, as a number, and the place behind them;
/// what stands there is for the caller to look at. `None` leaves it to the general parser. `at` must be below 32.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
#[must_use]
pub fn window_integer(window: &[u8; 64], at: usize) -> Option<(i64, usize)> {
    let at = at & 31;
    let word = u64::from_le_bytes(*window[at..].first_chunk::<8>()?);
    let mut count = digit_count(word);
    if count == 0 || word & 0xff == u64::from(b'0') && count > 1 {
        return None;
    }
    let mut value = digits_value(word, count);
    if count == 8 {
        let next = u64::from_le_bytes(*window[at + 8..].first_chunk::<8>()?);
        let more = digit_count(next);
        if more == 8 {
            return None;
        }
        if more > 0 {
            value = value * POWERS[more as usize] + digits_value(next, more);
        }
        count += more;
    }
    Some((value.cast_signed(), at + count as usize))
}

/// The place behind the whole number at `at` of `window`, as [`window_integer`] takes it, where a comma or a closing
/// brace follows.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
#[must_use]
pub fn window_integer_end(window: &[u8; 64], at: usize) -> Option<usize> {
    let at = at & 31;
    let word = u64::from_le_bytes(*window[at..].first_chunk::<8>()?);
    let mut count = digit_count(word);
    if count == 0 || word & 0xff == u64::from(b'0') && count > 1 {
        return None;
    }
    if count == 8 {
        count += digit_count(u64::from_le_bytes(*window[at + 8..].first_chunk::<8>()?));
    }
    let end = at + count as usize;
    matches!(window.get(end)?, b',' | b'}').then_some(end)
}

/// The whole number that all of `bytes[start..end]` spells, of at most 16 digits without a sign; `None` leaves it to
/// the general parser.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
#[must_use]
pub fn cell_integer(bytes: &[u8], start: usize, end: usize) -> Option<i64> {
    let length = end - start;
    if length == 0 || length > 16 {
        return None;
    }
    let head = length.min(8);
    let word = word_at(bytes, start)?;
    let mut value = all_digits(word, head)?;
    if length > 8 {
        let tail = length - 8;
        value = value * POWERS[tail] + all_digits(word_at(bytes, start + 8)?, tail)?;
    }
    Some(value.cast_signed())
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
#[expect(clippy::cast_possible_truncation, reason = "a count of at most eight")]
fn all_digits(word: u64, count: usize) -> Option<u64> {
    (digit_count(word) as usize >= count).then(|| digits_value(word, count as u32))
}

/// The position of the first byte at or behind `pos` that ends a plain run inside a JSON string: a quote, a backslash,
/// a control character, or anything beyond ASCII; `bytes.len()` when there is none.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
#[must_use]
pub fn string_stop(bytes: &[u8], mut pos: usize) -> usize {
    // Most strings are shorter than one block; of a longer one four blocks at a time cost one branch.
    if let Some(block) = bytes.get(pos..).and_then(<[u8]>::first_chunk::<16>) {
        let stops = lanes::string_stops(block);
        if stops != 0 {
            return pos + stops.trailing_zeros() as usize;
        }
        pos += 16;
    }
    while let Some(block) = bytes.get(pos..).and_then(<[u8]>::first_chunk::<64>) {
        let stops = by_quarters(block, lanes::string_stops);
        if stops != 0 {
            return pos + stops.trailing_zeros() as usize;
        }
        pos += 64;
    }
    rest(bytes, pos, |byte| matches!(byte, b'"' | b'\\' | ..0x20 | 0x80..))
}

/// Like [`string_stop`], but bytes beyond ASCII go on: what ends a run that needs no escape, and what ends a string
/// that holds such bytes.
#[must_use]
pub fn escape_stop(bytes: &[u8], mut pos: usize) -> usize {
    while let Some(block) = bytes.get(pos..).and_then(<[u8]>::first_chunk::<16>) {
        let stops = lanes::escape_stops(block);
        if stops != 0 {
            return pos + stops.trailing_zeros() as usize;
        }
        pos += 16;
    }
    rest(bytes, pos, |byte| matches!(byte, b'"' | b'\\' | ..0x20))
}

#[cold]
fn rest(bytes: &[u8], pos: usize, stops: impl Fn(u8) -> bool) -> usize {
    bytes.get(pos..).unwrap_or_default().iter().position(|&byte| stops(byte)).map_or(bytes.len(), |found| pos + found)
}

/// The marks in 64 bytes of CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellMarks {
    /// Delimiters, line feeds and quotes, one bit a byte.
    pub ends: u64,
    /// Whether there are bytes beyond ASCII.
    pub high: bool,
}

/// The marks of one block.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
#[must_use]
pub fn cell_marks(block: &[u8; 64], delimiter: u8, quote: u8) -> CellMarks {
    CellMarks {
        ends: by_quarters(block, |quarter| lanes::cell_ends(quarter, delimiter, quote)),
        high: lanes::any_high(block),
    }
}

/// The delimiters and line feeds of one block; `None` when it holds a quote or bytes beyond ASCII.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
#[must_use]
pub fn plain_ends(block: &[u8; 64], delimiter: u8, quote: u8) -> Option<u64> {
    (!lanes::any_high_or(block, quote)).then(|| by_quarters(block, |quarter| lanes::plain_ends(quarter, delimiter)))
}

/// The place of the lowest bit of `bits`, which are not all zero.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
#[must_use]
pub const fn lowest(bits: u64) -> u32 {
    // With a bit that is always there no instruction looks for none.
    (bits | 1 << 63).trailing_zeros()
}

/// The position of the first `byte` at or behind `pos`; `bytes.len()` when there is none.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
#[must_use]
pub fn next_byte(bytes: &[u8], mut pos: usize, byte: u8) -> usize {
    while let Some(block) = bytes.get(pos..).and_then(<[u8]>::first_chunk::<16>) {
        let found = lanes::equal(block, byte);
        if found != 0 {
            return pos + found.trailing_zeros() as usize;
        }
        pos += 16;
    }
    rest(bytes, pos, |other| other == byte)
}

/// The positions behind the first line feeds of `bytes`, at most `count` of them.
///
/// Lines differ in length, so that a search that ends with each guesses wrong at each; this one enters what it finds
/// without asking whether it found something, and asks only of a second line feed among 64 bytes.
pub fn line_ends(bytes: &[u8], count: usize, ends: &mut Vec<usize>) {
    ends.clear();
    if count == 0 {
        return;
    }
    // One more, which is written over until a line ends there.
    ends.resize(count + 1, 0);
    let mut found = 0;
    let (blocks, rest) = bytes.as_chunks::<64>();
    let mut pos = 0;
    for block in blocks {
        let mut marks = by_quarters(block, |quarter| lanes::equal(quarter, b'\n'));
        loop {
            ends[found] = pos + lowest(marks) as usize + 1;
            found += usize::from(marks != 0);
            marks &= marks.wrapping_sub(1);
            if marks == 0 || found >= count {
                break;
            }
        }
        if found >= count {
            break;
        }
        pos += 64;
    }
    if found < count {
        let more = rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n').take(count - found);
        for (at, _) in more {
            ends[found] = pos + at + 1;
            found += 1;
        }
    }
    ends.truncate(found);
}

mod lanes {
    //! One bit a byte.
    #![expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]

    use wide::{i8x16, u8x16};

    #[inline(always)]
    fn is(block: u8x16, byte: u8) -> u8x16 {
        block.simd_eq(u8x16::splat(byte))
    }

    /// Below a space. (An unsigned comparison is what SSE2 lacks; it has the minimum.)
    #[inline(always)]
    fn controls(block: u8x16) -> u8x16 {
        block.min(u8x16::splat(0x1f)).simd_eq(block)
    }

    /// Quotes, backslashes, controls, and beyond ASCII.
    #[inline(always)]
    pub(super) fn string_stops(block: &[u8; 16]) -> u32 {
        let block = u8x16::new(*block);
        // With its second bit turned the quote stands next to the controls, and as signed numbers these and all bytes
        // beyond ASCII are the lowest: one comparison for three of the four.
        let low = (block ^ u8x16::splat(2)).cast_signed().simd_lt(i8x16::splat(0x21)).cast_unsigned();
        (low | is(block, b'\\')).to_bitmask()
    }

    #[inline(always)]
    pub(super) fn escape_stops(block: &[u8; 16]) -> u32 {
        let block = u8x16::new(*block);
        (is(block, b'"') | is(block, b'\\') | controls(block)).to_bitmask()
    }

    #[inline(always)]
    pub(super) fn cell_ends(block: &[u8; 16], delimiter: u8, quote: u8) -> u32 {
        let block = u8x16::new(*block);
        (is(block, delimiter) | is(block, b'\n') | is(block, quote)).to_bitmask()
    }

    #[inline(always)]
    pub(super) fn plain_ends(block: &[u8; 16], delimiter: u8) -> u32 {
        let block = u8x16::new(*block);
        (is(block, delimiter) | is(block, b'\n')).to_bitmask()
    }

    #[inline(always)]
    fn quarters(block: &[u8; 64]) -> [u8x16; 4] {
        let (quarters, _) = block.as_chunks::<16>();
        [u8x16::new(quarters[0]), u8x16::new(quarters[1]), u8x16::new(quarters[2]), u8x16::new(quarters[3])]
    }

    #[inline(always)]
    pub(super) fn any_high(block: &[u8; 64]) -> bool {
        let [a, b, c, d] = quarters(block);
        (a | b | c | d).to_bitmask() != 0
    }

    #[inline(always)]
    pub(super) fn any_high_or(block: &[u8; 64], byte: u8) -> bool {
        let [a, b, c, d] = quarters(block);
        let found = is(a, byte) | is(b, byte) | is(c, byte) | is(d, byte);
        (a | b | c | d | found).to_bitmask() != 0
    }

    #[inline(always)]
    pub(super) fn equal(block: &[u8; 16], byte: u8) -> u32 {
        is(u8x16::new(*block), byte).to_bitmask()
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
fn by_quarters(block: &[u8; 64], marks: impl Fn(&[u8; 16]) -> u32) -> u64 {
    let quarters = block.as_chunks::<16>().0;
    // Said one by one: without optimisation across modules an iterator's or an array's adapters stay calls.
    u64::from(marks(&quarters[0]))
        | u64::from(marks(&quarters[1])) << 16
        | u64::from(marks(&quarters[2])) << 32
        | u64::from(marks(&quarters[3])) << 48
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_are_those_of_a_loop_over_bytes() {
        let bits = |block: &[u8; 16], stops: fn(u8) -> bool| {
            block.iter().rev().fold(0, |bits, &byte| (bits << 1) | u32::from(stops(byte)))
        };
        for at in 0..16 {
            for byte in 0..=255_u8 {
                let mut block = [b'a'; 16];
                block[at] = byte;
                block[(at + 5) % 16] = byte.wrapping_mul(31);
                let stops = bits(&block, |byte| matches!(byte, b'"' | b'\\' | ..0x20 | 0x80..));
                assert_eq!(lanes::string_stops(&block), stops, "{block:?}");
                let stops = bits(&block, |byte| matches!(byte, b'"' | b'\\' | ..0x20));
                assert_eq!(lanes::escape_stops(&block), stops, "{block:?}");
                let ends = bits(&block, |byte| matches!(byte, b';' | b'\n' | b'\''));
                assert_eq!(lanes::cell_ends(&block, b';', b'\''), ends, "{block:?}");
                let plain = bits(&block, |byte| matches!(byte, b';' | b'\n'));
                assert_eq!(lanes::plain_ends(&block, b';'), plain, "{block:?}");
                let mut whole = [b'a'; 64];
                whole[at * 3..][..16].copy_from_slice(&block);
                assert_eq!(lanes::any_high(&whole), block.iter().any(|byte| *byte >= 0x80), "{block:?}");
                let odd = block.iter().any(|byte| *byte >= 0x80 || *byte == b';');
                assert_eq!(lanes::any_high_or(&whole, b';'), odd, "{block:?}");
                assert_eq!(lanes::equal(&block, b'a'), bits(&block, |byte| byte == b'a'), "{block:?}");
            }
        }
    }

    #[test]
    fn a_stop_is_found_at_every_place_of_every_length() {
        for length in 0..200 {
            for at in 0..length {
                let mut text = vec![b'x'; length];
                assert_eq!(string_stop(&text, at), length);
                for stop in [b'"', b'\\', 0x1f, 0x80, 0xff] {
                    text[at] = stop;
                    assert_eq!(string_stop(&text, 0), at);
                    assert_eq!(escape_stop(&text, 0), if stop < 0x80 { at } else { length });
                    assert_eq!(next_byte(&text, 0, b'"'), if stop == b'"' { at } else { length });
                }
            }
        }
    }

    #[test]
    fn digits_are_counted_and_summed() {
        for (text, value) in
            [("7,xxxxxxx", 7), ("12345678,xxxxxxxx", 12_345_678), ("123456789012345,xxxxxxxxx", 123_456_789_012_345)]
        {
            assert_eq!(small_integer(text.as_bytes(), 0), Some((value, text.find(',').expect("a comma"))));
            let negative = format!("-{text}");
            assert_eq!(small_integer(negative.as_bytes(), 0), Some((-value, text.find(',').expect("a comma") + 1)));
        }
        for text in [
            "01,xxxxxxxx",
            "1.5,xxxxxxxx",
            "1e5,xxxxxxxx",
            "1E5,xxxxxxxx",
            "x,xxxxxxxxx",
            "-,xxxxxxxxxx",
            "1234567890123456,xxxxxxxxx",
            "1",
        ] {
            assert_eq!(small_integer(text.as_bytes(), 0), None, "{text}");
        }
        for byte in 0..=255_u8 {
            let word = u64::from_le_bytes([b'1', b'2', byte, 0xff, 0xff, 0xff, b'3', 0]);
            assert_eq!(digit_count(word), if byte.is_ascii_digit() { 3 } else { 2 });
        }
    }

    #[test]
    fn a_cell_is_a_number_only_as_a_whole() {
        let text = b"1234567890123456789,xxxxxxxx";
        for end in 1..=16 {
            let expected = std::str::from_utf8(&text[..end]).expect("ascii").parse::<i64>().expect("digits");
            assert_eq!(cell_integer(text, 0, end), Some(expected));
        }
        assert_eq!(cell_integer(text, 0, 17), None);
        assert_eq!(cell_integer(text, 0, 0), None);
        assert_eq!(cell_integer(b"12x4,xxxxxxxxxx", 0, 4), None);
        assert_eq!(cell_integer(b"12345678x0,xxxxxxxxxxxx", 0, 10), None);
    }

    #[test]
    fn line_ends_are_those_of_a_loop_over_bytes() {
        use crate::types::key_group::mix;
        let mut ends = Vec::new();
        for seed in 0..400_u64 {
            let often = 1 + seed % 90;
            let feed = |at: u64| if mix(seed << 32 | at).is_multiple_of(often) { b'\n' } else { b'x' };
            let text: Vec<u8> = (0..mix(seed) % 700).map(feed).collect();
            let all: Vec<usize> = (1..=text.len()).filter(|&end| text[end - 1] == b'\n').collect();
            for count in [0, 1, 2, 5, 64, 1_000] {
                line_ends(&text, count, &mut ends);
                assert_eq!(ends, all[..count.min(all.len())], "seed {seed}, {count}");
            }
        }
    }
}
