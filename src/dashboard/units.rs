//! Numbers and times for people, as short as a header wants them.

/// A rate or count: `0`, `734`, `12.3k`, `1.2M`.
#[must_use]
pub(super) fn compact(number: f64) -> String {
    const STEPS: [(f64, &str); 3] = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let number = if number.is_finite() { number.max(0.0) } else { 0.0 };
    // What rounds up to the next unit is written in it: `1.0M`, not `1000.0k`.
    for (step, unit) in STEPS {
        if number >= step * 0.999_5 {
            let scaled = number / step;
            return if scaled < 99.95 { format!("{scaled:.1}{unit}") } else { format!("{scaled:.0}{unit}") };
        }
    }
    if number > 0.0 && number < 9.95 { format!("{number:.1}") } else { format!("{number:.0}") }
}

/// As [`compact`], of a counter.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a number for people")]
pub(super) fn count(number: u64) -> String {
    if number < 1_000 { number.to_string() } else { compact(number as f64) }
}

/// Bytes: `812 B`, `1.2 MB`.
#[must_use]
pub(super) fn bytes(number: u64) -> String {
    match count(number) {
        text if text.ends_with(|c: char| c.is_ascii_digit()) => format!("{text} B"),
        text => {
            let (digits, unit) = text.split_at(text.len() - 1);
            format!("{digits} {unit}B")
        }
    }
}

/// A length of time in milliseconds: `12 ms`, `4.2 s`, `2m 10s`, `3h 5m`, `2d 4h`.
#[must_use]
pub(super) fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    let seconds = ms / 1_000;
    match seconds {
        _ if ms < 1_000 => format!("{ms} ms"),
        0..10 => format!("{}.{} s", seconds, ms / 100 % 10),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// `20260102-150405`, for names of files and directories. UTC, so that they sort.
#[must_use]
pub(super) fn stamp(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms)
        .map_or_else(|| "now".to_owned(), |time| time.format("%Y%m%d-%H%M%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let shown: Vec<String> =
            [0.0, 0.3, 12.4, 734.0, 999.7, 12_345.0, 999_960.0, 1.25e6, 3.2e9, f64::NAN].map(compact).to_vec();
        assert_eq!(shown, ["0", "0.3", "12", "734", "1.0k", "12.3k", "1.0M", "1.2M", "3.2G", "0"]);
        assert_eq!([count(999), count(1_000), count(u64::MAX)].join(" "), "999 1.0k 18446744074G");
        assert_eq!([bytes(812), bytes(1_234_567)].join(" "), "812 B 1.2 MB");
    }

    #[test]
    fn times_are_short() {
        let shown = [-5, 12, 4_250, 59_999, 130_000, 11_100_000, 187_200_000].map(duration);
        assert_eq!(shown, ["0 ms", "12 ms", "4.2 s", "59 s", "2m 10s", "3h 5m", "2d 4h"]);
        assert_eq!(stamp(1_767_225_600_000), "20260101-000000");
        assert_eq!(stamp(i64::MAX), "now");
    }
}
