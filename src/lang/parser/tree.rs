//! Expressions as they are built: with the height of their tree.

use nom::Err;

use super::fail::{Fail, refuse};
use crate::expr::ast::{Expr, ExprNode, Literal};
use crate::types::{Diagnostic, Span, Spanned};

/// Operators that hang from one another: the height of an expression's tree, which everything behind the parser walks
/// by recursion.
pub const MAX_HEIGHT: u16 = 500;

/// An expression and the height of its tree.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) node: ExprNode,
    pub(super) height: u16,
}

impl Measured {
    /// A node above children of this height.
    ///
    /// # Errors
    /// When the tree becomes too high.
    pub(super) fn above(below: u16, expr: Expr, span: Span) -> Result<Self, Err<Fail>> {
        if below >= MAX_HEIGHT {
            return refuse(
                Diagnostic::at(span, format!("more than {MAX_HEIGHT} operations stand inside each other"))
                    .help("compute a part of it in a `map` before this stage"),
            );
        }
        Ok(Self { node: Spanned::new(expr, span), height: below + 1 })
    }

    /// A node without children.
    pub(super) fn leaf(expr: Expr, span: Span) -> Self {
        Self { node: Spanned::new(expr, span), height: 1 }
    }

    /// A constant.
    pub(super) fn literal(literal: Literal, span: Span) -> Self {
        Self::leaf(Expr::Literal(literal), span)
    }

    /// The node as a child.
    pub(super) fn boxed(self) -> Box<ExprNode> {
        Box::new(self.node)
    }
}

/// The nodes of `parts` and the greatest of their heights.
pub(super) fn unmeasured(parts: Vec<Measured>) -> (Vec<ExprNode>, u16) {
    let height = parts.iter().map(|part| part.height).max().unwrap_or(0);
    (parts.into_iter().map(|part| part.node).collect(), height)
}
