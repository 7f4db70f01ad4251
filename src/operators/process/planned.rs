//! The process function as the plan holds it.

use std::sync::Arc;

use super::operator::ProcessOperator;
use super::program::{Program, each_emit, each_expr};
use crate::api::{Exchange, Operator, OperatorContext, PlannedOperator, Pruned, SideOutput};
use crate::operators::batch::{InTimeOrder, Passes};
use crate::state::{OperatorStateDescriptor, StateDescriptor};
use crate::types::{Result, Schema};

/// A process function over one stream, or two that are connected.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) program: Arc<Program>,
}

impl PlannedOperator for Process {
    fn name(&self) -> &'static str {
        match (self.program.inputs.len(), self.program.broadcast) {
            (1, _) => "Process",
            (_, false) => "CoProcess",
            (_, true) => "BroadcastProcess",
        }
    }

    fn describe(&self) -> String {
        self.program.describe(true)
    }

    fn output(&self) -> &Schema {
        &self.program.output
    }

    fn side_outputs(&self) -> Vec<SideOutput> {
        self.program.sides.clone()
    }

    fn exchange(&self, input: usize) -> Exchange {
        match &self.program.inputs[input].1 {
            _ if self.program.broadcast && input == 1 => Exchange::Broadcast,
            keys if keys.is_empty() => Exchange::Forward,
            keys => Exchange::Hash(keys.clone()),
        }
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let mut program = Program::clone(&self.program);
        let first = program.first_column();
        let mut read: Vec<Vec<usize>> = program.inputs.iter().map(|(_, keys)| keys.clone()).collect();
        program.output = program.output.project(needed);
        let of_handler = |on: &crate::api::On, inputs: usize| {
            match on {
                crate::api::On::Right => Some(1),
                crate::api::On::Event | crate::api::On::Left => Some(0),
                crate::api::On::Timer(_) | crate::api::On::Window => None,
            }
            .filter(|&input| input < inputs)
        };
        let inputs = program.inputs.len();
        for handler in &mut program.handlers {
            let kept = each_emit(&mut handler.body, &mut |output, values| {
                if output == 0 {
                    *values = needed.iter().map(|&column| values[column].clone()).collect();
                }
                Ok::<(), ()>(())
            });
            debug_assert!(kept.is_ok(), "nothing fails");
            if let Some(input) = of_handler(&handler.on, inputs) {
                let width = self.program.inputs[input].0.len();
                each_expr(&mut handler.body, &mut |expr| {
                    let columns = expr.columns().into_iter().filter(|&column| column >= first);
                    read[input].extend(columns.map(|column| column - first).filter(|&column| column < width));
                });
            }
        }
        for read in &mut read {
            read.sort_unstable();
            read.dedup();
        }
        for handler in &mut program.handlers {
            let Some(input) = of_handler(&handler.on, inputs) else { continue };
            let (read, width) = (&read[input], self.program.inputs[input].0.len());
            let built_in = width..handler.columns.len();
            handler.columns = handler.columns.project(&read.iter().copied().chain(built_in).collect::<Vec<_>>());
            each_expr(&mut handler.body, &mut |expr| {
                *expr = expr.remap(&|column| match column.checked_sub(first) {
                    None => column,
                    Some(column) if column >= width => first + column - width + read.len(),
                    Some(column) => first + read.binary_search(&column).unwrap_or(column),
                });
            });
        }
        for ((schema, keys), read) in program.inputs.iter_mut().zip(&read) {
            *schema = schema.project(read);
            for key in keys {
                *key = read.binary_search(key).unwrap_or(*key);
            }
        }
        Some(Pruned { operator: Arc::new(Self { program: Arc::new(program) }), inputs: read })
    }

    fn meets_watermarks(&self) -> bool {
        self.program.times[0] || self.program.reads_watermark()
    }

    fn states(&self) -> Vec<StateDescriptor> {
        self.program.keyed_states()
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        self.program.operator_states()
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(ProcessOperator::new(&self.program, context)?))
    }

    fn for_batch(&self) -> Option<Arc<dyn PlannedOperator>> {
        let passes = if self.program.timers.is_empty() { Passes::AtTheEnd } else { Passes::ByRow };
        Some(InTimeOrder::of(self.clone(), self.program.inputs.len(), passes))
    }
}
