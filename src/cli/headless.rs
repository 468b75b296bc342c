//! `kontrast logs` and `kontrast contrast`: run without a screen, print, and say with the exit status how it went.

use std::io::{self, Write};
use std::sync::Arc;

use crate::app::clock::Clock;
use crate::app::fleet::Opening;
use crate::app::headless::{self, Ended, Outcome};
use crate::cli::args::{ContrastOutput, LogsOutput};
use crate::cli::failure::{Failure, Status};
use crate::logs::Snapshot;
use crate::logs::record::Record;
use crate::model::{Access, ClusterState, ContextId, Span};
use crate::report::{self, Names};
use crate::text::display;
use crate::workspace::msg::OpenedContext;

/// Prints every record once.
pub async fn logs(
    opening: Opening,
    run_for: Option<Span>,
    output: LogsOutput,
    clock: Clock,
) -> Result<Option<Status>, Failure> {
    let mut out = io::BufWriter::new(io::stdout());
    let outcome = headless::follow(opening, run_for, clock, |records, snapshot, contexts| {
        print_records(&mut out, records, snapshot, contexts, output)
    })
    .await
    .map_err(|error| Failure::doing("follow the logs", &error))?;
    Ok(conclude(&outcome))
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
    Ok(conclude(&outcome))
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

fn print_records(
    out: &mut impl Write,
    records: &[Record],
    snapshot: &Snapshot,
    contexts: &[OpenedContext],
    output: LogsOutput,
) -> io::Result<()> {
    for record in records {
        // The snapshot that is published before a record is handed out has its source.
        let Some(source) = snapshot.sources.get(&record.source) else {
            continue;
        };
        let cluster = contexts
            .get(usize::from(record.source.context.0))
            .map_or("?", |context| &context.name);
        let line = match output {
            LogsOutput::Text => report::record::text(cluster, source, record),
            LogsOutput::Ndjson => report::record::ndjson(cluster, source, record).map_err(io::Error::other)?,
        };
        writeln!(out, "{line}")?;
    }
    out.flush()
}

/// Tells on stderr which clusters and namespaces were not watched, and the exit status that follows.
fn conclude(outcome: &Outcome) -> Option<Status> {
    for (context, state) in &outcome.unwatched {
        let name = name(outcome, *context);
        let words = state.cause().unwrap_or("no answer yet");
        // Nothing is left to be done about a stderr that cannot be written to.
        drop(writeln!(
            io::stderr(),
            "{}: {}: {}",
            display::plain(name),
            state_word(state),
            display::plain(words)
        ));
    }
    for (context, namespace, access) in &outcome.unseen {
        let name = name(outcome, *context);
        // As above.
        drop(writeln!(
            io::stderr(),
            "{}: namespace {}: {}",
            display::plain(name),
            display::plain(namespace),
            access_word(*access)
        ));
    }
    if outcome.unwatched.is_empty() && outcome.unseen.is_empty() && outcome.snapshot.sources.is_empty() {
        drop(writeln!(io::stderr(), "{}", nothing_matched(&outcome.contexts)));
    }
    match outcome.ended {
        Ended::Interrupted => Some(Status::Interrupted),
        Ended::Terminated => Some(Status::Terminated),
        Ended::Done | Ended::OutputClosed if outcome.unwatched.is_empty() && outcome.unseen.is_empty() => None,
        Ended::Done | Ended::OutputClosed => Some(Status::Unwatched),
    }
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
    let names: Vec<_> = contexts
        .iter()
        .map(|context| display::plain(&context.name).into_owned())
        .collect();
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
