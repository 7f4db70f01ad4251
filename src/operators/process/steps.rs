//! From the actions of a handler to closures.

use std::fmt;

use arrow_array::{ArrayRef, RecordBatch};

use super::machine::Machine;
use super::program::{Act, BUILT_IN, Handler, Op, Program, Var};
use crate::api::On;
use crate::expr::rowwise::{Code, Column, Compiler, Fault, Get, Row, Scalar};
use crate::expr::{EvalContext, Evaluator, TypedExpr};
use crate::types::floats::canonical_column;
use crate::types::{Field, LogicalType, Result, Schema};

type Step = Box<dyn Fn(&mut Machine) -> Result<(), Fault> + Send>;

/// The actions of a block, each with its line.
type Block = Vec<(usize, Step)>;

/// A handler, compiled.
pub(super) struct Compiled {
    pub(super) on: On,
    /// The columns of its rows, [built-in](super::program::BUILT_IN) ones last.
    pub(super) columns: Schema,
    pub(super) locals: Vec<LogicalType>,
    /// Which of the [built-in](super::program::BUILT_IN) columns are read.
    pub(super) built_in: [bool; 4],
    /// What is evaluated a batch at a time.
    hoisted: Vec<(Evaluator, LogicalType)>,
    body: Block,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").field("on", &self.on).finish_non_exhaustive()
    }
}

impl Compiled {
    pub(super) fn new(handler: &Handler, program: &Program) -> Self {
        let mut types: Vec<LogicalType> = program.states.iter().map(|state| state.ty.clone()).collect();
        types.extend(handler.locals.iter().cloned());
        let mut builder = Builder { compiler: Compiler::new(program.first_column()), types };
        let body = builder.block(&handler.body);
        let hoisted = builder.compiler.into_hoisted();
        let first = handler.columns.len() - BUILT_IN.len();
        let reads = |column: usize| hoisted.iter().any(|expr| expr.columns().contains(&(first + column)));
        Self {
            built_in: std::array::from_fn(reads),
            on: handler.on.clone(),
            columns: handler.columns.clone(),
            locals: handler.locals.clone(),
            hoisted: hoisted.iter().map(|expr| (Evaluator::new(expr), expr.ty().clone())).collect(),
            body,
        }
    }

    /// Whether anything depends on the rows.
    pub(super) fn reads_rows(&self) -> bool {
        !self.hoisted.is_empty()
    }

    /// Evaluates what depends on the rows alone.
    pub(super) fn evaluate(&self, rows: &RecordBatch, now_ms: i64) -> Result<Vec<Column>> {
        let columns = self.hoisted.iter().map(|(expr, ty)| {
            let mut context = EvalContext::new(now_ms, "process");
            let values = expr.evaluate(rows, &mut context)?;
            Column::new(ty, values, context.errors)
        });
        columns.collect()
    }

    /// Runs on the row at hand.
    #[inline]
    pub(super) fn run(&self, machine: &mut Machine) -> Result<(), Fault> {
        run(&self.body, machine)
    }
}

#[inline]
fn run(block: &Block, machine: &mut Machine) -> Result<(), Fault> {
    for (line, step) in block {
        if let Err(fault) = step(machine) {
            return Err(fault.on_line(*line));
        }
    }
    Ok(())
}

struct Builder {
    compiler: Compiler,
    /// The types of states and variables.
    types: Vec<LogicalType>,
}

impl Builder {
    fn block(&mut self, acts: &[Act]) -> Block {
        acts.iter().map(|act| (act.line, self.step(&act.op))).collect()
    }

    fn code(&mut self, expr: &TypedExpr) -> Code<Machine> {
        self.compiler.code(expr)
    }

    fn condition(&mut self, expr: &TypedExpr) -> Get<Machine, bool> {
        if let Code::Bool(get) = self.code(expr) {
            return get;
        }
        // Binding has made it a boolean.
        Box::new(|_| Err(Fault::new("a condition of another type")))
    }

    fn step(&mut self, op: &Op) -> Step {
        match op {
            Op::Set(var, value) => set(*var, self.code(value)),
            Op::SetItem(var, index, value) => self.set_item(*var, index, value),
            Op::Push(var, value) => {
                let (var, value) = (*var, self.code(value));
                Box::new(move |machine| {
                    let value = value.scalar(machine)?;
                    machine.push(var, value);
                    Ok(())
                })
            }
            Op::Fold(var, added, by) => {
                let (first, next) = (set(*var, self.variable(*added)), set(*var, self.code(by)));
                let var = *var;
                Box::new(move |machine| if machine.is_set(var) { next(machine) } else { first(machine) })
            }
            Op::Accumulate(var, args, filter) => self.accumulate(*var, args, filter.as_ref()),
            Op::Clear(var) => {
                let var = *var;
                Box::new(move |machine| {
                    machine.clear(var);
                    Ok(())
                })
            }
            Op::ClearItem(var, index) => {
                let (var, index) = (*var, self.code(index));
                if matches!(self.types[var], LogicalType::Map(..)) {
                    return Box::new(move |machine| {
                        if let Some(key) = index.scalar(machine)?.key() {
                            machine.set_entry(var, key, None);
                        }
                        Ok(())
                    });
                }
                Box::new(move |machine| {
                    let Scalar::Int(index) = index.scalar(machine)? else {
                        return Err(Fault::new("the position of an item is null"));
                    };
                    machine.clear_item(var, index)
                })
            }
            Op::If(branches, otherwise) => {
                let mut bound: Vec<(Get<Machine, bool>, Block)> = Vec::with_capacity(branches.len());
                for (condition, body) in branches {
                    bound.push((self.condition(condition), self.block(body)));
                }
                let otherwise = self.block(otherwise);
                Box::new(move |machine| {
                    for (condition, body) in &bound {
                        if condition(machine)? == Some(true) {
                            return run(body, machine);
                        }
                    }
                    run(&otherwise, machine)
                })
            }
            Op::For(list, vars, of, body) => self.each(*list, vars, of, body),
            Op::While(condition, body) => {
                let (condition, body) = (self.condition(condition), self.block(body));
                Box::new(move |machine| {
                    while condition(machine)? == Some(true) {
                        machine.step()?;
                        run(&body, machine)?;
                    }
                    Ok(())
                })
            }
            Op::Emit(output, values) => {
                let (output, values) = (*output, values.iter().map(|value| self.code(value)).collect::<Vec<_>>());
                Box::new(move |machine| {
                    for (column, value) in values.iter().enumerate() {
                        let value = value.scalar(machine)?;
                        machine.outputs[output].push(column, value);
                    }
                    let (time, met) = (machine.emitted_at, machine.met);
                    machine.outputs[output].end_row(time, met);
                    Ok(())
                })
            }
            Op::Timer(name, event_time, at) => {
                let (name, event_time, at) = (*name, *event_time, self.code(at));
                Box::new(move |machine| {
                    let Scalar::Int(at) = at.scalar(machine)? else {
                        return Err(Fault::new("the time of the timer is null"));
                    };
                    machine.set_timer(name, event_time, at);
                    Ok(())
                })
            }
            Op::DeleteTimer(name) => {
                let name = *name;
                Box::new(move |machine| {
                    machine.delete_timers(name);
                    Ok(())
                })
            }
        }
    }

    fn variable(&mut self, var: Var) -> Code<Machine> {
        let field = Field::new("", self.types[var].clone());
        self.code(&TypedExpr::column(var, &field))
    }

    fn set_item(&mut self, var: Var, index: &TypedExpr, value: &TypedExpr) -> Step {
        let (index, value) = (self.code(index), self.code(value));
        if matches!(self.types[var], LogicalType::Map(..)) {
            return Box::new(move |machine| {
                let key = index.scalar(machine)?.key().ok_or_else(|| Fault::new("the key of a map is null"))?;
                let value = value.scalar(machine)?;
                machine.set_entry(var, key, Some(value));
                Ok(())
            });
        }
        Box::new(move |machine| {
            let Scalar::Int(index) = index.scalar(machine)? else {
                return Err(Fault::new("the position of an item is null"));
            };
            let value = value.scalar(machine)?;
            machine.set_item(var, index, value)
        })
    }

    fn accumulate(&mut self, var: Var, args: &[TypedExpr], filter: Option<&TypedExpr>) -> Step {
        let args: Vec<(Code<Machine>, LogicalType)> =
            args.iter().map(|arg| (self.code(arg), arg.ty().clone())).collect();
        let filter = filter.map(|filter| self.condition(filter));
        Box::new(move |machine| {
            if let Some(filter) = &filter
                && filter(machine)? != Some(true)
            {
                return Ok(());
            }
            let args = args.iter().map(|(arg, ty)| Ok(canonical_column(&arg.array(machine, ty)?)));
            let args = args.collect::<Result<Vec<ArrayRef>, Fault>>()?;
            machine.accumulate(var, &args)
        })
    }

    fn each(&mut self, list: Var, vars: &[Var], of: &TypedExpr, body: &[Act]) -> Step {
        let (put, vars) = (set(list, self.code(of)), vars.to_vec());
        let is_map = matches!(of.ty(), LogicalType::Map(..));
        let body = self.block(body);
        Box::new(move |machine| {
            put(machine)?;
            if is_map {
                for (key, value) in machine.entries(list) {
                    machine.step()?;
                    machine.assign(vars[0], key.scalar())?;
                    if let Some(&var) = vars.get(1) {
                        machine.assign(var, value)?;
                    }
                    run(&body, machine)?;
                }
                return Ok(());
            }
            for index in 1.. {
                let Some((items, at)) = machine.item(list, index) else { break };
                let value = items.get(at);
                machine.step()?;
                machine.assign(vars[0], value)?;
                run(&body, machine)?;
            }
            Ok(())
        })
    }
}

/// Sets a state or variable.
fn set(var: Var, code: Code<Machine>) -> Step {
    match code {
        Code::Int(get) => Box::new(move |machine| {
            let value = get(machine)?;
            machine.put(var, value.map_or(Scalar::Null, Scalar::Int));
            Ok(())
        }),
        Code::Any(get) => Box::new(move |machine| {
            let value = get(machine)?;
            machine.put_array(var, &value)
        }),
        code @ (Code::Bool(_) | Code::Float(_) | Code::Wide(_) | Code::Text(_)) => Box::new(move |machine| {
            let value = code.scalar(machine)?;
            machine.put(var, value);
            Ok(())
        }),
    }
}
