//! The watermarks panel: a ruler of event time, the inputs of the chosen subtask, the lag over time.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::summary::{Row, Summary, finite, summary};
use crate::dashboard::draw::{
    Canvas, Cursor, Cut, Ruler, clean, clock, duration, fit, pad_left, pad_right, plot, scrollbar, time, width,
};
use crate::dashboard::{Model, Panel, PanelSpec, Reaction, Theme};
use crate::inspect::{InputView, JobView, SplitView, SubtaskView};
use crate::session::{Listing, listings};
use crate::types::{MAX_WATERMARK, MIN_WATERMARK};

/// The registry entry.
pub(in crate::dashboard::panels) const SPEC: PanelSpec = PanelSpec {
    name: "watermarks",
    title: "watermarks",
    help: "A ruler of event time. ● is the watermark of a subtask, ◆ the newest event time that a source has read, the dashes between them the lag. A subtask's watermark is the least of its inputs that are not idle: the input that holds it back is named, and followed to the source; of a source that reads files with a watermark each, the file. A source that is too far ahead of another one (align) names the one that it waits for. ◀ marks the slowest subtask.",
    keys: &[("↑ ↓ j k PgUp PgDn Home End", "choose a subtask: its inputs stand below"), ("w", "go to the slowest")],
    create: || Box::new(Watermarks::default()),
};

#[derive(Debug, Default)]
struct Watermarks {
    cursor: Cursor,
    /// Whether somebody chose a subtask: until then it is the slowest.
    chosen: bool,
}

/// The columns beside the ruler.
struct Layout {
    label: u16,
    watermark: u16,
    lag: u16,
    held: u16,
}

impl Layout {
    fn new(columns: u16, rows: &[Row<'_>]) -> Self {
        let longest = rows.iter().map(|row| row.name().len() + 1 + width(&clean(&row.vertex.name))).max().unwrap_or(8);
        let label = u16::try_from(longest).unwrap_or(u16::MAX).min((columns / 4).max(8));
        let optional = |from: u16, wide: u16| if columns >= from { wide } else { 0 };
        Self {
            label: if columns < 24 { 6 } else { label },
            watermark: optional(34, 13),
            lag: optional(48, 8),
            held: optional(62, if columns >= 150 { 24 } else { 12 }),
        }
    }
}

impl Watermarks {
    fn ruler(&mut self, canvas: &mut Canvas<'_>, mut area: Rect, summary: &Summary<'_>, theme: &Theme) {
        let layout = Layout::new(area.width, &summary.rows);
        let mut scale = area.cut_top(1);
        let range = self.cursor.place(summary.rows.len(), area);
        let mut body = area;
        if range.len() < summary.rows.len() {
            let bar = body.cut_right(1);
            scale.cut_right(1);
            scrollbar(canvas, bar, (range.start, range.len(), summary.rows.len()), theme);
        }
        let selected = body;
        let mut label = body.cut_left(layout.label + 1);
        let mut track = body;
        // What is cut must not touch the ruler.
        label.cut_right(1);
        let held = track.cut_right(layout.held);
        let lag = track.cut_right(layout.lag);
        let watermark = track.cut_right(layout.watermark);
        let at = |rect: Rect| Rect { y: scale.y, height: scale.height, ..rect };
        canvas.text(at(label), 0, "subtask", theme.heading);
        canvas.text(at(watermark), 0, " watermark", theme.heading);
        canvas.text(at(lag), 0, &pad_left("lag", usize::from(layout.lag)), theme.heading);
        canvas.text(at(held), 0, "  held by", theme.heading);
        let ruler = Ruler::new(summary.from, summary.to, usize::from(track.width));
        let ticks = ruler.ticks();
        for (x, text) in &ticks {
            canvas.put(at(track), u16::try_from(*x).unwrap_or(u16::MAX), 0, text, theme.dim);
        }
        for (y, index) in (0..).zip(range) {
            let Some(row) = summary.rows.get(index) else { continue };
            let slowest = summary.slowest == Some(index);
            let style = if slowest { theme.warn } else { theme.text };
            canvas.text(label, y, &format!("{} {}", row.name(), row.vertex.name), style);
            Self::track(canvas, track, y, (row, summary), (&ruler, &ticks, slowest), theme);
            let shown = match row.subtask.watermark {
                _ if row.subtask.idle => "idle".to_owned(),
                None | Some(MIN_WATERMARK) => "none yet".to_owned(),
                some => clock(some),
            };
            canvas.text(watermark, y, &format!(" {shown}"), style);
            let behind = summary.lag(row.subtask.watermark).map_or_else(|| "-".to_owned(), duration);
            canvas.text(lag, y, &pad_left(&behind, usize::from(layout.lag)), style);
            canvas.text(held, y, &format!("  {}", Self::held_by(row)), style);
            if index == self.cursor.selected {
                canvas.style(Rect { y: selected.y + y, height: 1, ..selected }, theme.selected);
            }
        }
    }

    /// One line of the ruler.
    fn track(
        canvas: &mut Canvas<'_>,
        area: Rect,
        y: u16,
        (row, summary): (&Row<'_>, &Summary<'_>),
        (ruler, ticks, slowest): (&Ruler, &[(usize, String)], bool),
        theme: &Theme,
    ) {
        if area.width == 0 {
            return;
        }
        let column = |ms| u16::try_from(ruler.at(ms)).unwrap_or(u16::MAX);
        for (x, _) in ticks {
            canvas.put(area, u16::try_from(*x).unwrap_or(u16::MAX), y, "┊", theme.dim);
        }
        if row.subtask.idle {
            canvas.text(area, y, &fit("idle: nothing comes, nobody waits for it", usize::from(area.width)), theme.dim);
            return;
        }
        let style = if slowest { theme.warn } else { theme.accent };
        if row.subtask.watermark == Some(MAX_WATERMARK) {
            canvas.put(area, area.width.saturating_sub(1), y, "●", theme.good);
            return;
        }
        let Some(at) = finite(row.subtask.watermark).map(column) else { return };
        let newest = row.subtask.newest_event_time.or(summary.newest).map_or(at, column);
        if newest > at {
            let dashes = "╌".repeat(usize::from(newest - at));
            canvas.put(area, at, y, &dashes, if slowest { theme.warn } else { theme.dim });
        }
        if row.subtask.newest_event_time.is_some() {
            canvas.put(area, newest, y, "◆", theme.good);
        }
        canvas.put(area, at, y, "●", style);
        if slowest && at + 1 < area.width {
            canvas.put(area, at + 1, y, "◀", theme.warn);
        }
    }

    fn held_by(row: &Row<'_>) -> String {
        if let Some((vertex, subtask)) = listings::waits_for(row.subtask) {
            return format!("waits for {}", listings::subtask_name(vertex, subtask));
        }
        if let Some(split) = listings::held_by_splits(row.subtask).next() {
            return clean(&split.name).into_owned();
        }
        if row.subtask.inputs.is_empty() {
            return if row.vertex.source { "source".to_owned() } else { "-".to_owned() };
        }
        if row.held_by.is_empty() {
            return "all alike".to_owned();
        }
        let names: Vec<String> =
            row.held_by.iter().map(|input| listings::subtask_name(input.vertex, input.subtask)).collect();
        names.join(" ")
    }

    /// The splits of the chosen source, the slowest first.
    fn splits(canvas: &mut Canvas<'_>, area: Rect, subtask: &SubtaskView, theme: &Theme) {
        let mut splits: Vec<&SplitView> = subtask.splits.iter().collect();
        splits.sort_by_key(|split| (split.idle, split.watermark));
        let holding: Vec<&SplitView> = listings::held_by_splits(subtask).collect();
        let room = usize::from(area.height);
        let shown = if splits.len() > room { room.saturating_sub(1) } else { splits.len() };
        let label = splits.iter().take(shown).map(|split| width(&clean(&split.name))).max().unwrap_or(0);
        let label = label.min(usize::from(area.width) / 2);
        for (y, split) in (0..).zip(splits.iter().take(shown)) {
            let (mark, style, tell) = match (split.idle, holding.contains(split)) {
                (true, _) => ("·", theme.dim, "idle: left out"),
                (_, true) => ("◀", theme.warn, "holds it back"),
                (_, false) => (" ", theme.text, ""),
            };
            let name = pad_right(&clean(&split.name), label);
            canvas.text(area, y, &format!("{mark} {name}  {}  {tell}", pad_right(&time(split.watermark), 23)), style);
        }
        if shown < splits.len() {
            let more = format!("  and {} more", splits.len() - shown);
            canvas.text(area, area.height.saturating_sub(1), &more, theme.dim);
        }
    }

    /// The inputs of the chosen subtask, the slowest first.
    fn inputs(canvas: &mut Canvas<'_>, mut area: Rect, row: &Row<'_>, view: &JobView, theme: &Theme) {
        let subtask = row.subtask;
        let what = if subtask.splits.is_empty() { "inputs" } else { "splits" };
        let title = format!("{what} of {} {}", row.name(), clean(&row.vertex.name));
        canvas.heading(area.cut_top(1), &title, theme);
        if subtask.inputs.is_empty() {
            let (newest, at) = (time(subtask.newest_event_time), time(subtask.watermark));
            let waits = waiting(subtask, view);
            if !waits.is_empty() {
                canvas.paragraph(area.cut_top(2), &waits, theme.warn);
            }
            if !subtask.splits.is_empty() {
                Self::splits(canvas, area, subtask, theme);
                return;
            }
            let text = match (row.vertex.source, subtask.idle) {
                (true, true) => {
                    "a source without rows for longer than its idle timeout: the others go on without it".to_owned()
                }
                (true, false) => format!("a source: newest event time {newest}, watermark {at}"),
                (false, _) => "none".to_owned(),
            };
            canvas.paragraph(area, &text, theme.text);
            return;
        }
        let mut inputs: Vec<&InputView> = subtask.inputs.iter().collect();
        inputs.sort_by_key(|input| (input.idle, input.watermark));
        let furthest = inputs.iter().filter(|input| !input.idle).filter_map(|input| finite(input.watermark)).max();
        let room = usize::from(area.height);
        let shown = if inputs.len() > room { room.saturating_sub(1) } else { inputs.len() };
        let names: Vec<String> = inputs
            .iter()
            .map(|input| {
                let vertex = view.vertices.iter().find(|vertex| vertex.id == input.vertex);
                let name = vertex.map_or("", |vertex| vertex.name.as_str());
                format!("{} {}", listings::subtask_name(input.vertex, input.subtask), clean(name))
            })
            .collect();
        let label =
            names.iter().take(shown).map(|name| width(name)).max().unwrap_or(0).min(usize::from(area.width) / 2);
        for (y, (input, name)) in (0..).zip(inputs.iter().zip(&names).take(shown)) {
            let holds = row.held_by.iter().any(|held| held == input);
            let behind = furthest.zip(finite(input.watermark)).map_or(0, |(most, at)| most.saturating_sub(at));
            let (mark, style, tell) = match (input.idle, holds) {
                (true, _) => ("·", theme.dim, "idle: left out".to_owned()),
                (_, true) if input.watermark.is_none() => {
                    ("◀", theme.warn, "holds it back: no watermark yet".to_owned())
                }
                (_, true) if inputs.len() == 1 => (" ", theme.text, "the only input".to_owned()),
                (_, true) => ("◀", theme.warn, format!("holds it back by {}", duration(behind))),
                (_, false) => (" ", theme.text, String::new()),
            };
            let line = format!("{mark} {}  {}  {tell}", pad_right(name, label), pad_right(&time(input.watermark), 23));
            canvas.text(area, y, &line, style);
        }
        if shown < inputs.len() {
            let more = format!("  and {} more", inputs.len() - shown);
            canvas.text(area, area.height.saturating_sub(1), &more, theme.dim);
        }
    }
}

/// The sentence on what a source waits for, if it does.
fn waiting(subtask: &SubtaskView, view: &JobView) -> String {
    let Some(((vertex, of), alignment)) = listings::waits_for(subtask).zip(subtask.alignment) else {
        return String::new();
    };
    let found = view.vertices.iter().find(|known| known.id == vertex);
    let name = found.map_or("", |vertex| vertex.name.as_str());
    let (slowest, drift) = (listings::subtask_name(vertex, of), duration(alignment.drift_ms));
    format!("it waits for {slowest} {}: its watermark is more than {drift} ahead (align {drift})", clean(name))
}

impl Panel for Watermarks {
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
        let (mut canvas, mut area) = Canvas::new(frame, area);
        let summary = summary(&model.view);
        if summary.rows.is_empty() {
            canvas.empty(
                area,
                "no watermarks: the job has not started",
                "a source with event_time … watermark … makes them",
                theme,
            );
            return;
        }
        if let (false, Some(slowest)) = (self.chosen, summary.slowest) {
            self.cursor.selected = slowest;
        }
        if area.height > 8 {
            let head = area.cut_top(2);
            let (first, second) = summary.headline();
            canvas.text(head, 0, &first, theme.text);
            canvas.text(head, 1, &second, theme.warn);
        }
        if area.height >= 30 && area.width >= 60 {
            let values: Vec<f64> = model.lag().map(|lag| lag.map_or(0.0, to_f64)).collect();
            let mut bottom = area.cut_bottom((area.height / 5).clamp(6, 12));
            bottom.cut_top(1);
            let title = format!("event-time lag: {}", shown_lag(values.last().copied().unwrap_or(0.0)));
            plot(&mut canvas, bottom, &title, &values, shown_lag, (theme, theme.accent));
        }
        if area.height >= 12
            && let Some(row) = summary.rows.get(self.cursor.selected.min(summary.rows.len() - 1))
        {
            let lines = |count: usize| u16::try_from(count.max(1)).unwrap_or(u16::MAX).saturating_add(1);
            // As high for every subtask, so that moving the choice does not move the rows.
            let parts = |row: &Row<'_>| row.subtask.inputs.len().max(row.subtask.splits.len());
            let most = lines(summary.rows.iter().map(parts).max().unwrap_or(0));
            let free = area.height.saturating_sub(lines(summary.rows.len()));
            let inputs = area.cut_bottom(most.min(free.max(area.height / 3)));
            Self::inputs(&mut canvas, inputs, row, &model.view, theme);
        }
        self.ruler(&mut canvas, area, &summary, theme);
    }

    fn key(&mut self, key: KeyEvent, model: &Model) -> Reaction {
        if self.cursor.key(key) {
            self.chosen = true;
            return Reaction::Redraw;
        }
        match (key.code, summary(&model.view).slowest) {
            (KeyCode::Char('w'), Some(row)) => {
                self.cursor.select(row);
                Reaction::Redraw
            }
            _ => Reaction::Ignored,
        }
    }

    fn mouse(&mut self, event: MouseEvent, _area: Rect, _model: &Model) -> Reaction {
        if !self.cursor.mouse(event) {
            return Reaction::Ignored;
        }
        self.chosen = true;
        Reaction::Redraw
    }

    fn listing(&self, model: &Model) -> Listing {
        listings::watermarks(&model.view)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a lag in milliseconds, drawn in eighths of a row")]
const fn to_f64(lag_ms: i64) -> f64 {
    lag_ms as f64
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds that came from an i64")]
fn shown_lag(lag_ms: f64) -> String {
    duration(lag_ms as i64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{SPEC, summary};
    use crate::dashboard::Model;
    use crate::dashboard::panels::tests::{press, screen};
    use crate::dashboard::testing::{model, view};
    use crate::inspect::SplitView;
    use crate::types::MAX_WATERMARK;

    #[test]
    fn a_finished_job_is_said_to_be_at_its_end() {
        let mut view = view(8);
        for subtask in view.vertices.iter_mut().flat_map(|vertex| &mut vertex.subtasks) {
            (subtask.watermark, subtask.idle) = (Some(MAX_WATERMARK), false);
        }
        assert!(summary(&view).headline().0.contains("end of input"));
        let mut panel = (SPEC.create)();
        let drawn = screen(panel.as_mut(), &Model::new(Arc::new(view), Vec::new()), 80, 24);
        assert!(drawn.contains("end"), "{drawn}");
    }

    #[test]
    fn every_split_of_a_source_is_shown_where_there_is_room() {
        let mut view = view(8);
        view.vertices.truncate(1);
        view.vertices[0].subtasks.truncate(1);
        let split = |name: &str, watermark| SplitView {
            name: name.to_owned(),
            watermark: Some(watermark),
            newest_event_time: Some(watermark),
            idle: false,
        };
        view.vertices[0].subtasks[0].splits = vec![split("north", 9_000), split("south", 5_000), split("west", 8_000)];
        let mut panel = (SPEC.create)();
        let drawn = screen(panel.as_mut(), &Model::new(Arc::new(view), Vec::new()), 100, 16);
        assert!(["north", "south", "west"].iter().all(|name| drawn.contains(name)), "{drawn}");
    }

    #[test]
    fn w_goes_to_the_slowest() {
        let model = model();
        let mut panel = (SPEC.create)();
        let first = screen(panel.as_mut(), &model, 78, 19);
        assert!(first.contains("inputs of 3[2]"), "it is chosen until somebody chooses");
        press(panel.as_mut(), "G", &model);
        assert!(screen(panel.as_mut(), &model, 78, 19).contains("inputs of 5[0]"));
        press(panel.as_mut(), "w", &model);
        let drawn = screen(panel.as_mut(), &model, 78, 19);
        assert!(drawn.contains("inputs of 3[2]"), "{drawn}");
    }
}
