//! The events of the job, and the state it keeps.

use super::{FIRST_EVENT_MS, HOSTILE, START_MS};
use crate::dashboard::draw;
use crate::inspect::{
    CheckpointStatus, CheckpointView, EventView, KeyGroupView, SavepointView, Severity, StateColumn, StateEntryView,
    StateOrigin, StateView,
};

pub(super) fn checkpoints(now_ms: i64) -> Vec<CheckpointView> {
    let completed = |id: u64, ago_ms, duration_ms, delta| CheckpointView {
        id,
        status: CheckpointStatus::Completed,
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
            status: CheckpointStatus::Failed,
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
        status: CheckpointStatus::Pending,
        duration_ms: None,
        alignment_ms: None,
        delta_bytes: None,
        full_bytes: None,
        ..completed(8, 12, 0, 0)
    });
    all
}

pub(super) fn events(now_ms: i64) -> Vec<EventView> {
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
        event(2, START_MS - 40_000, Severity::Info, "savepoint sp/hot's", "written from checkpoint 3", None),
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
pub(in crate::dashboard) fn states(origin: StateOrigin) -> Vec<StateView> {
    let column = |name: &str, ty: &str, key| StateColumn { name: name.to_owned(), ty: ty.to_owned(), key };
    let rows: Vec<StateEntryView> = (0..40)
        .map(|nth: i64| StateEntryView {
            namespace: Some(FIRST_EVENT_MS + nth / 8 * 2_000),
            key_group: u16::try_from(nth * 37 % 128).unwrap_or(0),
            values: vec![
                if nth == 5 { HOSTILE.into() } else { (1_001 + nth * 3).to_string().into() },
                if nth == 3 { "東京都".into() } else { ["Google", "Apple", "Baidu"][nth as usize % 3].into() },
                (nth * 113 % 4_000).to_string().into(),
                format!("{}.50", nth * 997 % 90_000).into(),
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
                    values: vec![draw::time(Some(FIRST_EVENT_MS + nth * 2_000)).into(), (nth * 71).to_string().into()],
                })
                .collect(),
            key_groups: vec![KeyGroupView { key_group: 9, subtask: 0, entries: 3, bytes: 210 }],
        },
    ]
}

pub(super) fn savepoints() -> Vec<SavepointView> {
    vec![
        SavepointView { checkpoint: 3, directory: "sp/hot's".to_owned(), written_ms: START_MS - 40_000, cause: None },
        SavepointView {
            checkpoint: 5,
            directory: "/mnt/full/hot-2".to_owned(),
            written_ms: START_MS - 20_000,
            cause: Some("No space left on device (os error 28)".to_owned()),
        },
    ]
}
