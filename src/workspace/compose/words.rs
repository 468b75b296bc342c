//! How states, causes and verdicts are put into words, the same everywhere.

use crate::contrast::evidence::length;
use crate::contrast::{Align, Lens, Verdict};
use crate::model::{ClusterState, ContextId, Level, Span as Lapse};
use crate::text::display;
use crate::workspace::clusters::{Cluster, Clusters};
use crate::workspace::scene::{Span, Tone};

use super::age::{Moment, short_clock};

/// Bytes of a cause that are worth making safe; no line is longer.
const MOST_CAUSE: usize = 2_000;

/// How long a first connection takes before it is worth a word.
const PATIENCE: Lapse = Lapse::from_secs(5);

/// Clocks that are less apart are taken as one.
const LEAST_SKEW: Lapse = Lapse::from_secs(1);

/// What stands for a text of blanks or nothing.
pub const BLANK: &str = "(blank)";

/// A text from outside, safe and on one line.
pub fn safe(text: &str) -> String {
    let end = text.floor_char_boundary(MOST_CAUSE);
    let text = text.split_at_checked(end).map_or(text, |(start, _)| start);
    display::plain(text).into_owned()
}

/// A context's name in its colour.
pub fn cluster_span(clusters: &Clusters, context: ContextId) -> Span {
    Span::new(clusters.name(context), Tone::Cluster(context)).bold()
}

/// A context's name in its colour, and in red that others may read or change what goes there and back.
pub fn cluster_spans(clusters: &Clusters, context: ContextId) -> Vec<Span> {
    let mut spans = vec![cluster_span(clusters, context)];
    if clusters.get(context).is_some_and(|cluster| cluster.insecure.is_some()) {
        spans.push(Span::new(" TLS OFF", Tone::Bad).bold());
    }
    spans
}

/// The state of a cluster in a word or two, and how it is to be taken.
pub fn state(cluster: &Cluster, moment: &mut Moment) -> (String, Tone) {
    match &cluster.state {
        ClusterState::Connecting { since } if moment.now().since(*since) >= PATIENCE => {
            (format!("connecting {}", moment.age(*since)), Tone::Warn)
        }
        ClusterState::Connecting { since } => {
            moment.changes_at(*since + PATIENCE);
            ("connecting".to_owned(), Tone::Dim)
        }
        ClusterState::Live { .. } if cluster.limits.is_empty() => ("live".to_owned(), Tone::Good),
        ClusterState::Live { .. } => ("live, limited".to_owned(), Tone::Warn),
        ClusterState::Stale { since, .. } => (format!("stale {}", moment.age(*since)), Tone::Warn),
        ClusterState::NeedsLogin { since, .. } => (format!("needs login {}", moment.age(*since)), Tone::Bad),
        ClusterState::Asks { .. } => ("asks".to_owned(), Tone::Bad),
        ClusterState::Forbidden { since, .. } => (format!("forbidden {}", moment.age(*since)), Tone::Bad),
        ClusterState::Unreachable { since, .. } => (format!("unreachable {}", moment.age(*since)), Tone::Bad),
        ClusterState::Broken { since, .. } => (format!("broken {}", moment.age(*since)), Tone::Bad),
    }
}

/// Why a cluster is not well, in the words of whoever said so, and when the next try is. Empty if it is well.
pub fn cause(cluster: &Cluster, moment: &mut Moment) -> String {
    let cause = safe(cluster.state.cause().unwrap_or_default());
    match &cluster.state {
        ClusterState::Connecting { .. } => String::new(),
        ClusterState::Live { .. } => cluster
            .limits
            .iter()
            .map(|(what, cause)| format!("{}: {}", safe(what), safe(cause)))
            .chain(skew(cluster).filter(|_| cluster.is_skewed()).map(|(skew, _)| skew))
            .collect::<Vec<_>>()
            .join(" · "),
        ClusterState::Stale { next, .. } | ClusterState::Unreachable { next, .. } => {
            format!("{cause} · next try {}", moment.until(*next))
        }
        ClusterState::Asks { .. } => format!("run {cause} ?"),
        ClusterState::NeedsLogin { .. } | ClusterState::Forbidden { .. } | ClusterState::Broken { .. } => cause,
    }
}

/// `clock 2.3 s behind`, where that is enough to be noticed, and how it is to be taken.
pub fn skew(cluster: &Cluster) -> Option<(String, Tone)> {
    let ahead = cluster.skew?;
    let off = Lapse(ahead.nanos().saturating_abs());
    if off < LEAST_SKEW {
        return None;
    }
    let direction = if ahead.nanos() > 0 { "ahead" } else { "behind" };
    let tone = if cluster.is_skewed() { Tone::Warn } else { Tone::Dim };
    Some((format!("clock {} {direction}", lasting(off)), tone))
}

/// A length of time to a tenth of a second where that matters: `3.2 s`, `3 min`.
pub fn lasting(span: Lapse) -> String {
    match span.as_millis() {
        millis @ ..100_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => length(span),
    }
}

/// Columns from which on there is room for how long ago something was beside its time.
const ROOMY: usize = 60;

/// `as of 03:14:07, 2m ago`, for what is not any more what it was; without the age where there is little room.
pub fn as_of(cluster: &Cluster, columns: usize, moment: &mut Moment) -> Option<String> {
    let then = cluster.as_of?;
    let clock = short_clock(then);
    Some(if columns < ROOMY {
        format!("as of {clock}")
    } else {
        format!("as of {clock}, {} ago", moment.age(then))
    })
}

/// ` · prod as of 03:14:07, 2m ago` for the title of a pane; of several clusters how many they are and the oldest time.
pub fn ages(clusters: &Clusters, moment: &mut Moment) -> Vec<Span> {
    let stale = || clusters.iter().filter(|cluster| cluster.is_stale());
    let Some(oldest) = stale().min_by_key(|cluster| cluster.as_of) else {
        return Vec::new();
    };
    let who = match stale().count() {
        1 => cluster_span(clusters, oldest.id),
        several => Span::new(format!("{several} clusters"), Tone::Warn),
    };
    let as_of = as_of(oldest, ROOMY, moment).unwrap_or_default();
    vec![Span::dim(" · "), who, Span::new(format!(" {as_of}"), Tone::Warn)]
}

/// What to say where nothing of a cluster can be shown; `None` when it is live.
pub fn absence(cluster: &Cluster, moment: &mut Moment) -> Option<String> {
    let cause = cause(cluster, moment);
    let name = display::plain(&cluster.name);
    match &cluster.state {
        ClusterState::Connecting { .. } => Some(format!("connecting to {name} …")),
        ClusterState::Live { .. } => None,
        ClusterState::Stale { .. } => Some(format!("{name} was lost: {cause}")),
        ClusterState::NeedsLogin { .. } => Some(format!("{name} needs a login: {cause}")),
        ClusterState::Asks { .. } => Some(format!(
            "{name} has a credential plugin that was never allowed here: {cause}"
        )),
        ClusterState::Forbidden { .. } => Some(format!("no access to {name}: {cause}")),
        ClusterState::Unreachable { .. } => Some(format!("{name} is unreachable: {cause}")),
        ClusterState::Broken { .. } => Some(format!("{name} cannot be used: {cause}")),
    }
}

/// What to say in a pane that has nothing of any cluster yet: one line per cluster that is not live, those that are
/// only connecting in one.
pub fn absences(clusters: &Clusters, moment: &mut Moment) -> Vec<String> {
    let connecting: Vec<_> = clusters
        .iter()
        .filter(|cluster| matches!(cluster.state, ClusterState::Connecting { .. }))
        .map(|cluster| display::plain(&cluster.name).into_owned())
        .collect();
    let mut lines = Vec::new();
    if !connecting.is_empty() {
        lines.push(format!("connecting to {} …", connecting.join(", ")));
    }
    for cluster in clusters.iter() {
        if !matches!(cluster.state, ClusterState::Connecting { .. }) {
            lines.extend(absence(cluster, moment));
        }
    }
    lines
}

/// `only prod`, the clusters in their colours.
pub fn verdict(clusters: &Clusters, verdict: &Verdict, level: Level) -> Vec<Span> {
    let alarm = if level.is_error() { Tone::Bad } else { Tone::Warn };
    match verdict {
        Verdict::Only(contexts) => named("only ", alarm, clusters, contexts),
        Verdict::More(contexts) => named("more ", alarm, clusters, contexts),
        Verdict::Less(contexts) => named("less ", Tone::Warn, clusters, contexts),
        Verdict::Missing(contexts) => named("missing ", Tone::Warn, clusters, contexts),
        Verdict::Same => vec![Span::dim("same")],
        Verdict::Unknown => vec![Span::dim("unknown")],
    }
}

fn named(word: &str, tone: Tone, clusters: &Clusters, contexts: &[ContextId]) -> Vec<Span> {
    let mut spans = vec![Span::new(word, tone).bold()];
    for (n, context) in contexts.iter().enumerate() {
        if n > 0 {
            spans.push(Span::dim(", "));
        }
        spans.push(cluster_span(clusters, *context));
    }
    spans
}

/// The contexts that a verdict names.
pub fn named_by(verdict: &Verdict) -> &[ContextId] {
    match verdict {
        Verdict::Only(contexts) | Verdict::More(contexts) | Verdict::Less(contexts) | Verdict::Missing(contexts) => {
            contexts
        }
        Verdict::Same | Verdict::Unknown => &[],
    }
}

/// What of a window's time is compared, and by which clock.
pub fn lens(lens: Lens) -> (String, String) {
    let window = match lens.window {
        None => "all that was watched".to_owned(),
        Some(window) => format!("the last {}", round(window)),
    };
    let align = match lens.align {
        Align::Fitting => "each pattern by the clock that fits it".to_owned(),
        Align::WallClock => "by the wall clock".to_owned(),
        Align::SinceStart(span) => format!("only the first {} after each start", round(span)),
    };
    (window, align)
}

/// A length of time that a person chose: `15 min`, `1 h`; as of anything else where it is not a round one.
pub fn round(span: Lapse) -> String {
    match span.as_secs() {
        secs if secs >= 3600 && secs % 3600 == 0 => format!("{} h", secs / 3600),
        secs if secs >= 120 && secs % 60 == 0 => format!("{} min", secs / 60),
        secs @ 1.. => format!("{secs} s"),
        _ => length(span),
    }
}

/// How a record of this level is to be taken.
pub const fn level_tone(level: Level) -> Tone {
    match level {
        Level::Fatal | Level::Error => Tone::Bad,
        Level::Warn => Tone::Warn,
        Level::Trace | Level::Debug => Tone::Dim,
        Level::Info | Level::None => Tone::Plain,
    }
}

/// A count in at most four characters: `999`, `12k`, `3M`.
pub fn count(n: u64) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{}k", n / 1_000),
        1_000_000..1_000_000_000 => format!("{}M", n / 1_000_000),
        1_000_000_000.. => format!("{}G", n / 1_000_000_000),
    }
}
