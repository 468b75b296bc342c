//! Makes the scene: gives every pane its rectangle, finds its selection in the rows as they are now, composes what is
//! visible, and remembers where things came to be.

use std::sync::Arc;

use crate::logs::Snapshot;
use crate::model::{PaneId, Time};
use crate::workspace::compose::age::Moment;
use crate::workspace::compose::contrast::Contrast;
use crate::workspace::compose::logs::Logs;
use crate::workspace::compose::{bar, contrast, exec, objects, overlay, status};
use crate::workspace::layout::Rect;
use crate::workspace::msg::Effect;
use crate::workspace::panes::contrast::{Detail, Listed, Next, request};
use crate::workspace::panes::{ContrastPane, Pane};
use crate::workspace::scene::{Body, PaneScene, Scene, Span};
use crate::workspace::state::State;

/// Brings the scene up to date; call it before painting. Costs nothing if nothing has happened since the last time.
/// Whether the scene has become another, `State::take_dirty` tells.
pub fn settle(state: &mut State, now: Time) -> Vec<Effect> {
    if !std::mem::take(&mut state.unsettled) {
        return Vec::new();
    }
    let mut effects = Vec::new();
    let mut moment = Moment::new(now);
    let scene = if state.too_small() {
        Scene {
            size: state.size,
            too_small: true,
            ..Scene::default()
        }
    } else {
        frame(state, &mut moment, &mut effects)
    };
    if scene != state.scene {
        state.scene = scene;
        state.dirty = true;
    }
    effects.extend(wake(state, &moment));
    effects
}

/// One wake-up is under way at most; one that comes early enough is left alone.
fn wake(state: &mut State, moment: &Moment) -> Option<Effect> {
    let wanted = moment.next()?;
    if state
        .wake
        .is_some_and(|pending| pending > moment.now() && pending <= wanted)
    {
        return None;
    }
    state.wake = Some(wanted);
    Some(Effect::WakeAt(wanted))
}

fn frame(state: &mut State, moment: &mut Moment, effects: &mut Vec<Effect>) -> Scene {
    let area = state.area();
    let mut panes = Vec::new();
    for (id, rect) in state.layout.solve(area) {
        let focused = id == state.layout.focus();
        if let Some((title, note, body)) = pane(state, id, PaneScene::body_rect(rect), moment, effects) {
            panes.push(PaneScene {
                id,
                rect,
                title,
                note,
                focused,
                body,
            });
        }
    }
    Scene {
        size: state.size,
        bar: bar::compose(&state.clusters, &state.objects, &state.snapshot, moment),
        bar_rows: state.bar_rows(),
        trouble: if state.bar_rows() > 1 {
            bar::trouble(&state.clusters, moment)
        } else {
            Vec::new()
        },
        panes,
        status: status::compose(state, moment),
        overlay: overlay::compose(state),
        too_small: false,
    }
}

/// Values are read only where they are in sight.
fn values_wanted(pane: &mut ContrastPane, id: PaneId, snapshot: &Arc<Snapshot>, moment: &mut Moment) -> Option<Effect> {
    let finding = match pane.detail {
        Detail::Brief => None,
        Detail::Full => pane.selected(snapshot),
    }?;
    match pane.reading.next(finding, moment.now()) {
        Next::Nothing => None,
        Next::Read(pattern) => Some(Effect::ReadValues(request(id, pattern, snapshot))),
        Next::Later(at) => {
            moment.changes_at(at);
            None
        }
    }
}

type Composed = (Vec<Span>, Vec<Span>, Body);

fn pane(state: &mut State, id: PaneId, body: Rect, moment: &mut Moment, effects: &mut Vec<Effect>) -> Option<Composed> {
    let State {
        panes,
        clusters,
        objects: things,
        snapshot,
        marks,
        keymap,
        ..
    } = state;
    Some(match panes.get_mut(&id)? {
        Pane::Contrast(pane) => {
            let listed = Listed {
                snapshot,
                marks,
                clusters,
            };
            pane.settle(listed, contrast::row_count(pane, body));
            effects.extend(values_wanted(pane, id, snapshot, moment));
            let contrast = Contrast {
                pane,
                listed,
                keymap,
                body,
            };
            let scene = contrast.compose(moment);
            let (title, note) = (contrast.title(moment), contrast.note());
            pane.scroll = scene.detail.above;
            (title, note, Body::Contrast(scene))
        }
        Pane::Objects(pane) => {
            let (list, rows) = pane.list_in(things);
            list.settle(rows, objects::row_count(body));
            let scene = objects::compose(pane, things, clusters, body, moment);
            (
                objects::title(clusters, moment),
                objects::note(pane),
                Body::Objects(scene),
            )
        }
        Pane::Logs(pane) => {
            let logs = Logs {
                pane,
                snapshot,
                clusters,
                marks,
                body,
            };
            let (scene, settled) = logs.compose(moment);
            let title = logs.title();
            pane.column = settled.column.or(pane.column);
            pane.selected = settled.selected;
            pane.shown = settled.shown;
            if let Some(cursor) = settled.cursor {
                (pane.cursor, pane.line) = (Some(cursor.position), cursor.line);
            }
            let logs = Logs {
                pane,
                snapshot,
                clusters,
                marks,
                body,
            };
            (title, logs.note(), Body::Logs(scene))
        }
        Pane::Exec(pane) => {
            if pane.resize(body.width, body.height) && !pane.has_ended() {
                effects.push(Effect::ResizeExec {
                    pane: id,
                    cols: pane.cols,
                    rows: pane.rows,
                });
            }
            let scene = exec::compose(pane);
            (exec::title(pane, clusters), exec::note(pane), Body::Exec(scene))
        }
    })
}
