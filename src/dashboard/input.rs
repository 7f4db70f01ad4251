//! Keys, pastes and the mouse.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::Reaction;
use super::app::{App, Effect, Look};
use super::draw::{bytes, count, duration, width};
use super::export::stamp;
use super::export::{self, Export};
use super::header::mark;
use super::leave::Leave;
use super::overlay::{Ask, Choice, Choose, CommandLine, Confirm, Help, Overlay, Step, Then};
use super::statement::{self, name};
use crate::inspect::{CheckpointStatus, CheckpointView, SavepointView};

/// Bytes that are copied at most: terminals take no longer ones.
const COPIED_MAX: usize = 50_000;
/// Lines that one step of the wheel scrolls.
const WHEEL: i32 = 3;

impl App {
    /// Acts on a key.
    pub fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            #[expect(clippy::wildcard_enum_match_arm, reason = "the other keys are nobody's here")]
            match key.code {
                KeyCode::Char('c') => return self.interrupt(),
                KeyCode::Char('z') => return vec![Effect::Suspend],
                KeyCode::Char('l') => return vec![Effect::Repaint],
                _ => {}
            }
        }
        if key.code == KeyCode::F(2) {
            return self.leave(Leave::ToPrompt);
        }
        if self.overlay.is_some() {
            return self.overlay_key(key);
        }
        if self.takes_text() || panel_first(key.code) {
            match self.panel_key(key) {
                Some(effects) => return effects,
                // What is typed into a search is never a command.
                None if self.takes_text() && matches!(key.code, KeyCode::Char(_)) => return Vec::new(),
                None => {}
            }
        }
        match self.frame_key(key) {
            Some(effects) => effects,
            None if panel_first(key.code) => Vec::new(),
            None => self.panel_key(key).unwrap_or_default(),
        }
    }

    /// Text was pasted. Nothing of it is a command.
    pub fn paste(&mut self, text: &str) {
        let search = self.takes_text();
        match &mut self.overlay {
            Some(Overlay::Command(line)) => line.paste(text),
            Some(Overlay::Ask(ask)) => ask.paste(text),
            Some(Overlay::Help(help)) => help.paste(text),
            Some(Overlay::Choose(_) | Overlay::Confirm(_) | Overlay::Popup(_)) => {}
            None if search => {
                for c in text.chars().filter(|c| !c.is_control()).take(1_000) {
                    let _ = self.panel_key(KeyEvent::from(KeyCode::Char(c)));
                }
            }
            None => self.say(": opens the line that takes text".to_owned(), false),
        }
    }

    /// A click, or the wheel.
    pub fn mouse(&mut self, event: MouseEvent) -> Vec<Effect> {
        let place = (event.column, event.row);
        let wheel = match event.kind {
            MouseEventKind::ScrollUp => Some(-WHEEL),
            MouseEventKind::ScrollDown => Some(WHEEL),
            MouseEventKind::Down(MouseButton::Left) => None,
            MouseEventKind::Down(_)
            | MouseEventKind::Up(_)
            | MouseEventKind::Drag(_)
            | MouseEventKind::Moved
            | MouseEventKind::ScrollLeft
            | MouseEventKind::ScrollRight => return Vec::new(),
        };
        match (&mut self.overlay, wheel) {
            (Some(Overlay::Popup(popup)), Some(lines)) => popup.scroll(lines),
            (Some(Overlay::Help(help)), Some(lines)) => help.scroll(lines),
            (Some(Overlay::Choose(choose)), Some(lines)) => choose.go(lines.signum()),
            (Some(Overlay::Choose(choose)), None) => {
                let step = choose.click(place.0, place.1);
                return self.step(step);
            }
            (Some(_), _) => {}
            (None, wheel) => {
                if wheel.is_none() {
                    let hit = |&&(area, _): &&(ratatui::layout::Rect, usize)| area.contains(place.into());
                    if let Some(&(_, panel)) = self.areas.tabs.iter().find(hit) {
                        self.focus(panel);
                        return Vec::new();
                    }
                }
                return self.panel_mouse(event, wheel.is_none());
            }
        }
        Vec::new()
    }

    fn panel_mouse(&mut self, event: MouseEvent, click: bool) -> Vec<Effect> {
        let place = (event.column, event.row).into();
        let hit = |&&(_, area): &&(usize, ratatui::layout::Rect)| area.contains(place);
        let Some(&(panel, _)) = self.areas.tiles.panels.iter().find(hit) else { return Vec::new() };
        if click {
            self.focus = panel;
        }
        let Some(&(_, area)) = self.areas.inside.iter().find(|inside| inside.0 == panel && inside.1.contains(place))
        else {
            return Vec::new();
        };
        let reaction = self.panels.get_mut(panel).map(|mounted| mounted.panel.mouse(event, area, &self.model));
        self.react(reaction.unwrap_or(Reaction::Ignored)).unwrap_or_default()
    }

    fn takes_text(&self) -> bool {
        self.panels.get(self.focus).is_some_and(|mounted| mounted.panel.takes_text())
    }

    /// Ctrl-C: ends what runs, closes what is open, or leaves.
    fn interrupt(&mut self) -> Vec<Effect> {
        match &self.overlay {
            Some(Overlay::Popup(popup)) if popup.is_running() => vec![Effect::Interrupt],
            // Pressed again, it is meant.
            Some(Overlay::Choose(choose)) if choose.asks_to_leave() => vec![Effect::Leave(Leave::Back)],
            Some(_) => {
                self.overlay = None;
                Vec::new()
            }
            None => self.leave(Leave::Back),
        }
    }

    fn leave(&mut self, leave: Leave) -> Vec<Effect> {
        if leave == Leave::Back && self.demo.is_some() && self.jobs.iter().any(|job| !job.status.is_final()) {
            let choice = |text: &str, then| Choice { text: text.to_owned(), then };
            let choices = vec![
                choice("leave it running, and go to the prompt", Then::Leave(Leave::ToPrompt)),
                choice("end it and leave", Then::Leave(Leave::Back)),
                choice("stay", Then::Stay),
            ];
            self.overlay = Some(Overlay::Choose(Choose::new("The demo's job is running".to_owned(), choices, 0)));
            return Vec::new();
        }
        let mut effects = Vec::new();
        if matches!(&self.overlay, Some(Overlay::Popup(popup)) if popup.is_running()) {
            effects.push(Effect::Interrupt);
        }
        effects.push(Effect::Leave(leave));
        effects
    }

    fn overlay_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        let step = match &mut self.overlay {
            None => return Vec::new(),
            Some(Overlay::Help(help)) => help.key(key),
            Some(Overlay::Command(line)) => line.key(key, &self.history, &self.complete),
            Some(Overlay::Choose(choose)) => choose.key(key),
            Some(Overlay::Confirm(confirm)) => confirm.key(key),
            Some(Overlay::Ask(ask)) => ask.key(key),
            Some(Overlay::Popup(popup)) => popup.key(key),
        };
        self.step(step)
    }

    fn step(&mut self, step: Step) -> Vec<Effect> {
        match step {
            Step::Stay => return Vec::new(),
            Step::Interrupt => return vec![Effect::Interrupt],
            Step::Leave(leave) => return vec![Effect::Leave(leave)],
            Step::Close => self.overlay = None,
            Step::Confirm { question, statement } => {
                self.overlay = Some(Overlay::Confirm(Confirm::new(question, statement)));
            }
            Step::Job(job) => {
                self.overlay = None;
                self.select(&job);
            }
            Step::Statement(statement) => {
                return match self.overlay.take() {
                    Some(Overlay::Command(_)) => self.run_typed(statement),
                    _ => self.run(statement),
                };
            }
        }
        Vec::new()
    }

    /// Gives the key to the panel that has the focus; `None` when it has no use for it.
    fn panel_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        let reaction = self.panels.get_mut(self.focus)?.panel.key(key, &self.model);
        self.react(reaction)
    }

    fn react(&mut self, reaction: Reaction) -> Option<Vec<Effect>> {
        match reaction {
            Reaction::Ignored => return None,
            Reaction::Redraw => {}
            Reaction::Statement(statement) => return Some(self.run(statement)),
            Reaction::Ask { question, statement } => {
                self.overlay = Some(Overlay::Confirm(Confirm::new(question, statement)));
            }
            Reaction::Message(text) => self.say(text, false),
        }
        Some(Vec::new())
    }

    /// The keys of `keys::JOB` and `keys::VIEW`; `None` for any other.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are the panel's")]
    fn frame_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return None;
        }
        let panels = self.panels.len();
        match key.code {
            KeyCode::Tab if panels > 0 => self.focus((self.focus + 1) % panels),
            KeyCode::BackTab if panels > 0 => self.focus((self.focus + panels - 1) % panels),
            KeyCode::Char(digit @ '1'..='9') => self.focus(usize::from(digit as u8 - b'1')),
            KeyCode::Char('z') => {
                self.zoom = !self.zoom;
                self.main = self.focus;
            }
            KeyCode::Char('v') => self.freeze(),
            KeyCode::Char('t') => self.change_theme(),
            KeyCode::Char('e') => return Some(self.export("json")),
            KeyCode::Char('E') => return Some(self.export("csv")),
            KeyCode::Char('y') => return Some(self.copy()),
            KeyCode::Char('Y') => return Some(self.copy_to_file()),
            KeyCode::Char('?') | KeyCode::F(1) => {
                let specs: Vec<_> = self.panels.iter().map(|mounted| mounted.spec).collect();
                self.overlay = Some(Overlay::Help(Help::new(&specs, self.focus)));
            }
            KeyCode::Char(':') => self.overlay = Some(Overlay::Command(CommandLine::default())),
            KeyCode::Esc if self.zoom => self.zoom = false,
            KeyCode::Esc | KeyCode::Char('q') => return Some(self.leave(Leave::Back)),
            KeyCode::Char(c @ (' ' | 'c' | 's' | 'r' | '+' | '=' | '-' | '_' | 'x' | '[' | ']' | 'J')) => {
                return Some(self.job_key(c));
            }
            _ => return None,
        }
        Some(Vec::new())
    }

    fn job_key(&mut self, key: char) -> Vec<Effect> {
        if self.jobs.is_empty() {
            self.say("there is no job; : opens the line that takes `run …`".to_owned(), true);
            return Vec::new();
        }
        let statement = match key {
            ' ' => statement::pause_or_resume(&self.live),
            '+' | '=' => statement::rescale(&self.live, true),
            '-' | '_' => statement::rescale(&self.live, false),
            'c' => Ok(format!("checkpoint {}", name(&self.live.name))),
            's' => {
                let directory = format!("savepoints/{}-{}", export::file_part(&self.live.name), stamp(self.now_ms));
                let before = format!("savepoint {} to", name(&self.live.name));
                let note = "A directory that is not there yet:";
                self.overlay = Some(Overlay::Ask(Ask::new("Savepoint", note, before, &directory)));
                return Vec::new();
            }
            'r' => return self.open(self.restores(), "nothing to restore: c takes a checkpoint, s a savepoint"),
            'x' => return self.open(self.subtasks(), "the job has no running subtasks"),
            'J' => return self.open(self.job_list(), "there is no other job"),
            ']' => return self.next_job(1),
            _ => return self.next_job(self.jobs.len().saturating_sub(1)),
        };
        match statement {
            Ok(statement) => self.run(statement),
            Err(why) => {
                self.say(why, true);
                Vec::new()
            }
        }
    }

    fn open(&mut self, list: Option<Choose>, nothing: &str) -> Vec<Effect> {
        match list {
            Some(list) => self.overlay = Some(Overlay::Choose(list)),
            None => self.say(nothing.to_owned(), false),
        }
        Vec::new()
    }

    /// Completed checkpoints and savepoints, the newest first.
    fn restores(&self) -> Option<Choose> {
        let (view, job) = (&self.live, name(&self.live.name));
        let ago = |at_ms: i64| duration(view.now_ms.saturating_sub(at_ms));
        let checkpoint = |taken: &CheckpointView| {
            let size = taken.full_bytes.map_or_else(String::new, |full| format!(" · {}", bytes(full)));
            let text = format!("checkpoint {} · {} ago{size}", taken.id, ago(taken.triggered_ms));
            let statement = format!("restore {job} from checkpoint {}", taken.id);
            (taken.triggered_ms, Choice { text, then: Then::Statement(statement) })
        };
        let savepoint = |written: &SavepointView| {
            let text = format!("savepoint {} · {} ago", written.directory, ago(written.written_ms));
            let statement = format!("restore {job} from savepoint {}", statement::text(&written.directory));
            (written.written_ms, Choice { text, then: Then::Statement(statement) })
        };
        let checkpoints =
            view.checkpoints.iter().filter(|taken| taken.status == CheckpointStatus::Completed).map(checkpoint);
        let savepoints = view.savepoints.iter().filter(|written| written.cause.is_none()).map(savepoint);
        let mut choices: Vec<(i64, Choice)> = checkpoints.chain(savepoints).collect();
        choices.sort_by_key(|choice| std::cmp::Reverse(choice.0));
        let title = if view.status.is_final() {
            format!("Start {} again from", view.name)
        } else {
            format!("Cancel {} and start it again from", view.name)
        };
        (!choices.is_empty()).then(|| Choose::new(title, choices.into_iter().map(|choice| choice.1).collect(), 0))
    }

    /// The subtasks that can be killed.
    fn subtasks(&self) -> Option<Choose> {
        let view = &self.live;
        let mut choices = Vec::new();
        for vertex in &view.vertices {
            for subtask in &vertex.subtasks {
                let place = format!("{}[{}]", vertex.id, subtask.index);
                let (rows_in, rows_out) = (count(subtask.rows_in), count(subtask.rows_out));
                choices.push(Choice {
                    text: format!(
                        "{place}  {}  {} · rows in {rows_in}, out {rows_out}",
                        vertex.name,
                        subtask.status.name()
                    ),
                    then: Then::Confirm {
                        question: format!(
                            "Kill subtask {place} ({}) of {}? The job restarts from its last checkpoint.",
                            vertex.name, view.name
                        ),
                        statement: format!("kill subtask {place} of {}", name(&view.name)),
                    },
                });
            }
        }
        let list = || Choose::new(format!("Kill a subtask of {}", view.name), choices, 0);
        (!view.status.is_final() && view.vertices.iter().any(|vertex| !vertex.subtasks.is_empty())).then(list)
    }

    fn job_list(&self) -> Option<Choose> {
        let widest = |of: fn(&super::JobLine) -> usize| self.jobs.iter().map(of).max().unwrap_or(0);
        let (names, states) = (widest(|job| width(&job.name)), widest(|job| job.status.name().len()));
        let line = |job: &super::JobLine| {
            let super::JobFacts { parallelism, rows_in, rows_out, restarts, checkpoints, cause } = &job.facts;
            let cause = cause.as_ref().map_or_else(String::new, |cause| format!("  {cause}"));
            let text = format!(
                "{} {}{}  {:<states$}  parallelism {parallelism}  rows in {:<4} out {:<4}  restarts {restarts}  checkpoints {checkpoints}{cause}",
                mark(job.status),
                job.name,
                " ".repeat(names - width(&job.name)),
                job.status.name(),
                count(*rows_in),
                count(*rows_out),
            );
            Choice { text, then: Then::Job(job.name.clone()) }
        };
        let at = self.job_number();
        (!self.jobs.is_empty()).then(|| Choose::new("Jobs".to_owned(), self.jobs.iter().map(line).collect(), at))
    }

    /// The number of the job that is shown, from 0.
    pub(super) fn job_number(&self) -> usize {
        self.jobs.iter().position(|job| Some(&job.name) == self.job.as_ref()).unwrap_or(0)
    }

    fn next_job(&mut self, by: usize) -> Vec<Effect> {
        let next = (self.job_number() + by) % self.jobs.len().max(1);
        match self.jobs.get(next).map(|job| job.name.clone()) {
            Some(_) if self.jobs.len() < 2 => self.say("there is no other job".to_owned(), false),
            Some(job) => self.select(&job),
            None => {}
        }
        Vec::new()
    }

    fn freeze(&mut self) {
        if self.frozen_ms.take().is_none() {
            self.frozen_ms = Some(self.now_ms);
        } else if !self.live.name.is_empty() {
            self.model.update(Arc::clone(&self.live));
        }
    }

    fn change_theme(&mut self) {
        self.look = match self.look {
            Look::Dark => Look::Light,
            Look::Light => Look::Dark,
            Look::Plain => {
                self.say("no colours: NO_COLOR is set".to_owned(), false);
                Look::Plain
            }
        };
        self.theme = self.look.theme();
    }

    /// What is chosen in the panel, for whoever wants it elsewhere.
    fn chosen(&mut self) -> Option<String> {
        let chosen = self.panels.get(self.focus).and_then(|mounted| mounted.panel.chosen(&self.model));
        if chosen.is_none() {
            self.say("nothing is chosen in this panel that could be copied".to_owned(), false);
        }
        chosen
    }

    fn copy(&mut self) -> Vec<Effect> {
        match self.chosen() {
            None => Vec::new(),
            Some(text) if text.len() > COPIED_MAX => {
                self.say("too long for a terminal's clipboard; Y writes it to a file".to_owned(), true);
                Vec::new()
            }
            Some(text) => {
                self.say(format!("copied, where the terminal allows it: {text}"), false);
                vec![Effect::Copy(text)]
            }
        }
    }

    fn copy_to_file(&mut self) -> Vec<Effect> {
        let Some(mut text) = self.chosen() else { return Vec::new() };
        text.push('\n');
        vec![Effect::Export(Export { stem: self.stem("value"), extension: "txt", text })]
    }

    /// The name of a file that is written now: `hot-windows-20260101-120000`.
    fn stem(&self, what: &str) -> String {
        let job = export::file_part(if self.model.view.name.is_empty() { "lotic" } else { &self.model.view.name });
        format!("{job}-{what}-{}", stamp(self.now_ms))
    }

    fn export(&mut self, extension: &'static str) -> Vec<Effect> {
        let Some(mounted) = self.panels.get(self.focus) else { return Vec::new() };
        let listing = mounted.panel.listing(&self.model);
        let text = if extension == "json" { export::json(&listing) } else { export::csv(&listing) };
        let stem = self.stem(mounted.spec.name);
        vec![Effect::Export(Export { stem, extension, text })]
    }
}

/// Keys that a panel may have its own meaning for: closing what it has open, taking the row that is chosen in it.
const fn panel_first(code: KeyCode) -> bool {
    matches!(code, KeyCode::Esc | KeyCode::Enter | KeyCode::Char('x' | 'r'))
}
