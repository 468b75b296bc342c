//! The whole state of the workspace in one place. `update` is its only writer; `settle` makes the scene of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::contrast::Lens;
use crate::logs::Snapshot;
use crate::model::{ContextId, PaneId, Time, UnknownPlugin};

use super::bell::{Bell, Ringer};
use super::clusters::Clusters;
use super::command::Command;
use super::key::Key;
use super::keymap::{Keymap, Scope};
use super::layout::{Layout, Rect, Size, Split};
use super::marks::Marks;
use super::objects::Objects;
use super::panes::{ContrastPane, ExecPane, LogsPane, ObjectsPane, Pane};
use super::prompt::LineInput;
use super::scene::{Scene, Tone};

/// Columns below which the panes start out below each other.
const WIDE: u16 = 100;

/// Lines from which on the bar has a second one.
const TALL: u16 = 30;

/// The smallest screen that anything is shown on.
pub(super) const LEAST: Size = Size { cols: 40, rows: 10 };

/// What the user sees and what is known. Time is an argument, everything else is in here.
#[derive(Debug)]
pub struct State {
    pub(super) keymap: Keymap,
    pub(super) size: Size,
    pub(super) clusters: Clusters,
    pub(super) objects: Objects,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) marks: Marks,
    /// What was asked for last; what the findings were looked at through, the snapshot says.
    pub(super) lens: Lens,
    pub(super) ringer: Ringer,
    pub(super) layout: Layout,
    pub(super) panes: BTreeMap<PaneId, Pane>,
    pub(super) arranged: Arranged,
    next_pane: u32,
    /// The pane of logs that had the focus last: what is opened from other panes is shown there.
    pub(super) last_logs: Option<PaneId>,
    pub(super) overlay: Option<Over>,
    /// The keys of a sequence that is not complete.
    pub(super) pending: Vec<Key>,
    pub(super) notice: Option<Notice>,
    /// When ctrl-c was pressed, to tell the second time from the first.
    pub(super) interrupted: Option<Time>,
    /// The wake-up that was asked for.
    pub(super) wake: Option<Time>,
    /// Counts searches.
    pub(super) serial: u64,
    /// Something has changed since the scene was settled.
    pub(super) unsettled: bool,
    pub(super) dirty: bool,
    pub(super) scene: Scene,
}

/// Who decided where the panes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arranged {
    /// We did, for a screen this wide or not.
    ForWide,
    ForNarrow,
    ByHand,
}

/// What lies over the panes and takes the keys.
#[derive(Clone, Debug)]
pub(super) enum Over {
    Help {
        scope: Scope,
        scroll: usize,
    },
    Palette(Box<Palette>),
    /// "Quit?"
    Leaving,
    /// "Run this?"
    Allowing {
        context: ContextId,
        plugin: UnknownPlugin,
    },
}

/// The command palette while it is open.
#[derive(Clone, Debug, Default)]
pub(super) struct Palette {
    pub(super) input: LineInput,
    /// Best first.
    pub(super) matches: Vec<Command>,
    pub(super) selected: usize,
    pub(super) error: Option<String>,
}

/// A line for the person, until the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) text: String,
    pub(super) tone: Tone,
}

impl State {
    pub fn new(keymap: Keymap, size: Size, now: Time) -> Self {
        let first = PaneId(0);
        let mut state = Self {
            keymap,
            size,
            clusters: Clusters::default(),
            objects: Objects::default(),
            snapshot: Arc::new(Snapshot {
                at: now,
                ..Snapshot::default()
            }),
            marks: Marks::default(),
            lens: Lens::default(),
            ringer: Ringer::new(now),
            layout: Layout::new(first),
            panes: BTreeMap::new(),
            arranged: Arranged::ForWide,
            next_pane: 0,
            last_logs: None,
            overlay: None,
            pending: Vec::new(),
            notice: None,
            interrupted: None,
            wake: None,
            serial: 0,
            unsettled: true,
            dirty: true,
            scene: Scene::default(),
        };
        state.add_pane(Pane::Contrast(Box::default()));
        state.add_pane(Pane::Objects(ObjectsPane::default()));
        let logs = state.add_pane(Pane::Logs(Box::default()));
        state.last_logs = Some(logs);
        state.arrange();
        state
    }

    /// Whether the bell rings for new errors that only some clusters have.
    pub fn set_bell(&mut self, bell: Bell) {
        self.ringer.bell = bell;
    }

    /// Whether something may have changed on the screen since the last frame, so that a frame is worth settling.
    pub fn is_dirty(&self) -> bool {
        self.unsettled || self.dirty
    }

    /// Whether the scene is another than the one that was taken last. Ask after `settle`.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// The screen as it was last settled.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Where the panes go: below the bar, above the status line.
    pub(super) fn area(&self) -> Rect {
        let bar = self.bar_rows();
        Rect::new(0, bar, self.size.cols, self.size.rows.saturating_sub(bar + 1))
    }

    pub(super) fn bar_rows(&self) -> u16 {
        if self.size.rows >= TALL { 2 } else { 1 }
    }

    pub(super) fn too_small(&self) -> bool {
        self.size.cols < LEAST.cols || self.size.rows < LEAST.rows
    }

    /// Takes a pane in, which still has to be given a place in the layout.
    pub(super) fn add_pane(&mut self, pane: Pane) -> PaneId {
        let id = PaneId(self.next_pane);
        self.next_pane += 1;
        self.panes.insert(id, pane);
        id
    }

    pub(super) fn focused(&self) -> Option<&Pane> {
        self.panes.get(&self.layout.focus())
    }

    pub(super) fn focused_mut(&mut self) -> Option<&mut Pane> {
        self.panes.get_mut(&self.layout.focus())
    }

    /// Whether a line is being typed where the focus is.
    pub(super) fn is_prompting(&self) -> bool {
        match self.focused() {
            Some(Pane::Logs(logs)) => logs.prompt.is_some(),
            Some(Pane::Contrast(contrast)) => contrast.prompt.is_some(),
            Some(Pane::Objects(_) | Pane::Exec(_)) | None => false,
        }
    }

    /// Whether a pane has a place on the screen.
    pub(super) fn is_in_sight(&self, id: PaneId) -> bool {
        self.layout.solve(self.area()).iter().any(|(pane, _)| *pane == id)
    }

    pub(super) fn contrast_mut(&mut self, id: PaneId) -> Option<&mut ContrastPane> {
        match self.panes.get_mut(&id)? {
            Pane::Contrast(contrast) => Some(contrast),
            Pane::Objects(_) | Pane::Logs(_) | Pane::Exec(_) => None,
        }
    }

    /// Sessions that would end with the program.
    pub(super) fn open_shells(&self) -> usize {
        let is_open = |pane: &&Pane| matches!(pane, Pane::Exec(exec) if !exec.has_ended());
        self.panes.values().filter(is_open).count()
    }

    /// The pane of logs that a command is for: the focused one, else the one that was focused last, else any.
    pub(super) fn logs_pane(&self) -> Option<PaneId> {
        let is_logs = |id: &PaneId| matches!(self.panes.get(id), Some(Pane::Logs(_)));
        let preferred = [Some(self.layout.focus()), self.last_logs];
        let preferred = preferred.into_iter().flatten().find(is_logs);
        preferred.or_else(|| self.layout.panes().into_iter().find(is_logs))
    }

    pub(super) fn logs_mut(&mut self, id: PaneId) -> Option<&mut LogsPane> {
        match self.panes.get_mut(&id)? {
            Pane::Logs(logs) => Some(logs),
            Pane::Contrast(_) | Pane::Objects(_) | Pane::Exec(_) => None,
        }
    }

    pub(super) fn exec_mut(&mut self, id: PaneId) -> Option<&mut ExecPane> {
        match self.panes.get_mut(&id)? {
            Pane::Exec(exec) => Some(exec),
            Pane::Contrast(_) | Pane::Objects(_) | Pane::Logs(_) => None,
        }
    }

    /// Where keys are looked up.
    pub(super) fn scope(&self) -> Scope {
        match self.overlay {
            Some(Over::Help { .. }) => Scope::Help,
            Some(Over::Palette(_) | Over::Leaving | Over::Allowing { .. }) => Scope::Global,
            None => self.focused().map_or(Scope::Global, Pane::scope),
        }
    }

    /// Says something until the next key.
    pub(super) fn say(&mut self, text: impl Into<String>, tone: Tone) {
        self.notice = Some(Notice {
            text: crate::text::display::plain(&text.into()).into_owned(),
            tone,
        });
    }

    /// What to say while the terminal is a credential plugin's.
    pub fn announce_login(&self, context: ContextId) -> String {
        let plugin = self.clusters.get(context).and_then(|cluster| cluster.plugin.as_deref());
        let plugin = crate::text::display::plain(plugin.unwrap_or_default()).into_owned();
        format!(
            "Login to {}: {plugin}   (ctrl-c gives it up)",
            self.clusters.name(context)
        )
    }

    /// Puts the three panes that there are at the start where they belong on a screen of this size, unless a person
    /// has arranged them.
    pub(super) fn arrange(&mut self) {
        let wanted = if self.size.cols >= WIDE {
            Arranged::ForWide
        } else {
            Arranged::ForNarrow
        };
        let first_time = self.layout.panes().len() == 1;
        if self.arranged == Arranged::ByHand || (self.arranged == wanted && !first_time) {
            return;
        }
        let (contrast, objects, logs) = (PaneId(0), PaneId(1), PaneId(2));
        let focus = self.layout.focus();
        let mut layout = Layout::new(contrast);
        match wanted {
            Arranged::ForWide | Arranged::ByHand => {
                layout.split(contrast, Split::Below, logs, 55);
                layout.split(contrast, Split::Beside, objects, 40);
            }
            Arranged::ForNarrow => {
                layout.split(contrast, Split::Below, logs, 45);
                layout.split(contrast, Split::Below, objects, 45);
            }
        }
        layout.set_focus(focus);
        self.layout = layout;
        self.arranged = wanted;
    }
}
