//! The programs of an image: which there are, where they lie, and the function that each one is.

use super::call::{Call, Ended};
use super::machine::{Family, Machine};
use super::{arithmetic, files, listing, packages, python, search, system, text};

type Program = fn(&mut Call<'_>) -> Ended;

/// Programs of every image that has a shell.
const COMMON: &[(&str, Program)] = &[
    ("[", files::test),
    ("base64", base64),
    ("basename", files::basename),
    ("cat", files::cat),
    ("chmod", nothing),
    ("chown", nothing),
    ("clear", system::clear),
    ("cp", files::copy),
    ("cut", text::cut),
    ("date", system::date),
    ("df", system::df),
    ("dirname", files::dirname),
    ("du", listing::du),
    ("echo", text::echo),
    ("egrep", search::grep),
    ("expr", arithmetic::expr),
    ("false", failure),
    ("fgrep", search::grep),
    ("find", listing::find),
    ("free", system::free),
    ("getent", system::getent),
    ("grep", search::grep),
    ("head", text::head),
    ("hostname", system::hostname),
    ("id", system::id),
    ("kill", system::kill),
    ("ls", listing::ls),
    ("mkdir", files::mkdir),
    ("mv", files::copy),
    ("nl", text::nl),
    ("nproc", system::nproc),
    ("nslookup", system::nslookup),
    ("pgrep", system::pgrep),
    ("pidof", system::pgrep),
    ("printenv", system::printenv),
    ("printf", text::printf),
    ("ps", system::ps),
    ("pwd", files::pwd),
    ("readlink", files::realpath),
    ("realpath", files::realpath),
    ("rev", text::reversed),
    ("rm", files::rm),
    ("rmdir", files::rmdir),
    ("sed", search::sed),
    ("seq", text::seq),
    ("sort", text::sort),
    ("stat", listing::stat),
    ("stty", system::stty),
    ("sync", nothing),
    ("tac", text::reversed),
    ("tail", text::tail),
    ("tee", files::tee),
    ("test", files::test),
    ("touch", files::touch),
    ("tput", system::tput),
    ("tr", text::tr),
    ("true", nothing),
    ("tty", system::tty),
    ("uname", system::uname),
    ("uniq", text::uniq),
    ("uptime", system::uptime),
    ("wc", text::wc),
    ("whoami", system::whoami),
];

/// Programs that run others, wait, or draw: the interpreter runs them itself.
pub const SPECIAL: &[&str] = &[
    "env", "less", "more", "nohup", "sh", "sleep", "time", "timeout", "top", "which", "xargs",
];

/// Programs that shells have inside as well.
pub const INSIDE: &[&str] = &["[", "echo", "false", "kill", "printf", "pwd", "test", "true"];

/// Shells beside `sh`.
pub const SHELLS: &[&str] = &["sh", "ash", "bash", "dash"];

/// What a name runs.
#[derive(Clone, Copy)]
pub enum Kind {
    Plain(Program),
    Special,
    /// A file of the image that this world cannot run.
    Opaque,
}

/// What a word as the first of a command runs in this image; a path or a name.
pub fn kind(machine: &Machine, word: &str) -> Option<Kind> {
    if word.contains('/') {
        let path = machine.path(word);
        let name = super::tree::base(&path).to_owned();
        return match by_name(machine, &name) {
            Some(kind)
                if place(machine, &name).is_some_and(|place| place == path)
                    || machine.is_file(&path)
                    || is_usual(&path) =>
            {
                Some(kind)
            }
            Some(_) | None if machine.is_file(&path) => Some(Kind::Opaque),
            Some(_) | None => None,
        };
    }
    by_name(machine, word).or_else(|| in_path(machine, word).map(|_| Kind::Opaque))
}

/// `/bin` and `/usr/bin` are one folder in most images.
fn is_usual(path: &str) -> bool {
    ["/bin/", "/usr/bin/"].iter().any(|folder| path.starts_with(folder))
}

fn by_name(machine: &Machine, name: &str) -> Option<Kind> {
    if machine.has_python() && is_python(name) {
        return Some(Kind::Plain(if name.starts_with("pip") {
            packages::pip
        } else {
            python::python
        }));
    }
    if packages::has_runtime(machine, name) {
        return Some(Kind::Plain(packages::runtime));
    }
    if !machine.inside.shell {
        return None;
    }
    let manager: Option<Program> = match name {
        "dpkg" | "dpkg-query" => Some(packages::dpkg),
        "apk" => Some(packages::apk),
        "rpm" => Some(packages::rpm),
        _ => None,
    };
    if let Some(program) = manager.filter(|_| packages::has(machine, name)) {
        return Some(Kind::Plain(program));
    }
    if SPECIAL.contains(&name) || is_shell(machine, name) {
        return Some(Kind::Special);
    }
    let at = COMMON.binary_search_by(|(known, _)| known.cmp(&name)).ok()?;
    COMMON.get(at).map(|(_, program)| Kind::Plain(*program))
}

fn is_python(name: &str) -> bool {
    let numbered = |rest: &str| rest.chars().all(|c| c.is_ascii_digit() || c == '.');
    name.strip_prefix("python").is_some_and(numbered) || name.strip_prefix("pip").is_some_and(numbered)
}

fn is_shell(machine: &Machine, name: &str) -> bool {
    match name {
        "sh" => true,
        "ash" => machine.family() == Family::Alpine,
        "dash" => machine.family() == Family::Debian,
        "bash" => machine.family() != Family::Alpine || machine.inside.os_packages.contains_key("bash"),
        _ => false,
    }
}

/// The path of a file of this name in the folders of PATH.
fn in_path(machine: &Machine, name: &str) -> Option<String> {
    let path = machine.variable("PATH").unwrap_or_default();
    path.split(':')
        .map(|folder| format!("{folder}/{name}"))
        .find(|path| machine.is_file(path))
}

/// Where `which` finds a program.
pub fn place(machine: &Machine, name: &str) -> Option<String> {
    if name.contains('/') {
        return kind(machine, name).map(|_| name.to_owned());
    }
    if let Some(found) = in_path(machine, name) {
        return Some(found);
    }
    by_name(machine, name)?;
    let local = is_python(name) || packages::runtime_names().any(|known| known == name);
    let folder = match () {
        () if local => "/usr/local/bin",
        () if machine.family() == Family::Alpine => "/bin",
        () => "/usr/bin",
    };
    Some(format!("{folder}/{name}"))
}

/// All names that can be completed, in order.
pub fn names(machine: &Machine) -> Vec<String> {
    let common = COMMON.iter().map(|(name, _)| *name).chain(SPECIAL.iter().copied());
    let images = ["apk", "bash", "dpkg", "pip", "pip3", "python", "python3", "rpm"]
        .into_iter()
        .chain(packages::runtime_names());
    let mut names: Vec<String> = common
        .chain(images)
        .filter(|name| by_name(machine, name).is_some())
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

#[expect(clippy::unnecessary_wraps, reason = "a program like the others")]
fn nothing(_: &mut Call<'_>) -> Ended {
    Ok(0)
}

#[expect(clippy::unnecessary_wraps, reason = "a program like the others")]
fn failure(_: &mut Call<'_>) -> Ended {
    Ok(1)
}

fn base64(call: &mut Call<'_>) -> Ended {
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;
    let Some(options) = call.options(&["d", "D", "i", "w:", "decode"]) else {
        return Ok(1);
    };
    let (contents, status) = call.read_all(&options.operands)?;
    let content: Vec<u8> = contents.into_iter().flat_map(|(_, content)| content).collect();
    if ["d", "D", "decode"].iter().any(|name| options.has(name)) {
        let text: Vec<u8> = content.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let Ok(decoded) = STANDARD.decode(text) else {
            call.complain("invalid input");
            return Ok(1);
        };
        call.out(decoded);
        return Ok(status);
    }
    let encoded = STANDARD.encode(content);
    let wide = options
        .value(&["w"])
        .and_then(|wide| wide.parse().ok())
        .unwrap_or(76_usize);
    if wide == 0 {
        call.out(encoded);
        return Ok(status);
    }
    for line in encoded.as_bytes().chunks(wide) {
        call.line(line);
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_for_the_search() {
        assert!(COMMON.is_sorted_by_key(|(name, _)| *name));
    }
}
