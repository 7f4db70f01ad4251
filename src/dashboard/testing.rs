//! A job to draw: two sources, one of them with an idle reader, into a union, windows whose third subtask is slow, a sink and a
//! side output of late rows; with a failed checkpoint, a restart, and data that tries to drive the terminal.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "small numbers made up here"
)]

use std::sync::Arc;

use super::Model;
use crate::inspect::{
    CheckpointView, EdgeView, EventView, FiredWindowView, HotKeyView, InputView, JobStatus, JobView, KeyGroupView,
    LateRowView, LatencyView, OperatorView, OutputRowView, RejectedRowView, SavepointView, Severity, StateColumn,
    StateEntryView, StateOrigin, StateView, SubtaskView, VertexView, WindowEntryView, WindowView,
};

/// The clock of the first view: 2026-01-01 00:00:00 UTC.
pub(super) const START_MS: i64 = 1_767_225_600_000;
/// The first event time: 2026-01-01 08:00:00 UTC.
pub(super) const FIRST_EVENT_MS: i64 = START_MS + 8 * 3_600_000;
/// Between two views, milliseconds.
const STEP_MS: i64 = 500;
/// What a hostile producer writes: a title change, a clipboard write, a position query, and a C1 escape.
pub(super) const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}]52;c;eA==\u{7}\u{1b}[6n\u{9b}2J";

/// The job after some seconds, with rates.
pub(super) fn model() -> Model {
    let mut model = Model::new(Arc::new(view(0)), vec!["hot".to_owned(), "fraud".to_owned()]);
    for step in 1..=60 {
        model.update(Arc::new(view(step)));
    }
    model.state = Some(Ok(states(StateOrigin::Live)));
    model
}

/// A job that was only just made.
pub(super) fn empty() -> Model {
    Model::new(Arc::new(JobView { name: "hot".to_owned(), ..JobView::default() }), vec!["hot".to_owned()])
}

/// Two hundred subtasks, five hundred windows.
pub(super) fn huge() -> Model {
    let huge = |step: i64| {
        let mut job = view(step);
        for vertex in &mut job.vertices {
            let Some(first) = vertex.subtasks.first().cloned() else { continue };
            vertex.subtasks = (0..34).map(|index| SubtaskView { index, ..first.clone() }).collect();
        }
        let operator = &mut job.vertices[3].subtasks[0].operators[0];
        let window = operator.windows[0].clone();
        operator.windows = (0..500)
            .map(|nth| WindowView {
                start: window.start + nth * 2_000,
                end: window.end + nth * 2_000,
                ..window.clone()
            })
            .collect();
        operator.windows_left_out = 12_345;
        job
    };
    let mut model = Model::new(Arc::new(huge(0)), vec!["hot".to_owned()]);
    for step in 1..=10 {
        model.update(Arc::new(huge(step)));
    }
    let mut states = states(StateOrigin::Checkpoint(7));
    let row = states[0].rows[0].clone();
    states[0].rows = (0..1_000).map(|_| row.clone()).collect();
    states[0].key_groups =
        (0..128).map(|key_group| KeyGroupView { key_group, subtask: 0, entries: 9, bytes: 1_000 }).collect();
    model.state = Some(Ok(states));
    model
}

/// The job at a step of half a second.
pub(super) fn view(step: i64) -> JobView {
    let now_ms = START_MS + step * STEP_MS;
    let vertices = vec![
        sources(step, 0, "Source: bids -> Calc", &["bids", "op1"], [41_000, 38_500]),
        sources(step, 1, "Source: café -> Calc", &["café", "op2"], [9_200, 0]),
        union(step),
        windows(step),
        sink(step),
        late_sink(step),
    ];
    let edge = |from: usize, to, exchange: &str, rows| EdgeView { from, to, exchange: exchange.to_owned(), rows };
    let through = counter(step, 88_700);
    JobView {
        name: "hot".to_owned(),
        status: JobStatus::Running,
        cause: None,
        restarts: 1,
        uptime_ms: 95_000 + step * STEP_MS,
        parallelism: 4,
        max_parallelism: 128,
        now_ms,
        source_rows: through,
        sink_rows: counter(step, 1_900),
        vertices,
        edges: vec![
            edge(0, 2, "rebalance", counter(step, 79_500)),
            edge(1, 2, "rebalance", counter(step, 9_200)),
            edge(2, 3, "hash[auction]", through),
            edge(3, 4, "hash[window_end]", counter(step, 1_900)),
            edge(3, 5, "late_bids: forward", counter(step, 12)),
        ],
        checkpoints: checkpoints(now_ms),
        checkpoint_interval_ms: Some(5_000),
        next_checkpoint_ms: Some(now_ms + 3_200),
        savepoints: vec![
            SavepointView {
                checkpoint: 3,
                directory: "sp/hot-1".to_owned(),
                written_ms: START_MS - 40_000,
                cause: None,
            },
            SavepointView {
                checkpoint: 5,
                directory: "/mnt/full/hot-2".to_owned(),
                written_ms: START_MS - 20_000,
                cause: Some("No space left on device (os error 28)".to_owned()),
            },
        ],
        events: events(now_ms),
        progress: Some((6_200_000, 10_000_000)),
    }
}

fn counter(step: i64, per_second: u64) -> u64 {
    1_000_000 + per_second * step.unsigned_abs() / 2
}

/// A subtask that does `rate` rows a second and is busy and back-pressured by these shares.
fn subtask(step: i64, index: usize, rate: u64, (busy, backpressured): (u64, u64)) -> SubtaskView {
    // A wave, so that sparklines have something to show.
    let wave: u64 = (0..step.unsigned_abs()).map(|at| [6, 8, 10, 12, 10, 9, 13, 12, 11, 9][at as usize % 10]).sum();
    let nanos = step.unsigned_abs() * 500_000_000;
    SubtaskView {
        index,
        status: "running".to_owned(),
        rows_in: rate * wave / 20,
        rows_out: rate * wave / 20,
        bytes_in: rate * wave * 11 / 2,
        bytes_out: rate * wave * 3 / 2,
        busy_ns: nanos / 100 * busy,
        backpressured_ns: nanos / 100 * backpressured,
        idle_ns: nanos / 100 * (100 - busy - backpressured),
        queue: (7 * u64::from(index == 2), 8),
        acknowledged: Some((7, START_MS + step * STEP_MS - 1_800)),
        ..SubtaskView::default()
    }
}

/// The event time that sources have read up to.
fn newest(step: i64) -> i64 {
    FIRST_EVENT_MS + step * 1_000
}

fn sources(step: i64, id: usize, name: &str, operators: &[&str], rates: [u64; 2]) -> VertexView {
    let subtasks = rates
        .iter()
        .enumerate()
        .map(|(index, &rate)| SubtaskView {
            watermark: (rate > 0).then(|| newest(step) - 4_000 - 1_500 * index as i64),
            newest_event_time: (rate > 0).then(|| newest(step) - 1_500 * index as i64),
            idle: rate == 0,
            rejected_rows: u64::from(id == 0 && index == 0) * 2,
            rejected: if id == 0 && index == 0 { rejected() } else { Vec::new() },
            operators: vec![OperatorView::default()],
            ..subtask(step, index, rate, if rate == 0 { (0, 0) } else { (35, 60) })
        })
        .collect();
    VertexView {
        id,
        name: name.to_owned(),
        operators: operators.iter().map(|&uid| uid.to_owned()).collect(),
        columns: vec!["auction".to_owned(), "price".to_owned()],
        sink: false,
        source: true,
        subtasks,
    }
}

fn rejected() -> Vec<RejectedRowView> {
    vec![
        RejectedRowView {
            at_ms: START_MS + 2_000,
            place: "bids.ndjson:17".to_owned(),
            message: "price: 'twelve' is no BIGINT".to_owned(),
            row: r#"{"auction": 1001, "price": "twelve"}"#.to_owned(),
        },
        RejectedRowView {
            at_ms: START_MS + 9_000,
            place: "bids.ndjson:90210".to_owned(),
            message: "column 12: a control character in a string".to_owned(),
            row: format!("{{\"channel\": \"{HOSTILE}\"}}"),
        },
    ]
}

fn inputs(step: i64, of: &[(usize, usize, i64, bool)]) -> Vec<InputView> {
    of.iter()
        .map(|&(vertex, subtask, behind, idle)| InputView {
            vertex,
            subtask,
            watermark: (!idle).then(|| newest(step) - behind),
            idle,
        })
        .collect()
}

fn union(step: i64) -> VertexView {
    let subtasks = (0..2)
        .map(|index| SubtaskView {
            watermark: Some(newest(step) - 5_500),
            inputs: inputs(step, &[(0, 0, 4_000, false), (0, 1, 5_500, false), (1, 0, 4_000, false), (1, 1, 0, true)]),
            operators: vec![OperatorView::default(), OperatorView::default()],
            ..subtask(step, index, 44_000, (22, 70))
        })
        .collect();
    VertexView {
        id: 2,
        name: "Union -> Calc".to_owned(),
        operators: vec!["op3".to_owned(), "op4".to_owned()],
        columns: vec!["auction".to_owned(), "price".to_owned()],
        subtasks,
        ..VertexView::default()
    }
}

fn windows(step: i64) -> VertexView {
    let subtasks = (0..4)
        .map(|index| {
            let watermark = newest(step) - 5_500 - 700 * i64::from(index == 2);
            let load = [(62, 0), (58, 0), (97, 3), (4, 0)][index];
            SubtaskView {
                watermark: Some(watermark),
                inputs: inputs(step, &[(2, 0, 5_500 + 700 * i64::from(index == 2), false), (2, 1, 5_500, false)]),
                late_rows: [3, 0, 12_408, 0][index],
                operators: vec![window_operator(watermark, index), OperatorView::default()],
                ..subtask(step, index, [24_000, 22_000, 41_500, 1_200][index], load)
            }
        })
        .collect();
    VertexView {
        id: 3,
        name: "Window(hop(10s, 2s)) -> TopN".to_owned(),
        operators: vec!["hot-windows".to_owned(), "op6".to_owned()],
        columns: vec!["auction".to_owned(), "window_start".to_owned(), "window_end".to_owned(), "n".to_owned()],
        subtasks,
        ..VertexView::default()
    }
}

fn window_operator(watermark: i64, index: usize) -> OperatorView {
    let first_end = watermark.div_euclid(2_000) * 2_000;
    let keys = ["1001", "1007", "東京都", HOSTILE];
    let open = (0..6).map(|nth| {
        let end = first_end + nth * 2_000;
        let rows = (6 - nth).unsigned_abs() * 1_700 + index as u64 * 310;
        WindowView {
            start: end - 10_000,
            end,
            keys: 40 + nth.unsigned_abs() * 3,
            rows,
            fired: nth == 0,
            entries: keys
                .iter()
                .zip(1_u64..)
                .map(|(key, place)| WindowEntryView {
                    key: vec![(*key).to_owned()],
                    values: vec![(rows / place / 3).to_string(), format!("{:.2}", 1_412.5 / f64::from(place as u32))],
                })
                .collect(),
        }
    });
    OperatorView {
        watermark: Some(watermark),
        state_entries: 1_240,
        state_bytes: 96_400,
        windows: open.collect(),
        windows_left_out: 0,
        fired: (1..=5)
            .rev()
            .map(|nth| FiredWindowView {
                start: first_end - nth * 2_000 - 10_000,
                end: first_end - nth * 2_000,
                keys: 43,
                watermark: first_end - nth * 2_000 + 120,
                again: nth == 3,
            })
            .collect(),
        window_columns: (vec!["auction".to_owned()], vec!["n".to_owned(), "avg_price".to_owned()]),
        late: if index == 2 { late(watermark) } else { Vec::new() },
        timers: 6,
        hot_keys: vec![
            HotKeyView { key: vec![(1_001 + index * 7).to_string()], rows: 4_310 / (1 + index as u64), of: 8_192 },
            HotKeyView { key: vec![["東京都", "café", "x", HOSTILE][index].to_owned()], rows: 204, of: 8_192 },
        ],
    }
}

fn late(watermark: i64) -> Vec<LateRowView> {
    (0..3)
        .map(|nth| LateRowView {
            row: format!("auction=1001, price={}, channel={}", 900 + nth, if nth == 1 { HOSTILE } else { "東京" }),
            time: watermark - 14_000 + nth * 400,
            window_ends: vec![watermark - 6_000, watermark - 4_000],
            watermark: watermark - 1_000 + nth * 100,
            late_by_ms: 3_001 + nth,
        })
        .collect()
}

fn sink(step: i64) -> VertexView {
    let output = |index: usize| {
        let last = 400 + step.unsigned_abs() * 8;
        (last.saturating_sub(60)..last)
            .map(|sequence| OutputRowView {
                sequence,
                kind: ["+I", "-U", "+U", "-D"][(sequence as usize + index) % 4].to_owned(),
                values: vec![
                    (1_001 + sequence * 7 % 90).to_string(),
                    super::draw::time(Some(FIRST_EVENT_MS + sequence as i64 / 6 * 2_000)),
                    (sequence * 37 % 900).to_string(),
                    ["Google", "東京", "Baidu", HOSTILE][sequence as usize % 4].to_owned(),
                ],
            })
            .collect()
    };
    let subtasks = (0..2)
        .map(|index| SubtaskView {
            watermark: Some(newest(step) - 6_200),
            inputs: inputs(
                step,
                &[(3, 0, 5_500, false), (3, 1, 5_500, false), (3, 2, 6_200, false), (3, 3, 5_500, false)],
            ),
            output: output(index),
            latency: Some(LatencyView {
                markers: 300,
                p50_us: 2_300 + step.unsigned_abs() % 7 * 300,
                p95_us: 9_800,
                p99_us: 31_000 + step.unsigned_abs() % 5 * 2_000,
                max_us: 74_000,
            }),
            operators: vec![OperatorView::default()],
            ..subtask(step, index, 950, (2, 0))
        })
        .collect();
    VertexView {
        id: 4,
        name: "Sink: hot_file".to_owned(),
        operators: vec!["hot_file".to_owned()],
        columns: ["auction", "window_end", "n", "channel"].map(str::to_owned).to_vec(),
        sink: true,
        source: false,
        subtasks,
    }
}

fn late_sink(step: i64) -> VertexView {
    VertexView {
        id: 5,
        name: "Sink: late_file".to_owned(),
        operators: vec!["late_file".to_owned()],
        columns: vec!["auction".to_owned(), "price".to_owned()],
        sink: true,
        subtasks: vec![SubtaskView {
            inputs: inputs(step, &[(3, 0, 5_500, false), (3, 2, 6_200, false)]),
            watermark: Some(newest(step) - 6_200),
            output: vec![OutputRowView {
                sequence: 1,
                kind: "+I".to_owned(),
                values: vec!["1001".to_owned(), "900".to_owned()],
            }],
            ..subtask(step, 0, 12, (0, 0))
        }],
        ..VertexView::default()
    }
}

fn checkpoints(now_ms: i64) -> Vec<CheckpointView> {
    let completed = |id: u64, ago_ms, duration_ms, delta| CheckpointView {
        id,
        status: "completed".to_owned(),
        triggered_ms: now_ms - ago_ms,
        duration_ms: Some(duration_ms),
        alignment_ms: Some(duration_ms / 4),
        delta_bytes: Some(delta),
        full_bytes: Some(384_000 + delta),
        cause: None,
    };
    let mut all = vec![
        completed(1, 36_800, 41, 120_000),
        completed(2, 31_800, 38, 44_000),
        completed(3, 26_800, 52, 46_100),
        completed(4, 21_800, 34, 39_000),
        completed(5, 16_800, 140, 41_000),
        CheckpointView {
            status: "failed".to_owned(),
            duration_ms: Some(10_000),
            alignment_ms: None,
            delta_bytes: None,
            full_bytes: None,
            cause: Some("subtask 3[2] did not acknowledge within 10s: its input is back-pressured".to_owned()),
            ..completed(6, 11_800, 0, 0)
        },
        completed(7, 6_800, 47, 43_200),
    ];
    all.push(CheckpointView {
        status: "pending".to_owned(),
        duration_ms: None,
        alignment_ms: None,
        delta_bytes: None,
        full_bytes: None,
        ..completed(8, 12, 0, 0)
    });
    all
}

fn events(now_ms: i64) -> Vec<EventView> {
    let event = |sequence: u64, at_ms, severity, subject: &str, message: &str, row: Option<&str>| EventView {
        sequence,
        at_ms,
        severity,
        subject: subject.to_owned(),
        message: message.to_owned(),
        row: row.map(str::to_owned),
    };
    vec![
        event(1, START_MS - 95_000, Severity::Info, "job", "launched with parallelism 4", None),
        event(2, START_MS - 40_000, Severity::Info, "savepoint sp/hot-1", "written from checkpoint 3", None),
        event(
            3,
            START_MS - 30_000,
            Severity::Error,
            "window[1]",
            "SUM(price) overflowed BIGINT: the task failed",
            Some("auction=1001, price=9223372036854775807"),
        ),
        event(4, START_MS - 29_900, Severity::Warning, "job", "restarted from checkpoint 4 (attempt 2)", None),
        event(
            5,
            now_ms - 1_800,
            Severity::Error,
            "checkpoint 6",
            "expired: subtask 3[2] did not acknowledge within 10s: its input is back-pressured",
            None,
        ),
        event(6, now_ms - 1_800, Severity::Info, "checkpoint 7", "completed in 47ms, 43 kB", None),
    ]
}

/// The keyed state of the windows.
pub(super) fn states(origin: StateOrigin) -> Vec<StateView> {
    let column = |name: &str, ty: &str, key| StateColumn { name: name.to_owned(), ty: ty.to_owned(), key };
    let rows: Vec<StateEntryView> = (0..40)
        .map(|nth: i64| StateEntryView {
            namespace: Some(FIRST_EVENT_MS + nth / 8 * 2_000),
            key_group: u16::try_from(nth * 37 % 128).unwrap_or(0),
            values: vec![
                if nth == 5 { HOSTILE.to_owned() } else { (1_001 + nth * 3).to_string() },
                if nth == 3 {
                    "東京都".to_owned()
                } else {
                    ["Google", "Apple", "Baidu"][nth as usize % 3].to_owned()
                },
                (nth * 113 % 4_000).to_string(),
                format!("{}.50", nth * 997 % 90_000),
            ],
        })
        .collect();
    vec![
        StateView {
            operator: "hot-windows".to_owned(),
            name: "Window(hop(10s, 2s))".to_owned(),
            state: "accumulators".to_owned(),
            origin,
            columns: vec![
                column("auction", "bigint", true),
                column("channel", "string", true),
                column("n", "bigint", false),
                column("avg_price", "double", false),
            ],
            namespace: Some("slice_end".to_owned()),
            entries: 4_960,
            matching: 4_960,
            rows,
            key_groups: (0..128)
                .filter(|group| group % 3 != 1)
                .map(|key_group| KeyGroupView {
                    key_group,
                    subtask: usize::from(key_group / 32),
                    entries: u64::from(key_group % 17 + 3),
                    bytes: u64::from(key_group % 17 + 3) * 120 + u64::from(key_group == 41) * 30_000,
                })
                .collect(),
        },
        StateView {
            operator: "op6".to_owned(),
            name: "TopN".to_owned(),
            state: "rows".to_owned(),
            origin,
            columns: vec![column("window_end", "timestamp", true), column("n", "bigint", false)],
            namespace: None,
            entries: 3,
            matching: 3,
            rows: (0..3)
                .map(|nth: i64| StateEntryView {
                    namespace: None,
                    key_group: 9,
                    values: vec![super::draw::time(Some(FIRST_EVENT_MS + nth * 2_000)), (nth * 71).to_string()],
                })
                .collect(),
            key_groups: vec![KeyGroupView { key_group: 9, subtask: 0, entries: 3, bytes: 210 }],
        },
    ]
}
