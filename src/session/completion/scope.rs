//! The columns of the stream at the cursor.

use std::sync::Arc;

use crate::api::{Pipeline, Registries, Shape};
use crate::lang::Scope;
use crate::lang::ast::SourceStatement;
use crate::lang::lower;
use crate::plan::{Catalog, Entry, Environment, Item};
use crate::session::registries::optimizer_ops;
use crate::session::results::Nobody;
use crate::types::files::{FileKind, Files, OsFiles};
use crate::types::{Schema, printable};

/// The context in which columns are looked up.
pub(super) struct Lookup<'a> {
    pub(super) registries: &'a Registries,
    pub(super) catalog: &'a Catalog,
    pub(super) base_dir: &'a std::path::Path,
}

impl Lookup<'_> {
    /// The columns of `scope`, each with its type; those of everything in use when the text before the cursor does not
    /// say which.
    pub(super) fn columns(&self, scope: &Scope) -> Vec<(String, String)> {
        match (self.schema(scope), scope) {
            (Some(schema), _) => described(&schema),
            (None, Scope::Source(_)) => Vec::new(),
            (None, Scope::Anything | Scope::Pipelines(_)) => {
                let schemas = self.catalog.iter().filter_map(Item::bound).filter_map(Entry::shape);
                schemas.flat_map(|shape| described(&shape.schema)).collect()
            }
        }
    }

    /// The schema of `scope`, when the text before the cursor says which.
    pub(super) fn schema(&self, scope: &Scope) -> Option<Schema> {
        match scope {
            Scope::Anything => None,
            Scope::Pipelines(pipelines) => self.end_of(pipelines),
            Scope::Source(statement) => self.source(statement),
        }
    }

    fn environment(&self) -> Environment<'_> {
        Environment {
            registries: self.registries,
            optimizer: optimizer_ops(),
            base_dir: self.base_dir.to_path_buf(),
            results: Arc::new(Nobody),
        }
    }

    fn end_of(&self, pipelines: &[Pipeline]) -> Option<Schema> {
        let (last, earlier) = pipelines.split_last()?;
        if pipelines.iter().any(|pipeline| self.reads_a_pipe(pipeline)) {
            return None;
        }
        lower::lower_open(self.catalog, earlier, last, &self.environment()).ok().map(|shape| shape.schema)
    }

    /// Whether the columns of `pipeline` could be told only by reading what can be read once.
    fn reads_a_pipe(&self, pipeline: &Pipeline) -> bool {
        let from = &pipeline.from.node;
        (pipeline.file && self.is_pipe(from))
            || (self.catalog.get(from).is_none() && from.eq_ignore_ascii_case("stdin"))
    }

    fn is_pipe(&self, path: &str) -> bool {
        let kind = OsFiles.metadata(&self.base_dir.join(path)).ok().map(|info| info.kind);
        path == "-" || kind.is_some_and(|kind| !matches!(kind, FileKind::File | FileKind::Directory))
    }

    /// The columns of a source that is being defined: those typed, or those its connector knows.
    fn source(&self, statement: &SourceStatement) -> Option<Schema> {
        if statement.target.as_ref().is_some_and(|target| self.is_pipe(&target.node)) {
            return None;
        }
        let mut catalog = Catalog::new();
        lower::define_source(&mut catalog, statement, &self.environment()).ok()?;
        catalog.iter().filter_map(Item::bound).find_map(Entry::shape).map(|shape| shape.schema)
    }
}

/// The streams that the clauses of these pipelines name: side outputs.
pub(super) fn side_outputs(scope: &Scope) -> Vec<String> {
    let Scope::Pipelines(pipelines) = scope else { return Vec::new() };
    let mut found = Vec::new();
    for stage in pipelines.iter().flat_map(|pipeline| &pipeline.stages) {
        for clause in stage.spec.signature.clauses.iter().filter(|clause| clause.shape == Shape::Name) {
            if let Ok(Some(name)) = stage.args.clause_word(clause.keyword) {
                found.push(name.node.clone());
            }
        }
    }
    found
}

fn described(schema: &Schema) -> Vec<(String, String)> {
    let column = |field: &crate::types::Field| (field.name.clone(), printable(&field.ty.to_string()).into_owned());
    schema.fields().iter().map(column).collect()
}
