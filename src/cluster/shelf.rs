//! The rows of a context's namespaces together: each namespace is listed by itself, the context is told as one.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows by uid, one map per namespace asked for.
#[derive(Clone, Debug)]
pub(super) struct Shelf<R> {
    scopes: Vec<BTreeMap<Arc<str>, R>>,
}

impl<R: Clone> Shelf<R> {
    pub(super) fn new(scopes: usize) -> Self {
        Self {
            scopes: (0..scopes).map(|_| BTreeMap::new()).collect(),
        }
    }

    /// Replaces what is known of one namespace; gives back the rows that are gone.
    pub(super) fn list(&mut self, scope: usize, rows: impl IntoIterator<Item = (Arc<str>, R)>) -> Vec<R> {
        let Some(known) = self.scopes.get_mut(scope) else {
            return Vec::new();
        };
        let listed: BTreeMap<_, _> = rows.into_iter().collect();
        let before = std::mem::replace(known, listed);
        before
            .into_iter()
            .filter(|(uid, _)| !known.contains_key(uid))
            .map(|(_, row)| row)
            .collect()
    }

    pub(super) fn apply(&mut self, scope: usize, uid: Arc<str>, row: R) {
        if let Some(known) = self.scopes.get_mut(scope) {
            known.insert(uid, row);
        }
    }

    pub(super) fn remove(&mut self, scope: usize, uid: &str) -> Option<R> {
        self.scopes.get_mut(scope)?.remove(uid)
    }

    /// All rows of all namespaces.
    pub(super) fn all(&self) -> Vec<R> {
        self.scopes.iter().flat_map(BTreeMap::values).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_one_namespace_keeps_the_others() {
        let rows = |uids: &[&'static str]| uids.iter().map(|uid| (Arc::from(*uid), *uid)).collect::<Vec<_>>();
        let mut shelf = Shelf::new(2);
        assert_eq!(shelf.list(0, rows(&["a", "b"])), Vec::<&str>::new());
        shelf.list(1, rows(&["c"]));
        assert_eq!(shelf.list(0, rows(&["b", "d"])), ["a"]);
        assert_eq!(shelf.all(), ["b", "d", "c"]);
        assert_eq!(shelf.remove(1, "c"), Some("c"));
        assert_eq!(shelf.all(), ["b", "d"]);
    }
}
