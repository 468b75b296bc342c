//! The contrast as text for people and as JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::contrast::{Cell, CellState, Finding, Verdict};
use crate::logs::Snapshot;
use crate::logs::record::Content;
use crate::model::ContextId;
use crate::report::record::rfc3339;
use crate::report::{Names, json};
use crate::text::display;

/// A finding for `kontrast contrast -o json`; the best comes first.
#[derive(Debug, Serialize)]
struct Object<'a> {
    /// A whole record of the pattern.
    pattern_example: String,
    /// `only`, `more`, `less`, `missing`, `same` or `unknown`.
    verdict: &'a str,
    /// Where it is seen (only, more) or lacking (missing, less).
    clusters: Vec<&'a str>,
    /// What is known of each cluster: present, absent, unknown, forbidden, gap, not-deployed.
    cells: BTreeMap<&'a str, &'a str>,
    level: &'a str,
    pattern: &'a str,
    /// The reason in a sentence.
    evidence: &'a str,
    counts: BTreeMap<&'a str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<String>,
    first_seen: String,
    last_seen: String,
}

/// All findings as one JSON array.
pub fn json(snapshot: &Snapshot, names: &Names) -> Result<String, serde_json::Error> {
    let objects: Vec<_> = snapshot
        .findings
        .iter()
        .map(|finding| object(snapshot, finding, names))
        .collect();
    json::pretty(&objects)
}

fn object<'a>(snapshot: &Snapshot, finding: &'a Finding, names: &'a Names) -> Object<'a> {
    let (verdict, clusters) = verdict_parts(&finding.verdict);
    Object {
        pattern_example: example(snapshot, finding),
        verdict,
        clusters: clusters.iter().map(|context| name(*context, names)).collect(),
        cells: finding
            .cells
            .iter()
            .map(|cell| (name(cell.context, names), cell_word(cell)))
            .collect(),
        level: finding.level.as_str(),
        pattern: &finding.template,
        evidence: &finding.evidence,
        counts: finding
            .cells
            .iter()
            .map(|cell| (name(cell.context, names), cell.count))
            .collect(),
        workload: finding
            .workload
            .as_ref()
            .map(|workload| format!("{}/{}/{}", workload.namespace, workload.kind.as_str(), workload.name)),
        first_seen: rfc3339(finding.first_seen),
        last_seen: rfc3339(finding.last_seen),
    }
}

/// All findings as text: a line each, its evidence below those that say something.
pub fn text(snapshot: &Snapshot, names: &Names) -> String {
    let mut out = String::new();
    for finding in snapshot.findings.iter() {
        let counts: Vec<_> = finding
            .cells
            .iter()
            .map(|cell| format!("{} {}", name(cell.context, names), count_word(cell)))
            .collect();
        let pattern = finding.template.lines().next().unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{:<18} {} {}  [{}]",
            display::plain(&verdict_text(&finding.verdict, names)),
            finding.level.mark(),
            display::plain(pattern),
            display::plain(&counts.join(", ")),
        );
        if !matches!(finding.verdict, Verdict::Same) {
            let _ = writeln!(out, "{:<20} {}", "", display::plain(&finding.evidence));
        }
    }
    out
}

/// The verdict as it is read: `only prod`.
pub fn verdict_text(verdict: &Verdict, names: &Names) -> String {
    let (word, clusters) = verdict_parts(verdict);
    let clusters: Vec<_> = clusters.iter().map(|context| name(*context, names)).collect();
    if clusters.is_empty() {
        word.to_owned()
    } else {
        format!("{word} {}", clusters.join(", "))
    }
}

fn verdict_parts(verdict: &Verdict) -> (&'static str, &[ContextId]) {
    match verdict {
        Verdict::Only(contexts) => ("only", contexts),
        Verdict::More(contexts) => ("more", contexts),
        Verdict::Less(contexts) => ("less", contexts),
        Verdict::Missing(contexts) => ("missing", contexts),
        Verdict::Same => ("same", &[]),
        Verdict::Unknown => ("unknown", &[]),
    }
}

fn cell_word(cell: &Cell) -> &'static str {
    match cell.state {
        CellState::Present | CellState::More(_) | CellState::Less(_) => "present",
        CellState::Absent(_) => "absent",
        CellState::Unknown(_) | CellState::NotWatched => "unknown",
        CellState::NotDeployed => "not-deployed",
        CellState::Forbidden => "forbidden",
        CellState::Gap => "gap",
    }
}

fn count_word(cell: &Cell) -> String {
    match cell.state {
        CellState::Present | CellState::More(_) | CellState::Less(_) | CellState::Absent(_) => cell.count.to_string(),
        CellState::Unknown(_) | CellState::Gap if cell.count > 0 => cell.count.to_string(),
        CellState::Unknown(_) => "unknown".to_owned(),
        CellState::NotWatched => "not watched".to_owned(),
        CellState::NotDeployed => "not deployed".to_owned(),
        CellState::Forbidden => "forbidden".to_owned(),
        CellState::Gap => "gap".to_owned(),
    }
}

fn name(context: ContextId, names: &Names) -> &str {
    names.get(&context).map_or("?", |name| name)
}

/// The finding's example as its container wrote it, else the pattern itself.
fn example(snapshot: &Snapshot, finding: &Finding) -> String {
    let record = snapshot
        .position(finding.example)
        .and_then(|position| snapshot.records.get(position));
    match record.map(|record| &record.content) {
        Some(Content::Text { bytes, .. }) => String::from_utf8_lossy(bytes).into_owned(),
        Some(Content::Gap(_)) | None => finding.template.clone(),
    }
}
