//! What lowering is handed: the registries of the layers it may not import, and where the shell runs.

use std::path::PathBuf;
use std::sync::Arc;

use crate::api::{ConnectorSpec, ResultSink, StageSpec, WindowAssigner, WindowCall, WindowFnSpec};
use crate::plan::OptimizerOps;
use crate::types::{Diagnostic, Spanned, nearest};

/// The registries.
#[derive(Clone, Copy)]
pub struct Registries<'a> {
    /// The stages of pipelines.
    pub stages: &'a [&'a StageSpec],
    /// The functions of the `window` stage.
    pub windows: &'a [&'a WindowFnSpec],
    /// The connectors.
    pub connectors: &'a [ConnectorSpec],
    /// Names of stages that the language has and this build does not.
    pub planned_stages: &'a [&'a str],
    /// Makes the optimizer's operators.
    pub optimizer: OptimizerOps,
}

/// Everything that lowering needs besides the catalog.
#[derive(Clone)]
pub struct Environment<'a> {
    /// The registries.
    pub registries: Registries<'a>,
    /// Relative paths start here.
    pub base_dir: PathBuf,
    /// Where rows for the person at the terminal go.
    pub results: Arc<dyn ResultSink>,
}

impl<'a> Registries<'a> {
    /// The stage called `name`, by its name or an alias.
    pub(super) fn stage(&self, name: &Spanned<String>) -> Result<&'a StageSpec, Diagnostic> {
        let called = |spec: &&StageSpec| {
            std::iter::once(&spec.name).chain(spec.aliases).any(|known| known.eq_ignore_ascii_case(&name.node))
        };
        if let Some(&spec) = self.stages.iter().find(|spec| called(spec)) {
            return Ok(spec);
        }
        if let Some(planned) = self.planned_stages.iter().find(|planned| planned.eq_ignore_ascii_case(&name.node)) {
            return Err(Diagnostic::at(name.span, format!("the stage `{planned}` is not there yet")));
        }
        let known = self.stages.iter().flat_map(|spec| std::iter::once(&spec.name).chain(spec.aliases));
        Err(Diagnostic::at(name.span, format!("unknown stage `{}`", name.node))
            .did_you_mean(&name.node, known.copied()))
    }

    /// The window function that `call` names, bound.
    pub(super) fn window(&self, call: &WindowCall) -> Result<Arc<dyn WindowAssigner>, Diagnostic> {
        let name = &call.name;
        let found = self.windows.iter().find(|spec| spec.name.eq_ignore_ascii_case(&name.node));
        let Some(spec) = found else {
            return Err(unknown(
                "window",
                "the windows are",
                name,
                &self.windows.iter().map(|spec| spec.name).collect::<Vec<_>>(),
            ));
        };
        (spec.bind)(call).map_err(|error| error.or_at(name.span))
    }

    /// The connector called `name` that can be a source, or a sink.
    pub(super) fn connector(&self, name: &Spanned<String>, side: Side) -> Result<&'a ConnectorSpec, Diagnostic> {
        match self.find_connector(&name.node) {
            Some(spec) if side.fits(spec) => Ok(spec),
            Some(spec) => Err(Diagnostic::at(name.span, format!("the connector `{}` {}", spec.name, side.refusal()))
                .help(format!("those that can are {}", self.connector_names(side).join(", ")))),
            None => Err(unknown("connector", "the connectors are", name, &self.connector_names(side))),
        }
    }

    pub(super) fn find_connector(&self, name: &str) -> Option<&'a ConnectorSpec> {
        self.connectors.iter().find(|spec| spec.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn connector_names(&self, side: Side) -> Vec<&'static str> {
        self.connectors.iter().filter(|spec| side.fits(spec)).map(|spec| spec.name).collect()
    }
}

/// The error of a name that nothing has: the near name, or else all there are.
fn unknown(what: &str, they_are: &str, name: &Spanned<String>, known: &[&str]) -> Diagnostic {
    let error = Diagnostic::at(name.span, format!("unknown {what} `{}`", name.node));
    match nearest(&name.node, known.iter().copied()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help(format!("{they_are} {}", known.join(", "))),
    }
}

/// The end of a job that a connector is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Sink,
}

impl Side {
    fn fits(self, spec: &ConnectorSpec) -> bool {
        match self {
            Self::Source => spec.source.is_some(),
            Self::Sink => spec.sink.is_some(),
        }
    }

    const fn refusal(self) -> &'static str {
        match self {
            Self::Source => "can't be read from",
            Self::Sink => "can't be written to",
        }
    }
}
