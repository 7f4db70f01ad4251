//! `checkpoints`: what was written, how long it took, what failed, what comes next.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::dashboard::draw::{
    Canvas, Cell, Col, Cursor, Cut, Table, bar, bytes, clock, duration, fraction, plot, time,
};
use crate::dashboard::{Model, Panel, PanelSpec, Reaction, Theme};
use crate::inspect::{CheckpointStatus, CheckpointView, JobView, SavepointView};
use crate::session::{Listing, listings};

/// The registry entry.
pub(super) const SPEC: PanelSpec = PanelSpec {
    name: "checkpoints",
    title: "checkpoints",
    help: "The checkpoints of the job, the newest first: how long each took from trigger to durable, its longest alignment, the bytes written for it (delta) and those of all state it consists of (full), and why one failed; when the next is due; the savepoints of this run.",
    keys: &[
        ("↑ ↓ j k PgUp PgDn Home End", "choose a checkpoint"),
        ("Enter", "restore the chosen checkpoint or savepoint (asks)"),
    ],
    create: || Box::new(Checkpoints::default()),
};

#[derive(Debug, Default)]
struct Checkpoints {
    cursor: Cursor,
}

/// One line of the history.
enum Row<'a> {
    Checkpoint(&'a CheckpointView),
    Savepoint(&'a SavepointView),
}

/// Both kinds, the newest first.
fn rows(view: &JobView) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = view.checkpoints.iter().map(Row::Checkpoint).collect();
    rows.extend(view.savepoints.iter().map(Row::Savepoint));
    rows.sort_by_key(|row| {
        std::cmp::Reverse(match row {
            Row::Checkpoint(checkpoint) => (checkpoint.triggered_ms, 0, checkpoint.id),
            Row::Savepoint(savepoint) => (savepoint.written_ms, 1, savepoint.checkpoint),
        })
    });
    rows
}

/// Mark, word and style of a status.
fn status(row: &Row<'_>, theme: &Theme) -> (&'static str, &'static str, Style) {
    match row {
        Row::Checkpoint(checkpoint) => {
            let (mark, style) = match checkpoint.status {
                CheckpointStatus::Completed => ("✓", theme.good),
                CheckpointStatus::Pending => ("…", theme.warn),
                CheckpointStatus::Failed => ("✗", theme.bad),
                CheckpointStatus::Discarded => ("·", theme.dim),
            };
            (mark, checkpoint.status.name(), style)
        }
        Row::Savepoint(savepoint) if savepoint.cause.is_some() => ("✗", "no savepoint", theme.bad),
        Row::Savepoint(_) => ("◆", "savepoint", theme.accent),
    }
}

fn cells(row: &Row<'_>, longest_ms: i64, theme: &Theme) -> Vec<Cell> {
    let text = |text: Option<String>| Cell::Text(text.unwrap_or_else(|| "-".to_owned()), theme.text);
    let (mark, word, style) = status(row, theme);
    let status = Cell::Text(format!("{mark} {word}"), style);
    match row {
        Row::Checkpoint(checkpoint) => {
            let duration_ms = checkpoint.duration_ms;
            let share = fraction(unsigned(duration_ms.unwrap_or(0)), unsigned(longest_ms));
            vec![
                text(Some(checkpoint.id.to_string())),
                status,
                text(Some(clock(Some(checkpoint.triggered_ms)))),
                text(duration_ms.map(duration)),
                Cell::Bar(share, style),
                text(checkpoint.alignment_ms.map(duration)),
                text(checkpoint.delta_bytes.map(bytes)),
                text(checkpoint.full_bytes.map(bytes)),
                Cell::Text(checkpoint.cause.clone().unwrap_or_default(), style),
            ]
        }
        Row::Savepoint(savepoint) => vec![
            text(Some(savepoint.checkpoint.to_string())),
            status,
            text(Some(clock(Some(savepoint.written_ms)))),
            Cell::Text(String::new(), theme.text),
            Cell::Text(String::new(), theme.text),
            Cell::Text(String::new(), theme.text),
            Cell::Text(String::new(), theme.text),
            Cell::Text(String::new(), theme.text),
            Cell::Text(
                savepoint
                    .cause
                    .as_ref()
                    .map_or_else(|| savepoint.directory.clone(), |cause| format!("{}: {cause}", savepoint.directory)),
                style,
            ),
        ],
    }
}

fn unsigned(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds, drawn in eighths of a row")]
const fn to_f64(ms: i64) -> f64 {
    ms as f64
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds that came from an i64")]
fn shown_ms(ms: f64) -> String {
    duration(ms as i64)
}

/// When the next is due, with a bar that fills up.
fn countdown(canvas: &mut Canvas<'_>, head: Rect, view: &JobView, theme: &Theme) {
    let pending = view.checkpoints.iter().rev().find(|checkpoint| checkpoint.status == CheckpointStatus::Pending);
    let line = match (view.next_checkpoint_ms, view.checkpoint_interval_ms, pending) {
        (_, _, Some(pending)) => {
            let since = view.now_ms.saturating_sub(pending.triggered_ms).max(0);
            vec![(format!("checkpoint {} is being taken, for {} now", pending.id, duration(since)), theme.warn)]
        }
        (Some(due_ms), interval_ms, None) => {
            let to_go = due_ms.saturating_sub(view.now_ms).max(0);
            let mut line = vec![(format!("next in {}", duration(to_go)), theme.text)];
            if let Some(interval_ms) = interval_ms {
                let done = fraction(unsigned(interval_ms.saturating_sub(to_go)), unsigned(interval_ms));
                line.push((format!(" {} ", bar(done, 10)), theme.accent));
                line.push((format!("every {}", duration(interval_ms)), theme.text));
            }
            line
        }
        (None, Some(interval_ms), None) => {
            vec![(format!("every {}; none is due now", duration(interval_ms)), theme.text)]
        }
        (None, None, None) => vec![(
            "on command only: c takes one, and with (checkpoint = 5s) takes them by itself".to_owned(),
            theme.text,
        )],
    };
    canvas.pieces(head, 0, &line);
}

/// The totals of the checkpoints so far, in a line.
fn totals(view: &JobView) -> String {
    let of = |status| view.checkpoints.iter().filter(|checkpoint| checkpoint.status == status).count();
    let last = view.checkpoints.iter().rev().find(|checkpoint| checkpoint.status == CheckpointStatus::Completed);
    let last = last.map_or_else(
        || "none completed yet".to_owned(),
        |last| {
            let done = last.triggered_ms.saturating_add(last.duration_ms.unwrap_or(0));
            let age = view.now_ms.saturating_sub(done).max(0);
            format!("last completed: {}, {} ago", last.id, duration(age))
        },
    );
    format!(
        "{last}  ·  {} completed ({} retained), {} failed  ·  {} savepoint{}",
        view.checkpoints.iter().filter(|checkpoint| checkpoint.was_completed()).count(),
        of(CheckpointStatus::Completed),
        of(CheckpointStatus::Failed),
        view.savepoints.len(),
        if view.savepoints.len() == 1 { "" } else { "s" }
    )
}

/// The chosen row, written out.
fn detail(canvas: &mut Canvas<'_>, area: Rect, row: &Row<'_>, now_ms: i64, theme: &Theme) {
    let (mark, word, style) = status(row, theme);
    let (title, text, cause) = match row {
        Row::Checkpoint(of) => (
            format!("checkpoint {}", of.id),
            if of.duration_ms.is_none() && of.cause.is_none() {
                let since = duration(now_ms.saturating_sub(of.triggered_ms).max(0));
                format!("{mark} {word}  ·  triggered {}, under way for {since}", time(Some(of.triggered_ms)))
            } else {
                format!(
                    "{mark} {word}  ·  triggered {}  ·  took {}, alignment {}  ·  delta {} of {}",
                    time(Some(of.triggered_ms)),
                    of.duration_ms.map_or_else(|| "-".to_owned(), duration),
                    of.alignment_ms.map_or_else(|| "-".to_owned(), duration),
                    of.delta_bytes.map_or_else(|| "-".to_owned(), bytes),
                    of.full_bytes.map_or_else(|| "-".to_owned(), bytes),
                )
            },
            &of.cause,
        ),
        Row::Savepoint(of) => (
            format!("savepoint of checkpoint {}", of.checkpoint),
            format!("{mark} {word}  ·  written {}  ·  {}", time(Some(of.written_ms)), of.directory),
            &of.cause,
        ),
    };
    let mut rest = area;
    canvas.heading(rest.cut_top(1), &title, theme);
    let used = canvas.paragraph(rest, &text, theme.text);
    rest.cut_top(used);
    if let Some(cause) = cause {
        canvas.paragraph(rest, &format!("cause: {cause}"), style);
    }
}

impl Panel for Checkpoints {
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
        let (mut canvas, mut area) = Canvas::new(frame, area);
        let view = &model.view;
        if area.height > 4 {
            let head = area.cut_top(2);
            countdown(&mut canvas, head, view, theme);
            canvas.text(head, 1, &totals(view), theme.dim);
        }
        let rows = rows(view);
        if rows.is_empty() {
            canvas.empty(
                area,
                "no checkpoints yet",
                "c takes a checkpoint, s a savepoint; run NAME with (checkpoint = 5s) = … takes them by itself",
                theme,
            );
            return;
        }
        if area.height >= 15 {
            let high = (area.height / 4).clamp(4, 12);
            let mut chart = area.cut_top(high + u16::from(area.height >= 20));
            if area.height >= 15 {
                chart.cut_bottom(1);
            }
            // A column a checkpoint, wide enough to be seen.
            let wide = (usize::from(chart.width) / 120).max(1) * 2;
            // One that failed took as long as it was waited for, and would flatten the others.
            let completed = view.checkpoints.iter().filter(|checkpoint| checkpoint.was_completed());
            let longest = completed.clone().filter_map(|checkpoint| checkpoint.duration_ms).max();
            let title = longest.map_or_else(String::new, |ms| format!(", the longest {}", duration(ms)));
            let durations = completed.filter_map(|checkpoint| checkpoint.duration_ms);
            let values: Vec<f64> = durations.flat_map(|ms| std::iter::repeat_n(to_f64(ms), wide)).collect();
            plot(
                &mut canvas,
                chart,
                &format!("duration of those completed{title}"),
                &values,
                shown_ms,
                (theme, theme.accent),
            );
        }
        let below = (area.height >= 9).then(|| area.cut_bottom(if area.height >= 14 { 4 } else { 3 }));
        let completed = view.checkpoints.iter().filter(|checkpoint| checkpoint.was_completed());
        let longest_ms = completed.filter_map(|checkpoint| checkpoint.duration_ms).max().unwrap_or(0);
        let table = Table::new(vec![
            Col::number("id", 4, 0),
            Col::text("status", 11, 14, 0),
            Col::text("triggered", 12, 12, 2),
            Col::number("took", 6, 1),
            Col::text("", 6, 30, 7),
            Col::number("aligned", 7, 4),
            Col::number("delta", 6, 3),
            Col::number("full", 6, 5),
            Col::text("cause, or where", 8, 90, 6),
        ]);
        let row = |index: usize| rows.get(index).map_or_else(Vec::new, |row| cells(row, longest_ms, theme));
        table.draw(&mut canvas, area, (rows.len(), row), &mut self.cursor, (theme, true));
        if let (Some(below), Some(row)) = (below, rows.get(self.cursor.selected)) {
            detail(&mut canvas, below, row, view.now_ms, theme);
        }
    }

    fn key(&mut self, key: KeyEvent, model: &Model) -> Reaction {
        if self.cursor.key(key) {
            return Reaction::Redraw;
        }
        if key.code != KeyCode::Enter {
            return Reaction::Ignored;
        }
        let job = &model.view.name;
        match rows(&model.view).get(self.cursor.selected) {
            Some(Row::Checkpoint(checkpoint)) if checkpoint.status == CheckpointStatus::Completed => Reaction::Ask {
                question: format!("Restore {job} from checkpoint {}?", checkpoint.id),
                statement: format!("restore {job} from checkpoint {}", checkpoint.id),
            },
            Some(Row::Savepoint(savepoint)) if savepoint.cause.is_none() => Reaction::Ask {
                question: format!("Restore {job} from savepoint '{}'?", savepoint.directory),
                // A quote inside a quoted text is written twice.
                statement: format!("restore {job} from savepoint '{}'", savepoint.directory.replace('\'', "''")),
            },
            Some(_) => Reaction::Message("only what was completed can be restored".to_owned()),
            None => Reaction::Ignored,
        }
    }

    fn mouse(&mut self, event: MouseEvent, _area: Rect, _model: &Model) -> Reaction {
        if self.cursor.mouse(event) { Reaction::Redraw } else { Reaction::Ignored }
    }

    fn listing(&self, model: &Model) -> Listing {
        listings::checkpoints(&model.view)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{press, screen};
    use super::SPEC;
    use crate::dashboard::Reaction;
    use crate::dashboard::testing::model;

    #[test]
    fn what_was_completed_is_restored_on_enter() {
        let model = model();
        let mut panel = (SPEC.create)();
        screen(panel.as_mut(), &model, 78, 19);
        assert!(matches!(press(panel.as_mut(), "\n", &model), Reaction::Message(_)), "the newest is pending");
        let asked = press(panel.as_mut(), "j\n", &model);
        let Reaction::Ask { statement, .. } = asked else { panic!("{asked:?}") };
        assert_eq!(statement, "restore hot from checkpoint 7");
        let asked = press(panel.as_mut(), "G\n", &model);
        let Reaction::Ask { statement, .. } = asked else { panic!("{asked:?}") };
        assert_eq!(statement, "restore hot from savepoint 'sp/hot''s'");
    }
}
