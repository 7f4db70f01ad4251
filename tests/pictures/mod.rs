//! The README's pictures: screens of real runs as SVG. They are compared as snapshots are, so that they stay true.

mod svg;

use std::sync::Arc;

use lotic::dashboard::{App, AppOptions, JobLine, panels};
use lotic::lang::ast::Statement;
use lotic::plan::JobGraph;
use lotic::runtime::{JobOptions, MakeGraph, Stepper};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent};

use crate::common::{EPOCH_MS, TestSession};
use crate::pty::Pty;

/// The panel of windows, in the middle of a run on the clock of the stepping executor: the same on every machine.
#[test]
fn the_dashboard() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    let script = "source readings from demo 'sensors' with (rows = 20000, rate = 100, seed = 7);
        run sensors with (parallelism = 2) {
          readings
            | key_by sensor
            | window tumble(1m) lateness 10s late_to late_readings
            | aggregate count(*) as readings, avg(temperature) as mean, max(temperature) as highest
            | into print;
          late_readings | key_by sensor | aggregate count(*) as late | into print;
        }";
    let mut statements = test.session.parse(script).expect("parses");
    let Some(Statement::Run(run)) = statements.pop().map(|statement| statement.node) else { panic!("a job") };
    for statement in &statements {
        lotic::commands::execute(&mut test.session, &statement.node).expect("runs");
    }
    let plan = test.session.plan_job(&run).expect("a plan");
    let stream = plan.stream_graph();
    let make: Arc<MakeGraph> = Arc::new(move |parallelism| Ok(JobGraph::from_stream_graph(&stream, Some(parallelism))));
    let options = JobOptions::of(&plan.settings);
    let mut job = Stepper::launch(make, 2, options, None, None, 7, EPOCH_MS).expect("it starts");
    let mut app = App::new(panels(), AppOptions { panel: 3, ..AppOptions::default() });
    // The clock moves where nothing else can.
    while job.now_ms() < EPOCH_MS + 60_000 {
        let next_ms = job.now_ms() + 250;
        while job.now_ms() < next_ms && job.step() {}
        let view = job.view();
        app.set_jobs(vec![JobLine::of(&view)], job.now_ms());
        app.update(Arc::new(view));
    }
    app.key(KeyEvent::from(KeyCode::Char('4')));
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).expect("a screen");
    terminal.draw(|frame| app.draw(frame)).expect("drawn");
    insta::assert_binary_snapshot!("dashboard.svg", svg::of_buffer(terminal.backend().buffer()).into_bytes());
}

/// `why late` at the prompt.
#[test]
fn why_late() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::open(directory.path(), (120, 50), &[], &[]);
    pty.prompt();
    pty.statement("source readings from demo 'sensors' with (rows = 2000, rate = 0, seed = 7);");
    pty.statement(
        "run sensors = readings | key_by sensor | window tumble(1m) | aggregate count(*) as n | into blackhole;",
    );
    pty.says("job sensors finished");
    pty.prompt();
    pty.press("\u{c}why late sensors;\r");
    pty.shows("late_by");
    pty.prompt();
    insta::assert_binary_snapshot!("why_late.svg", pty.look(svg::of_terminal).into_bytes());
}
