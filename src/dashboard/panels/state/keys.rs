//! The spread of a state over its keys: bytes by key group, the hottest keys, timers.

use std::collections::BTreeMap;

use ratatui::layout::Rect;

use crate::dashboard::Theme;
use crate::dashboard::draw::{Canvas, Cut, bar, bytes, count, fraction, percent, plot};
use crate::inspect::{HotKeyView, JobView, OperatorView, StateView};

/// The operator with this uid in every subtask.
fn operators<'a>(view: &'a JobView, uid: &str) -> impl Iterator<Item = &'a OperatorView> {
    let vertex = view.vertices.iter().find(|vertex| vertex.operators.iter().any(|other| other == uid));
    let place = vertex.and_then(|vertex| vertex.operators.iter().position(|other| other == uid));
    vertex.into_iter().flat_map(|vertex| vertex.subtasks.iter().map(move |subtask| (vertex, subtask))).filter_map(
        move |(vertex, subtask)| {
            // The uids of a chain begin with the source's, which has no view of its own.
            let before = vertex.operators.len().checked_sub(subtask.operators.len())?;
            subtask.operators.get(place?.checked_sub(before)?)
        },
    )
}

/// The hottest keys of all subtasks: a key is held by one of them.
fn hot_keys<'a>(view: &'a JobView, uid: &str) -> (Vec<&'a HotKeyView>, u64) {
    let mut keys: Vec<&HotKeyView> = operators(view, uid).flat_map(OperatorView::hot_keys).collect();
    keys.sort_by_key(|key| std::cmp::Reverse(key.rows));
    let sampled = operators(view, uid).filter_map(|operator| operator.hot_keys().first()).map(|key| key.of).sum();
    (keys, sampled)
}

/// The counters of the operator beside rows, summed over its subtasks.
fn counters<'a>(view: &'a JobView, uid: &str) -> BTreeMap<&'a str, u64> {
    let mut sums = BTreeMap::new();
    for counter in operators(view, uid).flat_map(OperatorView::counters) {
        *sums.entry(counter.name.as_str()).or_default() += counter.value;
    }
    sums
}

/// Bytes in each key group, as wide as there is room.
fn key_groups(canvas: &mut Canvas<'_>, area: Rect, state: &StateView, view: &JobView, theme: &Theme) {
    let largest = state.key_groups.iter().max_by_key(|group| group.bytes);
    let all: u64 = state.key_groups.iter().map(|group| group.bytes).sum();
    let groups = usize::from(view.max_parallelism)
        .max(state.key_groups.last().map_or(0, |group| usize::from(group.key_group) + 1));
    let mut of_group = vec![0_u64; groups];
    for group in &state.key_groups {
        if let Some(slot) = of_group.get_mut(usize::from(group.key_group)) {
            *slot = group.bytes;
        }
    }
    // The scale takes eight columns. Several groups share a column when they must, and the largest shows.
    let room = usize::from(area.width.saturating_sub(8)).max(1);
    let together = groups.div_ceil(room).max(1);
    let wide = (room / groups.max(1)).max(1);
    let sums = of_group.chunks(together).map(|groups| groups.iter().copied().max().unwrap_or(0));
    let values: Vec<f64> = sums.flat_map(|bytes| std::iter::repeat_n(to_f64(bytes), wide)).collect();
    let most = largest.map_or_else(String::new, |group| {
        format!(
            "; largest {} with {} ({} entries, subtask {})",
            group.key_group,
            bytes(group.bytes),
            group.entries,
            group.subtask
        )
    });
    let title = format!("{} in {} of {groups} key groups{most}", bytes(all), state.key_groups.len());
    let drawn = u16::try_from(values.len()).unwrap_or(u16::MAX).saturating_add(8);
    let area = Rect { width: area.width.min(drawn.max(u16::try_from(title.len()).unwrap_or(u16::MAX))), ..area };
    plot(canvas, area, &title, &values, |value| bytes(to_u64(value)), (theme, theme.accent));
}

fn hottest(canvas: &mut Canvas<'_>, mut area: Rect, state: &StateView, view: &JobView, theme: &Theme) {
    let timers: u64 = operators(view, &state.operator).map(OperatorView::timers).sum();
    let title = format!("hottest keys · {} timers wait", count(timers));
    canvas.heading(area.cut_top(1), &title, theme);
    let (keys, sampled) = hot_keys(view, &state.operator);
    if keys.is_empty() {
        canvas.text(area, 0, "no keys were sampled yet", theme.dim);
    }
    let below = u16::try_from(keys.len().max(1)).unwrap_or(u16::MAX);
    for (y, key) in (0..area.height).zip(keys) {
        let share = fraction(key.rows, sampled);
        let line = vec![
            (format!("{:>4} ", percent(share)), theme.text),
            (bar(share, 6), theme.accent),
            (format!(" {}", key.key.join(", ")), theme.text),
        ];
        canvas.pieces(Rect { y: area.y + y, height: 1, ..area }, 0, &line);
    }
    for (y, (name, value)) in (below..area.height).zip(counters(view, &state.operator)) {
        canvas.text(Rect { y: area.y + y, height: 1, ..area }, 0, &format!("{} {name}", count(value)), theme.text);
    }
}

/// Draws what belongs to the whole state: its key groups and its hottest keys.
pub(super) fn draw(canvas: &mut Canvas<'_>, mut area: Rect, state: &StateView, view: &JobView, theme: &Theme) {
    if area.width >= 60 {
        let hot = area.cut_right(if area.width >= 150 { area.width / 3 } else { 30 });
        area.cut_right(2);
        hottest(canvas, hot, state, view, theme);
    }
    key_groups(canvas, area, state, view, theme);
}

#[expect(clippy::cast_precision_loss, reason = "bytes, drawn in eighths of a row")]
const fn to_f64(bytes: u64) -> f64 {
    bytes as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes that came from a u64")]
const fn to_u64(bytes: f64) -> u64 {
    bytes as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{counters, hot_keys};
    use crate::dashboard::testing::view;
    use crate::inspect::{CounterView, Section};

    #[test]
    fn the_hottest_keys_are_those_of_the_operator() {
        let view = view(10);
        let (keys, sampled) = hot_keys(&view, "hot-windows");
        assert_eq!((keys.len(), keys[0].key[0].as_str(), sampled), (8, "1001", 4 * 8_192));
        assert!(hot_keys(&view, "op1").0.is_empty());
    }

    #[test]
    fn counters_of_all_subtasks_are_summed() {
        let mut view = view(10);
        let counter = |value| CounterView { name: "rows waiting".to_owned(), value };
        for (subtask, value) in view.vertices[3].subtasks.iter_mut().zip(1..) {
            Arc::make_mut(&mut subtask.operators)[0].sections.push(Section::Counters(vec![counter(value)]));
        }
        assert_eq!(counters(&view, "hot-windows").into_iter().collect::<Vec<_>>(), [("rows waiting", 10)]);
        assert!(counters(&view, "op1").is_empty());
    }
}
