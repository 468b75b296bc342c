//! What is known of each context's connection, and the one way to say it in a few words.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Access, ClusterState, ContextId, Insecure, Span, Time};

use super::msg::OpenedContext;
use super::streams::Streams;

/// Clocks that are further apart than this put records into another order than that in which they were written by
/// more than a person would notice.
const MUCH_SKEW: Span = Span::from_secs(30);

/// One context of this run.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    pub id: ContextId,
    pub name: Arc<str>,
    pub namespace: Arc<str>,
    pub insecure: Option<Insecure>,
    /// The credential plugin that a login runs, if it has one.
    pub plugin: Option<Arc<str>>,
    pub state: ClusterState,
    /// The server's version, once it has said it.
    pub version: Option<Arc<str>>,
    /// What is refused or failing although the cluster is live: (what, cause).
    pub limits: BTreeMap<Arc<str>, Arc<str>>,
    /// What was said of the access to the pods of a namespace while others were live.
    pub namespaces: BTreeMap<Arc<str>, Access>,
    /// Its pods have been listed at least once.
    pub listed: bool,
    /// Until when what is shown of it was known to be so, if it was seen and is not any more.
    pub as_of: Option<Time>,
    /// How far its nodes' clocks are ahead of ours, if that is known.
    pub skew: Option<Span>,
}

/// All contexts, in the order of their columns, and their log streams.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clusters {
    all: BTreeMap<ContextId, Cluster>,
    pub streams: Streams,
}

impl Clusters {
    /// Takes the contexts of this run; what is known of one that was there already is kept.
    pub fn open(&mut self, contexts: Vec<OpenedContext>, now: Time) {
        let mut known = std::mem::take(&mut self.all);
        for opened in contexts {
            let cluster = match known.remove(&opened.id) {
                Some(cluster) => Cluster {
                    name: opened.name,
                    namespace: opened.namespace,
                    insecure: opened.insecure,
                    plugin: opened.plugin,
                    ..cluster
                },
                None => Cluster {
                    id: opened.id,
                    name: opened.name,
                    namespace: opened.namespace,
                    insecure: opened.insecure,
                    plugin: opened.plugin,
                    state: ClusterState::Connecting { since: now },
                    version: None,
                    limits: BTreeMap::new(),
                    namespaces: BTreeMap::new(),
                    listed: false,
                    as_of: None,
                    skew: None,
                },
            };
            self.all.insert(cluster.id, cluster);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Cluster> {
        self.all.values()
    }

    pub fn ids(&self) -> Vec<ContextId> {
        self.all.keys().copied().collect()
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub fn get(&self, context: ContextId) -> Option<&Cluster> {
        self.all.get(&context)
    }

    pub fn get_mut(&mut self, context: ContextId) -> Option<&mut Cluster> {
        self.all.get_mut(&context)
    }

    /// The name of a context, made safe to show; its number if it is not known.
    pub fn name(&self, context: ContextId) -> String {
        self.get(context).map_or_else(
            || format!("#{}", context.0),
            |cluster| crate::text::display::plain(&cluster.name).into_owned(),
        )
    }
}

impl Cluster {
    /// How much this state needs a person, the most first.
    pub fn urgency(&self) -> u8 {
        match self.state {
            ClusterState::NeedsLogin { .. } | ClusterState::Asks { .. } => 0,
            ClusterState::Broken { .. } => 1,
            ClusterState::Forbidden { .. } => 2,
            ClusterState::Unreachable { .. } => 3,
            ClusterState::Stale { .. } => 4,
            ClusterState::Live { .. } if !self.limits.is_empty() => 5,
            ClusterState::Live { .. } if self.is_skewed() => 6,
            ClusterState::Live { .. } | ClusterState::Connecting { .. } => u8::MAX,
        }
    }

    /// Whether it is a login, or leave to run a credential plugin, that it waits for.
    pub const fn wants_a_person(&self) -> bool {
        matches!(self.state, ClusterState::NeedsLogin { .. } | ClusterState::Asks { .. })
    }

    /// Whether the pods of a namespace can be seen.
    pub fn access(&self, namespace: &str) -> Access {
        match self.state {
            ClusterState::Forbidden { .. } => Access::Forbidden,
            ClusterState::Connecting { .. }
            | ClusterState::Live { .. }
            | ClusterState::Stale { .. }
            | ClusterState::NeedsLogin { .. }
            | ClusterState::Asks { .. }
            | ClusterState::Unreachable { .. }
            | ClusterState::Broken { .. } => match self.namespaces.get(namespace) {
                Some(access) => *access,
                None if self.listed => Access::Open,
                None => Access::Lost,
            },
        }
    }

    /// Whether its clocks are so wrong that times must not be compared.
    pub fn is_skewed(&self) -> bool {
        self.skew
            .is_some_and(|ahead| ahead.nanos().saturating_abs() >= MUCH_SKEW.nanos())
    }

    /// Takes its new state in; true if that is news.
    pub fn change(&mut self, state: ClusterState, now: Time) -> bool {
        if state.is_live() && !self.state.is_live() {
            // A new connection says anew what it is refused.
            self.limits = BTreeMap::new();
        }
        self.as_of = match &state {
            ClusterState::Live { .. } => None,
            // Tried again; what is shown is as old as it was.
            ClusterState::Connecting { .. } => self.as_of,
            ClusterState::Stale { since, .. } => self.as_of.or(Some((*since).min(now))),
            ClusterState::NeedsLogin { .. }
            | ClusterState::Asks { .. }
            | ClusterState::Forbidden { .. }
            | ClusterState::Unreachable { .. }
            | ClusterState::Broken { .. } => self
                .as_of
                .or((self.listed || self.state.is_live()).then_some(state.since().min(now))),
        };
        let changed = self.state != state;
        self.state = state;
        changed
    }

    /// Whether what is shown of it is what it was, not what it is.
    pub const fn is_stale(&self) -> bool {
        self.as_of.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Time {
        Time::from_secs(secs)
    }

    fn cluster() -> Cluster {
        let mut clusters = Clusters::default();
        let opened = OpenedContext {
            id: ContextId(0),
            name: "prod".into(),
            namespace: "shop".into(),
            insecure: None,
            plugin: None,
        };
        clusters.open(vec![opened], at(0));
        clusters.get(ContextId(0)).cloned().unwrap()
    }

    fn needs_login(since: i64) -> ClusterState {
        ClusterState::NeedsLogin {
            since: at(since),
            cause: "sso".into(),
        }
    }

    fn stale(since: i64) -> ClusterState {
        ClusterState::Stale {
            since: at(since),
            cause: "reset".into(),
            next: at(99),
        }
    }

    #[track_caller]
    fn check(states: Vec<ClusterState>, expected: Option<i64>) {
        let mut cluster = cluster();
        for state in states {
            cluster.change(state, at(50));
        }
        assert_eq!(cluster.as_of, expected.map(at));
        assert_eq!(cluster.is_stale(), expected.is_some());
    }

    #[test]
    fn what_was_seen_and_is_lost_is_as_old_as_its_loss() {
        let live = || ClusterState::Live { since: at(1) };
        check(vec![], None);
        check(vec![needs_login(3)], None);
        check(vec![live()], None);
        check(vec![live(), stale(10)], Some(10));
        check(vec![live(), stale(10), needs_login(30)], Some(10));
        check(vec![live(), needs_login(30)], Some(30));
        check(
            vec![live(), stale(10), ClusterState::Connecting { since: at(20) }],
            Some(10),
        );
        check(vec![live(), stale(10), live()], None);
        check(vec![live(), stale(70)], Some(50));
    }
}
