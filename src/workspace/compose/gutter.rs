//! What stands before a record: when, in which cluster where they are merged, and which pod and container where there
//! is more than one.

use std::collections::{BTreeMap, BTreeSet};

use crate::logs::{Filter, Record, Snapshot};
use crate::model::{Source, SourceId};
use crate::text::display;
use crate::workspace::clusters::Clusters;
use crate::workspace::scene::{Span, Tone};

use super::{age, words};

/// Columns of a pod's name in a wide, a middling and a narrow column.
const NAME: [usize; 3] = [22, 12, 10];

/// Columns of a cluster's name.
const CLUSTER: usize = 12;

/// Columns below which a column is middling, narrow, and too narrow for names.
const MIDDLING: usize = 70;
const NARROW: usize = 60;
const TINY: usize = 36;

/// The gutter of one column; the same width for every record.
#[derive(Clone, Debug)]
pub struct Gutter {
    clock: Clock,
    /// Columns of the clusters' names; 0 where they are not shown.
    cluster: usize,
    /// Columns of the pods' names; 0 where they are not shown.
    name: usize,
    names: BTreeMap<SourceId, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Off,
    Seconds,
    Millis,
}

impl Clock {
    const fn columns(self) -> usize {
        match self {
            Self::Off => 0,
            Self::Seconds => 8,
            Self::Millis => 12,
        }
    }
}

/// What the gutter of a column depends on.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    pub snapshot: &'a Snapshot,
    pub clusters: &'a Clusters,
    pub filter: &'a Filter,
    pub timestamps: bool,
    pub columns: usize,
}

impl Gutter {
    pub fn new(column: Column<'_>) -> Self {
        let clock = match (column.timestamps, column.columns) {
            (false, _) => Clock::Off,
            (true, ..MIDDLING) => Clock::Seconds,
            (true, _) => Clock::Millis,
        };
        let names = if column.columns < TINY {
            BTreeMap::new()
        } else {
            names(column)
        };
        let [wide, middling, narrow] = NAME;
        let most = match column.columns {
            ..NARROW => narrow,
            NARROW..MIDDLING => middling,
            MIDDLING.. => wide,
        };
        let cluster = if column.filter.context.is_some() {
            0
        } else {
            let names = column.clusters.iter().map(|cluster| column.clusters.name(cluster.id));
            names.map(|name| display::width(&name)).max().unwrap_or(0).min(CLUSTER)
        };
        Self {
            clock,
            cluster,
            name: names
                .values()
                .map(|name| display::width(name))
                .max()
                .unwrap_or(0)
                .min(most),
            names,
        }
    }

    /// Columns that it takes.
    pub fn width(&self) -> usize {
        [self.clock.columns(), self.cluster, self.name]
            .into_iter()
            .filter(|columns| *columns > 0)
            .map(|columns| columns + 1)
            .sum()
    }

    pub fn spans(&self, record: &Record, clusters: &Clusters) -> Vec<Span> {
        let mut spans = Vec::new();
        match self.clock {
            Clock::Off => {}
            Clock::Seconds => spans.push(Span::dim(age::short_clock(record.time) + " ")),
            Clock::Millis => spans.push(Span::dim(age::clock(record.time) + " ")),
        }
        if self.cluster > 0 {
            let context = record.source.context;
            let name = padded(&clusters.name(context), self.cluster);
            spans.push(Span::new(name, Tone::Cluster(context)));
        }
        if self.name > 0 {
            let name = self.names.get(&record.source).map_or("", String::as_str);
            spans.push(Span::dim(padded(name, self.name)));
        }
        spans
    }
}

/// Exactly so many columns and a blank.
fn padded(text: &str, columns: usize) -> String {
    let text = display::truncate(text, columns);
    let blanks = columns.saturating_sub(display::width(&text)) + 1;
    format!("{text}{}", " ".repeat(blanks))
}

/// The shortest names that tell the sources of a column apart; none if there is nothing to tell apart.
fn names(column: Column<'_>) -> BTreeMap<SourceId, String> {
    let context = column.filter.context;
    let sources: Vec<&Source> = column
        .snapshot
        .sources
        .values()
        .filter(|source| context.is_none_or(|context| context == source.id.context))
        .filter(|source| column.filter.scope.holds(source))
        .map(AsRef::as_ref)
        .collect();
    let mut pods: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for source in &sources {
        pods.entry(source.id.context).or_default().insert(&source.target.pod);
    }
    let several_pods = pods.values().any(|of_context| of_context.len() > 1);
    let workloads: BTreeSet<_> = sources.iter().map(|source| &source.workload).collect();
    let mut containers: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for source in &sources {
        let pod = &source.target.pod;
        containers.entry(pod).or_default().insert(&source.target.container);
    }
    sources
        .iter()
        .filter_map(|source| {
            let mut name = String::new();
            if several_pods {
                name = pod_name(source, workloads.len() > 1);
            }
            if containers
                .get(&source.target.pod)
                .is_some_and(|of_pod| of_pod.len() > 1)
            {
                let container = words::safe(&source.target.container);
                name = if name.is_empty() {
                    container
                } else {
                    format!("{name}:{container}")
                };
            }
            (!name.is_empty()).then_some((source.id, name))
        })
        .collect()
}

/// `api-x7k2p` where there are several workloads, else `x7k2p`; a pod's whole name where its workload's is not in it.
fn pod_name(source: &Source, several: bool) -> String {
    let (pod, workload) = (&*source.target.pod.name, &*source.workload.name);
    let own = pod.strip_prefix(workload).and_then(|rest| rest.strip_prefix('-'));
    let suffix = own.map(|own| own.rsplit_once('-').map_or(own, |(_, last)| last));
    match suffix {
        Some(suffix) if several => words::safe(&format!("{workload}-{suffix}")),
        Some(suffix) => words::safe(suffix),
        None => words::safe(pod),
    }
}
