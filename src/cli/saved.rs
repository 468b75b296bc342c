//! `kontrast patterns` and `kontrast contrast --from`: logs that lie in files, without a cluster and without a screen.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use crate::app::clock::Clock;
use crate::app::headless::Ended;
use crate::app::offline::{self, Look};
use crate::app::patterns::{self, Error, Input, Mined, Request, Rows};
use crate::cli::args::{ContrastOutput, Patterns, PatternsOutput};
use crate::cli::failure::{Failure, Status};
use crate::cli::headless::print_findings;
use crate::contrast::{Aliases, Align, Lens};
use crate::files::Environment;
use crate::logs::census::Joining;
use crate::model::{PatternId, Span};
use crate::report::patterns::{Looks, Paint, json, text, tsv_template};
use crate::term::signals::{Signal, Signals};
use crate::term::size;
use crate::text::display;

/// Names that are told before the rest is only counted.
const MOST_TOLD: usize = 10;

/// Prints the patterns of files or of standard input.
pub async fn patterns(args: Patterns, environment: &Environment, clock: Clock) -> Result<Option<Status>, Failure> {
    let request = Request {
        inputs: inputs(args.files)?,
        joining: if args.no_join {
            Joining::LineByLine
        } else {
            Joining::Joined
        },
        rows: match args.output {
            PatternsOutput::Tsv => Rows::Kept,
            PatternsOutput::Text | PatternsOutput::Json => Rows::NotKept,
        },
    };
    let mut signals = listen()?;
    let mined = patterns::mine(request, &mut signals, clock)
        .await
        .map_err(|error| match error {
            Error::Unreadable { .. } | Error::Directory(_) | Error::Compressed(_) => Failure::usage(error.to_string()),
            Error::Spool(_) => Failure::doing("keep the rows", &error),
        })?;
    let ended = mined.ended;
    let looks = looks(environment);
    // Whoever takes the output may be slow, and the next ctrl-c means the printing.
    let mut printing = spawn_blocking(move || print_patterns(mined, args.output, looks));
    loop {
        tokio::select! {
            printed = &mut printing => {
                let printed = printed.unwrap_or_else(|error| Err(io::Error::other(error)));
                return concluded(printed, "print the patterns", ended);
            }
            signal = signals.next() => match signal {
                Signal::Interrupt => return Ok(Some(Status::Interrupted)),
                Signal::Terminate => return Ok(Some(Status::Terminated)),
                Signal::Stop => drop(crate::term::signals::stop_self()),
            },
        }
    }
}

fn inputs(files: Vec<PathBuf>) -> Result<Vec<Input>, Failure> {
    if files.is_empty() {
        if io::stdin().is_terminal() {
            return Err(
                Failure::usage("there is no file named, and standard input is a terminal")
                    .hint("name log files, or pipe a log into `kontrast patterns`"),
            );
        }
        return Ok(vec![Input::Stdin]);
    }
    let input = |file: PathBuf| {
        if file == Path::new("-") {
            Input::Stdin
        } else {
            Input::File(file)
        }
    };
    Ok(files.into_iter().map(input).collect())
}

/// A terminal is given no more than its width, and colours unless they are not wanted.
fn looks(environment: &Environment) -> Looks {
    if !io::stdout().is_terminal() {
        return Looks::default();
    }
    Looks {
        width: size::columns(),
        paint: if environment.no_color {
            Paint::Plain
        } else {
            Paint::Colored
        },
    }
}

fn print_patterns(mined: Mined, output: PatternsOutput, looks: Looks) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(1 << 18, io::stdout());
    match output {
        PatternsOutput::Text => {
            let counted = mined.census.counted();
            out.write_all(text(&counted, mined.census.totals(), looks).as_bytes())?;
        }
        PatternsOutput::Json => writeln!(out, "{}", json(&mined.census.counted()).map_err(io::Error::other)?)?,
        PatternsOutput::Tsv => print_rows(mined, &mut out)?,
    }
    out.flush()
}

fn print_rows(mined: Mined, out: &mut impl Write) -> io::Result<()> {
    let census = mined.census;
    // By the number under which a record was read: the row's last two columns.
    let mut columns: Vec<Option<String>> = Vec::new();
    let mut first_line = 1_u64;
    patterns::for_each_row(mined.rows, |row| {
        let index = usize::try_from(row.pattern.0).map_err(io::Error::other)?;
        if columns.len() <= index {
            columns.resize(index + 1, None);
        }
        let columns = columns[index].get_or_insert_with(|| {
            let PatternId(root) = census.root(row.pattern);
            format!("{root}\t{}", tsv_template(census.template(PatternId(root))))
        });
        let result = writeln!(out, "{first_line}\t{}\t{}\t{columns}", row.lines, row.level.as_str());
        first_line += u64::from(row.lines);
        result
    })
}

/// What `--window`, `--since-start` and `--same` ask for.
pub fn look(window: Option<Span>, since_start: Option<Span>, aliases: Aliases) -> Look {
    let align = since_start.map_or_else(Align::default, Align::SinceStart);
    Look {
        lens: Lens { window, align },
        aliases,
    }
}

/// Prints the findings of a saved tree.
pub async fn contrast(
    dir: PathBuf,
    look: Look,
    output: ContrastOutput,
    clock: Clock,
) -> Result<Option<Status>, Failure> {
    let mut signals = listen()?;
    let wrong = |error: offline::Error| Failure::usage(error.to_string());
    let tree = offline::open(&dir).map_err(wrong)?;
    tell(&tree.left_out);
    let outcome = offline::contrast(tree, look, &mut signals, clock)
        .await
        .map_err(wrong)?;
    if let Some(status) = status(outcome.ended) {
        return Ok(Some(status));
    }
    print_findings(&outcome.snapshot, &outcome.names, output)?;
    Ok(None)
}

/// Says what is left out of account.
fn tell(left_out: &[String]) {
    for what in left_out.iter().take(MOST_TOLD) {
        // Nothing is left to be done about a stderr that cannot be written to.
        drop(writeln!(io::stderr(), "left out: {}", display::plain(what)));
    }
    if left_out.len() > MOST_TOLD {
        // As above.
        drop(writeln!(io::stderr(), "left out: {} more", left_out.len() - MOST_TOLD));
    }
}

fn listen() -> Result<Signals, Failure> {
    Signals::listen().map_err(|error| Failure::doing("listen for signals", &error))
}

/// A closed pipe is an end, not an error: `kontrast patterns | head`.
fn concluded(printed: io::Result<()>, what: &str, ended: Ended) -> Result<Option<Status>, Failure> {
    match printed {
        Ok(()) => Ok(status(ended)),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(status(ended)),
        Err(error) => Err(Failure::doing(what, &error)),
    }
}

const fn status(ended: Ended) -> Option<Status> {
    match ended {
        Ended::Done | Ended::OutputClosed => None,
        Ended::Interrupted => Some(Status::Interrupted),
        Ended::Terminated => Some(Status::Terminated),
    }
}
