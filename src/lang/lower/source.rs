//! `source name from connector …`.

use super::options::{self, read};
use super::settings::unused_dead_letter;
use crate::api::{EventTimeSpec, OnError, OptionSpec, OptionValue, Options, PlannedSource, Side, SourceRequest};
use crate::expr::{Scope, TypedExpr};
use crate::formats::CHANGE;
use crate::lang::ast::{ColumnDef, SourceStatement};
use crate::plan::{Catalog, Entry, Environment, PrimaryKey, SourceDef, check_name};
use crate::types::{Diagnostic, Field, LogicalType, Schema};

/// The options that every source takes besides its connector's.
pub const SOURCE_OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        name: "on_error",
        values: "'fail' | 'skip' | 'dead_letter'",
        help: "what becomes of a row that can't be read: the job fails (the default; a preview passes over it), it is counted and left out, or it is written to the dead letters",
    },
    OptionSpec {
        name: "dead_letter",
        values: "a path",
        help: "the directory for such rows; dead_letters/<source> by default",
    },
    OptionSpec {
        name: "row_kind",
        values: "a column",
        help: "with a primary key, the column that says what a row does: insert, update, delete, or +I, +U, -D, c, u, d",
    },
    OptionSpec {
        name: "pace",
        values: "'10x'",
        help: "rows flow by their event time, so many times faster than it happened; by default as fast as they are read",
    },
    OptionSpec {
        name: "idle_timeout",
        values: "a duration",
        help: "a reader without rows for so long no longer holds the watermark back; by default it does for ever",
    },
];

/// Defines a source; returns what had its name before.
///
/// # Errors
/// A name, connector, column, option or event time that does not fit, at its place, and what the connector finds.
pub fn define_source(
    catalog: &mut Catalog,
    statement: &SourceStatement,
    environment: &Environment,
) -> Result<Option<Entry>, Diagnostic> {
    check_name("source", &statement.name)?;
    let connector = environment.registries.connector(&statement.connector, Side::Source)?;
    let Some(make) = connector.source else {
        return Err(Diagnostic::at(statement.connector.span, "this connector can't be read from"));
    };
    if let (None, Some(target)) = (connector.target, &statement.target) {
        let message = format!("`{}` takes nothing in quotes", connector.name);
        return Err(Diagnostic::at(target.span, message));
    }
    let whose = format!("the source `{}`", connector.name);
    let typed = read(&statement.options, &whose, &[connector.options, SOURCE_OPTIONS])?;
    let source = make(&SourceRequest {
        name: statement.name.node.clone(),
        target: statement.target.clone(),
        columns: statement.columns.as_deref().map(columns).transpose()?,
        options: options::for_connector(&typed, connector),
        base_dir: environment.base_dir.clone(),
        span: statement.span,
    })
    .map_err(|error| error.or_at(statement.span))?;
    let event_time = event_time(&*source, statement, &typed)?;
    let primary_key = primary_key(&*source, statement, &typed)?;
    let pace = pace(&typed)?;
    if pace.is_some() && event_time.as_ref().is_none_or(|spec| spec.ingestion) {
        let error = Diagnostic::new("`pace` needs an event time").help("declare one: event_time COLUMN watermark 5s");
        return Err(options::placed(&typed, "pace", error));
    }
    let on_error = options::on_error(&typed)?;
    let dead_letter = typed.text("dead_letter")?.map(str::to_owned);
    if dead_letter.is_some() && on_error != Some(OnError::DeadLetter) {
        return Err(options::placed(&typed, "dead_letter", unused_dead_letter()));
    }
    let name = statement.name.node.clone();
    let base_dir = environment.base_dir.clone();
    let source = SourceDef { name, source, event_time, primary_key, pace, on_error, dead_letter, base_dir };
    Ok(catalog.define(Entry::Source(source)))
}

/// The columns by which rows replace one another, and the one that says what a row does.
fn primary_key(
    source: &dyn PlannedSource,
    statement: &SourceStatement,
    typed: &Options,
) -> Result<Option<PrimaryKey>, Diagnostic> {
    let kind = typed.text("row_kind")?;
    let Some(names) = &statement.primary_key else {
        let without = || Diagnostic::new("`row_kind` needs a primary key").help("say which: primary key (COLUMN)");
        return kind.map_or(Ok(None), |_| Err(options::placed(typed, "row_kind", without())));
    };
    let schema = source.schema();
    let kind = match kind {
        Some(name) => Some(kind_column(schema, name).map_err(|error| options::placed(typed, "row_kind", error))?),
        None => None,
    };
    if schema.names().enumerate().any(|(column, name)| name == CHANGE && kind != Some(column)) {
        let message = format!("`{CHANGE}` is the name of a change's kind: no column of a changelog can have it");
        let span = names.first().map_or(statement.span, |name| name.span);
        return Err(
            Diagnostic::at(span, message).help(format!("with (row_kind = '{CHANGE}'), if it says what a row does"))
        );
    }
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let Some(column) = schema.index_of(&name.node) else {
            return Err(Diagnostic::at(name.span, format!("there is no column `{}`", name.node))
                .did_you_mean(&name.node, schema.names()));
        };
        if Some(column) == kind || columns.contains(&column) {
            return Err(Diagnostic::at(name.span, format!("`{}` can't be part of the key", name.node))
                .help("a key has distinct columns, and not the one that says what a row does"));
        }
        columns.push(column);
    }
    Ok(Some(PrimaryKey { columns, kind }))
}

fn kind_column(schema: &Schema, name: &str) -> Result<usize, Diagnostic> {
    let Some(column) = schema.index_of(name) else {
        return Err(Diagnostic::new(format!("there is no column `{name}`")).did_you_mean(name, schema.names()));
    };
    if schema.fields()[column].ty != LogicalType::String {
        return Err(Diagnostic::new(format!("what a row does is said by a string, not by `{name}`")));
    }
    Ok(column)
}

fn columns(columns: &[ColumnDef]) -> Result<Schema, Diagnostic> {
    let mut fields: Vec<Field> = Vec::with_capacity(columns.len());
    let mut names = std::collections::BTreeSet::new();
    for column in columns {
        if !names.insert(column.name.node.as_str()) {
            let message = format!("the column `{}` is declared twice", column.name.node);
            return Err(Diagnostic::at(column.name.span, message));
        }
        let field = Field::new(column.name.node.clone(), column.ty.node.clone());
        fields.push(if column.nullable { field } else { field.not_null() });
    }
    Ok(Schema::new(fields))
}

/// The event time that the statement declares, or else the one that the source brings with it.
fn event_time(
    source: &dyn PlannedSource,
    statement: &SourceStatement,
    typed: &Options,
) -> Result<Option<EventTimeSpec>, Diagnostic> {
    let schema = source.schema();
    let idle_timeout_ms = options::positive_duration(typed, "idle_timeout")?;
    let spec = match &statement.event_time {
        Some(clause) => {
            let scope = Scope::named(Some(&statement.name), schema);
            let spec = EventTimeSpec::bind(&clause.time, clause.watermark.as_ref(), scope)?;
            Some(EventTimeSpec { align_ms: clause.align_ms, ..spec })
        }
        None => source.event_time().and_then(|(column, delay_ms)| {
            Some(EventTimeSpec::bounded(TypedExpr::column(column, schema.fields().get(column)?), delay_ms))
        }),
    };
    if idle_timeout_ms.is_some() && spec.is_none() {
        let error =
            Diagnostic::new("`idle_timeout` needs an event time").help("declare one: event_time COLUMN watermark 5s");
        return Err(options::placed(typed, "idle_timeout", error));
    }
    Ok(spec.map(|spec| EventTimeSpec { idle_timeout_ms, ..spec }))
}

/// `pace = '10x'`, also `'2.5x'`, or the number alone.
fn pace(typed: &Options) -> Result<Option<f64>, Diagnostic> {
    let Some(value) = typed.get("pace") else { return Ok(None) };
    let pace = match &value.node {
        OptionValue::Text(text) => {
            text.trim().strip_suffix(['x', 'X']).and_then(|number| number.trim_end().parse::<f64>().ok())
        }
        OptionValue::Integer(_) | OptionValue::Double(_) => typed.double("pace")?,
        OptionValue::Boolean(_) | OptionValue::Duration(_) | OptionValue::Expr(_) => None,
    };
    match pace {
        Some(pace) if pace.is_finite() && pace > 0.0 => Ok(Some(pace)),
        _ => Err(Diagnostic::at(value.span, "option `pace` takes how many times faster").help("such as '10x'")),
    }
}
