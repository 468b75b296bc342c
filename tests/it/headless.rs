//! The commands that need no terminal, as a pipeline runs them: output and exit status.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::served::{Served, check_refused, kontrast, text};

#[test]
fn logs_are_one_object_a_record_from_every_cluster() {
    let served = Served::start("works-in-staging");
    let output = served.run(&[
        "logs",
        "--context",
        "dev,staging,prod",
        "-n",
        "shop",
        "--for",
        "4s",
        "-o",
        "ndjson",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let records: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert!(records.len() > 50, "only {} records", records.len());
    for key in ["cluster", "namespace", "pod", "container", "time", "level", "text"] {
        assert!(
            records.iter().all(|record| record[key].is_string()),
            "{key} is missing somewhere"
        );
    }
    let clusters: BTreeSet<_> = records
        .iter()
        .map(|record| record["cluster"].as_str().unwrap())
        .collect();
    assert_eq!(clusters, BTreeSet::from(["dev", "prod", "staging"]));
    let broken: Vec<_> = records
        .iter()
        .filter(|record| record["text"].as_str().unwrap().contains("ModuleNotFoundError"))
        .collect();
    assert!(!broken.is_empty(), "the traceback is not there");
    for record in broken {
        assert_eq!(record["cluster"], "prod");
        assert_eq!(record["level"], "error");
        assert!(
            record["text"].as_str().unwrap().contains("Traceback"),
            "a traceback is one record: {record}"
        );
    }
    assert!(records.iter().all(|record| record["namespace"] == "shop"));
}

#[test]
fn the_contrast_names_the_cluster_that_is_broken() {
    let served = Served::start("works-in-staging");
    let output = served.run(&[
        "contrast",
        "--context",
        "dev,staging,prod",
        "-n",
        "shop",
        "--for",
        "8s",
        "-o",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let broken: Vec<_> = findings.iter().filter(|finding| finding["verdict"] == "only").collect();
    assert!(!broken.is_empty(), "{}", text(&output.stdout));
    for finding in &broken {
        assert_eq!(finding["clusters"], serde_json::json!(["prod"]), "{finding}");
    }
    let examples: Vec<_> = broken
        .iter()
        .map(|finding| finding["pattern_example"].as_str().unwrap())
        .collect();
    assert!(
        examples.iter().any(|example| example.contains("ModuleNotFoundError")),
        "{examples:?}"
    );
    let all: BTreeMap<_, _> = findings[0]["cells"].as_object().unwrap().iter().collect();
    assert_eq!(all.len(), 3);
}

#[test]
fn a_renamed_workload_is_known_by_the_name_it_is_given() {
    let served = Served::start("works-in-staging");
    let output = served.run(&[
        "contrast",
        "--context",
        "dev,prod",
        "--same",
        "shop/api=shop/projects",
        "--for",
        "4s",
        "-o",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let of = |name: &str| {
        let of_it = |finding: &&Value| {
            finding["workload"]
                .as_str()
                .is_some_and(|workload| workload.ends_with(name))
        };
        findings.iter().filter(of_it).count()
    };
    assert!(of("/projects") > 0, "{}", text(&output.stdout));
    assert_eq!(of("/api"), 0, "{}", text(&output.stdout));
}

#[test]
fn a_cluster_that_cannot_be_reached_is_said_and_the_others_are_printed() {
    let served = Served::start("works-in-staging");
    let whole = std::fs::read_to_string(served.kubeconfig()).unwrap();
    let mut config: Value = serde_saphyr::from_str(&whole).unwrap();
    for cluster in config["clusters"].as_array_mut().unwrap() {
        if cluster["name"] == "staging" {
            // Port 1 of loopback: nobody listens there.
            cluster["cluster"]["server"] = "https://127.0.0.1:1".into();
        }
    }
    let path = served.kubeconfig().with_file_name("broken.yaml");
    std::fs::write(&path, config.to_string()).unwrap();
    let args = [
        "logs",
        "--context",
        "dev,staging,prod",
        "-n",
        "shop",
        "--for",
        "3s",
        "-o",
        "ndjson",
        "--kubeconfig",
    ];
    let output = kontrast(&args).arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let told = text(&output.stderr);
    assert!(
        told.contains("staging: unreachable:") && told.contains("refused"),
        "{told}"
    );
    let printed = text(&output.stdout);
    assert!(
        printed.contains("\"cluster\":\"dev\"") && printed.contains("\"cluster\":\"prod\""),
        "{told}"
    );
    assert!(!printed.contains("\"cluster\":\"staging\""));
}

#[test]
fn a_user_who_may_only_see_one_namespace_sees_it_and_is_told_about_the_rest() {
    let served = Served::start("works-in-staging");
    let context = "prod-jane";
    let output = served.run(&[
        "logs",
        "--context",
        context,
        "-n",
        "shop",
        "--for",
        "3s",
        "-o",
        "ndjson",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("ModuleNotFoundError"));
    let output = served.run(&[
        "logs",
        "--context",
        context,
        "-n",
        "kube-system",
        "--for",
        "2s",
        "-o",
        "ndjson",
    ]);
    assert_eq!(output.status.code(), Some(4));
    let told = text(&output.stderr);
    assert!(
        told.contains("forbidden") && told.contains("cannot list resource \"pods\""),
        "{told}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn what_a_user_may_not_see_is_never_said_to_be_only_elsewhere() {
    let served = Served::start("works-in-staging");
    let output = served.run(&[
        "contrast",
        "--context",
        "dev,prod-jane",
        "-n",
        "shop,kube-system",
        "--for",
        "8s",
        "-o",
        "json",
    ]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains("prod-jane: namespace kube-system: forbidden"), "{told}");
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let hidden: Vec<_> = findings
        .iter()
        .filter(|finding| {
            finding["workload"]
                .as_str()
                .is_some_and(|name| name.starts_with("kube-system/"))
        })
        .collect();
    assert!(hidden.len() > 3, "{}", text(&output.stdout));
    for finding in hidden {
        assert_eq!(finding["verdict"], "unknown", "{finding}");
        assert_eq!(finding["cells"]["prod-jane"], "forbidden", "{finding}");
    }
    let seen = findings
        .iter()
        .any(|finding| finding["verdict"] == "only" && finding["clusters"] == serde_json::json!(["prod-jane"]));
    assert!(seen, "the crash of shop/api is found: {}", text(&output.stdout));
}

#[test]
fn an_unknown_context_is_refused_with_the_names_there_are() {
    let served = Served::start("quiet");
    check_refused(
        &served.run(&["--context", "stagin"]),
        &["stagin", "did you mean \"staging\"", "dev", "prod"],
    );
    check_refused(
        &served.run(&["--context", "/^nothing/"]),
        &["/^nothing/", "dev", "staging", "prod"],
    );
}

#[test]
fn a_query_that_matches_nothing_is_told_from_silence() {
    let served = Served::start("quiet");
    let output = served.run(&["logs", "--context", "dev", "-A", "--for", "1s", "deploy/nope"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(text(&output.stderr), "no container matched in dev\n");
}

#[test]
fn no_kubeconfig_points_to_the_demo() {
    let home = tempfile::tempdir().unwrap();
    let output = kontrast(&[]).env("HOME", home.path()).output().unwrap();
    check_refused(&output, &["no kubeconfig", "kontrast demo"]);
}

#[test]
fn a_broken_kubeconfig_is_told_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("broken.yaml");
    std::fs::write(&path, "contexts: {{").unwrap();
    check_refused(
        &kontrast(&["logs"]).env("KUBECONFIG", &path).output().unwrap(),
        &["broken.yaml"],
    );
}

#[test]
fn a_keymap_that_was_named_and_is_wrong_is_refused_with_its_places() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.toml");
    std::fs::write(&path, "[logs]\n\"z\" = \"zoomm\"\n").unwrap();
    let output = kontrast(&["demo", "--keymap"]).arg(&path).output().unwrap();
    check_refused(
        &output,
        &["keys.toml:2:7: unknown command \"zoomm\"", "did you mean \"zoom\""],
    );
    std::fs::write(&path, "[logs\n").unwrap();
    let output = kontrast(&["demo", "--keymap"]).arg(&path).output().unwrap();
    check_refused(&output, &["keys.toml:1:6:"]);
}

#[test]
fn without_a_terminal_the_screen_says_what_works() {
    check_refused(
        &kontrast(&["demo"]).output().unwrap(),
        &["needs a terminal", "kontrast logs"],
    );
}

#[test]
fn an_unknown_scenario_is_refused_with_the_names_there_are() {
    let output = kontrast(&["demo", "--scenario", "nonsense", "--serve"])
        .output()
        .unwrap();
    check_refused(&output, &["nonsense", "works-in-staging", "quiet"]);
}

/// Stamps of the records that were written while their logs were followed, as they were printed, and whether each is
/// marked as late.
fn stamps(output: &str) -> Vec<(String, bool)> {
    let records = output
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect(line));
    records
        .filter(|record| record["history"] != true)
        .map(|record| (record["time"].as_str().unwrap().to_owned(), record["late"] == true))
        .collect()
}

#[test]
fn records_of_all_clusters_are_printed_in_the_order_of_time() {
    let served = Served::start("works-in-staging");
    let args = [
        "logs",
        "--context",
        "dev,staging,prod",
        "-A",
        "--since",
        "1s",
        "--for",
        "6s",
        "-o",
        "ndjson",
        "--strict",
    ];
    let output = served.run(&args);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(told, "", "nothing is amiss");
    let printed = stamps(&text(&output.stdout));
    assert!(printed.len() > 100, "only {} records", printed.len());
    let unmarked: Vec<_> = printed.iter().filter(|(_, late)| !late).collect();
    assert!(unmarked.is_sorted(), "what is not marked is in order");
    // A machine that is busy with other tests may be slower than the hold-back at times.
    let late = printed.iter().filter(|(_, late)| *late).count();
    assert!(late * 10 < printed.len(), "{late} of {} are late", printed.len());
}

/// Clocks an hour off: nothing is lost, no gap is claimed, the order is that of the events, and it is said.
#[test]
fn clusters_whose_clocks_are_wrong_are_put_in_order_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = dir.path().join("skewed.toml");
    let faults = "[[fault]]\nkind = \"skew\"\nat = \"0s\"\nby = \"1h\"\ncluster = \"staging\"\n\
        [[fault]]\nkind = \"skew\"\nat = \"0s\"\nby = \"-1h\"\ncluster = \"prod\"\n";
    let shop = include_str!("../scenarios/works-in-staging.toml");
    std::fs::write(&scenario, format!("{shop}\n{faults}")).unwrap();
    let served = Served::start(scenario.to_str().unwrap());
    let args = [
        "logs",
        "--context",
        "dev,staging,prod",
        "-A",
        "--tail",
        "0",
        "--for",
        "6s",
        "-o",
        "ndjson",
        "--strict",
    ];
    let output = served.run(&args);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    for words in [
        "staging: its clocks are 3",
        " s ahead of ours",
        "prod: its clocks are 3",
        " s behind ours",
    ] {
        assert!(told.contains(words), "{words:?} is not in {told:?}");
    }
    assert!(!told.contains("dev: "), "{told}");
    let shown = text(&output.stdout);
    let records: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Without the estimate all of prod would be late: an hour behind the others, or two.
    let prod: Vec<_> = records.iter().filter(|record| record["cluster"] == "prod").collect();
    let late = prod.iter().filter(|record| record["late"] == true).count();
    assert!(
        prod.len() > 10 && late * 2 < prod.len(),
        "{late} of {} late",
        prod.len()
    );
}

/// One container that writes long lines faster than anybody takes them.
const TORRENT: &str = r#"
name = "torrent"
title = "Long lines, fast"
history = "1s"
namespaces = ["shop"]
clusters = [{ name = "dev", nodes = ["dev-1"] }]

[[workloads]]
kind = "Deployment"
namespace = "shop"
name = "api"

[[workloads.containers]]
name = "api"
image = "registry.example/shop/api:1"
command = ["/api"]
rate = 5000.0

[[workloads.containers.lines]]
text = 'INFO row {seq} PADDING'
"#;

#[test]
#[cfg(unix)]
fn what_nobody_takes_is_counted_in_gaps_and_strict_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = dir.path().join("torrent.toml");
    std::fs::write(&scenario, TORRENT.replace("PADDING", &"x".repeat(12_000))).unwrap();
    let served = Served::start(scenario.to_str().unwrap());
    let blocked = kontrast(&["logs", "--context", "dev", "-n", "shop", "-o", "ndjson", "--strict"])
        .args(["--for", "3s", "--kubeconfig"])
        .arg(served.kubeconfig())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Nobody reads what it prints until a run has ended that was started later and lasts as long.
    let other = served.run(&["logs", "--context", "dev", "-n", "other", "--for", "3s"]);
    assert_eq!(other.status.code(), Some(0), "{}", text(&other.stderr));
    let output = blocked.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let (mut rows, mut gaps) = (Vec::new(), 0);
    for line in text(&output.stdout).lines() {
        let record: Value = serde_json::from_str(line).expect("JSON");
        if record["gap"].is_object() {
            assert_eq!(record["gap"]["cause"], "dropped", "{}", record["gap"]);
            gaps += record["gap"]["lines"].as_u64().unwrap();
        } else {
            let words = record["text"].as_str().unwrap().split(' ').nth(2).unwrap();
            rows.push(words.parse::<u64>().unwrap());
        }
    }
    assert!(gaps > 0, "the test is not hard enough: {} rows", rows.len());
    assert!(rows.is_sorted(), "the container's own order");
    // Every row from the first to the last that came is there or counted; what was dropped last may lie behind.
    let missing = rows[rows.len() - 1] - rows[0] + 1 - rows.len() as u64;
    assert!(missing <= gaps, "{missing} rows are missing, {gaps} told");
}
