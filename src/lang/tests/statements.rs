//! Statements, and where they end.

use super::expressions::tree;
use super::registry::GRAMMAR;
use crate::api::{
    Arg, EvictorCall, Pattern, Pipeline, RunStatement, SelectItem, StageArgs, StartFrom, TriggerWhen, WatermarkClause,
};
use crate::lang::ast::Statement;
use crate::lang::{Due, Splitter, due, parse};
use crate::types::LogicalType;

fn arg(arg: &Arg) -> String {
    let options = |options: &[(crate::types::Spanned<String>, crate::expr::ast::ExprNode)]| {
        options.iter().map(|(name, value)| format!("{}={}", name.node, tree(value))).collect::<Vec<_>>().join(" ")
    };
    match arg {
        Arg::Expr(expr) => tree(expr),
        Arg::Exprs(items) => {
            let items = items.iter().map(|item| match item {
                SelectItem::Expr(named) => {
                    tree(&named.expr) + &named.name.as_ref().map_or(String::new(), |name| format!(":{}", name.node))
                }
                SelectItem::Star { except, .. } => {
                    format!("*-{}", except.iter().map(|name| name.node.as_str()).collect::<Vec<_>>().join("-"))
                }
            });
            items.collect::<Vec<_>>().join(", ")
        }
        Arg::Order(items) => {
            let item = |item: &crate::api::OrderItem| {
                let nulls = item.nulls_first.map_or("", |first| if first { " nulls first" } else { " nulls last" });
                format!("{}{}{nulls}", tree(&item.expr), if item.descending { " desc" } else { "" })
            };
            items.iter().map(item).collect::<Vec<_>>().join(", ")
        }
        Arg::Duration(ms) => format!("{}ms", ms.node),
        Arg::Integer(number) => number.node.to_string(),
        Arg::Name(name) => name.node.clone(),
        Arg::Names(names) => names.iter().map(|name| name.node.as_str()).collect::<Vec<_>>().join("+"),
        Arg::Stream(stream) => named(&stream.name.node, stream.alias.as_ref()),
        Arg::Watermark(clause) => format!("{clause:?}"),
        Arg::Range(range) => format!("{}..{}ms", range.node.from_ms, range.node.to_ms),
        Arg::Pattern(all) => pattern(all),
        Arg::Window(call) => {
            format!("{}<{}>", call.name.node, call.args.iter().map(tree).collect::<Vec<_>>().join(", "))
        }
        Arg::Trigger(call) => {
            let purging = if call.purging { "purging " } else { "" };
            purging.to_owned()
                + &match &call.when {
                    TriggerWhen::OnWatermark => "at end".to_owned(),
                    TriggerWhen::Every(ms) => format!("every {}ms", ms.node),
                    TriggerWhen::Count(rows) => format!("count {}", rows.node),
                    TriggerWhen::OnEvent => "each".to_owned(),
                    TriggerWhen::Delta(by, of) => format!("delta {} {}", tree(by), tree(of)),
                    TriggerWhen::Never => "never".to_owned(),
                }
        }
        Arg::Evictor(call) => match call {
            EvictorCall::Last(rows) => format!("last {}", rows.node),
            EvictorCall::Within(ms) => format!("within {}ms", ms.node),
            EvictorCall::Delta(by, of) => format!("delta {} {}", tree(by), tree(of)),
        },
        Arg::Options(all) => options(all),
        Arg::Flag => String::new(),
        Arg::Subtask(vertex, index) => format!("{}#{}", vertex.node, index.node),
        Arg::Rounds(rounds) => {
            let until = rounds.until.as_ref().map_or_else(String::new, |until| format!(" until {}", tree(until)));
            format!("{}{until} {{{}}}", rounds.most.node, stages_of(&rounds.stages))
        }
        Arg::Pipeline(all) => pipeline(all),
        Arg::Run(all) => run(all),
        Arg::File { path, options: all } => format!("file {}{}", path.node, options(all)),
        Arg::Sink { name, path, options: all } => {
            let path = path.as_ref().map_or(String::new(), |path| format!(" '{}'", path.node));
            format!("{}{path}[{}]", name.node, options(all))
        }
    }
}

fn pattern(all: &Pattern) -> String {
    match all {
        Pattern::Variable(name) => name.node.clone(),
        Pattern::Not(name) => format!("!{}", name.node),
        Pattern::Sequence(parts) => {
            let parts = parts.iter().map(|(link, part)| format!("{}{}", link.text().trim(), pattern(part)));
            format!("[{}]", parts.collect::<Vec<_>>().join(" "))
        }
        Pattern::Either(parts) => format!("<{}>", parts.iter().map(pattern).collect::<Vec<_>>().join(" ")),
        Pattern::Repeat { pattern: of, min, max, reluctant, .. } => {
            let max = max.map_or_else(String::new, |max| max.to_string());
            format!("{}{{{min},{max}}}{}", pattern(of), if *reluctant { "?" } else { "" })
        }
    }
}

fn args(all: &StageArgs) -> String {
    let head = all.head.iter().map(|one| format!(" {}", arg(one))).collect::<Vec<_>>().concat();
    let clauses =
        all.clauses.iter().map(|(name, one)| format!(" {{{} {}}}", name.node, arg(one))).collect::<Vec<_>>().concat();
    format!("{}{head}{clauses}", all.name.node)
}

fn stages_of(stages: &[crate::api::Stage]) -> String {
    stages.iter().map(|stage| format!(" | {}", args(&stage.args))).collect::<Vec<_>>().concat()
}

fn pipeline(all: &Pipeline) -> String {
    let stages = stages_of(&all.stages);
    format!("{}{stages}", named(&all.from.node, all.alias.as_ref()))
}

fn named(name: &str, alias: Option<&crate::types::Spanned<String>>) -> String {
    alias.map_or_else(|| name.to_owned(), |alias| format!("{name}:{}", alias.node))
}

fn run(all: &RunStatement) -> String {
    let pipelines: Vec<_> = all.pipelines.iter().map(pipeline).collect();
    let from = match &all.from {
        None => String::new(),
        Some(StartFrom::Latest) => " from latest".to_owned(),
        Some(StartFrom::Checkpoint(number)) => format!(" from checkpoint {number}"),
        Some(StartFrom::Savepoint(directory)) => format!(" from savepoint {directory}"),
    };
    format!("run {}({}){from} = {}", all.name.node, all.options.len(), pipelines.join("; "))
}

fn shown(text: &str) -> Vec<String> {
    let statements = match parse(text, &GRAMMAR) {
        Ok(statements) => statements,
        Err(error) => panic!("{}", error.render(text, "test", false)),
    };
    let show = |statement: &Statement| match statement {
        Statement::Source(source) => format!("source {}", source.name.node),
        Statement::Sink(sink) => format!("sink {}", sink.name.node),
        Statement::Stream { name, pipeline: all, .. } => format!("stream {} = {}", name.node, pipeline(all)),
        Statement::Process(process) => {
            format!(
                "process {}: {} states, {} handlers",
                process.name.node,
                process.states.len(),
                process.handlers.len()
            )
        }
        Statement::Function(function) => format!("function {}{}", function.name.node, function.signature()),
        Statement::Preview(all) => pipeline(all),
        Statement::Run(all) => run(all),
        Statement::Command(command) => format!("! {}", args(command)),
    };
    statements.iter().map(|statement| show(&statement.node)).collect()
}

#[test]
fn a_source_takes_its_clauses_in_any_order_on_any_line() {
    let text = "source bids from file 'demo-data/nexmark/bid.ndjson'\n  event_time date_time watermark 4s -- the watermark\n\
                \n  -- not over: no\n with (format = 'json', `on_error` = skip, 'a' = -1, k.l = true)";
    // The empty line ends it, so the clause behind it is a mistake.
    assert!(parse(text, &GRAMMAR).is_err());
    let text = text.replace("\n\n", "\n");
    let statements = parse(&text, &GRAMMAR).unwrap();
    let [statement] = statements.as_slice() else { panic!("{statements:?}") };
    let Statement::Source(source) = &statement.node else { panic!("{statement:?}") };
    assert_eq!(source.name.node, "bids");
    assert_eq!(source.connector.node, "file");
    assert_eq!(source.target.as_ref().unwrap().node, "demo-data/nexmark/bid.ndjson");
    assert_eq!(
        source.event_time.as_ref().unwrap().watermark,
        Some(WatermarkClause::Behind { delay_ms: 4_000, when: None })
    );
    let options: Vec<_> = source.options.iter().map(|(name, value)| (name.node.as_str(), tree(value))).collect();
    assert_eq!(
        options,
        [("format", "'json'".into()), ("on_error", "skip".into()), ("a", "(-1)".into()), ("k.l", "true".into())]
    );
    assert_eq!(source.span.range(), 0..text.len());
}

#[test]
fn columns_have_types_and_may_refuse_nulls() {
    let text = "SOURCE s FROM file 'x' COLUMNS (auction BIGINT NOT NULL, t timestamp(3) null, m decimal(5,2), `end` varchar(3))";
    let statements = parse(text, &GRAMMAR).unwrap();
    let Statement::Source(source) = &statements[0].node else { panic!("{statements:?}") };
    let columns: Vec<_> = source
        .columns
        .as_ref()
        .unwrap()
        .iter()
        .map(|column| (column.name.node.as_str(), column.ty.node.clone(), column.nullable))
        .collect();
    assert_eq!(
        columns,
        [
            ("auction", LogicalType::BigInt, false),
            ("t", LogicalType::Timestamp, true),
            ("m", LogicalType::Decimal(5, 2), true),
            ("end", LogicalType::String, true),
        ]
    );
}

#[test]
fn stages_and_commands_are_parsed_by_their_signatures() {
    assert_eq!(
        shown(
            "bids | where price > 1000 | select *, price * 2 as p, * except (a, b), x | flat_map unnest(e) as k, v
               | group_by coalesce(k, '?') as k, bids.x | window HOP(10s, 2s) late_to late LATENESS 5s
               | aggregate count(*) as n, avg(price) filter (where price > 0) | union a, b | uid 'x' | parallelism 3
               | into file 'out' with (format = 'json')"
        ),
        ["bids | filter (price > 1000) | map *-, (price * 2):p, *-a-b, x | flat_map unnest(e) {as k+v} \
          | key_by coalesce(k, '?'):k, bids.x | window hop<10000ms, 2000ms> {late_to late} {lateness 5000ms} \
          | aggregate count(*):n, avg(price where (price > 0)) | union a+b | uid x | parallelism 3 \
          | into file 'out'[format='json']"]
    );
    assert_eq!(
        shown(
            "orders as o | join payments as p on o.id = p.order_id within -1s..10s | join rates as of o.ts on cur = o.cur
             a | join b within 0s..<1m | join c within -2m..-1m on 1 = 1"
        ),
        [
            "orders:o | join payments:p {on (o.id = p.order_id)} {within -1000..10000ms} \
             | join rates {as of o.ts} {on (cur = o.cur)}",
            "a | join b {within 0..59999ms} | join c {within -120000..-60000ms} {on (1 = 1)}",
        ]
    );
    for (text, message) in [
        ("a | join b within 5s..1s", "nothing lies in this stretch of time: its end comes before its beginning"),
        ("a | join b within 5..10s", "the duration has no unit"),
    ] {
        assert_eq!(parse(text, &GRAMMAR).unwrap_err().message, message);
    }
    assert_eq!(
        shown(
            "show jobs --json; describe bids; explain bids | limit 5 --mermaid; explain hot;
             restore hot from savepoint 'sp' with (parallelism = 3); restore hot from checkpoint 7; rescale hot to 4
             stop hot with savepoint 'x' drain; kill subtask window[1] of hot; kill subtask 'Source: bids'[0] of hot
             kill taskmanager 1; why late hot; state hot where auction = 1 --json; help; help window; help \\d
             subtasks --json; subtasks hot"
        ),
        [
            "! show jobs {--json }",
            "! describe bids",
            "! explain bids | limit 5 {--mermaid }",
            "! explain hot",
            "! restore hot {from savepoint sp} {with parallelism=3}",
            "! restore hot {from checkpoint 7}",
            "! rescale hot {to 4}",
            "! stop hot {with savepoint x} {drain }",
            "! kill subtask window#1 {of hot}",
            "! kill subtask Source: bids#0 {of hot}",
            "! kill taskmanager 1",
            "! why late hot",
            "! state hot {where (auction = 1)} {--json }",
            "! help",
            "! help window",
            "! help \\d",
            "! subtasks {--json }",
            "! subtasks hot",
        ]
    );
}

#[test]
fn a_run_has_one_pipeline_or_a_block() {
    assert_eq!(
        shown(
            "run hot2 with (parallelism = 2) {
               bids | key_by auction | window tumble(10s) lateness 5s late_to late_bids | aggregate count(*) as n | into hot_file;
               late_bids | into print;
             }
             run a = bids | into print; run b { a | into print }"
        ),
        [
            "run hot2(1) = bids | key_by auction | window tumble<10000ms> {lateness 5000ms} {late_to late_bids} \
             | aggregate count(*):n | into hot_file[]; late_bids | into print[]",
            "run a(0) = bids | into print[]",
            "run b(0) = a | into print[]",
        ]
    );
}

#[test]
fn a_run_says_what_it_starts_from_before_or_behind_its_options() {
    assert_eq!(
        shown(
            "run a from latest = bids | into print
             run a with (parallelism = 2) from savepoint 'sp/1' { bids | into print }
             run a
               from checkpoint 7
               with (parallelism = 2)
             = bids | into print"
        ),
        [
            "run a(0) from latest = bids | into print[]",
            "run a(1) from savepoint sp/1 = bids | into print[]",
            "run a(1) from checkpoint 7 = bids | into print[]",
        ]
    );
}

#[test]
fn directives_end_with_their_line_and_take_bare_words() {
    assert_eq!(
        shown("\\d bids\n.mode CSV -- comment\n.read sessions/first.lotic\n.read 'a b'; \\? window\n\\q"),
        ["! \\d bids", "! .mode csv", "! .read sessions/first.lotic", "! .read a b", "! \\? window", "! \\q"]
    );
}

#[test]
fn explain_takes_what_run_takes() {
    assert_eq!(
        shown(
            "explain run hot with (a = 1) = bids\n | limit 5 --json; explain run both {\n bids | limit 1;\n bids }
            explain run | limit 3; explain run"
        ),
        [
            "! explain run hot(1) = bids | limit 5 {--json }",
            "! explain run both(0) = bids | limit 1; bids",
            "! explain run | limit 3",
            "! explain run"
        ]
    );
}

#[test]
fn a_flag_is_a_comment_where_no_command_declares_it() {
    assert_eq!(
        shown("show jobs --jsonx\nbids | limit 5 --json\n--json\nexplain bids\n | limit 2 --json"),
        ["! show jobs", "bids | limit 5", "! explain bids | limit 2 {--json }",]
    );
}

#[test]
fn a_line_that_completes_a_statement_ends_it() {
    assert_eq!(
        shown(
            "bids\n\n | limit\n 5\nbids |\n limit 1\nstream s =\n  bids\nbids | filter (a\n > 1)\nbids | map a,\n b\n;;"
        ),
        ["bids | limit 5", "bids | limit 1", "stream s = bids", "bids | filter (a > 1)", "bids | map a, b"]
    );
    // Clauses may stand on the next line; what only looks like one may not.
    assert_eq!(
        shown(
            "run r\nwith (a = 1)\n= bids | window tumble(1s)\n lateness 1s\n | into file 'x'\n with (f = 1)\nwith | limit 1"
        ),
        ["run r(1) = bids | window tumble<1000ms> {lateness 1000ms} | into file 'x'[f=1]", "with | limit 1"]
    );
    // A case is not over before its end.
    assert_eq!(
        shown("bids | map case\n when a\n then b\n end\nbids | filter a between 1\n and 2"),
        ["bids | map case when a then b end", "bids | filter (a between 1 and 2)"]
    );
    // A command does not reach for the next line.
    assert!(parse("describe\nbids", &GRAMMAR).is_err());
    assert_eq!(shown("help\nbids"), ["! help", "bids"]);
}

#[test]
fn words_of_statements_are_names_of_streams_before_a_pipe() {
    assert_eq!(
        shown("source | limit 1\nshow | limit 1\n`run`\nselect | limit 1\nstream stream = run | limit 1"),
        ["source | limit 1", "show | limit 1", "run", "select | limit 1", "stream stream = run | limit 1"]
    );
}

#[test]
fn a_prompt_waits_for_what_is_due() {
    let closing = Due::Closing;
    for (text, expected) in [
        ("", Due::Nothing),
        ("  -- comment", Due::Nothing),
        ("bids", Due::Nothing),
        ("bids |", Due::More),
        ("bids | filter", Due::More),
        ("bids | filter a >", Due::More),
        ("bids | filter (a > 1", closing(")")),
        ("bids | filter a[(1 + 2) ", closing("]")),
        ("bids | filter a > 1", Due::Nothing),
        ("bids | fliter (", Due::Nothing),
        ("bids | filter ) (", Due::Nothing),
        ("run x {", closing("}")),
        ("run x { bids | into print;", closing("}")),
        ("run x with (parallelism = 2", closing(")")),
        ("source g from nexmark 'bid'\n  with (events = 20,", closing(")")),
        ("source g from nexmark 'bid'\n  with", Due::More),
        ("run x { bids | into print; }", Due::End),
        ("run x { bids | into print; };", Due::Nothing),
        ("stream s =", Due::More),
        ("source s from", Due::More),
        ("source s from file 'x'", Due::End),
        ("source s from file 'x'\n", Due::Nothing),
        ("source s from file 'x';", Due::Nothing),
        ("run a = b", Due::End),
        ("run a = b\n  | into c", Due::End),
        ("bids | limit 1", Due::Nothing),
        ("describe", Due::Nothing),
        ("show jobs; bids |", Due::More),
        ("bids | flat_map unnest(x)", Due::More),
        ("explain bids |", Due::More),
        ("state hot where (a", closing(")")),
        ("bids | filter a = 'x", closing("'")),
        ("/* bids", closing("*/")),
        ("`bids", closing("`")),
        (".mode", Due::Nothing),
    ] {
        assert_eq!(due(text, &GRAMMAR), expected, "{text}");
    }
}

/// Cut a line at a time, a script gives the statements it gives as a whole.
#[test]
fn lines_one_after_another_give_the_same_statements() {
    let text = "\u{feff}source b from file 'x'\r\n  columns (a int,\r\n b int)\r\n\r\nb | filter a > 'it''s;\n'\n  | limit 5\n\
                show jobs --json; b | limit 1; b\n/* a\n\n comment; */ | limit 2 -- ; x\n.mode csv\nrun r {\n b | into print;\n}\nb";
    let mut splitter = Splitter::default();
    let mut pieces = Vec::new();
    for line in text.split_inclusive('\n') {
        pieces.extend(splitter.push(line, &GRAMMAR));
    }
    pieces.extend(splitter.finish());
    let one_by_one: Vec<String> = pieces.iter().flat_map(|piece| shown(piece)).collect();
    assert_eq!(one_by_one, shown(text));
    assert_eq!(one_by_one.len(), 8);
    assert_eq!(splitter.finish(), None);
}

#[test]
fn a_semicolon_gives_a_statement_out_at_once_and_mistakes_too() {
    let mut splitter = Splitter::default();
    assert_eq!(splitter.push("bids | limit 1", &GRAMMAR), Vec::<String>::new());
    assert_eq!(splitter.push("; bids | fliter x;\n", &GRAMMAR), ["bids | limit 1;", " bids | fliter x;"]);
    assert_eq!(splitter.push("bids | filter \"x\"\n", &GRAMMAR), ["\nbids | filter \"x\"\n"]);
    assert_eq!(splitter.push("bids | filter ) |\nbids\n", &GRAMMAR), Vec::<String>::new());
    assert_eq!(splitter.finish().as_deref(), Some("bids | filter ) |\nbids\n"));
}

#[test]
fn patterns_are_rows_behind_rows() {
    let shown = |text: &str| {
        let text = format!("bids | match {text} per k within 10s define A as p > 1, B as B.p < A.p measures A.p as a");
        parse(&text, &GRAMMAR).map_or_else(|error| format!("{error:?}"), |_| super::statements::shown(&text).concat())
    };
    let of = |text: &str| shown(text).split_once(" {per").map(|(head, _)| head.replacen("bids | match ", "", 1));
    for (text, expected) in [
        ("(A)", "A"),
        ("(A B+ C?)", "[A B{1,} C{0,1}]"),
        ("(A->B*?->>C{2}\n D{2,}? E{,3} F{1,2}?)", "[A ->B{0,}? ->>C{2,2} D{2,}? E{0,3} F{1,2}?]"),
        ("(A not B -> not C -> `not`)", "[A !B ->!C ->not]"),
        ("(-> A{2} (B | C D)+ ((E)))", "[->A{2,2} <B [C D]>{1,} E]"),
    ] {
        assert_eq!(of(text).as_deref(), Some(expected), "{text}: {}", shown(text));
    }
    assert!(shown("(A B)").ends_with("{per k} {within 10000ms} {define (p > 1):A, (B.p < A.p):B} {measures A.p:a}"));
    for text in ["()", "(A", "(not)", "(A ->)", "(A | )", "(not A+)", "(A**)", "(A??)", "(A{})", "(A{,})", "A", "(+)"] {
        assert!(shown(text).contains("expected"), "{text}: {}", shown(text));
    }
    for text in ["(A{2,1})", "(A{0})", "(A{1001})", "(A{99999999999999999999})"] {
        assert!(shown(text).contains("out of range"), "{text}: {}", shown(text));
    }
}
