//! Programs that list what is installed: `pip`, `dpkg`, `apk`, `rpm`, and `-v` of the image's own runtime.

use super::call::{Call, Ended};
use super::glob;
use super::machine::{Family, Machine};

/// Programs whose version official images keep in a variable: name, variable, what stands before the version.
const RUNTIMES: &[(&str, &str, &str)] = &[
    ("node", "NODE_VERSION", "v"),
    ("nginx", "NGINX_VERSION", "nginx version: nginx/"),
    ("java", "JAVA_VERSION", "openjdk version "),
    ("go", "GOLANG_VERSION", "go version go"),
    ("ruby", "RUBY_VERSION", "ruby "),
    ("redis-server", "REDIS_VERSION", "Redis server v="),
    ("postgres", "PG_VERSION", "postgres (PostgreSQL) "),
    ("php", "PHP_VERSION", "PHP "),
];

/// Whether a runtime of this name is in the image.
pub fn has_runtime(machine: &Machine, name: &str) -> bool {
    let known = RUNTIMES.iter().find(|(known, _, _)| *known == name);
    known.is_some_and(|(_, variable, _)| machine.inside.env.contains_key(*variable))
}

pub fn runtime_names() -> impl Iterator<Item = &'static str> {
    RUNTIMES.iter().map(|(name, _, _)| *name)
}

pub fn runtime(call: &mut Call<'_>) -> Ended {
    let known = RUNTIMES.iter().find(|(known, _, _)| *known == call.name);
    let version =
        known.and_then(|(_, variable, before)| Some((call.machine.inside.env.get(*variable)?.clone(), before)));
    let asked = call
        .words
        .first()
        .is_some_and(|word| matches!(word.as_str(), "-v" | "-V" | "--version" | "-version" | "version"));
    let Some((version, before)) = version.filter(|_| asked) else {
        call.complain("only its version can be asked for in an embedded cluster");
        return Ok(2);
    };
    let text = format!("{before}{version}\n");
    // nginx and java tell their version on standard error.
    if matches!(call.name, "nginx" | "java") {
        call.err(text);
    } else {
        call.out(text);
    }
    Ok(0)
}

/// The name as the package index compares it.
fn normal(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

pub fn pip(call: &mut Call<'_>) -> Ended {
    let words: Vec<&str> = call.words.iter().map(String::as_str).collect();
    let packages = call.machine.inside.packages.clone();
    let mut sorted: Vec<(&str, &str)> = packages
        .iter()
        .map(|(name, version)| (name.as_str(), version.as_str()))
        .collect();
    sorted.sort_by_key(|(name, _)| normal(name));
    match words.as_slice() {
        ["list", "--format=freeze", ..] | ["list", "--format", "freeze", ..] => freeze(call, &sorted),
        ["list", "--format=json", ..] | ["list", "--format", "json", ..] => {
            let items = sorted
                .iter()
                .map(|(name, version)| format!("{{\"name\": \"{name}\", \"version\": \"{version}\"}}"));
            call.line(format!("[{}]", items.collect::<Vec<_>>().join(", ")));
        }
        ["list", ..] => list(call, &sorted),
        ["freeze", ..] => {
            let own: &[&str] = if is_before_3_12(call.machine) {
                &["pip", "setuptools", "wheel", "distribute"]
            } else {
                &["pip"]
            };
            sorted.retain(|(name, _)| !own.contains(name));
            freeze(call, &sorted);
        }
        ["show", "-f", names @ ..] | ["show", names @ ..] => return Ok(show(call, &sorted, names)),
        ["--version" | "-V", ..] => {
            let site = call.machine.site_packages().unwrap_or_default();
            let python = call.machine.python_version();
            let short: Vec<&str> = python.split('.').take(2).collect();
            let version = sorted
                .iter()
                .find(|(name, _)| *name == "pip")
                .map_or("", |(_, version)| version);
            call.line(format!("pip {version} from {site}/pip (python {})", short.join(".")));
        }
        ["install", names @ ..] => return Ok(install(call, names)),
        [] => call.line("\nUsage:   \n  pip <command> [options]"),
        [other, ..] => {
            call.err(format!("ERROR: unknown command \"{other}\"\n"));
            return Ok(1);
        }
    }
    Ok(0)
}

fn is_before_3_12(machine: &Machine) -> bool {
    let version = machine.python_version();
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    minor.is_some_and(|minor| minor < 12)
}

fn freeze(call: &mut Call<'_>, packages: &[(&str, &str)]) {
    for (name, version) in packages {
        call.line(format!("{name}=={version}"));
    }
}

fn list(call: &mut Call<'_>, packages: &[(&str, &str)]) {
    if packages.is_empty() {
        return;
    }
    let wide = packages
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0)
        .max("Package".len());
    let high = packages
        .iter()
        .map(|(_, version)| version.len())
        .max()
        .unwrap_or(0)
        .max("Version".len());
    call.line(format!("{:<wide$} Version", "Package"));
    call.line(format!("{} {}", "-".repeat(wide), "-".repeat(high)));
    for (name, version) in packages {
        call.line(format!("{name:<wide$} {version}"));
    }
}

fn show(call: &mut Call<'_>, packages: &[(&str, &str)], names: &[&str]) -> i32 {
    let site = call.machine.site_packages().unwrap_or_default();
    let found: Vec<_> = packages
        .iter()
        .filter(|(known, _)| names.iter().any(|name| normal(name) == normal(known)))
        .collect();
    let missing = names
        .iter()
        .filter(|name| !packages.iter().any(|(known, _)| normal(name) == normal(known)));
    let missing: Vec<&str> = missing.copied().collect();
    if !missing.is_empty() {
        call.err(format!("WARNING: Package(s) not found: {}\n", missing.join(", ")));
    }
    let shown: Vec<String> = found
        .iter()
        .map(|(name, version)| format!("Name: {name}\nVersion: {version}\nLocation: {site}\n"))
        .collect();
    call.out(shown.join("---\n"));
    i32::from(found.is_empty())
}

/// There is no index to install from; what is there already is said to be.
fn install(call: &mut Call<'_>, names: &[&str]) -> i32 {
    for name in names.iter().filter(|name| !name.starts_with('-')) {
        let wanted = name.split(['=', '<', '>', '~', '!', '[']).next().unwrap_or(name);
        let known = call
            .machine
            .inside
            .packages
            .iter()
            .find(|(known, _)| normal(known) == normal(wanted));
        let Some((known, version)) = known.map(|(known, version)| (known.clone(), version.clone())) else {
            call.err(format!(
                "ERROR: Could not find a version that satisfies the requirement {name} (from versions: none)\nERROR: No matching distribution found for {name}\n"
            ));
            return 1;
        };
        let site = call.machine.site_packages().unwrap_or_default();
        call.line(format!("Requirement already satisfied: {known} in {site} ({version})"));
    }
    0
}

pub fn has(machine: &Machine, name: &str) -> bool {
    match name {
        "dpkg" | "dpkg-query" => machine.family() == Family::Debian,
        "apk" => machine.family() == Family::Alpine,
        "rpm" => machine.family() == Family::RedHat,
        _ => false,
    }
}

pub fn dpkg(call: &mut Call<'_>) -> Ended {
    let words: Vec<&str> = call.words.iter().map(String::as_str).collect();
    let packages = call.machine.inside.os_packages.clone();
    let ours = |patterns: &[&str]| {
        let patterns: Vec<String> = patterns
            .iter()
            .filter(|word| !word.starts_with('-'))
            .map(|word| (*word).to_owned())
            .collect();
        move |name: &str| patterns.is_empty() || patterns.iter().any(|pattern| glob::fits(pattern, name))
    };
    match words.as_slice() {
        ["-l" | "--list", patterns @ ..] => {
            let fits = ours(patterns);
            let shown: Vec<_> = packages.iter().filter(|(name, _)| fits(name)).collect();
            if shown.is_empty() {
                call.err(format!(
                    "dpkg-query: no packages found matching {}\n",
                    patterns.join(" ")
                ));
                return Ok(1);
            }
            list_dpkg(call, &shown);
        }
        ["-W" | "--show", rest @ ..] => {
            let fits = ours(rest);
            for (name, version) in packages.iter().filter(|(name, _)| fits(name)) {
                call.line(format!("{name}\t{version}"));
            }
        }
        ["-s" | "--status", name] => {
            let Some(version) = packages.get(*name) else {
                call.err(format!(
                    "dpkg-query: package '{name}' is not installed and no information is available\n"
                ));
                return Ok(1);
            };
            call.line(format!(
                "Package: {name}\nStatus: install ok installed\nVersion: {version}"
            ));
        }
        _ => {
            call.err("dpkg: error: need an action option\n");
            return Ok(2);
        }
    }
    Ok(0)
}

fn list_dpkg(call: &mut Call<'_>, packages: &[(&String, &String)]) {
    let wide = packages.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(4);
    let high = packages
        .iter()
        .map(|(_, version)| version.len())
        .max()
        .unwrap_or(0)
        .max(7);
    call.out("Desired=Unknown/Install/Remove/Purge/Hold\n| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n");
    call.line(format!("||/ {:<wide$} {:<high$} Architecture", "Name", "Version"));
    call.line(format!("+++-{}-{}-============", "=".repeat(wide), "=".repeat(high)));
    for (name, version) in packages {
        call.line(format!("ii  {name:<wide$} {version:<high$} amd64"));
    }
}

pub fn apk(call: &mut Call<'_>) -> Ended {
    let words: Vec<&str> = call.words.iter().map(String::as_str).collect();
    let packages = call.machine.inside.os_packages.clone();
    match words.as_slice() {
        ["info", "-e", name] => {
            let known = packages.contains_key(*name);
            if known {
                call.line(name);
            }
            return Ok(i32::from(!known));
        }
        ["info", flags @ ..] if flags.iter().all(|flag| flag.starts_with('-')) => {
            for (name, version) in &packages {
                call.line(if flags.iter().any(|flag| flag.contains('v')) {
                    format!("{name}-{version}")
                } else {
                    name.clone()
                });
            }
        }
        ["list", ..] => {
            for (name, version) in &packages {
                call.line(format!("{name}-{version} x86_64 {{{name}}} [installed]"));
            }
        }
        ["info", name, ..] => match packages.get(*name) {
            Some(version) => call.line(format!("{name}-{version} installed")),
            None => return Ok(1),
        },
        _ => {
            call.err("usage: apk [<OPTIONS>...] COMMAND [<ARGUMENTS>...]\n");
            return Ok(1);
        }
    }
    Ok(0)
}

pub fn rpm(call: &mut Call<'_>) -> Ended {
    let words: Vec<&str> = call.words.iter().map(String::as_str).collect();
    let packages = call.machine.inside.os_packages.clone();
    match words.as_slice() {
        ["-qa" | "-q", ..] if words.first() == Some(&"-qa") => {
            for (name, version) in &packages {
                call.line(format!("{name}-{version}"));
            }
            Ok(0)
        }
        ["-q", name] => {
            let version = packages.get(*name);
            call.line(version.map_or_else(
                || format!("package {name} is not installed"),
                |version| format!("{name}-{version}"),
            ));
            Ok(i32::from(version.is_none()))
        }
        _ => {
            call.err("rpm: no arguments given for query\n");
            Ok(1)
        }
    }
}
