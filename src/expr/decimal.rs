//! Exact decimals: Flink's result types, and arithmetic on unscaled 128-bit values.

use arrow_buffer::i256;

use super::typed::ArithmeticOp;
use crate::types::LogicalType;

/// The most digits a decimal has.
pub(super) const MAX_PRECISION: u8 = 38;

/// 10^0 … 10^38.
pub(super) const POW10: [i128; 39] = {
    let mut powers = [1_i128; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The decimal that holds every value of an exact numeric type.
pub(super) const fn exact(ty: &LogicalType) -> Option<(u8, u8)> {
    match ty {
        LogicalType::TinyInt => Some((3, 0)),
        LogicalType::SmallInt => Some((5, 0)),
        LogicalType::Int => Some((10, 0)),
        LogicalType::BigInt => Some((19, 0)),
        LogicalType::Decimal(precision, scale) => Some((*precision, *scale)),
        LogicalType::Null
        | LogicalType::Boolean
        | LogicalType::Float
        | LogicalType::Double
        | LogicalType::String
        | LogicalType::Bytes
        | LogicalType::Date
        | LogicalType::Time
        | LogicalType::Timestamp
        | LogicalType::TimestampLtz
        | LogicalType::IntervalDayTime
        | LogicalType::IntervalYearMonth
        | LogicalType::Array(_)
        | LogicalType::Map(..)
        | LogicalType::Row(_) => None,
    }
}

/// The type of `left op right`, by Flink's rules: digits before the point are kept, and of those behind it at least
/// six, when both do not fit.
pub(super) fn result_type(op: ArithmeticOp, left: (u8, u8), right: (u8, u8)) -> (u8, u8) {
    let (p1, s1) = (i32::from(left.0), i32::from(left.1));
    let (p2, s2) = (i32::from(right.0), i32::from(right.1));
    let (precision, scale) = match op {
        ArithmeticOp::Add | ArithmeticOp::Subtract => {
            let scale = s1.max(s2);
            ((p1 - s1).max(p2 - s2) + scale + 1, scale)
        }
        ArithmeticOp::Multiply => (p1 + p2 + 1, s1 + s2),
        ArithmeticOp::Divide => {
            let scale = (s1 + p2 + 1).max(6);
            (p1 - s1 + s2 + scale, scale)
        }
        ArithmeticOp::Modulo => {
            let scale = s1.max(s2);
            ((p1 - s1).min(p2 - s2) + scale, scale)
        }
    };
    adjust(precision, scale)
}

/// A type that holds both.
pub(super) fn common_type(left: (u8, u8), right: (u8, u8)) -> (u8, u8) {
    let scale = left.1.max(right.1);
    let digits = (left.0 - left.1).max(right.0 - right.1);
    adjust(i32::from(digits) + i32::from(scale), i32::from(scale))
}

fn adjust(precision: i32, scale: i32) -> (u8, u8) {
    let max = i32::from(MAX_PRECISION);
    let (precision, scale) = if precision <= max {
        (precision.max(1), scale)
    } else {
        let digits = precision - scale;
        (max, (max - digits).max(scale.min(6)))
    };
    // Both are within 0..=38 now.
    (u8::try_from(precision).unwrap_or(MAX_PRECISION), u8::try_from(scale).unwrap_or(0))
}

/// Whether `value` has at most `precision` digits.
pub(super) const fn fits(value: i128, precision: u8) -> bool {
    let limit = POW10[precision as usize];
    value < limit && value > -limit
}

/// `value` with another scale, rounded half up (away from zero); `None` when it does not fit 128 bits.
pub(super) fn rescale(value: i128, from: u8, to: u8) -> Option<i128> {
    if to >= from {
        value.checked_mul(POW10[usize::from(to - from)])
    } else {
        Some(divide_half_up(value, POW10[usize::from(from - to)]))
    }
}

/// As [`rescale`], and `None` when it has more than `precision` digits.
pub(super) fn rescale_to(value: i128, from: u8, (precision, scale): (u8, u8)) -> Option<i128> {
    rescale(value, from, scale).filter(|&value| fits(value, precision))
}

/// `n / d` rounded half up (away from zero); `d` is not zero.
pub(super) fn divide_half_up(n: i128, d: i128) -> i128 {
    let quotient = n / d;
    let remainder = n % d;
    // |remainder| ≥ |d| / 2, said without overflow.
    if remainder.unsigned_abs() >= d.unsigned_abs() - remainder.unsigned_abs() {
        if (n < 0) == (d < 0) { quotient + 1 } else { quotient - 1 }
    } else {
        quotient
    }
}

fn divide_half_up_wide(n: i256, d: i256) -> Option<i256> {
    let quotient = n.checked_div(d)?;
    let remainder = n.checked_rem(d)?.checked_abs()?;
    let d_abs = d.checked_abs()?;
    if remainder >= d_abs.checked_sub(remainder)? {
        let away = if (n < i256::ZERO) == (d < i256::ZERO) { i256::ONE } else { i256::MINUS_ONE };
        quotient.checked_add(away)
    } else {
        Some(quotient)
    }
}

fn pow10_wide(exponent: u32) -> Option<i256> {
    i256::from_i128(10).checked_pow(exponent)
}

fn narrow(value: i256, precision: u8) -> Option<i128> {
    value.to_i128().filter(|&value| fits(value, precision))
}

fn rescale_wide(value: i256, from: u8, (precision, scale): (u8, u8)) -> Option<i128> {
    let scaled = if scale >= from {
        value.checked_mul(pow10_wide(u32::from(scale - from))?)?
    } else {
        divide_half_up_wide(value, pow10_wide(u32::from(from - scale))?)?
    };
    narrow(scaled, precision)
}

/// `a op b` for unscaled values of scales `s1` and `s2`, in the type `out`; `None` on overflow. A divisor is not zero.
pub(super) fn compute(op: ArithmeticOp, a: i128, s1: u8, b: i128, s2: u8, out: (u8, u8)) -> Option<i128> {
    match op {
        ArithmeticOp::Add | ArithmeticOp::Subtract => {
            let scale = s1.max(s2);
            let left = i256::from_i128(a).checked_mul(pow10_wide(u32::from(scale - s1))?)?;
            let right = i256::from_i128(b).checked_mul(pow10_wide(u32::from(scale - s2))?)?;
            let sum = if op == ArithmeticOp::Add { left.checked_add(right)? } else { left.checked_sub(right)? };
            rescale_wide(sum, scale, out)
        }
        ArithmeticOp::Multiply => {
            let scale = s1 + s2;
            match a.checked_mul(b) {
                Some(product) if scale == out.1 => Some(product).filter(|&product| fits(product, out.0)),
                _ => rescale_wide(i256::from_i128(a).checked_mul(i256::from_i128(b))?, scale, out),
            }
        }
        ArithmeticOp::Divide => divide(a, s1, b, s2, out),
        ArithmeticOp::Modulo => {
            let scale = s1.max(s2);
            let left = i256::from_i128(a).checked_mul(pow10_wide(u32::from(scale - s1))?)?;
            let right = i256::from_i128(b).checked_mul(pow10_wide(u32::from(scale - s2))?)?;
            rescale_wide(left.checked_rem(right)?, scale, out)
        }
    }
}

fn divide(a: i128, s1: u8, b: i128, s2: u8, out: (u8, u8)) -> Option<i128> {
    // a/10^s1 / (b/10^s2) * 10^scale = a * 10^(scale + s2 - s1) / b
    let shift = i32::from(out.1) + i32::from(s2) - i32::from(s1);
    if let Ok(up) = u32::try_from(shift) {
        if let Some(n) = POW10.get(up as usize).and_then(|&power| a.checked_mul(power)) {
            return Some(divide_half_up(n, b)).filter(|&quotient| fits(quotient, out.0));
        }
        // Over 256 bits, the quotient by at most 128 bits has more than 38 digits: overflow.
        let n = i256::from_i128(a).checked_mul(pow10_wide(up)?)?;
        return narrow(divide_half_up_wide(n, i256::from_i128(b))?, out.0);
    }
    let d = i256::from_i128(b).checked_mul(pow10_wide(shift.unsigned_abs())?)?;
    narrow(divide_half_up_wide(i256::from_i128(a), d)?, out.0)
}

/// The order of two unscaled values of different scales; exact.
pub(super) fn compare(a: i128, s1: u8, b: i128, s2: u8) -> std::cmp::Ordering {
    let (mut left, mut right) = (i256::from_i128(a), i256::from_i128(b));
    // 10^38 * 2^127 is below 2^255: this never wraps.
    if s1 < s2 {
        left = left.wrapping_mul(i256::from_i128(POW10[usize::from(s2 - s1)]));
    } else {
        right = right.wrapping_mul(i256::from_i128(POW10[usize::from(s1 - s2)]));
    }
    left.cmp(&right)
}

/// Reads `-12.50`, `1e3`, `.5`; the unscaled value in `(precision, scale)`, rounded half up. The error says whether the
/// text is no number (`Malformed`) or has too many digits (`Overflow`).
pub(super) fn parse(text: &str, (precision, scale): (u8, u8)) -> Result<i128, ParseDecimalError> {
    let bytes = text.as_bytes();
    let (negative, mut rest) = match bytes.first() {
        Some(b'-') => (true, &bytes[1..]),
        Some(b'+') => (false, &bytes[1..]),
        _ => (false, bytes),
    };
    let mut exponent = 0_i64;
    if let Some(e) = rest.iter().position(|&b| b == b'e' || b == b'E') {
        let digits = std::str::from_utf8(&rest[e + 1..]).map_err(|_| ParseDecimalError::Malformed)?;
        exponent = digits.parse::<i32>().map_err(|_| ParseDecimalError::Malformed)?.into();
        rest = &rest[..e];
    }
    let point = rest.iter().position(|&b| b == b'.');
    let (whole, fraction) = match point {
        Some(point) => (&rest[..point], &rest[point + 1..]),
        None => (rest, &[][..]),
    };
    if whole.len() + fraction.len() == 0 || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(ParseDecimalError::Malformed);
    }
    // How many digits stand before the place that rounding cuts at.
    let keep = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(exponent) + i64::from(scale);
    let mut value = 0_i128;
    let mut round = false;
    let mut taken = 0_i64;
    for &digit in whole.iter().chain(fraction) {
        if taken < keep {
            value = value
                .checked_mul(10)
                .and_then(|value| value.checked_add(i128::from(digit - b'0')))
                .filter(|&value| value < POW10[38])
                .ok_or(ParseDecimalError::Overflow)?;
        } else {
            round = taken == keep && digit >= b'5';
            break;
        }
        taken += 1;
    }
    while taken < keep && value != 0 {
        value = value.checked_mul(10).filter(|&value| value < POW10[38]).ok_or(ParseDecimalError::Overflow)?;
        taken += 1;
    }
    value += i128::from(round);
    if !fits(value, precision) {
        return Err(ParseDecimalError::Overflow);
    }
    Ok(if negative { -value } else { value })
}

/// Why a text is no decimal of the type wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParseDecimalError {
    Malformed,
    Overflow,
}

/// The nearest decimal to a double, rounded half up from its shortest text, as Java's `BigDecimal.valueOf` does;
/// `Malformed` for NaN and infinities.
pub(super) fn from_double(value: f64, ty: (u8, u8)) -> Result<i128, ParseDecimalError> {
    if !value.is_finite() {
        return Err(ParseDecimalError::Malformed);
    }
    let mut buffer = ryu::Buffer::new();
    parse(buffer.format_finite(value), ty)
}

/// As a double.
#[expect(clippy::cast_precision_loss, reason = "a double is what is asked for")]
pub(super) fn to_double(value: i128, scale: u8) -> f64 {
    const EXACT: i128 = 1 << 53;
    if scale <= 22 && (-EXACT..=EXACT).contains(&value) {
        // Both are exact, and one division rounds correctly.
        return value as f64 / POW10[usize::from(scale)] as f64;
    }
    let mut text = String::new();
    super::text::write_decimal(&mut text, value, scale);
    text.parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_types_are_flinks() {
        use ArithmeticOp::{Add, Divide, Modulo, Multiply};
        for (op, left, right, expected) in [
            (Add, (10, 2), (10, 0), (13, 2)),
            (Add, (38, 37), (38, 0), (38, 6)),
            (Multiply, (10, 2), (10, 2), (21, 4)),
            (Multiply, (38, 20), (38, 20), (38, 6)),
            (Multiply, (38, 18), (10, 0), (38, 7)),
            (Divide, (10, 2), (10, 0), (21, 13)),
            (Divide, (38, 10), (38, 10), (38, 6)),
            (Divide, (20, 10), (20, 10), (38, 18)),
            (Modulo, (10, 0), (2, 1), (2, 1)),
        ] {
            assert_eq!(result_type(op, left, right), expected, "{op:?} {left:?} {right:?}");
        }
    }

    #[test]
    fn rounding_is_half_up_away_from_zero() {
        assert_eq!(divide_half_up(15, 10), 2);
        assert_eq!(divide_half_up(-15, 10), -2);
        assert_eq!(divide_half_up(14, 10), 1);
        assert_eq!(divide_half_up(15, -10), -2);
        assert_eq!(divide_half_up(i128::MAX, i128::MAX), 1);
        assert_eq!(rescale_to(99_995, 3, (4, 2)), None);
    }

    #[test]
    fn wide_intermediates_do_not_overflow() {
        let max = POW10[38] - 1;
        assert_eq!(compute(ArithmeticOp::Multiply, max, 0, 1, 1, (38, 1)), Some(max));
        assert_eq!(compute(ArithmeticOp::Add, max, 0, max, 0, (38, 0)), None);
        assert_eq!(compute(ArithmeticOp::Divide, max, 0, 3, 0, (38, 6)), None);
        assert_eq!(compute(ArithmeticOp::Divide, max, 38, max, 0, (38, 38)), Some(1));
        assert_eq!(compare(max, 0, max, 38), std::cmp::Ordering::Greater);
    }

    #[test]
    fn text_is_read_and_rounded() {
        for (text, expected) in [
            ("1.555", Ok(156)),
            ("-1.555", Ok(-156)),
            ("1e2", Ok(10_000)),
            (".5", Ok(50)),
            ("5.", Ok(500)),
            ("0.004", Ok(0)),
            ("1e-9", Ok(0)),
            ("999.995", Err(ParseDecimalError::Overflow)),
            ("1e99999", Err(ParseDecimalError::Overflow)),
            ("0e99999", Ok(0)),
            (".", Err(ParseDecimalError::Malformed)),
            ("", Err(ParseDecimalError::Malformed)),
            ("1.2.3", Err(ParseDecimalError::Malformed)),
        ] {
            assert_eq!(parse(text, (5, 2)), expected, "{text}");
        }
    }
}
