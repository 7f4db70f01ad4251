//! `state JOB [where COLUMN = VALUE and …] [search 'TEXT'] [limit N]`

use super::command::{Command, JSON, json};
use crate::api::{Clause, CommandSpec, Shape, Signature, StageArgs};
use crate::expr::ast::{BinaryOp, Expr, ExprNode, Literal, UnaryOp};
use crate::inspect::StateQuery;
use crate::session::{Failure, Outcome, Session, listings};
use crate::types::Diagnostic;

/// Entries shown of each state unless `limit` says otherwise.
const SHOWN: usize = 100;

const WHERE: Clause = Clause {
    keyword: "where",
    shape: Shape::Expr,
    required: false,
    help: "only entries whose key columns have these values: `auction = 1001 and channel = 'web'`",
};
const SEARCH: Clause = Clause {
    keyword: "search",
    shape: Shape::Text,
    required: false,
    help: "only entries whose key contains this text, in any case",
};
const LIMIT: Clause =
    Clause { keyword: "limit", shape: Shape::Integer, required: false, help: "at most so many entries of each state" };
const CHECKPOINTED: Clause = Clause {
    keyword: "checkpointed",
    shape: Shape::Flag,
    required: false,
    help: "reads the last checkpoint although the job runs",
};
const KEY_GROUPS: Clause = Clause {
    keyword: "key_groups",
    shape: Shape::Flag,
    required: false,
    help: "lists the sizes of the key groups instead of entries",
};
const HOT_KEYS: Clause = Clause {
    keyword: "hot_keys",
    shape: Shape::Flag,
    required: false,
    help: "lists the keys with the most rows in a sample instead of entries",
};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "state",
        aliases: &[],
        signature: Signature {
            head: &[Shape::Name],
            optional: &[],
            clauses: &[WHERE, SEARCH, LIMIT, CHECKPOINTED, KEY_GROUPS, HOT_KEYS, JSON],
        },
        usage: "state JOB [where COLUMN = VALUE [and …]] [search 'TEXT'] [limit N] [checkpointed] [key_groups | hot_keys] [--json]",
        summary: "lists the keyed state of a job",
        help: "Keyed state is what operators keep for each key, such as the counts of an open window. The entries \
               are listed by namespace (the end of the window or slice) and key. A running operator that can show \
               its state is asked (origin `live`); of the others, and of a job that is over, the last checkpoint is \
               read.\n\
               \n\
               `key_groups` lists the entries and bytes of each key group, and the subtask that owns it. `hot_keys` \
               lists the keys with the most rows, in a sample that is taken while somebody looks.",
        examples: &["state hot where auction = 1001", "state hot search '10' limit 5", "state hot key_groups"],
        flink: Some("the State Processor API"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let job = &session.job(args.word(0)?)?.job;
    if args.clause(HOT_KEYS.keyword).is_some() {
        return Ok(Outcome::Listing(listings::hot_keys(&job.fresh_view()).json(json(args))));
    }
    let mut keys = Vec::new();
    if let Some(condition) = args.clause_expr(WHERE.keyword)? {
        equalities(condition, &mut keys)?;
    }
    let limit = args.clause_integer(LIMIT.keyword)?.map(|limit| usize::try_from(limit.node).unwrap_or(usize::MAX));
    let query = StateQuery {
        search: args.clause_word(SEARCH.keyword)?.map(|text| text.node.clone()),
        keys,
        limit: limit.unwrap_or(SHOWN),
        checkpointed: args.clause(CHECKPOINTED.keyword).is_some(),
        ..StateQuery::default()
    };
    let states = job.state(&query)?;
    let listing = if args.clause(KEY_GROUPS.keyword).is_some() {
        listings::key_groups(&states)
    } else {
        listings::state(&states)
    };
    Ok(Outcome::Listing(listing.json(json(args))))
}

/// The columns and values of `a = 1 and b = 'x'`.
fn equalities(condition: &ExprNode, found: &mut Vec<(String, String)>) -> Result<(), Diagnostic> {
    let refused = |at: &ExprNode| {
        Diagnostic::at(at.span, "only `COLUMN = VALUE`, joined by `and`, can be looked up")
            .help("such as `state hot where auction = 1001`; `search 'TEXT'` finds keys by a part")
    };
    let Expr::Binary(left, op, right) = &condition.node else { return Err(refused(condition)) };
    if op.node == BinaryOp::And {
        equalities(left, found)?;
        return equalities(right, found);
    }
    match (&left.node, value(right)) {
        (Expr::Column(path), Some(value)) if op.node == BinaryOp::Eq => {
            let name = path.last().ok_or_else(|| refused(condition))?;
            found.push((name.node.clone(), value));
            Ok(())
        }
        _ => Err(refused(condition)),
    }
}

/// A constant as state shows it.
#[expect(clippy::wildcard_enum_match_arm, reason = "everything else is no plain constant")]
fn value(node: &ExprNode) -> Option<String> {
    match &node.node {
        Expr::Literal(literal) => match literal {
            Literal::Null => Some("NULL".to_owned()),
            Literal::Boolean(value) => Some(value.to_string()),
            Literal::Integer(text)
            | Literal::Decimal(text)
            | Literal::Double(text)
            | Literal::String(text)
            | Literal::Date(text)
            | Literal::Time(text)
            | Literal::Timestamp(text) => Some(text.clone()),
            _ => None,
        },
        Expr::Unary(UnaryOp::Minus, operand) => value(operand).map(|text| format!("-{text}")),
        _ => None,
    }
}
