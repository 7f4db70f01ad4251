use super::*;

#[test]
fn a_row_that_fails_changes_nothing() {
    let text = "process failing {
      state n bigint;
      state xs list<bigint>;
      state m map<string, bigint>;
      state sum aggregating sum(v);
      on event {
        emit k, n, cardinality(xs) as items, m[s] as entry, sum;
        n = coalesce(n, 0) + 1;
        add v to xs;
        m[s] = n;
        add to sum;
        timer t at event_time + 1ms;
        emit v as side to sides;
        let x = n / (v - 3);
        if v = 4 { while true { n = n + 1; } }
        if v = 5 { xs[7] = 1; }
        if v = 6 { timer t at cast(null as timestamp); }
        if v = 7 { n = cast(s as bigint); }
      }
      on timer t { emit k, n, cardinality(xs) as items, cast(null as bigint) as entry, sum; n = n / (n - n); }
    }";
    let values: Vec<_> =
        [1, 3, 1, 4, 5, 6, 7, 1].iter().zip(0_i64..).map(|(&v, row)| (Some(1), Some(v), row * 10)).collect();
    let steps: Vec<Step> =
        values.iter().map(|&row| Step::Rows(0, rows(&[row]))).chain([Step::Watermark(100)]).collect();
    let stream = planned(text);
    let outcome = in_order(stream.last(), &steps);
    assert_eq!(outcome.rows, ["1|null|0|null|null @0", "1|1|1|1|1 @20", "1|2|2|2|2 @70"]);
    assert_eq!(outcome.side, ["late: 1 @0", "late: 1 @20", "late: 1 @70"]);
    insta::assert_snapshot!(outcome.rejected.join("\n"));
    broken_anywhere(stream.last(), &steps);
    // In one batch it is the same.
    let whole = in_order(stream.last(), &[Step::Rows(0, rows(&values)), Step::Watermark(100)]);
    assert_eq!(whole, outcome);
}

fn refused(text: &str) -> String {
    match bound(text) {
        Ok(_) => panic!("`{text}` is taken"),
        Err(error) => match error.label {
            Some(label) => format!("{} [{label}]", error.message),
            None => error.message,
        },
    }
}

#[test]
fn mistakes_are_shown_with_their_line() {
    let on_event = |body: &str| {
        refused(&format!(
            "process p {{\n  state n bigint;\n  state xs list<bigint>;\n  on event {{\n    {body}\n  }}\n}}"
        ))
    };
    let found = [
        on_event("n = 'text';"),
        on_event("m = 1;"),
        on_event("v = 1;"),
        on_event("emit amount;"),
        on_event("emit k; emit v;"),
        on_event("emit k as a; emit s as a;"),
        on_event("let x = null;"),
        on_event("if v { }"),
        on_event("for x in n { }"),
        on_event("add 1 to n;"),
        on_event("add 'x' to xs;"),
        on_event("n[1] = 2;"),
        on_event("emit timer_time as t;"),
        refused("process p { state v bigint; on event { } }"),
        refused("process p { on left { } }"),
        refused("process p { state x bigint broadcast; on event { } }"),
        refused("process p { on event { timer t at v > 1; } on timer t { } }"),
        refused("process p { on event { timer t at event_time; } on timer t { emit v; } }"),
        refused("process p { state m map<double, bigint>; on event { } }"),
    ];
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn state_and_timers_need_a_key_and_event_timers_event_time() {
    let text = "process p { state x bigint; on event { x = v; } }";
    let function = function(text);
    let mut stream = FakeStream::new(&schema());
    stream.functions = vec![Arc::clone(&function)];
    let error = stream.stage("process", vec![Arg::Name(function.name.clone())], vec![]).expect_err("is refused");
    assert_eq!(error.message, "in process `p`, line 1: the stream has no key to keep state of");
    // Without state it needs none.
    let function = super::function("process p { on event { if v > 1 { emit v * 2 as w; } } }");
    stream.functions = vec![Arc::clone(&function)];
    stream.stage("process", vec![Arg::Name(function.name.clone())], vec![]).expect("binds");
    let outcome = in_order(stream.last(), &[Step::Rows(0, rows(&[(None, Some(3), 1), (None, Some(1), 2)]))]);
    assert_eq!(outcome.rows, ["6 @1"]);
    let function = super::function("process p { on event { timer t at event_time; } on timer t { } }");
    let mut stream = FakeStream::new(&schema());
    stream.shape = StreamShape::of(schema());
    stream.stage("key_by", vec![names(&["k"])], vec![]).expect("binds");
    stream.functions = vec![Arc::clone(&function)];
    let error = stream.stage("process", vec![Arg::Name(function.name.clone())], vec![]).expect_err("is refused");
    assert!(error.message.contains("the stream has no event time"), "{error}");
}

#[test]
fn pruned_it_reads_only_what_is_needed() {
    let text = "process p { state n bigint; on event { n = coalesce(n, 0) + 1; emit v, n, s; } }";
    let stream = planned(text);
    let pruned = stream.last().prune(&[1]).expect("narrows");
    assert_eq!(pruned.inputs, [vec![0]]);
    let input = rows(&[(Some(1), Some(5), 1), (Some(1), Some(6), 2)]);
    let narrowed = Batch::new(input.columns().project(&[0]).expect("projects"), input.times().clone());
    assert_eq!(in_order(&*pruned.operator, &[Step::Rows(0, narrowed)]).rows, ["1 @1", "2 @2"]);
    let pruned = stream.last().prune(&[1, 2]).expect("narrows");
    assert_eq!(pruned.inputs, [vec![0, 2]]);
    let narrowed = Batch::new(input.columns().project(&[0, 2]).expect("projects"), input.times().clone());
    assert_eq!(in_order(&*pruned.operator, &[Step::Rows(0, narrowed)]).rows, ["1|c @1", "2|a @2"]);
}
