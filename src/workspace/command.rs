//! The catalogue of verbs: everything a key or the palette can ask for, with its name and one line of help. Data only;
//! `update` does them.

/// Declares the commands, so that a verb, its name, its other names and its help stand in one line.
macro_rules! catalogue {
    ($($command:ident $name:literal $aliases:tt $summary:literal,)+) => {
        /// One thing the user can ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Command {
            $(#[doc = $summary] $command,)+
        }

        impl Command {
            /// All commands, in the order in which help lists them.
            pub const ALL: &[Self] = &[$(Self::$command,)+];

            /// The name in keymaps and in the palette.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$command => $name,)+
                }
            }

            /// Other names that fingers know from kubectl, k9s and vim.
            pub const fn aliases(self) -> &'static [&'static str] {
                match self {
                    $(Self::$command => &$aliases,)+
                }
            }

            /// What it does, in a line.
            pub const fn summary(self) -> &'static str {
                match self {
                    $(Self::$command => $summary,)+
                }
            }
        }
    };
}

catalogue! {
    Quit "quit" ["q", "q!", "qa", "exit"] "leave Kontrast",
    Help "help" ["h", "keys"] "show the keys of this pane",
    OpenPalette "palette" ["commands"] "find a command by name",
    Cancel "cancel" ["back"] "go back: close what is open, end the search, leave the zoom",
    Redraw "redraw" [] "paint the whole screen again",
    Suspend "suspend" ["stop"] "stop and give the terminal to the shell; `fg` comes back",

    ShowContrast "contrast" ["diff", "findings"] "go to the contrast: what differs between the clusters",
    ShowObjects "objects" ["workloads", "po", "pod", "pods", "deploy", "deployments", "sts", "statefulsets", "ds", "daemonsets", "jobs"]
        "go to the workloads and pods of all clusters",
    ShowLogs "logs" ["log"] "go to the logs",

    Activate "open" ["enter"] "open what is selected: a pattern's records, an object's logs",
    OpenLogs "open-logs" [] "show the logs of the selected object",
    OpenShell "shell" ["sh", "exec", "s"] "open a shell in the selected container",
    RetryCluster "retry" ["reconnect"] "try the clusters that are not connected again, now",
    Login "login" ["log-in", "allow"] "log in to a cluster that needs it, or let its credential plugin run",
    CopyLine "copy" ["yank"] "copy the selected line or name to the clipboard",

    Up "up" [] "one line up",
    Down "down" [] "one line down",
    HalfPageUp "half-page-up" [] "half a page up",
    HalfPageDown "half-page-down" [] "half a page down",
    PageUp "page-up" [] "one page up",
    PageDown "page-down" [] "one page down",
    Top "top" ["first"] "to the first line",
    Bottom "bottom" ["last"] "to the last line",
    Left "left" [] "to the cluster on the left",
    Right "right" [] "to the cluster on the right",
    Expand "expand" [] "show what is below the selected object",
    Collapse "collapse" [] "hide what is below the selected object",
    ToggleExpanded "toggle-expanded" [] "show or hide what is below the selected object",

    Search "search" ["find", "/"] "search the logs while typing; lower case finds both cases",
    NextMatch "next-match" ["n"] "to the next hit",
    PreviousMatch "previous-match" ["N"] "to the previous hit",
    NextError "next-error" [] "to the next record of level error",
    PreviousError "previous-error" [] "to the previous record of level error",
    NextGap "next-gap" ["gap", "gaps"] "to the next gap: lines that are known to be lost",
    PreviousGap "previous-gap" [] "to the previous gap",
    OnlyPattern "only-pattern" ["filter"] "only the records of this pattern, or all again",
    NextExample "next-example" [] "to the selected pattern's next record",
    PreviousExample "previous-example" [] "to the selected pattern's previous record",
    ToggleDetail "detail" ["describe"] "all that is known of this pattern, or less",
    DetailDown "detail-down" [] "the detail one line down",
    DetailUp "detail-up" [] "the detail one line up",
    FilterPatterns "filter-patterns" ["filter-list"] "only the patterns with these words",
    ErrorsOnly "errors-only" ["errors"] "only errors, or all again",
    NextVerdict "next-verdict" ["verdict"] "what differs, each verdict in turn, all again",
    Pin "pin" [] "keep this pattern on top, or not",
    Mute "mute" [] "put this pattern out of sight, or not",
    ShowMuted "show-muted" ["muted"] "show the muted patterns, or not",
    Label "label" ["rename"] "give this pattern a name of your own",
    ShorterWindow "shorter-window" [] "compare a shorter time: all, 1 h, 15 min, 5 min",
    LongerWindow "longer-window" ["window"] "compare a longer time: 5 min, 15 min, 1 h, all",
    NextAlignment "align" ["alignment"] "by the fitting clock, the wall clock, each start",
    ToggleBell "bell" [] "ring for new errors of some clusters only",
    ToggleFollow "follow" ["tail"] "follow the newest lines, or stay here",
    ToggleMerged "merge" ["merged", "order"] "one pane per cluster, or all in one stream by time",
    ToggleWrap "wrap" [] "wrap long lines, or cut them",
    ToggleTimestamps "timestamps" ["ts", "time"] "show the time of each line, or not",

    FocusNext "focus-next" [] "to the next pane",
    FocusPrevious "focus-previous" [] "to the previous pane",
    FocusLeft "focus-left" [] "to the pane on the left",
    FocusDown "focus-down" [] "to the pane below",
    FocusUp "focus-up" [] "to the pane above",
    FocusRight "focus-right" [] "to the pane on the right",
    Zoom "zoom" ["fullscreen"] "this pane alone on the screen, or all again",
    SplitRight "split-right" ["vsplit", "vs"] "another view of this pane beside it",
    SplitBelow "split-below" ["split", "sp"] "another view of this pane below it",
    ClosePane "close" ["close-pane"] "close this pane; the last one asks to quit",
    OnlyPane "only" [] "close all other panes",
    GrowPane "grow" [] "make this pane larger",
    ShrinkPane "shrink" [] "make this pane smaller",

    LeaveShell "leave-shell" [] "take the keys back from the shell",
    EnterShell "enter-shell" ["type"] "give the keys to the shell again",
}

impl Command {
    /// The command of this name or alias.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|command| command.name() == name || command.aliases().contains(&name))
    }

    /// The name that a slip of the fingers is likely to have meant.
    pub fn nearest(name: &str) -> Option<&'static str> {
        Self::ALL
            .iter()
            .map(|command| (strsim::damerau_levenshtein(name, command.name()), command.name()))
            .filter(|(distance, known)| *distance <= 2.max(known.len() / 3))
            .min()
            .map(|(_, known)| known)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_means_one_command() {
        let mut seen = BTreeSet::new();
        for command in Command::ALL {
            for name in [command.name()].iter().chain(command.aliases()) {
                assert!(seen.insert(*name), "{name} is used twice");
                assert_eq!(Command::parse(name), Some(*command), "{name}");
            }
        }
    }

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        assert_eq!(Command::nearest("foucs-next"), Some("focus-next"));
        assert_eq!(Command::nearest("xyzzy-plugh"), None);
    }
}
