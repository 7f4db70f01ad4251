//! Every panel at every size, with a lively job, an empty one and a huge one.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;

use super::panels;
use crate::dashboard::testing::{empty, huge, model};
use crate::dashboard::{Model, Panel, Reaction, Theme};

/// The text that a panel draws on a screen of this size.
pub(super) fn screen(panel: &mut dyn Panel, model: &Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| panel.draw(frame, frame.area(), model, &Theme::dark())).unwrap();
    terminal.backend().to_string()
}

/// Presses a character after the other; what came of the last.
pub(super) fn press(panel: &mut dyn Panel, keys: &str, model: &Model) -> Reaction {
    let mut last = Reaction::Ignored;
    for c in keys.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            c => KeyCode::Char(c),
        };
        last = panel.key(KeyEvent::new(code, KeyModifiers::NONE), model);
    }
    last
}

#[test]
fn panels_at_three_sizes() {
    let model = model();
    for spec in panels() {
        for (width, height) in [(80, 24), (120, 40), (200, 60)] {
            let mut panel = (spec.create)();
            // The frame of the dashboard takes two columns and some rows.
            let drawn = screen(panel.as_mut(), &model, width - 2, height - 5);
            insta::assert_snapshot!(format!("{}_{width}x{height}", spec.name), drawn);
        }
    }
}

#[test]
fn panels_of_a_job_without_anything() {
    let model = empty();
    for spec in panels() {
        let mut panel = (spec.create)();
        insta::assert_snapshot!(format!("{}_empty", spec.name), screen(panel.as_mut(), &model, 78, 8));
    }
}

/// Draws every panel into areas of these sizes, amid a screen, and looks for what was drawn outside.
fn draws_only_inside(model: &Model, (columns, rows): (u16, u16), sizes: &[(u16, u16)]) {
    for spec in panels() {
        let mut panel = (spec.create)();
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        for &(width, height) in sizes {
            let area = Rect::new((columns - width) / 2, (rows - height) / 2, width, height);
            let drawn = terminal.draw(|frame| panel.draw(frame, area, model, &Theme::plain())).unwrap();
            let buffer = drawn.buffer;
            for (x, y) in (0..columns).flat_map(|x| (0..rows).map(move |y| (x, y))) {
                let inside = area.contains((x, y).into());
                let symbol = buffer[(x, y)].symbol();
                assert!(inside || symbol == " ", "{} draws {symbol:?} beside {area} at {x},{y}", spec.name);
            }
        }
        // An area that is not wholly on the screen.
        terminal.draw(|frame| panel.draw(frame, Rect::new(30, 20, 78, 19), model, &Theme::light())).unwrap();
    }
}

#[test]
fn no_area_is_too_small() {
    let every = |nth: usize| -> Vec<(u16, u16)> {
        let all = (0..=60_u16).flat_map(|width| (0..=30_u16).map(move |height| (width, height)));
        all.step_by(nth).collect()
    };
    draws_only_inside(&model(), (62, 32), &every(1));
    draws_only_inside(&empty(), (62, 32), &every(3));
    draws_only_inside(&huge(), (62, 32), &every(7));
}

#[test]
fn no_area_is_too_large() {
    let sizes = [(78, 19), (200, 60), (260, 90), (260, 1), (1, 90)];
    for model in [model(), empty(), huge()] {
        draws_only_inside(&model, (262, 92), &sizes);
    }
}

#[test]
fn data_never_drives_the_terminal() {
    let (model, huge) = (model(), huge());
    for spec in panels() {
        for model in [&model, &huge] {
            let mut panel = (spec.create)();
            let mut terminal = Terminal::new(TestBackend::new(200, 60)).unwrap();
            for keys in ["", "\n", "j\n", "G"] {
                press(panel.as_mut(), keys, model);
                terminal.draw(|frame| panel.draw(frame, frame.area(), model, &Theme::dark())).unwrap();
                let cells = &terminal.backend().buffer().content;
                let bad = cells.iter().find(|cell| cell.symbol().chars().any(char::is_control));
                assert!(bad.is_none(), "{}: {bad:?}", spec.name);
            }
        }
    }
}

#[test]
fn any_key_and_click_is_survived_and_the_frames_own_keys_are_left_alone() {
    let own = "123456789z vcsr+-x:?teEq[]";
    for model in [model(), empty(), huge()] {
        for spec in panels() {
            let mut panel = (spec.create)();
            screen(panel.as_mut(), &model, 80, 24);
            for c in own.chars() {
                assert_eq!(press(panel.as_mut(), &c.to_string(), &model), Reaction::Ignored, "{} takes {c}", spec.name);
            }
            for code in [KeyCode::Tab, KeyCode::Esc, KeyCode::F(2)] {
                let key = KeyEvent::new(code, KeyModifiers::NONE);
                assert_eq!(panel.key(key, &model), Reaction::Ignored, "{} takes {code:?}", spec.name);
            }
            for c in "ohjklpfwgGnNOK\n".chars() {
                press(panel.as_mut(), &c.to_string(), &model);
                screen(panel.as_mut(), &model, 80, 24);
            }
            let area = Rect::new(0, 0, 80, 24);
            for (column, row) in (0..80).step_by(9).flat_map(|x| (0..24).map(move |y| (x, y))) {
                for kind in [MouseEventKind::Down(MouseButton::Left), MouseEventKind::ScrollDown] {
                    panel.mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }, area, &model);
                }
                screen(panel.as_mut(), &model, 40, 12);
            }
            assert!(!panel.listing(&model).columns.is_empty());
        }
    }
}

#[test]
fn every_search_field_is_typed_into_and_left() {
    let model = model();
    for spec in panels().iter().filter(|spec| spec.keys.iter().any(|(key, _)| key.contains('/'))) {
        let mut panel = (spec.create)();
        screen(panel.as_mut(), &model, 80, 24);
        assert_eq!(press(panel.as_mut(), "/", &model), Reaction::Redraw);
        assert!(panel.takes_text(), "{}", spec.name);
        press(panel.as_mut(), "qz 1", &model);
        assert!(panel.takes_text() && screen(panel.as_mut(), &model, 80, 24).contains("/qz 1"), "{}", spec.name);
        press(panel.as_mut(), "\n", &model);
        assert!(!panel.takes_text(), "{}", spec.name);
        press(panel.as_mut(), "/\u{1b}", &model);
        assert!(!panel.takes_text() && !screen(panel.as_mut(), &model, 80, 24).contains("/qz"), "{}", spec.name);
    }
}
