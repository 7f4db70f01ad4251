//! The rounds of `iterate`, drawn where a stream has windows: what each has done, and some of the rows that it changed.

use ratatui::layout::Rect;

use super::merge::Operator;
use crate::dashboard::Theme;
use crate::dashboard::draw::{Canvas, Cell, Col, Cursor, Cut, Table, clean, count, duration, fraction, numeric, value};
use crate::inspect::{OperatorView, RoundView, RoundsView};

/// The rounds of an operator: it has one subtask.
pub(super) fn rounds<'a>(operator: &Operator<'a>) -> Option<&'a RoundsView> {
    operator.views().find_map(|(_, _, view)| OperatorView::rounds(view))
}

/// The rounds of `operator`, the newest first; the sample of the one that `cursor` is on.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    mut area: Rect,
    (operator, rounds): (&Operator<'_>, &RoundsView),
    cursor: &mut Cursor,
    theme: &Theme,
) {
    let now = rounds.now.as_deref().unwrap_or("done");
    let line = vec![
        (clean(&operator.name()).into_owned(), theme.heading),
        (format!("  ·  {} of at most {} rounds done", rounds.done.len(), count(rounds.most)), theme.text),
        (format!("  ·  {now}"), if rounds.now.is_some() { theme.accent } else { theme.good }),
    ];
    let head = area.cut_top(1);
    canvas.pieces(head, 0, &line);
    let mut below = if area.height >= 10 { area.cut_bottom(area.height / 2) } else { Rect::ZERO };
    let newest = |index: usize| rounds.done.len().checked_sub(index + 1).and_then(|at| rounds.done.get(at));
    if rounds.done.is_empty() {
        canvas.empty(area, "no round is done yet", "the first begins when all rows have come", theme);
        return;
    }
    let table = Table::new(vec![
        Col::number("round", 5, 0),
        Col::number("rows", 7, 1),
        Col::number("changed", 7, 0),
        Col::text("changed of all", 8, 40, 2).grows(),
        Col::number("took", 6, 3),
    ]);
    let row = |index: usize| newest(index).map_or_else(Vec::new, |round| cells(round, theme));
    table.draw(canvas, area, (rounds.done.len(), row), cursor, (theme, true));
    let Some(round) = newest(cursor.selected) else { return };
    if below.height < 3 {
        return;
    }
    let which = if round.changed == 0 { "it changed none of them" } else { "some that it changed" };
    canvas.heading(below.cut_top(1), &format!("rows of round {}: {which}", round.round), theme);
    let cols = (0_u8..).zip(&rounds.columns).map(|(nth, name)| {
        let all = round.sample.iter().filter_map(|row| row.get(usize::from(nth)));
        if numeric(all) { Col::number(name, 6, nth) } else { Col::text(name, 6, 40, nth) }
    });
    let row = |index: usize| {
        let values = round.sample.get(index).map_or(&[][..], |row| &row[..]);
        (0..values.len()).map(|nth| value(values, nth, theme)).collect()
    };
    Table::new(cols.collect()).draw(canvas, below, (round.sample.len(), row), &mut Cursor::default(), (theme, false));
}

fn cells(round: &RoundView, theme: &Theme) -> Vec<Cell> {
    let text = |text: String| Cell::Text(text, theme.text);
    vec![
        text(round.round.to_string()),
        text(count(round.rows)),
        text(count(round.changed)),
        Cell::Bar(fraction(round.changed, round.rows), theme.accent),
        text(duration(round.took_ms.cast_signed())),
    ]
}
