//! The command line as data. Flags mean what they mean in kubectl and stern.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::duration::{parse_duration, parse_hold_back, parse_positive};
use crate::contrast::{Alias, Aliases};
use crate::model::Span;

/// How far back logs are read at the start: 30 minutes.
pub const DEFAULT_SINCE: Span = Span::from_secs(30 * 60);

/// How many containers of one cluster are followed at most.
pub const MAX_STREAMS: usize = 300;

const EXIT_CODES: &str = "\
Exit status:
  0    done
  1    something went wrong that is not listed below
  2    the command line or a file it names (kubeconfig, keymap, scenario, logs) cannot be used
  3    lines are known to be missing in what was printed (logs --strict)
  4    a cluster or a namespace could not be watched (logs, contrast; the others' results were printed)
  130  ended by ctrl-c (logs, contrast, patterns)
  143  ended by SIGTERM";

/// Shows what is different about the cluster that is broken.
///
/// Streams pods, events, logs and shells from several Kubernetes contexts at once and tells which errors only one
/// of them has. Without a cluster at hand, try `kontrast demo`.
#[derive(Debug, Parser)]
#[command(name = "kontrast", version, after_help = EXIT_CODES, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub targets: Targets,
    #[command(flatten)]
    pub likeness: Likeness,
    #[command(flatten)]
    pub screen: Screen,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the tool against embedded clusters: no cluster needed
    Demo(Demo),
    /// Print the records of matching containers, without a screen
    Logs(Logs),
    /// Print what differs between the clusters' logs, without a screen
    Contrast(Contrast),
    /// Print the patterns in log files or standard input, with how often each occurs
    Patterns(Patterns),
}

const COMMANDS: [&str; 4] = ["demo", "logs", "contrast", "patterns"];

/// The command that was taken for a pod query because flags stand before it.
pub fn misplaced_command(cli: &Cli) -> Option<&'static str> {
    let query = cli.targets.pod_query.as_deref().filter(|_| cli.command.is_none())?;
    COMMANDS.into_iter().find(|command| *command == query)
}

/// The same where the command's own flags, unknown without it, have made parsing fail.
pub fn command_behind_flags(error: &clap::Error, words: impl IntoIterator<Item = String>) -> Option<&'static str> {
    let mut words = words.into_iter();
    let begins_with_flag = words.next()?.starts_with('-');
    if !begins_with_flag || error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    words.find_map(|word| COMMANDS.into_iter().find(|command| *command == word))
}

/// Which containers of which clusters.
#[derive(Args, Clone, Debug, Default)]
pub struct Targets {
    /// Pods whose name matches this regular expression, or `kind/name` (deploy/api, sts/db, ds/agent, job/migrate, pod/x)
    #[arg(value_name = "POD-QUERY")]
    pub pod_query: Option<String>,
    /// Kubeconfig file instead of $KUBECONFIG and ~/.kube/config
    #[arg(long, value_name = "FILE", help_heading = "Targets")]
    pub kubeconfig: Option<PathBuf>,
    /// Run credential plugins that were never allowed here, this once, without asking
    #[arg(long, help_heading = "Credentials")]
    pub allow_plugins: bool,
    /// Let any kubeconfig name the credential plugin to run: one that everybody can write, of another user, in the
    /// current folder, or with a relative command
    #[arg(long, help_heading = "Credentials")]
    pub trust_kubeconfig: bool,
    /// kubectl's preferences with the credential plugin policy, or `off` [default: $KUBERC or ~/.kube/kuberc]
    #[arg(long, value_name = "FILE", help_heading = "Credentials")]
    pub kuberc: Option<PathBuf>,
    /// Contexts to open: a name, a comma-separated list, or /regex/; repeatable [default: the current context]
    #[arg(long, value_name = "NAME|/REGEX/", help_heading = "Targets")]
    pub context: Vec<String>,
    /// Namespaces; comma-separated or repeated [default: the context's]
    #[arg(
        short,
        long,
        value_name = "NS",
        value_delimiter = ',',
        conflicts_with = "all_namespaces",
        help_heading = "Targets"
    )]
    pub namespace: Vec<String>,
    /// All namespaces
    #[arg(short = 'A', long, help_heading = "Targets")]
    pub all_namespaces: bool,
    /// Label selector, as kubectl's
    #[arg(short = 'l', long, value_name = "SELECTOR", help_heading = "Targets")]
    pub selector: Option<String>,
    /// Field selector for pods, as kubectl's
    #[arg(long, value_name = "SELECTOR", help_heading = "Targets")]
    pub field_selector: Option<String>,
    /// Containers whose name matches this regular expression
    #[arg(short, long, value_name = "REGEX", help_heading = "Targets")]
    pub container: Option<String>,
    /// Leave out containers whose name matches this regular expression; repeatable
    #[arg(short = 'E', long, value_name = "REGEX", help_heading = "Targets")]
    pub exclude_container: Vec<String>,
    /// Leave out pods whose name matches this regular expression; repeatable
    #[arg(long, value_name = "REGEX", help_heading = "Targets")]
    pub exclude_pod: Vec<String>,
    /// Logs newer than this: 90s, 15m, 2h, 1d
    #[arg(short, long, value_name = "DURATION", default_value = "30m", value_parser = parse_duration, help_heading = "Targets")]
    pub since: Span,
    /// At most this many of the last lines of each container, at the start [default: all of --since]
    #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(i64).range(0..), help_heading = "Targets")]
    pub tail: Option<i64>,
    /// Follow at most this many containers per cluster, and 64 per node; the others are asked for news every few seconds
    #[arg(long, value_name = "N", default_value_t = MAX_STREAMS, help_heading = "Targets")]
    pub max_log_requests: usize,
}

/// Which workloads are one, beside those of one name.
#[derive(Args, Clone, Debug, Default)]
pub struct Likeness {
    /// Compare a workload that has another name in some cluster as if it had this one:
    /// `[NAMESPACE/][KIND/]NAME[:CONTAINER]` on both sides, one `*` a part (shop-prod/*=shop/*); repeatable
    #[arg(long, value_name = "FROM=TO", value_parser = Aliases::parse, help_heading = "Targets")]
    pub same: Vec<Alias>,
}

/// How the screen looks and answers.
#[derive(Args, Clone, Debug, Default)]
pub struct Screen {
    /// Keymap file merged over the default keys [default: keymap.toml in the configuration folder]
    #[arg(long, value_name = "FILE", help_heading = "Screen")]
    pub keymap: Option<PathBuf>,
    /// When to use colour; auto obeys `NO_COLOR`
    #[arg(long, value_enum, default_value_t, help_heading = "Screen")]
    pub color: When,
    /// Ring the terminal's bell for a new error that only some clusters have
    #[arg(long, help_heading = "Screen")]
    pub bell: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Args, Debug)]
pub struct Demo {
    /// A scenario that ships with the program, by name, or a scenario file
    #[arg(long, value_name = "NAME|FILE", default_value = "works-in-staging")]
    pub scenario: String,
    /// Everything that happens follows from the scenario and this number
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Only run the clusters, for kubectl, stern or any other client, until ctrl-c
    #[arg(long)]
    pub serve: bool,
    /// Write the clusters' kubeconfig to this file
    #[arg(long, value_name = "PATH")]
    pub write_kubeconfig: Option<PathBuf>,
    /// With --serve: take faults and requests for the record, one a line, from a Unix socket made at this path
    #[arg(long, value_name = "PATH", requires = "serve", hide = true)]
    pub control: Option<PathBuf>,
    #[command(flatten)]
    pub screen: Screen,
}

#[derive(Args, Debug)]
pub struct Logs {
    #[command(flatten)]
    pub targets: Targets,
    /// Stop after this long [default: run until ctrl-c]
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_positive)]
    pub run_for: Option<Span>,
    /// ndjson: one object a record, with cluster, namespace, pod, container, time, level, text; gap where lines are
    /// known to be lost
    #[arg(short, long, value_enum, default_value_t)]
    pub output: LogsOutput,
    /// End with exit status 3 if lines are known to be missing in what was printed, however the run ended
    #[arg(long)]
    pub strict: bool,
    /// How long a record is held back, so that one that was written earlier and arrives later goes before it; what
    /// arrives later still is printed at once and marked as late, but for what was written before its log was followed
    #[arg(long, value_name = "DURATION", default_value = "250ms", value_parser = parse_hold_back)]
    pub hold_back: Span,
}

#[derive(Args, Debug)]
#[command(after_help = SAVED_LOGS)]
pub struct Contrast {
    #[command(flatten)]
    pub targets: Targets,
    #[command(flatten)]
    pub likeness: Likeness,
    /// Watch this long before the verdict
    #[arg(long = "for", value_name = "DURATION", default_value = "30s", value_parser = parse_positive)]
    pub run_for: Span,
    /// Contrast the logs saved below DIR instead of clusters; see below
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["pod_query", "kubeconfig", "context", "namespace", "all_namespaces", "selector",
            "field_selector", "container", "exclude_container", "exclude_pod", "since", "tail", "max_log_requests", "run_for", "allow_plugins", "trust_kubeconfig", "kuberc"],
        help_heading = "Saved logs"
    )]
    pub from: Option<PathBuf>,
    /// Only what was written this long before the end
    #[arg(long, value_name = "DURATION", value_parser = parse_positive, requires = "from", help_heading = "Saved logs")]
    pub window: Option<Span>,
    /// Only what a container wrote within this long of its start, by the time since then
    #[arg(long, value_name = "DURATION", value_parser = parse_positive, requires = "from", help_heading = "Saved logs")]
    pub since_start: Option<Span>,
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ContrastOutput,
}

const SAVED_LOGS: &str = r#"Saved logs:
DIR or DIR/logs holds <cluster>/<namespace>/<pod>/<container>.log. Lines may have the stamps of `kubectl logs --timestamps`, or be files of a node (CRI, json-file); else the times that the programs wrote count. DIR/coverage.json, if there is one, tells what was watched; all times are RFC 3339:

  {"window": [FROM, TO], "clusters": {"prod": {"connected": [FROM, TO], "gaps": [[FROM, TO], ...],
    "forbidden": [{"namespace": "shop", "workload": "vault"}, ...], "undeployed": [as forbidden],
    "pods": [{"namespace": "shop", "pod": "api-7d9c5b6f8d-x2k4v", "workload": "api",
      "container": "api", "restarts": [TIME, ...], "observed": [[FROM, TO], ...]}, ...]}}}

A container named there may have no file; a file that is not named there is left out, with a warning. Without coverage.json a file was watched from its first line to the last one of its cluster, and the workload is the pod's name without what controllers append."#;

#[derive(Args, Debug)]
#[command(after_help = NUMBERS)]
pub struct Patterns {
    /// Log files, each one source; `-` is standard input [default: standard input]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// json: one object a pattern; tsv: one row a record, with first line, lines, level, pattern and template
    #[arg(short, long, value_enum, default_value_t)]
    pub output: PatternsOutput,
    /// Take every line for a record, instead of joining tracebacks and the like
    #[arg(long)]
    pub no_join: bool,
}

const NUMBERS: &str = "\
Stamps of `kubectl logs --timestamps` and the wrapping of CRI and json-file logs are recognised per file and taken \
off. Line numbers run on over the files in the order given, from 1. Of a line longer than 256 KiB the rest is left \
out. In tsv, tab, line feed and backslash are written \\t, \\n and \\\\.";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PatternsOutput {
    #[default]
    Text,
    Json,
    Tsv,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogsOutput {
    #[default]
    Text,
    #[value(alias = "json")]
    Ndjson,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ContrastOutput {
    #[default]
    Text,
    Json,
}

impl Likeness {
    pub fn aliases(self) -> Aliases {
        Aliases::new(self.same)
    }
}

impl Targets {
    /// The `--context` values as single terms: lists split at commas, a `/regex/` left whole.
    pub fn contexts(&self) -> Vec<String> {
        let is_regex = |value: &str| value.len() > 1 && value.starts_with('/') && value.ends_with('/');
        self.context
            .iter()
            .flat_map(|value| {
                if is_regex(value) {
                    vec![value.as_str()]
                } else {
                    value.split(',').collect()
                }
            })
            .map(str::trim)
            .filter(|term| !term.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Cli {
        Cli::try_parse_from(line.split_whitespace()).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn contexts_are_lists_and_regexes() {
        let cli = parse("kontrast --context a,b --context /prod-.{1,3}/ --context c");
        assert_eq!(cli.targets.contexts(), ["a", "b", "/prod-.{1,3}/", "c"]);
    }

    #[test]
    fn a_pod_query_and_a_subcommand_are_told_apart() {
        let cli = parse("kontrast -n shop,web api-.*");
        assert_eq!(
            (cli.targets.pod_query.as_deref(), cli.targets.namespace.len()),
            (Some("api-.*"), 2)
        );
        assert!(cli.command.is_none());
        assert!(matches!(
            parse("kontrast logs deploy/api --for 5s").command,
            Some(Command::Logs(_))
        ));
    }

    #[test]
    fn a_command_behind_flags_is_noticed() {
        let check = |line: &str, expected: Option<&str>| {
            let words = || line.split_whitespace().map(str::to_owned);
            let found = match Cli::try_parse_from(words()) {
                Ok(cli) => misplaced_command(&cli),
                Err(error) => command_behind_flags(&error, words().skip(1)),
            };
            assert_eq!(found, expected, "{line}");
        };
        check("kontrast --context dev logs", Some("logs"));
        check("kontrast --kubeconfig k logs -n shop --for 2s", Some("logs"));
        check("kontrast -n shop contrast -o json", Some("contrast"));
        check("kontrast logs --context dev", None);
        check("kontrast logs --context dev logs", None);
        check("kontrast --context dev ^logs", None);
        check("kontrast --contxt dev", None);
        check("kontrast logs --contxt dev", None);
    }

    #[test]
    fn records_are_held_back_as_long_as_the_engine_room_says() {
        let Some(Command::Logs(logs)) = parse("kontrast logs").command else {
            panic!("not logs")
        };
        assert_eq!(logs.hold_back, crate::logs::holdback::HOLD_BACK);
    }

    #[test]
    fn one_namespace_and_all_of_them_contradict() {
        assert!(Cli::try_parse_from(["kontrast", "-n", "a", "-A"]).is_err());
    }
}
