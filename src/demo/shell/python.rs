//! A Python that understands imports and `print` of what a person asks when poking round: enough to see what is missing.
//!
//! Imports follow the files of the tree, so that a module of the application fails where the real one would, with
//! the traceback that `CPython` prints. It says so plainly when it is asked for anything else.

use std::collections::BTreeSet;

use super::call::{Call, Ended};
use super::machine::Machine;
use super::modules::{Found, find};
use super::packages;

/// Modules may import one another this deep; `CPython`'s own limit is far beyond what an embedded image holds.
const MOST_DEPTH: usize = 50;

pub fn python(call: &mut Call<'_>) -> Ended {
    let words: Vec<&str> = call
        .words
        .iter()
        .map(String::as_str)
        .filter(|word| !matches!(*word, "-u" | "-B" | "-I" | "-s" | "-E"))
        .collect();
    match words.as_slice() {
        ["-V" | "--version", ..] => {
            let version = call.machine.python_version();
            call.line(format!("Python {version}"));
            Ok(0)
        }
        ["-c", script, ..] => Ok(run(call, script, "<string>")),
        ["-c"] => {
            call.err("Argument expected for the -c option\n");
            Ok(2)
        }
        ["-m", module, rest @ ..] => module_main(call, module, rest),
        ["-", ..] | [] => {
            let script = call.input()?;
            Ok(run(call, &String::from_utf8_lossy(&script), "<stdin>"))
        }
        [file, ..] => {
            let path = call.machine.path(file);
            let Ok(content) = call.machine.tree.read(&path).map(<[u8]>::to_vec) else {
                let name = call.name.to_owned();
                call.err(format!(
                    "{name}: can't open file '{path}': [Errno 2] No such file or directory\n"
                ));
                return Ok(2);
            };
            Ok(run(call, &String::from_utf8_lossy(&content), &path))
        }
    }
}

fn module_main(call: &mut Call<'_>, module: &str, rest: &[&str]) -> Ended {
    if module == "pip" {
        let words: Vec<String> = rest.iter().map(|word| (*word).to_owned()).collect();
        let mut inner = Call {
            words: &words,
            name: "pip",
            written: Vec::new(),
            machine: &mut *call.machine,
            ..*call
        };
        let status = packages::pip(&mut inner);
        let written = inner.written;
        call.written.extend(written);
        return status;
    }
    let python = format!("/usr/local/bin/{}", call.name);
    match find(call.machine, module) {
        None => call.err(format!("{python}: No module named {module}\n")),
        Some(_) => call.err(format!("{python}: {module} cannot be run in an embedded cluster\n")),
    }
    Ok(1)
}

/// One line of a traceback: file, line number, the source if `CPython` could show it.
struct Frame {
    file: String,
    line: usize,
    source: Option<String>,
}

/// An exception on its way up, or a statement that this Python does not know.
enum Raised {
    Error { frames: Vec<Frame>, text: String },
    Exit(i32),
    Unknown(String),
}

impl Raised {
    fn error(text: impl Into<String>) -> Self {
        Self::Error {
            frames: Vec::new(),
            text: text.into(),
        }
    }

    fn through(mut self, frame: Frame) -> Self {
        if let Self::Error { frames, .. } = &mut self {
            frames.push(frame);
        }
        self
    }
}

fn run(call: &mut Call<'_>, script: &str, file: &str) -> i32 {
    let mut interpreter = Interpreter {
        loaded: BTreeSet::new(),
        names: BTreeSet::new(),
        out: String::new(),
        machine: call.machine,
    };
    let outcome = interpreter.script(script, file);
    let out = std::mem::take(&mut interpreter.out);
    call.out(out);
    match outcome {
        Ok(()) => 0,
        Err(Raised::Exit(status)) => status,
        Err(Raised::Error { frames, text }) => {
            call.err("Traceback (most recent call last):\n");
            for frame in frames.iter().rev() {
                call.err(format!("  File \"{}\", line {}, in <module>\n", frame.file, frame.line));
                if let Some(source) = &frame.source {
                    call.err(format!("    {source}\n"));
                }
            }
            call.err(format!("{text}\n"));
            1
        }
        Err(Raised::Unknown(statement)) => {
            call.complain(format!(
                "an embedded cluster's Python knows imports and print only, not: {statement}"
            ));
            2
        }
    }
}

struct Interpreter<'a> {
    loaded: BTreeSet<String>,
    /// Names that the script may use because it imported them.
    names: BTreeSet<String>,
    out: String,
    machine: &'a Machine,
}

impl Interpreter<'_> {
    fn script(&mut self, script: &str, file: &str) -> Result<(), Raised> {
        let shows_source = file != "<string>" && file != "<stdin>" || self.is_at_least_3_13();
        for (n, line) in script.lines().enumerate() {
            for statement in statements(line) {
                let frame = || Frame {
                    file: file.to_owned(),
                    line: n + 1,
                    source: shows_source.then(|| line.trim().to_owned()),
                };
                self.statement(statement.trim())
                    .map_err(|raised| raised.through(frame()))?;
            }
        }
        Ok(())
    }

    fn is_at_least_3_13(&self) -> bool {
        let version = self.machine.python_version();
        version
            .split('.')
            .nth(1)
            .and_then(|minor| minor.parse::<u32>().ok())
            .is_some_and(|minor| minor >= 13)
    }

    fn statement(&mut self, statement: &str) -> Result<(), Raised> {
        if statement.is_empty() || statement.starts_with('#') || statement == "pass" {
            return Ok(());
        }
        if is_import(statement) {
            return self.import(statement, 0);
        }
        if let Some(inner) = call_of(statement, "print") {
            let mut shown = Vec::new();
            for argument in arguments(inner) {
                shown.push(self.value(argument.trim())?);
            }
            self.out.push_str(&shown.join(" "));
            self.out.push('\n');
            return Ok(());
        }
        if let Some(inner) = ["sys.exit", "exit", "quit"]
            .iter()
            .find_map(|name| call_of(statement, name))
        {
            return Err(Raised::Exit(
                inner.trim().parse().unwrap_or(i32::from(!inner.trim().is_empty())),
            ));
        }
        Err(Raised::Unknown(statement.chars().take(80).collect()))
    }

    fn import(&mut self, statement: &str, depth: usize) -> Result<(), Raised> {
        if let Some(rest) = statement.strip_prefix("from ") {
            let Some((module, names)) = rest.split_once(" import ") else {
                return Err(Raised::Unknown(statement.to_owned()));
            };
            self.load(module.trim(), depth)?;
            for name in names.trim_matches(['(', ')', ' ']).split(',') {
                let name = name.trim();
                self.member(module.trim(), name.split(" as ").next().unwrap_or(name).trim(), depth)?;
                self.names
                    .insert(name.rsplit(" as ").next().unwrap_or(name).trim().to_owned());
            }
            return Ok(());
        }
        for item in statement.strip_prefix("import ").unwrap_or_default().split(',') {
            let mut parts = item.trim().split(" as ");
            let module = parts.next().unwrap_or_default().trim();
            self.load(module, depth)?;
            let bound = parts
                .next()
                .map_or_else(|| module.split('.').next().unwrap_or(module), str::trim);
            self.names.insert(bound.to_owned());
        }
        Ok(())
    }

    /// Imports a module and what it imports, each once.
    fn load(&mut self, module: &str, depth: usize) -> Result<(), Raised> {
        if module.starts_with('.') || module.is_empty() {
            return Err(Raised::error(
                "ImportError: attempted relative import with no known parent package",
            ));
        }
        let mut name = String::new();
        for part in module.split('.') {
            let above = name.clone();
            name = if name.is_empty() {
                part.to_owned()
            } else {
                format!("{name}.{part}")
            };
            let Some(found) = find(self.machine, &name) else {
                let hint = match find(self.machine, &above) {
                    Some(Found::At(path)) if is_source(&path) && !path.ends_with("__init__.py") => {
                        format!("; '{above}' is not a package")
                    }
                    Some(_) | None => String::new(),
                };
                return Err(Raised::error(format!(
                    "ModuleNotFoundError: No module named '{name}'{hint}"
                )));
            };
            if !self.loaded.insert(name.clone()) || depth >= MOST_DEPTH {
                continue;
            }
            if let Found::At(path) = found
                && is_source(&path)
            {
                self.imports_of(&path, &name, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Follows the imports at the top level of a file.
    fn imports_of(&mut self, path: &str, module: &str, depth: usize) -> Result<(), Raised> {
        let content = self
            .machine
            .tree
            .read(path)
            .map(String::from_utf8_lossy)
            .unwrap_or_default()
            .into_owned();
        for (n, line) in content.lines().enumerate() {
            if !is_import(line) || line.contains('(') && !line.contains(')') {
                continue;
            }
            let package = if path.ends_with("__init__.py") {
                module
            } else {
                module.rsplit_once('.').map_or("", |(above, _)| above)
            };
            let statement = line
                .split('#')
                .next()
                .unwrap_or(line)
                .replacen("from .", &format!("from {package}."), 1);
            let statement = statement.replacen(". import", " import", 1);
            let frame = || Frame {
                file: path.to_owned(),
                line: n + 1,
                source: Some(line.trim().to_owned()),
            };
            self.import(statement.trim(), depth)
                .map_err(|raised| raised.through(frame()))?;
        }
        Ok(())
    }

    /// `from module import name`: a submodule, or a name that the module's text has somewhere.
    fn member(&mut self, module: &str, name: &str, depth: usize) -> Result<(), Raised> {
        let Some(Found::At(path)) = find(self.machine, module) else {
            return Ok(());
        };
        let submodule = format!("{module}.{name}");
        if matches!(find(self.machine, &submodule), Some(Found::At(_))) {
            return self.load(&submodule, depth);
        }
        let text = self
            .machine
            .tree
            .read(&path)
            .map(String::from_utf8_lossy)
            .unwrap_or_default();
        // A scenario's stub of a library is empty; its names are not known and are taken to be there.
        if name == "*" || text.trim().is_empty() || text.contains(name) {
            return Ok(());
        }
        Err(Raised::error(format!(
            "ImportError: cannot import name '{name}' from '{module}' ({path})"
        )))
    }

    fn value(&self, expression: &str) -> Result<String, Raised> {
        if let Some(text) = string_literal(expression) {
            return Ok(text);
        }
        if expression.parse::<f64>().is_ok() || matches!(expression, "True" | "False" | "None") {
            return Ok(expression.to_owned());
        }
        let first: String = expression
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if !first.is_empty() && !self.names.contains(&first) {
            return Err(Raised::error(format!("NameError: name '{first}' is not defined")));
        }
        self.known_value(expression)
    }

    fn known_value(&self, expression: &str) -> Result<String, Raised> {
        let machine = self.machine;
        let version = machine.python_version();
        let unknown = || Raised::Unknown(format!("print({expression})"));
        match expression {
            "sys.version" => return Ok(format!("{version} (main) [GCC 12.2.0]")),
            "platform.python_version()" => return Ok(version),
            "sys.executable" => return Ok("/usr/local/bin/python3".to_owned()),
            "os.getcwd()" => return Ok(machine.directory.clone()),
            "socket.gethostname()" | "platform.node()" => return Ok(machine.inside.hostname.clone()),
            _ => {}
        }
        if let Some(name) = expression
            .strip_prefix("os.environ[")
            .and_then(|rest| string_literal(rest.strip_suffix(']')?))
        {
            let value = machine.environment().find(|(known, _)| *known == name);
            return value
                .map(|(_, value)| value.to_owned())
                .ok_or_else(|| Raised::error(format!("KeyError: '{name}'")));
        }
        let asked = ["os.environ.get", "os.getenv"]
            .iter()
            .find_map(|name| call_of(expression, name));
        if let Some(name) = asked.and_then(|inner| string_literal(inner.split(',').next()?.trim())) {
            let value = machine.environment().find(|(known, _)| *known == name);
            return Ok(value.map_or_else(|| "None".to_owned(), |(_, value)| value.to_owned()));
        }
        if let Some(name) = call_of(expression, "importlib.metadata.version").and_then(string_literal) {
            return machine.inside.packages.get(&name).cloned().ok_or_else(|| {
                Raised::error(format!(
                    "importlib.metadata.PackageNotFoundError: No package metadata was found for {name}"
                ))
            });
        }
        if let Some(module) = expression.strip_suffix(".__version__") {
            return machine
                .inside
                .packages
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(module))
                .map(|(_, version)| version.clone())
                .ok_or_else(unknown);
        }
        if let Some(module) = expression.strip_suffix(".__file__")
            && let Some(Found::At(path)) = find(machine, module)
        {
            return Ok(path);
        }
        Err(unknown())
    }
}

fn is_source(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| ending == "py")
}

fn is_import(line: &str) -> bool {
    line.starts_with("import ") || line.starts_with("from ") && line.contains(" import ")
}

/// What lies between the parentheses of `name(...)`, if that is all there is.
fn call_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)?
        .trim_start()
        .strip_prefix('(')?
        .strip_suffix(')')
}

/// The parts of a text between marks that are outside quotes and parentheses.
fn parts(text: &str, mark: char) -> Vec<&str> {
    let (mut found, mut start, mut quote, mut open) = (Vec::new(), 0, None, 0_i32);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => open += 1,
            (None, ')' | ']') => open -= 1,
            (None, c) if c == mark && open == 0 => {
                found.extend(text.get(start..at));
                start = at + mark.len_utf8();
            }
            (Some(_) | None, _) => {}
        }
    }
    found.extend(text.get(start..));
    found
}

fn statements(line: &str) -> Vec<&str> {
    parts(line, ';')
}

fn arguments(text: &str) -> Vec<&str> {
    if text.trim().is_empty() {
        Vec::new()
    } else {
        parts(text, ',')
    }
}

fn string_literal(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(quote)).then(|| inner.replace("\\n", "\n").replace("\\t", "\t"))
}
