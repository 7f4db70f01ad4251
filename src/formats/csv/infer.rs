//! The columns of a CSV file from its first records.

use super::super::guess::{Guess, RECORDS_MAX};
use super::super::{FormatOptions, Inferred};
use super::cells::{Dialect, SplitCell, split};
use crate::types::{Field, Schema};

/// The columns of `sample`: named by its header, or `f0`, `f1`, … without one. Unless option `header` says, the first line
/// is a header when its cells are different texts and no numbers, times or truth values.
///
/// # Errors
/// When the sample has no line, or its header is no list of names.
pub fn infer(sample: &[u8], options: &FormatOptions) -> Result<Inferred, String> {
    let dialect = Dialect::new(options)?;
    let sample = sample.strip_prefix("\u{feff}".as_bytes()).unwrap_or(sample);
    // The sample may have cut its last line.
    let whole = memchr::memrchr(b'\n', sample).map_or(sample, |end| &sample[..end]);
    let mut records = whole
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
        .take(RECORDS_MAX)
        .filter_map(|line| split(line, dialect.delimiter));
    let first = records.next().ok_or("the sample has no line")?;
    let has_header = dialect.header.unwrap_or_else(|| is_header(&first));
    let guess_of = |cell: &SplitCell| {
        if !cell.quoted && cell.text.as_bytes() == dialect.null_literal {
            Guess::Nothing
        } else if cell.quoted {
            Guess::of_time(&cell.text)
        } else {
            Guess::of_text(&cell.text)
        }
    };
    let (names, mut guesses): (Vec<String>, Vec<Guess>) = if has_header {
        if !is_header(&first) {
            return Err("the header has an empty or repeated name, or values in the place of names".to_owned());
        }
        first.iter().map(|cell| (cell.text.trim().to_owned(), Guess::Nothing)).unzip()
    } else {
        first.iter().enumerate().map(|(i, cell)| (format!("f{i}"), guess_of(cell))).unzip()
    };
    let mut looked_at = usize::from(!has_header);
    for record in records {
        looked_at += 1;
        // A line of another width is reported when it is read.
        if record.len() == guesses.len() {
            for (guess, cell) in guesses.iter_mut().zip(&record) {
                *guess = std::mem::replace(guess, Guess::Nothing).or(guess_of(cell));
            }
        }
    }
    let fields = names.into_iter().zip(guesses).map(|(name, guess)| Field::new(name, guess.into_type()));
    Ok(Inferred { schema: Schema::new(fields.collect::<Vec<_>>()), records: looked_at })
}

fn is_header(cells: &[SplitCell]) -> bool {
    cells.iter().enumerate().all(|(i, cell)| {
        let name = cell.text.trim();
        !name.is_empty()
            && Guess::of_text(name) == Guess::String
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && cells[..i].iter().all(|earlier| earlier.text.trim() != name)
    })
}
