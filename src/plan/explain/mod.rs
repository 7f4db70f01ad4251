//! A plan, shown: the logical plan as typed and optimised, the stream graph, the job graph, and the subtasks in their
//! slots; each as a tree, as JSON, and as a mermaid diagram. Pure functions from plan to text.

mod execution;
mod graph;
mod levels;

pub use execution::{Execution, Slot, TaskManager};
pub use graph::{GraphInput, GraphNode, GraphView};
pub use levels::{exchange, job_graph, logical, stream_graph};

use std::fmt::Write;

use serde_json::{Value, json};

use super::{JobGraph, LogicalPlan, StreamGraph};

/// All levels of one job's plan.
#[derive(Debug, Clone, Copy)]
pub struct Explain<'a> {
    /// The logical plan as typed.
    pub typed: &'a LogicalPlan,
    /// The same optimised.
    pub optimized: &'a LogicalPlan,
    /// The operators and exchanges.
    pub stream: &'a StreamGraph,
    /// The chains.
    pub job: &'a JobGraph,
    /// Among how many task managers the slots are divided.
    pub task_managers: usize,
}

impl Explain<'_> {
    /// As trees under headings, the sinks on top as in Flink.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (_, title, graph) in self.graphs() {
            // Writing to a String cannot fail.
            let _ = write!(text, "== {title} ==\n{}\n", graph.tree());
        }
        let _ = write!(text, "== Execution ==\n{}", self.execution().tree());
        text
    }

    /// As one JSON object with a member a level.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut levels = serde_json::Map::new();
        levels.insert("job".into(), json!(crate::types::printable(&self.stream.name)));
        for (key, _, graph) in self.graphs() {
            levels.insert(key.into(), graph.json());
        }
        levels.insert("execution".into(), self.execution().json());
        Value::Object(levels)
    }

    /// As one mermaid diagram with a subgraph a level.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut text = String::from("graph TD\n");
        for (key, title, graph) in self.graphs() {
            let _ = writeln!(text, "  subgraph {key} [\"{title}\"]");
            text.push_str(&graph.mermaid_lines(key, "    "));
            text.push_str("  end\n");
        }
        text.push_str("  subgraph execution [\"Execution\"]\n");
        text.push_str(&self.execution().mermaid_lines("    "));
        text.push_str("  end\n");
        text
    }

    fn graphs(&self) -> [(&'static str, &'static str, GraphView); 4] {
        [
            ("logical", "Logical plan", logical(self.typed)),
            ("optimized", "Optimized logical plan", logical(self.optimized)),
            ("stream_graph", "Stream graph", stream_graph(self.stream)),
            ("job_graph", "Job graph", job_graph(self.job)),
        ]
    }

    fn execution(&self) -> Execution {
        Execution::new(self.job, self.task_managers)
    }
}

#[cfg(test)]
mod tests;
