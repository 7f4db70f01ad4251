//! What was asked for of how rows are shown, at the prompt, in a script or in the dashboard.

use std::path::PathBuf;

use super::mode::Mode;
use super::shell::Shell;
use crate::session::{Cells, Display};
use crate::types::Result;

impl Shell {
    /// Shows rows otherwise from now on. Returns the remark about it, if one is due.
    ///
    /// # Errors
    /// When rows can't go to the file that was asked for: they go where they went then.
    pub(super) fn set_display(&mut self, change: Display) -> Result<Option<String>> {
        match change {
            Display::Mode(mode) => {
                if let Ok(mode) = mode.parse() {
                    self.rows.set_mode(mode);
                }
            }
            Display::Rows(rows) => self.rows.set_wanted(rows),
            Display::Expanded => {
                let mode = if self.rows.mode() == Mode::Vertical { Mode::Table } else { Mode::Vertical };
                self.rows.set_mode(mode);
                return Ok(Some(format!("rows are shown in the mode {}", mode.name())));
            }
            Display::Cells(change) => return Ok(self.change_look(change)),
            Display::Timer(Some(on)) => self.timer = on,
            Display::Timer(None) => {
                self.timer = !self.timer;
                return Ok(Some(format!("the timer is {}", if self.timer { "on" } else { "off" })));
            }
            Display::Output(file) => return self.send_rows(file).map(Some),
        }
        Ok(None)
    }

    fn change_look(&self, change: Cells) -> Option<String> {
        let mut look = self.rows.look();
        match change {
            Cells::Show => {
                let digits = look.digits.map_or_else(|| "all".to_owned(), |digits| digits.to_string());
                let zone = look.zone.map_or("UTC", |zone| zone.name());
                let thousands = if look.thousands { "on" } else { "off" };
                return Some(format!("thousands {thousands}, digits {digits}, timezone {zone}"));
            }
            Cells::Thousands(on) => look.thousands = on,
            Cells::Digits(digits) => look.digits = digits,
            Cells::Zone(zone) => look.zone = Some(zone),
        }
        self.rows.set_look(look);
        None
    }

    fn send_rows(&self, file: Option<(PathBuf, bool)>) -> Result<String> {
        let to = file.as_ref().map(|(path, overwrite)| (path.as_path(), *overwrite));
        let before = self.rows.set_file(to)?;
        Ok(match (file, before) {
            (Some((path, _)), _) => format!("rows go to {}; `.output` ends it", path.display()),
            (None, Some(path)) => format!("rows went to {}", path.display()),
            (None, None) => "rows go to the screen".to_owned(),
        })
    }
}
