//! What is known of each context's connection, and the one way to say it in a few words.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Access, ClusterState, ContextId, Span, Time};

use super::msg::OpenedContext;
use super::streams::Streams;

/// One context of this run.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    pub id: ContextId,
    pub name: Arc<str>,
    pub namespace: Arc<str>,
    pub insecure: bool,
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
                    ..cluster
                },
                None => Cluster {
                    id: opened.id,
                    name: opened.name,
                    namespace: opened.namespace,
                    insecure: opened.insecure,
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
}

impl Cluster {
    /// How much this state needs a person, the most first.
    pub fn urgency(&self) -> u8 {
        match self.state {
            ClusterState::NeedsLogin { .. } => 0,
            ClusterState::Broken { .. } => 1,
            ClusterState::Forbidden { .. } => 2,
            ClusterState::Unreachable { .. } => 3,
            ClusterState::Stale { .. } => 4,
            ClusterState::Live { .. } if !self.limits.is_empty() => 5,
            ClusterState::Live { .. } | ClusterState::Connecting { .. } => u8::MAX,
        }
    }

    /// Whether the pods of a namespace can be seen.
    pub fn access(&self, namespace: &str) -> Access {
        match self.state {
            ClusterState::Forbidden { .. } => Access::Forbidden,
            ClusterState::Connecting { .. }
            | ClusterState::Live { .. }
            | ClusterState::Stale { .. }
            | ClusterState::NeedsLogin { .. }
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
            | ClusterState::Forbidden { .. }
            | ClusterState::Unreachable { .. }
            | ClusterState::Broken { .. } => self.listed,
        }
    }
}
