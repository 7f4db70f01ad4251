//! `to_changelog op` and `from_changelog op`: changes as rows with a column that says what they are, and back.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, StringArray};

use super::distinct::Distinct;
use super::options::StageOptions;
use super::rows::reject_failed;
use super::select::{columns, no_window};
use crate::api::{
    ChangelogMode, Clause, Exchange, Operator, OperatorContext, Output, PlannedOperator, Pruned, Shape, Signature,
    StageArgs, StageContext, StageSpec, UpdateKind,
};
use crate::expr::RowError;
use crate::types::{Batch, Diagnostic, Field, LogicalType, Result, RowKind, Schema, Span, Spanned};

const WITH: Clause = Clause {
    keyword: "with",
    shape: Shape::Options,
    required: false,
    help: "insert, update_before, update_after, delete: what the column says of each",
};

/// `to_changelog`
pub(super) const TO_CHANGELOG: StageSpec = StageSpec {
    name: "to_changelog",
    aliases: &[],
    signature: Signature { head: &[], optional: &[Shape::Name], clauses: &[WITH] },
    summary: "makes rows of changes, with a column that says what each is",
    help: "The first column, `op` unless another name is given, is INSERT, UPDATE_BEFORE, UPDATE_AFTER or DELETE; then come \
           the row's own. The result is a stream of rows that stay, for sinks and stages that take no changes. With options \
           the column has those texts, and changes that none is given for are left out: `with (insert = 'false', \
           update_after = 'false', delete = 'true')`.",
    examples: &["bids | key_by auction | aggregate count(*) as n | to_changelog;"],
    flink: Some("TO_CHANGELOG"),
    bind: bind_to,
};

/// `from_changelog`
pub(super) const FROM_CHANGELOG: StageSpec = StageSpec {
    name: "from_changelog",
    aliases: &[],
    signature: Signature { head: &[], optional: &[Shape::Name], clauses: &[WITH] },
    summary: "takes rows as changes, as one of their columns says",
    help: "The column, `op` unless another is named, says INSERT, UPDATE_BEFORE, UPDATE_AFTER or DELETE, or what the options \
           say; an option may list several texts: `with (insert = 'c, r', update_after = 'u', delete = 'd')`. It leaves the \
           row. A row whose column says anything else is rejected. Behind `key_by` there is one row at a time of each key; \
           then updates may come without the old row, which is looked up.",
    examples: &["stream counts = bids | key_by auction | aggregate count(*) as n | to_changelog;\n\
         counts | key_by auction | from_changelog | aggregate max(n) as most;"],
    flink: Some("FROM_CHANGELOG"),
    bind: bind_from,
};

/// The option of each kind of change and what Flink calls it, by [`RowKind`].
const KINDS: [(&str, &str); 4] =
    [("insert", "INSERT"), ("update_before", "UPDATE_BEFORE"), ("update_after", "UPDATE_AFTER"), ("delete", "DELETE")];
const OPTIONS: &[&str] = &["insert", "update_before", "update_after", "delete"];
const COLUMN: &str = "op";

/// The texts that stand for each kind of change, as typed.
fn typed_kinds<'a>(args: &'a StageArgs) -> Result<Option<[Option<Spanned<&'a str>>; 4]>, Diagnostic> {
    let options = StageOptions::of(args, OPTIONS)?;
    let mut texts: [Option<Spanned<&'a str>>; 4] = [None, None, None, None];
    for (text, (option, _)) in texts.iter_mut().zip(KINDS) {
        *text = options.text(option)?;
    }
    Ok(texts.iter().any(Option::is_some).then_some(texts))
}

fn bind_to(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let shape = stream.shape().clone();
    let name = if args.head.is_empty() { COLUMN } else { args.word(0)?.node.as_str() };
    if shape.schema.index_of(name).is_some() {
        let message = format!("there is a column `{name}` already");
        return Err(Diagnostic::at(args.span, message).help("give the kind of change another: `to_changelog kind`"));
    }
    let texts = match typed_kinds(args)? {
        Some(typed) => typed.map(|text| text.map(|text| text.node.to_owned())),
        None => KINDS.map(|(_, name)| Some(name.to_owned())),
    };
    let op = Field::new(name, LogicalType::String).not_null();
    let output = Schema::new(std::iter::once(op).chain(shape.schema.fields().iter().cloned()).collect::<Vec<_>>());
    let columns = (0..output.len()).map(|column| column.checked_sub(1)).collect();
    stream.apply(Arc::new(ToChangelog { texts, columns, output }));
    stream.shape_mut().keys = shape.keys.map(|keys| keys.into_iter().map(|key| key + 1).collect());
    Ok(())
}

/// Says in a column which change each row is: Flink's `TO_CHANGELOG`.
#[derive(Debug, Clone)]
struct ToChangelog {
    /// What the column says, by [`RowKind`]; changes without are left out.
    texts: [Option<String>; 4],
    /// The input column that each column is; `None` for the kind.
    columns: Vec<Option<usize>>,
    output: Schema,
}

impl PlannedOperator for ToChangelog {
    fn name(&self) -> &'static str {
        "ToChangelog"
    }

    fn describe(&self) -> String {
        let kinds =
            self.texts.iter().zip(KINDS).filter_map(|(text, (_, kind))| Some(format!("{kind}='{}'", text.as_ref()?)));
        kinds.collect::<Vec<_>>().join(", ")
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn passes(&self, column: usize) -> Option<usize> {
        self.columns.get(column).copied().flatten()
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        ChangelogMode::Append
    }

    fn needs(&self, _input: usize, _output: UpdateKind) -> UpdateKind {
        if self.texts[RowKind::UpdateBefore as usize].is_some() {
            UpdateKind::BeforeAndAfter
        } else {
            UpdateKind::OnlyAfter
        }
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let columns: Vec<Option<usize>> = needed.iter().map(|&index| self.columns[index]).collect();
        let inputs: Vec<usize> = columns.iter().flatten().copied().collect();
        let moved = |column: &Option<usize>| column.and_then(|column| inputs.binary_search(&column).ok());
        let columns = columns.iter().map(moved).collect();
        let operator = Self { texts: self.texts.clone(), columns, output: self.output.project(needed) };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(ToChangelogOperator(self.clone())))
    }
}

struct ToChangelogOperator(ToChangelog);

impl Operator for ToChangelogOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let ToChangelog { texts, columns, output } = &self.0;
        let text = |row: usize| texts[batch.kind(row) as usize].as_deref();
        let ops: StringArray = (0..batch.rows()).map(text).collect();
        let keep: BooleanArray = (0..batch.rows()).map(|row| Some(ops.is_valid(row))).collect();
        let ops: ArrayRef = Arc::new(ops);
        let column = |column: &Option<usize>| column.map_or_else(|| ops.clone(), |column| batch.column(column).clone());
        let kept = keep.true_count();
        // What is left out has no kind, so the column is checked when it is gone.
        let columns: Vec<ArrayRef> =
            columns.iter().map(|of| arrow_select::filter::filter(&column(of), &keep)).collect::<Result<_, _>>()?;
        if kept == 0 {
            return Ok(());
        }
        let times =
            batch.times().iter().enumerate().filter(|(row, _)| keep.value(*row)).map(|(_, &time)| time).collect();
        out.batch(Batch::new(output.record_batch(columns, kept)?, times))
    }
}

fn bind_from(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let shape = stream.shape().clone();
    if !shape.changelog.is_append() {
        return Err(Diagnostic::at(args.name.span, "the rows of this stream are changes already"));
    }
    let name =
        if args.head.is_empty() { Spanned::new(COLUMN.to_owned(), args.name.span) } else { args.word(0)?.clone() };
    let op = columns(std::slice::from_ref(&name), &shape.schema)?[0];
    let field = &shape.schema.fields()[op];
    if field.ty != LogicalType::String {
        let message = format!("`{}` is of type {}: the kind of a change is a text", field.name, field.ty);
        return Err(Diagnostic::at(name.span, message));
    }
    let kinds = from_kinds(args)?;
    let has = |kind: RowKind| kinds.iter().any(|(_, of)| *of == kind);
    let keys = shape.keys.clone();
    if keys.as_ref().is_some_and(|keys| keys.contains(&op)) {
        return Err(Diagnostic::at(args.span, format!("the kind of change, `{}`, can't be a key", field.name)));
    }
    let upsert = has(RowKind::UpdateAfter) && !has(RowKind::UpdateBefore);
    if upsert && keys.is_none() {
        return Err(Diagnostic::at(args.span, "an update without the old row does not say which row it replaces")
            .help("`key_by` before it says of which columns there is one row at a time"));
    }
    let kept: Vec<usize> = (0..shape.schema.len()).filter(|&column| column != op).collect();
    let now = |key: usize| key - usize::from(key > op);
    let operator =
        FromChangelog { op, kinds, keys: keys.clone(), upsert, output: shape.schema.project(&kept), columns: kept };
    stream.apply(Arc::new(operator));
    let keys = keys.map(|keys| keys.into_iter().map(now).collect::<Vec<_>>());
    if upsert && let Some(keys) = &keys {
        let schema = stream.shape().schema.clone();
        let ttl_ms = stream.state_ttl_ms();
        stream.apply(Arc::new(Distinct::normalize(&schema, keys.clone(), ttl_ms)));
    }
    stream.shape_mut().keys = keys;
    Ok(())
}

/// The texts of each kind of change.
fn from_kinds(args: &StageArgs) -> Result<Vec<(String, RowKind)>, Diagnostic> {
    let all = [RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter, RowKind::Delete];
    let Some(typed) = typed_kinds(args)? else {
        return Ok(KINDS.iter().zip(all).map(|((_, name), kind)| ((*name).to_owned(), kind)).collect());
    };
    let mut kinds: Vec<(String, RowKind)> = Vec::new();
    let twice = |text: &str, span: Span| Diagnostic::at(span, format!("'{text}' stands for two kinds of change"));
    for (typed, kind) in typed.iter().zip(all) {
        let Some(Spanned { node, span }) = typed else { continue };
        for text in node.split(',').map(str::trim) {
            if kinds.iter().any(|(known, _)| known == text) {
                return Err(twice(text, *span));
            }
            kinds.push((text.to_owned(), kind));
        }
    }
    Ok(kinds)
}

/// Takes rows as the changes that a column says they are: Flink's `FROM_CHANGELOG`.
#[derive(Debug, Clone)]
struct FromChangelog {
    op: usize,
    kinds: Vec<(String, RowKind)>,
    /// The input columns of which one row is valid at a time.
    keys: Option<Vec<usize>>,
    /// Whether updates come without the old row.
    upsert: bool,
    /// The input columns that leave.
    columns: Vec<usize>,
    output: Schema,
}

impl PlannedOperator for FromChangelog {
    fn name(&self) -> &'static str {
        "FromChangelog"
    }

    fn describe(&self) -> String {
        let kinds = self.kinds.iter().map(|(text, kind)| format!("'{text}'={}", KINDS[*kind as usize].1));
        kinds.collect::<Vec<_>>().join(", ")
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn exchange(&self, _input: usize) -> Exchange {
        self.keys.clone().map_or(Exchange::Forward, Exchange::Hash)
    }

    fn passes(&self, column: usize) -> Option<usize> {
        self.columns.get(column).copied()
    }

    fn tells_versions(&self) -> bool {
        true
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        let place = |key: &usize| self.columns.iter().position(|column| column == key);
        let keys = self.keys.as_ref().and_then(|keys| keys.iter().map(place).collect());
        match keys {
            Some(keys) if self.upsert => ChangelogMode::Upsert(keys),
            keys => ChangelogMode::Retract(keys),
        }
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let columns: Vec<usize> = needed.iter().map(|&index| self.columns[index]).collect();
        let keys = self.keys.iter().flatten();
        let mut inputs: Vec<usize> = columns.iter().chain(keys).copied().chain([self.op]).collect();
        inputs.sort_unstable();
        inputs.dedup();
        let moved = |column: &usize| inputs.binary_search(column).unwrap_or(*column);
        let operator = Self {
            op: moved(&self.op),
            keys: self.keys.as_ref().map(|keys| keys.iter().map(moved).collect()),
            columns: columns.iter().map(moved).collect(),
            output: self.output.project(needed),
            ..self.clone()
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let place = context.place();
        Ok(Box::new(FromChangelogOperator { plan: self.clone(), place }))
    }
}

struct FromChangelogOperator {
    plan: FromChangelog,
    place: String,
}

impl FromChangelogOperator {
    /// The kind of each row; those that say none are errors.
    fn kinds(&self, batch: &Batch) -> (Vec<i8>, Vec<RowError>) {
        let ops = batch.column(self.plan.op).as_string::<i32>();
        let mut errors = Vec::new();
        let kinds = (0..ops.len()).map(|row| {
            let text = ops.is_valid(row).then(|| ops.value(row));
            let known = self.plan.kinds.iter().find(|(known, _)| Some(known.as_str()) == text);
            if known.is_none() {
                let shown = text.map_or_else(|| "null".to_owned(), |text| format!("'{text}'"));
                errors.push(RowError { row, message: format!("{shown} is no kind of change") });
            }
            known.map_or(0, |(_, kind)| *kind as i8)
        });
        (kinds.collect(), errors)
    }
}

impl Operator for FromChangelogOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let (mut kinds, errors) = self.kinds(&batch);
        let mut batch = batch;
        if !errors.is_empty() {
            batch = reject_failed(&batch, &errors, &self.place, out)?;
            (kinds, _) = self.kinds(&batch);
        }
        if batch.is_empty() {
            return Ok(());
        }
        let columns = self.plan.columns.iter().map(|&column| batch.column(column).clone()).collect();
        out.batch(batch.with_columns(self.plan.output.arrow().clone(), columns)?.with_kinds(Some(kinds.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Arg;
    use crate::expr::ast::{Expr, Literal};
    use crate::operators::testing::{FakeStream, Values, at, batch, names, run};

    fn with(options: &[(&str, &str)]) -> Vec<(&'static str, Arg)> {
        let text = |text: &str| at(Expr::Literal(Literal::String(text.to_owned())));
        let options = options.iter().map(|(name, value)| (at((*name).to_owned()), text(value))).collect();
        vec![("with", Arg::Options(options))]
    }

    fn changes() -> (Schema, Batch) {
        let (schema, rows) = batch(vec![("k", Values::ints([1, 1, 1, 1])), ("n", Values::ints([1, 1, 2, 2]))]);
        (schema, rows.with_times(vec![1, 2, 3, 4].into()).with_kinds(Some(vec![0, 1, 2, 3].into())))
    }

    #[test]
    fn changes_become_rows_that_stay_and_rows_become_changes_again() {
        let (schema, input) = changes();
        let mut stream = FakeStream::new(&schema);
        stream.shape.changelog = ChangelogMode::Retract(Some(vec![0]));
        stream.shape.keys = Some(vec![0]);
        stream.stage("to_changelog", vec![], vec![]).expect("binds");
        assert!(stream.shape.changelog.is_append());
        assert_eq!(stream.shape.keys, Some(vec![1]));
        let out = run(stream.last(), vec![input.clone()]);
        assert_eq!(out.elements, ["INSERT|1|1 @1", "UPDATE_BEFORE|1|1 @2", "UPDATE_AFTER|1|2 @3", "DELETE|1|2 @4"]);
        stream.stage("from_changelog", vec![], vec![]).expect("binds");
        assert_eq!(stream.shape.changelog, ChangelogMode::Retract(Some(vec![0])));
        let back = run(stream.last(), out.batches);
        assert_eq!(back.elements, ["+I 1|1 @1", "-U 1|1 @2", "+U 1|2 @3", "-D 1|2 @4"]);
        let pruned = stream.last().prune(&[1]).expect("narrows");
        assert_eq!(pruned.inputs, [vec![0, 1, 2]], "the kind and the key are read all the same");
        let pruned = stream.applied[0].prune(&[2]).expect("narrows");
        assert_eq!((pruned.inputs, pruned.operator.output().to_string()), (vec![vec![1]], "(n bigint)".to_owned()));
    }

    #[test]
    fn kinds_that_no_text_is_given_for_are_left_out() {
        let (schema, input) = changes();
        let mut stream = FakeStream::new(&schema);
        stream.shape.changelog = ChangelogMode::Retract(Some(vec![0]));
        let kinds = with(&[("insert", "no"), ("update_after", "no"), ("delete", "yes")]);
        stream.stage("to_changelog", vec![Arg::Name(at("deleted".to_owned()))], kinds).expect("binds");
        assert_eq!(stream.last().needs(0, UpdateKind::BeforeAndAfter), UpdateKind::OnlyAfter);
        assert_eq!(stream.shape.schema.to_string(), "(deleted string not null, k bigint, n bigint)");
        assert_eq!(run(stream.last(), vec![input]).elements, ["no|1|1 @1", "no|1|2 @3", "yes|1|2 @4"]);
    }

    #[test]
    fn updates_without_the_old_row_find_it_by_the_key() {
        let (schema, input) = batch(vec![
            ("op", Values::Text(vec![Some("c"), Some("u"), Some("r"), Some("d"), Some("x"), None])),
            ("k", Values::ints([1, 1, 2, 1, 1, 1])),
            ("n", Values::ints([5, 6, 7, 0, 8, 9])),
        ]);
        let kinds = || with(&[("insert", "c, r"), ("update_after", "u"), ("delete", "d")]);
        let mut stream = FakeStream::new(&schema);
        let refused = stream.stage("from_changelog", vec![], kinds()).expect_err("is refused");
        assert!(refused.to_string().contains("`key_by` before it"), "{refused}");
        stream.stage("key_by", vec![names(&["k"])], vec![]).expect("binds");
        stream.stage("from_changelog", vec![], kinds()).expect("binds");
        assert_eq!(stream.applied[0].gives(&[]), ChangelogMode::Upsert(vec![0]));
        assert_eq!(stream.shape.changelog, ChangelogMode::Retract(Some(vec![0])));
        let changes = run(&*stream.applied[0], vec![input]);
        assert_eq!(changes.elements, ["+I 1|5", "+U 1|6", "+I 2|7", "-D 1|0"]);
        let messages: Vec<&str> = changes.rejected.iter().map(|rejected| rejected.message.as_str()).collect();
        assert_eq!(messages, ["'x' is no kind of change", "null is no kind of change"]);
        let told = run(stream.last(), changes.batches).elements;
        assert_eq!(told, ["+I 1|5", "-U 1|5", "+U 1|6", "+I 2|7", "-D 1|6"]);
    }

    #[test]
    fn mistakes_are_told() {
        let (schema, _) = batch(vec![("op", Values::Text(vec![])), ("n", Values::ints([]))]);
        let refused = |stage: &str, head: Vec<Arg>, clauses| {
            FakeStream::new(&schema).stage(stage, head, clauses).expect_err("is refused").to_string()
        };
        let name = |name: &str| vec![Arg::Name(at(name.to_owned()))];
        assert!(refused("to_changelog", vec![], vec![]).starts_with("there is a column `op` already"));
        assert!(refused("from_changelog", name("n"), vec![]).contains("is a text"));
        assert!(refused("from_changelog", name("o"), vec![]).contains("there is no column `o`"));
        let twice = refused("from_changelog", vec![], with(&[("insert", "a"), ("delete", "b, a")]));
        assert_eq!(twice, "'a' stands for two kinds of change");
    }
}
