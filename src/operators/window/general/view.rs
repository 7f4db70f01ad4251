//! The view that the running window operator shows of itself.

use std::collections::BTreeMap;

use super::operator::WindowOperatorInstance;
use crate::api::WindowTime;
use crate::inspect::{EntriesView, OperatorView, Section, WindowEntryView, WindowView, WindowsView};
use crate::types::{Cells, MIN_WATERMARK, Result};

/// Windows listed.
const WINDOWS: usize = 256;
/// Windows of keys that are looked at: a view stays bounded.
const LOOKED_AT: usize = 65_536;
/// Windows whose contents are shown: the next to fire.
const OPENED: usize = 8;
/// Keys shown of each.
const KEYS: usize = 20;

impl WindowOperatorInstance {
    pub(super) fn view(&mut self) -> OperatorView {
        let mut by_bounds: BTreeMap<(i64, i64), (WindowView, Vec<u32>)> = BTreeMap::new();
        for (number, pane) in self.panes.iter().take(LOOKED_AT) {
            let (window, panes) = by_bounds.entry((pane.end, pane.start)).or_insert_with(|| {
                let window = WindowView {
                    start: pane.start,
                    end: pane.end,
                    keys: 0,
                    keys_at_least: false,
                    rows: 0,
                    fired: true,
                    entries: Vec::new(),
                };
                (window, Vec::new())
            });
            window.keys += 1;
            window.rows += pane.rows;
            window.fired &= pane.fired && !pane.progress.fires_at_end;
            if panes.len() < KEYS {
                panes.push(number);
            }
        }
        let all = self.panes.len() > LOOKED_AT;
        let count = by_bounds.len();
        let mut names = Vec::new();
        let mut open = Vec::new();
        for (at, (mut window, panes)) in by_bounds.into_values().take(WINDOWS).enumerate() {
            window.keys_at_least = all;
            if at < OPENED {
                // A view is not worth failing a job; what can't be shown is left out.
                if let Ok((shown, entries)) = self.entries(&panes) {
                    (names, window.entries) = (shown, entries);
                }
            }
            open.push(window);
        }
        let input = &self.plan.inputs[0];
        let keys = input.keys.iter().map(|&key| input.schema.fields()[key].name.clone());
        let windows = WindowsView {
            left_out: count.saturating_sub(open.len()) as u64,
            open,
            fired: self.fired.list(),
            keys: keys.collect(),
            values: names,
        };
        let entries =
            EntriesView { count: self.panes.len() as u64, bytes: (self.panes.bytes() + self.contents.bytes()) as u64 };
        let by_event_time = self.moments.time == WindowTime::Event && self.watermark != MIN_WATERMARK;
        OperatorView {
            watermark: by_event_time.then_some(self.watermark),
            sections: vec![
                Section::Windows(windows),
                Section::Late(self.late_rows.view(&input.schema, Some(self.moments.lateness_ms))),
                Section::Timers(self.panes.queued()),
                Section::Entries(entries),
                Section::HotKeys(self.hot_keys.view()),
            ],
        }
    }

    /// The keys of these windows with the values that they have now.
    fn entries(&self, panes: &[u32]) -> Result<(Vec<String>, Vec<WindowEntryView>)> {
        let keys = self.panes.keys(panes)?;
        let (names, values) = self.contents.shown(panes)?;
        let (keys, values) = (Cells::new(&keys), Cells::new(&values));
        let entries = (0..panes.len()).map(|row| WindowEntryView { key: keys.row(row), values: values.row(row) });
        Ok((names, entries.collect()))
    }
}
