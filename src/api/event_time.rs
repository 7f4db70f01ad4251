//! `event_time … watermark …`, bound: what gives rows their times, and what of them makes watermarks.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_buffer::ScalarBuffer;

use crate::expr::ast::{Expr, ExprNode};
use crate::expr::{EvalContext, Evaluator, Scope, TypedExpr, bind};
use crate::types::{Diagnostic, Error, LogicalType, NO_TIME, Result, Spanned, typed_duration};

/// What may stand behind `watermark`, as typed.
#[derive(Debug, Clone, PartialEq)]
pub enum WatermarkClause {
    /// `4s`, `4s when e`, `when e`
    Behind {
        /// How far the watermark is behind, milliseconds; 0 when not typed.
        delay_ms: i64,
        /// The rows that raise it; all when not typed.
        when: Option<ExprNode>,
    },
    /// `ascending`
    Ascending,
    /// `as e`
    As(ExprNode),
}

/// What raises the watermark.
#[derive(Debug, Clone, PartialEq)]
pub enum WatermarkSpec {
    /// Bounded out-of-orderness: the watermark is the largest time so far minus so many milliseconds.
    Bounded(i64),
    /// The same over the rows of which an expression is true: Flink's punctuated watermarks.
    When {
        /// The expression.
        marker: TypedExpr,
        /// Milliseconds.
        delay_ms: i64,
    },
    /// The largest value so far of an expression of each row, where it is not null: Flink SQL's `WATERMARK FOR`.
    As(TypedExpr),
}

impl WatermarkSpec {
    /// The time by which the watermark is behind the largest mark, milliseconds.
    #[must_use]
    pub const fn delay_ms(&self) -> i64 {
        match self {
            Self::Bounded(delay_ms) => *delay_ms,
            Self::When { .. } | Self::As(_) => 0,
        }
    }

    /// Whether an expression of the row says what raises the watermark, and not its time alone.
    #[must_use]
    pub const fn is_punctuated(&self) -> bool {
        !matches!(self, Self::Bounded(_))
    }

    fn expr(&self) -> Option<&TypedExpr> {
        match self {
            Self::Bounded(_) => None,
            Self::When { marker: expr, .. } | Self::As(expr) => Some(expr),
        }
    }

    fn remap(&self, moved: &dyn Fn(usize) -> usize) -> Self {
        match self {
            Self::Bounded(delay_ms) => Self::Bounded(*delay_ms),
            Self::When { marker, delay_ms } => Self::When { marker: marker.remap(moved), delay_ms: *delay_ms },
            Self::As(expr) => Self::As(expr.remap(moved)),
        }
    }
}

impl std::fmt::Display for WatermarkSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bounded(delay_ms) => f.write_str(&typed_duration(*delay_ms)),
            Self::When { marker, delay_ms } => write!(f, "{} when {marker}", typed_duration(*delay_ms)),
            Self::As(expr) => write!(f, "as {expr}"),
        }
    }
}

/// `event_time <expr> watermark …`, bound.
#[derive(Debug, Clone, PartialEq)]
pub struct EventTimeSpec {
    /// The expression that gives each row's time: a timestamp, or a bigint of epoch milliseconds.
    pub time: TypedExpr,
    /// Whether that is the clock: then it never goes back, and rises without rows.
    pub ingestion: bool,
    /// What raises the watermark.
    pub watermark: WatermarkSpec,
    /// A reader, or a split of one, that sends no rows for so many milliseconds is left out of the minimum of watermarks;
    /// `None` for never. Of sources only.
    pub idle_timeout_ms: Option<i64>,
    /// A reader whose watermark is so many milliseconds ahead of the slowest aligned one of the job waits; `None` for one
    /// that takes no part. Of sources only.
    pub align_ms: Option<i64>,
}

/// The word that stands for the clock, where no column is called so.
const INGESTION: &str = "ingestion";

impl EventTimeSpec {
    /// Rows have the time `time`; the watermark is the largest of them minus `delay_ms` milliseconds.
    #[must_use]
    pub const fn bounded(time: TypedExpr, delay_ms: i64) -> Self {
        let watermark = WatermarkSpec::Bounded(delay_ms);
        Self { time, ingestion: false, watermark, idle_timeout_ms: None, align_ms: None }
    }

    /// Binds what was typed over the columns of `scope`.
    ///
    /// # Errors
    /// When an expression does not bind or is of no type that it may be, at its place.
    pub fn bind(time: &ExprNode, watermark: Option<&WatermarkClause>, scope: Scope<'_>) -> Result<Self, Diagnostic> {
        let ingestion = matches!(&time.node, Expr::Column(parts)
            if parts.len() == 1 && parts[0].node.eq_ignore_ascii_case(INGESTION) && bind(time, scope.clone()).is_err());
        if ingestion {
            if let Some(WatermarkClause::Behind { when: Some(expr), .. } | WatermarkClause::As(expr)) = watermark {
                let message = "the time of ingestion is the watermark's too: no row raises it";
                return Err(Diagnostic::at(expr.span, message).help("write event_time ingestion, without `watermark`"));
            }
            let now = Spanned::new("current_timestamp".to_owned(), time.span);
            let now = bind(&Spanned::new(Expr::Column(vec![now]), time.span), scope)?;
            let delay_ms = match watermark {
                Some(WatermarkClause::Behind { delay_ms, .. }) => *delay_ms,
                Some(WatermarkClause::Ascending | WatermarkClause::As(_)) | None => 1,
            };
            return Ok(Self { ingestion, ..Self::bounded(now, delay_ms) });
        }
        let typed_time = |node: &ExprNode, what: &str| {
            let typed = bind(node, scope.clone())?;
            if typed.ty().is_event_time() {
                return Ok(typed.fold());
            }
            Err(Diagnostic::at(node.span, format!("{what} can't be of type {}", typed.ty()))
                .label("expected a timestamp, or a bigint of epoch milliseconds")
                .help("convert it: cast(… as timestamp), to_timestamp(…), to_timestamp_ltz(…, 0)"))
        };
        let mut spec = Self::bounded(typed_time(time, "an event time")?, 0);
        spec.watermark = match watermark {
            None => spec.watermark,
            Some(WatermarkClause::Ascending) => WatermarkSpec::Bounded(1),
            Some(WatermarkClause::Behind { delay_ms, when: None }) => WatermarkSpec::Bounded(*delay_ms),
            Some(WatermarkClause::Behind { delay_ms, when: Some(when) }) => {
                let marker = bind(when, scope.clone())?;
                if marker.ty() != &LogicalType::Boolean {
                    let message = format!("`when` takes a condition, not a {}", marker.ty());
                    return Err(Diagnostic::at(when.span, message));
                }
                WatermarkSpec::When { marker: marker.fold(), delay_ms: *delay_ms }
            }
            Some(WatermarkClause::As(expr)) => WatermarkSpec::As(typed_time(expr, "a watermark")?),
        };
        Ok(spec)
    }

    /// The columns that it reads.
    #[must_use]
    pub fn columns(&self) -> Vec<usize> {
        std::iter::once(&self.time).chain(self.watermark.expr()).flat_map(TypedExpr::columns).collect()
    }

    /// The same over other columns: what was column `c` is `moved(c)`.
    #[must_use]
    pub fn remap(&self, moved: &dyn Fn(usize) -> usize) -> Self {
        Self { time: self.time.remap(moved), watermark: self.watermark.remap(moved), ..self.clone() }
    }
}

/// Evaluates an [`EventTimeSpec`] a batch at a time.
pub struct EventTimeEvaluator {
    time: Evaluator,
    ingestion: bool,
    watermark: WatermarkSpec,
    marks: Option<Evaluator>,
}

/// The times and marks of the rows of a batch, epoch milliseconds, [`NO_TIME`] for none.
pub struct RowTimes {
    /// The event times.
    pub times: ScalarBuffer<i64>,
    /// What may raise the watermark; `None` where that are the times.
    pub marks: Option<ScalarBuffer<i64>>,
}

impl EventTimeEvaluator {
    /// For this specification.
    #[must_use]
    pub fn new(spec: &EventTimeSpec) -> Self {
        Self {
            time: Evaluator::new(&spec.time),
            ingestion: spec.ingestion,
            watermark: spec.watermark.clone(),
            marks: spec.watermark.expr().map(Evaluator::new),
        }
    }

    /// The times of `rows`; of ingestion none is before `reached`.
    ///
    /// # Errors
    /// When an expression can't be evaluated at all: a defect of ours.
    pub fn evaluate(&self, rows: &RecordBatch, reached: i64, context: &mut EvalContext) -> Result<RowTimes> {
        if self.ingestion {
            let now_ms = context.now_ms.max(reached);
            return Ok(RowTimes { times: vec![now_ms; rows.num_rows()].into(), marks: None });
        }
        let times = milliseconds(&self.time.evaluate(rows, context)?)?;
        let marks = match (&self.watermark, &self.marks) {
            (WatermarkSpec::When { delay_ms, .. }, Some(marker)) => {
                let raises: BooleanArray = marker.evaluate_predicate(rows, context)?;
                let mark = |(time, marks)| {
                    if marks && time != NO_TIME { i64::saturating_sub(time, *delay_ms) } else { NO_TIME }
                };
                Some(times.iter().copied().zip(raises.values()).map(mark).collect())
            }
            (_, Some(mark)) => Some(milliseconds(&mark.evaluate(rows, context)?)?),
            (_, None) => None,
        };
        Ok(RowTimes { times, marks })
    }
}

/// Epoch milliseconds of a column of event times.
fn milliseconds(column: &dyn Array) -> Result<ScalarBuffer<i64>> {
    let values = if let Some(column) = column.as_primitive_opt::<Int64Type>() {
        column.values()
    } else if let Some(column) = column.as_primitive_opt::<TimestampMillisecondType>() {
        column.values()
    } else {
        return Err(Error::config(format!("an event time of type {}", column.data_type())));
    };
    Ok(match column.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => values.clone(),
        Some(nulls) => {
            values.iter().zip(nulls.iter()).map(|(&time, valid)| if valid { time } else { NO_TIME }).collect()
        }
    })
}
