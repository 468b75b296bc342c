//! The reason for a verdict in one plain sentence.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::model::Span;

use super::coverage::LONGEST_WINDOW;
use super::lens::{Align, Lens};
use super::sample::{Alignment, Exposed, Sample};
use super::silence::Silence;

/// Room for most sentences.
const SENTENCE: usize = 192;

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
    pub lens: Lens,
}

impl Known<'_> {
    /// Seen in some, confirmed absent in `absent`, which are all others.
    pub fn only(&self, absent: &[usize]) -> String {
        let mut text = self.seen();
        text.push_str("; ");
        self.write_never(absent, &mut text);
        text
    }

    /// Confirmed absent in `absent`, seen in most; some may be `blocked`.
    pub fn missing(&self, absent: &[usize], blocked: &[usize]) -> String {
        let mut text = String::new();
        if self.sample.subject.level.is_error() {
            let lacking = if absent.len() == 1 { " does" } else { " do" };
            write_to(
                &mut text,
                format_args!("an error that {}{lacking} not have: ", self.list(absent)),
            );
        }
        text.push_str(&self.only(absent));
        if !blocked.is_empty() {
            text.push_str("; ");
            self.write_reasons(blocked, &mut text);
        }
        text
    }

    /// Confirmed absent in `absent`; but some are `blocked`, so that it is only in those that it was seen in as far as
    /// one can see.
    pub fn only_among(&self, present: &[usize], absent: &[usize], blocked: &[usize]) -> String {
        let mut text = String::new();
        self.write_reasons(blocked, &mut text);
        write_to(
            &mut text,
            format_args!(
                "; only {} among the {} that can tell: {}, ",
                self.list(present),
                present.len() + absent.len(),
                self.seen_times()
            ),
        );
        self.write_never(absent, &mut text);
        text.push_str(&self.scope());
        text
    }

    pub fn more(&self, places: &[usize], times: f64) -> String {
        format!(
            "at least {} times as often in {} as in {}, for the time watched{}",
            number(times),
            self.list(places),
            self.list(&self.others(places)),
            self.scope()
        )
    }

    pub fn less(&self, places: &[usize], times: f64) -> String {
        format!(
            "at most {} times as often in {} as in {}, for the time watched{}",
            number(times),
            self.list(places),
            self.list(&self.others(places)),
            self.scope()
        )
    }

    pub fn same(&self, present: &[usize]) -> String {
        let mut text = String::with_capacity(SENTENCE);
        text.push_str("no marked difference between ");
        self.write_list(present, &mut text);
        text.push_str(&self.scope());
        text
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
        text.push_str("; ");
        self.write_reasons(blocked, &mut text);
        text
    }

    fn write_reasons(&self, blocked: &[usize], text: &mut String) {
        for (n, place) in blocked.iter().take(REASONS).enumerate() {
            text.push_str(if n == 0 { "" } else { ", " });
            self.write_reason(*place, text);
        }
        match blocked.len().saturating_sub(REASONS) {
            0 => {}
            1 => text.push_str(" and one more cluster"),
            more => write_to(text, format_args!(" and {more} more clusters")),
        }
    }

    fn write_never(&self, absent: &[usize], text: &mut String) {
        text.push_str("never in ");
        for (n, place) in absent.iter().enumerate() {
            text.push_str(joint(n, absent.len()));
            text.push_str(self.name(*place));
            self.write_expected(*place, text);
        }
        self.write_unseen_starts(absent, text);
    }

    fn seen(&self) -> String {
        let present = || (0..self.names.len()).filter(|place| self.sample.is_present(*place));
        let all = present().count();
        let mut text = String::with_capacity(SENTENCE);
        text.push_str("seen ");
        text.push_str(&self.seen_times());
        text.push_str(" in ");
        for (n, place) in present().enumerate() {
            text.push_str(joint(n, all));
            text.push_str(self.name(place));
        }
        text.push_str(&self.scope());
        text
    }

    fn seen_times(&self) -> String {
        let records: u64 = self.sample.cells.iter().map(|cell| cell.records).sum();
        let bursts = self.sample.episodes();
        let mut text = times(records);
        let is_bursty = self.sample.cells.iter().any(Exposed::is_bursty);
        if bursts > 1.0 && is_bursty {
            write_to(&mut text, format_args!(" in {bursts} bursts"));
        }
        text
    }

    /// What the lens leaves.
    fn scope(&self) -> String {
        let mut text = String::new();
        if let Align::SinceStart(age) = self.lens.align {
            write_to(&mut text, format_args!(" within {} of a start", length(age)));
        }
        if let Some(window) = self.lens.window {
            write_to(
                &mut text,
                format_args!(" in the last {}", length(window.min(LONGEST_WINDOW))),
            );
        }
        text
    }

    fn write_expected(&self, place: usize, text: &mut String) {
        if let Some(Some(Silence::Expected(expected))) = self.silences.get(place) {
            write_to(
                text,
                format_args!(
                    " ({} watched, about {} expected)",
                    self.watched(place),
                    number(expected.mean)
                ),
            );
        }
    }

    fn watched(&self, place: usize) -> String {
        container_time(self.sample.cells.get(place).map_or(Span::ZERO, Exposed::watched))
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
                    format_args!("none in {name}, but it is too rare yet: {more} more must be seen"),
                );
            }
            Silence::Expected(_) => {
                write_to(text, format_args!("{name} was watched for {}", self.watched(place)));
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
        self.write_list(places, &mut text);
        text
    }

    fn write_list(&self, places: &[usize], text: &mut String) {
        for (n, place) in places.iter().enumerate() {
            text.push_str(joint(n, places.len()));
            text.push_str(self.name(*place));
        }
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

/// `40 s`, `3 min`, `1 h 5 min`, `2 days`: one sentence needs no more.
pub fn length(span: Span) -> String {
    let secs = span.as_secs();
    match secs {
        ..100 => format!("{secs} s"),
        100..3570 => format!("{} min", (secs + 30) / 60),
        3570..172_800 => match ((secs + 30) / 3600, (secs + 30) % 3600 / 60) {
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        },
        _ => format!("{} days", secs / 86_400),
    }
}

/// The time of several containers together; two that are watched for a minute are two container-minutes.
pub fn container_time(span: Span) -> String {
    let of = |n: i64, unit: &str| format!("{n} container-{unit}{}", if n == 1 { "" } else { "s" });
    let secs = span.as_secs();
    match secs {
        ..100 => of(secs, "second"),
        100..5970 => of((secs + 30) / 60, "minute"),
        5970..172_800 => format!("{} container-hours", number(span.as_secs_f64() / 3600.0)),
        _ => of(secs / 86_400, "day"),
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
        check(40, "40 s");
        check(185, "3 min");
        check(3_599, "1 h");
        check(3_900, "1 h 5 min");
        check(200_000, "2 days");
    }

    #[test]
    fn containers_add_up() {
        let check = |secs, text| assert_eq!(container_time(Span::from_secs(secs)), text);
        check(1, "1 container-second");
        check(100, "2 container-minutes");
        check(2040, "34 container-minutes");
        check(7200, "2.0 container-hours");
        check(260_000, "3 container-days");
    }

    #[test]
    fn numbers_have_two_digits() {
        assert_eq!(number(123.4), "123");
        assert_eq!(number(3.04), "3.0");
        assert_eq!(number(0.087), "0.09");
    }
}
