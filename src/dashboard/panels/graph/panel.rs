//! The panel: chooses how much is said and which way data flows, so that the whole graph is seen where it can be.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::boxes::{Contents, DETAILS, Detail, contents, load_word, share};
use super::layers::layers;
use super::paint::{View, edges, vertex};
use super::place::{Flow, Placed, Point, place};
use crate::dashboard::draw::{
    Canvas, Cell, Col, Cursor, Cut, Pieces, Table, clean, clock, fit, fraction, percent, plot, rate, scroll, width,
};
use crate::dashboard::{Load, Model, Panel, PanelSpec, Reaction, Theme, load_mark};
use crate::inspect::JobView;
use crate::session::{Listing, listings};

/// The registry entry.
pub(in crate::dashboard::panels) const SPEC: PanelSpec = PanelSpec {
    name: "graph",
    title: "graph",
    help: "The job graph: a box is a vertex with its chained operators, ×4 its subtasks with a mark each (▶ busy, ‖ back-pressured, · idle), an edge the exchange between two vertices with its rows a second. A large graph scrolls; a small screen says less in a box.",
    keys: &[
        ("↑ ↓ ← → h j k l", "choose a vertex"),
        ("PgUp PgDn, wheel", "scroll"),
        ("Home End", "the first, the last vertex"),
    ],
    create: || Box::new(Graph::default()),
};

/// Columns of what is written at an edge.
const LABEL: usize = 22;

#[derive(Debug, Default)]
struct Graph {
    chosen: usize,
    offset: Point,
    /// The choice moved: it is brought into the window.
    moved: bool,
    /// The places of the boxes in the graph, and their sizes.
    boxes: Vec<(Point, super::place::Size)>,
    /// The areas where the boxes were drawn.
    drawn: Vec<Rect>,
    page: i32,
}

/// Edges between places in the view's list of vertices; one that leads nowhere is kept, and left out by the layout.
fn places(view: &JobView) -> Vec<(usize, usize)> {
    let place = |id: usize| view.vertices.iter().position(|vertex| vertex.id == id).unwrap_or(usize::MAX);
    view.edges.iter().map(|edge| (place(edge.from), place(edge.to))).collect()
}

/// The texts at the edges: exchange and rate.
fn labels(model: &Model) -> Vec<(String, String)> {
    let label = |(nth, edge): (usize, &crate::inspect::EdgeView)| {
        (fit(&edge.exchange.to_string(), LABEL), format!("{}/s", rate(model.edge_rate(nth))))
    };
    model.view.edges.iter().enumerate().map(label).collect()
}

/// The first way to draw the graph that fits, the wordiest first; the tersest when none does.
fn arrange(model: &Model, room: Rect, labels: &[(String, String)], theme: &Theme) -> (Placed, Vec<Contents>) {
    let view = &model.view;
    let layered = layers(view.vertices.len(), &places(view));
    let boxes = |detail: Detail| -> Vec<Contents> {
        view.vertices.iter().enumerate().map(|(at, vertex)| contents(model, at, vertex, detail, theme)).collect()
    };
    let placed = |boxes: &[Contents], flow: Flow| {
        let columns = |(exchange, rate): &(String, String)| match flow {
            Flow::Right => width(exchange).max(width(rate)),
            Flow::Down => width(exchange) + 1 + width(rate),
        };
        let columns: Vec<i32> = labels.iter().map(|label| i32::try_from(columns(label)).unwrap_or(0)).collect();
        let sizes: Vec<_> = boxes.iter().map(|of| of.size).collect();
        place(&layered, &sizes, &columns, flow)
    };
    let fits =
        |placed: &Placed| placed.size.width <= i32::from(room.width) && placed.size.height <= i32::from(room.height);
    for detail in DETAILS {
        let boxes = boxes(detail);
        for flow in [Flow::Right, Flow::Down] {
            // Without a border there is nothing for a line from the left to end at.
            if detail == Detail::Line && flow == Flow::Right {
                continue;
            }
            let placed = placed(&boxes, flow);
            if fits(&placed) {
                return (placed, boxes);
            }
        }
    }
    let boxes = boxes(if room.height > 12 { Detail::Compact } else { Detail::Small });
    (placed(&boxes, Flow::Down), boxes)
}

fn legend(theme: &Theme, roomy: bool) -> Pieces {
    let (between, behind) = if roomy { ("  ", " ") } else { (" ", "") };
    let mut line = Vec::new();
    for load in [Load::Busy, Load::Backpressured, Load::Idle] {
        let gap = if line.is_empty() { "" } else { between };
        line.push((format!("{gap}{}{behind}", load_mark(load)), theme.load(load)));
        line.push((load_word(load).to_owned(), theme.dim));
    }
    line
}

impl Graph {
    /// The chosen vertex in a line.
    fn status(&self, model: &Model, theme: &Theme) -> Pieces {
        let Some(vertex) = model.view.vertices.get(self.chosen) else { return Vec::new() };
        let rates = model.vertex_rates(self.chosen);
        let load = rates.load();
        vec![
            (format!("{} {} ", load_mark(load), vertex.id), theme.load(load)),
            (clean(&vertex.name).into_owned(), theme.heading),
            (format!("  {} {}", load_word(load), percent(share(&rates, load))), theme.load(load)),
            (format!("  in {}/s  out {}/s", rate(rates.rows_in), rate(rates.rows_out)), theme.text),
        ]
    }

    /// The subtasks of the chosen vertex, where there is room.
    fn subtasks(&self, canvas: &mut Canvas<'_>, mut area: Rect, model: &Model, theme: &Theme) {
        let Some(vertex) = model.view.vertices.get(self.chosen) else { return };
        let title = format!("subtasks of {} {}  uids {}", vertex.id, vertex.name, vertex.operators.join(", "));
        area.cut_top(1);
        canvas.heading(area.cut_top(1), &title, theme);
        if area.height >= 22 {
            let values: Vec<f64> = model.throughput().collect();
            let title = format!("rows read a second: {}", rate(values.last().copied().unwrap_or(0.0)));
            plot(canvas, area.cut_bottom(10), &title, &values, rate, (theme, theme.accent));
        }
        let table = Table::new(vec![
            Col::text("subtask", 9, 12, 0),
            Col::text("load", 10, 50, 0).grows(),
            Col::number("busy", 5, 2),
            Col::number("back", 5, 2),
            Col::number("in/s", 6, 1),
            Col::number("out/s", 6, 1),
            Col::text("queue", 6, 8, 3),
            Col::text("watermark", 12, 12, 4),
            Col::text("trend", 10, 60, 5).grows(),
        ]);
        let row = |index: usize| {
            let Some(subtask) = vertex.subtasks.get(index) else { return Vec::new() };
            let rates = model.subtask_rates(self.chosen, index);
            let load = rates.load();
            let text = |text: String| Cell::Text(text, theme.text);
            let queue = fraction(subtask.queue.0, subtask.queue.1);
            vec![
                Cell::Pieces(vec![
                    (format!("{} ", load_mark(load)), theme.load(load)),
                    (listings::subtask_name(vertex.id, subtask.index), theme.text),
                ]),
                Cell::Load(rates),
                text(percent(rates.busy)),
                text(percent(rates.backpressured)),
                text(rate(rates.rows_in)),
                text(rate(rates.rows_out)),
                Cell::Bar(queue, if queue > 0.8 { theme.warn } else { theme.accent }),
                text(clock(subtask.watermark)),
                Cell::Spark(model.subtask_throughput(self.chosen, index), theme.accent),
            ]
        };
        let mut cursor = Cursor::default();
        table.draw(canvas, area, (vertex.subtasks.len(), row), &mut cursor, (theme, false));
    }

    /// The window on a graph of this size: the chosen box in it, after the choice moved.
    fn window(&mut self, area: Rect, placed: &Placed) -> View {
        let (width, height) = (i32::from(area.width), i32::from(area.height));
        self.page = (height - 2).max(1);
        if std::mem::take(&mut self.moved)
            && let Some((at, size)) = placed.boxes.get(self.chosen)
        {
            let into = |offset: i32, begin: i32, extent: i32, room: i32| {
                offset.min(begin).max((begin + extent - room).min(begin))
            };
            self.offset.x = into(self.offset.x, at.x, size.width, width);
            self.offset.y = into(self.offset.y, at.y, size.height, height);
        }
        let hold = |offset: i32, extent: i32, room: i32| {
            // A graph that is smaller than the window stands in its middle.
            if extent <= room { (extent - room) / 2 } else { offset.clamp(0, extent - room) }
        };
        self.offset.x = hold(self.offset.x, placed.size.width, width);
        self.offset.y = if placed.size.height <= height { 0 } else { hold(self.offset.y, placed.size.height, height) };
        View { area, offset: self.offset }
    }

    /// The nearest vertex in a direction.
    fn towards(&self, (dx, dy): (i32, i32)) -> Option<usize> {
        let centre = |&(at, size): &(Point, super::place::Size)| (at.x + size.width / 2, at.y + size.height / 2);
        let (x, y) = centre(self.boxes.get(self.chosen)?);
        let distance = |of: &(Point, super::place::Size)| {
            let (ox, oy) = centre(of);
            // A row is about twice as high as a column is wide. Down is the next layer, wherever in it; aside is a
            // neighbour, rather than somebody of another layer.
            let (along, aside) =
                if dx == 0 { ((oy - y) * dy * 6, (ox - x).abs()) } else { ((ox - x) * dx, (oy - y).abs() * 8) };
            (along > 0).then_some(along + aside)
        };
        let others = self.boxes.iter().enumerate().filter(|(at, _)| *at != self.chosen);
        others.filter_map(|(at, of)| Some((distance(of)?, at))).min().map(|(_, at)| at)
    }

    fn choose(&mut self, vertex: usize) {
        self.chosen = vertex;
        self.moved = true;
    }
}

impl Panel for Graph {
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
        let (mut canvas, mut area) = Canvas::new(frame, area);
        let vertices = model.view.vertices.len();
        if vertices == 0 {
            canvas.empty(
                area,
                "no graph: the job has not started",
                "explain NAME shows what a pipeline would become",
                theme,
            );
            return;
        }
        self.chosen = self.chosen.min(vertices - 1);
        if area.height >= 4 {
            let mut line = area.cut_bottom(1);
            let status = self.status(model, theme);
            if area.height >= 24 {
                canvas.pieces(line, 0, &legend(theme, true));
                line = area.cut_bottom(1);
                canvas.pieces(line, 0, &status);
            } else {
                let columns = |pieces: &Pieces| pieces.iter().map(|(text, _)| width(text)).sum::<usize>();
                let (legend, room) = (legend(theme, false), usize::from(line.width));
                // The rates stand at the edges, too: they go first.
                let short = status.iter().take(3).cloned().collect();
                let fits = |status: &Pieces| columns(status) + 2 + columns(&legend) <= room;
                let status = if fits(&status) { status } else { short };
                let x = canvas.pieces(line, 0, &status);
                canvas.right(line, x + 1, 0, &legend);
            }
        }
        let labels = labels(model);
        let (placed, contents) = arrange(model, area, &labels, theme);
        let height = u16::try_from(placed.size.height).unwrap_or(u16::MAX);
        if area.height.saturating_sub(height) >= 8 && area.width >= 40 {
            let spare = area.height - height - 1;
            let below = area.cut_bottom(spare);
            self.subtasks(&mut canvas, below, model, theme);
        }
        let view = self.window(area, &placed);
        edges(&mut canvas, view, &placed, &labels, theme);
        for (at, (of, contents)) in placed.boxes.iter().zip(&contents).enumerate() {
            vertex(&mut canvas, view, *of, contents, (at == self.chosen, theme));
        }
        let beyond = placed.size.width > i32::from(area.width) || placed.size.height > i32::from(area.height);
        if beyond && area.height > 3 {
            let at = Rect { height: 1, ..area };
            canvas.right(at, 0, 0, &vec![(" more: arrows, PgDn ".to_owned(), theme.warn)]);
        }
        self.drawn = placed.boxes.iter().map(|of| view.on_screen(*of)).collect();
        self.boxes = placed.boxes;
    }

    fn key(&mut self, key: KeyEvent, model: &Model) -> Reaction {
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return Reaction::Ignored;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other key is the dashboard's")]
        let direction = match key.code {
            KeyCode::Up | KeyCode::Char('k') => (0, -1),
            KeyCode::Down | KeyCode::Char('j') => (0, 1),
            KeyCode::Left | KeyCode::Char('h') => (-1, 0),
            KeyCode::Right | KeyCode::Char('l') => (1, 0),
            KeyCode::PageUp => {
                self.offset.y -= self.page;
                return Reaction::Redraw;
            }
            KeyCode::PageDown => {
                self.offset.y += self.page;
                return Reaction::Redraw;
            }
            KeyCode::Home => {
                self.choose(0);
                return Reaction::Redraw;
            }
            KeyCode::End => {
                self.choose(model.view.vertices.len().saturating_sub(1));
                return Reaction::Redraw;
            }
            _ => return Reaction::Ignored,
        };
        if let Some(vertex) = self.towards(direction) {
            self.choose(vertex);
        }
        Reaction::Redraw
    }

    fn mouse(&mut self, event: MouseEvent, _area: Rect, _model: &Model) -> Reaction {
        if let Some(rows) = scroll(event) {
            self.offset.y += i32::try_from(rows).unwrap_or(0);
            return Reaction::Redraw;
        }
        let under = self.drawn.iter().position(|of| of.contains((event.column, event.row).into()));
        match (event.kind, under) {
            (MouseEventKind::Down(_), Some(vertex)) => {
                self.choose(vertex);
                Reaction::Redraw
            }
            _ => Reaction::Ignored,
        }
    }

    fn listing(&self, model: &Model) -> Listing {
        listings::graph(&model.view)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{press, screen};
    use super::{Graph, SPEC};
    use crate::dashboard::testing::model;

    #[test]
    fn arrows_go_from_box_to_box() {
        let model = model();
        let mut panel = Graph::default();
        screen(&mut panel, &model, 78, 19);
        press(&mut panel, "j", &model);
        assert_eq!(panel.chosen, 2, "from a source down to the union");
        press(&mut panel, "jj", &model);
        assert_eq!(panel.chosen, 5, "down to the nearer sink");
        press(&mut panel, "h", &model);
        assert_eq!(panel.chosen, 4, "the other sink is beside it");
        press(&mut panel, "h", &model);
        assert_eq!(panel.chosen, 4, "there is nothing further");
    }

    #[test]
    fn every_vertex_and_edge_is_on_a_small_screen() {
        let drawn = screen((SPEC.create)().as_mut(), &model(), 78, 19);
        for wanted in
            ["bids", "café", "Union", "Window(hop", "hot_file", "late_file", "rebalance", "hash[auction]", "×4"]
        {
            assert!(drawn.contains(wanted), "{wanted} is missing:\n{drawn}");
        }
    }
}
