//! The columns of the stream at the cursor.

use std::sync::Arc;

use super::want::Scope;
use crate::api::{Pipeline, Registries, ResultSink};
use crate::lang::ast::Statement;
use crate::lang::lower;
use crate::plan::{Catalog, Entry, Environment};
use crate::session::registries::optimizer_ops;
use crate::types::{Batch, Result, Schema, printable};

/// What is lowered here never runs.
struct Nobody;

impl ResultSink for Nobody {
    fn rows(&self, _name: &str, _batch: &Batch) -> Result<()> {
        Ok(())
    }
}

/// What columns are looked up in.
pub(super) struct Lookup<'a> {
    pub(super) registries: &'a Registries,
    pub(super) catalog: &'a Catalog,
    pub(super) base_dir: &'a std::path::Path,
}

impl Lookup<'_> {
    /// The columns of `scope`, each with its type; those of everything defined when the text before the cursor does not
    /// say which.
    pub(super) fn columns(&self, scope: &Scope) -> Vec<(String, String)> {
        match (self.schema(scope), scope) {
            (Some(schema), _) => described(&schema),
            (None, Scope::Source(_)) => Vec::new(),
            (None, Scope::Anything | Scope::Pipelines(_)) => {
                let schemas = self.catalog.iter().filter_map(Entry::shape);
                schemas.flat_map(|shape| described(&shape.schema)).collect()
            }
        }
    }

    /// The schema of `scope`, when the text before the cursor says which.
    pub(super) fn schema(&self, scope: &Scope) -> Option<Schema> {
        match scope {
            Scope::Anything => None,
            Scope::Pipelines(pipelines) => self.end_of(pipelines),
            Scope::Source(text) => self.source(text),
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

    fn pipeline(&self, text: &str) -> Option<Pipeline> {
        // As a definition, so that a stream may be called like a command.
        let statements = crate::lang::parse(&format!("stream _ = {text}"), self.registries).ok()?;
        match statements.into_iter().next()?.node {
            Statement::Stream { pipeline, .. } => Some(pipeline),
            Statement::Source(_)
            | Statement::Sink(_)
            | Statement::Preview(_)
            | Statement::Run(_)
            | Statement::Command(_) => None,
        }
    }

    fn end_of(&self, pipelines: &[String]) -> Option<Schema> {
        let (last, earlier) = pipelines.split_last()?;
        let earlier: Vec<Pipeline> = earlier.iter().filter_map(|text| self.pipeline(text)).collect();
        let last = self.pipeline(last)?;
        lower::lower_open(self.catalog, &earlier, &last, &self.environment()).ok().map(|shape| shape.schema)
    }

    /// The columns of a source that is being defined: those typed, or those its connector knows.
    fn source(&self, text: &str) -> Option<Schema> {
        let statements = crate::lang::parse(text, self.registries).ok()?;
        let Statement::Source(statement) = statements.into_iter().next()?.node else { return None };
        let mut catalog = Catalog::new();
        lower::define_source(&mut catalog, &statement, &self.environment()).ok()?;
        catalog.sources().next().map(|source| source.source.schema().clone())
    }
}

fn described(schema: &Schema) -> Vec<(String, String)> {
    let column = |field: &crate::types::Field| (field.name.clone(), printable(&field.ty.to_string()).into_owned());
    schema.fields().iter().map(column).collect()
}
