//! The progress line of a job in the foreground: events/s, percent, time left. Only on a terminal.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::sync::Arc;

use chrono::DateTime;

use crate::inspect::{JobStatus, JobView};
use crate::types::{Clock, printable, thousands};

/// Draws one line on standard error, over itself.
#[derive(Debug)]
pub(super) struct Progress {
    clock: Arc<dyn Clock>,
    shown: bool,
    enabled: bool,
    started_ns: u64,
    last: Option<(u64, u64)>,
    rate: f64,
}

impl Progress {
    /// A line that is drawn only if standard error is a terminal and `quiet` is not set.
    #[must_use]
    pub(super) fn new(clock: Arc<dyn Clock>, quiet: bool) -> Self {
        let started_ns = clock.nanos();
        // Rows on the same terminal say enough of the progress, and the two would tear each other.
        let enabled = !quiet && io::stderr().is_terminal() && !io::stdout().is_terminal();
        Self { clock, shown: false, enabled, started_ns, last: None, rate: 0.0 }
    }

    /// Draws the line for these jobs.
    pub(super) fn draw(&mut self, views: &[Arc<JobView>]) {
        if !self.enabled || views.is_empty() {
            return;
        }
        let now = self.clock.nanos();
        let rows: u64 = views.iter().map(|view| view.source_rows).sum();
        if let Some((then, before)) = self.last
            && now > then
        {
            let rate = float(rows.saturating_sub(before)) / seconds_of(now - then);
            self.rate = if self.rate == 0.0 { rate } else { 0.7 * self.rate + 0.3 * rate };
        }
        self.last = Some((now, rows));
        let line = line(views, rows, self.rate, seconds_of(now - self.started_ns));
        let mut stderr = io::stderr().lock();
        // A terminal that is gone is no reason to stop the job.
        let _ = write!(stderr, "\r\x1b[2K{}", printable(&line)).and_then(|()| stderr.flush());
        self.shown = true;
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[2K").and_then(|()| stderr.flush());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What a preview waits for: `1,200 rows read, watermark 12:00:07, the first window fires at 12:00:10; Ctrl-C ends it`.
#[must_use]
pub(super) fn waiting(view: &JobView) -> String {
    let mut line = format!("{} rows read", thousands(view.source_rows));
    if let Some((done, total)) = view.progress.filter(|(_, total)| *total > 0) {
        let _ = write!(line, ", {:.0} %", (float(done) / float(total)).min(1.0) * 100.0);
    }
    let subtasks = || view.vertices.iter().flat_map(|vertex| &vertex.subtasks);
    let operators = subtasks().flat_map(|subtask| subtask.operators.iter().map(move |operator| (subtask, operator)));
    let open = operators.flat_map(|(subtask, operator)| {
        let at = operator.watermark.or(subtask.watermark);
        operator
            .open_windows()
            .iter()
            .filter(|window| !window.fired && window.end != i64::MAX)
            .map(move |window| (window.end, at))
    });
    let first = open.min();
    let reached = match first {
        Some((_, at)) => at,
        None => subtasks().filter_map(|subtask| subtask.watermark).min(),
    };
    if let Some(reached) = reached.and_then(time_of_day) {
        let _ = write!(line, ", watermark {reached}");
    }
    if let Some(end) = first.and_then(|(end, _)| time_of_day(end)) {
        let _ = write!(line, ", the first window fires at {end}");
    }
    line.push_str("; Ctrl-C ends it");
    line
}

/// `12:00:07`, with the milliseconds where there are some. `None` for no moment of a calendar.
fn time_of_day(ms: i64) -> Option<String> {
    let time = DateTime::from_timestamp_millis(ms)?;
    Some(time.format(if ms % 1_000 == 0 { "%H:%M:%S" } else { "%H:%M:%S%.3f" }).to_string())
}

fn line(views: &[Arc<JobView>], rows: u64, rate: f64, elapsed_s: f64) -> String {
    let names: Vec<&str> = views.iter().map(|view| view.name.as_str()).collect();
    let mut line = format!("{}: {} rows, {}/s", names.join(", "), thousands(rows), thousands(whole(rate)));
    let bounded: Option<Vec<(u64, u64)>> = views.iter().map(|view| view.progress).collect();
    if let Some(parts) = bounded {
        let done: u64 = parts.iter().map(|part| part.0).sum();
        let total: u64 = parts.iter().map(|part| part.1).sum();
        if total > 0 {
            let share = (float(done) / float(total)).min(1.0);
            let _ = write!(line, ", {:.0} %", share * 100.0);
            if share > 0.01 && share < 1.0 {
                let _ = write!(line, ", {} left", seconds(elapsed_s * (1.0 - share) / share));
            }
        }
    }
    for view in views {
        if matches!(view.status, JobStatus::Restarting | JobStatus::Paused | JobStatus::Stopping) {
            line.push_str(&format!(" [{} {:?}]", view.name, view.status).to_lowercase());
        }
    }
    line
}

#[expect(clippy::cast_precision_loss, reason = "a rate or share for people needs no 53 bits")]
const fn float(number: u64) -> f64 {
    number as f64
}

fn seconds_of(nanoseconds: u64) -> f64 {
    float(nanoseconds) / 1e9
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, at zero too")]
const fn whole(number: f64) -> u64 {
    number as u64
}

/// Seconds for people: `42s`, `3m 10s`, `2h 5m`.
fn seconds(seconds: f64) -> String {
    let whole = whole(seconds.round());
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{}m {}s", whole / 60, whole % 60),
        _ => format!("{}h {}m", whole / 3600, whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{OperatorView, Section, SubtaskView, VertexView, WindowView, WindowsView};

    #[test]
    fn what_a_preview_waits_for_is_said() {
        let window =
            |end, fired| WindowView { start: 0, end, keys: 1, keys_at_least: false, rows: 1, fired, entries: vec![] };
        let windows = WindowsView { open: vec![window(5_000, true), window(10_000, false)], ..WindowsView::default() };
        let operator = OperatorView { watermark: Some(7_250), sections: vec![Section::Windows(windows)] };
        let subtask =
            |watermark, operators| SubtaskView { watermark, operators: Arc::new(operators), ..Default::default() };
        let mut view = JobView { source_rows: 1_200, progress: Some((5, 10)), ..JobView::default() };
        assert_eq!(waiting(&view), "1,200 rows read, 50 %; Ctrl-C ends it");
        let subtasks = vec![subtask(Some(3_000), vec![]), subtask(None, vec![])];
        view.vertices.push(VertexView { subtasks, ..VertexView::default() });
        view.progress = None;
        assert_eq!(waiting(&view), "1,200 rows read, watermark 00:00:03; Ctrl-C ends it");
        view.vertices[0].subtasks[1] = subtask(Some(3_000), vec![operator]);
        assert_eq!(
            waiting(&view),
            "1,200 rows read, watermark 00:00:07.250, the first window fires at 00:00:10; Ctrl-C ends it"
        );
    }

    #[test]
    fn numbers_and_times_for_people() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1_234_567), "1,234,567");
        for (number, shown) in
            [("-1234567.1234", "-1,234,567.1234"), ("-123", "-123"), ("1e20", "1e20"), ("NaN", "NaN"), ("-inf", "-inf")]
        {
            assert_eq!(crate::types::grouped(number), shown);
        }
        assert_eq!(seconds(59.6), "1m 0s");
        assert_eq!(seconds(7_500.0), "2h 5m");
    }
}
