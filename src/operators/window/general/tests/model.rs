//! Flink's `WindowOperator` with its triggers, evictors and merging windows, done naively: a row at a time, every timer by
//! itself, every element kept.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, DurationMillisecondArray};

use super::Event;
use crate::operators::testing::script::{Outcome, Step};
use crate::operators::testing::{Values, assigner, batch, lines};
use crate::types::{MAX_WATERMARK, NO_TIME};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Tumble(i64),
    Hop(i64, i64),
    Cumulate(i64, i64),
    Session(i64),
    SessionOfRow,
    Global,
    Count(i64),
    CountSlide(i64, i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Fire {
    AtEnd,
    Every(i64),
    Count(u64),
    OnEvent,
    Delta(i64),
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Evict {
    Last(u64),
    Within(i64),
    Delta(i64),
}

#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Setup {
    pub(in super::super) kind: Kind,
    /// And whether it purges; `None` for the windows' own.
    pub(in super::super) trigger: Option<(Fire, bool)>,
    pub(in super::super) evict: Option<Evict>,
    pub(in super::super) lateness: i64,
    pub(in super::super) processing_time: bool,
}

type Key = Option<i64>;
/// Start and last moment.
type Window = (i64, i64);
type Rows = Vec<(usize, Event)>;

/// Flink's operator, of one key after another.
pub(in super::super) struct Model {
    setup: Setup,
    fire: Fire,
    purging: bool,
    evict: Option<Evict>,
    now: i64,
    arrived: usize,
    elements: BTreeMap<(Key, Window), Rows>,
    counts: BTreeMap<(Key, Window), u64>,
    next: BTreeMap<(Key, Window), i64>,
    last: BTreeMap<(Key, Window), i64>,
    sessions: BTreeMap<Key, BTreeSet<Window>>,
    timers: BTreeSet<(i64, Key, Window)>,
    rows: Vec<String>,
    late: u64,
}

impl Model {
    pub(in super::super) fn run(setup: &Setup, steps: &[Step], keyed: bool) -> Outcome {
        let (mut fire, mut purging) = match setup.kind {
            Kind::Global => (Fire::Never, false),
            Kind::Count(size) => (Fire::Count(size.cast_unsigned()), true),
            Kind::CountSlide(_, slide) => (Fire::Count(slide.cast_unsigned()), false),
            Kind::Tumble(_) | Kind::Hop(..) | Kind::Cumulate(..) | Kind::Session(_) | Kind::SessionOfRow => {
                (Fire::AtEnd, false)
            }
        };
        let mut evict =
            if let Kind::CountSlide(size, _) = setup.kind { Some(Evict::Last(size.cast_unsigned())) } else { None };
        if let Some(typed) = setup.trigger {
            (fire, purging) = typed;
        }
        evict = setup.evict.or(evict);
        let mut model = Self {
            setup: *setup,
            fire,
            purging,
            evict,
            now: if setup.processing_time { -1 } else { i64::MIN },
            arrived: 0,
            elements: BTreeMap::new(),
            counts: BTreeMap::new(),
            next: BTreeMap::new(),
            last: BTreeMap::new(),
            sessions: BTreeMap::new(),
            timers: BTreeSet::new(),
            rows: Vec::new(),
            late: 0,
        };
        for step in steps {
            match step {
                Step::Rows(_, rows) => {
                    let int = |column: usize, row: usize| {
                        let column = rows.column(column).as_primitive::<Int64Type>();
                        column.is_valid(row).then(|| column.value(row))
                    };
                    let gaps = rows.column(2).as_any().downcast_ref::<DurationMillisecondArray>().expect("gaps");
                    for row in 0..rows.rows() {
                        let key = if keyed { int(0, row) } else { None };
                        let event = Event {
                            time: rows.times()[row],
                            key: int(0, row),
                            value: int(1, row),
                            gap: gaps.value(row),
                        };
                        model.element(key, event);
                    }
                }
                Step::Watermark(watermark) if !setup.processing_time => model.advance(*watermark),
                Step::Clock(clock) if setup.processing_time => model.advance(*clock - 1),
                Step::Watermark(_) | Step::Clock(_) => {}
            }
        }
        // Windows of processing time that are open at the end of the input fire then.
        model.advance(MAX_WATERMARK);
        let mut rows = std::mem::take(&mut model.rows);
        if !keyed {
            rows = rows.into_iter().map(|row| row.split_once('|').expect("a key").1.to_owned()).collect();
        }
        Outcome { late: model.late, ..Outcome::from(rows) }
    }

    fn windows(&self, event: &Event) -> Vec<Window> {
        let time = if self.setup.processing_time { self.now + 1 } else { event.time };
        let aligned = |name: &str, args: &[i64]| {
            let assigner = assigner(name, args);
            let ends = (time + 1..=time + 100).filter(|&end| {
                let slice = assigner.slice_end(end - 1);
                slice == end && assigner.first_window_end(slice) <= end && assigner.last_window_end(slice) >= end
            });
            let windows = ends.map(|end| (assigner.window_start(end), end - 1));
            windows.filter(|&(start, _)| start <= time).collect::<Vec<_>>()
        };
        match self.setup.kind {
            Kind::Tumble(size) => vec![(time.div_euclid(size) * size, time.div_euclid(size) * size + size - 1)],
            Kind::Hop(size, slide) => {
                // Flink's `SlidingEventTimeWindows`.
                let (mut windows, mut start) = (Vec::new(), time.div_euclid(slide) * slide);
                while start > time - size {
                    windows.push((start, start + size - 1));
                    start -= slide;
                }
                windows
            }
            Kind::Cumulate(step, max) => aligned("cumulate", &[step, max]),
            Kind::Session(gap) => vec![(time, time + gap - 1)],
            Kind::SessionOfRow => vec![(time, time + event.gap - 1)],
            Kind::Global | Kind::Count(_) | Kind::CountSlide(..) => vec![(i64::MIN, i64::MAX)],
        }
    }

    fn cleanup_time(&self, window: Window) -> i64 {
        if self.setup.processing_time { window.1 } else { window.1.saturating_add(self.setup.lateness) }
    }

    fn is_late(&self, window: Window) -> bool {
        !self.setup.processing_time && self.cleanup_time(window) <= self.now
    }

    fn element(&mut self, key: Key, event: Event) {
        let windows = self.windows(&event);
        let mut skipped = !windows.is_empty();
        for window in windows {
            let session = matches!(self.setup.kind, Kind::Session(_) | Kind::SessionOfRow);
            let window = if session { self.merge(key, window) } else { window };
            if self.is_late(window) {
                self.sessions.entry(key).or_default().remove(&window);
                continue;
            }
            skipped = false;
            self.arrived += 1;
            self.elements.entry((key, window)).or_default().push((self.arrived, event));
            if self.on_element(key, window, &event) {
                self.emit(key, window);
            }
            if self.cleanup_time(window) != i64::MAX {
                self.timers.insert((self.cleanup_time(window), key, window));
            }
        }
        self.late += u64::from(skipped);
    }

    /// Flink's `MergingWindowSet` with `TimeWindow.mergeWindows`: windows that touch are one.
    fn merge(&mut self, key: Key, window: Window) -> Window {
        let all = self.sessions.entry(key).or_default();
        let touched: Vec<Window> =
            all.iter().copied().filter(|other| other.0 <= window.1 + 1 && other.1 + 1 >= window.0).collect();
        let bounds = |one: Window, other: &Window| (one.0.min(other.0), one.1.max(other.1));
        let merged = touched.iter().fold(window, bounds);
        all.retain(|other| !touched.contains(other));
        all.insert(merged);
        if touched.is_empty() || touched == [merged] {
            return merged;
        }
        let mut elements: Rows = Vec::new();
        let (mut count, mut next) = (0, None::<i64>);
        for other in touched {
            let id = (key, other);
            elements.extend(self.elements.remove(&id).unwrap_or_default());
            count += self.counts.remove(&id).unwrap_or(0);
            if let Some(time) = self.next.remove(&id) {
                next = Some(next.map_or(time, |next| next.min(time)));
            }
            self.timers.retain(|&(_, of, window)| (of, window) != id);
        }
        elements.sort_by_key(|(arrived, _)| *arrived);
        let id = (key, merged);
        if !elements.is_empty() {
            self.elements.insert(id, elements);
        }
        if count > 0 {
            self.counts.insert(id, count);
        }
        if let Some(next) = next {
            self.next.insert(id, next);
            self.timers.insert((next, key, merged));
        }
        if self.fire == Fire::AtEnd && (self.setup.processing_time || merged.1 > self.now) {
            self.timers.insert((merged.1, key, merged));
        }
        merged
    }

    fn on_element(&mut self, key: Key, window: Window, event: &Event) -> bool {
        let id = (key, window);
        match self.fire {
            Fire::AtEnd => {
                if !self.setup.processing_time && window.1 <= self.now {
                    return true;
                }
                self.timers.insert((window.1, key, window));
                false
            }
            Fire::Every(interval) => {
                if !self.setup.processing_time && window.1 <= self.now {
                    return true;
                }
                self.timers.insert((window.1, key, window));
                let time = if self.setup.processing_time { self.now + 1 } else { event.time };
                if !self.next.contains_key(&id) {
                    self.fire_next(key, window, time - time.rem_euclid(interval), interval);
                }
                false
            }
            Fire::Count(most) => {
                let count = self.counts.entry(id).or_default();
                *count += 1;
                if *count >= most {
                    self.counts.remove(&id);
                    return true;
                }
                false
            }
            Fire::OnEvent => true,
            Fire::Delta(threshold) => {
                let Some(value) = event.value else { return false };
                match self.last.get(&id) {
                    Some(last) if (value - last).abs() <= threshold => false,
                    known => {
                        let fires = known.is_some();
                        self.last.insert(id, value);
                        fires
                    }
                }
            }
            Fire::Never => false,
        }
    }

    fn fire_next(&mut self, key: Key, window: Window, time: i64, interval: i64) {
        // A window without an end would fire for ever at the end of the input.
        let endless = window.1 == i64::MAX && self.now == MAX_WATERMARK;
        let next = if endless { i64::MAX } else { (time + interval).min(window.1) };
        self.next.insert((key, window), next);
        self.timers.insert((next, key, window));
    }

    fn advance(&mut self, now: i64) {
        // A watermark that is none: nothing hears of it.
        if !self.setup.processing_time && now <= self.now {
            return;
        }
        self.now = self.now.max(now);
        while let Some(&timer) = self.timers.first().filter(|timer| timer.0 <= self.now) {
            self.timers.remove(&timer);
            let (time, key, window) = timer;
            if self.on_timer(key, window, time) {
                self.emit(key, window);
            }
            if self.cleanup_time(window) == time && time != i64::MAX {
                let id = (key, window);
                self.elements.remove(&id);
                self.counts.remove(&id);
                self.next.remove(&id);
                self.last.remove(&id);
                self.timers.retain(|&(_, of, window)| (of, window) != id);
                self.sessions.entry(key).or_default().remove(&window);
            }
        }
    }

    fn on_timer(&mut self, key: Key, window: Window, time: i64) -> bool {
        match self.fire {
            Fire::AtEnd => time == window.1,
            Fire::Every(interval) => {
                if time == window.1 {
                    return true;
                }
                if self.next.get(&(key, window)) == Some(&time) {
                    self.next.remove(&(key, window));
                    self.fire_next(key, window, time, interval);
                    return true;
                }
                false
            }
            Fire::Count(_) | Fire::OnEvent | Fire::Delta(_) | Fire::Never => false,
        }
    }

    fn emit(&mut self, key: Key, window: Window) {
        let Some(mut elements) = self.elements.remove(&(key, window)) else { return };
        match self.evict {
            Some(Evict::Last(most)) => {
                let most = usize::try_from(most).expect("small");
                elements.drain(..elements.len().saturating_sub(most));
            }
            Some(Evict::Within(span)) => {
                let latest = elements.iter().map(|(_, event)| event.time).max().expect("some");
                elements.retain(|(_, event)| event.time > latest - span);
            }
            Some(Evict::Delta(threshold)) => {
                if let Some(last) = elements.last().and_then(|(_, event)| event.value) {
                    elements.retain(|(_, event)| event.value.is_none_or(|value| (value - last).abs() < threshold));
                }
            }
            None => {}
        }
        let values = || elements.iter().map(|(_, event)| event.value);
        let total = values().flatten().reduce(|a, b| a + b);
        let bounded = window.1 != i64::MAX;
        let mut columns = vec![("key", Values::Int(vec![key]))];
        if bounded {
            columns.push(("window_start", Values::Time(vec![Some(window.0)])));
            columns.push(("window_end", Values::Time(vec![Some(window.1 + 1)])));
        }
        columns.push(("n", Values::ints([i64::try_from(elements.len()).expect("few")])));
        columns.push(("total", Values::Int(vec![total])));
        columns.push(("first", Values::Int(vec![values().flatten().next()])));
        columns.push(("last", Values::Int(vec![values().flatten().last()])));
        let time = if bounded { window.1 } else { NO_TIME };
        self.rows.extend(lines(&batch(columns).1.with_times(vec![time].into())));
        if !self.purging && !elements.is_empty() {
            self.elements.insert((key, window), elements);
        }
    }
}
