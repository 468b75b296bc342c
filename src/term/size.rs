//! How wide the terminal is, for output that is only printed.

/// Columns; none where there is no terminal.
pub fn columns() -> Option<usize> {
    let (columns, _) = crossterm::terminal::size().ok()?;
    (columns > 0).then_some(usize::from(columns))
}
