//! The lines around the panels: the job's header, the tab bar, the status line.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::draw::{duration, rate as per_second};
use super::keys;
use super::{Model, PanelSpec, Theme, lag_ms};
use crate::inspect::{CheckpointStatus, JobStatus, JobView};
use crate::types::printable;

/// The facts that the header shows besides the job's view.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    /// The number of the job, from 1, and the number of jobs.
    pub(super) job: (usize, usize),
    /// For how long the view is frozen, milliseconds.
    pub(super) frozen_ms: Option<i64>,
}

/// The header: what matters most first; what has no room is left out, from the right.
pub(super) fn header(model: &Model, live: &JobView, around: Around, width: u16, theme: &Theme) -> Line<'static> {
    let mut parts: Vec<(u8, Vec<Span<'static>>)> = Vec::new();
    let mut part = |rank: u8, spans: Vec<Span<'static>>| parts.push((rank, spans));
    let label = |text: &'static str| Span::styled(text, theme.dim);
    let value = |text: String| Span::styled(text, theme.text);
    let mut name = vec![Span::styled(cut(&printable(&live.name), 32), theme.heading)];
    if around.job.1 > 1 {
        name.push(Span::styled(format!(" {}/{}", around.job.0, around.job.1), theme.dim));
    }
    part(0, name);
    part(
        1,
        vec![Span::styled(format!("{} {}", mark(live.status), live.status.name()), status_style(live.status, theme))],
    );
    if let Some(frozen_ms) = around.frozen_ms {
        part(2, vec![Span::styled(format!("VIEW FROZEN {}", duration(frozen_ms)), theme.warn)]);
    }
    let rate = model.throughput().next_back().unwrap_or(0.0);
    part(3, vec![value(per_second(rate)), label(" rows/s")]);
    if let Some((done, all)) = live.progress.filter(|&(_, all)| all > 0) {
        part(6, vec![value(progress(done, all))]);
    }
    part(5, vec![label("lag "), value(lag_ms(live).map_or_else(|| "-".to_owned(), duration))]);
    let restarts = live.restarts_in_all();
    part(8, vec![label("parallelism "), value(live.parallelism.to_string())]);
    part(
        if restarts > 0 { 4 } else { 10 },
        vec![
            label("restarts "),
            Span::styled(restarts.to_string(), if restarts > 0 { theme.warn } else { theme.text }),
        ],
    );
    part(7, vec![label("up "), value(duration(live.uptime_ms))]);
    if let Some(next) = next_checkpoint(live) {
        part(9, vec![label("next checkpoint "), value(next)]);
    }
    fitted(parts, usize::from(width), theme)
}

/// As many parts as fit, the ones of the highest rank left out first; their order stays.
fn fitted(mut parts: Vec<(u8, Vec<Span<'static>>)>, width: usize, theme: &Theme) -> Line<'static> {
    const BETWEEN: &str = " │ ";
    let of = |parts: &[(u8, Vec<Span<'_>>)]| {
        let text: usize = parts.iter().flat_map(|part| &part.1).map(Span::width).sum();
        text + parts.len().saturating_sub(1) * 3 + 1
    };
    while parts.len() > 1 && of(&parts) > width {
        let Some(last) = parts.iter().enumerate().max_by_key(|(_, part)| part.0).map(|(at, _)| at) else { break };
        parts.remove(last);
    }
    let mut spans = vec![Span::raw(" ")];
    for (at, (_, part)) in parts.into_iter().enumerate() {
        if at > 0 {
            spans.push(Span::styled(BETWEEN, theme.border));
        }
        spans.extend(part);
    }
    Line::from(spans)
}

/// `▰▰▰▰▱▱ 62 %`
#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn progress(done: u64, all: u64) -> String {
    let share = (done as f64 / all as f64).min(1.0);
    let full = (0..6).filter(|&sixth| share * 6.0 >= f64::from(sixth) + 0.5).count();
    // Not 100 before it is done.
    let percent = if done >= all { 100.0 } else { (share * 100.0).floor() };
    format!("{}{} {percent:.0} %", "▰".repeat(full), "▱".repeat(6 - full))
}

fn next_checkpoint(view: &JobView) -> Option<String> {
    if view.status.is_final() {
        return None;
    }
    if view.checkpoints.iter().any(|checkpoint| checkpoint.status == CheckpointStatus::Pending) {
        return Some("now".to_owned());
    }
    view.next_checkpoint_ms.map(|next| duration(next.saturating_sub(view.now_ms).max(0)))
}

/// The mark of a status, beside its word and colour.
pub(super) const fn mark(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Created => "○",
        JobStatus::Running => "▶",
        JobStatus::Paused => "‖",
        JobStatus::Restarting => "↻",
        JobStatus::Stopping => "▪",
        JobStatus::Finished => "✓",
        JobStatus::Cancelled => "■",
        JobStatus::Failed => "✗",
    }
}

const fn status_style(status: JobStatus, theme: &Theme) -> Style {
    match status {
        JobStatus::Running | JobStatus::Finished => theme.good,
        JobStatus::Created | JobStatus::Paused | JobStatus::Restarting | JobStatus::Stopping => theme.warn,
        JobStatus::Cancelled => theme.dim,
        JobStatus::Failed => theme.bad,
    }
}

/// The tab bar, and where each tab is.
pub(super) fn tabs(
    panels: &[&'static PanelSpec],
    focus: usize,
    area: Rect,
    theme: &Theme,
) -> (Line<'static>, Vec<(Rect, usize)>) {
    let labels = |chars: usize| -> Vec<String> {
        let title = |(at, spec): (usize, &&PanelSpec)| {
            let chars = if at == focus { usize::MAX } else { chars };
            match (chars, at < 9) {
                (0, true) => (at + 1).to_string(),
                (_, true) => format!("{} {}", at + 1, cut(spec.title, chars)),
                (0, false) => cut(spec.title, 1),
                (_, false) => cut(spec.title, chars),
            }
        };
        panels.iter().enumerate().map(title).collect()
    };
    let width =
        |labels: &[String], around: usize| labels.iter().map(|label| Span::raw(label).width() + around).sum::<usize>();
    let room = usize::from(area.width);
    // Blanks go first, then letters.
    let (around, labels) = [(2, usize::MAX), (1, usize::MAX), (2, 5), (1, 3), (1, 0)]
        .into_iter()
        .map(|(around, chars)| (around, labels(chars)))
        .find(|(around, labels)| width(labels, *around) <= room)
        .unwrap_or_else(|| (0, labels_of_focus(panels, focus)));
    let (mut spans, mut places, mut x) = (Vec::new(), Vec::new(), area.x);
    for (at, label) in labels.into_iter().enumerate() {
        let label = match around {
            0 => label,
            1 => format!("{label} "),
            _ => format!(" {label} "),
        };
        let span = Span::styled(label, if at == focus { theme.selected } else { theme.text });
        let width = u16::try_from(span.width()).unwrap_or(u16::MAX);
        places.push((Rect { x, y: area.y, width, height: area.height }.intersection(area), at));
        x = x.saturating_add(width);
        spans.push(span);
    }
    (Line::from(spans), places)
}

/// The rest of the tab bar on the narrowest of terminals: the panel that is shown.
fn labels_of_focus(panels: &[&'static PanelSpec], focus: usize) -> Vec<String> {
    panels
        .iter()
        .enumerate()
        .map(|(at, spec)| if at == focus { spec.title.to_owned() } else { String::new() })
        .collect()
}

/// The keys that fit into the last line: how to get help and out, whatever the room, then the others in their order.
pub(super) fn hints(width: u16, theme: &Theme) -> Line<'static> {
    let all = || keys::JOB.iter().chain(keys::VIEW).filter(|key| !key.hint.is_empty());
    let always = |key: &&keys::KeyHelp| matches!(key.hint, "help" | "leave");
    let mut left = usize::from(width);
    let mut shown = Vec::new();
    for key in all().filter(always).chain(all().filter(|key| !always(key))) {
        let takes = short(key).chars().count() + key.hint.chars().count() + 3;
        if takes > left {
            break;
        }
        left -= takes;
        shown.push(key);
    }
    let spans = all().filter(|key| shown.iter().any(|other| other.keys == key.keys)).flat_map(|key| {
        [Span::styled(format!(" {}", short(key)), theme.heading), Span::styled(format!(" {} ", key.hint), theme.dim)]
    });
    spans.collect()
}

/// The keys without what parts them.
fn short(key: &keys::KeyHelp) -> String {
    match key.keys {
        "+ -" => "+-".to_owned(),
        "1 … 8" => "1-8".to_owned(),
        keys => keys.split(' ').next().unwrap_or(keys).to_owned(),
    }
}

/// The first `chars` characters.
pub(super) fn cut(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        text.to_owned()
    } else {
        text.chars().take(chars.saturating_sub(1)).chain(['…']).collect()
    }
}
