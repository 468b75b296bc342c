//! The table of what the API serves: names, scopes, verbs and subresources of every kind.

/// Every verb that a stored kind has.
const EVERY_VERB: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// Empty for the legacy group.
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    /// As in the URL, and the name under which the store keeps the objects.
    pub(super) plural: &'static str,
    pub(super) singular: &'static str,
    pub(super) kind: &'static str,
    pub(super) is_namespaced: bool,
    pub(super) verbs: Vec<&'static str>,
    pub(super) short_names: Vec<&'static str>,
    pub(super) categories: Vec<&'static str>,
    pub(super) subresources: Vec<Subresource>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subresource {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) verbs: Vec<&'static str>,
}

impl Resource {
    /// `v1`, `apps/v1`.
    pub(super) fn group_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// As messages name it: `pods`, `deployments.apps`.
    pub(super) fn qualified(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }

    pub(super) fn allows(&self, verb: &str) -> bool {
        self.verbs.contains(&verb)
    }

    pub(super) fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|subresource| subresource.name == name)
    }
}

/// The whole table, in the order of discovery.
pub(super) fn all() -> Vec<Resource> {
    include_str!("resources.txt").lines().filter_map(row).collect()
}

fn row(line: &'static str) -> Option<Resource> {
    if line.starts_with('#') {
        return None;
    }
    let mut words = line.split(' ');
    let mut next = || words.next();
    let (group, version, plural, singular) = (next()?, next()?, next()?, next()?);
    let (kind, scope, verbs, short_names, categories) = (next()?, next()?, next()?, next()?, next()?);
    Some(Resource {
        group: if group == "-" { "" } else { group },
        version,
        plural,
        singular,
        kind,
        is_namespaced: scope == "namespaced",
        verbs: if verbs == "*" { EVERY_VERB.to_vec() } else { list(verbs) },
        short_names: list(short_names),
        categories: list(categories),
        subresources: words.filter_map(subresource).collect(),
    })
}

fn list(words: &'static str) -> Vec<&'static str> {
    words.split(',').filter(|word| *word != "-").collect()
}

fn subresource(words: &'static str) -> Option<Subresource> {
    let mut parts = words.split(':');
    Some(Subresource {
        name: parts.next()?,
        kind: parts.next()?,
        verbs: list(parts.next()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        let lines = include_str!("resources.txt")
            .lines()
            .filter(|line| !line.starts_with('#'));
        assert_eq!(all().len(), lines.count());
    }

    #[test]
    fn a_row_says_what_kubectl_needs() {
        let all = all();
        let pods = all.iter().find(|resource| resource.plural == "pods").unwrap();
        assert_eq!((pods.group, pods.kind, pods.is_namespaced), ("", "Pod", true));
        assert_eq!(pods.short_names, ["po"]);
        assert_eq!(pods.subresource("exec").unwrap().verbs, ["create", "get"]);
        assert!(pods.allows("watch"));
        let deployments = all.iter().find(|resource| resource.plural == "deployments").unwrap();
        assert_eq!(deployments.qualified(), "deployments.apps");
        assert_eq!(deployments.group_version(), "apps/v1");
    }
}
