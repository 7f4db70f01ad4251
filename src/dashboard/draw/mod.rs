//! The parts that panels are drawn with: clipped text, numbers for people, bars, tables that scroll, a time ruler, a
//! search field. All text that comes from data passes [`text::clean`] on its way to the screen.

mod bars;
mod canvas;
mod cursor;
mod format;
mod plot;
mod ruler;
mod search;
mod table;
mod text;
mod value;

pub(crate) use bars::{bar, load_bar};
pub(crate) use canvas::{Canvas, Cut, Pieces, scroll};
pub(crate) use cursor::Cursor;
pub(crate) use format::{bytes, clock, count, duration, fraction, micros, percent, rate, time};
pub(crate) use plot::plot;
pub(crate) use ruler::Ruler;
pub(crate) use search::Search;
pub(crate) use table::{Cell, Col, Table, scrollbar};
pub(crate) use text::{clean, fit, pad_left, pad_right, width};
pub(crate) use value::{numeric, value};
