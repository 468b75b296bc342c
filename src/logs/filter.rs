//! Which records are wanted: of one context, workload, pod or container, of one pattern, of a least level.

use crate::model::{ContextId, Level, PatternId, PodKey, Source, Target, WorkloadKey};

use super::record::{Content, Record};

/// A record is wanted if everything that is set agrees. The default wants all.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Filter {
    pub context: Option<ContextId>,
    pub scope: Scope,
    pub pattern: Option<PatternId>,
    /// Records below it are not wanted. `Level::None` wants also those that do not say.
    pub least: Level,
}

/// Of what the records are wanted.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Scope {
    #[default]
    All,
    /// In every context.
    Workload(WorkloadKey),
    Pod(PodKey),
    Container(Target),
}

impl Scope {
    pub fn holds(&self, source: &Source) -> bool {
        match self {
            Self::All => true,
            Self::Workload(workload) => source.workload == *workload,
            Self::Pod(pod) => source.target.pod == *pod,
            Self::Container(target) => source.target == *target,
        }
    }
}

impl Filter {
    /// Whether the record is wanted as far as it can be told without its source; `is_wanted` tells it of its pattern. A
    /// gap is wanted at every level, so that raising the level never hides that lines are missing, but it is of no
    /// pattern.
    pub(super) fn wants(&self, record: &Record, is_wanted: impl FnOnce(PatternId) -> bool) -> bool {
        if self.context.is_some_and(|context| context != record.source.context) {
            return false;
        }
        match &record.content {
            Content::Text { level, pattern, .. } => {
                *level >= self.least && (self.pattern.is_none() || is_wanted(*pattern))
            }
            Content::Gap(_) => self.pattern.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::{Gap, GapCause, RecordId, SourceId, Time};

    fn record(content: Content) -> Record {
        Record {
            id: RecordId(1),
            source: SourceId {
                context: ContextId(2),
                n: 0,
            },
            time: Time(5),
            content,
        }
    }

    #[test]
    fn everything_set_must_agree() {
        let warn = record(Content::Text {
            level: Level::Warn,
            pattern: PatternId(7),
            bytes: Bytes::new(),
        });
        let check = |filter: Filter, wanted| {
            let wants = filter.wants(&warn, |pattern| filter.pattern == Some(pattern));
            assert_eq!(wants, wanted, "{filter:?}");
        };
        check(Filter::default(), true);
        check(
            Filter {
                context: Some(ContextId(1)),
                ..Filter::default()
            },
            false,
        );
        check(
            Filter {
                context: Some(ContextId(2)),
                pattern: Some(PatternId(7)),
                least: Level::Warn,
                ..Filter::default()
            },
            true,
        );
        check(
            Filter {
                least: Level::Error,
                ..Filter::default()
            },
            false,
        );
        check(
            Filter {
                pattern: Some(PatternId(8)),
                ..Filter::default()
            },
            false,
        );
    }

    #[test]
    fn a_gap_is_seen_at_every_level() {
        let gap = record(Content::Gap(Gap {
            from: Time(5),
            to: Time(9),
            cause: GapCause::Dropped(3),
        }));
        assert!(
            Filter {
                least: Level::Fatal,
                ..Filter::default()
            }
            .wants(&gap, |_| true)
        );
        assert!(
            !Filter {
                pattern: Some(PatternId(1)),
                ..Filter::default()
            }
            .wants(&gap, |_| true)
        );
    }
}
