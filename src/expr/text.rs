//! Numbers and intervals as text, in the forms that Java and Flink give them.

use std::fmt::Write;

/// `value / 10^scale` with exactly `scale` digits behind the point.
pub(super) fn write_decimal(out: &mut String, value: i128, scale: u8) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value.unsigned_abs());
    if value < 0 {
        out.push('-');
    }
    let scale = usize::from(scale);
    if scale == 0 {
        out.push_str(digits);
    } else if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    } else {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', scale - digits.len()));
        out.push_str(digits);
    }
}

/// As Java's `Double.toString`: `100.0`, `1.0E21`, `1.0E-5`, `NaN`, `Infinity`.
pub(super) fn write_double(out: &mut String, value: f64) {
    if write_special(out, value) {
        return;
    }
    let mut buffer = ryu::Buffer::new();
    write_java_float(out, buffer.format_finite(value), (1e-3..1e7).contains(&value.abs()));
}

/// As Java's `Float.toString`.
pub(super) fn write_float(out: &mut String, value: f32) {
    if write_special(out, f64::from(value)) {
        return;
    }
    let mut buffer = ryu::Buffer::new();
    write_java_float(out, buffer.format_finite(value), (1e-3..1e7).contains(&value.abs()));
}

fn write_special(out: &mut String, value: f64) -> bool {
    let text = if value.is_nan() {
        "NaN"
    } else if value == f64::INFINITY {
        "Infinity"
    } else if value == f64::NEG_INFINITY {
        "-Infinity"
    } else if value == 0.0 {
        if value.is_sign_negative() { "-0.0" } else { "0.0" }
    } else {
        return false;
    };
    out.push_str(text);
    true
}

/// Moves the point of a shortest representation (`12345.6`, `1.5e-7`) to where Java puts it.
fn write_java_float(out: &mut String, shortest: &str, plain: bool) {
    let (negative, unsigned) = match shortest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, shortest),
    };
    let (mantissa, exponent) = unsigned.split_once('e').unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut point = i32::try_from(whole.len()).unwrap_or(0) + exponent.parse::<i32>().unwrap_or(0);
    let mut digits = format!("{whole}{fraction}");
    let leading = digits.len() - digits.trim_start_matches('0').len();
    digits.drain(..leading);
    point -= i32::try_from(leading).unwrap_or(0);
    digits.truncate(digits.trim_end_matches('0').len());
    if negative {
        out.push('-');
    }
    let count = i32::try_from(digits.len()).unwrap_or(0);
    if !plain {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() { "0" } else { rest };
        // Writing to a String cannot fail.
        let _ = write!(out, "{first}.{rest}E{}", point - 1);
    } else if point <= 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', usize::try_from(-point).unwrap_or(0)));
        out.push_str(&digits);
    } else if point >= count {
        out.push_str(&digits);
        out.extend(std::iter::repeat_n('0', usize::try_from(point - count).unwrap_or(0)));
        out.push_str(".0");
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    }
}

/// As Flink writes a day-time interval: `+1 02:03:04.005`.
pub(super) fn write_day_time(out: &mut String, ms: i64) {
    let sign = if ms < 0 { '-' } else { '+' };
    let ms = ms.unsigned_abs();
    let _ = write!(
        out,
        "{sign}{} {:02}:{:02}:{:02}.{:03}",
        ms / 86_400_000,
        ms / 3_600_000 % 24,
        ms / 60_000 % 60,
        ms / 1_000 % 60,
        ms % 1_000
    );
}

/// As Flink writes a year-month interval: `+1-02`.
pub(super) fn write_year_month(out: &mut String, months: i32) {
    let sign = if months < 0 { '-' } else { '+' };
    let months = months.unsigned_abs();
    let _ = write!(out, "{sign}{}-{:02}", months / 12, months % 12);
}

/// The digits of base64.
pub(super) const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes in base64.
pub(super) fn write_base64(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().chain([&0; 2]).take(3).fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
        for i in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<T>(write: impl Fn(&mut String, T), value: T) -> String {
        let mut out = String::new();
        write(&mut out, value);
        out
    }

    #[test]
    fn doubles_look_like_javas() {
        for (value, expected) in [
            (1.0, "1.0"),
            (100.0, "100.0"),
            (1e7, "1.0E7"),
            (9_999_999.0, "9999999.0"),
            (12_345_678.9, "1.23456789E7"),
            (0.001, "0.001"),
            (0.000_99, "9.9E-4"),
            (1e21, "1.0E21"),
            (-1.5e-5, "-1.5E-5"),
            (0.833, "0.833"),
            (123_456.789, "123456.789"),
            (-0.0, "-0.0"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(shown(write_double, value), expected);
        }
        assert_eq!(shown(write_float, 0.1), "0.1");
    }

    #[test]
    fn decimals_keep_their_scale() {
        assert_eq!(shown(|out, v| write_decimal(out, v, 2), -150), "-1.50");
        assert_eq!(shown(|out, v| write_decimal(out, v, 8), 1), "0.00000001");
        assert_eq!(shown(|out, v| write_decimal(out, v, 0), i128::MIN), i128::MIN.to_string());
    }

    #[test]
    fn intervals_look_like_flinks() {
        assert_eq!(shown(write_day_time, -4_000), "-0 00:00:04.000");
        assert_eq!(shown(write_day_time, 93_784_005), "+1 02:03:04.005");
        assert_eq!(shown(write_year_month, 14), "+1-02");
    }
}
