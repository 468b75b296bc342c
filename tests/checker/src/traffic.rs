//! What the clusters counted of the client's requests, against what was promised.

use std::fmt::Write as _;

use serde_json::Value;

/// What is promised; nothing is where there is no number.
#[derive(Default)]
pub struct Limits {
    /// Seconds until a client has noticed a silence.
    pub noticed: Option<u64>,
    /// Seconds until all logs are open again after a restart.
    pub back: Option<u64>,
    /// Requests for logs under way at once, of one cluster.
    pub opening: Option<u64>,
    /// Requests to one cluster in any one second.
    pub in_a_second: Option<u64>,
}

/// The report, and whether everything was kept.
pub fn report(clusters: &[(String, Value)], limits: &Limits) -> (String, bool) {
    let mut out = String::new();
    let mut kept = true;
    let mut judge = |out: &mut String, what: &str, value: Option<u64>, limit: Option<u64>| {
        let is_broken = limit.is_some_and(|limit| value.is_none_or(|value| value > limit));
        kept &= !is_broken;
        let value = value.map_or("never".to_owned(), |value| value.to_string());
        // Nothing can be wrong with writing to a string.
        _ = write!(out, ", {what} {value}{}", if is_broken { " BROKEN" } else { "" });
    };
    let millis = |seconds: Option<u64>| seconds.map(|seconds| seconds * 1000);
    for (cluster, traffic) in clusters {
        let number = |value: &Value, name: &str| value[name].as_u64();
        _ = write!(out, "traffic {cluster}: requests {}", traffic["requests"]);
        judge(
            &mut out,
            "most in a second",
            number(traffic, "in_a_second"),
            limits.in_a_second,
        );
        judge(&mut out, "most opening", number(traffic, "opening"), limits.opening);
        _ = write!(out, ", most open {}", traffic["most_open"]);
        let silences: Vec<u64> = traffic["abandoned"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .collect();
        if let Some(longest) = silences.iter().max() {
            _ = write!(out, ", stalled logs given up {}", silences.len());
            judge(&mut out, "the latest after ms", Some(*longest), millis(limits.noticed));
        }
        out.push('\n');
        for outage in traffic["outages"].as_array().into_iter().flatten() {
            let lasted = number(outage, "lasted");
            let kind = outage["kind"].as_str().unwrap_or_default();
            _ = write!(
                out,
                "  {kind} for {} ms, {} streams",
                outage["lasted"], outage["streams"]
            );
            if kind == "black-hole" {
                // One that is shorter need not be noticed.
                let limit = millis(limits.noticed).filter(|limit| lasted.is_none_or(|lasted| lasted > *limit));
                judge(&mut out, "noticed after ms", number(outage, "tried"), limit);
            } else {
                judge(
                    &mut out,
                    "all back after ms",
                    number(outage, "back"),
                    millis(limits.back),
                );
                judge(
                    &mut out,
                    "most in a second",
                    number(outage, "in_a_second"),
                    limits.in_a_second,
                );
                judge(&mut out, "most opening", number(outage, "opening"), limits.opening);
            }
            out.push('\n');
        }
    }
    (out, kept)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_limit_that_is_passed_is_told() {
        let traffic = |back: Value, tried: Value| {
            json!({"requests": 9, "in_a_second": 40, "opening": 33, "most_open": 3, "abandoned": [1000], "outages": [
                {"kind": "restart-server", "lasted": 5000, "streams": 3, "back": back, "in_a_second": 1, "opening": 1},
                {"kind": "black-hole", "lasted": 60000, "streams": 3, "tried": tried},
            ]})
        };
        let kept =
            |limits: Limits, back: Value, tried: Value| report(&[("a".to_owned(), traffic(back, tried))], &limits).1;
        assert!(kept(Limits::default(), json!(null), json!(null)));
        let back = || Limits {
            back: Some(10),
            ..Limits::default()
        };
        assert!(kept(back(), json!(9999), json!(null)));
        assert!(!kept(back(), json!(10001), json!(null)));
        assert!(!kept(back(), json!(null), json!(null)), "never");
        let noticed = || Limits {
            noticed: Some(45),
            ..Limits::default()
        };
        assert!(kept(noticed(), json!(null), json!(45000)));
        assert!(!kept(noticed(), json!(null), json!(null)));
        assert!(!kept(
            Limits {
                opening: Some(32),
                ..Limits::default()
            },
            json!(1),
            json!(1)
        ));
        assert!(kept(
            Limits {
                in_a_second: Some(40),
                ..Limits::default()
            },
            json!(1),
            json!(1)
        ));
    }
}
