//! Which keys mean which command where: the default keys, and the user's file merged over them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::command::Command;
use super::diagnostic::Diagnostic;
use super::key::Key;

/// The file that the default keys come from; a user's own has the same form.
pub const DEFAULT_FILE: &str = include_str!("../../keymaps/default.toml");

/// Where a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everywhere but in a shell, below what the pane itself binds.
    Global,
    Contrast,
    Objects,
    Logs,
    /// In a shell, where every key but these is typed.
    Exec,
    /// A shell whose keys were taken back, or that has ended.
    ExecScroll,
    Help,
}

/// One binding: press these keys in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub keys: Vec<Key>,
    pub command: Command,
}

/// What a row of keys means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    Command(Command),
    /// The beginning of a longer row.
    Pending,
    Unbound,
}

/// All bindings, by scope, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    bindings: BTreeMap<Scope, Vec<Binding>>,
}

/// What stands for "these keys do nothing here" in a keymap file.
const NOTHING: &str = "none";

impl Scope {
    pub const ALL: &[Self] = &[
        Self::Global,
        Self::Contrast,
        Self::Objects,
        Self::Logs,
        Self::Exec,
        Self::ExecScroll,
        Self::Help,
    ];

    /// The name of its table in a keymap file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Contrast => "contrast",
            Self::Objects => "objects",
            Self::Logs => "logs",
            Self::Exec => "exec",
            Self::ExecScroll => "exec-scroll",
            Self::Help => "help",
        }
    }

    /// What help calls it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::Contrast => "In the contrast",
            Self::Objects => "In the objects",
            Self::Logs => "In the logs",
            Self::Exec => "In a shell (every other key is typed)",
            Self::ExecScroll => "In a shell whose keys were taken back, or that has ended",
            Self::Help => "In the help",
        }
    }

    /// Whether keys that mean nothing here mean what they mean everywhere.
    const fn falls_back(self) -> bool {
        match self {
            Self::Global | Self::Exec => false,
            Self::Contrast | Self::Objects | Self::Logs | Self::ExecScroll | Self::Help => true,
        }
    }
}

impl Keymap {
    /// The keys that ship with the program.
    pub fn default_keys() -> Self {
        let mut keymap = Self {
            bindings: BTreeMap::new(),
        };
        // The shipped file has no mistakes: a test reads it.
        drop(keymap.merge(DEFAULT_FILE, Path::new("keymaps/default.toml")));
        keymap
    }

    /// Merges the text of a keymap file over these keys. What is right in it holds, what is wrong is returned.
    #[must_use]
    pub fn merge(&mut self, text: &str, file: &Path) -> Vec<Diagnostic> {
        let tables = match toml::from_str::<Tables>(text) {
            Ok(tables) => tables,
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                let wrong = Diagnostic::at(file, text, offset, error.message());
                return vec![wrong.hint("the form is: [logs] \"ctrl-w v\" = \"split-right\"")];
            }
        };
        let mut wrong = Vec::new();
        let mut tables: Vec<_> = tables.into_iter().collect();
        tables.sort_by_key(|(name, _)| name.span().start);
        for (name, table) in tables {
            let at = |offset, message: String| Diagnostic::at(file, text, offset, message);
            let Some(scope) = Scope::ALL
                .iter()
                .copied()
                .find(|scope| scope.name() == name.get_ref().as_str())
            else {
                let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.name()).collect();
                let unknown = at(name.span().start, format!("unknown table [{}]", name.get_ref()));
                wrong.push(unknown.hint(format!("there are {}", known.join(", "))));
                continue;
            };
            let mut entries: Vec<_> = table.into_iter().collect();
            entries.sort_by_key(|(keys, _)| keys.span().start);
            for (keys, command) in entries {
                match parse_binding(keys.get_ref(), command.get_ref()) {
                    Ok((keys, command)) => self.bind(scope, keys, command),
                    Err(Mistake::Keys(message)) => {
                        let hint = "keys are spelled like g, G, ctrl-w, alt-enter, space, f5; a row of keys has blanks between";
                        wrong.push(at(keys.span().start, message).hint(hint));
                    }
                    Err(Mistake::Command { message, hint }) => wrong.push(at(command.span().start, message).hint(hint)),
                }
            }
        }
        wrong
    }

    fn bind(&mut self, scope: Scope, keys: Vec<Key>, command: Option<Command>) {
        let bindings = self.bindings.entry(scope).or_default();
        // A row of keys and its own beginning cannot both be bound: the one bound last wins.
        bindings.retain(|known| !known.keys.starts_with(&keys) && !keys.starts_with(&known.keys));
        if let Some(command) = command {
            bindings.push(Binding { keys, command });
        }
    }

    /// What these keys mean in this scope; the scope's own bindings go before the global ones.
    pub fn lookup(&self, scope: Scope, keys: &[Key]) -> Lookup {
        match self.lookup_in(scope, keys) {
            Lookup::Unbound if scope.falls_back() => self.lookup_in(Scope::Global, keys),
            found @ (Lookup::Command(_) | Lookup::Pending | Lookup::Unbound) => found,
        }
    }

    fn lookup_in(&self, scope: Scope, keys: &[Key]) -> Lookup {
        let bindings = self.bindings.get(&scope).map_or(&[][..], Vec::as_slice);
        match bindings.iter().find(|binding| binding.keys.starts_with(keys)) {
            Some(binding) if binding.keys.len() == keys.len() => Lookup::Command(binding.command),
            Some(_) => Lookup::Pending,
            None => Lookup::Unbound,
        }
    }

    /// The bindings of one scope by itself, in the order of the file.
    pub fn bindings(&self, scope: Scope) -> Vec<Binding> {
        self.bindings.get(&scope).cloned().unwrap_or_default()
    }

    /// The keys to tell a person who wants this command here: `ctrl-w v`.
    pub fn keys_of(&self, scope: Scope, command: Command) -> Option<String> {
        let own = self.bindings.get(&scope).into_iter().flatten();
        let global = self
            .bindings
            .get(&Scope::Global)
            .filter(|_| scope.falls_back())
            .into_iter()
            .flatten();
        own.chain(global)
            .find(|binding| binding.command == command)
            .map(Binding::spelling)
    }
}

impl Binding {
    /// The keys as a keymap file spells them.
    pub fn spelling(&self) -> String {
        self.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

type Tables = BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<Value>>>;

/// The right side of a binding.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Name(String),
    Other(toml::Value),
}

enum Mistake {
    Keys(String),
    Command { message: String, hint: String },
}

fn parse_binding(keys: &str, command: &Value) -> Result<(Vec<Key>, Option<Command>), Mistake> {
    let keys: Vec<Key> = keys
        .split_whitespace()
        .map(Key::parse)
        .collect::<Result<_, _>>()
        .map_err(Mistake::Keys)?;
    if keys.is_empty() {
        return Err(Mistake::Keys("no key".to_owned()));
    }
    let name = match command {
        Value::Name(name) => name,
        Value::Other(other) => {
            let message = format!("expected the name of a command, got {}", other.type_str());
            return Err(Mistake::Command {
                message,
                hint: "write it between quotes: \"zoom\"".to_owned(),
            });
        }
    };
    if name == NOTHING {
        return Ok((keys, None));
    }
    if let Some(command) = Command::ALL.iter().find(|command| command.name() == name) {
        return Ok((keys, Some(*command)));
    }
    let hint = match Command::nearest(name) {
        Some(nearest) => format!("did you mean {nearest:?}?"),
        None => format!("`:` lists the commands; {NOTHING:?} takes the keys away"),
    };
    let message = format!("unknown command {name:?}");
    Err(Mistake::Command { message, hint })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<Key> {
        text.split_whitespace().map(|key| Key::parse(key).unwrap()).collect()
    }

    fn merged(text: &str) -> (Keymap, Vec<Diagnostic>) {
        let mut keymap = Keymap::default_keys();
        let wrong = keymap.merge(text, Path::new("keymap.toml"));
        (keymap, wrong)
    }

    #[track_caller]
    fn check_wrong(text: &str, place: (usize, usize), message: &str, hint: &str) {
        let (_, wrong) = merged(text);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert_eq!((wrong[0].line, wrong[0].column), place, "{wrong:?}");
        assert!(wrong[0].message.contains(message), "{wrong:?}");
        assert!(
            wrong[0].hint.as_ref().is_some_and(|given| given.contains(hint)),
            "{wrong:?}"
        );
    }

    #[test]
    fn the_shipped_file_has_no_mistake_and_no_key_is_bound_twice() {
        let mut keymap = Keymap {
            bindings: BTreeMap::new(),
        };
        assert_eq!(keymap.merge(DEFAULT_FILE, Path::new("default.toml")), []);
        let entries = DEFAULT_FILE.lines().filter(|line| line.starts_with('"')).count();
        assert_eq!(
            keymap.bindings.values().map(Vec::len).sum::<usize>(),
            entries,
            "one binding hides another"
        );
    }

    #[test]
    fn every_command_has_a_key() {
        let keymap = Keymap::default_keys();
        for command in Command::ALL {
            let bound = Scope::ALL
                .iter()
                .any(|scope| keymap.keys_of(*scope, *command).is_some());
            assert!(bound, "{} has no key in keymaps/default.toml", command.name());
        }
    }

    #[test]
    fn a_pane_goes_before_everywhere_and_a_shell_gets_everything_else() {
        let (keymap, wrong) = merged("[logs]\n\"q\" = \"top\"");
        assert_eq!(wrong, []);
        assert_eq!(keymap.lookup(Scope::Logs, &keys("q")), Lookup::Command(Command::Top));
        assert_eq!(
            keymap.lookup(Scope::Objects, &keys("q")),
            Lookup::Command(Command::ClosePane)
        );
        assert_eq!(keymap.lookup(Scope::Exec, &keys("q")), Lookup::Unbound);
        assert_eq!(
            keymap.lookup(Scope::Exec, &keys("ctrl-]")),
            Lookup::Command(Command::LeaveShell)
        );
        assert_eq!(keymap.lookup(Scope::Logs, &keys("ctrl-w")), Lookup::Pending);
        assert_eq!(
            keymap.lookup(Scope::Logs, &keys("ctrl-w v")),
            Lookup::Command(Command::SplitRight)
        );
    }

    #[test]
    fn keys_can_be_taken_away() {
        let (keymap, wrong) = merged("[global]\n\"q\" = \"none\"\n\"ctrl-w\" = \"zoom\"");
        assert_eq!(wrong, []);
        assert_eq!(keymap.lookup(Scope::Global, &keys("q")), Lookup::Unbound);
        assert_eq!(
            keymap.lookup(Scope::Global, &keys("ctrl-w")),
            Lookup::Command(Command::Zoom)
        );
        assert_eq!(keymap.lookup(Scope::Global, &keys("ctrl-w v")), Lookup::Unbound);
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_the_rest_holds() {
        check_wrong("[logs]\n\"z\" = \"zoomm\"", (2, 7), "zoomm", "\"zoom\"");
        check_wrong("[logs]\n  \"hyper-z\" = \"zoom\"", (2, 3), "hyper", "ctrl-w");
        check_wrong("[lugs]\n\"z\" = \"zoom\"", (1, 2), "lugs", "logs");
        check_wrong("[logs]\n\"z\" = 3", (2, 7), "integer", "quotes");
        check_wrong("[logs\n\"z\" = \"zoom\"", (1, 6), "", "[logs]");
        let (keymap, wrong) = merged("[logs]\n\"a\" = \"nonsense-verb\"\n\"b\" = \"zoom\"");
        assert_eq!(wrong.len(), 1);
        assert_eq!(keymap.lookup(Scope::Logs, &keys("b")), Lookup::Command(Command::Zoom));
    }
}
