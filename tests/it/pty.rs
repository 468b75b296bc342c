//! The real binary in a pseudo-terminal: what a person sees, and the state in which the terminal is given back.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use alacritty_terminal::term::TermMode;
use rustix::process::{Signal, kill_process};

use crate::terminal::Terminal;

const KONTRAST: &str = env!("CARGO_BIN_EXE_kontrast");

/// Modes that a program may set and has to take back.
const OURS: TermMode = TermMode::ALT_SCREEN
    .union(TermMode::BRACKETED_PASTE)
    .union(TermMode::MOUSE_MODE)
    .union(TermMode::SGR_MOUSE);

fn start(args: &[&str], size: (u16, u16)) -> Terminal {
    // A folder of its own: the keymap and the kubeconfig of whoever runs the tests are not part of them.
    let home = env!("CARGO_TARGET_TMPDIR");
    let env = [
        ("KONTRAST_CONFIG_DIR", home),
        ("KUBECONFIG", "/nonexistent/kubeconfig"),
        ("NO_COLOR", ""),
        ("HOME", home),
    ];
    Terminal::start(KONTRAST, args, &env, size)
}

fn demo() -> Terminal {
    let mut terminal = start(&["demo"], (200, 50));
    terminal.until_shows("prod");
    terminal
}

#[track_caller]
fn assert_given_back(terminal: &Terminal) {
    assert!(
        !terminal.mode().intersects(OURS),
        "left on: {:?}",
        terminal.mode() & OURS
    );
    assert!(
        terminal.mode().contains(TermMode::SHOW_CURSOR),
        "the cursor stays hidden"
    );
    assert!(terminal.is_cooked(), "the terminal stays in raw mode");
}

fn shows_the_story(terminal: &Terminal) -> bool {
    terminal
        .rows()
        .iter()
        .any(|row| row.contains("only prod") && row.contains("ModuleNotFoundError"))
}

#[test]
fn the_demo_says_within_ten_seconds_that_only_prod_lacks_a_module() {
    // The machine may be busy with the other tests: one of three must make it.
    let mut times = Vec::new();
    for _ in 0..3 {
        let mut terminal = start(&["demo"], (200, 50));
        terminal.until("a first frame", |terminal| {
            terminal.mode().contains(TermMode::ALT_SCREEN) && !terminal.screen().trim().is_empty()
        });
        let waited = terminal.until("only prod beside ModuleNotFoundError", shows_the_story);
        if waited < Duration::from_secs(10) {
            return;
        }
        times.push(waited);
    }
    panic!("it took {times:?}");
}

#[test]
fn quitting_gives_the_terminal_back() {
    let mut terminal = demo();
    assert!(terminal.mode().contains(TermMode::ALT_SCREEN));
    assert!(!terminal.is_cooked());
    terminal.send(b":q\r");
    assert_eq!(terminal.until_ended().code(), Some(0));
    assert_given_back(&terminal);
}

#[test]
fn a_termination_signal_gives_the_terminal_back() {
    let mut terminal = demo();
    kill_process(terminal.pid(), Signal::TERM).unwrap();
    assert_eq!(terminal.until_ended().code(), Some(143));
    assert_given_back(&terminal);
}

/// A terminal that takes no more is no reason to stay.
#[test]
fn a_termination_signal_ends_what_cannot_write() {
    let mut terminal = demo();
    terminal.choke(b'L' - b'@');
    kill_process(terminal.pid(), Signal::TERM).unwrap();
    assert_eq!(terminal.until_ended_unread().code(), Some(143));
}

#[test]
fn a_stop_signal_gives_the_terminal_back_until_it_continues() {
    let mut terminal = demo();
    kill_process(terminal.pid(), Signal::TSTP).unwrap();
    terminal.until_stopped();
    assert_given_back(&terminal);
    kill_process(terminal.pid(), Signal::CONT).unwrap();
    terminal.until("the screen again", |terminal| {
        terminal.mode().contains(TermMode::ALT_SCREEN) && terminal.screen().contains("prod")
    });
    assert!(!terminal.is_cooked());
}

#[test]
fn ctrl_z_stops_as_in_any_program() {
    let mut terminal = demo();
    terminal.send(b"\x1a");
    terminal.until_stopped();
    assert_given_back(&terminal);
    kill_process(terminal.pid(), Signal::CONT).unwrap();
    terminal.until("the screen again", |terminal| {
        terminal.mode().contains(TermMode::ALT_SCREEN) && terminal.screen().contains("prod")
    });
}

/// Not a test by itself: the next one runs it in a terminal.
#[test]
#[ignore = "panics on purpose; run by the test below"]
fn panic_while_the_terminal_is_taken() {
    let _guard = kontrast::term::guard::Guard::enter().unwrap();
    panic!("on purpose");
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_printed() {
    let tests = std::env::current_exe().unwrap();
    let args = [
        "--exact",
        "pty::panic_while_the_terminal_is_taken",
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ];
    let mut terminal = Terminal::start(tests.to_str().unwrap(), &args, &[], (120, 40));
    terminal.until_ended();
    assert!(
        terminal.written.windows(8).any(|bytes| bytes == b"\x1b[?1049h"),
        "it never took the terminal"
    );
    assert!(terminal.screen().contains("on purpose"), "{}", terminal.screen());
    assert_given_back(&terminal);
}

#[test]
fn every_size_is_survived_and_a_tiny_one_says_so() {
    let mut terminal = demo();
    for (cols, rows) in [
        (120, 40),
        (80, 24),
        (40, 10),
        (200, 50),
        (3, 2),
        (1, 1),
        (61, 17),
        (40, 10),
    ] {
        terminal.resize(cols, rows);
    }
    terminal.until_shows("prod");
    terminal.resize(30, 8);
    terminal.until_shows("40x10");
    terminal.resize(200, 50);
    terminal.until("the contrast again", shows_the_story);
}

#[test]
fn the_same_through_a_kubeconfig() {
    let file = kubeconfig_path("pty");
    let path = file.to_str().unwrap();
    let mut server = start(&["demo", "--serve", "--write-kubeconfig", path], (100, 20));
    server.until_shows("export KUBECONFIG=");
    let args = ["--kubeconfig", path, "--context", "dev,staging,prod", "-n", "shop"];
    let mut terminal = start(&args, (200, 50));
    terminal.until("only prod beside ModuleNotFoundError", shows_the_story);
    terminal.send(b":q\r");
    assert_eq!(terminal.until_ended().code(), Some(0));
    kill_process(server.pid(), Signal::TERM).unwrap();
    assert_eq!(server.until_ended().code(), Some(0));
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    let mut terminal = start(&["demo", "--scenario", "quiet"], (200, 50));
    terminal.until("three live clusters", |terminal| {
        terminal.screen().matches("live 2/2").count() == 3
    });
    // Ages and rates of the start settle; what is left is a line every two minutes.
    terminal.watch(Duration::from_secs(8));
    let before = terminal.arrivals.len();
    terminal.watch(Duration::from_secs(4));
    let frames = terminal.arrivals.len() - before;
    assert!(frames <= 2, "{frames} writes in four quiet seconds");
}

#[test]
fn a_shell_runs_in_a_pane_and_gives_the_keys_back() {
    let mut terminal = start(&["demo", "--scenario", "quiet"], (160, 45));
    terminal.until("three live clusters", |terminal| {
        terminal.screen().matches("live 2/2").count() == 3
    });
    // The pods of the first workload, the first of them, a shell in it.
    terminal.send(b"2 j");
    terminal.until_shows("Running");
    terminal.send(b"s");
    terminal.until("a prompt", |terminal| {
        terminal
            .rows()
            .iter()
            .any(|row| row.ends_with('#') || row.ends_with('$'))
    });
    terminal.send(b"echo sum-$((6*7)); stty size\r");
    terminal.until_shows("sum-42");
    // `q` and `:` are typed, not obeyed.
    terminal.send(b"echo q:?\r");
    terminal.until("the words typed", |terminal| {
        terminal.rows().iter().any(|row| row.trim_end().ends_with("q:?"))
    });
    // The one way out, and back in.
    terminal.send(b"\x1d");
    terminal.until_shows("i type");
    terminal.send(b"i");
    terminal.until("typing again", |terminal| !terminal.screen().contains("i type"));
    terminal.send(b"exit 3\r");
    terminal.until_shows("exited 3");
    terminal.send(b"q");
    terminal.until("the pane is gone", |terminal| !terminal.screen().contains("exited 3"));
    terminal.send(b":q\r");
    assert_eq!(terminal.until_ended().code(), Some(0));
}

#[test]
fn a_hostile_log_reaches_the_terminal_only_as_text() {
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/data/hostile.toml");
    let mut terminal = start(&["demo", "--scenario", scenario], (160, 45));
    for shown in [
        "harmless line",
        "unterminated",
        "clipboard",
        "modes",
        "device",
        "<U+202E>",
        "<U+200B>",
        "␛]0;pwned",
    ] {
        terminal.until_shows(shown);
    }
    terminal.send(b":q\r");
    terminal.until_ended();
    assert_given_back(&terminal);
    // OSC, DCS, APC, PM, 8-bit CSI, charset shifts, a full reset, a question for the cursor: none of them is ours.
    let foreign: [&[u8]; 9] = [
        b"\x1b]",
        b"\x1bP",
        b"\x1b_",
        b"\x1b^",
        b"\xc2\x9b",
        b"\x0e",
        b"\x1b(0",
        b"\x1bc",
        b"\x1b[6n",
    ];
    for sequence in foreign {
        let found = terminal.written.windows(sequence.len()).any(|bytes| bytes == sequence);
        assert!(!found, "{:?} reached the terminal", String::from_utf8_lossy(sequence));
    }
}

#[test]
fn a_wrong_keymap_in_the_configuration_folder_is_told_and_the_program_starts() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("keymap.toml"), "[logs]\n\"z\" = \"zoomm\"\n").unwrap();
    let env = [("KONTRAST_CONFIG_DIR", dir.path().to_str().unwrap()), ("NO_COLOR", "")];
    let mut terminal = Terminal::start(KONTRAST, &["demo", "--scenario", "quiet"], &env, (160, 45));
    terminal.until_shows("keymap.toml:2:7: unknown command \"zoomm\"");
    terminal.until_shows("live 2/2");
}

fn kubeconfig_path(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("kubeconfig-{name}-{}", std::process::id()));
    // A leftover of an earlier run with the same process id; usually there is none.
    drop(fs::remove_file(&path));
    path
}

/// Not a check but a tool: `cargo test --release screenshot -- --ignored` makes the picture of README.
#[test]
#[ignore = "writes screenshots/demo.svg"]
fn make_the_screenshot() {
    let mut terminal = start(&["demo"], (180, 46));
    terminal.until("only prod beside ModuleNotFoundError", shows_the_story);
    terminal.watch(Duration::from_secs(8));
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("screenshots");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("demo.svg"), crate::screenshot::svg(&terminal)).unwrap();
}

/// Not a check but a tool: `cargo test --release figures -- --ignored --nocapture` prints the figures of README.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "prints figures, and takes a minute"]
fn figures() {
    let mut first_frames: Vec<Duration> = (0..9).map(|_| first_frame()).collect();
    first_frames.sort();
    println!(
        "first frame after the start, median of 9: {:.1} ms",
        first_frames[4].as_secs_f64() * 1e3
    );
    for (scenario, what) in [
        ("quiet", "three quiet clusters"),
        ("works-in-staging", "about 45 lines/s"),
        ("flood", "100,000 lines/s"),
    ] {
        let mut terminal = start(&["demo", "--scenario", scenario], (200, 50));
        terminal.until_shows("live");
        terminal.watch(Duration::from_secs(10));
        let (before, writes) = (cpu_seconds(&terminal), terminal.arrivals.len());
        terminal.watch(Duration::from_secs(20));
        let cpu = (cpu_seconds(&terminal) - before) / 20.0 * 100.0;
        let writes = terminal.arrivals.len() - writes;
        println!(
            "{scenario} ({what}), with its clusters, over 20 s: {cpu:.1} % of a core, {writes} writes to the terminal"
        );
    }
    let mut terminal = start(&["demo"], (200, 50));
    let waited = terminal.until("only prod beside ModuleNotFoundError", shows_the_story);
    println!("only prod with ModuleNotFoundError after {:.1} s", waited.as_secs_f64());
}

#[cfg(target_os = "linux")]
fn first_frame() -> Duration {
    let mut terminal = start(&["demo"], (200, 50));
    terminal.until("a first frame", |terminal| terminal.screen().contains("connecting"))
}

/// User and system time of the program so far.
#[cfg(target_os = "linux")]
fn cpu_seconds(terminal: &Terminal) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", terminal.pid().as_raw_nonzero())).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // Fields 14 and 15 of proc(5), in ticks of 10 ms.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
