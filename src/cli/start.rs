//! From the arguments to the program that was asked for, and from its end to an exit status.

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::app::clock::Clock;
use crate::app::fleet::{Embedded, Opening};
use crate::app::limits;
use crate::app::run::{self, End, Setup};
use crate::cli::args::{self, Cli, Command, Screen, Targets, When};
use crate::cli::failure::{Failure, Status};
use crate::cli::{headless, keys, open, saved, serve};
use crate::cluster::Strangers;
use crate::demo::{Scenario, ScenarioError};
use crate::files::Environment;
use crate::view::Palette;
use crate::workspace::bell::Bell;
use crate::workspace::msg::Msg;

/// Runs the program; the exit status is documented in `--help`.
pub fn main() -> ExitCode {
    // The first frame is measured from here.
    let clock = Clock::start();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => match args::command_behind_flags(&error, std::env::args().skip(1)) {
            Some(command) => return failed(&misplaced(command)),
            None => error.exit(),
        },
    };
    limits::raise_open_files();
    match dispatch(cli, clock) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(status)) => status.into(),
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> ExitCode {
    // Nothing is left to be done about a stderr that cannot be written to.
    drop(write!(io::stderr(), "{failure}"));
    failure.status.into()
}

/// Behind flags the name of a command is read as a pod query, which is never what was meant.
fn misplaced(command: &str) -> Failure {
    Failure::usage(format!("the command {command} stands before its flags")).hint(format!(
        "write `kontrast {command} …`; for pods of that name write `kontrast … '^{command}'`"
    ))
}

fn dispatch(cli: Cli, clock: Clock) -> Result<Option<Status>, Failure> {
    let environment = Environment::read();
    if let Some(command) = args::misplaced_command(&cli) {
        return Err(misplaced(command));
    }
    match cli.command {
        None => {
            let (opening, broken) = open::opening(&cli.targets, &environment, Strangers::Ask)?;
            let opening = opening.with_aliases(cli.likeness.aliases());
            show(opening, &broken, &cli.screen, &environment, clock)
        }
        Some(Command::Demo(demo)) => run_demo(demo, &environment, clock),
        Some(Command::Logs(logs)) => {
            let opening = opening_without_screen(&logs.targets, &environment)?;
            block_on(headless::logs(opening, &logs, clock))?
        }
        Some(Command::Contrast(contrast)) => {
            if let Some(dir) = contrast.from {
                let look = saved::look(contrast.window, contrast.since_start, contrast.likeness.aliases());
                return outlive(saved::contrast(dir, look, contrast.output, clock))?;
            }
            let opening = opening_without_screen(&contrast.targets, &environment)?;
            let opening = opening.with_aliases(contrast.likeness.aliases());
            block_on(headless::contrast(opening, contrast.run_for, contrast.output, clock))?
        }
        Some(Command::Patterns(patterns)) => outlive(saved::patterns(patterns, &environment, clock))?,
    }
}

fn opening_without_screen(targets: &Targets, environment: &Environment) -> Result<Opening, Failure> {
    let (opening, broken) = open::opening(targets, environment, Strangers::Refuse)?;
    for told in broken.iter().map(|cause| left_out(cause)).chain(unsafe_ways(&opening)) {
        // Nothing is left to be done about a stderr that cannot be written to.
        drop(writeln!(io::stderr(), "{}", crate::text::display::plain(&told)));
    }
    Ok(opening)
}

/// One sentence for each context that others may read along with.
fn unsafe_ways(opening: &Opening) -> Vec<String> {
    let contexts = opening.contexts().into_iter();
    let told = contexts.filter_map(|context| Some(format!("{}: TLS OFF: {}", context.name, context.insecure?.words())));
    told.collect()
}

/// One line: what a parser draws below its first line makes no sense in the middle of one.
fn left_out(cause: &str) -> String {
    format!("kubeconfig left out: {}", cause.lines().next().unwrap_or_default())
}

fn run_demo(demo: args::Demo, environment: &Environment, clock: Clock) -> Result<Option<Status>, Failure> {
    let scenario = scenario(&demo.scenario)?;
    if demo.serve {
        return block_on(serve::serve(&demo, scenario, clock))?.map(|()| None);
    }
    let embedded = Embedded {
        scenario,
        seed: demo.seed,
        kubeconfig: demo.write_kubeconfig,
    };
    let watching = open::watching(&Targets {
        since: args::DEFAULT_SINCE,
        max_log_requests: args::MAX_STREAMS,
        ..Targets::default()
    })?;
    show(
        Opening::of_embedded(embedded, watching),
        &[],
        &demo.screen,
        environment,
        clock,
    )
}

/// A scenario that ships with the program, or a file.
fn scenario(name: &str) -> Result<Scenario, Failure> {
    if let Some(scenario) = Scenario::embedded(name) {
        return Ok(scenario);
    }
    let path = Path::new(name);
    let text = std::fs::read_to_string(path).map_err(|error| {
        let known: Vec<_> = Scenario::all().into_iter().map(|(name, _)| name).collect();
        let unknown = Failure::usage(format!(
            "there is no scenario {name:?}, and it cannot be read as a file: {error}"
        ));
        match Scenario::nearest(name) {
            Some(nearest) => unknown.hint(format!("did you mean {nearest:?}? There are: {}", known.join(", "))),
            None => unknown.hint(format!("scenarios that ship with Kontrast: {}", known.join(", "))),
        }
    })?;
    Scenario::parse(&text, path).map_err(|error: ScenarioError| Failure::usage(error.to_string()))
}

fn show(
    opening: Opening,
    broken: &[String],
    screen: &Screen,
    environment: &Environment,
    clock: Clock,
) -> Result<Option<Status>, Failure> {
    let (keymap, wrong) = keys::keymap(screen.keymap.as_ref(), environment)?;
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(
            Failure::usage("the screen needs a terminal on standard input and output")
                .hint("`kontrast logs` and `kontrast contrast` work without one"),
        );
    }
    let palette = match screen.color {
        When::Auto => Palette::detect(
            environment.no_color,
            environment.colorterm.as_deref(),
            environment.term.as_deref(),
        ),
        When::Always => Palette::detect(false, environment.colorterm.as_deref(), Some("xterm-256color")),
        When::Never => Palette::plain(),
    };
    let notices = wrong
        .iter()
        .map(ToString::to_string)
        .chain(broken.iter().map(|cause| left_out(cause)))
        .chain(unsafe_ways(&opening))
        .map(|text| Msg::Noticed { text: Arc::from(text) })
        .collect();
    let end = block_on(run::run(
        opening,
        Setup {
            keymap,
            palette,
            bell: if screen.bell { Bell::On } else { Bell::Off },
            allowed_plugins: environment.allowed_plugins_file(),
            notices,
        },
        clock,
    ))?
    .map_err(|error| Failure::doing("run the screen", &error))?;
    Ok(match end {
        End::Quit => None,
        End::Terminated => Some(Status::Terminated),
    })
}

fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map(|runtime| runtime.block_on(future))
        .map_err(|error| Failure::doing("start", &error))
}

/// As `block_on`, but a read of standard input that never ends, or a print that nobody takes, does not hold the end up.
fn outlive<F: Future>(future: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::doing("start", &error))?;
    let output = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(output)
}
