//! The subtasks in the slots of the task managers.

use std::fmt::Write;

use serde_json::{Value, json};

use super::graph::mermaid_text;
use crate::api::Exchange;
use crate::plan::{JobGraph, task_manager_of};
use crate::types::{SubtaskId, VertexId, printable};

/// Channels drawn of one edge; of a wider one only its width is told.
const CHANNELS_DRAWN: usize = 64;

/// The places where the subtasks run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The task managers with their slots.
    pub task_managers: Vec<TaskManager>,
    names: Vec<String>,
    channels: Vec<Channels>,
}

/// One task manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskManager {
    /// The task manager's slots, each one worker thread.
    pub slots: Vec<Slot>,
}

/// One slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The slot's number among all slots of the job.
    pub index: usize,
    /// The subtasks in it: subtask i of every vertex of a slot-sharing group that has one.
    pub subtasks: Vec<SubtaskId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Channels {
    from: usize,
    to: usize,
    senders: usize,
    receivers: usize,
    exchange: Exchange,
}

impl Execution {
    /// Subtask i of every vertex of a slot-sharing group shares a slot; the slots are divided among `task_managers`.
    #[must_use]
    pub fn new(job: &JobGraph, task_managers: usize) -> Self {
        let slots = job.slots();
        let mut placed: Vec<TaskManager> = Vec::new();
        for slot in 0..slots {
            let manager = task_manager_of(slot, slots, task_managers);
            placed.resize_with(placed.len().max(manager + 1), || TaskManager { slots: Vec::new() });
            let subtasks = job.vertices.iter().enumerate().filter_map(|(id, vertex)| {
                let index = slot.checked_sub(job.slot_of(vertex, 0)).filter(|&index| index < vertex.parallelism)?;
                Some(SubtaskId { vertex: VertexId(id), index })
            });
            placed[manager].slots.push(Slot { index: slot, subtasks: subtasks.collect() });
        }
        let width = |id: VertexId| job.vertices.get(id.0).map_or(0, |vertex| vertex.parallelism);
        let channels = job.edges.iter().map(|edge| Channels {
            from: edge.from.0,
            to: edge.to.0,
            senders: width(edge.from),
            receivers: width(edge.to),
            exchange: edge.exchange.clone(),
        });
        Self {
            task_managers: placed,
            names: job.vertices.iter().map(|vertex| vertex.name.clone()).collect(),
            channels: channels.collect(),
        }
    }

    fn name(&self, subtask: SubtaskId) -> String {
        let name = self.names.get(subtask.vertex.0).map_or("", String::as_str);
        format!("{}[{}]", printable(name), subtask.index)
    }

    /// As a tree: task managers, slots, subtasks.
    #[must_use]
    pub fn tree(&self) -> String {
        let mut text = String::new();
        for (manager, TaskManager { slots }) in self.task_managers.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "TaskManager {manager}");
            for (at, slot) in slots.iter().enumerate() {
                let last = at + 1 == slots.len();
                let (corner, below) = if last { ("└─", "   ") } else { ("├─", "│  ") };
                let _ = writeln!(text, "{corner} slot {}", slot.index);
                for (at, &subtask) in slot.subtasks.iter().enumerate() {
                    let corner = if at + 1 == slot.subtasks.len() { "└─" } else { "├─" };
                    let _ = writeln!(text, "{below}{corner} {subtask} {}", self.name(subtask));
                }
            }
        }
        text
    }

    /// As an array of task managers.
    #[must_use]
    pub fn json(&self) -> Value {
        let subtask = |subtask: &SubtaskId| json!({ "vertex": subtask.vertex.0, "index": subtask.index, "name": self.name(*subtask) });
        let slot = |slot: &Slot| json!({ "slot": slot.index, "subtasks": slot.subtasks.iter().map(subtask).collect::<Value>() });
        let managers = self.task_managers.iter().enumerate();
        managers
            .map(|(id, manager)| json!({ "task_manager": id, "slots": manager.slots.iter().map(slot).collect::<Value>() }))
            .collect()
    }

    /// As a mermaid diagram: a subgraph a task manager, an arrow a channel.
    #[must_use]
    pub fn mermaid(&self) -> String {
        format!("graph TD\n{}", self.mermaid_lines("  "))
    }

    pub(super) fn mermaid_lines(&self, indent: &str) -> String {
        let mut text = String::new();
        for (manager, TaskManager { slots }) in self.task_managers.iter().enumerate() {
            let _ = writeln!(text, "{indent}subgraph tm{manager} [\"TaskManager {manager}\"]");
            for subtask in slots.iter().flat_map(|slot| &slot.subtasks) {
                let (vertex, index) = (subtask.vertex.0, subtask.index);
                let name = mermaid_text(&self.name(*subtask));
                let _ = writeln!(text, "{indent}  e{vertex}_{index}[\"{name}\"]");
            }
            let _ = writeln!(text, "{indent}end");
        }
        for channels in &self.channels {
            channels.draw(indent, &mut text);
        }
        text
    }
}

impl Channels {
    fn draw(&self, indent: &str, text: &mut String) {
        let Self { from, to, senders, receivers, exchange } = self;
        let mut pairs: Vec<(usize, usize)> = match exchange {
            Exchange::Forward => (0..*senders).map(|i| (i, i)).collect(),
            Exchange::Global => (0..*senders).map(|i| (i, 0)).collect(),
            Exchange::Rescale => {
                let near = |i| Exchange::rescaled(i, *senders, *receivers);
                (0..*senders).flat_map(|i| near(i).map(move |j| (i, j))).collect()
            }
            Exchange::Hash(_) | Exchange::Rebalance | Exchange::Broadcast => {
                (0..*senders).flat_map(|i| (0..*receivers).map(move |j| (i, j))).collect()
            }
        };
        let all = pairs.len();
        let mut label = String::new();
        if all > CHANNELS_DRAWN {
            pairs.truncate(1);
            label = format!("|\"{all} channels\"|");
        }
        for (i, j) in pairs {
            let _ = writeln!(text, "{indent}e{from}_{i} -->{label} e{to}_{j}");
        }
    }
}
