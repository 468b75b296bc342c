//! What to watch: namespaces, selectors and queries, the same for every context.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use crate::model::{PodRow, Span, WorkloadKind};

/// A pattern that takes longer to compile than this much memory allows is refused instead.
const REGEX_LIMIT: usize = 1 << 20;

/// What to watch, the same for every context.
#[derive(Clone, Debug)]
pub struct Watching {
    pub namespaces: Namespaces,
    /// Both selectors are the server's business.
    pub label_selector: Option<String>,
    pub field_selector: Option<String>,
    pub pods: PodQuery,
    /// Only containers that match are followed; rows show them all.
    pub container: Option<Regex>,
    pub exclude_containers: Vec<Regex>,
    pub exclude_pods: Vec<Regex>,
    /// How far back the logs are read at the start.
    pub since: Span,
    /// At most this many of the last lines of each container that runs at the start.
    pub tail: Option<i64>,
    /// At most this many log streams at a time; the others wait, and say so.
    pub most_streams: usize,
}

/// The namespaces to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// Each context's own namespace.
    OfContext,
    Listed(Vec<Arc<str>>),
    /// Needs the right to list pods cluster-wide.
    All,
}

/// Which pods of the namespaces.
#[derive(Clone, Debug)]
pub enum PodQuery {
    All,
    Name(Regex),
    Workload { kind: WorkloadKind, name: Arc<str> },
}

impl Default for Watching {
    fn default() -> Self {
        Self {
            namespaces: Namespaces::OfContext,
            label_selector: None,
            field_selector: None,
            pods: PodQuery::All,
            container: None,
            exclude_containers: Vec::new(),
            exclude_pods: Vec::new(),
            since: Span::from_secs(600),
            tail: None,
            most_streams: 250,
        }
    }
}

impl Watching {
    /// The lists to ask for: one per namespace, or `None` alone for the whole cluster.
    pub(super) fn scopes(&self, of_context: &Arc<str>) -> Vec<Option<Arc<str>>> {
        match &self.namespaces {
            Namespaces::All => vec![None],
            Namespaces::OfContext => vec![Some(Arc::clone(of_context))],
            Namespaces::Listed(names) if names.is_empty() => vec![Some(Arc::clone(of_context))],
            Namespaces::Listed(names) => {
                let mut scopes: Vec<Option<Arc<str>>> = Vec::new();
                for name in names {
                    if !scopes.iter().flatten().any(|known| known == name) {
                        scopes.push(Some(Arc::clone(name)));
                    }
                }
                scopes
            }
        }
    }

    pub(super) fn wants_pod(&self, pod: &PodRow) -> bool {
        let asked = match &self.pods {
            PodQuery::All => true,
            PodQuery::Name(regex) => regex.is_match(&pod.key.name),
            PodQuery::Workload { kind, name } => pod.workload.kind == *kind && pod.workload.name == *name,
        };
        asked && !self.exclude_pods.iter().any(|regex| regex.is_match(&pod.key.name))
    }

    pub(super) fn wants_container(&self, name: &str) -> bool {
        self.container.as_ref().is_none_or(|regex| regex.is_match(name))
            && !self.exclude_containers.iter().any(|regex| regex.is_match(name))
    }
}

impl PodQuery {
    /// Reads stern's positional argument: a regular expression for pod names, or `kind/name` with kubectl's kinds.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let Some((kind, name)) = text.split_once('/') else {
            return if matches!(text, "" | "." | ".*") {
                Ok(Self::All)
            } else {
                regex(text).map(Self::Name)
            };
        };
        if name.is_empty() || name.contains('/') {
            return Err(format!(
                "{text:?} is neither a pod name's regular expression nor kind/name"
            ));
        }
        let exactly = regex::escape(name);
        let workload = |kind| {
            Ok(Self::Workload {
                kind,
                name: name.into(),
            })
        };
        match kind.to_ascii_lowercase().as_str() {
            "deploy" | "deployment" | "deployments" => workload(WorkloadKind::Deployment),
            "sts" | "statefulset" | "statefulsets" => workload(WorkloadKind::StatefulSet),
            "ds" | "daemonset" | "daemonsets" => workload(WorkloadKind::DaemonSet),
            "job" | "jobs" => workload(WorkloadKind::Job),
            "cj" | "cronjob" | "cronjobs" => workload(WorkloadKind::CronJob),
            "po" | "pod" | "pods" => regex(&format!("^{exactly}$")).map(Self::Name),
            // Rows look through a ReplicaSet to its Deployment, so its pods are told by the name that it gives them.
            "rs" | "replicaset" | "replicasets" => regex(&format!("^{exactly}-[a-z0-9]+$")).map(Self::Name),
            _ => Err(format!(
                "there is no kind {kind:?} here; known are deployment, statefulset, daemonset, job, cronjob, \
                 replicaset and pod"
            )),
        }
    }
}

fn regex(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .size_limit(REGEX_LIMIT)
        .build()
        .map_err(|error| format!("/{text}/ is not a regular expression: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = match PodQuery::parse(text) {
            Ok(PodQuery::All) => "all".to_owned(),
            Ok(PodQuery::Name(regex)) => format!("name {regex}"),
            Ok(PodQuery::Workload { kind, name }) => format!("{} {name}", kind.as_str()),
            Err(_) => "error".to_owned(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_query_is_a_regular_expression_or_kind_and_name() {
        check("", "all");
        check(".", "all");
        check("api", "name api");
        check("deploy/api", "Deployment api");
        check("Deployment/api", "Deployment api");
        check("sts/db", "StatefulSet db");
        check("ds/node-agent", "DaemonSet node-agent");
        check("job/migrate", "Job migrate");
        check("cronjob/backup", "CronJob backup");
        check("po/api-0", "name ^api\\-0$");
        check("pod/a.b", "name ^a\\.b$");
        check("rs/api-54b7848d46", "name ^api\\-54b7848d46-[a-z0-9]+$");
        check("service/api", "error");
        check("deploy/", "error");
        check("a/b/c", "error");
        check("(", "error");
        check(r"\pL{1000}", "error");
    }

    #[test]
    fn a_namespace_asked_for_twice_is_watched_once() {
        let watching = Watching {
            namespaces: Namespaces::Listed(vec!["a".into(), "b".into(), "a".into()]),
            ..Watching::default()
        };
        assert_eq!(watching.scopes(&"shop".into()), [Some("a".into()), Some("b".into())]);
        let all = Watching {
            namespaces: Namespaces::All,
            ..Watching::default()
        };
        assert_eq!(all.scopes(&"shop".into()), [None]);
    }
}
