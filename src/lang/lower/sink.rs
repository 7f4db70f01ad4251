//! Sinks: `sink name to connector …`, `into …`, and those that take dead letters.

use std::sync::Arc;

use super::environment::{Environment, Side};
use super::options::{self, Typed};
use crate::api::{ConnectorSpec, OptionValue, Options, PlannedOperator, SinkRequest, StreamShape, dead_letter_schema};
use crate::lang::ast::SinkStatement;
use crate::plan::{Catalog, Entry, SinkDef, check_name};
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

/// Makes the sink for a stream of this shape.
pub(super) fn resolve(
    catalog: &Catalog,
    environment: &Environment,
    sink: &SinkArg,
    shape: &StreamShape,
    span: Span,
) -> Result<Arc<dyn PlannedOperator>, Diagnostic> {
    let name = sink.name;
    let registries = &environment.registries;
    if sink.target.is_none()
        && let Some(entry) = catalog.get(&name.node)
    {
        return match entry {
            Entry::Sink(def) => {
                if let Some((option, _)) = sink.options.first() {
                    return Err(Diagnostic::at(option.span, format!("`{}` has its options already", def.name))
                        .help(format!("they stand where it is defined: sink {} to … with (…)", def.name)));
                }
                let make = Make { connector: &def.connector, name: &def.name, target: def.target.clone() };
                // The places in its options are those of the statement that defined it, so an error is shown here.
                make.operator(environment, def.options.clone(), shape, span).map_err(|error| Diagnostic {
                    message: format!("sink `{}`: {}", def.name, error.message),
                    span: Some(name.span),
                    label: None,
                    help: error.help,
                })
            }
            Entry::Source(_) | Entry::Stream(_) => Err(Diagnostic::at(
                name.span,
                format!("`{}` is a {}, and can't be written to", entry.name(), entry.kind()),
            )),
        };
    }
    if registries.find_connector(&name.node).is_none() {
        let connectors = registries.connector_names(Side::Sink);
        return Err(catalog.unknown("sink", name, |entry| matches!(entry, Entry::Sink(_)), connectors));
    }
    let connector = registries.connector(name, Side::Sink)?;
    let options = sink_options(connector, sink.target, sink.options)?;
    let make = Make { connector, name: connector.name, target: sink.target.cloned() };
    make.operator(environment, options, shape, span).map_err(|error| error.or_at(span))
}

/// The sink that writes rejected rows as JSON under the directory `path`.
pub(super) fn dead_letters(
    environment: &Environment,
    name: &str,
    path: String,
    span: Span,
) -> Result<Arc<dyn PlannedOperator>, Diagnostic> {
    let Some(connector) = environment.registries.find_connector("file") else {
        return Err(Diagnostic::at(span, "dead letters need the `file` connector"));
    };
    let shape = StreamShape::of(dead_letter_schema());
    let options = Options::new(vec![("format".into(), Spanned::new(OptionValue::Text("json".into()), span))]);
    let make = Make { connector, name, target: Some(Spanned::new(path, span)) };
    make.operator(environment, options, &shape, span).map_err(|error| error.or_at(span))
}

/// The sink that shows a preview.
pub(super) fn preview(
    environment: &Environment,
    shape: &StreamShape,
    span: Span,
) -> Result<Arc<dyn PlannedOperator>, Diagnostic> {
    let Some(connector) = environment.registries.find_connector("print") else {
        return Err(Diagnostic::at(span, "a preview needs the `print` connector"));
    };
    let make = Make { connector, name: "print", target: None };
    make.operator(environment, Options::default(), shape, span).map_err(|error| error.or_at(span))
}

struct Make<'a> {
    connector: &'a ConnectorSpec,
    name: &'a str,
    target: Option<Spanned<String>>,
}

impl Make<'_> {
    fn operator(
        self,
        environment: &Environment,
        options: Options,
        shape: &StreamShape,
        span: Span,
    ) -> Result<Arc<dyn PlannedOperator>, Diagnostic> {
        let Some(make) = self.connector.sink else {
            return Err(Diagnostic::at(span, format!("the connector `{}` can't be written to", self.connector.name)));
        };
        make(&SinkRequest {
            name: self.name.to_owned(),
            target: self.target,
            schema: shape.schema.clone(),
            changelog: shape.changelog.clone(),
            options,
            base_dir: environment.base_dir.clone(),
            results: environment.results.clone(),
            span,
        })
    }
}
