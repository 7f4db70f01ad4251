//! Sinks: `sink name to connector …`, and `into …`.

use std::sync::Arc;

use super::options::{self, Typed};
use crate::api::{ConnectorSpec, Options, PlannedOperator, Side, StreamShape};
use crate::lang::ast::SinkStatement;
use crate::plan::{Builder, Catalog, Entry, Environment, SinkDef, check_name};
use crate::types::{Diagnostic, Span, Spanned};

/// Defines a sink; returns what had its name before. Whether it can take a stream shows when one is sent there.
///
/// # Errors
/// A name, connector or option that does not fit, at its place.
pub fn define_sink(
    catalog: &mut Catalog,
    statement: &SinkStatement,
    environment: &Environment,
) -> Result<Option<Entry>, Diagnostic> {
    check_name("sink", &statement.name)?;
    let connector = environment.registries.connector(&statement.connector, Side::Sink)?;
    let options = sink_options(connector, statement.target.as_ref(), &statement.options)?;
    Ok(catalog.define(Entry::Sink(SinkDef {
        name: statement.name.node.clone(),
        connector: *connector,
        target: statement.target.clone(),
        options,
        base_dir: environment.base_dir.clone(),
    })))
}

fn sink_options(
    connector: &ConnectorSpec,
    target: Option<&Spanned<String>>,
    typed: &Typed,
) -> Result<Options, Diagnostic> {
    if let (None, Some(target)) = (connector.target, target) {
        return Err(Diagnostic::at(target.span, format!("`{}` takes nothing in quotes", connector.name)));
    }
    options::read(typed, &format!("the sink `{}`", connector.name), &[connector.options])
}

/// A sink as `into` names or spells it out.
pub(super) struct SinkArg<'a> {
    pub(super) name: &'a Spanned<String>,
    pub(super) target: Option<&'a Spanned<String>>,
    pub(super) options: &'a Typed,
}

/// Makes the sink for a stream of this shape; returns the name that it is written to by, too.
pub(super) fn resolve(
    builder: &Builder<'_>,
    sink: &SinkArg,
    shape: &StreamShape,
    span: Span,
) -> Result<(String, Arc<dyn PlannedOperator>), Diagnostic> {
    let name = sink.name;
    if sink.target.is_none()
        && let Some(def) = builder.defined_sink(name)?
    {
        if let Some((option, _)) = sink.options.first() {
            return Err(Diagnostic::at(option.span, format!("`{}` has its options already", def.name))
                .help(format!("they stand where it is defined: sink {} to … with (…)", def.name)));
        }
        // The places in its options are those of the statement that defined it, so an error is shown here.
        let inside = |error: Diagnostic| error.inside(&format!("sink `{}`", def.name), name.span);
        return Ok((def.name.clone(), builder.sink(def, shape, span).map_err(inside)?));
    }
    let registries = builder.environment().registries;
    if registries.find_connector(&name.node).is_none() {
        return Err(builder.unknown_sink(name, registries.connector_names(Side::Sink)));
    }
    let connector = registries.connector(name, Side::Sink)?;
    let options = sink_options(connector, sink.target, sink.options)?;
    let sink = SinkDef {
        name: connector.name.to_owned(),
        connector: *connector,
        target: sink.target.cloned(),
        options,
        base_dir: builder.environment().base_dir.clone(),
    };
    Ok((name.node.clone(), builder.sink(&sink, shape, span)?))
}
