//! `kontrast patterns` and `kontrast contrast --from`: logs in files, output and exit status as a pipeline sees them.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::served::{check_refused, kontrast, text};

fn fed(args: &[&str], input: &[u8]) -> Output {
    let mut child = kontrast(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[track_caller]
fn printed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "nothing is said without a terminal");
    text(&output.stdout)
}

const PUMPS: &str = "2026-03-04 08:00:00,101 INFO pump 7 started\n\
    2026-03-04 08:00:01,102 INFO pump 12 started\n\
    \n\
    2026-03-04 08:00:02,103 ERROR valve 3 is stuck\n\
    Traceback (most recent call last):\n  File \"/app/valve.py\", line 3, in open\nRuntimeError: stuck\n";

#[test]
fn patterns_of_standard_input_as_text() {
    let shown = printed(&fed(&["patterns"], PUMPS.as_bytes()));
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[1].ends_with("info   pump <*> started"), "{shown}");
    assert!(lines[1].trim_start().starts_with("2   66.7 %"), "{shown}");
    assert!(lines[2].contains("ERROR") && lines[2].contains("stuck"), "{shown}");
    assert_eq!(lines.last(), Some(&"7 lines, 3 records, 2 patterns"));
    assert_eq!(printed(&fed(&["patterns", "-"], PUMPS.as_bytes())), shown);
}

#[test]
fn rows_run_on_over_the_files_and_name_merged_patterns_alike() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one.log"), dir.path().join("two.log"));
    let names = [
        "oak", "elm", "fir", "yew", "ash", "box", "bay", "fig", "gum", "nut", "tea", "may",
    ];
    let mut visits = String::new();
    for name in names {
        writeln!(visits, "level=info msg=\"the forester visited the tree {name} today\"").unwrap();
    }
    fs::write(&one, &visits).unwrap();
    fs::write(&two, PUMPS).unwrap();
    let files = [one.to_str().unwrap(), two.to_str().unwrap()];
    let rows = printed(
        &kontrast(&["patterns", "-o", "tsv", files[0], files[1]])
            .output()
            .unwrap(),
    );
    let rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split('\t').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 5));
    let first_lines: Vec<_> = rows.iter().map(|row| row[0].parse::<usize>().unwrap()).collect();
    assert_eq!(first_lines, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16]);
    assert_eq!((rows[13][1], rows[14][1], rows[14][2]), ("2", "4", "error"));
    assert!(
        rows[..12].iter().all(|row| row[3] == rows[11][3]),
        "one pattern: {rows:?}"
    );

    let rows = printed(
        &kontrast(&["patterns", "--no-join", "-o", "tsv", files[1]])
            .output()
            .unwrap(),
    );
    assert_eq!(rows.lines().count(), 7, "{rows}");

    let json = printed(
        &kontrast(&["patterns", "-o", "json", files[0], files[1]])
            .output()
            .unwrap(),
    );
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json[0]["count"], &json[0]["first_line"], &json[0]["last_line"]),
        (&12.into(), &1.into(), &12.into())
    );
    assert_eq!(json[0]["example"], visits.lines().next().unwrap());
    assert!(json.as_array().unwrap().iter().all(|pattern| pattern["id"].is_u64()));
}

#[test]
fn the_wrapping_of_saved_logs_is_taken_off_per_file() {
    let dir = tempfile::tempdir().unwrap();
    let at = "2026-03-04T08:00:00.123456789Z";
    let files = [
        ("kubelet", format!("{at} pump 7 started\n{at} pump 8 started\n")),
        ("cri", format!("{at} stdout P pump 9\n{at} stdout F  started\n")),
        (
            "docker",
            format!("{{\"log\":\"pump 10 started\\n\",\"stream\":\"stdout\",\"time\":\"{at}\"}}\n"),
        ),
        ("plain", "pump 11 started\n".to_owned()),
    ];
    let mut command = kontrast(&["patterns", "-o", "json"]);
    for (name, lines) in files {
        let path = dir.path().join(name);
        fs::write(&path, lines).unwrap();
        command.arg(path);
    }
    let json: Value = serde_json::from_str(&printed(&command.output().unwrap())).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 1, "{json}");
    assert_eq!((&json[0]["count"], &json[0]["last_line"]), (&5.into(), &6.into()));
}

#[test]
fn any_bytes_are_a_log() {
    let mut input = b"\x00\xff\xfe\x1b[2J\r\n".repeat(3);
    input.extend(vec![b'x'; 600_000]);
    let rows = printed(&fed(&["patterns", "-o", "tsv"], &input));
    assert_eq!(
        rows.lines()
            .map(|row| row.split('\t').nth(1).unwrap().parse::<u32>().unwrap())
            .sum::<u32>(),
        4
    );
    assert!(!rows.contains('\u{1b}') && !rows.contains('\0'));
    assert_eq!(printed(&fed(&["patterns"], b"")), "0 lines, 0 records, 0 patterns\n");
    assert_eq!(printed(&fed(&["patterns", "-o", "json"], b"")), "[]\n");
}

#[test]
fn what_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, packed) = (dir.path().to_str().unwrap(), dir.path().join("old.log.gz"));
    fs::write(&packed, [0x1f, 0x8b, 8, 0]).unwrap();
    check_refused(
        &kontrast(&["patterns", folder]).output().unwrap(),
        &[folder, "is a directory"],
    );
    check_refused(
        &kontrast(&["patterns", "/nowhere/x.log"]).output().unwrap(),
        &["/nowhere/x.log", "No such file"],
    );
    let packed = packed.to_str().unwrap();
    check_refused(
        &kontrast(&["patterns", packed]).output().unwrap(),
        &[packed, "compressed"],
    );
    check_refused(&fed(&["patterns"], &[0x1f, 0x8b, 8]), &["standard input", "compressed"]);
}

#[test]
fn a_closed_pipe_is_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("many.log");
    // Far more rows than a pipe holds.
    fs::write(&path, PUMPS.repeat(20_000)).unwrap();
    let mut child = kontrast(&["patterns", "-o", "tsv", path.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut some = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
}

#[cfg(unix)]
#[test]
fn an_interrupt_prints_what_is_known_and_says_so() {
    use rustix::process::{Pid, Signal, kill_process};

    let mut child = kontrast(&["patterns"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // More than the pipe and the blocks under way hold: when all is written, the program is reading and listens.
    stdin
        .write_all(&"level=info msg=\"pump 7 started\"\n".repeat(40_000).into_bytes())
        .unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut shown = String::new();
    child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(shown.lines().last().unwrap().ends_with(" 1 patterns"), "{shown}");
    drop(stdin);
}

/// Second `n` of the tree, as the kubelet writes it.
fn stamp(n: usize) -> String {
    format!(
        "2026-03-04T{:02}:{:02}:{:02}.123456789Z",
        8 + n / 3600,
        n / 60 % 60,
        n % 60
    )
}

fn put(dir: &Path, place: &str, lines: &str) {
    let path = dir.join(place);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, lines).unwrap();
}

/// Three clusters, one hour, two pods each; only `prod` lacks its module.
fn tree(dir: &Path) {
    for cluster in ["dev", "prod", "staging"] {
        for pod in ["api-7d9c5b6f8d-x2k4v", "api-7d9c5b6f8d-bbqfm"] {
            let mut lines = String::new();
            for n in (0..3600).step_by(5) {
                let at = stamp(n);
                let said = [
                    "order stored as",
                    "the parcel is packed in box",
                    "payment received for invoice",
                    "handed over to driver",
                    "receipt printed with number",
                ];
                for said in said.iter().take(1 + n / 5 % said.len()) {
                    writeln!(lines, "{at} INFO:api:{said} {n}").unwrap();
                }
                if cluster == "prod" && n % 60 == 0 {
                    writeln!(
                        lines,
                        "{at} ERROR:api:order {n} was lost\n{at} Traceback (most recent call last):\n\
                         {at}   File \"/srv/api.py\", line 7, in store\n\
                         {at} ModuleNotFoundError: No module named 'ledger'"
                    )
                    .unwrap();
                }
            }
            put(dir, &format!("{cluster}/shop/{pod}/api.log"), &lines);
        }
    }
}

fn findings(output: &Output) -> Vec<Value> {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn check_only_prod(found: &[Value]) {
    let first = &found[0];
    assert_eq!(
        (&first["verdict"], &first["clusters"][0]),
        (&"only".into(), &"prod".into()),
        "{first}"
    );
    let example = first["pattern_example"].as_str().unwrap();
    assert!(
        example.starts_with("ERROR:api:order 0 was lost\nTraceback") && example.ends_with("'ledger'"),
        "a whole record without the stamps: {example}"
    );
    assert_eq!(first["workload"], "shop/Workload/api");
    assert_eq!(first["cells"]["dev"], "absent");
    let order = found
        .iter()
        .find(|finding| finding["pattern_example"].as_str().unwrap().contains("stored"));
    assert_eq!(order.unwrap()["verdict"], "same");
}

#[test]
fn a_saved_tree_tells_which_cluster_is_broken() {
    let dir = tempfile::tempdir().unwrap();
    tree(&dir.path().join("logs"));
    let from = dir.path().to_str().unwrap();
    check_only_prod(&findings(
        &kontrast(&["contrast", "--from", from, "-o", "json"]).output().unwrap(),
    ));
    let shown = printed(&kontrast(&["contrast", "--from", from]).output().unwrap());
    assert!(shown.starts_with("only prod"), "{shown}");
}

fn coverage(change: impl Fn(String) -> String) -> String {
    let interval = format!("[\"{}\", \"{}\"]", stamp(0), stamp(3600));
    let pods: String = ["api-7d9c5b6f8d-x2k4v", "api-7d9c5b6f8d-bbqfm"]
        .map(|pod| {
            format!(
                "{{\"namespace\": \"shop\", \"pod\": \"{pod}\", \"workload\": \"api\", \"container\": \"api\",\n\
                 \"restarts\": [], \"observed\": [{interval}]}}"
            )
        })
        .join(",\n");
    let cluster = |name: &str| format!("\"{name}\": {{\"connected\": {interval}, \"gaps\": [], \"pods\": [{pods}]}}");
    let clusters = ["dev", "prod", "staging"].map(cluster).join(",\n");
    change(format!("{{\"window\": {interval},\n\"clusters\": {{{clusters}}}}}"))
}

#[test]
fn a_coverage_file_says_what_was_watched() {
    let dir = tempfile::tempdir().unwrap();
    tree(dir.path());
    let from = dir.path().to_str().unwrap();
    let run = |coverage: &str| {
        fs::write(dir.path().join("coverage.json"), coverage).unwrap();
        kontrast(&["contrast", "--from", from, "-o", "json"]).output().unwrap()
    };
    check_only_prod(&findings(&run(&coverage(|text| text))));

    // What was not watched in dev is not claimed to be absent there.
    let unwatched = coverage(|text| {
        let (before, after) = text.split_once("\"gaps\": []").unwrap();
        format!("{before}\"gaps\": [[\"{}\", \"{}\"]]{after}", stamp(0), stamp(3600))
    });
    let found = findings(&run(&unwatched));
    let lost = found
        .iter()
        .find(|finding| finding["pattern_example"].as_str().unwrap().contains("ledger"));
    assert_ne!(lost.unwrap()["cells"]["dev"], "absent");

    let output = run(&coverage(|text| text.replacen("api-7d9c5b6f8d-bbqfm", "other", 1)));
    let told = text(&output.stderr);
    assert!(
        told.contains("bbqfm") && told.contains("not in coverage.json"),
        "{told}"
    );
    assert_eq!(output.status.code(), Some(0));

    check_refused(&run(""), &["coverage.json:1:", "expected"]);
    let wrong = coverage(|text| text.replacen("\"pods\": [", "\"pods\": 3, \"x\": [", 1));
    check_refused(&run(&wrong), &["coverage.json:2:", "a sequence"]);
    let wrong = coverage(|text| text.replacen(&stamp(3600), "noon", 1));
    check_refused(&run(&wrong), &["coverage.json:1:", "noon", "expected an RFC 3339 time"]);
}

#[test]
fn a_tree_that_tells_no_time_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().to_str().unwrap();
    let run = || kontrast(&["contrast", "--from", from]).output().unwrap();
    check_refused(
        &run(),
        &[from, "expected logs as <cluster>/<namespace>/<pod>/<container>.log"],
    );
    put(dir.path(), "dev/shop/api-0/api.log", "started\n");
    check_refused(&run(), &["api.log:1: expected a time"]);
    // The programs' own stamps will do, whatever stands before the first of them.
    put(
        dir.path(),
        "dev/shop/api-0/api.log",
        "started\n2026-03-04 08:00:00,001 INFO ready\n",
    );
    let shown = printed(&run());
    assert!(shown.contains("ready") && shown.contains("started"), "{shown}");
    check_refused(
        &kontrast(&["contrast", "--from", from, "--context", "dev"])
            .output()
            .unwrap(),
        &["cannot be used with"],
    );
}
