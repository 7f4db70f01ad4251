//! The registries: everything that can be named in a statement, for whoever reads, plans, completes or explains one.

use super::{CommandSpec, ConnectorSpec, StageSpec, WindowCall, WindowFnSpec, Windows};
use crate::expr::Scope;
use crate::types::{Diagnostic, Spanned, nearest};

/// The registries of the layers above, which hand them down.
#[derive(Debug, Clone, Copy, Default)]
pub struct Registries {
    /// The stages of pipelines.
    pub stages: &'static [&'static StageSpec],
    /// The functions of the `window` stage.
    pub windows: &'static [&'static WindowFnSpec],
    /// The connectors.
    pub connectors: &'static [ConnectorSpec],
    /// The shell's commands, as far as they are typed.
    pub commands: &'static [CommandSpec],
}

impl Registries {
    /// The window function that `call` names, bound over the columns in scope.
    ///
    /// # Errors
    /// When there is none of that name, or its arguments do not fit.
    pub fn window(&self, call: &WindowCall, scope: &Scope<'_>) -> Result<Windows, Diagnostic> {
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
        (spec.bind)(call, scope).map_err(|error| error.or_at(name.span))
    }

    /// The connector called `name` that can be a source, or a sink.
    ///
    /// # Errors
    /// When there is none of that name, or it can't be that.
    pub fn connector(&self, name: &Spanned<String>, side: Side) -> Result<&'static ConnectorSpec, Diagnostic> {
        match self.find_connector(&name.node) {
            Some(spec) if side.fits(spec) => Ok(spec),
            Some(spec) => Err(Diagnostic::at(name.span, format!("the connector `{}` {}", spec.name, side.refusal()))
                .help(format!("connectors that can: {}", self.connector_names(side).join(", ")))),
            None => Err(unknown("connector", "the connectors are", name, &self.connector_names(side))),
        }
    }

    /// The connector called `name`.
    #[must_use]
    pub fn find_connector(&self, name: &str) -> Option<&'static ConnectorSpec> {
        self.connectors.iter().find(|spec| spec.name.eq_ignore_ascii_case(name))
    }

    /// The connectors that can be a source, or a sink.
    #[must_use]
    pub fn connector_names(&self, side: Side) -> Vec<&'static str> {
        self.connectors.iter().filter(|spec| side.fits(spec)).map(|spec| spec.name).collect()
    }
}

/// The error of a name that nothing has: the near name, or else all there are.
fn unknown(what: &str, they_are: &str, name: &Spanned<String>, known: &[&str]) -> Diagnostic {
    let error = Diagnostic::at(name.span, format!("there is no {what} `{}`", name.node));
    match nearest(&name.node, known.iter().copied()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help(format!("{they_are} {}", known.join(", "))),
    }
}

/// The end of a job that a connector is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The end where rows come from.
    Source,
    /// The end where rows go.
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
