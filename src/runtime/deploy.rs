//! From a job graph and the state to start from to subtasks in slots, connected by channels.

use std::cell::Cell;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::alignment::Alignment;
use super::chain::{Chain, Link, Standing, Woken};
use super::channel::{Receiver, blocking_channel, channel};
use super::checked_operator::checked;
use super::exchange::EdgeOutput;
use super::held_rows::as_read_now;
use super::input_gate::InputGate;
use super::looks::Looks;
use super::mailbox::{Mailbox, Message};
use super::metrics::{SubtaskMetrics, Totals};
use super::outputs::Outputs;
use super::source_driver::{RowBudget, SourceDriver, SourceSetting};
use super::source_reader::{SourceReader, SourceReaders, SplitSetting};
use super::source_state::{self, ReaderState, SplitState};
use super::spool::Producers;
use super::storage::{JobFacts, OperatorFacts, RestorePoint};
use super::subtask::{Drain, Input, Subtask, SubtaskSetting, TOTALS};
use super::wake::Waker;
use crate::api::{Exchange, OperatorContext, OperatorMetrics, SinkOwner, SourceStart, dead_letter_schema};
use crate::plan::{JobEdge, JobGraph, JobSettings, JobVertex, Mode, Port, SourceTask, task_manager_of};
use crate::state::{Instance, ManagedMemory};
use crate::types::files::OsFiles;
use crate::types::{
    CheckpointId, Clock, Error, OperatorUid, Result, Schema, SpillSpace, SubtaskId, VertexId, counted, key_group,
};

/// The setting that the subtasks of every attempt are made with.
pub(super) struct DeploySetting {
    pub(super) settings: Arc<JobSettings>,
    pub(super) drain: Drain,
    /// Whether looking may wake subtasks and send markers.
    pub(super) wakes_to_look: bool,
    /// The job's state directory, hashed.
    pub(super) owner: Option<u64>,
    /// Whether the state of an earlier run was there when the job was launched without a restore.
    pub(super) earlier_state: bool,
    pub(super) clock: Arc<dyn Clock>,
    /// The memory for rows that wait.
    pub(super) spill: Arc<SpillSpace>,
    /// The directory of working files.
    pub(super) directory: PathBuf,
}

/// One execution attempt, ready to be run.
pub(super) struct Deployment {
    /// The subtasks of each slot.
    pub(super) slots: Vec<Vec<Subtask>>,
    pub(super) control: Arc<AttemptControl>,
}

/// The control by which a running attempt is reached from outside its slots.
#[derive(Debug)]
pub(super) struct AttemptControl {
    pub(super) graph: JobGraph,
    /// By vertex, by subtask.
    pub(super) metrics: Vec<Vec<Arc<SubtaskMetrics>>>,
    /// By vertex, by subtask.
    pub(super) mailboxes: Vec<Vec<Arc<Mailbox>>>,
    /// By vertex.
    pub(super) looks: Vec<Looks>,
    pub(super) slots: Vec<Arc<SlotControl>>,
    /// The slot of each task manager's slots, by index.
    task_managers: usize,
    /// Whether looking may wake subtasks and send markers: not where the order of steps is chosen by seed.
    wakes_to_look: bool,
}

/// The control by which one slot is reached.
#[derive(Debug, Default)]
pub(super) struct SlotControl {
    pub(super) waker: Arc<Waker>,
    /// Ends the slot without a word: the attempt is over.
    pub(super) cancelled: AtomicBool,
    /// Fails the slot.
    pub(super) killed: AtomicBool,
}

impl AttemptControl {
    pub(super) fn wake_all(&self) {
        for slot in &self.slots {
            slot.waker.wake();
        }
    }

    /// Asks the subtasks of a vertex to show their operators, if it is time to.
    pub(super) fn look_at(&self, vertex: VertexId, now_ns: u64) {
        // Where they are not woken nothing is due at a time of the clock.
        let now_ns = if self.wakes_to_look { now_ns } else { u64::MAX };
        if self.looks[vertex.0].begin(&self.metrics[vertex.0], now_ns) {
            self.ask(vertex);
        }
    }

    /// Asks all subtasks to show their operators, whatever has become of the last look. Their answers are numbered so, by
    /// vertex.
    pub(super) fn look_now(&self, now_ns: u64) -> Vec<u64> {
        let looks = self.looks.iter().zip(&self.metrics).enumerate();
        looks
            .map(|(vertex, (looks, subtasks))| {
                let look = looks.begin_now(subtasks, now_ns);
                self.ask(VertexId(vertex));
                look
            })
            .collect()
    }

    fn ask(&self, vertex: VertexId) {
        for index in 0..self.metrics[vertex.0].len() {
            self.tell(SubtaskId { vertex, index }, Message::Look);
        }
    }

    /// Wakes subtasks that have been asked something.
    pub(super) fn wake_to_look(&self) {
        if self.wakes_to_look {
            self.wake_all();
        }
    }

    pub(super) fn cancel(&self) {
        for slot in &self.slots {
            slot.cancelled.store(true, Ordering::Release);
        }
        self.wake_all();
    }

    pub(super) fn subtasks(&self) -> impl Iterator<Item = SubtaskId> {
        self.metrics.iter().enumerate().flat_map(|(vertex, subtasks)| {
            (0..subtasks.len()).map(move |index| SubtaskId { vertex: VertexId(vertex), index })
        })
    }

    /// Leaves `message` at one subtask, if there is such a one; whoever needs it to be read soon wakes the slots.
    pub(super) fn tell(&self, subtask: SubtaskId, message: Message) -> bool {
        let mailbox = self.mailboxes.get(subtask.vertex.0).and_then(|subtasks| subtasks.get(subtask.index));
        mailbox.is_some_and(|mailbox| mailbox.put(message))
    }

    /// Leaves a message at every subtask and wakes them.
    pub(super) fn tell_all(&self, message: impl Fn() -> Message) {
        for mailbox in self.mailboxes.iter().flatten() {
            mailbox.put(message());
        }
        self.wake_all();
    }

    /// Fails one subtask.
    ///
    /// # Errors
    /// When there is no such subtask, or it is over.
    pub(super) fn kill_subtask(&self, subtask: SubtaskId) -> Result<()> {
        if self.metrics.get(subtask.vertex.0).is_none_or(|subtasks| subtask.index >= subtasks.len()) {
            return Err(Error::config(format!("there is no subtask {subtask}")));
        }
        if !self.tell(subtask, Message::Kill) {
            return Err(Error::config(format!("subtask {subtask} has finished")));
        }
        self.wake_all();
        Ok(())
    }

    /// Fails the slots of one task manager.
    ///
    /// # Errors
    /// When there is no such task manager, or all that ran there is over.
    pub(super) fn kill_task_manager(&self, index: usize) -> Result<()> {
        let count = self.slots.len();
        let own = |slot: usize| task_manager_of(slot, count, self.task_managers) == index;
        let slots: Vec<_> = self.slots.iter().enumerate().filter(|(slot, _)| own(*slot)).collect();
        if slots.is_empty() {
            let with_slots = self.task_managers.min(count);
            let there = counted(with_slots as u64, "task manager");
            return Err(Error::config(format!("there is no task manager {}: the job runs on {there}", index + 1)));
        }
        let runs =
            |slot: usize| {
                let mut in_slot =
                    self.graph.vertices.iter().zip(&self.mailboxes).filter_map(|(vertex, subtasks)| {
                        subtasks.get(slot.checked_sub(self.graph.slot_of(vertex, 0))?)
                    });
                in_slot.any(|mailbox| !mailbox.is_closed())
            };
        if !slots.iter().any(|(slot, _)| runs(*slot)) {
            return Err(Error::config(format!("all subtasks on task manager {} have finished", index + 1)));
        }
        for (_, control) in slots {
            control.killed.store(true, Ordering::Release);
        }
        self.wake_all();
        Ok(())
    }
}

/// The facts that checkpoints hold of the job that wrote them.
pub(super) fn facts(
    graph: &JobGraph,
    parallelism: usize,
    statement: Option<String>,
    renamed: Vec<(OperatorUid, OperatorUid)>,
) -> JobFacts {
    let operators = operator_facts(graph);
    let max_parallelism = graph.max_parallelism;
    JobFacts { name: graph.name.clone(), statement, parallelism, max_parallelism, operators, renamed }
}

fn operator_facts(graph: &JobGraph) -> Vec<OperatorFacts> {
    let mut operators = Vec::new();
    for vertex in &graph.vertices {
        let (first, parallelism) = (operators.len(), vertex.parallelism);
        if let Some(source) = &vertex.source {
            let (uid, name) = (source.uid.clone(), source.name.clone());
            let operator_states = source_state::STATES.to_vec();
            operators.push(OperatorFacts { uid, name, parallelism, states: Vec::new(), operator_states });
        }
        for chained in &vertex.operators {
            let (states, operator_states) = (chained.operator.states(), chained.operator.operator_states());
            let (uid, name) = (chained.uid.clone(), chained.operator.name().to_owned());
            operators.push(OperatorFacts { uid, name, parallelism, states, operator_states });
        }
        if let Some(first) = operators.get_mut(first) {
            first.operator_states.push(TOTALS);
        }
    }
    operators
}

/// Source rows that `point` has seen.
pub(super) fn source_rows(graph: &JobGraph, point: &dyn RestorePoint) -> Result<u64> {
    let mut rows = 0;
    for source in graph.vertices.iter().filter_map(|vertex| vertex.source.as_ref()) {
        rows += Totals::decode(&point.operator(&source.uid, (0..0).into()).operator(&TOTALS)?)?.rows_in;
    }
    Ok(rows)
}

/// Makes the subtasks of `graph` from the state of `restored`. Staged output of an earlier attempt is committed (when
/// the restored checkpoint holds it) or removed first.
pub(super) fn deploy(
    graph: JobGraph,
    setting: &DeploySetting,
    restored: Option<&dyn RestorePoint>,
    budget: Option<&Arc<RowBudget>>,
    on_hold: bool,
) -> Result<Deployment> {
    check_parallelism(&graph)?;
    let memory = shares(&graph, setting);
    recover_sinks(&graph, restored, setting)?;
    let slot_count = graph.slots();
    let slots: Vec<Arc<SlotControl>> = (0..slot_count).map(|_| Arc::default()).collect();
    let mut wiring = Wiring::new(&graph, &slots, setting.settings.channel_capacity, &setting.spill);
    let mut control = AttemptControl {
        metrics: Vec::new(),
        mailboxes: Vec::new(),
        looks: graph.vertices.iter().map(|_| Looks::default()).collect(),
        task_managers: setting.settings.task_managers.max(1),
        wakes_to_look: setting.wakes_to_look,
        slots,
        graph,
    };
    let alignment: Arc<Alignment> = Arc::default();
    let mut operators = control.graph.vertices.iter().flat_map(|vertex| &vertex.operators);
    let row_watermarks =
        control.graph.mode != Mode::Batch && operators.any(|chained| chained.operator.meets_watermarks());
    let mut subtasks: Vec<Vec<Subtask>> = (0..slot_count).map(|_| Vec::new()).collect();
    for (position, vertex) in control.graph.vertices.iter().enumerate() {
        let mut readers = match &vertex.source {
            Some(source) => open_source(source, vertex.parallelism, setting, restored)?.into_iter().map(Some).collect(),
            None => Vec::new(),
        };
        let (mut of_vertex, mut mailboxes) = (Vec::new(), Vec::new());
        for index in 0..vertex.parallelism {
            let slot = control.graph.slot_of(vertex, index);
            let id = SubtaskId { vertex: VertexId(position), index };
            let mailbox: Arc<Mailbox> = Arc::default();
            let (max, memory) = (control.graph.max_parallelism, memory.get(slot));
            let builder = SubtaskBuilder { id, vertex, setting, restored, max, on_hold, row_watermarks, memory };
            let links = builder.links(&control.slots[slot].waker)?;
            let (edges, receivers, origins) = wiring.take(id);
            let gate = (!receivers.is_empty()).then(|| InputGate::new(receivers));
            let states = gate.as_ref().map(InputGate::states).unwrap_or_default();
            let metrics = Arc::new(SubtaskMetrics::new(
                origins.into_iter().zip(states).collect(),
                edges.len(),
                links.iter().map(|link| Arc::clone(&link.metrics)).collect(),
                builder.totals()?,
            ));
            let outputs =
                Outputs::new(edges, links.len(), vertex.on_error, Arc::clone(&metrics), Arc::clone(&setting.clock))
                    .in_mode(control.graph.mode);
            let key_groups = builder.instance().key_groups;
            let mut chain = Chain { subtask: index, key_groups, links, outputs, ended: 0 };
            let input = match (readers.get_mut(index).and_then(Option::take), &vertex.source, gate) {
                (Some(readers), Some(task), _) => {
                    let drift_ms = task.event_time.as_ref().and_then(|spec| spec.align_ms);
                    let waker = &control.slots[index].waker;
                    let aligned = drift_ms.map(|drift_ms| alignment.join(id, drift_ms, Arc::clone(waker)));
                    let clock = Arc::clone(&setting.clock);
                    let setting = SourceSetting { budget: budget.cloned(), clock, aligned, row_watermarks };
                    let mut driver = SourceDriver::new(task.clone(), readers, setting);
                    driver.hold(on_hold);
                    driver.announce(&mut chain)?;
                    Input::Source(Box::new(driver))
                }
                (_, None, Some(gate)) => Input::Gate(gate),
                (..) => return Err(Error::config(format!("`{}` has nothing to read", vertex.name))),
            };
            subtasks[slot].push(builder.subtask(input, chain, Arc::clone(&metrics), Arc::clone(&mailbox))?);
            of_vertex.push(metrics);
            mailboxes.push(mailbox);
        }
        control.metrics.push(of_vertex);
        control.mailboxes.push(mailboxes);
    }
    Ok(Deployment { slots: subtasks, control: Arc::new(control) })
}

/// The memory of each operator instance that keeps to one, by slot: the job's is shared out among its slots, a slot's among
/// those that are in it. Empty where there is no budget.
fn shares(graph: &JobGraph, setting: &DeploySetting) -> Vec<ManagedMemory> {
    let Some(bytes) = setting.settings.budget_bytes() else { return Vec::new() };
    let mut users = vec![0_u64; graph.slots()];
    for vertex in &graph.vertices {
        let own = vertex.operators.iter().filter(|chained| !chained.operator.states().is_empty()).count() as u64;
        (0..vertex.parallelism).for_each(|index| users[graph.slot_of(vertex, index)] += own);
    }
    let of_slot = bytes / (users.len() as u64).max(1);
    let share = |users: u64| ManagedMemory {
        bytes: usize::try_from(of_slot / users.max(1)).unwrap_or(usize::MAX),
        directory: setting.directory.clone(),
        files: Arc::new(OsFiles),
    };
    users.into_iter().map(share).collect()
}

fn check_parallelism(graph: &JobGraph) -> Result<()> {
    for vertex in &graph.vertices {
        if vertex.parallelism == 0 || vertex.parallelism > usize::from(graph.max_parallelism) {
            let (found, max) = (vertex.parallelism, graph.max_parallelism);
            return Err(Error::config(format!("the parallelism must be from 1 to {max}, not {found}")));
        }
    }
    Ok(())
}

fn recover_sinks(graph: &JobGraph, restored: Option<&dyn RestorePoint>, setting: &DeploySetting) -> Result<()> {
    for chained in graph.vertices.iter().flat_map(|vertex| &vertex.operators) {
        if let Some(committer) = chained.operator.committer() {
            let entries = restored.map_or(Ok(Vec::new()), |point| point.commit_entries(&chained.uid))?;
            let id = setting
                .owner
                .map(|owner| key_group::mix(owner ^ key_group::hash_bytes(chained.uid.as_str().as_bytes())));
            committer.recover(&entries, SinkOwner { id, alone: restored.is_some() || !setting.earlier_state })?;
        }
    }
    Ok(())
}

/// Opens the readers of every subtask.
///
/// With as many subtasks as there were readers, each goes on where the reader was that it had then. Where there were more
/// readers, those that are furthest behind in event time come first in their subtask: event time waits for them.
fn open_source(
    task: &SourceTask,
    parallelism: usize,
    setting: &DeploySetting,
    restored: Option<&dyn RestorePoint>,
) -> Result<Vec<SourceReaders>> {
    let mut states = match restored {
        Some(point) => ReaderState::read(&*point.operator(&task.uid, (0..0).into()))?,
        None => None,
    };
    let now_ms = setting.clock.now_ms();
    let splits = SplitSetting::new(task.event_time.as_ref(), states.as_deref().unwrap_or_default(), now_ms);
    if let Some(states) = states.as_mut().filter(|states| states.len() > parallelism) {
        states.sort_by_key(|state| state.reached(splits.punctuated()));
    }
    let sources = task.source.start(&SourceStart {
        parallelism,
        projection: task.projection.clone(),
        restored: states
            .as_mut()
            .map(|states| states.iter_mut().map(|state| std::mem::take(&mut state.position)).collect()),
        batch_rows: setting.settings.batch_rows,
        clock: Arc::clone(&setting.clock),
    })?;
    let expected = states.as_ref().map_or(0, Vec::len).max(parallelism);
    if sources.len() != expected {
        return Err(Error::config(format!("source `{}` opened {} of {expected} readers", task.name, sources.len())));
    }
    let mut states = states.unwrap_or_default().into_iter();
    // A reader that there was not goes on as the slowest of those that there were would: what it is dealt may be as old.
    let times = states.as_slice().iter().filter_map(|state| state.splits.first()).map(|split| split.times);
    let least = times.min_by_key(|times| times.reached(splits.punctuated())).unwrap_or_default();
    let mut readers: Vec<VecDeque<SourceReader>> = (0..parallelism).map(|_| VecDeque::new()).collect();
    for (index, source) in sources.into_iter().enumerate() {
        let new = || vec![SplitState { times: least, ..SplitState::default() }];
        let mut own = states.next().map_or_else(new, |state| state.splits);
        for held in own.iter_mut().flat_map(|split| &mut split.held) {
            held.rows = as_read_now(task, &held.rows).map_err(|missing| missing.error(&task.name))?;
        }
        readers[index % parallelism].push_back(SourceReader::new(source, own, splits.clone()));
    }
    Ok(readers.into_iter().filter_map(SourceReaders::of).collect())
}

/// Makes one subtask.
struct SubtaskBuilder<'a> {
    id: SubtaskId,
    vertex: &'a JobVertex,
    setting: &'a DeploySetting,
    restored: Option<&'a dyn RestorePoint>,
    max: u16,
    on_hold: bool,
    row_watermarks: bool,
    /// The share of each operator.
    memory: Option<&'a ManagedMemory>,
}

impl SubtaskBuilder<'_> {
    fn links(&self, slot: &Arc<Waker>) -> Result<Vec<Link>> {
        let parallelism = self.vertex.parallelism;
        let mut links = Vec::new();
        for chained in &self.vertex.operators {
            let metrics: Arc<OperatorMetrics> = Arc::default();
            let woken = Arc::new(Woken::new(Arc::clone(slot)));
            let context = OperatorContext {
                uid: chained.uid.clone(),
                subtask: self.id.index,
                parallelism,
                max_parallelism: self.max,
                batch_rows: self.setting.settings.batch_rows,
                restored: self.restored.map(|point| point.operator(&chained.uid, self.instance())),
                memory: self.memory.cloned(),
                metrics: Arc::clone(&metrics),
                row_watermarks: self.row_watermarks,
                spill: Arc::clone(&self.setting.spill),
                clock: Arc::clone(&self.setting.clock),
                waker: Arc::clone(&woken).into(),
                armed: Cell::default(),
            };
            let operator = checked(chained.operator.create(&context)?, &*chained.operator);
            let standing = Standing::new(context.armed.get(), woken);
            links.push(Link { uid: chained.uid.clone(), operator, metrics, standing });
        }
        Ok(links)
    }

    fn instance(&self) -> Instance {
        Instance::new(self.id.index, self.vertex.parallelism, self.max)
    }

    fn first_uid(&self) -> Result<&OperatorUid> {
        let source = self.vertex.source.as_ref().map(|source| &source.uid);
        let first = self.vertex.operators.first().map(|chained| &chained.uid);
        source.or(first).ok_or_else(|| Error::config(format!("`{}` is an empty chain", self.vertex.name)))
    }

    /// The counters go on.
    fn totals(&self) -> Result<Totals> {
        match self.restored {
            Some(point) => Totals::decode(&point.operator(self.first_uid()?, self.instance()).operator(&TOTALS)?),
            None => Ok(Totals::default()),
        }
    }

    fn subtask(
        &self,
        input: Input,
        chain: Chain,
        metrics: Arc<SubtaskMetrics>,
        mailbox: Arc<Mailbox>,
    ) -> Result<Subtask> {
        let setting = SubtaskSetting {
            id: self.id,
            first_uid: self.first_uid()?.clone(),
            clock: Arc::clone(&self.setting.clock),
            drain: self.setting.drain,
            restored: self.restored.map_or(CheckpointId(0), RestorePoint::id),
            markers: self.setting.wakes_to_look,
            mailbox,
            hold: self.on_hold,
        };
        Ok(Subtask::new(setting, input, chain, metrics))
    }
}

/// The edges of one subtask, each with the output it carries.
type Outgoing = Vec<(Port, EdgeOutput)>;
/// The channels of one subtask, each with the operator input it leads to.
type Incoming = Vec<(usize, Receiver)>;

/// The channels of a job by vertex and subtask, both ends waiting to be taken by their subtasks.
struct Wiring {
    outgoing: Vec<Vec<Outgoing>>,
    incoming: Vec<Vec<Incoming>>,
    /// The subtask that each of the incoming channels comes from.
    origins: Vec<Vec<Vec<SubtaskId>>>,
}

impl Wiring {
    fn new(graph: &JobGraph, slots: &[Arc<SlotControl>], capacity: usize, spill: &Arc<SpillSpace>) -> Self {
        fn per_subtask<T>(graph: &JobGraph) -> Vec<Vec<Vec<T>>> {
            graph.vertices.iter().map(|v| (0..v.parallelism).map(|_| Vec::new()).collect()).collect()
        }
        let mut wiring =
            Self { outgoing: per_subtask(graph), incoming: per_subtask(graph), origins: per_subtask(graph) };
        for edge in &graph.edges {
            wiring.connect(graph, edge, slots, capacity, spill);
        }
        wiring
    }

    fn connect(
        &mut self,
        graph: &JobGraph,
        edge: &JobEdge,
        slots: &[Arc<SlotControl>],
        capacity: usize,
        spill: &Arc<SpillSpace>,
    ) {
        let (producer, reader) = (&graph.vertices[edge.from.0], &graph.vertices[edge.to.0]);
        let schema = port_schema(producer, edge.port);
        let waker = |vertex: &JobVertex, index: usize| Arc::clone(&slots[graph.slot_of(vertex, index)].waker);
        let one_to_one = edge.exchange == Exchange::Forward && producer.parallelism == reader.parallelism;
        let producers = || Producers::new(producer.parallelism, Arc::clone(spill));
        let producers: Option<Vec<_>> =
            graph.is_blocking(&edge.exchange).then(|| (0..reader.parallelism).map(|_| producers()).collect());
        for from in 0..producer.parallelism {
            let targets = match edge.exchange {
                _ if one_to_one => from..from + 1,
                Exchange::Rescale => Exchange::rescaled(from, producer.parallelism, reader.parallelism),
                Exchange::Forward
                | Exchange::Hash(_)
                | Exchange::Rebalance
                | Exchange::Broadcast
                | Exchange::Global => 0..reader.parallelism,
            };
            let mut senders = Vec::new();
            for to in targets {
                let (writes, reads) = (waker(producer, from), waker(reader, to));
                let (sender, receiver) = match &producers {
                    Some(producers) => blocking_channel(&producers[to], &schema, writes, reads),
                    None => channel(capacity, writes, reads),
                };
                senders.push(sender);
                self.incoming[edge.to.0][to].push((edge.input, receiver));
                self.origins[edge.to.0][to].push(SubtaskId { vertex: edge.from, index: from });
            }
            let output = EdgeOutput::new(&edge.exchange, from, senders, graph.max_parallelism, schema.clone());
            self.outgoing[edge.from.0][from].push((edge.port, output));
        }
    }

    fn take(&mut self, id: SubtaskId) -> (Outgoing, Incoming, Vec<SubtaskId>) {
        let outgoing = std::mem::take(&mut self.outgoing[id.vertex.0][id.index]);
        let incoming = std::mem::take(&mut self.incoming[id.vertex.0][id.index]);
        (outgoing, incoming, std::mem::take(&mut self.origins[id.vertex.0][id.index]))
    }
}

pub(super) fn port_schema(vertex: &JobVertex, port: Port) -> Schema {
    let of_source = || vertex.source.as_ref().map(|source| source.schema.clone());
    let found = match port {
        Port::Main => vertex.operators.last().map(|last| last.operator.output().clone()).or_else(of_source),
        Port::Side { operator, port } => vertex
            .operators
            .get(operator)
            .and_then(|chained| chained.operator.side_outputs().into_iter().nth(port))
            .map(|side| side.schema),
        Port::DeadLetter | Port::SourceDeadLetter => Some(dead_letter_schema()),
    };
    found.unwrap_or_else(|| Schema::new(Vec::new()))
}
