//! The bell: it rings once for an error that turns out to be only in some clusters, not for what was there before.

use std::collections::BTreeSet;

use crate::contrast::Verdict;
use crate::logs::Snapshot;
use crate::model::{PatternId, Time};

use super::marks::{Marks, Standing};

/// Whether the terminal's bell is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bell {
    #[default]
    Off,
    On,
}

/// What the bell has heard of.
#[derive(Clone, Debug)]
pub struct Ringer {
    pub bell: Bell,
    /// What was written before this was there before.
    since: Time,
    known: BTreeSet<PatternId>,
}

impl Ringer {
    pub fn new(since: Time) -> Self {
        Self {
            bell: Bell::default(),
            since,
            known: BTreeSet::new(),
        }
    }

    /// Whether to ring for these findings. What is heard while the bell is off is known from then on all the same.
    pub fn hears(&mut self, snapshot: &Snapshot, marks: &Marks) -> bool {
        let mut rings = false;
        for finding in snapshot.findings.iter() {
            if finding.level.is_error() && matches!(finding.verdict, Verdict::Only(_)) {
                let is_new = self.known.insert(finding.pattern) && finding.first_seen >= self.since;
                rings |= is_new && marks.standing(finding.pattern) != Standing::Muted;
            }
        }
        rings && self.bell == Bell::On
    }
}
