//! What an engine is told of a saved tree of logs beside the lines in it: which containers there are, when they were
//! watched, and what could not be. Knows no file.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{
    ContainerKind, ContextId, Ingest, PodKey, Source, SourceId, Target, Time, WorkloadKey, WorkloadKind,
};
use crate::report::coverage::{Coverage, Interval};
use crate::text::podname;

/// One container of the tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub cluster: Arc<str>,
    pub namespace: Arc<str>,
    pub pod: Arc<str>,
    pub container: Arc<str>,
}

/// A step of the replay beside the lines. Those of one moment come in the order of their ranks.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// `Time::MAX`: with the last line of its cluster.
    pub at: Time,
    pub rank: Rank,
    pub ingest: Ingest,
}

/// What comes first of what happens at the same time. Lines come between `Began` and `Ended`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Watched,
    Opened,
    Began,
    Ended,
    Gone,
}

/// The instances of one container, each with its start; the first one from the beginning of time.
pub type Instances = Vec<(Time, SourceId)>;

/// The whole replay without the lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub contexts: Vec<(ContextId, Arc<str>)>,
    /// In their order.
    pub steps: Vec<Step>,
    pub instances: BTreeMap<Place, Instances>,
    /// When it ends; none: with its last line.
    pub end: Option<Time>,
}

impl Plan {
    /// The plan that a coverage file makes.
    pub fn of_coverage(coverage: &Coverage) -> Self {
        let mut plan = Self {
            end: Some(coverage.window.to),
            ..Self::default()
        };
        for (name, cluster) in &coverage.clusters {
            let name: Arc<str> = name.as_str().into();
            let mut building = plan.cluster(&name);
            if let Some(connected) = cluster.connected {
                building.watched_since(connected.from);
            }
            for refused in &cluster.forbidden {
                building.forbid(&refused.namespace, &refused.workload);
            }
            for pod in &cluster.pods {
                let within: Vec<_> = cluster.connected.into_iter().collect();
                let watched = without(&both(&pod.observed, &within), &cluster.gaps);
                let mut restarts: Vec<_> = pod.restarts.iter().map(|stamp| stamp.0).collect();
                restarts.sort_unstable();
                building.container(Container {
                    place: Place {
                        cluster: name.clone(),
                        namespace: pod.namespace.as_str().into(),
                        pod: pod.pod.as_str().into(),
                        container: pod.container.as_str().into(),
                    },
                    workload: &pod.workload,
                    restarts,
                    watched,
                });
            }
        }
        plan.sorted()
    }

    /// The plan for a tree of which only the files are known, each with the time of its first line: a file was watched
    /// from there to the last line of its cluster, and a pod's name tells its workload. A file without a line tells
    /// that its workload runs, and no more.
    pub fn of_files(files: &[(Place, Option<Time>)]) -> Self {
        let mut plan = Self::default();
        let mut clusters: BTreeMap<&Arc<str>, Vec<_>> = BTreeMap::new();
        for (place, first) in files {
            clusters.entry(&place.cluster).or_default().push((place, *first));
        }
        for (name, files) in clusters {
            let mut building = plan.cluster(name);
            if let Some(first) = files.iter().filter_map(|(_, first)| *first).min() {
                building.watched_since(first);
            }
            for (place, first) in files {
                let to_the_end = |from| Interval { from, to: Time::MAX };
                building.container(Container {
                    workload: podname::workload(&place.pod),
                    place: place.clone(),
                    restarts: Vec::new(),
                    watched: first.map(to_the_end).into_iter().collect(),
                });
            }
        }
        plan.sorted()
    }

    fn cluster(&mut self, name: &Arc<str>) -> Building<'_> {
        let context = ContextId(u16::try_from(self.contexts.len()).unwrap_or(u16::MAX));
        self.contexts.push((context, name.clone()));
        Building {
            plan: self,
            context,
            sources: 0,
        }
    }

    fn sorted(mut self) -> Self {
        self.steps.sort_by_key(|step| (step.at, step.rank));
        self
    }
}

/// A cluster that is being added.
struct Building<'a> {
    plan: &'a mut Plan,
    context: ContextId,
    sources: u32,
}

struct Container<'a> {
    place: Place,
    workload: &'a str,
    /// Ascending.
    restarts: Vec<Time>,
    watched: Vec<Interval>,
}

impl Building<'_> {
    fn step(&mut self, at: Time, rank: Rank, ingest: Ingest) {
        self.plan.steps.push(Step { at, rank, ingest });
    }

    fn watched_since(&mut self, from: Time) {
        let ingest = Ingest::Watched {
            context: self.context,
            namespace: None,
            at: from,
            watched: true,
        };
        self.step(from, Rank::Watched, ingest);
    }

    /// It is known to run here, and nothing of it is ever seen.
    fn forbid(&mut self, namespace: &str, workload: &str) {
        let ingest = Ingest::WorkloadForbidden {
            context: self.context,
            workload: workload_key(namespace, workload),
            at: Time::MIN,
        };
        self.step(Time::MIN, Rank::Opened, ingest);
    }

    fn container(&mut self, container: Container<'_>) {
        let Container {
            place,
            workload,
            restarts,
            watched,
        } = container;
        let mut instances = Vec::new();
        let starts: Vec<_> = std::iter::once(Time::MIN).chain(restarts).collect();
        for (n, start) in starts.iter().copied().enumerate() {
            let id = self.next_id();
            let end = starts.get(n + 1).copied();
            let source = Source {
                restarts: u32::try_from(n).unwrap_or(u32::MAX),
                started: (n > 0).then_some(start),
                ..self.source(id, &place, workload)
            };
            self.step(start, Rank::Opened, Ingest::SourceOpened(source));
            let life = Interval {
                from: start,
                to: end.unwrap_or(Time::MAX),
            };
            for Interval { from, to } in both(&watched, &[life]) {
                self.step(from, Rank::Began, Ingest::CoverageBegan { source: id, from });
                self.step(to, Rank::Ended, Ingest::CoverageEnded { source: id, at: to });
            }
            if let Some(at) = end {
                self.step(at, Rank::Gone, Ingest::SourceEnded { source: id, at });
            }
            instances.push((start, id));
        }
        self.plan.instances.insert(place, instances);
    }

    fn next_id(&mut self) -> SourceId {
        let id = SourceId {
            context: self.context,
            n: self.sources,
        };
        self.sources += 1;
        id
    }

    fn source(&self, id: SourceId, place: &Place, workload: &str) -> Source {
        Source {
            id,
            target: Target {
                pod: PodKey {
                    context: self.context,
                    namespace: place.namespace.clone(),
                    name: place.pod.clone(),
                    uid: place.pod.clone(),
                },
                container: place.container.clone(),
            },
            kind: ContainerKind::Main,
            workload: workload_key(&place.namespace, workload),
            restarts: 0,
            started: None,
            image: Arc::default(),
        }
    }
}

/// A name does not tell whether a Deployment or something else made the pod, so all are one kind.
fn workload_key(namespace: &str, name: &str) -> WorkloadKey {
    WorkloadKey {
        namespace: namespace.into(),
        kind: WorkloadKind::Other("Workload".into()),
        name: name.into(),
    }
}

/// What is in both lists.
fn both(one: &[Interval], other: &[Interval]) -> Vec<Interval> {
    let mut found: Vec<_> = one
        .iter()
        .flat_map(|a| {
            other.iter().map(|b| Interval {
                from: a.from.max(b.from),
                to: a.to.min(b.to),
            })
        })
        .filter(|interval| interval.from < interval.to)
        .collect();
    found.sort_unstable_by_key(|interval| interval.from);
    found
}

/// What is in the first list and not in the other.
fn without(whole: &[Interval], gaps: &[Interval]) -> Vec<Interval> {
    let mut left = whole.to_vec();
    for gap in gaps {
        let outside = [
            Interval {
                from: Time::MIN,
                to: gap.from,
            },
            Interval {
                from: gap.to,
                to: Time::MAX,
            },
        ];
        left = both(&left, &outside);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::coverage;

    fn plan(cluster: &str) -> Plan {
        let text = format!(
            r#"{{"window": ["1970-01-01T00:00:00Z", "1970-01-01T00:01:40Z"], "clusters": {{"dev": {{{cluster}}}}}}}"#
        );
        let (coverage, _) = coverage::parse(&text).unwrap();
        Plan::of_coverage(&coverage)
    }

    /// The steps in a few letters.
    fn told(plan: &Plan) -> Vec<String> {
        let secs = |at: Time| match at {
            Time::MIN => "-".to_owned(),
            Time::MAX => "end".to_owned(),
            at => at.floor_secs().to_string(),
        };
        plan.steps
            .iter()
            .map(|step| {
                let what = match &step.ingest {
                    Ingest::Watched { .. } => "watched".to_owned(),
                    Ingest::SourceOpened(source) => format!("open {} {}", source.id.n, source.workload.name),
                    Ingest::CoverageBegan { source, .. } => format!("began {}", source.n),
                    Ingest::CoverageEnded { source, .. } => format!("ended {}", source.n),
                    Ingest::SourceEnded { source, .. } => format!("gone {}", source.n),
                    Ingest::WorkloadForbidden { workload, .. } => format!("forbidden {}", workload.name),
                    Ingest::Forbidden { .. }
                    | Ingest::ClockEstimated { .. }
                    | Ingest::Lines { .. }
                    | Ingest::GapFound { .. } => "?".to_owned(),
                };
                format!("{} {what}", secs(step.at))
            })
            .collect()
    }

    #[test]
    fn a_restart_is_another_instance_and_a_gap_is_not_watched() {
        let plan = plan(
            r#""connected": ["1970-01-01T00:00:10Z", "1970-01-01T00:01:00Z"],
            "gaps": [["1970-01-01T00:00:20Z", "1970-01-01T00:00:25Z"]],
            "pods": [{"namespace": "shop", "pod": "api-0", "workload": "api", "container": "app",
                      "restarts": ["1970-01-01T00:00:40Z"],
                      "observed": [["1970-01-01T00:00:00Z", "1970-01-01T00:01:40Z"]]}]"#,
        );
        assert_eq!(
            told(&plan),
            [
                "- open 0 api",
                "10 watched",
                "10 began 0",
                "20 ended 0",
                "25 began 0",
                "40 open 1 api",
                "40 began 1",
                "40 ended 0",
                "40 gone 0",
                "60 ended 1",
            ]
        );
        let instances: Vec<_> = plan.instances.values().flatten().map(|(at, id)| (*at, id.n)).collect();
        assert_eq!(instances, [(Time::MIN, 0), (Time::from_secs(40), 1)]);
        assert_eq!(plan.end, Some(Time::from_secs(100)));
    }

    #[test]
    fn what_was_refused_runs_and_was_never_watched() {
        let plan = plan(r#""connected": null, "pods": [], "forbidden": [{"namespace": "shop", "workload": "vault"}]"#);
        assert_eq!(told(&plan), ["- forbidden vault"]);
    }

    #[test]
    fn files_alone_tell_from_when_and_whose_they_are() {
        let place = |cluster: &str, pod: &str| Place {
            cluster: cluster.into(),
            namespace: "shop".into(),
            pod: pod.into(),
            container: "app".into(),
        };
        let plan = Plan::of_files(&[
            (place("dev", "api-7d9c5b6f8d-x2k4v"), Some(Time::from_secs(7))),
            (place("dev", "db-0"), Some(Time::from_secs(5))),
            (place("prod", "quiet-0"), None),
        ]);
        assert_eq!(
            told(&plan),
            [
                "- open 0 api",
                "- open 1 db",
                "- open 0 quiet",
                "5 watched",
                "5 began 1",
                "7 began 0",
                "end ended 0",
                "end ended 1",
            ]
        );
        assert_eq!(plan.contexts.len(), 2);
    }
}
