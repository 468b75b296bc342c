//! Copying what is selected, made safe: what is pasted into a shell must not be able to run by itself.

use crate::text::display;
use crate::workspace::compose::record;
use crate::workspace::msg::Effect;
use crate::workspace::panes::{ObjectKey, Pane};
use crate::workspace::scene::Tone;
use crate::workspace::state::State;

pub fn copy(state: &mut State) -> Vec<Effect> {
    let Some(text) = selected_text(state).filter(|text| !text.is_empty()) else {
        state.say("nothing is selected to copy", Tone::Dim);
        return Vec::new();
    };
    let what = match text.lines().count() {
        1 => display::truncate(&text, 60).into_owned(),
        lines => format!("{lines} lines"),
    };
    state.say(format!("copied {what}"), Tone::Good);
    vec![Effect::Copy(text)]
}

fn selected_text(state: &State) -> Option<String> {
    match state.focused()? {
        Pane::Contrast(pane) => {
            let finding = pane.target(&state.snapshot)?;
            let lines: Vec<_> = finding
                .template
                .lines()
                .map(|line| display::line(line.as_bytes()).text)
                .collect();
            Some(lines.join("\n"))
        }
        Pane::Objects(pane) => {
            let name = match pane.list.selected()? {
                ObjectKey::Namespace(namespace) => namespace,
                ObjectKey::Workload(workload) => &workload.name,
                ObjectKey::Pod(pod) => &pod.name,
                ObjectKey::Container(target) => &target.container,
            };
            Some(display::plain(name).into_owned())
        }
        // While following no record stands still long enough to be meant.
        Pane::Logs(pane) if pane.is_following() => None,
        Pane::Logs(pane) => Some(record::copied(state.snapshot.records.get(pane.selected?)?)),
        Pane::Exec(pane) => Some(pane.vt.rows().join("\n").trim_end().to_owned()),
    }
}
