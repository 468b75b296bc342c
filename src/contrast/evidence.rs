//! The reason for a verdict in one plain sentence.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::model::Span;

use super::sample::{Alignment, Exposed, Sample};
use super::silence::Silence;

/// Clusters whose reasons are given one by one.
const REASONS: usize = 3;

/// The clusters by name and what is known of one pattern in them, for the sentence.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub names: &'a [Arc<str>],
    pub sample: &'a Sample<'a>,
    /// Per cluster, `None` where the pattern was seen.
    pub silences: &'a [Option<Silence>],
    /// Per cluster, how much longer to watch.
    pub waits: &'a [Option<Span>],
}

impl Known<'_> {
    /// Seen in some, confirmed absent in `absent`.
    pub fn absence(&self, absent: &[usize]) -> String {
        let mut text = self.seen();
        text.push_str("; never in ");
        for (n, place) in absent.iter().enumerate() {
            text.push_str(joint(n, absent.len()));
            text.push_str(self.name(*place));
            self.write_expected(*place, &mut text);
        }
        self.write_unseen_starts(absent, &mut text);
        text
    }

    pub fn more(&self, places: &[usize], times: f64) -> String {
        format!(
            "at least {} times as often in {} as in {}, for the time watched",
            number(times),
            self.list(places),
            self.list(&self.others(places))
        )
    }

    pub fn less(&self, places: &[usize], times: f64) -> String {
        format!(
            "at most {} times as often in {} as in {}, for the time watched",
            number(times),
            self.list(places),
            self.list(&self.others(places))
        )
    }

    pub fn same(&self, present: &[usize]) -> String {
        format!("no marked difference between {}", self.list(present))
    }

    pub fn alone(&self) -> String {
        match &self.sample.workload {
            Some(workload) => format!("no other cluster runs {}/{}", workload.namespace, workload.name),
            None => "no other cluster runs what writes it".to_owned(),
        }
    }

    /// Not to be told yet, because of these clusters.
    pub fn doubt(&self, blocked: &[usize]) -> String {
        let mut text = self.seen();
        for (n, place) in blocked.iter().take(REASONS).enumerate() {
            text.push_str(if n == 0 { "; " } else { ", " });
            self.write_reason(*place, &mut text);
        }
        if blocked.len() > REASONS {
            write_to(
                &mut text,
                format_args!(" and {} more clusters", blocked.len() - REASONS),
            );
        }
        text
    }

    fn seen(&self) -> String {
        let present: Vec<_> = (0..self.names.len())
            .filter(|place| self.sample.is_present(*place))
            .collect();
        let records: u64 = self.sample.cells.iter().map(|cell| cell.records).sum();
        let bursts = self.sample.episodes();
        let mut text = format!("seen {}", times(records));
        if bursts > 1.0 {
            write_to(&mut text, format_args!(" in {bursts} bursts"));
        }
        text.push_str(" in ");
        text.push_str(&self.list(&present));
        text
    }

    fn write_expected(&self, place: usize, text: &mut String) {
        if let Some(Some(Silence::Expected(expected))) = self.silences.get(place) {
            let watched = self.sample.cells.get(place).map_or(Span::ZERO, Exposed::watched);
            write_to(
                text,
                format_args!(
                    " ({} watched, about {} expected)",
                    length(watched),
                    number(expected.mean)
                ),
            );
        }
    }

    fn write_unseen_starts(&self, absent: &[usize], text: &mut String) {
        let unseen: Vec<_> = absent
            .iter()
            .copied()
            .filter(|place| self.sample.cells.get(*place).is_some_and(|cell| cell.starts == 0))
            .collect();
        if self.sample.alignment == Alignment::Fatal && !unseen.is_empty() {
            write_to(text, format_args!("; no start was seen in {}", self.list(&unseen)));
        }
    }

    fn write_reason(&self, place: usize, text: &mut String) {
        let name = self.name(place);
        let Some(Some(silence)) = self.silences.get(place) else {
            return;
        };
        let watched = self.sample.cells.get(place).map_or(Span::ZERO, Exposed::watched);
        match silence {
            Silence::NotWatched => write_to(text, format_args!("{name} is not connected")),
            Silence::Forbidden => write_to(text, format_args!("its logs are forbidden in {name}")),
            Silence::NotDeployed => write_to(text, format_args!("{name} does not run it")),
            Silence::Settling => write_to(text, format_args!("{name} was only just connected")),
            Silence::NoStream => write_to(text, format_args!("{name} runs it, but its log is not read")),
            Silence::Gaps => write_to(text, format_args!("{name} was watched only with gaps")),
            Silence::Before => write_to(text, format_args!("{name} was not watched at that time")),
            Silence::NoStart => write_to(text, format_args!("no start was seen in {name}")),
            Silence::TooRare(more) => {
                write_to(
                    text,
                    format_args!("none in {name}, but it is too rare yet: needs about {more} more"),
                );
            }
            Silence::Expected(_) => {
                write_to(text, format_args!("{name} was watched for {}", length(watched)));
                match self.waits.get(place) {
                    Some(Some(wait)) => write_to(text, format_args!(", needs about {} more", length(*wait))),
                    Some(None) | None => text.push_str(", which is not enough"),
                }
            }
            Silence::Mixture => text.push_str("a mixture of patterns that found no room"),
        }
    }

    /// The clusters that a ratio was taken against.
    fn others(&self, places: &[usize]) -> Vec<usize> {
        let compared = |place: &usize| {
            !places.contains(place) && self.sample.cells.get(*place).is_some_and(|cell| cell.bins > 0.0)
        };
        (0..self.names.len()).filter(compared).collect()
    }

    fn list(&self, places: &[usize]) -> String {
        let mut text = String::new();
        for (n, place) in places.iter().enumerate() {
            text.push_str(joint(n, places.len()));
            text.push_str(self.name(*place));
        }
        text
    }

    fn name(&self, place: usize) -> &str {
        self.names.get(place).map_or("?", |name| name)
    }
}

/// What stands before the `n`th of `all` names.
fn joint(n: usize, all: usize) -> &'static str {
    if n == 0 {
        ""
    } else if n + 1 == all {
        " and "
    } else {
        ", "
    }
}

/// Writing to a string cannot fail.
fn write_to(text: &mut String, what: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(what);
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

fn times(n: u64) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}

/// `40s`, `3m`, `1h05m`, `2d`: one sentence needs no more.
pub fn length(span: Span) -> String {
    let secs = span.as_secs();
    match secs {
        ..100 => format!("{secs}s"),
        100..3600 => format!("{}m", (secs + 30) / 60),
        3600..172_800 => format!("{}h{:02}m", secs / 3600, secs % 3600 / 60),
        _ => format!("{}d", secs / 86_400),
    }
}

/// Two digits that matter.
fn number(x: f64) -> String {
    if x >= 9.95 {
        format!("{x:.0}")
    } else if x >= 0.95 {
        format!("{x:.1}")
    } else {
        format!("{x:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_short() {
        let check = |secs, text| assert_eq!(length(Span::from_secs(secs)), text);
        check(40, "40s");
        check(185, "3m");
        check(3_900, "1h05m");
        check(200_000, "2d");
    }

    #[test]
    fn numbers_have_two_digits() {
        assert_eq!(number(123.4), "123");
        assert_eq!(number(3.04), "3.0");
        assert_eq!(number(0.087), "0.09");
    }
}
