//! A job to draw: two sources, one of them with an idle reader, into a union, windows whose third subtask is slow, a sink and a
//! side output of late rows; with a failed checkpoint, a restart, and data that tries to drive the terminal.

use std::sync::Arc;

use super::happenings::{checkpoints, events, savepoints, states};
use crate::dashboard::{Model, draw};
use crate::inspect::{
    EdgeView, EntriesView, ExchangeView, FiredWindowView, HotKeyView, InputView, JobStatus, JobView, KeyGroupView,
    LateRowView, LateView, LatencyView, LatenessView, OperatorView, OutputRowView, RejectedRowView, Section,
    StateOrigin, SubtaskStatus, SubtaskView, VertexView, WindowEntryView, WindowView, WindowsView,
};

/// The clock of the first view: 2026-01-01 00:00:00 UTC.
pub(in crate::dashboard) const START_MS: i64 = 1_767_225_600_000;
/// The first event time: 2026-01-01 08:00:00 UTC.
pub(in crate::dashboard) const FIRST_EVENT_MS: i64 = START_MS + 8 * 3_600_000;
/// Between two views, milliseconds.
const STEP_MS: i64 = 500;
/// The text that a hostile producer writes: a title change, a clipboard write, a position query, and a C1 escape.
pub(in crate::dashboard) const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}]52;c;eA==\u{7}\u{1b}[6n\u{9b}2J";

/// The job after some seconds, with rates.
pub(in crate::dashboard) fn model() -> Model {
    let mut model = Model::new(Arc::new(view(0)), vec!["hot".to_owned(), "fraud".to_owned()]);
    for step in 1..=60 {
        model.update(Arc::new(view(step)));
    }
    model.state = Some(Ok(states(StateOrigin::Live)));
    model
}

/// A job that was only just made.
pub(in crate::dashboard) fn empty() -> Model {
    Model::new(Arc::new(JobView { name: "hot".to_owned(), ..JobView::default() }), vec!["hot".to_owned()])
}

/// Two hundred subtasks, five hundred windows.
pub(in crate::dashboard) fn huge() -> Model {
    let huge = |step: i64| {
        let mut job = view(step);
        for vertex in &mut job.vertices {
            let Some(first) = vertex.subtasks.first().cloned() else { continue };
            vertex.subtasks = (0..34).map(|index| SubtaskView { index, ..first.clone() }).collect();
        }
        let operator = &mut Arc::make_mut(&mut job.vertices[3].subtasks[0].operators)[0];
        if let Section::Windows(windows) = &mut operator.sections[0] {
            let window = windows.open[0].clone();
            let moved = |nth: i64| WindowView {
                start: window.start + nth * 2_000,
                end: window.end + nth * 2_000,
                ..window.clone()
            };
            windows.open = (0..500).map(moved).collect();
            windows.left_out = 12_345;
        }
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
pub(in crate::dashboard) fn view(step: i64) -> JobView {
    let now_ms = START_MS + step * STEP_MS;
    let vertices = vec![
        sources(step, 0, "Source: bids -> Calc", &["bids", "op1"], [41_000, 38_500]),
        sources(step, 1, "Source: café -> Calc", &["café", "op2"], [9_200, 0]),
        union(step),
        windows(step),
        sink(step),
        late_sink(step),
    ];
    let edge = |from: usize, to, exchange, rows| EdgeView { from, to, exchange, rows };
    let hash = |column: &str| ExchangeView::Hash(vec![column.to_owned()]);
    let through = counter(step, 88_700);
    JobView {
        name: "hot".to_owned(),
        status: JobStatus::Running,
        cause: None,
        restarts: 1,
        earlier_restarts: 0,
        uptime_ms: 95_000 + step * STEP_MS,
        parallelism: 4,
        max_parallelism: 128,
        now_ms,
        source_rows: through,
        sink_rows: counter(step, 1_900),
        vertices,
        edges: vec![
            edge(0, 2, ExchangeView::Rebalance, counter(step, 79_500)),
            edge(1, 2, ExchangeView::Rebalance, counter(step, 9_200)),
            edge(2, 3, hash("auction"), through),
            edge(3, 4, hash("window_end"), counter(step, 1_900)),
            edge(3, 5, ExchangeView::Forward, counter(step, 12)),
        ],
        checkpoints: checkpoints(now_ms),
        checkpoint_interval_ms: Some(5_000),
        next_checkpoint_ms: Some(now_ms + 3_200),
        savepoints: savepoints(),
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
        status: SubtaskStatus::Running,
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
            operators: Arc::new(vec![OperatorView::default()]),
            ..subtask(step, index, rate, if rate == 0 { (0, 0) } else { (35, 60) })
        })
        .collect();
    VertexView {
        id,
        name: name.to_owned(),
        operators: operators.iter().map(|&uid| uid.to_owned()).collect(),
        columns: vec!["auction".to_owned(), "price".to_owned()],
        unanswered: 0,
        sink: false,
        source: true,
        slot_group: None,
        subtasks,
    }
}

fn rejected() -> Vec<Arc<RejectedRowView>> {
    let rows = [
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
    ];
    rows.map(Arc::new).to_vec()
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
            operators: Arc::new(vec![OperatorView::default(), OperatorView::default()]),
            ..subtask(step, index, 44_000, (22, 70))
        })
        .collect();
    VertexView {
        id: 2,
        name: "Union -> Calc".to_owned(),
        operators: vec!["op3".to_owned(), "op4".to_owned()],
        columns: vec!["auction".to_owned(), "price".to_owned()],
        unanswered: 0,
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
                operators: Arc::new(vec![window_operator(watermark, index), OperatorView::default()]),
                ..subtask(step, index, [24_000, 22_000, 41_500, 1_200][index], load)
            }
        })
        .collect();
    VertexView {
        id: 3,
        name: "Window(hop(10s, 2s)) -> TopN".to_owned(),
        operators: vec!["hot-windows".to_owned(), "op6".to_owned()],
        columns: vec!["auction".to_owned(), "window_start".to_owned(), "window_end".to_owned(), "n".to_owned()],
        unanswered: 0,
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
            keys_at_least: nth == 3,
            rows,
            fired: nth == 0,
            entries: keys
                .iter()
                .zip(1_u64..)
                .map(|(key, place)| WindowEntryView {
                    key: vec![(*key).into()],
                    values: vec![
                        (rows / place / 3).to_string().into(),
                        format!("{:.2}", 1_412.5 / f64::from(place as u32)).into(),
                    ],
                })
                .collect(),
        }
    });
    let windows = WindowsView {
        open: open.collect(),
        left_out: 0,
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
        keys: vec!["auction".to_owned()],
        values: vec!["n".to_owned(), "avg_price".to_owned()],
    };
    let hot_keys = vec![
        HotKeyView { key: vec![(1_001 + index * 7).to_string().into()], rows: 4_310 / (1 + index as u64), of: 8_192 },
        HotKeyView { key: vec![["東京都", "café", "x", HOSTILE][index].into()], rows: 204, of: 8_192 },
    ];
    OperatorView {
        watermark: Some(watermark),
        sections: vec![
            Section::Windows(windows),
            Section::Late(if index == 2 { late(watermark) } else { LateView::default() }),
            Section::Timers(6),
            Section::Entries(EntriesView { count: 1_240, bytes: 96_400 }),
            Section::HotKeys(hot_keys),
        ],
    }
}

fn late(watermark: i64) -> LateView {
    let rows: Vec<LateRowView> = (0..3)
        .map(|nth| LateRowView {
            row: format!("auction=1001, price={}, channel={}", 900 + nth, if nth == 1 { HOSTILE } else { "東京" }),
            values: vec![
                "1001".into(),
                (900 + nth).to_string().into(),
                (if nth == 1 { HOSTILE } else { "東京" }).into(),
            ],
            time: watermark - 14_000 + nth * 400,
            window_ends: vec![watermark - 6_000, watermark - 4_000],
            watermark: watermark - 1_000 + nth * 100,
            late_by_ms: 3_001 + nth,
        })
        .collect();
    let by_lateness = rows.iter().map(|row| LatenessView { late_by_ms: row.late_by_ms, rows: 1 }).collect();
    let columns = ["auction", "price", "channel"].map(str::to_owned).to_vec();
    LateView { columns, rows, allowed_ms: Some(0), by_lateness, merged: false }
}

fn sink(step: i64) -> VertexView {
    let output = |index: usize| {
        let last = 400 + step.unsigned_abs() * 8;
        (last.saturating_sub(60)..last)
            .map(|sequence| OutputRowView {
                sequence,
                kind: ["+I", "-U", "+U", "-D"][(sequence as usize + index) % 4].to_owned(),
                values: vec![
                    (1_001 + sequence * 7 % 90).to_string().into(),
                    draw::time(Some(FIRST_EVENT_MS + sequence as i64 / 6 * 2_000)).into(),
                    (sequence * 37 % 900).to_string().into(),
                    ["Google", "東京", "Baidu", HOSTILE][sequence as usize % 4].into(),
                ],
            })
            .map(Arc::new)
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
            operators: Arc::new(vec![OperatorView::default()]),
            ..subtask(step, index, 950, (2, 0))
        })
        .collect();
    VertexView {
        id: 4,
        name: "Sink: hot_file".to_owned(),
        operators: vec!["hot_file".to_owned()],
        columns: ["auction", "window_end", "n", "channel"].map(str::to_owned).to_vec(),
        unanswered: 0,
        sink: true,
        source: false,
        slot_group: None,
        subtasks,
    }
}

fn late_sink(step: i64) -> VertexView {
    VertexView {
        id: 5,
        name: "Sink: late_file".to_owned(),
        operators: vec!["late_file".to_owned()],
        columns: vec!["auction".to_owned(), "price".to_owned()],
        unanswered: 0,
        sink: true,
        subtasks: vec![SubtaskView {
            inputs: inputs(step, &[(3, 0, 5_500, false), (3, 2, 6_200, false)]),
            watermark: Some(newest(step) - 6_200),
            output: vec![Arc::new(OutputRowView {
                sequence: 1,
                kind: "+I".to_owned(),
                values: vec!["1001".into(), "900".into()],
            })],
            ..subtask(step, 0, 12, (0, 0))
        }],
        ..VertexView::default()
    }
}
