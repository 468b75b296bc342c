//! The pane of the findings: which are listed, which is selected, what of it is shown, what is being typed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::contrast::{Finding, Verdict};
use crate::logs::Snapshot;
use crate::logs::values::Values;
use crate::model::{ContextId, PaneId, PatternId, Span, Time};
use crate::workspace::clusters::Clusters;
use crate::workspace::marks::{Marks, Standing};
use crate::workspace::msg::ValuesRequest;
use crate::workspace::prompt::LineInput;

use super::list::ListCursor;

/// Values of one variable in one cluster that are read back: more say nothing to a person.
pub const MOST_VALUES: usize = 200;

/// The shortest time between two readings of the values of one pattern.
const READING: Span = Span::from_secs(1);

#[derive(Debug, Default)]
pub struct ContrastPane {
    pub list: ListCursor<Row>,
    /// The cluster whose cells are selected, if it is not the whole row.
    pub cluster: Option<ContextId>,
    pub narrowing: Narrowing,
    pub muted: Muted,
    pub detail: Detail,
    /// Lines of the detail that are scrolled away.
    pub scroll: usize,
    pub prompt: Option<ListPrompt>,
    pub table: Table,
    pub reading: Reading,
}

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    Finding(PatternId),
    /// The counterpart of the finding above it; it is selected with that one.
    Variant(PatternId),
    /// Stands for the muted ones.
    Folded,
}

/// Whether muted patterns are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Muted {
    #[default]
    Folded,
    Shown,
}

/// How much of the selected finding is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// The evidence in a few lines below the list.
    #[default]
    Brief,
    /// Everything, below a shorter list.
    Full,
}

/// Which findings are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Words that all must occur, as typed; small letters match any case.
    pub words: String,
    pub levels: Levels,
    pub verdicts: Verdicts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Levels {
    #[default]
    All,
    Errors,
}

/// The verdicts that are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdicts {
    #[default]
    All,
    /// All that tell a difference.
    Different,
    Only,
    /// `more` and `less`.
    Shifted,
    Missing,
    Unknown,
    Same,
}

/// The line that is being typed below the list.
#[derive(Clone, Debug)]
pub struct ListPrompt {
    pub input: LineInput,
    pub about: Asked,
}

/// What the typed line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The words to list by; what they were before.
    Words { before: String },
    /// A pattern's label.
    Label { pattern: PatternId, template: String },
}

/// The lines of the list as they were last made.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub rows: Vec<Row>,
    /// Which of the snapshot's findings a row shows.
    findings: Vec<Option<usize>>,
    /// Findings that are muted and not listed.
    pub muted: usize,
    made_of: Option<Made>,
}

/// What a table was made of; with the same it would be the same.
#[derive(Clone, Debug)]
struct Made {
    /// Held, so that others cannot come to be at the same place.
    findings: Arc<Vec<Finding>>,
    merged: Arc<BTreeMap<PatternId, PatternId>>,
    revision: u64,
    narrowing: Narrowing,
    muted: Muted,
}

impl Made {
    /// Whether it is the same; findings are told apart by where they are, not looked through each time.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.findings, &other.findings)
            && Arc::ptr_eq(&self.merged, &other.merged)
            && self.revision == other.revision
            && self.narrowing == other.narrowing
            && self.muted == other.muted
    }
}

/// The values of the selected pattern: what is known and what was asked for.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    known: Option<(PatternId, Values)>,
    running: bool,
    /// The pattern, its records and the time of the last request.
    last: Option<(PatternId, u64, Time)>,
}

/// What there is to list.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    pub snapshot: &'a Snapshot,
    pub marks: &'a Marks,
    pub clusters: &'a Clusters,
}

/// A finding with its counterparts, by their indices.
struct Block {
    root: usize,
    variants: Vec<usize>,
}

impl Row {
    pub const fn is_variant(self) -> bool {
        matches!(self, Self::Variant(_))
    }
}

impl Verdicts {
    /// All first, then what differs, then one after the other.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::All => Self::Different,
            Self::Different => Self::Only,
            Self::Only => Self::Shifted,
            Self::Shifted => Self::Missing,
            Self::Missing => Self::Unknown,
            Self::Unknown => Self::Same,
            Self::Same => Self::All,
        }
    }

    /// The word for the title; empty for all.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Different => "what differs",
            Self::Only => "only",
            Self::Shifted => "more or less",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Same => "same",
        }
    }

    const fn wants(self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Only(_) => matches!(self, Self::All | Self::Different | Self::Only),
            Verdict::More(_) | Verdict::Less(_) => matches!(self, Self::All | Self::Different | Self::Shifted),
            Verdict::Missing(_) => matches!(self, Self::All | Self::Different | Self::Missing),
            Verdict::Same => matches!(self, Self::All | Self::Same),
            Verdict::Unknown => matches!(self, Self::All | Self::Unknown),
        }
    }
}

impl Narrowing {
    fn wants(&self, finding: &Finding, listed: Listed<'_>) -> bool {
        let level = match self.levels {
            Levels::All => true,
            Levels::Errors => finding.level.is_error(),
        };
        level && self.verdicts.wants(&finding.verdict) && self.has_words(finding, listed)
    }

    fn has_words(&self, finding: &Finding, listed: Listed<'_>) -> bool {
        if self.words.trim().is_empty() {
            return true;
        }
        let text = text_of(finding, listed);
        if self.words.chars().any(char::is_uppercase) {
            self.words.split_whitespace().all(|word| text.contains(word))
        } else {
            let text = text.to_lowercase();
            self.words.split_whitespace().all(|word| text.contains(word))
        }
    }
}

/// All that a finding can be found by.
fn text_of(
    finding: &Finding,
    Listed {
        snapshot,
        marks,
        clusters,
    }: Listed<'_>,
) -> String {
    let (word, contexts) = match &finding.verdict {
        Verdict::Only(contexts) => ("only", contexts.as_slice()),
        Verdict::More(contexts) => ("more", contexts.as_slice()),
        Verdict::Less(contexts) => ("less", contexts.as_slice()),
        Verdict::Missing(contexts) => ("missing", contexts.as_slice()),
        Verdict::Same => ("same", &[][..]),
        Verdict::Unknown => ("unknown", &[][..]),
    };
    let mut text = word.to_owned();
    let names = contexts.iter().map(|context| clusters.name(*context));
    let workload = finding.workload.iter().map(|workload| workload.name.to_string());
    let label = marks.label(snapshot.root(finding.pattern)).to_owned();
    for part in names.chain(workload).chain([label, finding.template.clone()]) {
        text.push(' ');
        text.push_str(&part);
    }
    text
}

impl Table {
    /// Which of the snapshot's findings a row shows.
    pub fn finding(&self, row: usize) -> Option<usize> {
        self.findings.get(row).copied().flatten()
    }

    /// The rows that belong to a selected one: itself and its counterparts.
    pub fn block(&self, row: usize) -> std::ops::Range<usize> {
        let variants = self
            .rows
            .iter()
            .skip(row + 1)
            .take_while(|row| row.is_variant())
            .count();
        row..(row + 1 + variants).min(self.rows.len())
    }

    /// How many findings stand in the list up to a row, counterparts not counted.
    pub fn place(&self, row: usize) -> usize {
        let is_finding = |row: &&Row| matches!(row, Row::Finding(_));
        self.rows.iter().take(row.saturating_add(1)).filter(is_finding).count()
    }

    fn push(&mut self, row: Row, finding: Option<usize>) {
        self.rows.push(row);
        self.findings.push(finding);
    }

    fn push_block(&mut self, block: &Block, findings: &[Finding]) {
        if let Some(finding) = findings.get(block.root) {
            self.push(Row::Finding(finding.pattern), Some(block.root));
        }
        for index in &block.variants {
            if let Some(finding) = findings.get(*index) {
                self.push(Row::Variant(finding.pattern), Some(*index));
            }
        }
    }

    /// Pinned first, then by rank, then what is muted or the line that stands for it.
    fn make(made_of: Made, listed: Listed<'_>) -> Self {
        let findings = listed.snapshot.findings.as_slice();
        let mut blocks = blocks(listed.snapshot);
        blocks.retain(|block| {
            let mut members = block.variants.iter().chain([&block.root]);
            members.any(|index| {
                findings
                    .get(*index)
                    .is_some_and(|finding| made_of.narrowing.wants(finding, listed))
            })
        });
        let standing = |block: &Block| {
            findings
                .get(block.root)
                .map_or(Standing::Ranked, |finding| listed.marks.standing(finding.pattern))
        };
        let mut table = Self::default();
        for wanted in [Standing::Pinned, Standing::Ranked] {
            for block in blocks.iter().filter(|block| standing(block) == wanted) {
                table.push_block(block, findings);
            }
        }
        let muted: Vec<_> = blocks
            .iter()
            .filter(|block| standing(block) == Standing::Muted)
            .collect();
        match made_of.muted {
            Muted::Shown => muted.iter().for_each(|block| table.push_block(block, findings)),
            Muted::Folded if muted.is_empty() => {}
            Muted::Folded => {
                table.muted = muted.len();
                table.push(Row::Folded, None);
            }
        }
        table.made_of = Some(made_of);
        table
    }
}

/// The findings, each with its counterparts. A counterpart whose finding is not there, or is itself a counterpart,
/// stands alone.
fn blocks(snapshot: &Snapshot) -> Vec<Block> {
    let roots: BTreeMap<PatternId, usize> = snapshot
        .findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| finding.variant_of.is_none())
        .map(|(index, finding)| (finding.pattern, index))
        .collect();
    let root_of = |finding: &Finding| {
        let root = finding.variant_of.map(|pattern| snapshot.root(pattern))?;
        roots.get(&root).copied()
    };
    let mut variants: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut blocks = Vec::new();
    for (index, finding) in snapshot.findings.iter().enumerate() {
        match root_of(finding) {
            Some(root) => variants.entry(root).or_default().push(index),
            None => blocks.push(Block {
                root: index,
                variants: Vec::new(),
            }),
        }
    }
    for block in &mut blocks {
        block.variants = variants.remove(&block.root).unwrap_or_default();
    }
    blocks
}

impl ContrastPane {
    /// Brings the list up to date and finds the selected row in it.
    pub fn settle(&mut self, listed: Listed<'_>, height: usize) {
        let made_of = Made {
            findings: listed.snapshot.findings.clone(),
            merged: listed.snapshot.merged.clone(),
            revision: listed.marks.revision(),
            narrowing: self.narrowing.clone(),
            muted: self.muted,
        };
        if !self.table.made_of.as_ref().is_some_and(|known| known.is(&made_of)) {
            self.table = Table::make(made_of, listed);
            self.find_selected(listed.snapshot);
        }
        self.list.settle(&self.table.rows, height);
        self.leave_variant(-1);
    }

    /// The selected pattern may have become part of another, or the counterpart of one.
    fn find_selected(&mut self, snapshot: &Snapshot) {
        let Some(Row::Finding(pattern)) = self.list.selected().copied() else {
            return;
        };
        let root = snapshot.root(pattern);
        self.list.rename(Row::Finding(root));
        let rows = &self.table.rows;
        let Some(at) = rows.iter().position(|row| *row == Row::Variant(root)) else {
            return;
        };
        let above = rows.iter().take(at).rev().find(|row| !row.is_variant());
        if let Some(row) = above {
            self.list.rename(*row);
        }
    }

    /// Goes on to a row that can be selected, in a direction; back if there is none.
    pub fn leave_variant(&mut self, by: isize) {
        let is_variant = |list: &ListCursor<Row>| list.selected().is_some_and(|row| row.is_variant());
        let last = self.table.rows.len().saturating_sub(1);
        while is_variant(&self.list) && self.list.index() != Some(if by < 0 { 0 } else { last }) {
            self.list.step(&self.table.rows, by);
        }
        // The first row is never a counterpart.
        while is_variant(&self.list) && self.list.index() != Some(0) {
            self.list.step(&self.table.rows, -1);
        }
    }

    /// The selected finding, as it was last shown.
    pub fn selected<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Finding> {
        match self.list.selected()? {
            Row::Finding(pattern) | Row::Variant(pattern) => snapshot.finding(*pattern),
            Row::Folded => None,
        }
    }

    /// The selected finding, or its counterpart where only that is in the selected cluster.
    pub fn target<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Finding> {
        let selected = self.selected(snapshot)?;
        let Some(context) = self.cluster else {
            return Some(selected);
        };
        let is_here = |finding: &&Finding| {
            let mut cells = finding.cells.iter();
            cells.any(|cell| cell.context == context && cell.count > 0)
        };
        let block = self
            .list
            .index()
            .map(|index| self.table.block(index))
            .unwrap_or_default();
        let members = block.filter_map(|row| match self.table.rows.get(row)? {
            Row::Finding(pattern) | Row::Variant(pattern) => snapshot.finding(*pattern),
            Row::Folded => None,
        });
        Some(members.into_iter().find(is_here).unwrap_or(selected))
    }

    /// Another view of the same. Values whose reading is under way will come to the first view only.
    #[must_use]
    pub fn copied(&self) -> Self {
        Self {
            list: self.list.clone(),
            cluster: self.cluster,
            narrowing: self.narrowing.clone(),
            muted: self.muted,
            detail: self.detail,
            scroll: self.scroll,
            prompt: None,
            table: self.table.clone(),
            reading: Reading {
                known: self.reading.known.clone(),
                ..Reading::default()
            },
        }
    }
}

/// Whether to read values.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// They are up to date, or on the way.
    Nothing,
    Read(PatternId),
    /// They were read a moment ago.
    Later(Time),
}

impl Reading {
    /// The values of a pattern, if they have been read.
    pub fn of(&self, pattern: PatternId) -> Option<&Values> {
        let (of, values) = self.known.as_ref()?;
        (*of == pattern).then_some(values)
    }

    /// What is to be done for the values of a finding to be up to date: they change only with its counts.
    pub fn next(&mut self, finding: &Finding, now: Time) -> Next {
        let pattern = finding.pattern;
        let records = finding.cells.iter().map(|cell| cell.count).fold(0, u64::saturating_add);
        if self.running {
            return Next::Nothing;
        }
        if let Some((last, counted, at)) = self.last
            && last == pattern
        {
            if counted == records {
                return Next::Nothing;
            }
            if at <= now && now < at + READING {
                return Next::Later(at + READING);
            }
        }
        self.last = Some((pattern, records, now));
        self.running = true;
        Next::Read(pattern)
    }

    pub fn take(&mut self, pattern: PatternId, values: Values) {
        self.running = false;
        self.known = Some((pattern, values));
    }
}

/// The request that a pane's reading asks for.
pub fn request(pane: PaneId, pattern: PatternId, snapshot: &Arc<Snapshot>) -> ValuesRequest {
    ValuesRequest {
        pane,
        pattern,
        most: MOST_VALUES,
        snapshot: snapshot.clone(),
    }
}
