//! The keys of the dashboard itself. Help and the status line follow from this table; `App::frame_key` acts on them.

/// A key and what it does.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyHelp {
    /// As it is shown.
    pub(super) keys: &'static str,
    /// The effect of the key, for help.
    pub(super) what: &'static str,
    /// In a word, for the status line; empty when it is not worth the room.
    pub(super) hint: &'static str,
}

const fn key(keys: &'static str, hint: &'static str, what: &'static str) -> KeyHelp {
    KeyHelp { keys, what, hint }
}

/// The keys that concern the job.
pub(super) const JOB: &[KeyHelp] = &[
    key("space", "pause", "pauses the job, or lets it go on"),
    key("c", "checkpoint", "takes a checkpoint"),
    key("s", "savepoint", "writes a savepoint; asks for the directory"),
    key("r", "restore", "starts the job again from a checkpoint or savepoint of a list"),
    key("+ -", "rescale", "raises or lowers the parallelism by one"),
    key("x", "kill", "fails a subtask on purpose; asks which, and once more"),
    key("[ ]", "", "the job before or after this one"),
    key("J", "", "the jobs, with what `show jobs` tells of each"),
    key(":", "command", "any statement of the shell; Tab completes, Up and Down recall"),
];

/// The keys that concern the view.
pub(super) const VIEW: &[KeyHelp] = &[
    key("Tab Shift-Tab", "", "the panel after or before this one"),
    key("1 … 8", "panel", "the panel of that number"),
    key("z", "zoom", "gives the panel the whole screen, or takes it back"),
    key("v", "freeze", "holds what is shown while the job goes on; again: shows what is now"),
    key("e", "export", "writes the panel's rows to a JSON file in the current directory"),
    key("E", "", "the same as CSV"),
    key("y Y", "", "copies what is chosen in the panel to the clipboard (OSC 52), or to a file"),
    key("t", "", "theme: dark, light"),
    key("?", "help", "this help; type to search in it"),
    key("Ctrl-L", "", "draws the screen anew"),
    key("Ctrl-Z", "", "stops lotic and its jobs until `fg`"),
    key("q F2 Esc", "leave", "back to the prompt; Esc closes what is open first"),
    key("mouse", "", "a click chooses a panel or row, the wheel scrolls"),
];
