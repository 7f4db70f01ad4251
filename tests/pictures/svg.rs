//! A screen as SVG: a rectangle behind cells of another background, and a text for each run of cells of one style.

use std::fmt::Write;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

/// The size of a cell, pixels.
const CELL: (usize, usize) = (8, 17);
/// The room around the screen, pixels.
const MARGIN: usize = 10;
const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d4d7dd";

/// The character and the style of one cell; the text of a cell that a wide character before it covers is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    text: String,
    style: Style,
}

/// What was drawn into a buffer.
pub(super) fn of_buffer(buffer: &Buffer) -> String {
    let area = buffer.area;
    let cell = |x, y| Cell { text: buffer[(x, y)].symbol().to_owned(), style: buffer[(x, y)].style() };
    let rows: Vec<Vec<Cell>> =
        (area.top()..area.bottom()).map(|y| (area.left()..area.right()).map(|x| cell(x, y)).collect()).collect();
    of_screen(&rows)
}

/// The cells of a screen, by row.
fn of_screen(rows: &[Vec<Cell>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let (width, height) = (columns * CELL.0 + 2 * MARGIN, rows.len() * CELL.1 + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{BACKGROUND}\"/>\n"
    );
    for (y, row) in rows.iter().enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|left, right| left.style == right.style) {
            write_run(&mut svg, (x, y), run);
            x += run.len();
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn write_run(svg: &mut String, (x, y): (usize, usize), run: &[Cell]) {
    let style = run[0].style;
    let has = |modifier| style.add_modifier.contains(modifier);
    let ink = style.fg.and_then(colour).unwrap_or_else(|| FOREGROUND.to_owned());
    let paper = style.bg.and_then(colour);
    let (ink, paper) = if has(Modifier::REVERSED) {
        (paper.unwrap_or_else(|| BACKGROUND.to_owned()), Some(ink))
    } else {
        (ink, paper)
    };
    let (left, top, width) = (MARGIN + x * CELL.0, MARGIN + y * CELL.1, run.len() * CELL.0);
    if let Some(paper) = paper {
        let height = CELL.1;
        let rectangle =
            writeln!(svg, "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"{paper}\"/>");
        rectangle.expect("a String takes all");
    }
    let text: String = run.iter().map(|cell| cell.text.as_str()).collect();
    let shown = text.trim_start();
    if shown.trim_end().is_empty() {
        return;
    }
    // Blanks at both ends need no ink, and a text that says its length stays in its columns in any font.
    let left = left + (text.chars().count() - shown.chars().count()) * CELL.0;
    let shown = shown.trim_end();
    let (baseline, length) = (top + CELL.1 - 4, shown.chars().count() * CELL.0);
    let weight = if has(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let faint = if has(Modifier::DIM) { " opacity=\"0.6\"" } else { "" };
    let shown = shown.replace('&', "&amp;").replace('<', "&lt;");
    let written = writeln!(
        svg,
        "<text x=\"{left}\" y=\"{baseline}\" textLength=\"{length}\" fill=\"{ink}\" xml:space=\"preserve\"{weight}{faint}>{shown}</text>"
    );
    written.expect("a String takes all");
}

/// The colour as a terminal shows it; `None` for the terminal's own.
fn colour(colour: Color) -> Option<String> {
    let named = match colour {
        Color::Black => "#000000",
        Color::Red => "#e0626a",
        Color::Green => "#8cc265",
        Color::Yellow => "#d9a343",
        Color::Blue => "#4d8fe0",
        Color::Magenta => "#c162de",
        Color::Cyan => "#42b3c2",
        Color::Gray => "#b8bcc4",
        Color::DarkGray => "#7a808c",
        Color::LightRed => "#ff7b84",
        Color::LightGreen => "#a5e075",
        Color::LightYellow => "#f0b85a",
        Color::LightBlue => "#6cb0ff",
        Color::LightMagenta => "#de8af0",
        Color::LightCyan => "#56d4e4",
        Color::White => "#ffffff",
        Color::Rgb(red, green, blue) => return Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        Color::Indexed(index @ 0..=15) => return self::colour(NAMED[usize::from(index)]),
        Color::Indexed(index @ 16..=231) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let index = index - 16;
            return self::colour(Color::Rgb(level(index / 36), level(index / 6 % 6), level(index % 6)));
        }
        Color::Indexed(index) => {
            let grey = 8 + 10 * (index - 232);
            return self::colour(Color::Rgb(grey, grey, grey));
        }
        Color::Reset => return None,
    };
    Some(named.to_owned())
}

/// The colours that a terminal numbers from 0.
const NAMED: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

/// The cells of a terminal's screen.
pub(super) fn of_terminal(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let cell = |row, column| {
        let Some(cell) = screen.cell(row, column) else { return Cell { text: " ".to_owned(), style: Style::new() } };
        let colour = |colour| match colour {
            vt100::Color::Default => None,
            vt100::Color::Idx(index) => Some(Color::Indexed(index)),
            vt100::Color::Rgb(red, green, blue) => Some(Color::Rgb(red, green, blue)),
        };
        let mut style = Style { fg: colour(cell.fgcolor()), bg: colour(cell.bgcolor()), ..Style::new() };
        for (on, modifier) in
            [(cell.bold(), Modifier::BOLD), (cell.dim(), Modifier::DIM), (cell.inverse(), Modifier::REVERSED)]
        {
            style = if on { style.add_modifier(modifier) } else { style };
        }
        let blank = if cell.is_wide_continuation() { "" } else { " " };
        Cell { text: if cell.has_contents() { cell.contents() } else { blank }.to_owned(), style }
    };
    let grid: Vec<Vec<Cell>> =
        (0..u16::from(rows)).map(|row| (0..u16::from(columns)).map(|column| cell(row, column)).collect()).collect();
    of_screen(&grid)
}
