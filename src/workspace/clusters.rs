//! What is known of each context's connection, and the one way to say it in a few words.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Access, ClusterState, ContextId, Insecure, SourceId, Span, StreamState, Time};

use super::msg::OpenedContext;

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
    /// How far its nodes' clocks are ahead of ours, if that is known.
    pub skew: Option<Span>,
}

/// All contexts, in the order of their columns, and the state of their log streams.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clusters {
    all: BTreeMap<ContextId, Cluster>,
    streams: BTreeMap<SourceId, StreamState>,
}

/// How the log streams of a context are doing, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamCensus {
    pub live: usize,
    /// Open, and known to have nothing newer.
    pub quiet: usize,
    /// Open, and known to keep something back.
    pub stalled: usize,
    /// Not followed: asked for news now and then.
    pub polled: usize,
    pub opening: usize,
    pub waiting: usize,
    pub reconnecting: usize,
    pub denied: usize,
    pub throttled: usize,
    pub not_followed: usize,
    /// Why one that waits does so.
    pub waiting_for: Option<Arc<str>>,
    /// Why one is denied, not followed or only polled.
    pub refusal: Option<Arc<str>>,
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

    /// Notes the state of a stream; true if that is news.
    pub fn note_stream(&mut self, source: SourceId, state: StreamState) -> bool {
        match state {
            // What is gone is of no interest to the counts, and there will be many of them.
            StreamState::Ended | StreamState::Gone => self.streams.remove(&source).is_some(),
            state => self.streams.insert(source, state.clone()) != Some(state),
        }
    }

    /// Counts the streams of one context, or of all.
    pub fn streams(&self, context: Option<ContextId>) -> StreamCensus {
        let mut census = StreamCensus::default();
        for (source, state) in &self.streams {
            if context.is_none_or(|context| context == source.context) {
                census.count(state);
            }
        }
        census
    }
}

impl StreamCensus {
    fn count(&mut self, state: &StreamState) {
        match state {
            StreamState::Opening => self.opening += 1,
            StreamState::Live => self.live += 1,
            StreamState::Quiet { .. } => self.quiet += 1,
            StreamState::Stalled { .. } => self.stalled += 1,
            StreamState::Polled { cap, .. } => {
                self.polled += 1;
                self.refusal.get_or_insert_with(|| cap.clone());
            }
            StreamState::Waiting { reason } => {
                self.waiting += 1;
                self.waiting_for.get_or_insert_with(|| reason.clone());
            }
            StreamState::Reconnecting { .. } => self.reconnecting += 1,
            StreamState::Denied { cause } => {
                self.denied += 1;
                self.refusal.get_or_insert_with(|| cause.clone());
            }
            StreamState::Throttled { .. } => self.throttled += 1,
            StreamState::NotFollowed { cap } => {
                self.not_followed += 1;
                self.refusal.get_or_insert_with(|| cap.clone());
            }
            StreamState::Ended | StreamState::Gone => {}
        }
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

    /// Whether what is shown of it is what it was, not what it is.
    pub const fn is_stale(&self) -> bool {
        match self.state {
            ClusterState::Live { .. } | ClusterState::Connecting { .. } => false,
            ClusterState::Stale { .. }
            | ClusterState::NeedsLogin { .. }
            | ClusterState::Asks { .. }
            | ClusterState::Forbidden { .. }
            | ClusterState::Unreachable { .. }
            | ClusterState::Broken { .. } => self.listed,
        }
    }
}
