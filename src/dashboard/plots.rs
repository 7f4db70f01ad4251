//! Throughput, event-time lag and latency over the last minute and a half.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType};

use super::draw::{duration, rate};
use super::{Model, Theme};

/// The smallest box that a plot is drawn in.
const WIDTH_MIN: u16 = 20;
const HEIGHT_MIN: u16 = 5;

/// One line of a plot: its points, oldest first; `None` where nothing was known.
struct Series {
    name: &'static str,
    points: Vec<Option<f64>>,
    marker: Marker,
}

/// One plot.
struct Plot {
    title: &'static str,
    /// The text shown while there is no point.
    empty: &'static str,
    series: Vec<Series>,
    show: fn(f64) -> String,
}

/// Draws as many plots as fit, side by side where it is wide, else one above the other.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
    if area.width < WIDTH_MIN || area.height < HEIGHT_MIN {
        return;
    }
    let mut plots = plots(model);
    let beside = area.width >= 3 * area.height;
    let fit = if beside { area.width / WIDTH_MIN } else { area.height / HEIGHT_MIN };
    plots.truncate(usize::from(fit).max(1));
    let layout = if beside { Layout::horizontal } else { Layout::vertical };
    let places = layout(vec![Constraint::Fill(1); plots.len()]).split(area);
    for (plot, place) in plots.into_iter().zip(places.iter()) {
        plot.draw(frame, *place, model.past_ms(), theme);
    }
}

#[expect(clippy::cast_precision_loss, reason = "points of a plot")]
fn plots(model: &Model) -> Vec<Plot> {
    let percentile = |pick: fn((u64, u64)) -> u64| -> Vec<Option<f64>> {
        model.latency().map(|both| both.map(|both| pick(both) as f64 / 1_000.0)).collect()
    };
    let line = |name, points, marker| Series { name, points, marker };
    vec![
        Plot {
            title: "rows/s",
            empty: "nothing read yet",
            series: vec![line("", model.throughput().map(Some).collect(), Marker::Braille)],
            show: rate,
        },
        Plot {
            title: "event-time lag",
            empty: "no watermark yet",
            series: vec![line("", model.lag().map(|lag| lag.map(|ms| ms as f64)).collect(), Marker::Braille)],
            show: time,
        },
        Plot {
            title: "latency",
            empty: "not measured yet",
            series: vec![
                line("p50", percentile(|both| both.0), Marker::Braille),
                // A thicker line, so that the two are told apart without colour.
                line("p99", percentile(|both| both.1), Marker::HalfBlock),
            ],
            show: time,
        },
    ]
}

/// Milliseconds on an axis: as few signs as will do.
fn time(ms: f64) -> String {
    if ms > 0.0 && ms < 10.0 {
        return format!("{ms:.1}ms");
    }
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    duration(ms.round() as i64)
}

impl Plot {
    fn draw(self, frame: &mut Frame<'_>, area: Rect, past_ms: i64, theme: &Theme) {
        let now = |series: &Series| series.points.last().copied().flatten();
        let mut title = vec![Span::styled(format!(" {} ", self.title), theme.heading)];
        for (at, series) in self.series.iter().enumerate() {
            if let Some(value) = now(series) {
                let style = if at == 0 { theme.accent } else { theme.warn };
                let name = if series.name.is_empty() { String::new() } else { format!("{} ", series.name) };
                title.push(Span::styled(format!("{name}{} ", (self.show)(value)), style));
            }
        }
        let block = Block::bordered().border_style(theme.border).title(Line::from(title));
        let room = usize::from(block.inner(area).width).saturating_sub(8).max(1) * 2;
        let lines: Vec<Vec<(f64, f64)>> = self.series.iter().map(|series| thin(&series.points, room)).collect();
        let top = lines.iter().flatten().map(|point| point.1).fold(0.0, f64::max);
        if lines.iter().all(Vec::is_empty) {
            frame.render_widget(Line::styled(self.empty, theme.dim), block.inner(area));
            frame.render_widget(block, area);
            return;
        }
        let top = round_up(top);
        let datasets = self.series.iter().zip(&lines).enumerate().map(|(at, (series, points))| {
            Dataset::default()
                .marker(series.marker)
                .graph_type(GraphType::Line)
                .style(if at == 0 { theme.accent } else { theme.warn })
                .data(points)
        });
        // The thicker line first, so that the thin one is drawn over it.
        let chart = Chart::new(datasets.rev().collect())
            .block(block)
            .style(theme.text)
            .x_axis(
                Axis::default()
                    .bounds([0.0, 1.0])
                    .style(theme.dim)
                    .labels([Line::raw(format!("-{}", duration(past_ms))), Line::raw("now")]),
            )
            .y_axis(
                Axis::default()
                    .bounds([0.0, top])
                    .style(theme.dim)
                    .labels([Line::raw("0"), Line::raw((self.show)(top))]),
            );
        frame.render_widget(chart, area);
    }
}

/// The points over 0 to 1, at most `room` of them: of those that fall together the highest, so that no peak is lost.
#[expect(clippy::cast_precision_loss, reason = "a place in a plot")]
fn thin(points: &[Option<f64>], room: usize) -> Vec<(f64, f64)> {
    let each = points.len().div_ceil(room.max(1)).max(1);
    let last = points.len().saturating_sub(1).max(1) as f64;
    points
        .chunks(each)
        .enumerate()
        .filter_map(|(at, chunk)| {
            let highest = chunk.iter().copied().flatten().reduce(f64::max)?;
            let end = (at * each + chunk.len() - 1) as f64;
            Some((end / last, highest))
        })
        .collect()
}

/// The next of 1, 2, 5, 10, 20, …: an axis that does not change with every point.
fn round_up(top: f64) -> f64 {
    let mut step = 1.0;
    while step < top && step < 1e15 {
        for factor in [2.0, 5.0, 10.0] {
            if step * factor >= top {
                return step * factor;
            }
        }
        step *= 10.0;
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_not_thinned_away() {
        let mut points = vec![Some(1.0); 900];
        points[333] = Some(50.0);
        points[500] = None;
        let thinned = thin(&points, 40);
        assert!(thinned.len() <= 40);
        assert!(thinned.iter().any(|point| point.1 > 49.0));
        assert!(thinned.iter().all(|point| (0.0..=1.0).contains(&point.0)));
        assert!(thin(&[], 40).is_empty());
    }

    #[test]
    fn an_axis_ends_at_a_round_number() {
        let shown: Vec<String> = [0.0, 1.0, 3.0, 70_000.0].map(|top| rate(round_up(top))).to_vec();
        assert_eq!(shown, ["1.0", "1.0", "5.0", "100k"]);
        assert!(round_up(f64::MAX).is_finite());
    }
}
