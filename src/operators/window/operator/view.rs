//! The view that the running windowed aggregate shows of itself.

use std::collections::VecDeque;
use std::ops::Bound::{Excluded, Included};

use super::super::slice::Slice;
use super::super::spec::Column;
use super::super::tree::MergeTree;
use super::WindowAggregateOperator;
use crate::api::{StateRead, StateReader};
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery, WindowEntryView, WindowView, WindowsView};
use crate::types::{Cells, MIN_WATERMARK, Result};

/// Windows listed.
const WINDOWS: usize = 256;
/// Windows that are counted beyond those.
const COUNTED: u64 = 4_096;
/// Windows whose contents are shown: the next to fire.
const OPENED: usize = 8;
/// Keys shown of each.
const KEYS: usize = 20;
/// Slices of a window above which its contents are not shown: they would have to be merged.
const SLICES: usize = 64;
/// Keys of all slices of a window above which it is not counted how many of them are the same.
const KEYS_COMPARED: usize = 1_024;
/// A slice with windows that have yet to fire.
struct Open {
    next_end: i64,
    last_end: i64,
    keys: u64,
    rows: u64,
}

impl WindowAggregateOperator {
    pub(super) fn view(&mut self) -> OperatorView {
        let mut windows = self.fired_windows();
        let (unfired, timers) = self.unfired_windows();
        let left_out = timers - unfired.len() as u64;
        windows.extend(unfired);
        windows.truncate(WINDOWS);
        for window in windows.iter_mut().take(OPENED) {
            // A view is not worth failing a job; what can't be shown is left out.
            window.entries = self.entries(window.start, window.end).unwrap_or_default();
            if window.keys_at_least
                && let Some(keys) = self.distinct_keys(window.start, window.end).unwrap_or_default()
            {
                (window.keys, window.keys_at_least) = (keys, false);
            }
        }
        let names = |call: &Column, name: &str| matches!(call, Column::Call(_)).then(|| name.to_owned());
        let keys = self.plan.keys.iter().map(|&key| self.plan.input.fields()[key].name.clone());
        let values = self.plan.columns.iter().zip(self.plan.output.names());
        let windows = WindowsView {
            open: windows,
            left_out,
            fired: self.fired.list(),
            keys: keys.collect(),
            values: values.filter_map(|(column, name)| names(column, name)).collect(),
        };
        let entries = EntriesView {
            count: self.slices.values().map(|slice| slice.table.len() as u64).sum(),
            bytes: (self.slices.values().map(Slice::bytes).sum::<usize>()
                + self.tree.as_ref().map_or(0, MergeTree::bytes)) as u64,
        };
        OperatorView {
            watermark: (self.watermark != MIN_WATERMARK).then_some(self.watermark),
            sections: vec![
                Section::Windows(windows),
                Section::Late(self.late_rows.view(&self.plan.input, Some(self.lateness_ms))),
                Section::Timers(timers),
                Section::Entries(entries),
                Section::HotKeys(self.hot_keys.view()),
            ],
        }
    }

    /// The windows all of whose slices have fired everything and only wait for late rows.
    fn fired_windows(&self) -> Vec<WindowView> {
        let mut windows: Vec<WindowView> = Vec::new();
        for (&slice_end, slice) in self.slices.iter().filter(|(_, slice)| slice.next_end.is_none()).take(WINDOWS) {
            let end = self.assigner.last_window_end(slice_end);
            let (keys, rows) = (slice.table.len() as u64, slice.rows);
            match windows.last_mut() {
                Some(window) if window.end == end => {
                    window.keys = window.keys.max(keys);
                    window.keys_at_least = true;
                    window.rows += rows;
                }
                _ => {
                    let start = self.assigner.window_start(end);
                    let (keys_at_least, entries) = (false, Vec::new());
                    windows.push(WindowView { start, end, keys, keys_at_least, rows, fired: true, entries });
                }
            }
        }
        windows
    }

    /// The windows that have yet to fire, as many as are listed, and how many there are. Jumps over time without data,
    /// however long.
    fn unfired_windows(&self) -> (Vec<WindowView>, u64) {
        let slices = self.slices.iter().filter_map(|(&slice_end, slice)| {
            let last_end = self.assigner.last_window_end(slice_end);
            Some(Open { next_end: slice.next_end?, last_end, keys: slice.table.len() as u64, rows: slice.rows })
        });
        let slices: Vec<Open> = slices.collect();
        // Rows in front of each slice: those of a window are a difference.
        let mut before = vec![0];
        before.extend(slices.iter().scan(0, |sum, slice| {
            *sum += slice.rows;
            Some(*sum)
        }));
        let mut windows = Vec::new();
        let mut count = 0;
        // Of the slices, those in `first..beyond` are part of the window at hand: both bounds only rise. `fullest` holds
        // those of them that have more keys than all behind them.
        let (mut first, mut beyond) = (0, 0);
        let mut fullest: VecDeque<usize> = VecDeque::new();
        let mut end = slices.first().map_or(i64::MAX, |slice| slice.next_end);
        while count < COUNTED {
            while slices.get(beyond).is_some_and(|slice| slice.next_end <= end) {
                while fullest.back().is_some_and(|&back| slices[back].keys <= slices[beyond].keys) {
                    fullest.pop_back();
                }
                fullest.push_back(beyond);
                beyond += 1;
            }
            while first < beyond && slices[first].last_end < end {
                first += 1;
            }
            while fullest.front().is_some_and(|&front| front < first) {
                fullest.pop_front();
            }
            if first == beyond {
                let Some(slice) = slices.get(beyond) else { break };
                end = slice.next_end;
                continue;
            }
            count += 1;
            if windows.len() < WINDOWS {
                windows.push(WindowView {
                    start: self.assigner.window_start(end),
                    end,
                    keys: fullest.front().map_or(0, |&front| slices[front].keys),
                    keys_at_least: beyond - first > 1,
                    rows: before[beyond] - before[first],
                    fired: false,
                    entries: Vec::new(),
                });
            }
            let next = self.assigner.next_window_end(end);
            if next <= end {
                break;
            }
            end = next;
        }
        (windows, count)
    }

    /// Some keys of a window with the values that their aggregates have now: the first keys of its fullest slice.
    fn entries(&mut self, start: i64, end: i64) -> Result<Vec<WindowEntryView>> {
        let slices = || self.slices.range((Excluded(start), Included(end)));
        let count = slices().take(SLICES + 1).count();
        if count > SLICES {
            return Ok(Vec::new());
        }
        let Some((&fullest, slice)) = slices().max_by_key(|(_, slice)| slice.table.len()) else {
            return Ok(Vec::new());
        };
        // Slices never free a group.
        let groups: Vec<u32> = (0_u32..).take(slice.table.len().min(KEYS)).collect();
        let keys = slice.table.keys(&groups)?;
        let merged = if count == 1 { None } else { Some(self.merged(start, end, &keys, groups.len())?) };
        let Some(window) = merged.as_ref().or_else(|| self.slices.get(&fullest)) else { return Ok(Vec::new()) };
        let calls = self.plan.columns.iter().filter_map(|column| match column {
            Column::Call(call) => Some(*call),
            Column::Key(_) | Column::Start | Column::End => None,
        });
        let values =
            calls.map(|call| self.shared.values(call, &window.accumulators, &groups)).collect::<Result<Vec<_>>>()?;
        let (keys, values) = (Cells::new(&keys), Cells::new(&values));
        Ok((0..groups.len()).map(|row| WindowEntryView { key: keys.row(row), values: values.row(row) }).collect())
    }

    /// The number of keys of a window, unless its slices have too many together to compare them.
    fn distinct_keys(&self, start: i64, end: i64) -> Result<Option<u64>> {
        let slices = || self.slices.range((Excluded(start), Included(end))).map(|(_, slice)| slice);
        let all: usize = slices().map(|slice| slice.table.len()).sum();
        if all > KEYS_COMPARED {
            return Ok(None);
        }
        let mut distinct = self.empty_slice(None, all)?.table;
        let mut found = Vec::new();
        for slice in slices() {
            let groups = slice.table.groups();
            distinct.intern(&slice.table.keys(&groups)?, groups.len(), &mut found)?;
        }
        Ok(Some(distinct.len() as u64))
    }

    pub(super) fn read(&self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        let Some(mut reader) = StateReader::new(query, self.plan.descriptor(), self.max_parallelism)? else {
            return Ok(Some(Vec::new()));
        };
        for (&slice_end, slice) in &self.slices {
            let groups = slice.table.groups();
            let keys = slice.table.keys(&groups)?;
            let mut values = |rows: &[u32]| {
                let groups: Vec<u32> = rows.iter().map(|&row| groups[row as usize]).collect();
                let mut states = Vec::new();
                for accumulator in &slice.accumulators {
                    states.extend(accumulator.state(&groups)?);
                }
                Ok(states)
            };
            reader.add(slice_end, &keys, groups.len(), slice.bytes() as u64, &mut values)?;
        }
        Ok(Some(vec![reader.finish()]))
    }
}
