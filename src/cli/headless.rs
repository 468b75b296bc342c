//! `kontrast logs` and `kontrast contrast`: run without a screen, print, and say with the exit status how it went.

use std::io::{self, Write};
use std::sync::Arc;

use crate::app::clock::Clock;
use crate::app::fleet::Opening;
use crate::app::headless::{self, Asked, Ended, Outcome};
use crate::app::printer::Batch;
use crate::cli::args::{ContrastOutput, Logs, LogsOutput};
use crate::cli::failure::{Failure, Status};
use crate::logs::Snapshot;
use crate::model::{Access, ClusterState, ContextId, Span};
use crate::report::{self, Names};
use crate::text::display;
use crate::workspace::msg::OpenedContext;

/// Prints every record once.
pub async fn logs(opening: Opening, logs: &Logs, clock: Clock) -> Result<Option<Status>, Failure> {
    let mut out = io::BufWriter::new(io::stdout());
    let output = logs.output;
    let asked = Asked {
        opening,
        run_for: logs.run_for,
        hold_back: logs.hold_back,
    };
    let outcome = headless::follow(asked, clock, move |batch| print_records(&mut out, batch, output))
        .await
        .map_err(|error| Failure::doing("follow the logs", &error))?;
    let lossy = outcome.printed.gaps > 0 || outcome.unwritten;
    Ok(conclude(&outcome, logs.strict && lossy))
}

/// Prints the findings of `run_for`.
pub async fn contrast(
    opening: Opening,
    run_for: Span,
    output: ContrastOutput,
    clock: Clock,
) -> Result<Option<Status>, Failure> {
    let outcome = headless::watch(opening, run_for, clock)
        .await
        .map_err(|error| Failure::doing("watch the clusters", &error))?;
    let names: Names = outcome
        .contexts
        .iter()
        .map(|context| (context.id, Arc::clone(&context.name)))
        .collect();
    print_findings(&outcome.snapshot, &names, output)?;
    if let Some(gaps) = gaps(&outcome) {
        say(&gaps);
    }
    Ok(conclude(&outcome, false))
}

/// Prints all findings, the best first.
pub fn print_findings(snapshot: &Snapshot, names: &Names, output: ContrastOutput) -> Result<(), Failure> {
    let printed = match output {
        ContrastOutput::Text => report::finding::text(snapshot, names),
        ContrastOutput::Json => report::finding::json(snapshot, names)
            .map(|json| json + "\n")
            .map_err(|error| Failure::doing("write the findings as JSON", &error))?,
    };
    match io::stdout().write_all(printed.as_bytes()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::doing("print the findings", &error)),
    }
}

fn print_records(out: &mut impl Write, batch: &Batch, output: LogsOutput) -> io::Result<()> {
    for placed in &batch.records {
        let id = placed.record.source;
        // The snapshot that is published before a record is handed out has its source.
        let Some(source) = batch.sources.get(&id) else {
            continue;
        };
        let cluster = batch
            .contexts
            .get(usize::from(id.context.0))
            .map_or("?", |context| &context.name);
        let line = match output {
            LogsOutput::Text => report::record::text(cluster, source, placed),
            LogsOutput::Ndjson => report::record::ndjson(cluster, source, placed).map_err(io::Error::other)?,
        };
        writeln!(out, "{line}")?;
    }
    out.flush()
}

/// Tells on stderr what was not watched or not printed, and the exit status that follows. `broken`: lines are missing,
/// and that is not to be forgiven.
fn conclude(outcome: &Outcome, broken: bool) -> Option<Status> {
    tell_clusters(outcome);
    tell_streams(outcome);
    if outcome.unwritten {
        say("the output was not read to its end: some records were not printed");
    }
    if broken {
        return Some(Status::Lossy);
    }
    match outcome.ended {
        Ended::Interrupted => Some(Status::Interrupted),
        Ended::Terminated => Some(Status::Terminated),
        Ended::Done | Ended::OutputClosed if outcome.unwatched.is_empty() && outcome.unseen.is_empty() => None,
        Ended::Done | Ended::OutputClosed => Some(Status::Unwatched),
    }
}

fn tell_clusters(outcome: &Outcome) {
    for (context, state) in &outcome.unwatched {
        let words = state.cause().unwrap_or("no answer yet");
        say_of(outcome, *context, &format!("{}: {words}", state_word(state)));
    }
    for (context, namespace, access) in &outcome.unseen {
        let words = format!("namespace {namespace}: {}", access_word(*access));
        say_of(outcome, *context, &words);
    }
    if outcome.unwatched.is_empty() && outcome.unseen.is_empty() && outcome.snapshot.sources.is_empty() {
        say(&nothing_matched(&outcome.contexts));
    }
}

fn tell_streams(outcome: &Outcome) {
    for OpenedContext { id, .. } in &outcome.contexts {
        let own = outcome.streams.iter().filter(|(target, _)| target.pod.context == *id);
        let own: Vec<_> = own.map(|(target, state)| (target, state)).collect();
        if let Some(line) = report::streams::line(&own) {
            say_of(outcome, *id, &line);
        }
    }
    // Neither the pods' nor the events' limits: those are in the states of clusters and namespaces, these nobody asked for.
    for ((context, what), cause) in outcome.limits.iter().filter(|((_, what), _)| what.starts_with("log")) {
        say_of(outcome, *context, &format!("{what}: {cause}"));
    }
    for (context, ahead) in &outcome.skews {
        say_of(outcome, *context, &skew_words(*ahead));
    }
}

/// The order of what was printed follows from it.
fn skew_words(ahead: Span) -> String {
    let secs = ahead.as_secs_f64();
    let side = if secs < 0.0 { "behind" } else { "ahead of" };
    format!(
        "its clocks are {:.1} s {side} ours: put in order as if they were right, printed as they are",
        secs.abs()
    )
}

/// The known gaps, counted by cluster.
fn gaps(outcome: &Outcome) -> Option<String> {
    let tallies = &outcome.snapshot.tallies;
    let counts: Vec<_> = outcome
        .contexts
        .iter()
        .filter_map(|context| Some((&context.name, tallies.get(&context.id)?.gaps)))
        .filter(|(_, gaps)| *gaps > 0)
        .map(|(name, gaps)| format!("{name} {gaps}"))
        .collect();
    (!counts.is_empty()).then(|| format!("gaps, where lines are known to be lost: {}", counts.join(", ")))
}

/// Names come from outside, so all of it is made safe for a terminal.
fn say(words: &str) {
    // Nothing is left to be done about a stderr that cannot be written to.
    drop(writeln!(io::stderr(), "{}", display::plain(words)));
}

fn say_of(outcome: &Outcome, context: ContextId, words: &str) {
    say(&format!("{}: {words}", name(outcome, context)));
}

fn name(outcome: &Outcome, context: ContextId) -> &str {
    outcome
        .contexts
        .get(usize::from(context.0))
        .map_or("?", |context| &context.name)
}

const fn access_word(access: Access) -> &'static str {
    match access {
        Access::Open => "live",
        Access::Lost => "not reached",
        Access::Forbidden => "forbidden",
    }
}

/// An empty output alone does not tell a quiet container from a name that nothing has.
fn nothing_matched(contexts: &[OpenedContext]) -> String {
    let names: Vec<_> = contexts.iter().map(|context| &*context.name).collect();
    format!("no container matched in {}", names.join(", "))
}

const fn state_word(state: &ClusterState) -> &'static str {
    match state {
        ClusterState::Connecting { .. } => "connecting",
        ClusterState::Live { .. } => "live",
        ClusterState::Stale { .. } => "stale",
        ClusterState::NeedsLogin { .. } => "needs login",
        ClusterState::Asks { .. } => "asks to run",
        ClusterState::Forbidden { .. } => "forbidden",
        ClusterState::Unreachable { .. } => "unreachable",
        ClusterState::Broken { .. } => "broken",
    }
}
