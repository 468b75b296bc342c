//! The pane of the findings.

use crate::logs::Snapshot;
use crate::model::PatternId;

use super::list::ListCursor;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContrastPane {
    pub list: ListCursor<PatternId>,
}

/// The findings' patterns, the most telling first.
pub fn rows(snapshot: &Snapshot) -> Vec<PatternId> {
    snapshot.findings.iter().map(|finding| finding.pattern).collect()
}
