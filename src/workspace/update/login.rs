//! Logging in: which cluster wants a person, whether its credential plugin may run, and giving it the terminal.

use crate::model::{ClusterState, ContextId};
use crate::workspace::clusters::Cluster;
use crate::workspace::key::Key;
use crate::workspace::msg::Effect;
use crate::workspace::panes::Pane;
use crate::workspace::scene::Tone;
use crate::workspace::state::{Over, State};

/// Begins with the cluster of the focused pane, if it is one of those that want a person.
pub fn login(state: &mut State) -> Vec<Effect> {
    let Some(cluster) = wanting(state) else {
        state.say("no cluster needs a login", Tone::Good);
        return Vec::new();
    };
    let context = cluster.id;
    if let ClusterState::Asks { plugin, .. } = &cluster.state {
        let plugin = plugin.clone();
        state.overlay = Some(Over::Allowing { context, plugin });
        return Vec::new();
    }
    if cluster.plugin.is_some() {
        return vec![Effect::Login(context)];
    }
    let name = state.clusters.name(context);
    let words = format!("{name} has no credential plugin to run: once its kubeconfig is put right, retry");
    state.say(words, Tone::Warn);
    Vec::new()
}

fn wanting(state: &State) -> Option<&Cluster> {
    let focused = focused_context(state).and_then(|context| state.clusters.get(context));
    let mut all = focused.into_iter().chain(state.clusters.iter());
    all.find(|cluster| cluster.wants_a_person())
}

fn focused_context(state: &State) -> Option<ContextId> {
    match state.focused()? {
        Pane::Logs(logs) => logs.column,
        Pane::Exec(exec) => Some(exec.target.pod.context),
        Pane::Contrast(contrast) => contrast.cluster,
        Pane::Objects(_) => None,
    }
}

/// The answer to "Run this?". Enter is no answer: it is pressed too easily.
pub fn answer(state: &mut State, key: Key) -> Vec<Effect> {
    let Some(Over::Allowing { context, plugin }) = state.overlay.take() else {
        return Vec::new();
    };
    if key.is_yes() {
        return vec![Effect::AllowPlugin { context, plugin }];
    }
    Vec::new()
}
