//! The findings as rows, and the evidence for the selected one.

use crate::contrast::{Cell, CellState, Finding};
use crate::logs::Snapshot;
use crate::text::display;
use crate::workspace::clusters::Clusters;
use crate::workspace::layout::Rect;
use crate::workspace::panes::ContrastPane;
use crate::workspace::scene::{ContrastCell, ContrastRow, ContrastScene, Span, Tone};

use super::age::Moment;
use super::words;

/// Bytes of a template that are shown.
const MOST_TEMPLATE: usize = 2_000;

/// Lines that are not rows: the heading, and the evidence with its rule. The same whatever is selected, so that
/// nothing jumps.
const fn evidence_lines(height: u16) -> u16 {
    match height {
        0..8 => 0,
        8..14 => 2,
        14..24 => 4,
        24.. => 7,
    }
}

/// What a body is wide enough for between the blank columns at either side of the evidence.
fn evidence_columns(body: Rect) -> usize {
    usize::from(body.width.saturating_sub(2))
}

/// How many findings a body has lines for.
pub fn row_count(body: Rect) -> usize {
    let evidence = evidence_lines(body.height);
    let rule = u16::from(evidence > 0);
    usize::from(body.height.saturating_sub(1 + evidence + rule))
}

/// The line of the body on which the first row is.
pub const FIRST_ROW: u16 = 1;

/// The pane's list must be settled.
pub fn compose(
    pane: &ContrastPane,
    snapshot: &Snapshot,
    clusters: &Clusters,
    body: Rect,
    moment: &mut Moment,
) -> ContrastScene {
    let window = pane.list.window();
    let findings = snapshot.findings.get(window.clone()).unwrap_or_default();
    let selected = pane.list.index().and_then(|index| index.checked_sub(window.start));
    let lines = usize::from(evidence_lines(body.height));
    let evidence = selected
        .and_then(|selected| findings.get(selected))
        .map_or_else(Vec::new, |finding| evidence(finding, evidence_columns(body), lines));
    ContrastScene {
        clusters: clusters
            .iter()
            .map(|cluster| (cluster.id, clusters.name(cluster.id)))
            .collect(),
        rows: findings.iter().map(|finding| row(finding, clusters)).collect(),
        selected: selected.filter(|selected| *selected < findings.len()),
        above: window.start,
        total: snapshot.findings.len(),
        evidence,
        empty: snapshot
            .findings
            .is_empty()
            .then(|| nothing_yet(snapshot, clusters, moment)),
    }
}

fn nothing_yet(snapshot: &Snapshot, clusters: &Clusters, moment: &mut Moment) -> String {
    let mut lines = words::absences(clusters, moment);
    let records: u64 = snapshot.tallies.values().map(|tally| tally.records).sum();
    if lines.is_empty() || records > 0 {
        lines.insert(0, format!("no pattern yet in {} records", words::count(records)));
    }
    lines.join("\n")
}

fn row(finding: &Finding, clusters: &Clusters) -> ContrastRow {
    let cells = clusters
        .iter()
        .map(
            |cluster| match finding.cells.iter().find(|cell| cell.context == cluster.id) {
                Some(counted) => cell(finding, counted),
                None => ContrastCell {
                    context: cluster.id,
                    text: "?".to_owned(),
                    tone: Tone::Dim,
                    trend: Vec::new(),
                },
            },
        )
        .collect();
    ContrastRow {
        verdict: words::verdict(clusters, &finding.verdict, finding.level),
        level: finding.level,
        text: safe_line(telling_line(&finding.template)),
        cells,
        workload: finding
            .workload
            .as_ref()
            .map_or_else(String::new, |workload| words::safe(&workload.name)),
    }
}

fn cell(finding: &Finding, cell: &Cell) -> ContrastCell {
    let named = words::named_by(&finding.verdict).contains(&cell.context);
    let alarm = if finding.level.is_error() {
        Tone::Bad
    } else {
        Tone::Warn
    };
    let count = words::count(cell.count);
    let (text, tone) = match cell.state {
        CellState::Present | CellState::More(_) if named => (count, alarm),
        CellState::Present | CellState::More(_) => (count, Tone::Plain),
        CellState::Less(_) => (count, if named { Tone::Warn } else { Tone::Plain }),
        CellState::Absent(_) => (count, if named { Tone::Warn } else { Tone::Good }),
        CellState::Unknown(_) if cell.count > 0 => (count, Tone::Plain),
        CellState::Unknown(_) | CellState::NotWatched => ("?".to_owned(), Tone::Dim),
        CellState::NotDeployed => ("–".to_owned(), Tone::Dim),
        CellState::Forbidden => ("no access".to_owned(), Tone::Warn),
        CellState::Gap => ("gap".to_owned(), Tone::Warn),
    };
    ContrastCell {
        context: cell.context,
        text,
        tone,
        trend: cell.trend.clone(),
    }
}

/// The line of a template by which a person knows it: the first, but of a Python traceback the last, which names the
/// exception.
fn telling_line(template: &str) -> &str {
    let mut lines = template.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    if first.trim_start().starts_with("Traceback (most recent call last)") {
        return lines.rfind(|line| !line.starts_with([' ', '\t'])).unwrap_or(first);
    }
    first
}

/// The reason, folded to the width, then the template; exactly `lines` lines.
fn evidence(finding: &Finding, columns: usize, lines: usize) -> Vec<String> {
    let reason = words::safe(&finding.evidence);
    let mut evidence: Vec<String> = display::wrap(&reason, columns)
        .into_iter()
        .filter_map(|range| reason.get(range))
        .map(|piece| piece.trim_end().to_owned())
        .collect();
    // The end of a template says more than its beginning where not all fits: the row has shown one line already.
    let template: Vec<&str> = finding.template.lines().collect();
    let room = lines.saturating_sub(evidence.len());
    let skipped = template.len().saturating_sub(room);
    evidence.extend(template.into_iter().skip(skipped).map(safe_line));
    evidence.resize(lines, String::new());
    evidence
}

fn safe_line(line: &str) -> String {
    let end = line.floor_char_boundary(MOST_TEMPLATE);
    let start = line.split_at_checked(end).map_or(line, |(start, _)| start);
    display::line(start.as_bytes()).text
}

/// What the title says beside the pane's name.
pub fn note(pane: &ContrastPane) -> Vec<Span> {
    super::status::position(pane.list.index(), pane.list.total())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceback_is_known_by_its_exception() {
        let traceback = "Traceback (most recent call last):\n  File \"a.py\", line <*>\n    x()\nKeyError: <*>\n";
        assert_eq!(telling_line(traceback), "KeyError: <*>");
        assert_eq!(telling_line("\n  panic: x\n\tat y"), "  panic: x");
        assert_eq!(telling_line(""), "");
    }

    #[test]
    fn rows_and_evidence_fill_the_body() {
        for height in 0..60 {
            let body = Rect::new(0, 0, 80, height);
            let evidence = usize::from(evidence_lines(height));
            let used = row_count(body) + 1 + evidence + usize::from(evidence > 0);
            assert_eq!(used, usize::from(height.max(1)), "{height}");
        }
    }
}
