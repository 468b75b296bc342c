//! Programs that tell about the system: `env`, `ps`, `id`, `date`, `df`, `stty`, `nslookup` … Figures follow from the container.

use super::call::{Call, Ended, Size};
use super::listing::human;
use crate::demo::clock::{rfc3339, strftime};

/// The process number of the session's first process; process 1 is the container's own.
pub const FIRST_PROCESS: u32 = 7;

/// The node's memory and disk in KiB: the embedded nodes are all alike.
const MEMORY: usize = 8 << 20;
const DISK: usize = 100 << 20;
const PROCESSORS: &str = "4";
const KERNEL: &str = "6.1.0-28-amd64";

pub fn printenv(call: &mut Call<'_>) -> Ended {
    if call.words.is_empty() {
        let all = call.machine.environment_text();
        call.out(all);
        return Ok(0);
    }
    let mut status = 0;
    for name in call.words {
        let value = call
            .machine
            .environment()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.to_owned());
        match value {
            Some(value) => call.line(value),
            None => status = 1,
        }
    }
    Ok(status)
}

pub fn ps(call: &mut Call<'_>) -> Ended {
    let words = call.words.concat();
    let full = words.contains('f') && words.contains('-');
    let long = words.contains('u') && !words.contains('-');
    let user = call.machine.user_name();
    let started = call.machine.inside.started;
    let own = [call.name, &call.words.join(" ")].join(" ").trim_end().to_owned();
    let processes = [
        (1, 0, started, call.machine.inside.command.join(" ")),
        (FIRST_PROCESS, 0, call.machine.seconds(), "sh".to_owned()),
        (FIRST_PROCESS + 1, FIRST_PROCESS, call.machine.seconds(), own),
    ];
    let terminal = if call.terminal.is_some() { "pts/0" } else { "?" };
    call.line(if full {
        "UID          PID    PPID  C STIME TTY          TIME CMD"
    } else if long {
        "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND"
    } else {
        "    PID TTY          TIME CMD"
    });
    for (id, above, since, command) in processes {
        let tty = if id == 1 { "?" } else { terminal };
        let start = strftime("%H:%M", since.saturating_mul(1_000_000_000)).unwrap_or_default();
        call.line(if full {
            format!("{user:<8} {id:>7} {above:>7}  0 {start} {tty:<8} 00:00:00 {command}")
        } else if long {
            format!("{user:<8} {id:>7}  0.0  0.0   2580   904 {tty:<8} S    {start:>5}   0:00 {command}")
        } else {
            let short = command.split(' ').next().unwrap_or_default();
            format!("{id:>7} {tty:<8} 00:00:00 {}", super::tree::base(short))
        });
    }
    Ok(0)
}

pub fn id(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["u", "g", "n", "G", "r"]) else {
        return Ok(1);
    };
    let (number, name) = (call.machine.user_id(), call.machine.user_name());
    if options.has("u") || options.has("g") || options.has("G") {
        call.line(if options.has("n") { name } else { number.to_string() });
        return Ok(0);
    }
    let shown = if name.parse::<u32>().is_ok() {
        number.to_string()
    } else {
        format!("{number}({name})")
    };
    call.line(format!("uid={shown} gid={shown} groups={shown}"));
    Ok(0)
}

pub fn whoami(call: &mut Call<'_>) -> Ended {
    let name = call.machine.user_name();
    if name.parse::<u32>().is_ok() {
        call.complain(format!("cannot find name for user ID {name}"));
        return Ok(1);
    }
    call.line(name);
    Ok(0)
}

pub fn hostname(call: &mut Call<'_>) -> Ended {
    let name = call.machine.inside.hostname.clone();
    call.line(name);
    Ok(0)
}

pub fn uname(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["a", "s", "n", "r", "v", "m", "p", "o"]) else {
        return Ok(1);
    };
    let host = call.machine.inside.hostname.clone();
    let fields = [
        ("s", "Linux"),
        ("n", &host),
        ("r", KERNEL),
        ("v", "#1 SMP PREEMPT_DYNAMIC"),
        ("m", "x86_64"),
        ("o", "GNU/Linux"),
    ];
    let none = call.words.is_empty();
    let shown = fields
        .iter()
        .filter(|(name, _)| options.has("a") || options.has(name) || (none && *name == "s"));
    let shown: Vec<&str> = shown.map(|(_, value)| *value).collect();
    call.line(shown.join(" "));
    Ok(0)
}

pub fn date(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["u", "R", "I", "d:", "iso-8601:"]) else {
        return Ok(1);
    };
    let nanos = call.machine.nanos();
    let format = options.operands.iter().find_map(|word| word.strip_prefix('+'));
    let text = match format {
        Some(format) => strftime(
            &format.replace("%N", &format!("{:09}", nanos.rem_euclid(1_000_000_000))),
            nanos,
        ),
        None if options.has("I") => strftime("%Y-%m-%d", nanos),
        None if options.has("iso-8601") => Some(rfc3339(nanos)),
        None if options.has("R") => strftime("%a, %d %b %Y %H:%M:%S +0000", nanos),
        None => strftime("%a %b %e %H:%M:%S UTC %Y", nanos),
    };
    match text {
        Some(text) => call.line(text),
        None => call.complain("invalid format"),
    }
    Ok(0)
}

pub fn tty(call: &mut Call<'_>) -> Ended {
    let (text, status) = if call.terminal.is_some() {
        ("/dev/pts/0", 0)
    } else {
        ("not a tty", 1)
    };
    call.line(text);
    Ok(status)
}

pub fn stty(call: &mut Call<'_>) -> Ended {
    let Some(size) = call.terminal else {
        call.complain("'standard input': Inappropriate ioctl for device");
        return Ok(1);
    };
    match call.words.first().map(String::as_str) {
        Some("size") => call.line(format!("{} {}", size.rows, size.columns)),
        Some("-a") => call.line(format!(
            "speed 38400 baud; rows {}; columns {}; line = 0;\nintr = ^C; erase = ^?; kill = ^U; eof = ^D;",
            size.rows, size.columns
        )),
        // Settings are taken and change nothing: the line editor brings its own.
        Some(_) => {}
        None => call.line("speed 38400 baud; line = 0;"),
    }
    Ok(0)
}

pub fn clear(call: &mut Call<'_>) -> Ended {
    call.out("\u{1b}[H\u{1b}[2J\u{1b}[3J");
    Ok(0)
}

pub fn tput(call: &mut Call<'_>) -> Ended {
    let size = call.terminal.unwrap_or(Size { columns: 80, rows: 24 });
    let words: Vec<&str> = call.words.iter().map(String::as_str).collect();
    let text = match words.as_slice() {
        ["cols"] => format!("{}\n", size.columns),
        ["lines"] => format!("{}\n", size.rows),
        ["colors"] => "8\n".to_owned(),
        ["clear"] => "\u{1b}[H\u{1b}[2J".to_owned(),
        ["bold"] => "\u{1b}[1m".to_owned(),
        ["smul"] => "\u{1b}[4m".to_owned(),
        ["rev"] => "\u{1b}[7m".to_owned(),
        ["sgr0"] => "\u{1b}(B\u{1b}[m".to_owned(),
        ["smcup"] => "\u{1b}[?1049h".to_owned(),
        ["rmcup"] => "\u{1b}[?1049l".to_owned(),
        ["setaf", colour] => format!("\u{1b}[3{colour}m"),
        ["setab", colour] => format!("\u{1b}[4{colour}m"),
        [] => {
            call.err("usage: tput capname [parameters]\n");
            return Ok(2);
        }
        [name, ..] => {
            call.complain(format!("unknown terminfo capability '{name}'"));
            return Ok(4);
        }
    };
    call.out(text);
    Ok(0)
}

pub fn df(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["h", "k", "T", "a", "P"]) else {
        return Ok(1);
    };
    let used = call.machine.tree.total("/").div_ceil(1024);
    let size = |kilobytes: usize| {
        if options.has("h") {
            human(kilobytes * 1024)
        } else {
            kilobytes.to_string()
        }
    };
    let title = if options.has("h") { "Size" } else { "1K-blocks" };
    let percent = (used * 100).div_ceil(DISK);
    let row = |cells: [&str; 6]| {
        format!(
            "{:<14} {:>10} {:>9} {:>9} {:>4} {}",
            cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]
        )
    };
    let overlay = row([
        "overlay",
        &size(DISK),
        &size(used),
        &size(DISK - used),
        &format!("{percent}%"),
        "/",
    ]);
    let shm = row(["tmpfs", &size(65536), "0", &size(65536), "0%", "/dev/shm"]);
    call.line(row(["Filesystem", title, "Used", "Available", "Use%", "Mounted on"]));
    call.line(overlay);
    call.line(shm);
    Ok(0)
}

pub fn free(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["h", "m", "k", "g"]) else {
        return Ok(1);
    };
    let size = |kilobytes: usize| match () {
        () if options.has("h") => format!("{}i", human(kilobytes * 1024)),
        () if options.has("m") => (kilobytes / 1024).to_string(),
        () if options.has("g") => (kilobytes >> 20).to_string(),
        () => kilobytes.to_string(),
    };
    let used = MEMORY / 4;
    let text = format!(
        "{:<7} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}\n{:<7} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}\n{:<7} {:>11} {:>11} {:>11}\n",
        "",
        "total",
        "used",
        "free",
        "shared",
        "buff/cache",
        "available",
        "Mem:",
        size(MEMORY),
        size(used),
        size(MEMORY / 2),
        size(0),
        size(MEMORY / 4),
        size(MEMORY - used),
        "Swap:",
        size(0),
        size(0),
        size(0),
    );
    call.out(text);
    Ok(0)
}

pub fn uptime(call: &mut Call<'_>) -> Ended {
    let up = call
        .machine
        .seconds()
        .saturating_sub(call.machine.inside.started)
        .max(0);
    let clock = strftime("%H:%M:%S", call.machine.nanos()).unwrap_or_default();
    let (days, hours, minutes) = (up / 86_400, up / 3600 % 24, up / 60 % 60);
    let days = if days > 0 {
        format!("{days} days, ")
    } else {
        String::new()
    };
    call.line(format!(
        " {clock} up {days}{hours:>2}:{minutes:02},  0 users,  load average: 0.00, 0.00, 0.00"
    ));
    Ok(0)
}

pub fn nproc(call: &mut Call<'_>) -> Ended {
    call.line(PROCESSORS);
    Ok(0)
}

/// `kill`: process 1 ignores what it has no handler for, and nothing else runs here.
pub fn kill(call: &mut Call<'_>) -> Ended {
    let targets = call.words.iter().filter(|word| !word.starts_with('-'));
    let mut status = 0;
    for target in targets.cloned().collect::<Vec<_>>() {
        match target.parse::<u32>() {
            Ok(1 | FIRST_PROCESS) => {}
            Ok(_) => {
                call.complain(format!("({target}) - No such process"));
                status = 1;
            }
            Err(_) => {
                call.complain(format!("illegal pid: {target}"));
                status = 1;
            }
        }
    }
    Ok(status)
}

pub fn pgrep(call: &mut Call<'_>) -> Ended {
    let command = call.machine.inside.command.join(" ");
    let wanted = call.words.iter().filter(|word| !word.starts_with('-'));
    let found = wanted.into_iter().any(|word| command.contains(word.as_str()));
    if found {
        call.line("1");
    }
    Ok(i32::from(!found))
}

/// Addresses of a name: `/etc/hosts`, then the service variables that the kubelet sets (`API_SERVICE_HOST`).
fn addresses(call: &Call<'_>, name: &str) -> Vec<String> {
    let hosts = call
        .machine
        .tree
        .read("/etc/hosts")
        .map(String::from_utf8_lossy)
        .unwrap_or_default();
    let in_file = hosts.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next()?;
        words.any(|word| word == name).then(|| address.to_owned())
    });
    let found: Vec<String> = in_file.collect();
    if !found.is_empty() {
        return found;
    }
    let service = name.split('.').next().unwrap_or(name).to_uppercase().replace('-', "_");
    let address = call.machine.inside.env.get(&format!("{service}_SERVICE_HOST"));
    address.cloned().into_iter().collect()
}

pub fn getent(call: &mut Call<'_>) -> Ended {
    let words: Vec<&str> = call.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["hosts" | "ahosts" | "ahostsv4", name] => {
            let found = addresses(call, name);
            for address in &found {
                call.line(format!("{address:<15} {name}"));
            }
            Ok(if found.is_empty() { 2 } else { 0 })
        }
        ["passwd", rest @ ..] => {
            let text = call
                .machine
                .tree
                .read("/etc/passwd")
                .map(String::from_utf8_lossy)
                .unwrap_or_default()
                .into_owned();
            let wanted = |line: &&str| rest.is_empty() || rest.iter().any(|name| line.starts_with(&format!("{name}:")));
            let found: Vec<&str> = text.lines().filter(wanted).collect();
            for line in &found {
                call.line(line);
            }
            Ok(if found.is_empty() { 2 } else { 0 })
        }
        _ => {
            call.err("Usage: getent [OPTION...] database [key ...]\n");
            Ok(1)
        }
    }
}

pub fn nslookup(call: &mut Call<'_>) -> Ended {
    let Some(name) = call.words.first() else {
        call.err("Usage: nslookup HOST\n");
        return Ok(1);
    };
    let resolver = call
        .machine
        .tree
        .read("/etc/resolv.conf")
        .map(String::from_utf8_lossy)
        .unwrap_or_default()
        .into_owned();
    let server = resolver
        .lines()
        .find_map(|line| line.strip_prefix("nameserver "))
        .unwrap_or("10.96.0.10")
        .to_owned();
    call.out(format!("Server:\t\t{server}\nAddress:\t{server}#53\n\n"));
    let found = addresses(call, name);
    for address in &found {
        call.out(format!("Name:\t{name}\nAddress: {address}\n"));
    }
    if found.is_empty() {
        call.line(format!("** server can't find {name}: NXDOMAIN"));
    }
    call.out("\n");
    Ok(i32::from(found.is_empty()))
}
