//! The sinks of rows: those of the catalog and others, the screen, and the sinks of rows that were rejected.

use std::path::Path;
use std::sync::Arc;

use super::{Builder, Named, Place, uid_of, unusable};
use crate::api::{
    ConnectorSpec, OnError, OptionValue, Options, PlannedOperator, SinkRequest, StreamRef, StreamShape,
    dead_letter_schema,
};
use crate::plan::definitions::{EntryKind, SinkDef};
use crate::plan::logical::{DeadLetterSink, NodeKind};
use crate::plan::name::unknown;
use crate::types::{Diagnostic, OperatorUid, Span, Spanned};

impl Builder<'_> {
    /// The sink of the catalog called `name`, if there is one.
    ///
    /// # Errors
    /// When the name is that of a source or stream.
    pub fn defined_sink(&self, name: &Spanned<String>) -> Result<Option<&SinkDef>, Diagnostic> {
        let refused = |called: &str, what: &str| {
            Err(Diagnostic::at(name.span, format!("`{called}` is a {what}, which can't be written to"))
                .help("`show sinks` lists the sinks; `| into print` shows the rows on the screen"))
        };
        match self.names.find(&name.node) {
            None => Ok(None),
            Some(Named::Sink(def)) => Ok(Some(def)),
            Some(Named::Source(def)) => refused(&def.name, "source"),
            Some(Named::Stream(called, _)) => refused(called, "stream"),
            Some(Named::Process(process)) => refused(&process.name.node, "process function"),
            Some(Named::Function(function)) => refused(&function.name.node, "function"),
            Some(Named::Broken(called, EntryKind::Sink, error)) => {
                Err(unusable(called, EntryKind::Sink, error, name.span))
            }
            Some(Named::Broken(called, kind, _)) => refused(called, kind.name()),
        }
    }

    /// The error of a sink that nobody knows, with the near name among those defined and `others`.
    #[must_use]
    pub fn unknown_sink<'n>(&'n self, name: &Spanned<String>, others: impl IntoIterator<Item = &'n str>) -> Diagnostic {
        let sinks = self.names.all().filter(|(_, kind)| *kind == EntryKind::Sink).map(|(name, _)| name);
        unknown("sink", name, sinks.chain(others))
    }

    /// The operator that writes a stream of this shape to the sink.
    ///
    /// # Errors
    /// When the connector can't, or the shape does not fit it: at its place, or at `span`.
    pub fn sink(
        &self,
        sink: &SinkDef,
        shape: &StreamShape,
        span: Span,
    ) -> Result<Arc<dyn PlannedOperator>, Diagnostic> {
        let Some(make) = sink.connector.sink else {
            return Err(Diagnostic::at(span, format!("the connector `{}` can't be written to", sink.connector.name)));
        };
        make(&SinkRequest {
            name: sink.name.clone(),
            target: sink.target.clone(),
            schema: shape.schema.clone(),
            changelog: shape.changelog.clone(),
            options: sink.options.clone(),
            base_dir: sink.base_dir.clone(),
            results: self.environment.results.clone(),
            span,
        })
        .map_err(|error| error.or_at(span))
    }

    /// Says by which name the sink at `node` was written to.
    pub fn name_sink(&mut self, node: usize, name: &str) {
        let node = &mut self.plan.nodes[node];
        node.sink = Some(name.to_owned());
        // The state of a sink is of what it has written: no other's.
        if let Some((start, kind)) = &mut node.former.around
            && let Some(within) = node.uid.as_str().strip_suffix(kind.as_str())
        {
            *start = format!("{within}.");
        }
    }

    /// Shows the rows of `stream`, of this shape, on the screen.
    ///
    /// # Errors
    /// At `span`, when the shell has no `print`.
    pub fn show(
        &mut self,
        stream: StreamRef,
        shape: &StreamShape,
        place: Place<'_>,
        span: Span,
    ) -> Result<(), Diagnostic> {
        let connector = self.connector("print", "a preview needs the `print` connector", span)?;
        let base_dir = self.environment.base_dir.clone();
        let sink = SinkDef { name: "print".into(), connector, target: None, options: Options::default(), base_dir };
        let (stream, shape) = self.final_rows((stream, shape.clone()), place, None);
        let operator = self.sink(&sink, &shape, span)?;
        let (shown, _) = self.add(operator, &[stream], place, None);
        self.name_sink(shown.node, "print");
        Ok(())
    }

    /// Puts sinks for the rows that sources can't read and operators reject, where they ask for it. Those of operators
    /// go to the directory `typed`, or else to one called like the job.
    ///
    /// # Errors
    /// At `job`, when the shell has no `file` connector, or a directory can't be one.
    pub fn add_dead_letters(
        &mut self,
        job: &Spanned<String>,
        on_error: OnError,
        typed: Option<&str>,
    ) -> Result<(), Diagnostic> {
        self.plan.on_error = on_error;
        let scans: Vec<_> = self
            .plan
            .nodes
            .iter()
            .filter_map(|node| match &node.kind {
                NodeKind::Scan(scan) if scan.on_error == OnError::DeadLetter => {
                    Some((node.uid.clone(), scan.name.clone()))
                }
                NodeKind::Scan(_) | NodeKind::Operator(_) => None,
            })
            .collect();
        for (uid, source) in scans {
            let typed = match self.names.find(&source) {
                Some(Named::Source(def)) => def.dead_letter.as_deref().map(|path| (path, def.base_dir.as_path())),
                Some(
                    Named::Sink(_) | Named::Stream(..) | Named::Process(_) | Named::Function(_) | Named::Broken(..),
                )
                | None => None,
            };
            self.add_dead_letter_sink(Some(uid), &source, typed, job.span)?;
        }
        if on_error == OnError::DeadLetter {
            let typed = typed.map(|path| (path, self.environment.base_dir.as_path()));
            self.add_dead_letter_sink(None, &job.node, typed, job.span)?;
        }
        Ok(())
    }

    fn add_dead_letter_sink(
        &mut self,
        scan: Option<OperatorUid>,
        whose: &str,
        typed: Option<(&str, &Path)>,
        at: Span,
    ) -> Result<(), Diagnostic> {
        let name = format!("dead_letters/{whose}");
        let (path, base_dir) = typed.unwrap_or((&name, &self.environment.base_dir));
        let format = Spanned::new(OptionValue::Text("json".into()), at);
        let sink = SinkDef {
            name: name.clone(),
            connector: self.connector("file", "dead letters need the `file` connector", at)?,
            target: Some(Spanned::new(path.to_owned(), at)),
            options: Options::new(vec![("format".into(), format)]),
            base_dir: base_dir.to_path_buf(),
        };
        let operator = self.sink(&sink, &StreamShape::of(dead_letter_schema()), at)?;
        let uid = match scan {
            Some(_) => self.next_uid(&uid_of(&[Some(whose), Some("source"), Some("dead_letters")])),
            None => self.next_uid("job.dead_letters"),
        };
        self.plan.dead_letters.push(DeadLetterSink { scan, uid, name, operator });
        Ok(())
    }

    pub(super) fn connector(&self, name: &str, missing: &str, at: Span) -> Result<ConnectorSpec, Diagnostic> {
        self.environment.registries.find_connector(name).copied().ok_or_else(|| Diagnostic::at(at, missing))
    }
}
