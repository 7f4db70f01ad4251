//! Numbers, sizes and times for people.

use chrono::DateTime;

use crate::session::listings;
use crate::types::{MAX_WATERMARK, MIN_WATERMARK};

/// `0`, `999`, `1.2k`, `34k`, `5.6M`: at most four characters below 10^15.
pub(crate) fn count(number: u64) -> String {
    if number < 1_000 { number.to_string() } else { scaled(as_f64(number), &["", "k", "M", "G", "T", "P", "E"]) }
}

/// A count as a floating-point number: precision enough for a screen.
#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
pub(crate) const fn as_f64(number: u64) -> f64 {
    number as f64
}

/// `part` of `whole`, 0 to 1.
pub(crate) fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (as_f64(part) / as_f64(whole)).clamp(0.0, 1.0) }
}

/// Something a second.
pub(crate) fn rate(number: f64) -> String {
    if number < 0.05 || !number.is_finite() {
        "0".to_owned()
    } else if number < 10.0 {
        format!("{number:.1}")
    } else {
        scaled(number, &["", "k", "M", "G", "T", "P", "E"])
    }
}

/// `0 B`, `12 kB`, `3.4 MB`.
pub(crate) fn bytes(number: u64) -> String {
    if number < 1_000 {
        format!("{number} B")
    } else {
        scaled(as_f64(number), &[" B", " kB", " MB", " GB", " TB", " PB", " EB"])
    }
}

fn scaled(mut number: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while number >= 999.5 && unit + 1 < units.len() {
        number /= 1_000.0;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or("");
    if unit > 0 && number < 9.95 { format!("{number:.1}{name}") } else { format!("{number:.0}{name}") }
}

/// `34ms`, `1.2s`, `2m 05s`, `3h 04m`, `5d 03h`; with its sign.
pub(crate) fn duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    let (seconds, minutes, hours, days) = (ms / 1_000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    let text = if ms < 1_000 {
        format!("{ms}ms")
    } else if seconds < 10 {
        format!("{seconds}.{}s", ms % 1_000 / 100)
    } else if minutes == 0 {
        format!("{seconds}s")
    } else if hours == 0 {
        format!("{minutes}m {:02}s", seconds % 60)
    } else if days == 0 {
        format!("{hours}h {:02}m", minutes % 60)
    } else if days < 1_000 {
        format!("{days}d {:02}h", hours % 24)
    } else {
        format!("{}y", days / 365)
    };
    format!("{sign}{text}")
}

/// `340µs`, `1.2ms`, `34ms`, `1.2s`.
pub(crate) fn micros(us: u64) -> String {
    match us {
        0..1_000 => format!("{us}µs"),
        1_000..10_000 => format!("{:.1}ms", as_f64(us) / 1_000.0),
        _ => duration(i64::try_from(us / 1_000).unwrap_or(i64::MAX)),
    }
}

/// A share, 0 to 1: `7%`, `100%`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0}%", (share * 100.0).clamp(0.0, 100.0))
}

/// A time with its date as the printed listings have it, UTC; `-` for none, `end of input` for the last watermark.
pub(crate) fn time(ms: Option<i64>) -> String {
    listings::time_text(ms)
}

/// A time of day, UTC; `-` for none, `end` for the last watermark.
pub(crate) fn clock(ms: Option<i64>) -> String {
    match ms {
        None | Some(MIN_WATERMARK) => "-".to_owned(),
        Some(MAX_WATERMARK) => "end".to_owned(),
        Some(ms) => match DateTime::from_timestamp_millis(ms) {
            Some(at) => at.format("%H:%M:%S%.3f").to_string(),
            None => format!("{ms} ms"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, count, duration, micros, percent, rate, time};

    #[test]
    fn numbers_keep_to_a_few_characters() {
        let shown: Vec<String> =
            [0, 999, 1_000, 1_249, 99_950, 999_499, 999_500, 12_345_678, u64::MAX].map(count).to_vec();
        assert_eq!(shown, ["0", "999", "1.0k", "1.2k", "100k", "999k", "1.0M", "12M", "18E"]);
        assert_eq!([0.0, 0.3, 12.4, 1_234.0, f64::NAN].map(rate), ["0", "0.3", "12", "1.2k", "0"]);
        assert_eq!([0, 999, 12_345].map(bytes), ["0 B", "999 B", "12 kB"]);
    }

    #[test]
    fn durations_and_times() {
        let shown = [0, 34, 1_250, 59_999, 125_000, 11_040_000, 442_800_000, -1_500, i64::MIN].map(duration);
        assert_eq!(shown[..8], ["0ms", "34ms", "1.2s", "59s", "2m 05s", "3h 04m", "5d 03h", "-1.5s"]);
        assert_eq!([7, 1_500, 34_000].map(micros), ["7µs", "1.5ms", "34ms"]);
        assert_eq!(percent(1.7), "100%");
        assert_eq!(time(Some(0)), "1970-01-01 00:00:00.000");
        assert_eq!([None, Some(i64::MIN), Some(i64::MAX)].map(time), ["-", "-", "end of input"]);
        assert_eq!(time(Some(i64::MAX - 1)), "9223372036854775806 ms");
    }
}
