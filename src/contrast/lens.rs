//! Through what the counts are looked at: how far back, and by which clock the clusters are laid side by side.

use crate::model::Span;

/// What a person chose to compare. The default is everything that was watched, each pattern by the clock that suits it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lens {
    /// Only what was written this long before now counts, four hours at most; `None`: everything.
    pub window: Option<Span>,
    pub align: Align,
}

/// By which clock clusters are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// Patterns that come only near a start by the time since the start, all others by the wall clock.
    #[default]
    Fitting,
    WallClock,
    /// Only what a container wrote within this time of its start, 640 seconds at most.
    SinceStart(Span),
}
