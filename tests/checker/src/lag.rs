//! How long lines take from their stamp to the client's pipe.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::micros;

/// Copies stdin to stdout and writes to `path` how late each cluster's lines were, in microseconds.
pub fn stamp(path: &str) -> Result<(), String> {
    let mut lags: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut output = BufWriter::new(io::stdout().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line).map_err(|error| error.to_string())?;
        if read == 0 {
            break;
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|error| error.to_string())?;
        output.write_all(&line).map_err(|error| error.to_string())?;
        let object: Value = serde_json::from_slice(&line).map_err(|error| error.to_string())?;
        if let Some(time) = object["time"]
            .as_str()
            .and_then(micros)
            .filter(|_| object["gap"].is_null())
        {
            let cluster = object["cluster"].as_str().unwrap_or_default();
            lags.entry(cluster.to_owned())
                .or_default()
                .push(now.as_micros() as i64 - time);
        }
    }
    output.flush().map_err(|error| error.to_string())?;
    let of = |lags: &mut Vec<i64>| {
        lags.sort_unstable();
        let at = |share: usize| lags.get((lags.len() - 1) * share / 100).copied();
        json!({"lines": lags.len(), "p50": at(50), "p99": at(99), "max": at(100)})
    };
    let all: BTreeMap<&String, Value> = lags.iter_mut().map(|(cluster, lags)| (cluster, of(lags))).collect();
    fs::write(path, json!(all).to_string()).map_err(|error| format!("{path}: {error}"))
}

/// Whether the clusters' lines came as soon with a fault as without: the 99th percentile less than 10 % later.
pub fn compare(sound: &str, faulty: &str, clusters: &[String]) -> Result<bool, String> {
    let read = |path: &str| -> Result<Value, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
    };
    let (sound, faulty) = (read(sound)?, read(faulty)?);
    let mut is_kept = true;
    for cluster in clusters {
        let ms = |all: &Value, name: &str| all[cluster][name].as_f64().map(|micros| micros / 1000.0);
        let told = |all: &Value| {
            let of = |name: &str| ms(all, name).unwrap_or(f64::NAN);
            format!(
                "p50 {:.1} p99 {:.1} max {:.1} ms, {} lines",
                of("p50"),
                of("p99"),
                of("max"),
                all[cluster]["lines"]
            )
        };
        let change = ms(&sound, "p99")
            .zip(ms(&faulty, "p99"))
            .map(|(before, after)| 100.0 * (after / before - 1.0));
        let is_broken = change.is_none_or(|change| change >= 10.0);
        is_kept &= !is_broken;
        println!(
            "lag {cluster}: sound {}; beside the fault {}",
            told(&sound),
            told(&faulty)
        );
        println!(
            "  p99 changed by {:+.1} %{}",
            change.unwrap_or(f64::NAN),
            if is_broken { " BROKEN" } else { "" }
        );
    }
    Ok(is_kept)
}
