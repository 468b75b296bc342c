//! The bar: one cell per cluster, and what is wrong with the one that needs a person most.

use crate::logs::Snapshot;
use crate::workspace::clusters::{Cluster, Clusters};
use crate::workspace::objects::Objects;
use crate::workspace::scene::{BarCell, Span, Tone};

use super::age::Moment;
use super::words;

pub fn compose(clusters: &Clusters, objects: &Objects, snapshot: &Snapshot, moment: &mut Moment) -> Vec<BarCell> {
    clusters
        .iter()
        .map(|cluster| {
            let tally = snapshot.tallies.get(&cluster.id).copied().unwrap_or_default();
            let (state, tone) = words::state(cluster, moment);
            BarCell {
                context: cluster.id,
                name: clusters.name(cluster.id),
                tone,
                state,
                detail: words::cause(cluster, moment),
                pods: objects.census(cluster.id).map(|census| (census.ready, census.active)),
                rate: rate(tally.rate),
                gaps: tally.gaps,
                insecure: cluster.insecure.is_some(),
            }
        })
        .collect()
}

/// Lines per second; nothing while there are none.
fn rate(per_second: f64) -> Option<String> {
    match per_second {
        rate if !rate.is_finite() || rate <= 0.0 => None,
        rate if rate < 1.0 => Some("<1/s".to_owned()),
        rate if rate < 10_000.0 => Some(format!("{rate:.0}/s")),
        rate => Some(format!("{:.0}k/s", rate / 1_000.0)),
    }
}

/// The second line: the most urgent trouble, or nothing.
pub fn trouble(clusters: &Clusters, moment: &mut Moment) -> Vec<Span> {
    let urgent = |cluster: &&Cluster| cluster.urgency() < u8::MAX;
    let Some(cluster) = clusters.iter().filter(urgent).min_by_key(|cluster| cluster.urgency()) else {
        return Vec::new();
    };
    let others = clusters.iter().filter(urgent).count() - 1;
    let mut spans = told(clusters, cluster, moment);
    if others > 0 {
        spans.push(Span::new(format!(" · and {others} more"), Tone::Dim));
    }
    spans
}

/// `prod stale 12s: connection reset by peer · next try in 4s`
pub fn told(clusters: &Clusters, cluster: &Cluster, moment: &mut Moment) -> Vec<Span> {
    let (state, tone) = words::state(cluster, moment);
    vec![
        words::cluster_span(clusters, cluster.id),
        Span::plain(" "),
        Span::new(state, tone),
        Span::dim(": "),
        Span::plain(words::cause(cluster, moment)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_short() {
        let check = |rate_per_second, text: Option<&str>| assert_eq!(rate(rate_per_second).as_deref(), text);
        check(0.0, None);
        check(f64::NAN, None);
        check(0.2, Some("<1/s"));
        check(22.6, Some("23/s"));
        check(123_456.0, Some("123k/s"));
    }
}
