//! Fakes to run job graphs with: a splittable source, keyed counting, a sink that is exactly-once by two-phase commit.

#![allow(dead_code, reason = "each test file uses its own part of the fakes")]

pub(crate) mod failing;
mod memory_state;
pub(crate) mod memory_storage;
pub(crate) mod resumable;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use lotic::api::{
    Bounds, Committer, DEFAULT_SLOT_GROUP, EventTimeSpec, Exchange, OnError, Operator, OperatorContext, Output,
    PlannedOperator, PlannedSource, Rejected, SideOutput, SinkOwner, Source, SourcePoll, SourceProgress, SourceStart,
};
use lotic::expr::TypedExpr;
use lotic::plan::{ChainedOperator, JobEdge, JobGraph, JobSettings, JobVertex, Port, SourceTask};
use lotic::runtime::JobOptions;
use lotic::state::{KeyedRows, StateChange, StateDelta, StateDescriptor};
use lotic::types::{
    Batch, CheckpointId, Error, Field, FormerUids, LogicalType, OperatorUid, Result, Schema, VertexId, key_group,
};

/// The columns of everything here: a key and a value.
pub(crate) fn schema() -> Schema {
    Schema::new([Field::new("k", LogicalType::BigInt), Field::new("v", LogicalType::BigInt)])
}

/// The options of a job with these settings.
pub(crate) fn with(settings: JobSettings) -> JobOptions {
    JobOptions::of(&Arc::new(settings))
}

pub(crate) fn rows(pairs: &[(i64, i64)]) -> RecordBatch {
    let keys: ArrayRef = Arc::new(pairs.iter().map(|(k, _)| *k).collect::<Int64Array>());
    let values: ArrayRef = Arc::new(pairs.iter().map(|(_, v)| *v).collect::<Int64Array>());
    RecordBatch::try_new(Arc::clone(schema().arrow()), vec![keys, values]).expect("two columns")
}

pub(crate) fn pairs(batch: &Batch) -> Vec<(i64, i64)> {
    let of = |column: usize| batch.column(column).as_primitive::<Int64Type>().values().to_vec();
    of(0).into_iter().zip(of(1)).collect()
}

/// Values `0..total`, key `v % keys`, in ranges that are dealt to the readers; a position is what is left of them.
#[derive(Debug, Clone)]
pub(crate) struct Numbers {
    pub(crate) total: i64,
    pub(crate) keys: i64,
    /// Ranges at a fresh start.
    pub(crate) splits: i64,
    /// Rows a batch, at most.
    pub(crate) batch: i64,
    /// Every so many polls have nothing to give; 0 for never.
    pub(crate) pending_every: usize,
    /// At this many rows the reader waits for ever.
    pub(crate) stall_at: Option<i64>,
    /// One row a millisecond of the clock.
    pub(crate) rate: bool,
}

impl Numbers {
    pub(crate) fn new(total: i64, keys: i64) -> Self {
        Self { total, keys, splits: 8, batch: 5, pending_every: 0, stall_at: None, rate: false }
    }
}

struct NumbersReader {
    spec: Numbers,
    projection: Vec<usize>,
    left: VecDeque<(i64, i64)>,
    polls: usize,
    done: u64,
    clock: Arc<dyn lotic::types::Clock>,
    next_ms: i64,
}

impl PlannedSource for Numbers {
    fn describe(&self) -> String {
        format!("numbers {}", self.total)
    }

    fn schema(&self) -> &Schema {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(schema);
        &SCHEMA
    }

    fn bounds(&self) -> Bounds {
        Bounds::Bounded
    }

    fn start(&self, start: &SourceStart) -> Result<Vec<Box<dyn Source>>> {
        let read = |bytes: &Vec<u8>| -> VecDeque<(i64, i64)> {
            let (words, _) = bytes.as_chunks::<8>();
            let words: Vec<i64> = words.iter().map(|word| i64::from_le_bytes(*word)).collect();
            words.chunks(2).map(|pair| (pair[0], pair[1])).collect()
        };
        let mut left: Vec<VecDeque<_>> = start.restored.iter().flatten().map(read).collect();
        left.resize(left.len().max(start.parallelism), VecDeque::new());
        // Each reader goes on with the range that it had begun; the others are dealt anew.
        let others: Vec<_> = match &start.restored {
            None => {
                (0..self.splits).map(|i| (i * self.total / self.splits, (i + 1) * self.total / self.splits)).collect()
            }
            Some(_) => left.iter_mut().flat_map(|own| own.drain(1.min(own.len())..).collect::<Vec<_>>()).collect(),
        };
        let finishing = left.len() - start.parallelism;
        for (i, range) in others.into_iter().enumerate() {
            left[finishing + i % start.parallelism].push_back(range);
        }
        let readers: Vec<NumbersReader> = left
            .into_iter()
            .map(|left| NumbersReader {
                spec: self.clone(),
                projection: start.projection.clone(),
                left,
                polls: 0,
                done: 0,
                clock: Arc::clone(&start.clock),
                next_ms: 0,
            })
            .collect();
        Ok(readers.into_iter().map(|reader| Box::new(reader) as Box<dyn Source>).collect())
    }
}

impl Source for NumbersReader {
    fn poll(&mut self) -> Result<SourcePoll> {
        self.polls += 1;
        if self.spec.pending_every > 0 && self.polls.is_multiple_of(self.spec.pending_every) {
            return Ok(SourcePoll::Pending(Some(self.clock.now_ms() + 1)));
        }
        if self.spec.rate {
            if self.clock.now_ms() < self.next_ms {
                return Ok(SourcePoll::Pending(Some(self.next_ms)));
            }
            self.next_ms = self.clock.now_ms() + 1;
        }
        while self.left.front().is_some_and(|(next, end)| next >= end) {
            self.left.pop_front();
        }
        let Some((next, end)) = self.left.front_mut() else { return Ok(SourcePoll::End) };
        if self.spec.stall_at.is_some_and(|stall| self.done >= stall.cast_unsigned()) {
            return Ok(SourcePoll::Pending(None));
        }
        let upto = (*next + self.spec.batch).min(*end);
        let columns =
            [(*next..upto).map(|v| v % self.spec.keys).collect::<Int64Array>(), (*next..upto).collect::<Int64Array>()];
        let count = columns[0].len();
        self.done += count as u64;
        *next = upto;
        let columns: Vec<ArrayRef> =
            self.projection.iter().map(|&i| Arc::new(columns[i].clone()) as ArrayRef).collect();
        let projected = schema().project(&self.projection);
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let rows = RecordBatch::try_new_with_options(Arc::clone(projected.arrow()), columns, &options)?;
        Ok(SourcePoll::Rows { rows, rejected: Vec::new() })
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<Vec<u8>> {
        Ok(self.left.iter().flat_map(|(next, end)| [next.to_le_bytes(), end.to_le_bytes()]).flatten().collect())
    }

    fn is_at_end(&self) -> bool {
        self.left.iter().all(|(next, end)| next >= end)
    }

    fn progress(&self) -> SourceProgress {
        SourceProgress { done: self.done, total: Some(self.spec.total.cast_unsigned()) }
    }
}

/// Emits every row as (key, how many rows of that key so far): wrong as soon as one row or one state entry is lost or
/// doubled.
#[derive(Debug)]
pub(crate) struct Count(pub(crate) Schema);

impl Count {
    fn descriptor() -> StateDescriptor {
        StateDescriptor::new("counts", schema(), 1)
    }
}

struct Counting {
    counts: BTreeMap<i64, i64>,
    dirty: Vec<i64>,
    max: u16,
    groups: std::ops::Range<u16>,
}

fn groups_of_keys(keys: &[i64], max: u16) -> Vec<u16> {
    let column: ArrayRef = Arc::new(Int64Array::from(keys.to_vec()));
    let mut hashes = Vec::new();
    key_group::hash_keys(&[column], &mut hashes).expect("ints hash");
    hashes.into_iter().map(|hash| key_group::key_group(hash, max)).collect()
}

impl PlannedOperator for Count {
    fn name(&self) -> &'static str {
        "Count"
    }

    fn describe(&self) -> String {
        String::new()
    }

    fn output(&self) -> &Schema {
        &self.0
    }

    fn states(&self) -> Vec<StateDescriptor> {
        vec![Self::descriptor()]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let mut counts = BTreeMap::new();
        if let Some(restored) = &context.restored {
            for (_, batch) in restored.keyed(&Self::descriptor())? {
                counts.extend(pairs(&Batch::untimed(batch)));
            }
        }
        let (max, groups) = (context.max_parallelism, context.key_groups());
        Ok(Box::new(Counting { counts, dirty: Vec::new(), max, groups }))
    }
}

impl Operator for Counting {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let mut emitted = Vec::new();
        for (key, _) in pairs(&batch) {
            assert!(self.groups.contains(&groups_of_keys(&[key], self.max)[0]), "a key of another subtask");
            let count = self.counts.entry(key).or_default();
            *count += 1;
            emitted.push((key, *count));
            self.dirty.push(key);
        }
        out.batch(Batch::new(rows(&emitted), batch.times().clone()))
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        self.dirty.sort_unstable();
        self.dirty.dedup();
        if self.dirty.is_empty() {
            return Ok(StateDelta::default());
        }
        let entries: Vec<_> = self.dirty.iter().map(|key| (*key, self.counts[key])).collect();
        let key_groups = groups_of_keys(&self.dirty, self.max);
        self.dirty.clear();
        let rows = KeyedRows { rows: rows(&entries), key_groups };
        Ok(StateDelta { changes: vec![StateChange::Upsert { state: "counts", namespace: 0, rows }] })
    }
}

/// The world outside the job: survives crashes, as a file system does.
#[derive(Debug, Default)]
pub(crate) struct World {
    next: u64,
    staged: BTreeMap<u64, Vec<(i64, i64)>>,
    committed: BTreeMap<u64, Vec<(i64, i64)>>,
    pub(crate) commits: usize,
    pub(crate) fail_commits: usize,
}

pub(crate) type Shared = Arc<Mutex<World>>;

/// What the sink has made visible, sorted.
pub(crate) fn visible(world: &Shared) -> Vec<(i64, i64)> {
    let mut all: Vec<_> = world.lock().expect("not poisoned").committed.values().flatten().copied().collect();
    all.sort_unstable();
    all
}

/// A sink that stages its rows at every barrier and makes them visible when the checkpoint is durable.
#[derive(Debug)]
pub(crate) struct Sink(pub(crate) Schema, pub(crate) Shared);

struct Sinking {
    rows: Vec<(i64, i64)>,
    world: Shared,
}

impl PlannedOperator for Sink {
    fn name(&self) -> &'static str {
        "Sink"
    }

    fn describe(&self) -> String {
        String::new()
    }

    fn output(&self) -> &Schema {
        &self.0
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(Sinking { rows: Vec::new(), world: Arc::clone(&self.1) }))
    }

    fn committer(&self) -> Option<Arc<dyn Committer>> {
        Some(Arc::new(Commits(Arc::clone(&self.1))))
    }
}

impl Operator for Sinking {
    fn process(&mut self, _input: usize, batch: Batch, _out: &mut dyn Output) -> Result<()> {
        self.rows.extend(pairs(&batch));
        Ok(())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        if self.rows.is_empty() {
            return Ok(StateDelta::default());
        }
        let mut world = self.world.lock().expect("not poisoned");
        world.next += 1;
        let id = world.next;
        world.staged.insert(id, std::mem::take(&mut self.rows));
        Ok(StateDelta { changes: vec![StateChange::Commit { entry: id.to_le_bytes().to_vec() }] })
    }
}

#[derive(Debug)]
struct Commits(Shared);

impl Committer for Commits {
    fn commit(&self, entries: &[Vec<u8>]) -> Result<()> {
        let mut world = self.0.lock().expect("not poisoned");
        if world.fail_commits > 0 {
            world.fail_commits -= 1;
            return Err(Error::state("the disk is full"));
        }
        world.commits += 1;
        for entry in entries {
            let id = u64::from_le_bytes(entry.as_slice().try_into().expect("eight bytes"));
            match world.staged.remove(&id) {
                Some(rows) => {
                    assert!(world.committed.insert(id, rows).is_none(), "committed twice");
                }
                None => assert!(world.committed.contains_key(&id), "a staged output is gone"),
            }
        }
        Ok(())
    }

    fn recover(&self, entries: &[Vec<u8>], _owner: SinkOwner) -> Result<()> {
        self.commit(entries)?;
        self.0.lock().expect("not poisoned").staged.clear();
        Ok(())
    }
}

/// Passes rows on until it has seen `limit`, then closes.
#[derive(Debug)]
pub(crate) struct Limit(pub(crate) Schema, pub(crate) usize);

struct Limiting(usize);

impl PlannedOperator for Limit {
    fn name(&self) -> &'static str {
        "Limit"
    }

    fn describe(&self) -> String {
        self.1.to_string()
    }

    fn output(&self) -> &Schema {
        &self.0
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(Limiting(self.1)))
    }
}

impl Operator for Limiting {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let take = batch.rows().min(self.0);
        self.0 -= take;
        out.batch(batch.slice(0, take))?;
        if self.0 == 0 {
            out.close();
        }
        Ok(())
    }
}

/// What a [`Pass`] does besides passing rows on.
#[derive(Debug, Clone)]
pub(crate) enum Trick {
    Nothing,
    /// Panics at this value, as long as the counter is above zero.
    PanicAt(i64, Arc<AtomicUsize>),
    /// Rejects odd values.
    RejectOdd,
    /// Sends odd values to its side output.
    SideOdd,
    /// Notes the last watermark.
    Watermark(Arc<AtomicI64>),
}

/// Passes rows on, with a trick.
#[derive(Debug)]
pub(crate) struct Pass(pub(crate) Schema, pub(crate) Trick);

struct Passing(Trick);

impl PlannedOperator for Pass {
    fn name(&self) -> &'static str {
        "Pass"
    }

    fn describe(&self) -> String {
        String::new()
    }

    fn output(&self) -> &Schema {
        &self.0
    }

    fn side_outputs(&self) -> Vec<SideOutput> {
        match self.1 {
            Trick::SideOdd => vec![SideOutput { name: "odd".to_owned(), schema: schema() }],
            _ => Vec::new(),
        }
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(Passing(self.1.clone())))
    }
}

impl Operator for Passing {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        match &self.0 {
            Trick::Nothing | Trick::Watermark(_) => out.batch(batch),
            Trick::PanicAt(at, times) => {
                if pairs(&batch).iter().any(|(_, value)| value == at)
                    && times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
                {
                    panic!("value {at} is unbearable");
                }
                out.batch(batch)
            }
            Trick::RejectOdd | Trick::SideOdd => {
                let (odd, even): (Vec<_>, Vec<_>) = pairs(&batch).into_iter().partition(|(_, value)| value % 2 != 0);
                if matches!(self.0, Trick::SideOdd) {
                    out.side(0, Batch::untimed(rows(&odd)))?;
                } else {
                    let reject = |(_, value): &(i64, i64)| Rejected {
                        place: "pass".to_owned(),
                        row: value.to_string().into_bytes(),
                        message: "odd".to_owned(),
                    };
                    out.reject(odd.iter().map(reject).collect())?;
                }
                out.batch(Batch::untimed(rows(&even)))
            }
        }
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        if let Trick::Watermark(seen) = &self.0 {
            seen.fetch_max(watermark, Ordering::SeqCst);
        }
        out.watermark(watermark)
    }
}

/// A job graph, vertex by vertex.
pub(crate) struct Graph {
    graph: JobGraph,
}

impl Graph {
    pub(crate) fn new() -> Self {
        let mode = lotic::plan::Mode::default();
        let (name, vertices, edges) = ("test".to_owned(), Vec::new(), Vec::new());
        let graph = JobGraph { name, max_parallelism: 16, vertices, edges, mode };
        Self { graph }
    }

    pub(crate) fn source(&mut self, parallelism: usize, numbers: Numbers, idle_timeout_ms: Option<i64>) -> usize {
        self.paced_source(parallelism, numbers, idle_timeout_ms, None)
    }

    pub(crate) fn paced_source(
        &mut self,
        parallelism: usize,
        numbers: Numbers,
        idle_timeout_ms: Option<i64>,
        pace: Option<f64>,
    ) -> usize {
        let id = self.graph.vertices.len();
        let time = TypedExpr::column(1, &schema().fields()[1]);
        self.graph.vertices.push(JobVertex {
            name: format!("Source {id}"),
            parallelism,
            slot_group: DEFAULT_SLOT_GROUP.to_owned(),
            source: Some(SourceTask {
                uid: OperatorUid::new(format!("source-{id}")),
                name: "numbers".to_owned(),
                source: Arc::new(numbers),
                projection: vec![0, 1],
                event_time: Some(EventTimeSpec { idle_timeout_ms, ..EventTimeSpec::bounded(time, 0) }),
                filter: None,
                output: vec![0, 1],
                schema: schema(),
                pace,
                on_error: OnError::Fail,
            }),
            operators: Vec::new(),
            on_error: OnError::Fail,
        });
        id
    }

    pub(crate) fn chain(&mut self, parallelism: usize, operators: Vec<Arc<dyn PlannedOperator>>) -> usize {
        let id = self.graph.vertices.len();
        let operators = operators
            .into_iter()
            .enumerate()
            .map(|(i, operator)| ChainedOperator {
                uid: OperatorUid::new(format!("op-{id}-{i}")),
                former: FormerUids::default(),
                operator,
            })
            .collect();
        self.graph.vertices.push(JobVertex {
            name: format!("Chain {id}"),
            parallelism,
            slot_group: DEFAULT_SLOT_GROUP.to_owned(),
            source: None,
            operators,
            on_error: OnError::Fail,
        });
        id
    }

    pub(crate) fn on_error(&mut self, vertex: usize, on_error: OnError) {
        self.graph.vertices[vertex].on_error = on_error;
    }

    pub(crate) fn append(&mut self, vertex: usize, operator: Arc<dyn PlannedOperator>) {
        let uid = OperatorUid::new(format!("op-{vertex}-{}", self.graph.vertices[vertex].operators.len()));
        self.graph.vertices[vertex].operators.push(ChainedOperator { uid, former: FormerUids::default(), operator });
    }

    pub(crate) fn edge(&mut self, from: usize, to: usize, input: usize, exchange: Exchange) {
        self.port_edge(from, Port::Main, to, input, exchange);
    }

    pub(crate) fn port_edge(&mut self, from: usize, port: Port, to: usize, input: usize, exchange: Exchange) {
        self.graph.edges.push(JobEdge { from: VertexId(from), port, to: VertexId(to), input, exchange });
    }

    pub(crate) fn finish(self) -> JobGraph {
        self.graph
    }
}

/// source → hash → count → sink (chained), the job of most tests here.
pub(crate) fn counting_job(parallelism: usize, numbers: &Numbers, world: &Shared) -> JobGraph {
    let mut graph = Graph::new();
    let source = graph.source(parallelism, numbers.clone(), None);
    let count = graph.chain(parallelism, vec![Arc::new(Count(schema()))]);
    let sink = graph.chain(parallelism, vec![Arc::new(Sink(schema(), Arc::clone(world)))]);
    graph.edge(source, count, 0, Exchange::Hash(vec![0]));
    graph.edge(count, sink, 0, Exchange::Rebalance);
    graph.finish()
}

/// What [`counting_job`] must have made visible in the end.
pub(crate) fn counted(numbers: &Numbers) -> Vec<(i64, i64)> {
    let mut counts = BTreeMap::new();
    let mut all: Vec<(i64, i64)> = (0..numbers.total)
        .map(|value| {
            let count: &mut i64 = counts.entry(value % numbers.keys).or_default();
            *count += 1;
            (value % numbers.keys, *count)
        })
        .collect();
    all.sort_unstable();
    all
}

/// A [`Sink`] of dead letters: keeps the rejected value.
#[derive(Debug)]
pub(crate) struct Letters(pub(crate) Schema, pub(crate) Shared);

struct Lettering(Sinking);

impl PlannedOperator for Letters {
    fn name(&self) -> &'static str {
        "Letters"
    }

    fn describe(&self) -> String {
        String::new()
    }

    fn output(&self) -> &Schema {
        &self.0
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(Lettering(Sinking { rows: Vec::new(), world: Arc::clone(&self.1) })))
    }

    fn committer(&self) -> Option<Arc<dyn Committer>> {
        Some(Arc::new(Commits(Arc::clone(&self.1))))
    }
}

impl Operator for Lettering {
    fn process(&mut self, _input: usize, batch: Batch, _out: &mut dyn Output) -> Result<()> {
        let values = batch.column(2).as_string::<i32>();
        self.0.rows.extend(values.iter().map(|value| (0, value.and_then(|v| v.parse().ok()).expect("a number"))));
        Ok(())
    }

    fn snapshot(&mut self, checkpoint: CheckpointId) -> Result<StateDelta> {
        self.0.snapshot(checkpoint)
    }
}
