//! For tests: a workspace on a stage, with clusters, pods and records to play with, and its scene told as text.

use std::sync::Arc;

use bytes::Bytes;

use crate::contrast::{Cell, CellState, Finding, Verdict};
use crate::logs::values::{Slot, ValueKind, Values};
use crate::logs::{Content, Record, Records, Snapshot, Tally};
use crate::model::{
    ClusterState, ContainerKind, ContainerRow, ContainerState, ContextId, Level, PatternId, PodKey, PodRow, RecordId,
    Report, Source, SourceId, Span, Target, Time, WorkloadKey, WorkloadKind,
};

use super::key::Key;
use super::keymap::Keymap;
use super::layout::Size;
use super::msg::{Effect, Msg, OpenedContext};
use super::scene::{self, Body, LogsScene, Overlay, PaneScene, Scene};
use super::state::State;
use super::update::{settle, update};

/// The time at which rehearsals begin: 2026-08-01 12:00:00 UTC.
pub(crate) const START: Time = Time::from_secs(1_785_585_600);

pub(crate) const NAMES: [&str; 3] = ["dev", "staging", "prod"];

pub(crate) struct Stage {
    pub(crate) state: State,
    pub(crate) now: Time,
    snapshot: Snapshot,
    next: u64,
}

pub(crate) fn context(name: &str) -> ContextId {
    let at = NAMES.iter().position(|known| *known == name).expect("a known context");
    ContextId(u16::try_from(at).expect("a small number"))
}

pub(crate) fn workload(name: &str) -> WorkloadKey {
    WorkloadKey {
        namespace: "shop".into(),
        kind: WorkloadKind::Deployment,
        name: name.into(),
    }
}

pub(crate) fn pod(cluster: &str, name: &str) -> PodRow {
    let owner = name.split('-').next().expect("a name");
    PodRow {
        key: PodKey {
            context: context(cluster),
            namespace: "shop".into(),
            name: name.into(),
            uid: format!("uid-{cluster}-{name}").into(),
        },
        workload: workload(owner),
        labels: Arc::default(),
        node: "node-1".into(),
        phase: "Running".into(),
        reason: "".into(),
        ready: true,
        deleting: false,
        created: START - Span::from_secs(7200),
        version: "v1.2".into(),
        default_container: "app".into(),
        containers: vec![ContainerRow {
            name: "app".into(),
            kind: ContainerKind::Main,
            image: "shop:v1.2".into(),
            ready: true,
            restarts: 0,
            id: "id".into(),
            state: ContainerState::Running { since: START },
            last: None,
        }],
    }
}

impl Stage {
    /// Three contexts that are not connected yet.
    pub(crate) fn new(cols: u16, rows: u16) -> Self {
        let size = Size { cols, rows };
        let mut stage = Self {
            state: State::new(Keymap::default_keys(), size, START),
            now: START,
            snapshot: Snapshot::default(),
            next: 1,
        };
        let contexts = NAMES.iter().map(|name| OpenedContext {
            id: context(name),
            name: (*name).into(),
            namespace: "shop".into(),
            insecure: None,
            plugin: None,
        });
        stage.say(Msg::ContextsOpened(contexts.collect()));
        stage
    }

    /// Three live clusters with two workloads, and three records in each.
    pub(crate) fn live(cols: u16, rows: u16) -> Self {
        let mut stage = Self::new(cols, rows);
        for name in NAMES {
            stage.report(Report::StateChanged {
                context: context(name),
                state: ClusterState::Live { since: START },
            });
            let pods = vec![pod(name, "api-1"), pod(name, "web-1"), pod(name, "web-2")];
            stage.report(Report::PodsListed {
                context: context(name),
                pods,
            });
        }
        for second in 0..3 {
            for name in NAMES {
                stage.write(name, second, &format!("{name} says {second}"));
            }
        }
        stage.publish();
        stage.settle();
        stage
    }

    pub(crate) fn say(&mut self, msg: Msg) -> Vec<Effect> {
        update(&mut self.state, msg, self.now)
    }

    pub(crate) fn report(&mut self, report: Report) -> Vec<Effect> {
        self.say(Msg::Reported(report))
    }

    /// Presses keys, as a keymap spells them, settling after each.
    pub(crate) fn keys(&mut self, keys: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for key in keys.split_whitespace() {
            effects.extend(self.say(Msg::KeyPressed(Key::parse(key).expect("a key"))));
            effects.extend(self.settle());
        }
        effects
    }

    /// Presses a key per character.
    pub(crate) fn type_text(&mut self, text: &str) -> Vec<Effect> {
        let keys: Vec<_> = text.chars().map(|c| Key::char(c).to_string()).collect();
        self.keys(&keys.join(" "))
    }

    pub(crate) fn settle(&mut self) -> Vec<Effect> {
        settle(&mut self.state, self.now)
    }

    pub(crate) fn scene(&self) -> &Scene {
        self.state.scene()
    }

    /// Adds a record to the snapshot that is published next. `ERROR` in it makes it one; the pattern is its first word.
    pub(crate) fn write(&mut self, cluster: &str, second: i64, text: &str) -> RecordId {
        let id = RecordId(self.next);
        self.next += 1;
        let source = SourceId {
            context: context(cluster),
            n: 1,
        };
        let owner = pod(cluster, "api-1");
        Arc::make_mut(&mut self.snapshot.sources)
            .entry(source)
            .or_insert_with(|| {
                Arc::new(Source {
                    id: source,
                    target: Target {
                        pod: owner.key,
                        container: "app".into(),
                    },
                    kind: ContainerKind::Main,
                    workload: owner.workload,
                    restarts: 0,
                    started: None,
                    image: "shop:v1.2".into(),
                })
            });
        let first = text.split_whitespace().next().unwrap_or_default();
        self.snapshot.records.insert(Record {
            id,
            source,
            time: START + Span::from_secs(second),
            content: Content::Text {
                level: if text.contains("ERROR") {
                    Level::Error
                } else {
                    Level::Info
                },
                pattern: pattern(first),
                bytes: Bytes::from(text.to_owned()),
            },
        });
        let tally: &mut Tally = Arc::make_mut(&mut self.snapshot.tallies)
            .entry(source.context)
            .or_default();
        tally.records += 1;
        id
    }

    /// Adds a finding: only in `cluster`, with an example.
    pub(crate) fn find(&mut self, cluster: &str, template: &str, example: RecordId) {
        let first = template.split_whitespace().next().unwrap_or_default();
        let cell = |name: &&str| Cell {
            context: context(name),
            count: u64::from(*name == cluster),
            episodes: 1,
            watched: Span::from_secs(60),
            state: if *name == cluster {
                CellState::Present
            } else {
                CellState::Absent(0.01)
            },
            trend: vec![0, 1],
        };
        Arc::make_mut(&mut self.snapshot.findings).push(Finding {
            pattern: pattern(first),
            template: template.to_owned(),
            level: Level::Error,
            workload: Some(workload("api")),
            verdict: Verdict::Only(vec![context(cluster)]),
            cells: NAMES.iter().map(cell).collect(),
            evidence: format!("seen in {cluster}, not in the others"),
            first_seen: START,
            last_seen: START,
            example,
            variant_of: None,
        });
    }

    /// The pattern of one first word becomes part of another's, unless that one is part of it already.
    pub(crate) fn merge(&mut self, part: &str, into: &str) {
        let (part, into) = (pattern(part), pattern(into));
        if self.snapshot.root(into) != part && self.snapshot.root(part) == part {
            Arc::make_mut(&mut self.snapshot.merged).insert(part, into);
            Arc::make_mut(&mut self.snapshot.findings).retain(|finding| finding.pattern != part);
        }
    }

    /// Changes what is published next.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.snapshot);
    }

    /// Changes the order of the findings.
    pub(crate) fn rerank(&mut self, change: impl FnOnce(&mut Vec<Finding>)) {
        change(Arc::make_mut(&mut self.snapshot.findings));
    }

    /// Lets go of all records.
    pub(crate) fn forget_records(&mut self) {
        self.snapshot.records = Records::default();
    }

    pub(crate) fn publish(&mut self) -> Arc<Snapshot> {
        self.publish_with(&mut Vec::new())
    }

    /// The same, with the effects of it.
    pub(crate) fn publish_with(&mut self, effects: &mut Vec<Effect>) -> Arc<Snapshot> {
        self.snapshot.generation += 1;
        self.snapshot.at = self.now;
        let snapshot = Arc::new(self.snapshot.clone());
        effects.extend(self.say(Msg::SnapshotTaken(snapshot.clone())));
        snapshot
    }

    /// The whole scene as text: for humans and for `contains`.
    pub(crate) fn told(&self) -> String {
        tell(self.scene())
    }

    /// Fails unless all of these are on the screen.
    #[track_caller]
    pub(crate) fn shows(&self, texts: &[&str]) {
        let told = self.told();
        for text in texts {
            assert!(told.contains(text), "no {text:?} in\n{told}");
        }
    }

    #[track_caller]
    pub(crate) fn does_not_show(&self, text: &str) {
        let told = self.told();
        assert!(!told.contains(text), "{text:?} in\n{told}");
    }

    /// The pane that has the focus.
    pub(crate) fn focused(&self) -> &PaneScene {
        let focused = self.scene().panes.iter().find(|pane| pane.focused);
        focused.expect("a focused pane in sight")
    }

    /// The text of the selected log rows.
    pub(crate) fn selected_record(&self) -> String {
        let columns = logs(self.scene()).into_iter().flat_map(|logs| &logs.columns);
        let rows = columns.flat_map(|column| &column.rows).filter(|row| row.selected);
        rows.map(|row| row.text.as_str()).collect::<Vec<_>>().join("|")
    }
}

/// The values of a pattern with one variable, by cluster.
pub(crate) fn values(top: &[(&str, &[(&str, u32)])]) -> Values {
    let of = |(cluster, values): &(&str, &[(&str, u32)])| {
        let values = values.iter().map(|(value, count)| ((*value).to_owned(), *count));
        (context(cluster), values.collect())
    };
    Values {
        records: 6,
        slots: vec![Slot {
            kind: ValueKind::Number,
            distinct: 2,
            top: top.iter().map(of).collect(),
        }],
    }
}

pub(crate) fn pattern(first_word: &str) -> PatternId {
    let sum = first_word
        .bytes()
        .fold(7u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
    PatternId(sum)
}

pub(crate) fn logs(scene: &Scene) -> Vec<&LogsScene> {
    let logs = |pane: &'_ PaneScene| matches!(pane.body, Body::Logs(_));
    let panes = scene.panes.iter().filter(|pane| logs(pane));
    panes
        .filter_map(|pane| match &pane.body {
            Body::Logs(logs) => Some(logs),
            Body::Contrast(_) | Body::Objects(_) | Body::Exec(_) => None,
        })
        .collect()
}

fn line(spans: &[scene::Span]) -> String {
    spans.iter().map(|span| span.text.as_str()).collect()
}

pub(crate) fn tell(scene: &Scene) -> String {
    let mut told = vec![format!(
        "{}x{}{}",
        scene.size.cols,
        scene.size.rows,
        if scene.too_small { " too small" } else { "" }
    )];
    for cell in &scene.bar {
        let pods = cell
            .pods
            .map(|(ready, all)| format!(" {ready}/{all}"))
            .unwrap_or_default();
        told.push(format!("bar {} {}{pods} {}", cell.name, cell.state, cell.detail));
    }
    if !scene.trouble.is_empty() {
        told.push(format!("trouble {}", line(&scene.trouble)));
    }
    for pane in &scene.panes {
        tell_pane(pane, &mut told);
    }
    told.push(format!("status {}", line(&scene.status.left)));
    if !scene.status.standing.is_empty() {
        told.push(format!("standing {}", line(&scene.status.standing)));
    }
    let hints = scene.status.hints.iter().map(|(keys, what)| format!(" {keys} {what}"));
    told.push(format!("hints{}", hints.collect::<Vec<_>>().join(",")));
    match &scene.overlay {
        None => {}
        Some(Overlay::Message(lines)) => told.extend(lines.iter().map(|line| format!("message {line}"))),
        Some(Overlay::Help(help)) => {
            told.push(format!("help from {}", help.scroll));
            for (heading, bindings) in &help.sections {
                told.push(format!("help [{heading}]"));
                told.extend(bindings.iter().map(|(keys, what)| format!("help {keys}: {what}")));
            }
        }
        Some(Overlay::Palette(palette)) => {
            told.push(format!("palette :{} @{}", palette.input, palette.cursor));
            for item in &palette.matches {
                let mark = if item.selected { ">" } else { " " };
                told.push(format!("palette {mark}{} {}", item.name, item.keys));
            }
            told.extend(palette.error.clone());
        }
    }
    told.join("\n")
}

fn tell_pane(pane: &PaneScene, told: &mut Vec<String>) {
    let mark = if pane.focused { "*" } else { " " };
    let rect = pane.rect;
    let place = format!("{},{} {}x{}", rect.x, rect.y, rect.width, rect.height);
    told.push(format!(
        "pane{mark}{} [{}] ({}) {place}",
        pane.id.0,
        line(&pane.title),
        line(&pane.note)
    ));
    let mark = |selected| if selected { ">" } else { " " };
    match &pane.body {
        Body::Contrast(contrast) => {
            for (n, row) in contrast.rows.iter().enumerate() {
                let cells: Vec<_> = row.cells.iter().map(|cell| cell.text.as_str()).collect();
                let mark = mark(contrast.selected == Some(n));
                told.push(format!(
                    "  {mark}{} | {}{} | {}",
                    line(&row.verdict),
                    line(&row.lead),
                    row.text,
                    cells.join(" ")
                ));
            }
            let lines = contrast.detail.lines.iter().filter(|line| !line.is_empty());
            told.extend(lines.map(|spans| format!("  = {}", line(spans))));
            told.extend(contrast.column.map(|column| format!("  cell {column}")));
            told.extend(contrast.prompt.iter().map(|prompt| {
                format!(
                    "  {}{} @{} ({})",
                    prompt.label, prompt.input, prompt.cursor, prompt.info
                )
            }));
            told.extend(contrast.empty.iter().map(|empty| format!("  {empty}")));
        }
        Body::Objects(objects) => {
            for (n, row) in objects.rows.iter().enumerate() {
                let cells: Vec<_> = row.cells.iter().map(|cell| line(cell)).collect();
                let (mark, indent) = (mark(objects.selected == Some(n)), " ".repeat(usize::from(row.depth)));
                told.push(format!(
                    "  {mark}{indent}{}{} | {}",
                    row.mark,
                    line(&row.name),
                    cells.join(" | ")
                ));
            }
            told.extend(
                objects
                    .detail
                    .iter()
                    .filter(|line| !line.is_empty())
                    .map(|detail| format!("  = {}", line(detail))),
            );
            told.extend(objects.empty.iter().map(|empty| format!("  {empty}")));
        }
        Body::Logs(logs) => {
            for column in &logs.columns {
                let focus = if column.focused { "*" } else { " " };
                told.push(format!("  column{focus}[{}]", line(&column.header)));
                for row in &column.rows {
                    told.push(format!("   {}{}{}", mark(row.selected), line(&row.gutter), row.text));
                }
                told.extend(column.empty.iter().map(|empty| format!("    {empty}")));
            }
            if let Some(prompt) = &logs.prompt {
                told.push(format!(
                    "  {}{} @{} ({})",
                    prompt.label, prompt.input, prompt.cursor, prompt.info
                ));
            }
        }
        Body::Exec(exec) => {
            let cells: Vec<_> = exec.grid.cells.iter().map(|cell| cell.text.as_str()).collect();
            for row in cells.chunks(usize::from(exec.grid.cols.max(1))) {
                let row = row.concat();
                if !row.trim().is_empty() {
                    told.push(format!("  {}", row.trim_end()));
                }
            }
            told.push(format!(
                "  typing {} back {} {}",
                exec.typing,
                exec.scrolled,
                exec.ended.as_deref().unwrap_or("")
            ));
        }
    }
}
