//! `subtasks`: what each subtask does now.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::dashboard::draw::{
    Canvas, Cell, Col, Cursor, Cut, Table, bytes, clean, clock, count, duration, fraction, micros, percent, plot, rate,
    time,
};
use crate::dashboard::{Model, Panel, PanelSpec, Rates, Reaction, Theme, load_mark};
use crate::inspect::{SubtaskView, VertexView};
use crate::session::{Listing, listings};

/// The registry entry.
pub(super) const SPEC: PanelSpec = PanelSpec {
    name: "subtasks",
    title: "subtasks",
    help: "Every subtask: rows and bytes a second, how busy (█), back-pressured (▒) and idle (·) it is, the fill of its input queues, its watermark, late and rejected rows, and how old its last checkpoint is. Narrow screens leave out what matters least; the chosen subtask is written out below.",
    keys: &[
        ("↑ ↓ j k PgUp PgDn Home End", "choose a subtask"),
        ("o", "sort by the next column"),
        ("O", "turn the order round"),
        ("K", "kill the chosen subtask (asks)"),
    ],
    create: || Box::new(Subtasks::default()),
};

/// The order that rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Place,
    RowsIn,
    RowsOut,
    BytesIn,
    Busy,
    Backpressured,
    Queue,
    Watermark,
    Late,
    CheckpointAge,
}

const ORDERS: [Order; 10] = [
    Order::Place,
    Order::RowsIn,
    Order::RowsOut,
    Order::BytesIn,
    Order::Busy,
    Order::Backpressured,
    Order::Queue,
    Order::Watermark,
    Order::Late,
    Order::CheckpointAge,
];

impl Order {
    const fn name(self) -> &'static str {
        match self {
            Self::Place => "place in the graph",
            Self::RowsIn => "rows in",
            Self::RowsOut => "rows out",
            Self::BytesIn => "bytes in",
            Self::Busy => "busy",
            Self::Backpressured => "back-pressured",
            Self::Queue => "queue",
            Self::Watermark => "watermark",
            Self::Late => "late rows",
            Self::CheckpointAge => "checkpoint age",
        }
    }
}

/// One subtask with what is shown of it.
struct Row<'a> {
    vertex: &'a VertexView,
    subtask: &'a SubtaskView,
    place: (usize, usize),
    rates: Rates,
    /// Milliseconds since it acknowledged a checkpoint.
    age_ms: Option<i64>,
}

impl Row<'_> {
    fn queue(&self) -> f64 {
        fraction(self.subtask.queue.0, self.subtask.queue.1)
    }

    fn name(&self) -> String {
        listings::subtask_name(self.vertex.id, self.subtask.index)
    }
}

#[derive(Debug, Default)]
struct Subtasks {
    cursor: Cursor,
    order: usize,
    reversed: bool,
}

impl Subtasks {
    fn order(&self) -> Order {
        ORDERS.get(self.order).copied().unwrap_or(Order::Place)
    }

    fn rows<'a>(&self, model: &'a Model) -> Vec<Row<'a>> {
        let mut rows: Vec<Row<'a>> = Vec::new();
        for (v, vertex) in model.view.vertices.iter().enumerate() {
            for (s, subtask) in vertex.subtasks.iter().enumerate() {
                let age_ms = subtask.acknowledged.map(|(_, at_ms)| model.view.now_ms.saturating_sub(at_ms).max(0));
                rows.push(Row { vertex, subtask, place: (v, s), rates: model.subtask_rates(v, s), age_ms });
            }
        }
        // Great numbers first: what is looked for is the busiest, the latest, the fullest. Sorting is stable, so equals
        // stay in the order of the graph.
        match self.order() {
            Order::Place => {}
            Order::RowsIn => rows.sort_by(|a, b| b.rates.rows_in.total_cmp(&a.rates.rows_in)),
            Order::RowsOut => rows.sort_by(|a, b| b.rates.rows_out.total_cmp(&a.rates.rows_out)),
            Order::BytesIn => rows.sort_by(|a, b| b.rates.bytes_in.total_cmp(&a.rates.bytes_in)),
            Order::Busy => rows.sort_by(|a, b| b.rates.busy.total_cmp(&a.rates.busy)),
            Order::Backpressured => rows.sort_by(|a, b| b.rates.backpressured.total_cmp(&a.rates.backpressured)),
            Order::Queue => rows.sort_by(|a, b| b.queue().total_cmp(&a.queue())),
            // The one furthest behind first.
            Order::Watermark => rows.sort_by_key(|row| row.subtask.watermark),
            Order::Late => rows.sort_by_key(|row| std::cmp::Reverse(row.subtask.late_rows)),
            Order::CheckpointAge => rows.sort_by_key(|row| std::cmp::Reverse(row.age_ms)),
        }
        if self.reversed {
            rows.reverse();
        }
        rows
    }

    fn table(&self, columns: u16) -> Table {
        // A name that tells vertices apart is worth more than the columns that are only there where it is wide.
        let vertex = if columns >= 110 { 18 } else { 10 };
        let mark = if self.reversed { "▴" } else { "▾" };
        let col = |order: Order, col: Col| if order == self.order() { col.marked(mark) } else { col };
        Table::new(vec![
            col(Order::Place, Col::text("subtask", 8, 10, 0)),
            Col::text("vertex", vertex, 40, 4),
            Col::text("status", 7, 10, 11),
            col(Order::RowsIn, Col::number("in/s", 5, 1)),
            col(Order::RowsOut, Col::number("out/s", 6, 1)),
            col(Order::BytesIn, Col::number("B in/s", 7, 9)),
            Col::number("B out/s", 8, 10),
            Col::text("load", 10, 26, 0).grows(),
            col(Order::Busy, Col::number("busy", 5, 2)),
            col(Order::Backpressured, Col::number("back", 5, 2)),
            Col::number("idle", 4, 12),
            col(Order::Queue, Col::text("queue", 6, 6, 8)),
            Col::number("fill", 5, 13),
            col(Order::Watermark, Col::text("watermark", 12, 12, 3)),
            col(Order::Late, Col::number("late", 5, 2)),
            Col::number("rejected", 8, 14),
            col(Order::CheckpointAge, Col::number("ckpt", 5, 6)),
            Col::text("trend", 8, 40, 7).grows(),
        ])
    }

    /// The chosen subtask, written out.
    fn detail(canvas: &mut Canvas<'_>, area: Rect, row: &Row<'_>, theme: &Theme) {
        let (subtask, rates) = (row.subtask, row.rates);
        canvas.heading(area, &format!("{}  {}", row.name(), clean(&row.vertex.name)), theme);
        let checkpoint = match subtask.acknowledged {
            Some((id, _)) => format!("checkpoint {id}, {} ago", duration(row.age_ms.unwrap_or(0))),
            None => "no checkpoint yet".to_owned(),
        };
        let latency = subtask.latency.map_or_else(String::new, |latency| {
            format!(
                "  ·  latency p50 {} p95 {} p99 {}",
                micros(latency.p50_us),
                micros(latency.p95_us),
                micros(latency.p99_us)
            )
        });
        let lines = [
            format!(
                "{} {}  ·  busy {}  back-pressured {}  idle {}  ·  queue {}/{}{latency}",
                load_mark(rates.load()),
                subtask.status.name(),
                percent(rates.busy),
                percent(rates.backpressured),
                percent(rates.idle),
                subtask.queue.0,
                subtask.queue.1,
            ),
            format!(
                "rows in {} ({}), out {} ({})  ·  late {}  rejected {}",
                count(subtask.rows_in),
                bytes(subtask.bytes_in),
                count(subtask.rows_out),
                bytes(subtask.bytes_out),
                subtask.late_rows,
                subtask.rejected_rows
            ),
            format!("watermark {}  ·  {checkpoint}", time(subtask.watermark)),
        ];
        for (y, line) in (1..).zip(&lines) {
            canvas.text(area, y, line, theme.text);
        }
    }
}

fn cells(row: &Row<'_>, model: &Model, theme: &Theme) -> Vec<Cell> {
    let (subtask, rates) = (row.subtask, row.rates);
    let text = |text: String| Cell::Text(text, theme.text);
    let alarm = |number: u64, style: Style| {
        if number > 0 { Cell::Text(count(number), style) } else { Cell::Text("0".to_owned(), theme.dim) }
    };
    let load = rates.load();
    let watermark = match subtask.watermark {
        _ if subtask.idle => Cell::Text("idle".to_owned(), theme.dim),
        None => Cell::Text("none yet".to_owned(), theme.dim),
        some => text(clock(some)),
    };
    vec![
        Cell::Pieces(vec![(load_mark(load).to_owned(), theme.load(load)), (format!(" {}", row.name()), theme.text)]),
        text(row.vertex.name.clone()),
        text(subtask.status.name().to_owned()),
        text(rate(rates.rows_in)),
        text(rate(rates.rows_out)),
        text(bytes_a_second(rates.bytes_in)),
        text(bytes_a_second(rates.bytes_out)),
        Cell::Load(rates),
        text(percent(rates.busy)),
        Cell::Text(percent(rates.backpressured), if rates.backpressured > 0.5 { theme.warn } else { theme.text }),
        text(percent(rates.idle)),
        Cell::Bar(row.queue(), if row.queue() > 0.8 { theme.warn } else { theme.accent }),
        text(format!("{}/{}", subtask.queue.0, subtask.queue.1)),
        watermark,
        alarm(subtask.late_rows, theme.warn),
        alarm(subtask.rejected_rows, theme.bad),
        text(row.age_ms.map_or_else(|| "-".to_owned(), duration)),
        Cell::Spark(model.subtask_throughput(row.place.0, row.place.1), theme.accent),
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is not negative, and shown rounded"
)]
fn bytes_a_second(rate: f64) -> String {
    bytes(rate as u64)
}

impl Panel for Subtasks {
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
        let (mut canvas, mut area) = Canvas::new(frame, area);
        let rows = self.rows(model);
        if rows.is_empty() {
            canvas.empty(
                area,
                "no subtasks: the job has not started",
                "run NAME = … makes a job; show jobs lists them",
                theme,
            );
            return;
        }
        if area.height >= 26 && area.width >= 60 {
            let values: Vec<f64> = model.throughput().collect();
            let mut top = area.cut_top((area.height / 5).clamp(6, 12));
            top.cut_bottom(1);
            let title = format!("rows read a second: {}", rate(values.last().copied().unwrap_or(0.0)));
            plot(&mut canvas, top, &title, &values, rate, (theme, theme.accent));
        }
        let detail = (area.height >= 11).then(|| area.cut_bottom(4));
        if area.height > 6 {
            let summary = area.cut_top(1);
            let busiest = rows.iter().max_by(|a, b| a.rates.busy.total_cmp(&b.rates.busy));
            let busiest = busiest
                .map_or_else(String::new, |row| format!("busiest {} at {}", row.name(), percent(row.rates.busy)));
            let slowed = rows.iter().filter(|row| row.rates.backpressured > 0.5).count();
            let line = format!("{} subtasks  ·  {busiest}  ·  {slowed} back-pressured", rows.len());
            let sorted = format!("by {}", self.order().name());
            let x = canvas.pieces(summary, 0, &vec![(line, theme.text)]);
            canvas.right(summary, x + 2, 0, &vec![(sorted, theme.dim)]);
        }
        let row = |index: usize| rows.get(index).map_or_else(Vec::new, |row| cells(row, model, theme));
        self.table(area.width).draw(&mut canvas, area, (rows.len(), row), &mut self.cursor, (theme, true));
        if let (Some(detail), Some(row)) = (detail, rows.get(self.cursor.selected)) {
            Self::detail(&mut canvas, detail, row, theme);
        }
    }

    fn key(&mut self, key: KeyEvent, model: &Model) -> Reaction {
        if self.cursor.key(key) {
            return Reaction::Redraw;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other key is the dashboard's")]
        match key.code {
            KeyCode::Char('o') => self.order = (self.order + 1) % ORDERS.len(),
            KeyCode::Char('O') => self.reversed = !self.reversed,
            KeyCode::Char('K') => {
                let rows = self.rows(model);
                let Some(row) = rows.get(self.cursor.selected) else { return Reaction::Ignored };
                let (subtask, job) = (row.name(), &model.view.name);
                return Reaction::Ask {
                    question: format!("Kill subtask {subtask} of {job}?"),
                    statement: format!("kill subtask {subtask} of {job}"),
                };
            }
            _ => return Reaction::Ignored,
        }
        Reaction::Redraw
    }

    fn mouse(&mut self, event: MouseEvent, _area: Rect, _model: &Model) -> Reaction {
        if self.cursor.mouse(event) { Reaction::Redraw } else { Reaction::Ignored }
    }

    fn listing(&self, model: &Model) -> Listing {
        listings::subtasks(&model.view)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{press, screen};
    use super::{SPEC, Subtasks};
    use crate::dashboard::Reaction;
    use crate::dashboard::testing::model;

    #[test]
    fn the_order_is_chosen_and_turned() {
        let model = model();
        let mut panel = Subtasks::default();
        let names = |panel: &Subtasks| panel.rows(&model).iter().map(super::Row::name).collect::<Vec<_>>();
        assert_eq!(names(&panel)[..3], ["0[0]", "0[1]", "1[0]"]);
        assert_eq!(press(&mut panel, "oooo", &model), Reaction::Redraw);
        assert_eq!(names(&panel)[0], "3[2]", "the busiest first");
        press(&mut panel, "O", &model);
        assert_ne!(names(&panel)[0], "3[2]");
        assert_eq!(names(&panel).last().unwrap(), "3[2]");
    }

    #[test]
    fn the_chosen_subtask_is_killed_when_asked_for() {
        let model = model();
        let mut panel = (SPEC.create)();
        screen(panel.as_mut(), &model, 80, 24);
        let asked = press(panel.as_mut(), "jjK", &model);
        let Reaction::Ask { statement, .. } = asked else { panic!("{asked:?}") };
        assert_eq!(statement, "kill subtask 1[0] of hot");
        assert_eq!(press(&mut Subtasks::default(), "K", &crate::dashboard::testing::empty()), Reaction::Ignored);
    }
}
