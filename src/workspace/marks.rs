//! What a person has said of patterns: which are pinned or muted, and what they are called. Plain data, each mark with
//! the pattern's text beside it, so that a saved session can find the pattern again in a later run.

use std::collections::BTreeMap;

use crate::logs::Snapshot;
use crate::model::PatternId;

/// Where a pattern belongs in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Where its verdict puts it.
    #[default]
    Ranked,
    /// Above all others.
    Pinned,
    /// Out of sight.
    Muted,
}

/// What was said of one pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The pattern's text when it was marked last; raw words from outside.
    pub template: String,
    pub standing: Standing,
    /// What a person calls it; empty for nothing.
    pub label: String,
}

/// All marks, by the pattern that the marked one is part of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    of: BTreeMap<PatternId, Mark>,
    revision: u64,
}

impl Mark {
    fn says_nothing(&self) -> bool {
        self.standing == Standing::Ranked && self.label.is_empty()
    }

    /// Takes in what was said of a pattern that turned out to be part of this one: what is wanted in sight stays so.
    fn take(&mut self, part: Self) {
        self.standing = match (self.standing, part.standing) {
            (Standing::Pinned, _) | (_, Standing::Pinned) => Standing::Pinned,
            (Standing::Ranked, _) | (_, Standing::Ranked) => Standing::Ranked,
            (Standing::Muted, Standing::Muted) => Standing::Muted,
        };
        if self.label.is_empty() {
            self.label = part.label;
        } else if !part.label.is_empty() && part.label != self.label {
            self.label = format!("{}, {}", self.label, part.label);
        }
    }
}

impl Marks {
    pub fn standing(&self, pattern: PatternId) -> Standing {
        self.of.get(&pattern).map_or(Standing::Ranked, |mark| mark.standing)
    }

    /// What a person calls a pattern; empty for nothing.
    pub fn label(&self, pattern: PatternId) -> &str {
        self.of.get(&pattern).map_or("", |mark| &mark.label)
    }

    /// Every mark, for a session to keep.
    pub fn iter(&self) -> impl Iterator<Item = (PatternId, &Mark)> {
        self.of.iter().map(|(pattern, mark)| (*pattern, mark))
    }

    /// Counts up with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Says something of a pattern that is no part of another.
    pub fn change(&mut self, pattern: PatternId, template: &str, change: impl FnOnce(&mut Mark)) {
        let mark = self.of.entry(pattern).or_default();
        template.clone_into(&mut mark.template);
        change(mark);
        if mark.says_nothing() {
            self.of.remove(&pattern);
        }
        self.revision += 1;
    }

    /// Moves the marks of patterns that have become part of another to that one.
    pub fn follow(&mut self, snapshot: &Snapshot) {
        if self.of.keys().all(|pattern| snapshot.root(*pattern) == *pattern) {
            return;
        }
        for (pattern, mark) in std::mem::take(&mut self.of) {
            let root = snapshot.root(pattern);
            match self.of.get_mut(&root) {
                Some(known) => known.take(mark),
                None => drop(self.of.insert(root, mark)),
            }
        }
        self.revision += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn marked(marks: &[(u32, Standing, &str)]) -> Marks {
        let mut all = Marks::default();
        for (pattern, standing, label) in marks {
            all.change(PatternId(*pattern), "text", |mark| {
                mark.standing = *standing;
                (*label).clone_into(&mut mark.label);
            });
        }
        all
    }

    #[track_caller]
    fn check_merge(marks: &[(u32, Standing, &str)], standing: Standing, label: &str) {
        let mut marks = marked(marks);
        let snapshot = Snapshot {
            merged: Arc::new([(PatternId(2), PatternId(1))].into()),
            ..Snapshot::default()
        };
        let before = marks.revision();
        marks.follow(&snapshot);
        assert_eq!(
            (marks.standing(PatternId(1)), marks.label(PatternId(1))),
            (standing, label)
        );
        assert_eq!(marks.label(PatternId(2)), "");
        let after = marks.revision();
        assert!(after > before);
        marks.follow(&snapshot);
        assert_eq!(marks.revision(), after, "nothing is left to move");
    }

    #[test]
    fn marks_move_to_the_pattern_that_theirs_became_part_of() {
        check_merge(&[(2, Standing::Muted, "noise")], Standing::Muted, "noise");
        check_merge(
            &[(1, Standing::Muted, ""), (2, Standing::Pinned, "")],
            Standing::Pinned,
            "",
        );
        check_merge(
            &[(1, Standing::Muted, "a"), (2, Standing::Ranked, "b")],
            Standing::Ranked,
            "a, b",
        );
    }

    #[test]
    fn a_mark_that_says_nothing_is_not_kept() {
        let mut marks = marked(&[(1, Standing::Pinned, "")]);
        assert_eq!(marks.iter().count(), 1);
        marks.change(PatternId(1), "text", |mark| mark.standing = Standing::Ranked);
        assert_eq!(marks.iter().count(), 0);
    }
}
