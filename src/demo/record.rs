//! What the clusters themselves know of numbered lines, for a checker: what was written, and what could be read until when.
#![expect(
    clippy::disallowed_types,
    reason = "the life of pods and the answers to requests write into it; the lock is never held across an await"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::demo::log::Log;
use crate::demo::traffic::Traffic;

/// How an answer with a log's lines ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// All that it held has been handed to the connection, and the end was told.
    Whole,
    /// The client went, or the server broke off: nobody knows how much has arrived.
    Broken,
}

/// One run of a numbered container.
#[derive(Clone)]
pub struct Numbered {
    pub namespace: String,
    pub pod: String,
    pub container: String,
    /// From 0.
    pub run: u64,
    /// As in `containerID`.
    pub id: String,
    pub log: Log,
}

/// The record of one cluster. A cheap handle.
#[derive(Clone, Default)]
pub struct Book(Arc<Mutex<Pages>>, Traffic);

#[derive(Default)]
struct Pages {
    runs: Vec<Numbered>,
    /// By container ID: lines that were handed to a connection which then ended as it should, as ranges of numbers.
    served: BTreeMap<String, Vec<(u64, u64)>>,
    /// What went wrong so far, by kind and form.
    faults: BTreeMap<String, u64>,
}

impl Book {
    pub fn enter(&self, run: Numbered) {
        self.lock().runs.push(run);
    }

    /// Lines of a container that an answer held, in order.
    pub fn served(&self, id: &str, ranges: &[(u64, u64)], how: Served) {
        match how {
            Served::Whole if !ranges.is_empty() => {
                let mut pages = self.lock();
                pages.served.entry(id.to_owned()).or_default().extend_from_slice(ranges);
            }
            Served::Whole | Served::Broken => {}
        }
    }

    /// What clients ask of the cluster.
    pub fn traffic(&self) -> &Traffic {
        &self.1
    }

    /// Something went wrong.
    pub fn count(&self, fault: &str) {
        *self.lock().faults.entry(fault.to_owned()).or_default() += 1;
    }

    pub fn faults(&self) -> BTreeMap<String, u64> {
        self.lock().faults.clone()
    }

    /// One JSON object for each run of each numbered container, then one with the faults and the traffic.
    ///
    /// `times` are the microseconds from each line's stamp to the next, from `began` in Unix microseconds; `files` are
    /// the log's files as `[first line, last line, Unix nanoseconds at which the next was made, or null]`.
    pub fn ndjson(&self, cluster: &str) -> String {
        let (runs, faults) = {
            let pages = self.lock();
            (pages.runs.clone(), pages.faults.clone())
        };
        let mut out = String::new();
        for run in runs {
            let account = run.log.account().unwrap_or_default();
            let micros: Vec<i64> = account.times.iter().map(|nanos| nanos / 1000).collect();
            let steps = micros.windows(2).filter_map(|pair| Some(pair.get(1)? - pair.first()?));
            let files = account
                .files
                .iter()
                .map(|file| json!([file.first, file.last, file.replaced]));
            let object = json!({
                "cluster": cluster, "namespace": run.namespace, "pod": run.pod, "container": run.container,
                "run": run.run, "id": run.id, "lines": account.times.len(), "began": micros.first(),
                "times": steps.collect::<Vec<_>>(), "files": files.collect::<Vec<_>>(), "late": account.late,
                "gone": account.gone, "served": self.merged(&run.id),
            });
            out.push_str(&object.to_string());
            out.push('\n');
        }
        out.push_str(&json!({"cluster": cluster, "faults": faults, "traffic": self.1.json()}).to_string());
        out.push('\n');
        out
    }

    /// The lines served of a container, as ranges that do not touch.
    fn merged(&self, id: &str) -> Vec<(u64, u64)> {
        let mut ranges = self.lock().served.get(id).cloned().unwrap_or_default();
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(before) if first <= before.1 + 1 => before.1 = before.1.max(last),
                Some(_) | None => merged.push((first, last)),
            }
        }
        merged
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        // No code that can panic runs under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of a numbered line: where it comes from, its number, and a sum over both. The same line is never written
/// twice, and a damaged one is known by its sum.
pub fn line(source: &str, number: u64) -> String {
    let text = format!("{source} {number}");
    let sum = sum(text.as_bytes());
    format!("{text} {sum:016x} größe")
}

/// FNV-1a, 64 bits.
pub fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::demo::log::{Account, Entry, Stream};

    #[test]
    fn the_record_tells_what_was_written_and_what_was_served() {
        let book = Book::default();
        let log = Log::with(None, Some(Account::default()));
        for number in 1..=3 {
            let text = Bytes::from(line("a", number));
            let entry = Entry::new(i64::try_from(number).unwrap() * 5_000_000, Stream::Stdout, text);
            log.append(Entry { number, ..entry });
        }
        book.enter(Numbered {
            namespace: "n".to_owned(),
            pod: "p".to_owned(),
            container: "c".to_owned(),
            run: 0,
            id: "containerd://1".to_owned(),
            log,
        });
        book.served("containerd://1", &[(1, 2), (2, 3)], Served::Whole);
        book.served("containerd://1", &[(9, 9)], Served::Broken);
        book.count("cut eof");
        let text = book.ndjson("dev");
        let objects: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects[0]["lines"], 3);
        assert_eq!(objects[0]["began"], 5000);
        assert_eq!(objects[0]["times"], json!([5000, 5000]));
        assert_eq!(objects[0]["files"], json!([[1, 3, null]]));
        assert_eq!(objects[0]["served"], json!([[1, 3]]));
        assert_eq!(objects[1]["faults"], json!({"cut eof": 1}));
    }

    #[test]
    fn a_damaged_line_does_not_have_its_sum() {
        let line = line("dev/shop/a/app#0", 17);
        assert!(line.starts_with("dev/shop/a/app#0 17 "));
        assert_ne!(sum(b"dev/shop/a/app#0 17"), sum(b"dev/shop/a/app#0 18"));
    }
}
