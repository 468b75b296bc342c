//! Which namespaces can be listened to, as their pods' feeds and their log streams were answered, and what of it was
//! told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Access, ContextId, Ingest, SourceId, Time};

/// The right to read logs, namespace by namespace.
#[derive(Debug, Default)]
pub(super) struct LogAccess {
    namespaces: BTreeMap<Arc<str>, Streams>,
    /// Any log was ever opened.
    any_opened: bool,
}

/// The streams of one namespace.
#[derive(Debug, Default)]
struct Streams {
    /// Those that were answered and have not ended, broken ones too.
    allowed: BTreeSet<SourceId>,
    denied: BTreeSet<SourceId>,
    /// The server's sentence. It stands as long as a stream is denied, and when the last of these has ended, until
    /// another one shows that logs can be read.
    refusal: Option<Arc<str>>,
}

/// What was last told of the namespaces that are not open; of the others there is nothing to tell.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<Arc<str>, Access>);

impl LogAccess {
    pub(super) fn allowed(&mut self, namespace: Arc<str>, source: SourceId) {
        self.any_opened = true;
        let streams = self.namespaces.entry(namespace).or_default();
        streams.denied.remove(&source);
        streams.allowed.insert(source);
        streams.settle();
    }

    pub(super) fn denied(&mut self, namespace: Arc<str>, source: SourceId, cause: Arc<str>) {
        let streams = self.namespaces.entry(namespace).or_default();
        streams.allowed.remove(&source);
        streams.denied.insert(source);
        streams.refusal.get_or_insert(cause);
    }

    pub(super) fn ended(&mut self, namespace: &str, source: SourceId) {
        let Some(streams) = self.namespaces.get_mut(namespace) else {
            return;
        };
        streams.allowed.remove(&source);
        streams.denied.remove(&source);
        streams.settle();
        if streams.refusal.is_none() && streams.allowed.is_empty() {
            self.namespaces.remove(namespace);
        }
    }

    /// The namespaces with denied logs, and the server's sentence on each.
    pub(super) fn forbidden(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.namespaces
            .iter()
            .filter_map(|(namespace, streams)| Some((namespace, streams.refusal.as_ref()?)))
    }

    /// Whether any log of a namespace could be read, and may be read still.
    pub(super) fn is_read(&self, namespace: &str) -> bool {
        let streams = self.namespaces.get(namespace);
        streams.is_some_and(|streams| !streams.allowed.is_empty())
    }

    /// Some logs are denied, and none was ever opened: the others will hardly fare better.
    pub(super) fn is_forbidden_altogether(&self) -> bool {
        !self.any_opened && self.forbidden().next().is_some()
    }
}

impl Streams {
    fn settle(&mut self) {
        if self.denied.is_empty() && !self.allowed.is_empty() {
            self.refusal = None;
        }
    }
}

impl Told {
    /// What is news, given all namespaces that are not open now.
    pub(super) fn update(&mut self, now: BTreeMap<Arc<str>, Access>) -> Vec<(Arc<str>, Access)> {
        let before = std::mem::replace(&mut self.0, now);
        let closed = self.0.iter().filter(|(name, access)| before.get(*name) != Some(access));
        let opened = before.keys().filter(|name| !self.0.contains_key(*name));
        closed
            .map(|(name, access)| (Arc::clone(name), *access))
            .chain(opened.map(|name| (Arc::clone(name), Access::Open)))
            .collect()
    }
}

/// The engine's word for it. Without a namespace it is about the whole context.
pub(super) fn ingest(context: ContextId, namespace: Option<Arc<str>>, access: Access, at: Time) -> Ingest {
    match access {
        Access::Open | Access::Lost => Ingest::Watched {
            context,
            namespace,
            at,
            watched: access == Access::Open,
        },
        Access::Forbidden => Ingest::Forbidden { context, namespace, at },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn source(n: u32) -> SourceId {
        SourceId {
            context: ContextId(0),
            n,
        }
    }

    fn forbidden(logs: &LogAccess) -> Vec<&str> {
        logs.forbidden().map(|(namespace, _)| &**namespace).collect()
    }

    #[test]
    fn one_denied_log_forbids_its_namespace_until_all_can_be_read() {
        let mut logs = LogAccess::default();
        logs.allowed("shop".into(), source(0));
        logs.denied("shop".into(), source(1), "no".into());
        logs.denied("shop".into(), source(2), "no".into());
        logs.denied("billing".into(), source(3), "no".into());
        assert_eq!(forbidden(&logs), ["billing", "shop"]);
        assert!(!logs.is_forbidden_altogether());
        logs.allowed("shop".into(), source(1));
        assert_eq!(forbidden(&logs), ["billing", "shop"], "one is denied still");
        logs.allowed("shop".into(), source(2));
        assert_eq!(forbidden(&logs), ["billing"]);
        // A log that was read and is denied now.
        logs.denied("shop".into(), source(0), "not any more".into());
        assert_eq!(forbidden(&logs), ["billing", "shop"]);
    }

    #[test]
    fn the_end_of_a_denied_log_is_no_permission() {
        let mut logs = LogAccess::default();
        logs.denied("shop".into(), source(0), "no".into());
        assert!(logs.is_forbidden_altogether());
        logs.ended("shop", source(0));
        assert_eq!(forbidden(&logs), ["shop"]);
        logs.allowed("shop".into(), source(1));
        assert_eq!(forbidden(&logs), [""; 0]);
        logs.denied("shop".into(), source(2), "not this one".into());
        logs.ended("shop", source(2));
        assert_eq!(forbidden(&logs), [""; 0], "the other one is read");
        logs.ended("shop", source(1));
        assert!(logs.namespaces.is_empty());
    }

    #[test]
    fn only_news_are_told() {
        let mut told = Told::default();
        let mut check = |now: &[(&str, Access)], news: &[(&str, Access)]| {
            let now = now.iter().map(|(name, access)| (Arc::from(*name), *access));
            let found = told.update(now.collect());
            let found: Vec<_> = found.iter().map(|(name, access)| (&**name, *access)).collect();
            assert_eq!(found, news);
        };
        let (a, b) = (("a", Access::Lost), ("b", Access::Forbidden));
        check(&[], &[]);
        check(&[a, b], &[a, b]);
        check(&[a, b], &[]);
        check(
            &[("a", Access::Forbidden)],
            &[("a", Access::Forbidden), ("b", Access::Open)],
        );
        check(&[], &[("a", Access::Open)]);
        check(&[], &[]);
    }
}
