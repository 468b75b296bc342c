//! The pattern miner: which records say the same with other values. A record's constant words, its level, its header's
//! format and its exceptions make a key; equal keys are one pattern. No regular expression and no similarity.
//!
//! Names made of letters alone look like constants. Where many patterns differ in one word only, that word is a name:
//! they are merged into one pattern, and `Miner::take_merged` tells of it. The set of patterns does not depend on the
//! order in which records arrive.

mod words;
mod scan;
mod parts;
mod template;

use bytes::Bytes;
use hashbrown::{HashMap, HashSet};

use crate::model::{Level, PatternId};
use crate::text::header::{Format, Header};

use parts::texts;
use scan::{Item, scan};
use template::{Template, hash, hash_of_break, mix};

/// Patterns that are told apart; what comes after is counted together.
pub const MOST_PATTERNS: usize = 16 * 1024;

/// Keys remembered for each pattern that is told apart.
const KEYS: usize = 4;

/// Different words in one place that make it a variable. More for errors, whose words tell what went wrong.
const NAMES: usize = 6;
const NAMES_IN_ERRORS: usize = 10;

/// How many words of one pattern may become variables.
const DEEPEST: usize = 4;

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
    /// The pattern it was merged into; itself if it stands.
    root: PatternId,
}

/// Patterns that differ in one word only.
#[derive(Clone, Debug)]
enum Hole {
    /// So far so few that the word may be what tells them apart.
    Open(Vec<PatternId>),
    Merged(PatternId),
}

impl Pattern {
    /// The text with `<*>` for what varied so far; raw words from outside. A trace leads with its root cause, one
    /// line per exception.
    pub fn text(&self) -> &str {
        self.template.text()
    }

    /// Whether it was not merged into another.
    pub fn stands(&self) -> bool {
        self.root == self.id
    }
}

/// One pattern became part of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    pub from: PatternId,
    pub into: PatternId,
}

/// Learns patterns, one record after the other.
#[derive(Clone, Debug)]
pub struct Miner {
    by_key: HashMap<u64, PatternId>,
    holes: HashMap<u64, Hole>,
    /// Keys of the templates whose holes are noted.
    forms: HashSet<u64>,
    patterns: Vec<Pattern>,
    standing: usize,
    merged: Vec<Merged>,
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
            holes: HashMap::new(),
            forms: HashSet::new(),
            patterns: Vec::new(),
            standing: 0,
            merged: Vec::new(),
            rest: [None; 2],
            most,
            items: Vec::new(),
        }
    }

    /// The pattern of a record.
    pub fn learn(&mut self, entry: &Entry<'_>) -> PatternId {
        let seed = seed(entry);
        let key = self.key(entry, seed);
        if let Some(id) = self.by_key.get(&key).copied() {
            let root = self.root(id);
            self.agree(root, entry);
            return root;
        }
        if self.standing >= self.most {
            return self.rest(entry.level);
        }
        let template = self.template(entry);
        let id = self.settle(template, entry.level, seed);
        if self.by_key.len() < self.most * KEYS {
            self.by_key.insert(key, id);
        }
        id
    }

    /// All patterns, in the order in which they were found, also those that were merged into another.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    pub fn pattern(&self, id: PatternId) -> Option<&Pattern> {
        self.patterns.get(usize::try_from(id.0).ok()?)
    }

    /// The pattern that a pattern is part of now; itself if it stands.
    pub fn root(&self, id: PatternId) -> PatternId {
        let mut at = id;
        while let Some(pattern) = self.pattern(at).filter(|pattern| pattern.root != at) {
            at = pattern.root;
        }
        at
    }

    /// The merges since the last call, in their order.
    pub fn take_merged(&mut self) -> Vec<Merged> {
        std::mem::take(&mut self.merged)
    }

    fn key(&mut self, entry: &Entry<'_>, seed: u64) -> u64 {
        let mut key = seed;
        let items = &mut self.items;
        texts(entry.header, entry.lines, |text, role| {
            scan(text, items);
            key = mix(key, hash_of_break(role));
            for item in items.iter() {
                key = mix(key, hash(item, text));
            }
        });
        key
    }

    /// Finds or makes the pattern of a new template. Word by word it becomes the template of the pattern that it is
    /// part of, in which all names are variables.
    fn settle(&mut self, mut template: Template, level: Level, seed: u64) -> PatternId {
        let holes = template.holes(seed);
        let mut id = match self.merged_at(&holes) {
            Some((id, _)) => id,
            None => self.add(level, PatternKind::Pattern, template.clone()),
        };
        let names = if level.is_error() { NAMES_IN_ERRORS } else { NAMES };
        for _ in 0..DEEPEST {
            let key = template.key(seed);
            let holes = template.holes(seed);
            if self.forms.len() < self.most * KEYS && self.forms.insert(key) {
                self.note_holes(id, &holes, names);
            }
            let Some((into, place)) = self.merged_at(&holes) else {
                break;
            };
            id = self.merge(id, into);
            template.open_hole(place);
            id = self.meet(template.key(seed), id);
            if let Some(root) = usize::try_from(id.0)
                .ok()
                .and_then(|index| self.patterns.get_mut(index))
            {
                root.template = template.clone();
            }
        }
        self.root(id)
    }

    /// The pattern of a merged hole, all of them merged into one, and the place of the hole that counts.
    fn merged_at(&mut self, holes: &[(u64, usize)]) -> Option<(PatternId, usize)> {
        let mut found: Vec<_> = holes
            .iter()
            .filter_map(|(key, place)| match self.holes.get(key) {
                Some(Hole::Merged(id)) => Some((*key, *place, *id)),
                Some(Hole::Open(_)) | None => None,
            })
            .collect();
        found.sort_unstable_by_key(|(key, _, _)| *key);
        let (_, place, mut into) = found.first().copied()?;
        for (_, _, id) in found {
            into = self.merge(id, into);
        }
        Some((self.root(into), place))
    }

    /// Remembers what differs from this form in one word only, and merges where that is enough.
    fn note_holes(&mut self, id: PatternId, holes: &[(u64, usize)], names: usize) {
        for (key, _) in holes {
            let hole = self.holes.entry(*key).or_insert_with(|| Hole::Open(Vec::new()));
            let Hole::Open(members) = hole else { continue };
            members.push(id);
            if members.len() < names {
                continue;
            }
            let members = std::mem::take(members);
            *hole = Hole::Merged(id);
            for member in members {
                self.merge(member, id);
            }
        }
    }

    /// A list of such names may have been seen as one variable before, which gave it the same key.
    fn meet(&mut self, key: u64, id: PatternId) -> PatternId {
        match self.by_key.insert(key, id) {
            Some(known) => self.merge(known, id),
            None => id,
        }
    }

    /// Makes two patterns one, the older of them, which is returned.
    fn merge(&mut self, one: PatternId, other: PatternId) -> PatternId {
        let (one, other) = (self.root(one), self.root(other));
        let (from, into) = (one.max(other), one.min(other));
        if from == into {
            return into;
        }
        if let Some(pattern) = usize::try_from(from.0)
            .ok()
            .and_then(|index| self.patterns.get_mut(index))
        {
            pattern.root = into;
            self.standing = self.standing.saturating_sub(1);
            self.merged.push(Merged { from, into });
        }
        into
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
        self.standing += 1;
        self.patterns.push(Pattern {
            id,
            level,
            kind,
            template,
            root: id,
        });
        id
    }
}

/// Records that differ in level, format or outcome are never the same pattern.
fn seed(entry: &Entry<'_>) -> u64 {
    let hundreds = entry.header.status.map_or(0, |status| u64::from(status / 100));
    mix(mix(entry.level as u64, entry.header.format as u64), hundreds)
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

    #[test]
    fn names_made_of_letters_are_found_by_their_number() {
        let names = ["alpha", "bravo", "delta", "ember", "falcon", "lotus", "maple", "river"];
        let text = |name: &str| format!("INFO Queue {name} was flushed");
        check(
            &names.map(text).each_ref().map(String::as_str)[..1],
            "Queue alpha was flushed",
        );
        let mut miner = Miner::default();
        let ids = names.map(|name| learn(&mut miner, &text(name)));
        let roots = ids.map(|id| miner.root(id));
        assert!(roots.iter().all(|root| *root == ids[0]), "{roots:?}");
        assert_eq!(miner.pattern(ids[0]).unwrap().text(), "Queue <*> was flushed");
        assert_eq!(miner.take_merged().len(), NAMES - 1);
        assert_eq!(miner.patterns().iter().filter(|pattern| pattern.stands()).count(), 1);
        assert_eq!(learn(&mut miner, &text("willow")), ids[0]);
    }

    #[test]
    fn two_names_in_one_pattern_are_found() {
        let names = ["alpha", "bravo", "delta", "ember", "falcon", "lotus", "maple"];
        let mut miner = Miner::default();
        for a in names {
            for b in names {
                learn(&mut miner, &format!("INFO Member {a} left the group {b} today"));
            }
        }
        let standing: Vec<_> = miner.patterns().iter().filter(|pattern| pattern.stands()).collect();
        assert_eq!(standing.len(), 1);
        assert_eq!(standing[0].text(), "Member <*> left the group <*> today");
    }

    #[test]
    fn a_few_outcomes_are_no_names() {
        differ(&[
            "ERROR volume is full: timeout",
            "ERROR volume is full: refused",
            "ERROR volume is full: denied",
            "ERROR volume is full: unknown",
        ]);
        let classes = [
            "ConnectError",
            "TimeoutError",
            "ParseError",
            "IoError",
            "KeyError",
            "TypeError",
            "NameError",
        ];
        differ(
            &classes
                .map(|class| format!("INFO job has failed with {class}"))
                .each_ref()
                .map(String::as_str),
        );
    }

    proptest! {
        /// The same patterns with the same texts, whatever the order.
        #[test]
        fn patterns_do_not_depend_on_the_order(
            words in prop::collection::vec(("(get|put|drop) (item|list)", 0_u8..4, "(ok|failed|INFO [a-j]{2}|ERROR y)"), 1..90),
            seed in any::<prop::sample::Index>(),
        ) {
            let records: Vec<_> = words.iter().map(|(a, n, b)| format!("{b} {a} {n} at 'v{n}'")).collect();
            let set = |records: &[String]| {
                let mut miner = Miner::default();
                let mut counts = BTreeMap::new();
                for record in records {
                    *counts.entry(learn(&mut miner, record)).or_insert(0) += 1;
                }
                let mut of_roots = BTreeMap::new();
                for (id, count) in counts {
                    *of_roots.entry(miner.root(id)).or_insert(0) += count;
                }
                let mut set: Vec<_> = of_roots
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
