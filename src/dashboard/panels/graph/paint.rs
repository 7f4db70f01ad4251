//! Boxes, lines and labels on the screen, as far as they are inside it.

use std::collections::BTreeMap;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::boxes::Contents;
use super::place::{Flow, Placed, Point, Size};
use crate::dashboard::Theme;
use crate::dashboard::draw::{Canvas, fit, width};

const UP: u8 = 1;
const RIGHT: u8 = 2;
const DOWN: u8 = 4;
const LEFT: u8 = 8;

/// Box-drawing characters by the directions that they lead to.
const LINES: [&str; 16] = [" ", "╵", "╶", "└", "╷", "│", "┌", "├", "╴", "┘", "─", "┴", "┐", "┤", "┬", "┼"];

/// A window on the graph.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    /// The area on the screen.
    pub(super) area: Rect,
    /// The point of the graph in the upper left corner of the area.
    pub(super) offset: Point,
}

impl View {
    /// `text` at `point` of the graph, cut at the edges of the window.
    fn put(&self, canvas: &mut Canvas<'_>, point: Point, text: &str, style: Style) {
        let (x, y) = (point.x - self.offset.x, point.y - self.offset.y);
        let Ok(y) = u16::try_from(y) else { return };
        if let Ok(x) = u16::try_from(x) {
            canvas.put(self.area, x, y, text, style);
            return;
        }
        // What is left of the window is skipped a column at a time; a wide glyph at the edge goes.
        let mut skip = usize::try_from(-x).unwrap_or(0);
        let mut rest = text;
        while skip > 0 {
            let Some(first) = rest.chars().next() else { return };
            rest = &rest[first.len_utf8()..];
            skip = skip.saturating_sub(width(&first.to_string()).max(1));
        }
        canvas.put(self.area, 0, y, rest, style);
    }

    /// The area of a box on the screen, if any of it is there.
    pub(super) fn on_screen(&self, (point, size): (Point, Size)) -> Rect {
        let clip = |from: i32, extent: i32, begin: u16, room: u16| {
            let low = from.clamp(0, i32::from(room));
            let high = (from + extent).clamp(0, i32::from(room));
            (begin + u16::try_from(low).unwrap_or(0), u16::try_from(high - low).unwrap_or(0))
        };
        let (x, width) = clip(point.x - self.offset.x, size.width, self.area.x, self.area.width);
        let (y, height) = clip(point.y - self.offset.y, size.height, self.area.y, self.area.height);
        Rect { x, y, width, height }
    }
}

/// Draws the edges of a graph; `labels` has what is written at each: two lines when data flows to the right.
pub(super) fn edges(canvas: &mut Canvas<'_>, view: View, placed: &Placed, labels: &[(String, String)], theme: &Theme) {
    let mut cells: BTreeMap<Point, u8> = BTreeMap::new();
    for route in &placed.routes {
        for pair in route.corners.windows(2) {
            if let [from, to] = pair {
                line(&mut cells, *from, *to);
            }
        }
        // The line comes out of the box above it, and goes on into the node below.
        let (backward, forward) = match placed.flow {
            Flow::Down => (UP, DOWN),
            Flow::Right => (LEFT, RIGHT),
        };
        if let (Some(first), Some(last)) = (route.corners.first(), route.corners.last()) {
            *cells.entry(*first).or_default() |= backward;
            *cells.entry(*last).or_default() |= forward;
        }
    }
    for (point, directions) in cells {
        view.put(canvas, point, LINES.get(usize::from(directions)).copied().unwrap_or(" "), theme.border);
    }
    for route in &placed.routes {
        if route.arrives
            && let Some(end) = route.corners.last()
        {
            let head = if placed.flow == Flow::Down { "▼" } else { "▶" };
            view.put(canvas, *end, head, theme.accent);
        }
        let (Some(at), Some((exchange, rate))) = (route.label, labels.get(route.edge)) else { continue };
        match placed.flow {
            Flow::Down => {
                view.put(canvas, at, exchange, theme.dim);
                let at = Point { x: at.x + columns(exchange) + 1, ..at };
                view.put(canvas, at, rate, theme.accent);
            }
            Flow::Right => {
                view.put(canvas, Point { y: at.y - 1, ..at }, exchange, theme.dim);
                view.put(canvas, Point { y: at.y + 1, ..at }, rate, theme.accent);
            }
        }
    }
}

fn columns(text: &str) -> i32 {
    i32::try_from(width(text)).unwrap_or(0)
}

/// A straight line, its ends without the directions outward.
fn line(cells: &mut BTreeMap<Point, u8>, from: Point, to: Point) {
    let (dx, dy) = ((to.x - from.x).signum(), (to.y - from.y).signum());
    let (out, back) = match (dx, dy) {
        (1, _) => (RIGHT, LEFT),
        (-1, _) => (LEFT, RIGHT),
        (_, 1) => (DOWN, UP),
        (_, -1) => (UP, DOWN),
        _ => return,
    };
    let mut at = from;
    while at != to {
        *cells.entry(at).or_default() |= out;
        at = Point { x: at.x + dx, y: at.y + dy };
        *cells.entry(at).or_default() |= back;
    }
}

/// Draws the box of a vertex; the chosen one has a heavy border.
pub(super) fn vertex(
    canvas: &mut Canvas<'_>,
    view: View,
    (point, size): (Point, Size),
    contents: &Contents,
    (chosen, theme): (bool, &Theme),
) {
    let bordered = !contents.title.is_empty();
    let style = if chosen { theme.focus } else { contents.style };
    let at = |x: i32, y: i32| Point { x: point.x + x, y: point.y + y };
    let inner = usize::try_from(size.width - if bordered { 4 } else { 0 }).unwrap_or(0);
    if bordered {
        let [corners, flat, upright] = if chosen {
            [["┏", "┓", "┗", "┛"].as_slice(), &["━"], &["┃"]]
        } else {
            [["╭", "╮", "╰", "╯"].as_slice(), &["─"], &["│"]]
        };
        let corner = |nth: usize| corners.get(nth).copied().unwrap_or("+");
        let rule = flat.concat().repeat(usize::try_from(size.width - 2).unwrap_or(0));
        view.put(canvas, at(0, 0), &format!("{}{rule}{}", corner(0), corner(1)), style);
        view.put(canvas, at(0, size.height - 1), &format!("{}{rule}{}", corner(2), corner(3)), style);
        for y in 1..size.height - 1 {
            view.put(canvas, at(0, y), &upright.concat(), style);
            view.put(canvas, at(size.width - 1, y), &upright.concat(), style);
        }
        pieces(canvas, view, at(2, 0), &contents.title, inner);
    }
    for (y, line) in (i32::from(bordered)..).zip(&contents.lines) {
        let x = if bordered { 2 } else { 0 };
        pieces(canvas, view, at(x, y), line, inner);
    }
    if chosen && !bordered {
        canvas.style(view.on_screen((point, size)), theme.selected);
    }
}

fn pieces(canvas: &mut Canvas<'_>, view: View, mut at: Point, pieces: &[(String, Style)], room: usize) {
    let mut left = room;
    for (text, style) in pieces {
        let shown = fit(text, left);
        let used = width(&shown);
        view.put(canvas, at, &shown, *style);
        left -= used.min(left);
        at.x += columns(&shown);
    }
}
