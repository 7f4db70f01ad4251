//! The text in the box of a vertex, by how much room there is.

use ratatui::style::Style;

use super::place::Size;
use crate::dashboard::draw::{Pieces, clean, fit, load_bar, percent, rate, width};
use crate::dashboard::{Load, Model, Rates, Theme, load_mark};
use crate::inspect::VertexView;

/// The amount of detail in a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// The members of the chain a line each, rates, a bar of the load.
    Full,
    /// The chain in a line, the load and rates in another.
    Compact,
    /// The chain in a line.
    Small,
    /// No border either.
    Line,
}

pub(super) const DETAILS: [Detail; 4] = [Detail::Full, Detail::Compact, Detail::Small, Detail::Line];

/// Subtasks that have a mark each; more are counted by mark.
const MARKED: usize = 8;

/// A box before it has a place.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    /// In the upper border.
    pub(super) title: Pieces,
    pub(super) lines: Vec<Pieces>,
    pub(super) style: Style,
    pub(super) size: Size,
}

/// The box of vertex `place` of the model's view.
pub(super) fn contents(model: &Model, place: usize, vertex: &VertexView, detail: Detail, theme: &Theme) -> Contents {
    let rates = model.vertex_rates(place);
    let load = rates.load();
    let style = theme.load(load);
    let text = |text: String| (text, theme.text);
    let mut title = vec![
        (format!("{} ", load_mark(load)), style),
        (vertex.id.to_string(), theme.heading),
        text(format!(" ×{} ", vertex.subtasks.len())),
    ];
    title.extend(vertex.slot_group.as_ref().map(|group| text(format!("in {} ", clean(group)))));
    title.extend(marks(model, place, vertex.subtasks.len(), theme));
    let members: Vec<String> = vertex.name.split(" -> ").map(|member| clean(member).into_owned()).collect();
    let chain = members.join(" → ");
    let (lines, most) = match detail {
        Detail::Full => (full(&members, &rates, vertex, theme), 36),
        Detail::Compact => {
            let second = vec![
                (format!("{} {}  ", load_word(load), percent(share(&rates, load))), style),
                text(flow(&rates, vertex)),
            ];
            (vec![vec![text(chain)], second], 30)
        }
        Detail::Small => (vec![vec![text(chain)]], 30),
        Detail::Line => {
            let mut line = vec![text("[".to_owned())];
            line.append(&mut title);
            line.push(text(format!(" {}]", fit(&chain, 34))));
            (vec![line], 70)
        }
    };
    let columns = |pieces: &Pieces| pieces.iter().map(|(text, _)| width(text)).sum::<usize>();
    let bordered = detail != Detail::Line;
    let inner = lines.iter().map(columns).max().unwrap_or(0).min(most).max(columns(&title)).max(10);
    let border = if bordered { 4 } else { 0 };
    let size = Size {
        width: i32::try_from(inner + border).unwrap_or(80),
        height: i32::try_from(lines.len()).unwrap_or(1) + i32::from(bordered) * 2,
    };
    Contents { title, lines, style, size }
}

fn full(members: &[String], rates: &Rates, vertex: &VertexView, theme: &Theme) -> Vec<Pieces> {
    let mut lines: Vec<Pieces> = members
        .iter()
        .enumerate()
        .map(|(nth, member)| {
            let arrow = if nth == 0 { "" } else { "→ " };
            vec![(arrow.to_owned(), theme.dim), (member.clone(), theme.text)]
        })
        .collect();
    lines.push(vec![(flow(rates, vertex), theme.text)]);
    let load = rates.load();
    let mut bar = load_bar(rates, 10, theme);
    bar.push((format!(" {} {}", load_word(load), percent(share(rates, load))), theme.load(load)));
    lines.push(bar);
    lines
}

/// Rows a second in and out: a source has no input to speak of, a sink no output.
fn flow(rates: &Rates, vertex: &VertexView) -> String {
    match (vertex.source, vertex.sink) {
        (true, _) => format!("reads {}/s", rate(rates.rows_in)),
        (_, true) => format!("writes {}/s", rate(rates.rows_out)),
        _ => format!("{}/s → {}/s", rate(rates.rows_in), rate(rates.rows_out)),
    }
}

/// A mark a subtask, or how many of each.
fn marks(model: &Model, place: usize, subtasks: usize, theme: &Theme) -> Pieces {
    let loads = (0..subtasks).map(|subtask| model.subtask_rates(place, subtask).load());
    if subtasks <= MARKED {
        return loads.map(|load| (load_mark(load).to_owned(), theme.load(load))).collect();
    }
    let loads: Vec<Load> = loads.collect();
    let mut counted = Vec::new();
    for load in [Load::Busy, Load::Backpressured, Load::Idle] {
        let count = loads.iter().filter(|other| **other == load).count();
        if count > 0 {
            counted.push((format!("{count}{} ", load_mark(load)), theme.load(load)));
        }
    }
    counted
}

pub(super) const fn load_word(load: Load) -> &'static str {
    match load {
        Load::Busy => "busy",
        Load::Backpressured => "back-pressured",
        Load::Idle => "idle",
    }
}

pub(super) const fn share(rates: &Rates, load: Load) -> f64 {
    match load {
        Load::Busy => rates.busy,
        Load::Backpressured => rates.backpressured,
        Load::Idle => rates.idle,
    }
}
