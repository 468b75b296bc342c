//! How far the reading of files has come, as one line for a terminal.

use crate::model::Span;
use crate::report::patterns::grouped;
use crate::text::display;

/// What was read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes.
    pub read: u64,
    /// Bytes; none where the end is not known, as of a pipe.
    pub total: Option<u64>,
    pub lines: u64,
    /// How many patterns were found; none where nobody counts them.
    pub patterns: Option<usize>,
}

const BAR: u64 = 20;

/// One line of at most `width` columns.
pub fn line(progress: &Progress, took: Span, width: usize) -> String {
    let mut parts = Vec::new();
    match progress.total.filter(|total| *total > 0) {
        Some(total) => {
            let share = |of: u64| u128::from(progress.read.min(total)) * u128::from(of) / u128::from(total);
            let done = usize::try_from(share(BAR)).unwrap_or(0);
            let left = usize::try_from(BAR).unwrap_or(0).saturating_sub(done);
            parts.push(format!(
                "[{}{}] {:>3} %",
                "#".repeat(done),
                "-".repeat(left),
                share(100)
            ));
            parts.push(format!("{} of {}", size(progress.read), size(total)));
        }
        None => parts.push(size(progress.read)),
    }
    let millis = u64::try_from(took.as_millis()).unwrap_or(0).max(1);
    parts.push(format!(
        "{} lines/s",
        grouped(progress.lines.saturating_mul(1000) / millis)
    ));
    if let Some(patterns) = progress.patterns {
        parts.push(format!(
            "{} patterns",
            grouped(u64::try_from(patterns).unwrap_or(u64::MAX))
        ));
    }
    display::truncate(&parts.join("  "), width).into_owned()
}

/// Bytes in the largest unit of which there is at least one.
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    units.iter().find(|(unit, _)| bytes >= *unit).map_or_else(
        || format!("{bytes} B"),
        |(unit, name)| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_end_is_a_bar_and_an_unknown_one_is_not() {
        let progress = Progress {
            read: 512_300_000,
            total: Some(1_024_600_000),
            lines: 3_000_000,
            patterns: Some(1_234),
        };
        let took = Span::from_millis(1500);
        assert_eq!(
            line(&progress, took, 200),
            "[##########----------]  50 %  512.3 MB of 1.0 GB  2,000,000 lines/s  1,234 patterns"
        );
        assert!(display::width(&line(&progress, took, 30)) <= 30);
        let unknown = Progress {
            total: None,
            patterns: None,
            ..progress
        };
        assert_eq!(line(&unknown, took, 200), "512.3 MB  2,000,000 lines/s");
        let grown = Progress {
            read: 2_000_000_000,
            ..progress
        };
        assert!(line(&grown, Span::ZERO, 200).starts_with("[####################] 100 %"));
    }
}
