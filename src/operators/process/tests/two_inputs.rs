use super::*;
use crate::api::StateRead;
use crate::inspect::{StateEntryView, StateOrigin, StateQuery};
use crate::types::CellValue;

fn connected(text: &str, broadcast: bool, keyed: bool) -> Result<FakeStream, Diagnostic> {
    let function = function(text);
    let mut stream = FakeStream::new(&schema());
    stream.others = vec![("rules", StreamShape { time: stream.shape.time.clone(), ..StreamShape::of(schema()) })];
    if keyed {
        stream.stage("key_by", vec![names(&["k"])], vec![])?;
    }
    let other = NamedStream { name: at("rules".to_owned()), alias: None };
    let clauses = if broadcast { vec![("broadcast", Arg::Flag)] } else { vec![] };
    stream.stage("connect", vec![Arg::Stream(other)], clauses)?;
    stream.functions = vec![Arc::clone(&function)];
    stream.stage("process", vec![Arg::Name(function.name.clone())], vec![])?;
    Ok(stream)
}

pub(super) fn bind(text: &str, broadcast: bool) -> FakeStream {
    connected(text, broadcast, true).unwrap_or_else(|error| panic!("{error}"))
}

/// Rows of both inputs with times, watermarks and late rows.
fn steps() -> Vec<Step> {
    let of = |input: usize, values: &[(Option<i64>, i64, i64)]| {
        Step::Rows(input, rows(&values.iter().map(|&(k, v, time)| (k, Some(v), time)).collect::<Vec<_>>()))
    };
    vec![
        of(0, &[(Some(1), 1, 10), (Some(2), 2, 11), (None, 3, 12)]),
        of(1, &[(Some(1), 100, 12), (None, 200, 12)]),
        of(0, &[(Some(1), 4, 13), (None, 5, 13), (Some(2), 6, 10)]),
        Step::Watermark(15),
        of(1, &[(Some(2), 300, 9), (Some(1), 400, 16)]),
        of(0, &[(Some(2), 7, 17), (Some(1), 8, 17)]),
        Step::Watermark(30),
    ]
}

#[test]
fn both_sides_see_the_state_of_one_key() {
    let text = "process p {
      state name bigint; state waiting list<bigint>;
      on left { if name is null { add v to waiting; timer late at event_time + 4ms; } else { emit k, v, name; } }
      on right { name = v; for w in waiting { emit k, w as v, name; } clear waiting; }
      on timer late { for w in waiting { emit k, w, timer_time as at to missed; } clear waiting; }
    }";
    let stream = bind(text, false);
    assert_eq!(
        stream.last().describe(),
        "function=[p], keys=[k], state=[name bigint, waiting array<bigint>], timers=[late]"
    );
    let outcome = in_order(stream.last(), &steps());
    let expected = ["1|1|100 @12", "null|3|200 @12", "1|4|100 @13", "null|5|200 @13", "2|7|300 @17", "1|8|400 @17"];
    assert_eq!(outcome.rows, expected);
    assert_eq!(outcome.side, ["late: 2|2|00:00:00.014 @14", "late: 2|6|00:00:00.014 @14"]);
    broken_anywhere(stream.last(), &steps());
}

#[test]
fn broadcast_state_is_the_same_in_every_instance() {
    let text = "process p {
      state rules map<bigint, bigint> broadcast; state last bigint broadcast; state n bigint;
      on left { n = coalesce(n, 0) + 1; let sum = 0; for key, rule in rules { sum = sum + rule; } emit k, v, n, sum, last; }
      on right { rules[coalesce(k, 0)] = v; last = v; }
    }";
    let stream = bind(text, true);
    let expected = [
        "1|1|1|0|null @10",
        "2|2|1|0|null @11",
        "null|3|1|0|null @12",
        "1|4|2|300|200 @13",
        "null|5|2|300|200 @13",
        "2|6|2|300|200 @10",
        "2|7|3|900|400 @17",
        "1|8|3|900|400 @17",
    ];
    assert_eq!(in_order(stream.last(), &steps()).rows, expected);
    broken_anywhere(stream.last(), &steps());
}

#[test]
fn broadcast_state_is_shown_once() {
    let text = "process p {
      state rules map<bigint, bigint> broadcast; state last bigint broadcast; state n bigint;
      on left { n = coalesce(n, 0) + 1; }
      on right { rules[coalesce(k, 0)] = v; last = v; }
    }";
    let shown = |subtask: usize| {
        let mut context = crate::operators::testing::context();
        context.subtask = subtask;
        let mut running = bind(text, true).last().create(&context).expect("creates");
        let mut out = crate::operators::testing::Recorder::default();
        running.process(1, rows(&[(Some(1), Some(10), 1), (Some(2), Some(20), 1)]), &mut out).expect("processes");
        running.process(0, rows(&[(Some(7), Some(0), 2)]), &mut out).expect("processes");
        let query = StateQuery { limit: 9, ..Default::default() };
        let reads = running.read_state(&query).expect("reads").expect("can be read");
        let view = |read| StateRead::view(vec![read], ("p", "p"), StateOrigin::Live, &|_| 0);
        let lines = reads.into_iter().filter_map(view).map(|view| {
            let row = |row: &StateEntryView| row.values.iter().map(CellValue::as_str).collect::<Vec<_>>().join("=");
            format!("{}: {}", view.state, view.rows.iter().map(row).collect::<Vec<_>>().join(" "))
        });
        lines.collect::<Vec<_>>()
    };
    assert_eq!(shown(0), ["rules: 1=10 2=20", "last: 20", "n: 7=1"]);
    assert_eq!(shown(1), ["n: 7=1"]);
}

#[test]
fn what_does_not_fit_two_inputs_is_refused() {
    let refused = |text: &str, broadcast: bool, keyed: bool| match connected(text, broadcast, keyed) {
        Ok(_) => panic!("`{text}` is taken"),
        Err(error) => error.to_string(),
    };
    let found = [
        refused("process p { on event { } }", false, true),
        refused("process p { state r bigint broadcast; on left { r = 1; } on right { } }", true, true),
        refused("process p { state n bigint; on left { } on right { n = 1; } }", true, true),
        refused("process p { state n bigint; on left { } on right { emit n; } }", true, true),
        refused("process p { on left { } on right { timer t at event_time; } on timer t { } }", true, true),
        refused("process p { state n bigint; on left { } on right { } }", false, false),
    ];
    insta::assert_snapshot!(found.join("\n"));
}
