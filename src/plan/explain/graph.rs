//! A graph of named nodes, drawn three ways.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::types::printable;

/// The fact whose list of names is shown in trees too.
pub(super) const PARSED: &str = "parsed";

/// Nodes in topological order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GraphView {
    /// The nodes; a node's number is its position here.
    pub nodes: Vec<GraphNode>,
}

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphNode {
    /// `Source: bids`
    pub name: String,
    /// The details of the node; may be empty.
    pub details: String,
    /// More to know of it. A text or number is shown in trees, and what is parsed; the rest is for JSON.
    pub facts: Vec<(&'static str, Value)>,
    /// The inputs that the node reads.
    pub inputs: Vec<GraphInput>,
}

/// One stream that a node reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphInput {
    /// The producer's number.
    pub from: usize,
    /// `side 0`, when it is not the main output.
    pub port: Option<String>,
    /// `hash[auction]`, where exchanges are known.
    pub exchange: Option<String>,
}

impl GraphInput {
    fn label(&self) -> Option<String> {
        match (&self.port, &self.exchange) {
            (None, None) => None,
            (Some(label), None) | (None, Some(label)) => Some(label.clone()),
            (Some(port), Some(exchange)) => Some(format!("{port}, {exchange}")),
        }
    }
}

impl GraphView {
    /// As a tree, what reads above what it reads. A node that several read is drawn once, and named where it is read
    /// again.
    #[must_use]
    pub fn tree(&self) -> String {
        let mut read = vec![false; self.nodes.len()];
        for input in self.nodes.iter().flat_map(|node| &node.inputs) {
            read[input.from] = true;
        }
        let mut text = String::new();
        let mut drawn = vec![false; self.nodes.len()];
        // A stack, not recursion: a pipeline can be as long as its writer likes.
        let mut stack: Vec<Branch> = Vec::new();
        for root in (0..self.nodes.len()).filter(|&node| !read[node]) {
            stack.push(Branch { node: root, label: None, lead: String::new(), corner: "" });
            while let Some(branch) = stack.pop() {
                self.draw(&branch, &mut drawn, &mut stack, &mut text);
            }
        }
        text
    }

    fn draw(&self, branch: &Branch, drawn: &mut [bool], stack: &mut Vec<Branch>, text: &mut String) {
        let node = &self.nodes[branch.node];
        let label = branch.label.as_ref().map(|label| format!("[{}] ", printable(label))).unwrap_or_default();
        let _ = write!(text, "{}{}{label}#{} {}", branch.lead, branch.corner, branch.node, printable(&node.name));
        if std::mem::replace(&mut drawn[branch.node], true) {
            text.push_str(" (above)\n");
            return;
        }
        if !node.details.is_empty() {
            let _ = write!(text, " {}", printable(&node.details));
        }
        for (key, value) in &node.facts {
            match value {
                Value::String(value) => {
                    let _ = write!(text, "; {} {}", key.replace('_', " "), printable(value));
                }
                Value::Number(value) => {
                    let _ = write!(text, "; {} {value}", key.replace('_', " "));
                }
                Value::Array(names) if *key == PARSED => {
                    let names: Vec<_> = names.iter().filter_map(Value::as_str).map(printable).collect();
                    let _ = write!(text, "; {} ({})", key, names.join(", "));
                }
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
            }
        }
        text.push('\n');
        let below = match branch.corner {
            "" => "",
            "└─ " => "   ",
            _ => "│  ",
        };
        for (at, input) in node.inputs.iter().enumerate().rev() {
            stack.push(Branch {
                node: input.from,
                label: input.label(),
                lead: format!("{}{below}", branch.lead),
                corner: if at + 1 == node.inputs.len() { "└─ " } else { "├─ " },
            });
        }
    }

    /// As an array of nodes with their inputs.
    #[must_use]
    pub fn json(&self) -> Value {
        let nodes = self.nodes.iter().enumerate().map(|(id, node)| {
            let mut object = Map::new();
            object.insert("id".into(), json!(id));
            object.insert("name".into(), json!(printable(&node.name)));
            if !node.details.is_empty() {
                object.insert("details".into(), json!(printable(&node.details)));
            }
            for (key, value) in &node.facts {
                object.insert((*key).into(), shown(value));
            }
            let inputs = node.inputs.iter().map(|input| {
                let mut object = Map::new();
                object.insert("from".into(), json!(input.from));
                if let Some(port) = &input.port {
                    object.insert("port".into(), json!(printable(port)));
                }
                if let Some(exchange) = &input.exchange {
                    object.insert("exchange".into(), json!(printable(exchange)));
                }
                Value::Object(object)
            });
            object.insert("inputs".into(), inputs.collect());
            Value::Object(object)
        });
        nodes.collect()
    }

    /// As a mermaid diagram, rows flowing downwards.
    #[must_use]
    pub fn mermaid(&self) -> String {
        format!("graph TD\n{}", self.mermaid_lines("n", "  "))
    }

    /// The lines of the diagram, its nodes called `<prefix>0`, ….
    pub(super) fn mermaid_lines(&self, prefix: &str, indent: &str) -> String {
        let mut text = String::new();
        for (id, node) in self.nodes.iter().enumerate() {
            let details = if node.details.is_empty() { "" } else { "<br/>" };
            let _ = writeln!(
                text,
                "{indent}{prefix}{id}[\"{}{details}{}\"]",
                mermaid_text(&node.name),
                mermaid_text(&node.details)
            );
        }
        for (id, node) in self.nodes.iter().enumerate() {
            for input in &node.inputs {
                let label = input.label().map(|label| format!("|\"{}\"|", mermaid_text(&label))).unwrap_or_default();
                let _ = writeln!(text, "{indent}{prefix}{} -->{label} {prefix}{id}", input.from);
            }
        }
        text
    }
}

/// A node still to be drawn in a tree.
struct Branch {
    node: usize,
    label: Option<String>,
    lead: String,
    corner: &'static str,
}

/// The value with its texts made safe to show.
fn shown(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(printable(text)),
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), shown(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Text inside a quoted mermaid label: what mermaid or the HTML it makes would read as its own is written as an entity.
pub(super) fn mermaid_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '"' => safe.push_str("#quot;"),
            '#' => safe.push_str("#35;"),
            '<' => safe.push_str("#lt;"),
            '>' => safe.push_str("#gt;"),
            '&' => safe.push_str("#amp;"),
            c => safe.push(c),
        }
    }
    safe
}
