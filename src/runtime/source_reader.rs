//! The readers of one source subtask and the splits of each, with what is its own: the event time that it has reached,
//! and the rows that were returned and have not left yet.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::source_state::{HeldRows, Lost, ReaderState, SplitState, SplitTimes};
use super::source_time::{IdleTimer, TimedRows};
use crate::api::{EventTimeSpec, Rejected, Source, SourcePoll, SourceProgress, WatermarkGenerator};
use crate::inspect::SplitView;
use crate::state::StateChange;
use crate::types::{CheckpointId, MAX_WATERMARK, MIN_WATERMARK, NO_TIME, Result};

/// What the splits of a source are made with.
#[derive(Debug, Clone)]
pub(super) struct SplitSetting {
    delay_ms: i64,
    punctuated: bool,
    idle_timeout_ms: Option<i64>,
    now_ms: i64,
    /// How far event time had come in the splits of the run that is restored.
    known: Arc<BTreeMap<String, SplitTimes>>,
}

impl SplitSetting {
    pub(super) fn new(spec: Option<&EventTimeSpec>, states: &[ReaderState], now_ms: i64) -> Self {
        let mut known: BTreeMap<String, SplitTimes> = BTreeMap::new();
        for split in states.iter().flat_map(|state| &state.splits) {
            let times = known.entry(split.name.clone()).or_default();
            *times = times.max(split.times);
        }
        Self {
            delay_ms: spec.map_or(0, |spec| spec.watermark.delay_ms()),
            punctuated: spec.is_some_and(|spec| spec.watermark.is_punctuated()),
            idle_timeout_ms: spec.and_then(|spec| spec.idle_timeout_ms),
            now_ms,
            known: Arc::new(known),
        }
    }

    pub(super) const fn punctuated(&self) -> bool {
        self.punctuated
    }

    fn split(&self, SplitState { name, times, held }: SplitState) -> Split {
        let reached = times.reached(self.punctuated);
        Split {
            name,
            generator: WatermarkGenerator::restored(self.delay_ms, reached, reached),
            newest: times.newest,
            punctuated: self.punctuated,
            held: VecDeque::new(),
            restored: held.into(),
            idle: IdleTimer::new(self.idle_timeout_ms, self.now_ms),
            at_end: false,
        }
    }
}

/// One split of a reader.
pub(super) struct Split {
    name: String,
    pub(super) generator: WatermarkGenerator,
    /// The largest event time that has left.
    pub(super) newest: i64,
    punctuated: bool,
    /// Rows that wait to be due, or for budget, or for others; never more than the source returned at once, and what was
    /// restored.
    held: VecDeque<(TimedRows, Lost)>,
    /// Rows restored without times, to be given those before anything is read.
    pub(super) restored: VecDeque<HeldRows>,
    pub(super) idle: IdleTimer,
    /// The source gives nothing more of it.
    at_end: bool,
}

impl Split {
    /// Whether nothing will ever leave again.
    fn is_over(&self) -> bool {
        self.at_end && self.held.is_empty() && self.restored.is_empty()
    }

    /// Holds `rows` and the lost ones between them. Returns those that no row leaves before: they are gone already.
    pub(super) fn hold(&mut self, rows: TimedRows, mut lost: Lost) -> Vec<Rejected> {
        let gone = gone(&mut lost, 0);
        if !rows.times.is_empty() {
            self.held.push_back((rows, lost));
        }
        gone
    }

    /// The rows that leave next.
    pub(super) fn next(&self) -> Option<&TimedRows> {
        self.held.front().map(|(held, _)| held)
    }

    /// Takes the first `rows` of the rows that leave next, and the lost ones between them and right behind.
    pub(super) fn take(&mut self, rows: usize) -> Option<(TimedRows, Vec<Rejected>)> {
        let (held, mut lost) = self.held.pop_front()?;
        let gone = gone(&mut lost, rows);
        let rest = held.times.len().saturating_sub(rows);
        if rest == 0 {
            return Some((held, gone));
        }
        for (before, _) in &mut lost {
            *before -= rows;
        }
        self.held.push_front((held.slice(rows, rest), lost));
        Some((held.slice(0, rows), gone))
    }

    fn snapshot(&self) -> SplitState {
        let held = self.held.iter().map(|(held, lost)| HeldRows { rows: held.rows.clone(), lost: lost.clone() });
        let reached = self.generator.max_time();
        // The time of ingestion rises without rows.
        let (newest, mark) = if self.punctuated { (self.newest, reached) } else { (self.newest.max(reached), NO_TIME) };
        SplitState {
            name: self.name.clone(),
            times: SplitTimes { newest, mark },
            held: held.chain(self.restored.iter().cloned()).collect(),
        }
    }

    fn view(&self) -> SplitView {
        let time = |time: i64| Some(time).filter(|&time| time != MIN_WATERMARK);
        SplitView {
            name: self.name.clone(),
            watermark: time(self.generator.current()),
            newest_event_time: time(self.newest),
            idle: self.idle.is_idle(),
        }
    }
}

/// Takes from the front of `lost` what at most `rows` rows leave before.
fn gone(lost: &mut Lost, rows: usize) -> Vec<Rejected> {
    let count = lost.iter().take_while(|(before, _)| *before <= rows).count();
    lost.drain(..count).map(|(_, row)| row).collect()
}

/// One reader. Its watermark is the least of its splits' that are not idle, as that of Flink's `SourceReader` is.
pub(super) struct SourceReader {
    source: Box<dyn Source>,
    /// One without a name, where the source's rows have one event time.
    pub(super) splits: Vec<Split>,
    setting: SplitSetting,
    /// The source gives nothing more.
    at_end: bool,
    /// The watermark that was reached: a split that is active again does not lower it.
    reached: i64,
}

impl SourceReader {
    /// A reader that goes on over `source` from `splits`: of a source whose rows have one event time that one, and those
    /// that still hold rows.
    pub(super) fn new(source: Box<dyn Source>, splits: Vec<SplitState>, setting: SplitSetting) -> Self {
        let at_end = source.is_at_end();
        let plain = source.splits().is_none();
        let is_own = |split: &SplitState| plain && split.name.is_empty();
        let splits = splits.into_iter().filter(|split| is_own(split) || !split.held.is_empty());
        let mut splits: Vec<Split> = splits.map(|split| setting.split(split)).collect();
        if plain && !splits.iter().any(|split| split.name.is_empty()) {
            splits.push(setting.split(SplitState::default()));
        }
        for split in &mut splits {
            split.at_end = at_end || !plain || !split.name.is_empty();
        }
        let mut reader = Self { source, splits, setting, at_end, reached: MIN_WATERMARK };
        reader.sync();
        reader
    }

    /// Takes up the splits that the source has now, and lets go of those that are over.
    fn sync(&mut self) {
        let Some(names) = self.source.splits() else {
            self.splits.retain(|split| !split.is_over() || split.name.is_empty());
            return;
        };
        for name in names {
            if let Some(split) = self.splits.iter_mut().find(|split| split.name == *name) {
                split.at_end = false;
            } else {
                let times = self.setting.known.get(name).copied().unwrap_or_default();
                self.splits.push(self.setting.split(SplitState { name: name.clone(), times, held: Vec::new() }));
            }
        }
        for split in &mut self.splits {
            split.at_end = !names.contains(&split.name);
        }
        self.splits.retain(|split| !split.is_over());
    }

    /// Whether nothing will ever leave again.
    pub(super) fn is_over(&self) -> bool {
        self.at_end && self.splits.iter().all(Split::is_over)
    }

    /// The splits in the order in which they are read: the one that is furthest behind first, so that the others are not
    /// far ahead of it.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.splits.len()).collect();
        order.sort_by_key(|&split| self.splits[split].generator.current());
        order
    }

    /// The next rows of a split that holds none; `None` when there is nothing more of it to ask for.
    pub(super) fn poll(&mut self, split: usize) -> Result<Option<SourcePoll>> {
        let Some(of) = self.splits.get_mut(split).filter(|split| !split.at_end) else { return Ok(None) };
        let polled = if of.name.is_empty() { self.source.poll()? } else { self.source.poll_split(&of.name)? };
        if matches!(polled, SourcePoll::End) {
            of.at_end = true;
            self.at_end |= of.name.is_empty();
        }
        Ok(Some(polled))
    }

    /// Looks for splits that have come, where no split has anything now: until when there is nothing, `None` for no
    /// longer.
    pub(super) fn look(&mut self) -> Result<Option<SourcePoll>> {
        if self.at_end || self.source.splits().is_none() {
            return Ok(None);
        }
        let polled = self.source.poll()?;
        self.at_end = matches!(polled, SourcePoll::End);
        self.settle();
        Ok(Some(polled))
    }

    /// After rows have left, or a split has ended or become idle: the splits and the watermark as they are now.
    pub(super) fn settle(&mut self) {
        self.sync();
        self.reached = self.watermark();
    }

    /// The least watermark of the active splits but `except`; above it the reader's does not rise.
    fn least(&self, except: Option<usize>) -> i64 {
        let active = self
            .splits
            .iter()
            .enumerate()
            .filter(|(at, split)| Some(*at) != except && !split.idle.is_idle() && !split.is_over());
        let least = active.map(|(_, split)| split.generator.current()).min();
        least.unwrap_or(if except.is_some() { MAX_WATERMARK } else { MIN_WATERMARK })
    }

    fn watermark(&self) -> i64 {
        let left = || self.splits.iter().filter(|split| !split.is_over());
        // When all are idle, the largest of their watermarks stands.
        let now = if left().all(|split| split.idle.is_idle()) {
            left().map(|split| split.generator.current()).max().unwrap_or(MIN_WATERMARK)
        } else {
            self.least(None)
        };
        self.reached.max(now)
    }

    /// Whether nobody need wait for it: none of its splits has rows for longer than its idle timeout, or there is none.
    pub(super) fn is_idle(&self) -> bool {
        self.splits.iter().all(|split| split.idle.is_idle() || split.is_over())
    }

    /// The largest event time that has left.
    pub(super) fn newest(&self) -> i64 {
        self.splits.iter().map(|split| split.newest).max().unwrap_or(NO_TIME)
    }

    fn snapshot(&mut self, id: CheckpointId) -> Result<ReaderState> {
        let splits = self.splits.iter().map(Split::snapshot).collect();
        Ok(ReaderState { position: self.source.snapshot(id)?, splits })
    }
}

/// The readers of one subtask: one, or several after a restore of more readers than there are subtasks now. They are
/// read one after the other, and the watermark is the least of theirs, as it was when each had a subtask of its own.
pub(super) struct SourceReaders {
    pub(super) current: SourceReader,
    later: VecDeque<SourceReader>,
    /// The amount that the readers that are over had done.
    done: u64,
}

impl SourceReaders {
    /// `readers`, in their order; `None` when there are none.
    pub(super) fn of(mut readers: VecDeque<SourceReader>) -> Option<Self> {
        let mut readers = Self { current: readers.pop_front()?, later: readers, done: 0 };
        while readers.current.is_over() && readers.go_on() {}
        readers.later.retain(|reader| !reader.is_over());
        Some(readers)
    }

    /// Goes over to the next reader; false when there is none.
    pub(super) fn go_on(&mut self) -> bool {
        let Some(next) = self.later.pop_front() else { return false };
        self.done += self.current.source.progress().done;
        self.current = next;
        true
    }

    /// Above this the watermark does not rise before the current reader is over.
    pub(super) fn later_bound(&self) -> i64 {
        self.later.iter().map(SourceReader::watermark).min().unwrap_or(MAX_WATERMARK)
    }

    /// Above this the watermark does not rise by rows of `split` of the current reader.
    pub(super) fn bound(&self, split: usize) -> i64 {
        self.current.least(Some(split)).min(self.later_bound())
    }

    pub(super) fn watermark(&self) -> i64 {
        self.current.watermark().min(self.later_bound())
    }

    pub(super) fn progress(&self) -> SourceProgress {
        let SourceProgress { done, total } = self.current.source.progress();
        let later: u64 = self.later.iter().map(|reader| reader.source.progress().done).sum();
        SourceProgress { done: self.done + done + later, total }
    }

    pub(super) fn snapshot(&mut self, id: CheckpointId) -> Result<Vec<StateChange>> {
        let mut changes = Vec::new();
        for reader in std::iter::once(&mut self.current).chain(&mut self.later) {
            changes.extend(reader.snapshot(id)?.changes()?);
        }
        Ok(changes)
    }

    /// The splits that have an event time of their own.
    pub(super) fn splits(&self) -> Vec<SplitView> {
        let readers = std::iter::once(&self.current).chain(&self.later);
        readers.flat_map(|reader| &reader.splits).filter(|split| !split.name.is_empty()).map(Split::view).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::Value;

    use super::*;
    use crate::expr::TypedExpr;
    use crate::runtime::source_time::Silence;
    use crate::types::{Error, Field, LogicalType};

    /// A source of these splits, that gives nothing by itself.
    struct Named(Arc<Mutex<Vec<String>>>, Vec<String>);

    impl Source for Named {
        fn poll(&mut self) -> Result<SourcePoll> {
            self.1.clone_from(&self.0.lock().expect("no panic"));
            Ok(if self.1.is_empty() { SourcePoll::End } else { SourcePoll::Pending(None) })
        }

        fn splits(&self) -> Option<&[String]> {
            Some(&self.1)
        }

        fn snapshot(&mut self, _: CheckpointId) -> Result<Vec<u8>> {
            Err(Error::state("is not asked for"))
        }
    }

    /// The watermark of a reader behind each of `events` of its splits.
    fn watermarks(splits: usize, events: &[Value]) -> Vec<Option<i64>> {
        let names = Arc::new(Mutex::new((0..splits).map(|split| format!("split-{split}")).collect::<Vec<_>>()));
        let field = Field::new("at", LogicalType::BigInt);
        let spec =
            EventTimeSpec { idle_timeout_ms: Some(0), ..EventTimeSpec::bounded(TypedExpr::column(0, &field), 4) };
        let mut source = Named(Arc::clone(&names), Vec::new());
        source.poll().expect("looks");
        let mut reader = SourceReader::new(Box::new(source), Vec::new(), SplitSetting::new(Some(&spec), &[], 0));
        let after = |event: &Value| {
            let (kind, name) = (event[0].as_str(), format!("split-{}", event[1]));
            let at = reader.splits.iter().position(|split| split.name == name).expect("an open split");
            let split = &mut reader.splits[at];
            match kind {
                Some("row") => {
                    split.idle.rows(0);
                    let given: Result<()> =
                        split.generator.advance(&[event[2].as_i64().expect("a time")], |_, _| Ok(()));
                    given.expect("nothing fails");
                }
                Some("idle") => assert!(matches!(split.idle.nothing(0), Silence::Idle | Silence::Until(None))),
                _ => {
                    names.lock().expect("no panic").retain(|open| *open != name);
                    reader.look().expect("looks");
                }
            }
            reader.settle();
            Some(reader.watermark()).filter(|&watermark| watermark != MIN_WATERMARK)
        };
        events.iter().map(after).collect()
    }

    #[test]
    fn the_watermark_of_splits_is_flinks_through_idleness_and_ends() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/flink/watermarks.json")).expect("JSON");
        let scripts = golden["splits"].as_array().expect("scripts");
        assert_eq!(scripts.len(), 40);
        for (seed, script) in scripts.iter().enumerate() {
            let splits = script["splits"].as_u64().and_then(|splits| usize::try_from(splits).ok()).expect("a number");
            let events = script["events"].as_array().expect("events");
            let expected: Vec<_> = script["watermarks"].as_array().expect("a list").iter().map(Value::as_i64).collect();
            assert_eq!(watermarks(splits, events), expected, "script {seed}");
        }
    }
}
