//! `match (A B+) per k within 10m define A as …, B as … measures … after skip past last row`

use std::collections::HashSet;
use std::sync::Arc;

use super::bind::{Binder, expression};
use super::matcher::Skip;
use super::nfa::{self, Nfa};
use super::spec::{Column, MatchRecognize, Variable};
use crate::api::{Clause, Shape, Signature, StageArgs, StageContext, StageSpec};
use crate::operators::select::{columns, fresh_name, name_of, no_window};
use crate::types::{Diagnostic, Field, Schema};

const fn clause(keyword: &'static str, shape: Shape, help: &'static str) -> Clause {
    Clause { keyword, shape, required: false, help }
}

const PAST_LAST_ROW: &str = "after skip past last row";
const TO_NEXT_ROW: &str = "after skip to next row";
const TO_FIRST: &str = "after skip to first";
const TO_LAST: &str = "after skip to last";
const NO_SKIP: &str = "after no skip";

/// `match`
pub(in crate::operators) const MATCH: StageSpec = StageSpec {
    name: "match",
    aliases: &[],
    signature: Signature {
        head: &[Shape::Pattern],
        optional: &[],
        clauses: &[
            clause("per", Shape::Names, "the columns whose equal rows belong together"),
            clause("within", Shape::Duration, "the time in which all rows of a match lie"),
            clause("define", Shape::Definitions, "the condition of each variable; one without is any row"),
            clause("measures", Shape::Exprs { star: false }, "the columns of the result, behind the keys"),
            clause(PAST_LAST_ROW, Shape::Flag, "the next match begins behind this one; as without a word"),
            clause(TO_NEXT_ROW, Shape::Flag, "the next match may begin with the second row of this one"),
            clause(TO_FIRST, Shape::Name, "the next match may begin with the first row of this variable"),
            clause(TO_LAST, Shape::Name, "the next match may begin with the last row of this variable"),
            clause(NO_SKIP, Shape::Flag, "every match there is"),
            clause("timed_out to", Shape::Name, "the stream that takes partial matches whose time is over"),
            clause("late_to", Shape::Name, "the stream that takes rows that came too late"),
        ],
    },
    summary: "finds patterns of rows",
    help: "Looks for rows of a key that follow each other as the pattern says, in the order of their event times, and gives \
           one row for each match: the keys and the measures. `A B` is a row of A and directly behind it one of B; \
           `A -> B` skips what is no B in between, `A ->> B` skips any rows, so that every later B matches too. `B?`, \
           `B*`, `B+`, `B{2}`, `B{2,}`, `B{2,5}` say how often; each repetition is linked as the first one is (`A -> B{2}` is \
           `A -> B -> B`, and `-> A{2}` begins so). They take all they can: a row that can be one more is nothing else; \
           with a `?` behind (`B+?`) as few as possible. `A | B` is either, round brackets group. `not B` between two is: no \
           B directly behind (`A not B C`), or none on the way (`A -> not B -> C`); at the end with `within`, none in \
           time.\n\
           A condition in `define` reads its row; `A.price` is that of the last A so far, `first(A.price)`, \
           `last(A.price, 1)` of others, `avg(A.price)` of all, `prev(price)` of the row before, whichever it is. What \
           names no variable in `measures` is read of the last row, or of all. A row in which a condition fails is rejected. \
           Matches whose rows do not lie `within` a time are given up, and go to the `timed_out to` stream as far as they \
           came. A match waits while one that began earlier could still become one. Its event time is that of the row, or of \
           the end of time, that decided it. Without event time rows are matched as they come.",
    examples: &[
        "bids | match (LOW HIGH) per auction within 10s\n  \
           define LOW as price < 1000, HIGH as price > 10 * LOW.price\n  \
           measures LOW.price as low, HIGH.price as high;",
        "transactions | match (SMALL -> LARGE) per account within 1m\n  \
           define SMALL as amount < 1, LARGE as amount > 500\n  \
           measures SMALL.amount as small, LARGE.amount as large;",
        "bids | match (START UP+ DOWN) per bidder\n  \
           define UP as price > prev(price), DOWN as price < prev(price)\n  \
           measures last(UP.price) as top, count(UP.price) as steps;",
    ],
    flink: Some("MATCH_RECOGNIZE; CEP.pattern"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let shape = stream.shape().clone();
    if !shape.changelog.is_append() {
        return Err(Diagnostic::at(args.span, "a pattern over a stream of changes is not available")
            .help("match rows before they are aggregated"));
    }
    let keys = match args.clause_words("per")? {
        Some(names) => columns(names, &shape.schema)?,
        None => shape.keys.clone().unwrap_or_default(),
    };
    let pattern = args.pattern(0)?;
    let variables = nfa::variables(pattern).map_err(|error| *error)?;
    let mut binder = Binder {
        variables: &variables,
        input: &shape.schema,
        name: shape.name.as_ref(),
        previous: Vec::new(),
        numbered: false,
        own: None,
    };
    let conditions = conditions(args, &mut binder)?;
    let number = |name: &str| binder.variable(name).unwrap_or(0);
    let automaton = Nfa::compile(pattern, &number).map_err(|message| Diagnostic::at(args.span, message))?;
    let within_ms = args.clause_duration("within")?.map(|within| within.node);
    if within_ms == Some(0) {
        return Err(Diagnostic::at(args.span, "nothing lies within a time of 0"));
    }
    if within_ms.is_none() && automaton.ends_in_time() {
        return Err(Diagnostic::at(args.span, "this pattern ends with what may come at any time")
            .label("when would it be complete?")
            .help("say how long to wait: `within 10m`"));
    }
    let skip = skip(args, &binder)?;
    let mut fields: Vec<Field> = keys.iter().map(|&key| shape.schema.fields()[key].clone()).collect();
    let mut taken: HashSet<String> = fields.iter().map(|field| field.name.clone()).collect();
    let mut measures = Vec::new();
    binder.numbered = true;
    for (position, item) in args.clause_exprs("measures")?.into_iter().flatten().enumerate() {
        let item = expression(item)?;
        let (name, span) = name_of(item, position);
        let measure = binder.measure(item)?;
        fresh_name(&mut taken, &name, span)?;
        fields.push(Field { name, ty: measure.expr.ty().clone(), nullable: measure.expr.nullable() });
        measures.push(measure);
    }
    if fields.is_empty() {
        return Err(Diagnostic::at(args.span, "a match would have no columns")
            .help("say what to give of it: `measures A.price as price`"));
    }
    let previous = binder.previous;
    let (late_to, timed_out_to) = (args.clause_word("late_to")?.cloned(), args.clause_word("timed_out to")?.cloned());
    let of_keys = (0..keys.len()).map(Column::Key);
    let operator = MatchRecognize {
        pattern: nfa::show(pattern),
        nfa: automaton,
        variables: conditions,
        previous,
        columns: of_keys.chain((0..measures.len()).map(Column::Measure)).collect(),
        keys,
        within_ms,
        skip,
        event_time: shape.time.event_time,
        measures,
        late_to: late_to.clone(),
        timed_out_to: timed_out_to.clone(),
        input: shape.schema.clone(),
        output: Schema::new(fields),
    };
    stream.apply(Arc::new(operator));
    for (port, name) in late_to.iter().chain(&timed_out_to).enumerate() {
        stream.name_side_output(port, name)?;
    }
    Ok(())
}

fn conditions(args: &StageArgs, binder: &mut Binder<'_>) -> Result<Vec<Variable>, Diagnostic> {
    let any_row = |(name, _): &(String, bool)| Variable { name: name.clone(), row: None, with: None };
    let mut conditions: Vec<Variable> = binder.variables.iter().map(any_row).collect();
    let mut defined = HashSet::new();
    for item in args.clause_exprs("define")?.into_iter().flatten() {
        let item = expression(item)?;
        let Some(name) = &item.name else { continue };
        let Some(at) = binder.variable(&name.node) else {
            let known = binder.variables.iter().map(|(name, _)| name.as_str());
            return Err(Diagnostic::at(name.span, format!("`{}` does not stand in the pattern", name.node))
                .did_you_mean(&name.node, known));
        };
        if !defined.insert(at) {
            return Err(Diagnostic::at(name.span, format!("`{}` is defined twice", name.node)));
        }
        conditions[at] = binder.condition(at, &item.expr)?;
    }
    for (at, (name, of_rows)) in binder.variables.iter().enumerate() {
        if !of_rows && !defined.contains(&at) {
            return Err(Diagnostic::at(
                args.span,
                format!("`not {name}` would be true of no row: any row is `{name}`"),
            )
            .help(format!("say what it is: `define {name} as …`")));
        }
    }
    Ok(conditions)
}

fn skip(args: &StageArgs, binder: &Binder<'_>) -> Result<Skip, Diagnostic> {
    let all = [PAST_LAST_ROW, TO_NEXT_ROW, TO_FIRST, TO_LAST, NO_SKIP];
    let mut typed = args.clauses.iter().filter(|(keyword, _)| all.contains(&keyword.node));
    let Some((keyword, _)) = typed.next() else { return Ok(Skip::PastLastRow) };
    if let Some((second, _)) = typed.next() {
        return Err(
            Diagnostic::at(second.span, "what comes after a match is given twice").also(keyword.span, "here already")
        );
    }
    let variable = |word: &str| -> Result<usize, Diagnostic> {
        let Some(name) = args.clause_word(word)? else { return Ok(0) };
        let known = binder.variables.iter().filter(|(_, of_rows)| *of_rows).map(|(known, _)| known.as_str());
        binder.variable(&name.node).filter(|&at| binder.variables[at].1).ok_or_else(|| {
            Diagnostic::at(name.span, format!("no row of a match is `{}`", name.node)).did_you_mean(&name.node, known)
        })
    };
    Ok(match keyword.node {
        TO_NEXT_ROW => Skip::ToNextRow,
        TO_FIRST => Skip::ToFirst(variable(TO_FIRST)?),
        TO_LAST => Skip::ToLast(variable(TO_LAST)?),
        NO_SKIP => Skip::None,
        _ => Skip::PastLastRow,
    })
}
