//! The pattern match as the plan holds it.

use std::fmt::Write;
use std::sync::Arc;

use super::matcher::Skip;
use super::operator::MatchOperator;
use super::spec::{Column, MatchRecognize, Variable, WATERMARK};
use crate::api::show_duration;
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned, SideOutput};
use crate::expr::TypedExpr;
use crate::operators::aggregates::{describe_outputs, names};
use crate::operators::batch::{InTimeOrder, Passes};
use crate::state::{OperatorStateDescriptor, StateDescriptor};
use crate::types::{Result, Schema};

impl PlannedOperator for MatchRecognize {
    fn name(&self) -> &'static str {
        "Match"
    }

    fn describe(&self) -> String {
        let mut text = String::new();
        if !self.keys.is_empty() {
            text = format!("keys=[{}], ", names(&self.input, &self.keys));
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "pattern={}", self.pattern);
        if let Some(within_ms) = self.within_ms {
            let _ = write!(text, ", within={}", show_duration(within_ms));
        }
        let conditions: Vec<String> = self.variables.iter().filter_map(condition).collect();
        if !conditions.is_empty() {
            let _ = write!(text, ", define=[{}]", conditions.join(", "));
        }
        let variable = |at: usize| &self.variables[at].name;
        let _ = match self.skip {
            Skip::PastLastRow => write!(text, ", after=skip past last row"),
            Skip::ToNextRow => write!(text, ", after=skip to next row"),
            Skip::ToFirst(at) => write!(text, ", after=skip to first {}", variable(at)),
            Skip::ToLast(at) => write!(text, ", after=skip to last {}", variable(at)),
            Skip::None => write!(text, ", after=no skip"),
        };
        for (word, to) in [("late_to", &self.late_to), ("timed_out_to", &self.timed_out_to)] {
            if let Some(to) = to {
                let _ = write!(text, ", {word}={}", to.node);
            }
        }
        let measures = describe_outputs(&self.output, |index| match self.columns.get(index) {
            Some(Column::Measure(at)) => Some(shown(&self.measures[*at].expr)),
            Some(Column::Key(_)) | None => None,
        });
        let _ = write!(text, ", select=[{measures}]");
        text
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn side_outputs(&self) -> Vec<SideOutput> {
        let late = self.late_to.iter().map(|name| (name, &self.input));
        let timed_out = self.timed_out_to.iter().map(|name| (name, &self.output));
        let output = |(name, schema): (&crate::types::Spanned<String>, &Schema)| SideOutput {
            name: name.node.clone(),
            schema: schema.clone(),
        };
        late.chain(timed_out).map(output).collect()
    }

    fn exchange(&self, _input: usize) -> Exchange {
        if self.keys.is_empty() { Exchange::Global } else { Exchange::Hash(self.keys.clone()) }
    }

    fn parallelism(&self) -> Option<usize> {
        self.keys.is_empty().then_some(1)
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        ChangelogMode::Append
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        // Partial matches have the same columns, and who reads them is not asked.
        if self.timed_out_to.is_some() && needed.len() != self.columns.len() {
            return None;
        }
        let (operator, inputs) = self.narrowed(needed)?;
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        let rows = [self.waiting_rows().descriptor(), self.matched_rows().descriptor()];
        rows.into_iter().chain([self.partial_matches()]).chain(self.match_numbers()).collect()
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        vec![WATERMARK]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(MatchOperator::new(self, context)?))
    }

    fn for_batch(&self) -> Option<Arc<dyn PlannedOperator>> {
        Some(InTimeOrder::of(self.clone(), 1, Passes::ByBatch))
    }
}

/// `A as price > 10`
fn condition(variable: &Variable) -> Option<String> {
    let parts = [variable.row.as_ref(), variable.with.as_ref().map(|with| &with.expr)];
    let parts: Vec<String> = parts.into_iter().flatten().map(shown).collect();
    (!parts.is_empty()).then(|| format!("{} as {}", variable.name, parts.join(" and ")))
}

/// What is read of the match stands in columns that are called as it was typed.
fn shown(expr: &TypedExpr) -> String {
    expr.to_string().replace('`', "")
}
