//! What is known of one finding, in lines: the reason for its verdict, what each cluster has of it, its text, and what
//! stood in place of its variables.

use std::collections::BTreeSet;

use crate::contrast::evidence::container_time;
use crate::contrast::evidence::length;
use crate::contrast::{Cell, CellState, Finding};
use crate::logs::Record;
use crate::logs::values::{Slot, ValueKind, Values};
use crate::model::ContextId;
use crate::text::display;
use crate::workspace::clusters::Clusters;
use crate::workspace::panes::contrast::MOST_VALUES;
use crate::workspace::scene::{Span, Tone};

use super::age::short_clock;
use super::words;

/// Lines of a template or a record that are shown.
const MOST_LINES: usize = 40;

/// Bytes of one line of a template that are shown.
const MOST_TEMPLATE: usize = 2_000;

/// Columns of one value.
const MOST_VALUE: usize = 48;

/// Values of one variable in one cluster that are shown at most.
const MOST_SHOWN: usize = 12;

type Line = Vec<Span>;

/// A finding, its counterparts, and what was read back of it.
#[derive(Clone, Copy, Debug)]
pub struct Detailed<'a> {
    pub finding: &'a Finding,
    pub variants: &'a [&'a Finding],
    pub label: &'a str,
    /// The record that stands for all of them, if it is still held, and the pod that wrote it.
    pub example: Option<(&'a Record, &'a str)>,
    pub values: Option<&'a Values>,
    pub clusters: &'a Clusters,
    pub columns: usize,
}

impl Detailed<'_> {
    /// In at most so many lines: the reason, when and where, and the end of the text, which says more than its
    /// beginning where not all fits: the row has shown one line already.
    pub fn brief(&self, lines: usize) -> Vec<Line> {
        let mut told = self.reason();
        if lines > told.len() + 1 {
            told.push(self.origin());
        }
        let template = template(self.finding);
        let skipped = template.len().saturating_sub(lines.saturating_sub(told.len()));
        told.extend(template.into_iter().skip(skipped));
        told.truncate(lines);
        told
    }

    /// Everything.
    pub fn full(&self) -> Vec<Line> {
        let mut told = vec![self.headline()];
        told.extend(self.reason());
        told.push(self.origin());
        told.push(Vec::new());
        told.extend(self.places());
        told.push(Vec::new());
        told.extend(template(self.finding));
        for variant in self.variants {
            told.push(vec![Span::dim(written_in(variant, self.clusters))]);
            told.extend(template(variant));
        }
        told.extend(self.variables());
        told.extend(self.example());
        told
    }

    fn headline(&self) -> Line {
        let mut line = words::verdict(self.clusters, &self.finding.verdict, self.finding.level);
        if !self.label.is_empty() {
            line.push(Span::new(format!("  {}", words::safe(self.label)), Tone::Accent).bold());
        }
        line
    }

    fn reason(&self) -> Vec<Line> {
        wrapped(&words::safe(&self.finding.evidence), self.columns)
            .into_iter()
            .map(|piece| vec![Span::plain(piece)])
            .collect()
    }

    /// Level, workload, first and last time.
    fn origin(&self) -> Line {
        let finding = self.finding;
        let mut line = Vec::new();
        let level = finding.level.as_str();
        if !finding.level.mark().trim().is_empty() {
            line.push(Span::new(level, words::level_tone(finding.level)));
            line.push(Span::dim(" · "));
        }
        if let Some(workload) = &finding.workload {
            let name = format!("{}/{}", workload.namespace, workload.name);
            line.push(Span::plain(words::safe(&name)));
            line.push(Span::dim(" · "));
        }
        let (first, last) = (short_clock(finding.first_seen), short_clock(finding.last_seen));
        line.push(Span::dim(format!("first {first}, last {last}")));
        line
    }

    /// One paragraph per cluster, the names in a column.
    fn places(&self) -> Vec<Line> {
        let names = self.clusters.iter().map(|cluster| self.clusters.name(cluster.id));
        let widest = names.map(|name| display::width(&name)).max().unwrap_or(0).min(20);
        let mut lines = Vec::new();
        for cell in &self.finding.cells {
            let (text, tone) = in_words(cell);
            let room = self.columns.saturating_sub(widest + 2).max(1);
            for (n, piece) in wrapped(&text, room).into_iter().enumerate() {
                let mut name = words::cluster_span(self.clusters, cell.context);
                if n > 0 {
                    name.text.clear();
                }
                name.text = padded(&name.text, widest + 2);
                lines.push(vec![name, Span::new(piece, tone)]);
            }
        }
        lines
    }

    /// One record in full, as far as there is room: a template has lost what made it telling.
    fn example(&self) -> Vec<Line> {
        let Some((record, pod)) = self.example else {
            return Vec::new();
        };
        let clock = short_clock(record.time);
        let heading = format!("the first record that is held, {clock} {}", words::safe(pod));
        let mut lines = vec![Vec::new(), vec![Span::dim(heading)]];
        let mut rest = record.lines();
        lines.extend(rest.by_ref().take(MOST_LINES).map(|line| {
            let start = line.get(..line.len().min(MOST_TEMPLATE)).unwrap_or_default();
            vec![Span::plain(display::line(start).text)]
        }));
        if rest.next().is_some() {
            lines.push(vec![Span::dim("…")]);
        }
        lines
    }

    /// The variables with the values of each cluster; what only one cluster has is marked.
    fn variables(&self) -> Vec<Line> {
        let Some(values) = self.values.filter(|values| !values.slots.is_empty()) else {
            return Vec::new();
        };
        let heading = match values.records {
            1 => "values in the newest record".to_owned(),
            records => format!("values in the {records} newest records"),
        };
        let mut lines = vec![Vec::new(), vec![Span::dim(heading)]];
        let mut any_marked = false;
        for (n, slot) in (1..).zip(&values.slots) {
            lines.push(vec![
                Span::plain(format!("{n} {}", kind(slot.kind))).bold(),
                Span::dim(format!(", {} different", slot.distinct)),
            ]);
            lines.extend(self.values_of(slot, &mut any_marked));
        }
        if any_marked && let Some(heading) = lines.get_mut(1) {
            heading.push(Span::dim("; "));
            heading.push(Span::new("+", Tone::Accent).bold());
            heading.push(Span::dim(" only there"));
        }
        lines
    }

    fn values_of(&self, slot: &Slot, any_marked: &mut bool) -> Vec<Line> {
        let names = self.clusters.iter().map(|cluster| self.clusters.name(cluster.id));
        let widest = names.map(|name| display::width(&name)).max().unwrap_or(0).min(20);
        let mut lines = Vec::new();
        for (context, top) in slot.top.iter().filter(|(_, top)| !top.is_empty()) {
            let elsewhere = elsewhere(slot, *context);
            let mut name = words::cluster_span(self.clusters, *context);
            name.text = padded(&name.text, widest + 2);
            let mut line = vec![Span::plain("  "), name];
            let mut room = self.columns.saturating_sub(widest + 4);
            for (n, (value, count)) in top.iter().enumerate() {
                let is_only = elsewhere.as_ref().is_some_and(|known| !known.contains(value.as_str()));
                let spans = one_value(value, *count, is_only);
                let columns: usize = spans.iter().map(|span| display::width(&span.text)).sum();
                let left = format!("… {} more", top.len() - n);
                let rest = if n + 1 < top.len() { left.len() } else { 0 };
                if n >= MOST_SHOWN || (n > 0 && columns + rest > room) {
                    line.push(Span::dim(left));
                    break;
                }
                room = room.saturating_sub(columns);
                *any_marked |= is_only;
                line.extend(spans);
            }
            lines.push(line);
        }
        lines
    }
}

/// The pattern's text.
fn template(finding: &Finding) -> Vec<Line> {
    if finding.template.trim().is_empty() {
        return vec![vec![Span::dim(words::BLANK)]];
    }
    let all = finding.template.lines().count();
    let mut lines: Vec<Line> = finding
        .template
        .lines()
        .take(MOST_LINES)
        .map(|line| vec![Span::plain(safe_line(line))])
        .collect();
    if all > MOST_LINES {
        lines.push(vec![Span::dim(format!("… {} more lines", all - MOST_LINES))]);
    }
    lines
}

/// All values of the other clusters. `None` if there are none or not all are known: then nothing is only here.
fn elsewhere(slot: &Slot, context: ContextId) -> Option<BTreeSet<&str>> {
    let others = slot
        .top
        .iter()
        .filter(|(other, top)| **other != context && !top.is_empty());
    let mut known = BTreeSet::new();
    for (_, top) in others.clone() {
        if top.len() >= MOST_VALUES {
            return None;
        }
        known.extend(top.iter().map(|(value, _)| value.as_str()));
    }
    (others.count() > 0).then_some(known)
}

/// `+v2.3 ×40  `
fn one_value(value: &str, count: u32, is_only: bool) -> Vec<Span> {
    let text = words::safe(value);
    let text = display::truncate(&text, MOST_VALUE).into_owned();
    let text = if text.trim().is_empty() {
        words::BLANK.to_owned()
    } else {
        text
    };
    let count = Span::dim(format!(" ×{}  ", words::count(count.into())));
    if is_only {
        let mark = Span::new("+", Tone::Accent).bold();
        vec![mark, Span::new(text, Tone::Accent), count]
    } else {
        vec![Span::plain(text), count]
    }
}

const fn kind(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Number => "number",
        ValueKind::Duration => "duration",
        ValueKind::Size => "size",
        ValueKind::Address => "address",
        ValueKind::Uuid => "uuid",
        ValueKind::Path => "path",
        ValueKind::Url => "url",
        ValueKind::Hex => "hex",
        ValueKind::Time => "time",
        ValueKind::Quoted => "quoted",
        ValueKind::Text => "text",
    }
}

/// What is known of a pattern in one cluster, and how that is to be taken.
fn in_words(cell: &Cell) -> (String, Tone) {
    let watched = format!("{} watched", container_time(cell.watched));
    let records = match (cell.count, cell.episodes) {
        (1, _) => "1 record".to_owned(),
        (count, 0 | 1) => format!("{count} records in one burst"),
        (count, bursts) => format!("{count} records in {bursts} bursts"),
    };
    match cell.state {
        CellState::Present => (format!("{records}, {watched}"), Tone::Plain),
        CellState::More(times) => (
            format!("{records}, {watched}; at least {times:.1} times as often as elsewhere"),
            Tone::Plain,
        ),
        CellState::Less(times) => (
            format!("{records}, {watched}; at most {times:.2} times as often as elsewhere"),
            Tone::Plain,
        ),
        CellState::Absent(chance) => (
            format!("none in {watched}; the chance to have missed it is {}", percent(chance)),
            Tone::Plain,
        ),
        CellState::Unknown(_) if cell.count > 0 => {
            (format!("{records}, {watched}; too little to compare"), Tone::Plain)
        }
        CellState::Unknown(Some(more)) => (
            format!("not known: none yet in {watched}, about {} more needed", length(more)),
            Tone::Dim,
        ),
        CellState::Unknown(None) => (format!("not known: none yet in {watched}"), Tone::Dim),
        CellState::NotDeployed => ("nothing that writes it runs here".to_owned(), Tone::Dim),
        CellState::Forbidden => ("not known: no access".to_owned(), Tone::Warn),
        CellState::NotWatched => ("not known: never connected".to_owned(), Tone::Warn),
        CellState::Gap => ("not known: watched with gaps only".to_owned(), Tone::Warn),
    }
}

fn percent(chance: f64) -> String {
    if chance < 0.001 {
        "below 0.1 %".to_owned()
    } else {
        format!("{:.1} %", chance * 100.0)
    }
}

/// What stands before the text of a counterpart: `written in dev as:`.
pub fn written_in(variant: &Finding, clusters: &Clusters) -> String {
    let places: Vec<_> = variant
        .cells
        .iter()
        .filter(|cell| cell.count > 0)
        .map(|cell| clusters.name(cell.context))
        .collect();
    if places.is_empty() {
        "also written as:".to_owned()
    } else {
        format!("written in {} as:", places.join(", "))
    }
}

/// A line of a template, safe.
pub fn safe_line(line: &str) -> String {
    let end = line.floor_char_boundary(MOST_TEMPLATE);
    let start = line.split_at_checked(end).map_or(line, |(start, _)| start);
    display::line(start.as_bytes()).text
}

fn wrapped(text: &str, columns: usize) -> Vec<String> {
    display::wrap(text, columns)
        .into_iter()
        .filter_map(|range| text.get(range))
        .map(|piece| piece.trim_end().to_owned())
        .collect()
}

/// A name in a column of this width.
fn padded(name: &str, columns: usize) -> String {
    let name = display::truncate(name, columns.saturating_sub(1));
    let missing = columns.saturating_sub(display::width(&name));
    format!("{name}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span as Lapse;

    fn slot(top: &[(u16, &[(&str, u32)])]) -> Slot {
        Slot {
            kind: ValueKind::Number,
            distinct: 3,
            top: top
                .iter()
                .map(|(context, values)| {
                    let values = values.iter().map(|(value, count)| ((*value).to_owned(), *count));
                    (ContextId(*context), values.collect())
                })
                .collect(),
        }
    }

    #[track_caller]
    fn check_only(slot: &Slot, value: &str, expected: bool) {
        let is_only = elsewhere(slot, ContextId(0)).is_some_and(|known| !known.contains(value));
        assert_eq!(is_only, expected, "{value} {slot:?}");
    }

    #[test]
    fn a_value_is_only_here_if_all_others_are_known_and_lack_it() {
        let both = slot(&[(0, &[("200", 9), ("500", 1)]), (1, &[("200", 3)])]);
        check_only(&both, "500", true);
        check_only(&both, "200", false);
        check_only(&slot(&[(0, &[("500", 1)])]), "500", false);
        check_only(&slot(&[(0, &[("500", 1)]), (1, &[])]), "500", false);
        let many: Vec<_> = (0..MOST_VALUES).map(|n| (n.to_string(), 1)).collect();
        let mut cut = slot(&[(0, &[("x", 1)])]);
        cut.top.insert(ContextId(1), many);
        check_only(&cut, "x", false);
    }

    #[test]
    fn what_is_not_known_is_never_said_to_be_none() {
        let states = [
            (CellState::Unknown(None), true),
            (CellState::Unknown(Some(Lapse::from_secs(240))), true),
            (CellState::Forbidden, true),
            (CellState::NotWatched, true),
            (CellState::Gap, true),
            (CellState::Absent(0.01), false),
        ];
        for (state, unknown) in states {
            let cell = Cell {
                context: ContextId(0),
                count: 0,
                episodes: 0,
                watched: Lapse::from_secs(40),
                state,
                trend: Vec::new(),
            };
            let (text, _) = in_words(&cell);
            assert_eq!(text.starts_with("not known"), unknown, "{text}");
        }
    }

    #[test]
    fn hostile_values_are_made_safe_and_short() {
        let spans = one_value("\x1b]0;evil\x07\u{202e}x", 1, true);
        assert!(
            spans
                .iter()
                .all(|span| !span.text.contains(['\x1b', '\x07', '\u{202e}']))
        );
        let long = one_value(&"x".repeat(9_000), 1, false);
        assert!(display::width(&long[0].text) <= MOST_VALUE);
        assert_eq!(one_value(" ", 1, false)[0].text, words::BLANK);
    }
}
