//! The pattern miner: which records say the same with other values. A record's constant words, its level, its header's
//! format and its exceptions make a key; equal keys are one pattern. No regular expression, no similarity, no threshold:
//! the set of patterns does not depend on the order in which records arrive.

mod words;
mod scan;
mod parts;
mod template;

use bytes::Bytes;
use hashbrown::HashMap;

use crate::model::{Level, PatternId};
use crate::text::header::{Format, Header};

use parts::texts;
use scan::{Item, Kind, scan};
use template::Template;

/// Patterns that are told apart; what comes after is counted together.
pub const MOST_PATTERNS: usize = 16 * 1024;

/// A record as the miner takes it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub level: Level,
    /// Of the first line.
    pub header: &'a Header,
    pub lines: &'a [Bytes],
}

/// Whether a pattern is one, or the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternKind {
    Pattern,
    /// All that found no room, errors and others apart.
    Rest,
}

/// What is known of one pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub id: PatternId,
    pub level: Level,
    pub kind: PatternKind,
    template: Template,
}

impl Pattern {
    /// The text with `<*>` for what varied so far; raw words from outside. A trace leads with its root cause, one
    /// line per exception.
    pub fn text(&self) -> &str {
        self.template.text()
    }
}

/// Learns patterns, one record after the other.
#[derive(Clone, Debug)]
pub struct Miner {
    by_key: HashMap<u64, PatternId>,
    patterns: Vec<Pattern>,
    /// For errors and for others.
    rest: [Option<PatternId>; 2],
    most: usize,
    items: Vec<Item>,
}

impl Default for Miner {
    fn default() -> Self {
        Self::new(MOST_PATTERNS)
    }
}

impl Miner {
    pub fn new(most: usize) -> Self {
        Self {
            by_key: HashMap::new(),
            patterns: Vec::new(),
            rest: [None; 2],
            most,
            items: Vec::new(),
        }
    }

    /// The pattern of a record.
    pub fn learn(&mut self, entry: &Entry<'_>) -> PatternId {
        let key = self.key(entry);
        if let Some(id) = self.by_key.get(&key).copied() {
            self.agree(id, entry);
            return id;
        }
        if self.by_key.len() >= self.most {
            return self.rest(entry.level);
        }
        let template = self.template(entry);
        let id = self.add(entry.level, PatternKind::Pattern, template);
        self.by_key.insert(key, id);
        id
    }

    /// All patterns, in the order in which they were found.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    pub fn pattern(&self, id: PatternId) -> Option<&Pattern> {
        self.patterns.get(usize::try_from(id.0).ok()?)
    }

    fn key(&mut self, entry: &Entry<'_>) -> u64 {
        let hundreds = entry.header.status.map_or(0, |status| u64::from(status / 100));
        let mut key = mix(entry.level as u64, entry.header.format as u64);
        key = mix(key, hundreds);
        let items = &mut self.items;
        texts(entry.header, entry.lines, |text, role| {
            scan(text, items);
            key = mix(key, 0x5e6 + role as u64);
            for item in items.iter() {
                key = fold(key, item, text);
            }
        });
        key
    }

    /// Lets the values of this record change what is shown as constant.
    fn agree(&mut self, id: PatternId, entry: &Entry<'_>) {
        let found = usize::try_from(id.0)
            .ok()
            .and_then(|index| self.patterns.get_mut(index));
        let Some(pattern) = found.filter(|pattern| pattern.template.is_open()) else {
            return;
        };
        let items = &mut self.items;
        let mut comparison = pattern.template.compare();
        texts(entry.header, entry.lines, |text, _| {
            scan(text, items);
            comparison.with(text, items);
        });
    }

    fn template(&mut self, entry: &Entry<'_>) -> Template {
        let mut template = match entry.header.format {
            Format::Access => Template::of_request(entry.header.status),
            Format::None
            | Format::Json
            | Format::Logfmt
            | Format::Klog
            | Format::Syslog
            | Format::Redis
            | Format::Ruby
            | Format::Stamped
            | Format::Bracketed
            | Format::Word => Template::default(),
        };
        let items = &mut self.items;
        texts(entry.header, entry.lines, |text, role| {
            scan(text, items);
            template.add(text, items, role);
        });
        template.close();
        template
    }

    fn rest(&mut self, level: Level) -> PatternId {
        let class = usize::from(level.is_error());
        if let Some(id) = self.rest[class] {
            return id;
        }
        let (level, text) = if level.is_error() {
            (Level::Error, "all other errors")
        } else {
            (Level::None, "all other records")
        };
        let id = self.add(level, PatternKind::Rest, Template::fixed(text));
        self.rest[class] = Some(id);
        id
    }

    fn add(&mut self, level: Level, kind: PatternKind, template: Template) -> PatternId {
        let id = PatternId(u32::try_from(self.patterns.len()).unwrap_or(u32::MAX));
        self.patterns.push(Pattern {
            id,
            level,
            kind,
            template,
        });
        id
    }
}

/// A multiplication of 128 bits mixes every bit of both into every bit of the result.
fn mix(key: u64, value: u64) -> u64 {
    let product = u128::from(key ^ 0x9E37_79B9_7F4A_7C15) * u128::from(value ^ 0xD6E8_FEB8_6659_FD93);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the product")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    (low ^ high).rotate_left(23).wrapping_add(key)
}

fn fold(key: u64, item: &Item, text: &[u8]) -> u64 {
    match item.kind {
        Kind::Variable => mix(key, 1),
        Kind::Mark(mark) => mix(key, 0x100 + u64::from(mark)),
        Kind::Status(hundreds) => mix(key, 0x200 + u64::from(hundreds)),
        Kind::Code | Kind::Word => {
            let bytes = item.bytes(text);
            let mut key = mix(key, 0x1_0000 + u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            let mut chunks = bytes.chunks_exact(8);
            for chunk in &mut chunks {
                key = mix(key, u64::from_le_bytes(chunk.try_into().unwrap_or_default()));
            }
            let rest = chunks.remainder().iter().fold(0, |word, b| word << 8 | u64::from(*b));
            mix(key, rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::text::header;

    fn lines(text: &str) -> Vec<Bytes> {
        text.split('\n')
            .map(|line| Bytes::copy_from_slice(line.as_bytes()))
            .collect()
    }

    fn learn(miner: &mut Miner, text: &str) -> PatternId {
        let lines = lines(text);
        let header = header::parse(&lines[0], Format::None);
        miner.learn(&Entry {
            level: header.level,
            header: &header,
            lines: &lines,
        })
    }

    fn check(texts: &[&str], expected: &str) {
        let mut miner = Miner::default();
        let ids: Vec<_> = texts.iter().map(|text| learn(&mut miner, text)).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{texts:?} are {ids:?}");
        assert_eq!(miner.pattern(ids[0]).unwrap().text(), expected);
    }

    fn differ(texts: &[&str]) {
        let mut miner = Miner::default();
        let ids: Vec<_> = texts.iter().map(|text| learn(&mut miner, text)).collect();
        let mut unique = ids.clone();
        unique.dedup();
        assert_eq!(unique.len(), ids.len(), "{texts:?} are {ids:?}");
    }

    #[test]
    fn what_varied_is_masked_and_what_did_not_is_shown() {
        check(&["took 3 ms on port 80"], "took 3 ms on port 80");
        check(&["took 3 ms on port 80", "took 4 ms on port 80"], "took <*> on port 80");
        check(&["INFO took 3 ms", "INFO took 7 s"], "took <*>");
    }

    #[test]
    fn level_words_and_outcomes_tell_apart() {
        differ(&["INFO done 1", "ERROR done 1"]);
        differ(&["java.io.IOException: x", "java.net.SocketException: x"]);
        differ(&["ended with exit code 1", "ended with exit code 137"]);
        differ(&["answered with status 404", "answered with status 503"]);
    }

    #[test]
    fn a_chain_leads_with_its_root_cause() {
        check(
            &[
                "Traceback (most recent call last):\n  File \"/a.py\", line 1, in x\n    import requests\nModuleNotFoundError: No module \
                 named 'requests'\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent \
                 call last):\n  File \"/a.py\", line 3, in x\n    y\napp.Unavailable: no client",
            ],
            "ModuleNotFoundError: No module named 'requests'\napp.Unavailable: no client",
        );
        check(
            &[
                "ERROR x\njava.lang.IllegalStateException: a\n\tat b.C.d(E.java:1)\nCaused by: java.io.IOException: closed\n\tat b.F.g(H.java:2)",
            ],
            "java.io.IOException: closed\nx\njava.lang.IllegalStateException: a\nat b.C.d",
        );
    }

    #[test]
    fn a_trace_leads_with_its_exception() {
        check(
            &[
                "ERROR start failed\nTraceback (most recent call last):\n  File \"/a.py\", line 1, in x\n    import requests\nModuleNotFoundError: No module named 'requests'",
            ],
            "ModuleNotFoundError: No module named 'requests'\nstart failed",
        );
        check(
            &[
                "Traceback (most recent call last):\n  File \"/a.py\", line 1, in x\n    y\nKeyError: 'a'",
                "Traceback (most recent call last):\n  File \"/a.py\", line 9, in x\n    y\n  File \"/b.py\", line 1, in z\nKeyError: 'b'",
            ],
            "KeyError: <*>",
        );
    }

    #[test]
    fn requests_are_told_apart_by_method_and_outcome() {
        let line = |path: &str, status: u16| {
            format!("10.0.0.1 - - [04/Mar/2026:08:03:57 +0000] \"GET {path} HTTP/1.1\" {status} 12 \"-\" \"curl\"")
        };
        check(&[&line("/x", 200), &line("/y?z=1", 204)], "GET <*> 2xx");
        differ(&[&line("/x", 200), &line("/x", 404)]);
    }

    #[test]
    fn colours_do_not_matter() {
        check(&["job \x1b[32mdone\x1b[0m now", "job done now"], "job done now");
    }

    #[test]
    fn what_finds_no_room_is_the_rest() {
        let mut miner = Miner::new(2);
        let ids = ["a", "b", "c", "d", "ERROR e", "a"].map(|text| learn(&mut miner, text).0);
        assert_eq!(ids, [0, 1, 2, 2, 3, 0]);
        assert_eq!(miner.pattern(PatternId(2)).unwrap().kind, PatternKind::Rest);
        assert_eq!(miner.pattern(PatternId(3)).unwrap().level, Level::Error);
    }

    proptest! {
        /// The same patterns with the same texts, whatever the order.
        #[test]
        fn patterns_do_not_depend_on_the_order(
            words in prop::collection::vec(("(get|put|drop) (item|list)", 0_u8..4, "(ok|failed|INFO x|ERROR y)"), 1..60),
            seed in any::<prop::sample::Index>(),
        ) {
            let records: Vec<_> = words.iter().map(|(a, n, b)| format!("{b} {a} {n} at 'v{n}'")).collect();
            let set = |records: &[String]| {
                let mut miner = Miner::default();
                let mut counts = BTreeMap::new();
                for record in records {
                    *counts.entry(learn(&mut miner, record)).or_insert(0) += 1;
                }
                let mut set: Vec<_> = counts
                    .into_iter()
                    .map(|(id, count)| (miner.pattern(id).unwrap().text().to_owned(), count))
                    .collect();
                set.sort();
                set
            };
            let mut other = records.clone();
            other.rotate_left(seed.index(records.len()));
            other.reverse();
            prop_assert_eq!(set(&records), set(&other));
        }
    }
}
