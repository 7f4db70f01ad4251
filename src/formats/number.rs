//! Numbers from text: integers, exact decimals, floats.

/// The integer that `text` spells: digits, perhaps a sign; `None` beyond 64 bits.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    // Summed below zero, because the smallest number has no positive twin.
    let mut value = 0_i64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// The integer that a JSON number is, `1.0` and `1e3` included; `None` when it has a fraction or needs over 64 bits.
pub(super) fn integral(text: &[u8]) -> Option<i64> {
    if let Some(value) = integer(text) {
        return Some(value);
    }
    let number = Digits::read(text)?;
    if number.places(0).1 {
        return None;
    }
    i64::try_from(number.scaled(19, 0)?).ok()
}

/// `text` times 10^`scale`, rounded half up (away from zero); `None` when it is no number or has over `precision`
/// digits.
pub(super) fn decimal(text: &[u8], precision: u8, scale: u8) -> Option<i128> {
    Digits::read(text)?.scaled(precision, scale)
}

/// A decimal number taken apart.
struct Digits<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Digits<'a> {
    fn read(text: &'a [u8]) -> Option<Self> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let (mantissa, exponent) = match memchr::memchr2(b'e', b'E', rest) {
            None => (rest, 0),
            // Beyond 64 bits of exponent only zero has a value, and nobody writes that.
            Some(at) => (&rest[..at], integer(&rest[at + 1..])?.clamp(-1_000_000, 1_000_000)),
        };
        let (whole, fraction) = match memchr::memchr(b'.', mantissa) {
            None => (mantissa, &mantissa[mantissa.len()..]),
            Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        };
        let valid = whole.len() + fraction.len() > 0 && whole.iter().chain(fraction).all(u8::is_ascii_digit);
        valid.then_some(Self { negative, whole, fraction, exponent })
    }

    fn digit(&self, at: usize) -> Option<u8> {
        self.whole.get(at).or_else(|| self.fraction.get(at - self.whole.len())).map(|digit| digit - b'0')
    }

    /// The number of digits before the point once the number is multiplied by 10^`scale`, and whether any digit but
    /// zero stands behind it.
    fn places(&self, scale: u8) -> (i64, bool) {
        let length = self.whole.len() + self.fraction.len();
        let before = i64::try_from(self.whole.len()).unwrap_or(i64::MAX / 2) + self.exponent + i64::from(scale);
        let first = usize::try_from(before.max(0)).unwrap_or(usize::MAX).min(length);
        (before, (first..length).any(|at| self.digit(at) != Some(0)))
    }

    fn scaled(&self, precision: u8, scale: u8) -> Option<i128> {
        let limit = 10_i128.checked_pow(u32::from(precision))?;
        let (before, _) = self.places(scale);
        let length = i64::try_from(self.whole.len() + self.fraction.len()).ok()?;
        let mut value = 0_i128;
        for at in 0..before.max(0) {
            if at >= length && value == 0 {
                break;
            }
            let digit = usize::try_from(at).ok().filter(|_| at < length).and_then(|at| self.digit(at)).unwrap_or(0);
            value = value * 10 + i128::from(digit);
            if value >= limit {
                return None;
            }
        }
        let rounds_up =
            before >= 0 && usize::try_from(before).ok().and_then(|at| self.digit(at)).is_some_and(|d| d >= 5);
        value += i128::from(rounds_up);
        if value >= limit {
            return None;
        }
        Some(if self.negative { -value } else { value })
    }
}

/// The double nearest to `text`; `NaN` and `Infinity` are read in words only: digits beyond the range are refused.
pub(super) fn double(text: &[u8]) -> Option<f64> {
    let value: f64 = fast_float2::parse(text).ok()?;
    (value.is_finite() || !text.iter().any(u8::is_ascii_digit)).then_some(value)
}

/// The float nearest to `text`, as [`double`].
pub(super) fn float(text: &[u8]) -> Option<f32> {
    let value: f32 = fast_float2::parse(text).ok()?;
    (value.is_finite() || !text.iter().any(u8::is_ascii_digit)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_to_the_last_one() {
        assert_eq!(integer(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        for text in ["9223372036854775808", "-9223372036854775809", "", "-", "+", "1.0", "1e3", "0x1", " 1", "1 "] {
            assert_eq!(integer(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_number_without_a_fraction_is_an_integer_however_written() {
        for (text, value) in [("1.0", 1), ("1e3", 1000), ("-12.50e1", -125), ("100e-2", 1), ("0e999999999", 0)] {
            assert_eq!(integral(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["1.5", "1e-1", "1e19", "9223372036854775808", "1e999"] {
            assert_eq!(integral(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn decimals_are_exact_and_round_half_up() {
        for (text, precision, scale, value) in [
            ("1.005", 5, 2, Some(101)),
            ("-1.005", 5, 2, Some(-101)),
            ("1.0049", 5, 2, Some(100)),
            ("0.005", 3, 2, Some(1)),
            ("0.0049", 3, 2, Some(0)),
            ("999.995", 5, 2, None),
            ("12345", 5, 0, Some(12345)),
            ("123456", 5, 0, None),
            ("1e4", 5, 0, Some(10_000)),
            ("1e5", 5, 0, None),
            ("5e-1", 5, 0, Some(1)),
            ("4e-1", 5, 0, Some(0)),
            ("9e-2", 5, 0, Some(0)),
            (".5", 3, 1, Some(5)),
            ("5.", 3, 1, Some(50)),
            ("0e99999999999", 3, 1, Some(0)),
            (".", 3, 1, None),
            ("", 3, 1, None),
            ("1x", 3, 1, None),
            ("99999999999999999999999999999999999999", 38, 0, Some(10_i128.pow(38) - 1)),
        ] {
            assert_eq!(decimal(text.as_bytes(), precision, scale), value, "{text}");
        }
    }

    #[test]
    fn only_words_make_infinity() {
        assert_eq!(double(b"1e999"), None);
        assert_eq!(double(b"-1e999"), None);
        assert_eq!(double(b"Infinity"), Some(f64::INFINITY));
        assert!(double(b"NaN").expect("a word").is_nan());
        assert_eq!(double(b"-0.0").map(f64::to_bits), Some((-0.0_f64).to_bits()));
        assert_eq!(float(b"1e39"), None);
        assert_eq!(double(b"1x"), None);
    }
}
