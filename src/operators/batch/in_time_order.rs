//! An operator that goes by event time, in a job that reads all of its input before it gives results.

use std::sync::Arc;

use super::time_ordered::{Passes, TimeOrdered};
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned, SideOutput, UpdateKind};
use crate::state::{OperatorStateDescriptor, StateDescriptor};
use crate::types::{Result, Schema};

/// Another operator, which takes the rows of its inputs in the order of their event times: what it holds is only what the
/// time at hand needs, whatever the length of the input, and none of it is late.
#[derive(Debug)]
pub(in crate::operators) struct InTimeOrder {
    operator: Arc<dyn PlannedOperator>,
    passes: Passes,
    inputs: usize,
}

impl InTimeOrder {
    /// Of an operator with `inputs` inputs.
    pub(in crate::operators) fn of<O: PlannedOperator + 'static>(
        operator: O,
        inputs: usize,
        passes: Passes,
    ) -> Arc<dyn PlannedOperator> {
        Arc::new(Self { operator: Arc::new(operator), passes, inputs })
    }
}

impl PlannedOperator for InTimeOrder {
    fn name(&self) -> &str {
        self.operator.name()
    }

    fn describe(&self) -> String {
        self.operator.describe()
    }

    fn output(&self) -> &Schema {
        self.operator.output()
    }

    fn side_outputs(&self) -> Vec<SideOutput> {
        self.operator.side_outputs()
    }

    fn exchange(&self, input: usize) -> Exchange {
        self.operator.exchange(input)
    }

    fn parallelism(&self) -> Option<usize> {
        self.operator.parallelism()
    }

    fn is_ordered(&self) -> bool {
        self.operator.is_ordered()
    }

    fn passes(&self, column: usize) -> Option<usize> {
        self.operator.passes(column)
    }

    fn keeps_event_times(&self) -> bool {
        self.operator.keeps_event_times()
    }

    fn gives(&self, inputs: &[ChangelogMode]) -> ChangelogMode {
        self.operator.gives(inputs)
    }

    fn needs(&self, input: usize, output: UpdateKind) -> UpdateKind {
        self.operator.needs(input, output)
    }

    fn tells_versions(&self) -> bool {
        self.operator.tells_versions()
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let Pruned { operator, inputs } = self.operator.prune(needed)?;
        let operator = Arc::new(Self { operator, passes: self.passes, inputs: self.inputs });
        Some(Pruned { operator, inputs })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        self.operator.states()
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        self.operator.operator_states()
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let operator = self.operator.create(context)?;
        Ok(Box::new(TimeOrdered::new(operator, self.inputs, self.passes, context)?))
    }
}
