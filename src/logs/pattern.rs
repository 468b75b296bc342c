//! The pattern miner: which records say the same with other values. A record's constant words, its level, its header's
//! format and its exceptions make a key, found again without a regular expression; each key is a leaf. From time to
//! time the leaves are laid beside each other, and those that differ in names only become one pattern. That is a pure
//! function of the set of leaves, whatever order they came in, and is undone when other leaves say otherwise: a leaf
//! keeps its number for ever, and its root is the oldest leaf of the pattern that it is part of now.

mod words;
mod classes;
mod ids;
mod scan;
mod names;
mod parts;
mod leaf;
mod frame;
mod gap;
mod vocabulary;
mod glance;
mod align;
mod group;
pub mod guard;

use std::ops::Range;

use bytes::Bytes;
use hashbrown::{HashMap, HashSet};

use crate::model::{Level, PatternId};
use crate::text::header::{Format, Header};

pub use align::Shape;
pub use guard::Guard;

use glance::{Glances, Known, Look, Shown};
use group::{Group, Member, group};
use leaf::{Builder, Coarse, Leaf, VARIABLE, hash, hash_of_break, hash_of_wordless, mix, value};
use parts::Texts;
use scan::{Item, scan};
use vocabulary::{Evidence, Vocabulary};

/// Keys that are told apart; what comes after is counted together.
pub const MOST_PATTERNS: usize = 16 * 1024;

/// New leaves after which patterns are made anew without being asked: so many at least, and as many as there were. All
/// such times together then cost no more than twice the last one.
const NEWS: usize = 2_000;

/// A look makes the patterns of a family of more leaves anew only once in so many looks as its size has of these, or when
/// one in so many leaves is new: what one look costs is bounded, and what a flood of new text costs over time.
const FAMILY_OF_A_LOOK: usize = 512;
const NEWS_OF_A_FAMILY: usize = 16;

/// Bytes that all leaves may cost.
const MOST_BYTES: usize = 12 * 1024 * 1024;

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

/// A leaf, and the pattern that it leads if it is the root of one.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub id: PatternId,
    pub level: Level,
    pub kind: PatternKind,
    /// The pattern that it is part of; itself if it stands.
    root: PatternId,
    /// Whether all its text is that of one leaf, whose values are shown while all records agree on them.
    is_leaf: bool,
    text: Box<str>,
    /// Nothing if it does not stand.
    shape: Option<Shape>,
}

impl Pattern {
    /// The text with `<*>` for what varied so far; raw words from outside. A trace leads with its root cause, one
    /// line per exception. Empty if it does not stand.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it leads a pattern.
    pub fn stands(&self) -> bool {
        self.root == self.id
    }
}

/// A leaf became part of another pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regrouped {
    pub leaf: PatternId,
    pub root: PatternId,
}

/// Learns patterns, one record after the other.
#[derive(Clone, Debug)]
pub struct Miner {
    by_key: HashMap<u64, PatternId>,
    patterns: Vec<Pattern>,
    /// Beside the patterns, by their number.
    leaves: Vec<Leaf>,
    families: HashMap<u64, Family>,
    vocabulary: Vocabulary,
    /// Families with news.
    stale: HashSet<u64>,
    /// New leaves since patterns were made.
    news: usize,
    regrouped: Vec<Regrouped>,
    /// Whether a shape changed since they were taken.
    is_reshaped: bool,
    /// For errors and for others.
    rest: [Option<PatternId>; 2],
    most: usize,
    /// What all leaves cost, bytes.
    cost: usize,
    glances: Glances,
    /// Of the record that is learned.
    texts: Texts,
    masked: Vec<u8>,
    items: Vec<Item>,
    values: Vec<u32>,
    /// Where they are among the texts.
    places: Vec<(usize, usize)>,
}

/// What a record is found again by.
struct Keys {
    fine: u64,
    /// Of its first words.
    coarse: u64,
    /// Whether other digits in place of its digits would make the same keys.
    is_steady: bool,
}

/// Leaves that may be one pattern, in the order in which they were found.
#[derive(Clone, Debug, Default)]
struct Family {
    ids: Vec<PatternId>,
    evidence: Evidence,
    /// Leaves since it was grouped.
    news: usize,
    /// Looks since then at which it was passed over.
    passed: usize,
}

impl Family {
    /// Whether it is small, or has waited for long enough.
    const fn is_due(&self) -> bool {
        self.ids.len() <= (self.passed + 1) * FAMILY_OF_A_LOOK || self.news * NEWS_OF_A_FAMILY >= self.ids.len()
    }
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
            leaves: Vec::new(),
            families: HashMap::new(),
            vocabulary: Vocabulary::default(),
            stale: HashSet::new(),
            news: 0,
            regrouped: Vec::new(),
            is_reshaped: false,
            rest: [None; 2],
            most,
            cost: 0,
            glances: Glances::new(),
            texts: Texts::default(),
            masked: Vec::new(),
            items: Vec::new(),
            values: Vec::new(),
            places: Vec::new(),
        }
    }

    /// The leaf of a record from the source that `guard` watches.
    pub fn learn(&mut self, entry: &Entry<'_>, guard: &mut Guard) -> PatternId {
        let seed = seed(entry);
        self.texts.gather(entry.header, entry.lines);
        let look = look(&self.texts, seed);
        let mut masked = None;
        let known = self.glances.get(look, self.texts.bytes()).or_else(|| {
            masked = masked_look(&self.texts, seed, &mut self.masked);
            let known = self.glances.get(masked?, self.texts.bytes())?;
            // Some identifiers are but numbers: then the next one is known at the first look.
            self.glances.put(look, self.texts.bytes(), known);
            Some(known)
        });
        if let Some(known) = known
            && !guard.note(known.key)
        {
            return known.leaf;
        }
        let keys = self.keys(seed);
        // What was known was noted.
        let is_coarse = known.is_some() || guard.note(keys.fine);
        let key = if is_coarse { keys.coarse } else { keys.fine };
        if let Some(id) = self.by_key.get(&key).copied() {
            self.meet_again(id);
            if keys.is_steady
                && !is_coarse
                && let Some(shown) = self.shown(id)
            {
                let known = Known { key, leaf: id, shown };
                self.glances.put(masked.unwrap_or(look), self.texts.bytes(), known);
            }
            return id;
        }
        if self.leaves.len() >= self.most || self.cost >= MOST_BYTES {
            return self.rest(entry.level);
        }
        let mut builder = self.builder(entry, seed);
        if is_coarse {
            builder.coarsen();
        }
        let leaf = builder.finish(&self.values);
        let id = self.add(entry.level, leaf);
        self.by_key.insert(key, id);
        if self.news >= NEWS.max(self.leaves.len() / 2) {
            self.regroup();
        }
        id
    }

    /// All leaves, in the order in which they were found.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    pub fn pattern(&self, id: PatternId) -> Option<&Pattern> {
        self.patterns.get(index(id))
    }

    /// The pattern that a leaf is part of now; itself if it stands.
    pub fn root(&self, id: PatternId) -> PatternId {
        self.pattern(id).map_or(id, |pattern| pattern.root)
    }

    /// The leaves whose pattern changed since the last call, in the order in which that happened.
    pub fn take_regrouped(&mut self) -> Vec<Regrouped> {
        std::mem::take(&mut self.regrouped)
    }

    /// The shapes of all patterns that stand, if any changed since the last call.
    pub fn take_shapes(&mut self) -> Option<impl Iterator<Item = (PatternId, Shape)>> {
        std::mem::take(&mut self.is_reshaped).then(|| {
            let shaped = |pattern: &Pattern| Some((pattern.id, pattern.shape.clone()?));
            self.patterns.iter().filter_map(shaped)
        })
    }

    /// Makes patterns of all leaves as they are now. First each family by itself says which words are names, then all
    /// families that have news of their own or of such words are grouped.
    pub fn regroup(&mut self) {
        let mut families: Vec<u64> = self.stale.drain().collect();
        let touched = self.hear(&families);
        families.extend(touched);
        self.group_families(families);
    }

    /// The same for a look in between: large families that have little news wait for a later one.
    pub fn regroup_for_a_look(&mut self) {
        let stale: Vec<u64> = self.stale.drain().collect();
        let mut due = self.due(stale);
        let touched = self.hear(&due);
        due.extend(self.due(touched));
        self.group_families(due);
    }

    /// Those that are to be grouped now; the others stay stale.
    fn due(&mut self, families: Vec<u64>) -> Vec<u64> {
        let mut due = Vec::new();
        for family in families {
            let Some(found) = self.families.get_mut(&family) else {
                continue;
            };
            if found.is_due() {
                due.push(family);
            } else {
                found.passed += 1;
                self.stale.insert(family);
            }
        }
        due
    }

    /// Asks families which of their words are names; those in which such a word is another by now.
    fn hear(&mut self, families: &[u64]) -> Vec<u64> {
        let mut changed = HashSet::new();
        let nothing = Vocabulary::default();
        for family in families {
            let Some(found) = self.families.get(family).filter(|family| family.ids.len() > 1) else {
                continue;
            };
            let evidence = group(&self.members(&found.ids), &nothing).evidence;
            if let Some(found) = self.families.get_mut(family) {
                self.vocabulary.replace(&found.evidence, &evidence, &mut changed);
                found.evidence = evidence;
            }
        }
        if changed.is_empty() {
            return Vec::new();
        }
        let is_changed = |atom: &leaf::Atom| changed.contains(&atom.hash);
        let touched = self.leaves.iter().filter(|leaf| leaf.atoms.iter().any(is_changed));
        let mut touched: Vec<u64> = touched.map(|leaf| leaf.family).collect();
        touched.sort_unstable();
        touched.dedup();
        let known: HashSet<&u64> = families.iter().collect();
        touched.retain(|family| !known.contains(family));
        touched
    }

    fn group_families(&mut self, mut families: Vec<u64>) {
        self.news = 0;
        // In an order that does not depend on the hash map.
        families.sort_unstable();
        for family in families {
            let Some(found) = self.families.get_mut(&family) else {
                continue;
            };
            found.news = 0;
            found.passed = 0;
            if found.ids.len() < 2 {
                continue;
            }
            let ids = found.ids.clone();
            let groups = group(&self.members(&ids), &self.vocabulary).groups;
            for group in groups {
                self.apply(&ids, &group);
            }
        }
    }

    fn members(&self, ids: &[PatternId]) -> Vec<Member<'_>> {
        let of = |id: &PatternId| {
            Some(Member {
                leaf: self.leaves.get(index(*id))?,
                is_error: self.pattern(*id)?.level.is_error(),
            })
        };
        ids.iter().filter_map(of).collect()
    }

    fn apply(&mut self, ids: &[PatternId], group: &Group) {
        let Some(root) = group.members.first().and_then(|n| ids.get(*n)).copied() else {
            return;
        };
        let Some(leaf) = self.leaves.get(index(root)) else {
            return;
        };
        let text = if group.is_leaf {
            leaf.text()
        } else {
            leaf.text_of(group.cells.iter().copied())
        };
        for id in group.members.iter().filter_map(|n| ids.get(*n)) {
            let Some(pattern) = self.patterns.get_mut(index(*id)) else {
                continue;
            };
            if pattern.root != root {
                pattern.root = root;
                self.regrouped.push(Regrouped { leaf: *id, root });
            }
            pattern.text = Box::default();
            pattern.shape = None;
        }
        if let Some(pattern) = self.patterns.get_mut(index(root)) {
            pattern.text = text.into();
            pattern.is_leaf = group.is_leaf;
            pattern.shape = Some(Shape::new(group.cells.iter().map(|(hash, _)| *hash)));
            self.is_reshaped = true;
        }
    }

    /// The keys of the record whose texts were gathered; its values are left in `values`.
    fn keys(&mut self, seed: u64) -> Keys {
        let mut key = seed;
        let mut coarse = Coarse::new(seed);
        let mut is_steady = true;
        let (items, values) = (&mut self.items, &mut self.values);
        values.clear();
        self.places.clear();
        let mut begin = 0;
        for (text, role) in self.texts.iter() {
            is_steady &= scan(text, items);
            key = mix(mix(key, hash_of_break(role)), hash_of_wordless(text, items));
            for item in items.iter() {
                let hash = hash(item, text);
                key = mix(key, hash);
                coarse.add(hash);
                if hash == VARIABLE {
                    values.push(value(item, text));
                    self.places.push((begin + item.start, begin + item.end));
                }
            }
            begin += text.len();
        }
        Keys {
            fine: key,
            coarse: coarse.key(),
            is_steady,
        }
    }

    fn builder(&mut self, entry: &Entry<'_>, seed: u64) -> Builder {
        let request = match entry.header.format {
            Format::Access => entry.header.status,
            Format::None
            | Format::Json
            | Format::Logfmt
            | Format::Klog
            | Format::Syslog
            | Format::Redis
            | Format::Ruby
            | Format::Stamped
            | Format::Bracketed
            | Format::Word => None,
        };
        let mut builder = Builder::new(seed, request);
        let items = &mut self.items;
        for (text, role) in self.texts.iter() {
            scan(text, items);
            builder.add(text, items, role);
        }
        builder
    }

    /// The values of the record that was scanned that its leaf shows.
    fn shown(&self, id: PatternId) -> Option<Shown> {
        let leaf = self.leaves.get(index(id))?;
        let place = |n: usize| self.places.get(n).copied().unwrap_or((usize::MAX, usize::MAX));
        Shown::new(leaf.shown_with_digits().map(place))
    }

    /// A further record of a leaf.
    fn meet_again(&mut self, id: PatternId) {
        let Some(leaf) = self.leaves.get_mut(index(id)) else {
            return;
        };
        if leaf.once {
            leaf.once = false;
            self.stale.insert(leaf.family);
        }
        if leaf.agree(&self.values)
            && let Some(pattern) = self.patterns.get_mut(index(id))
            && pattern.stands()
            && pattern.is_leaf
        {
            pattern.text = leaf.text().into();
        }
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
        let id = self.push(level, PatternKind::Rest, Leaf::default(), text);
        self.rest[class] = Some(id);
        id
    }

    fn add(&mut self, level: Level, leaf: Leaf) -> PatternId {
        let family = leaf.family;
        let text = leaf.text();
        let id = self.push(level, PatternKind::Pattern, leaf, &text);
        let found = self.families.entry(family).or_default();
        found.ids.push(id);
        found.news += 1;
        self.stale.insert(family);
        self.news += 1;
        id
    }

    fn push(&mut self, level: Level, kind: PatternKind, leaf: Leaf, text: &str) -> PatternId {
        let id = PatternId(u32::try_from(self.patterns.len()).unwrap_or(u32::MAX));
        let shape = Shape::new(leaf.atoms.iter().map(|atom| atom.hash));
        self.cost += leaf.cost() + shape.cost() + text.len() + size_of::<Pattern>();
        self.is_reshaped = true;
        self.leaves.push(leaf);
        self.patterns.push(Pattern {
            id,
            level,
            kind,
            root: id,
            is_leaf: true,
            text: text.into(),
            shape: Some(shape),
        });
        id
    }
}

/// The parts of a text in their order, as bytes of it.
pub fn parts(text: &[u8]) -> Vec<Range<usize>> {
    let mut items = Vec::new();
    scan(text, &mut items);
    items.iter().map(|item| item.start..item.end).collect()
}

fn index(id: PatternId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}

/// Records that differ in level, format or outcome are never the same pattern.
fn seed(entry: &Entry<'_>) -> u64 {
    let hundreds = entry.header.status.map_or(0, |status| u64::from(status / 100));
    let outcome = mix(mix(entry.level as u64, entry.header.format as u64), hundreds);
    match (entry.header.format, entry.lines.first()) {
        // Of the line itself only the method stays: formats of requests are told apart by their quotations.
        (Format::Access, Some(line)) => mix(outcome, quotations(line)),
        _ => outcome,
    }
}

fn look(texts: &Texts, seed: u64) -> Look {
    let mut look = Look::new(seed);
    for (text, role) in texts.iter() {
        look.add(hash_of_break(role), text);
    }
    look
}

/// The look of a record without its identifiers, if it has any.
fn masked_look(texts: &Texts, seed: u64, masked: &mut Vec<u8>) -> Option<Look> {
    /// Apart from all looks of texts as they stand.
    const MASKED: u64 = 0x4d41_534b;
    let mut look = Look::new(seed ^ MASKED);
    let mut found = false;
    for (text, role) in texts.iter() {
        masked.clear();
        if ids::mask(text, masked) {
            found = true;
            look.add(hash_of_break(role), masked);
        } else if text.len() <= ids::MOST_BYTES {
            look.add(hash_of_break(role), text);
        } else {
            return None;
        }
    }
    found.then_some(look)
}

/// Quotation marks of a line, but not those inside a quotation, and whether something follows them.
fn quotations(line: &[u8]) -> u64 {
    let end = u64::from(line.trim_ascii_end().ends_with(b"\""));
    memchr::memchr_iter(b'"', line)
        .filter(|at| at.checked_sub(1).and_then(|before| line.get(before)) != Some(&b'\\'))
        .fold(end, |count, _| count + 2)
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

    fn learn_from(miner: &mut Miner, text: &str, guard: &mut Guard) -> PatternId {
        let lines = lines(text);
        let header = header::parse(&lines[0], Format::None);
        let entry = Entry {
            level: header.level,
            header: &header,
            lines: &lines,
        };
        miner.learn(&entry, guard)
    }

    fn learn(miner: &mut Miner, text: &str) -> PatternId {
        learn_from(miner, text, &mut Guard::new())
    }

    fn roots(miner: &mut Miner, texts: &[&str]) -> Vec<PatternId> {
        let ids: Vec<_> = texts.iter().map(|text| learn(miner, text)).collect();
        miner.regroup();
        ids.iter().map(|id| miner.root(*id)).collect()
    }

    fn check(texts: &[&str], expected: &str) {
        let mut miner = Miner::default();
        let roots = roots(&mut miner, texts);
        assert!(roots.iter().all(|id| *id == roots[0]), "{texts:?} are {roots:?}");
        assert_eq!(miner.pattern(roots[0]).unwrap().text(), expected);
    }

    fn differ(texts: &[&str]) {
        let mut unique = roots(&mut Miner::default(), texts);
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), texts.len(), "{texts:?} are {unique:?}");
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
        check(&[&text("alpha")], "Queue alpha was flushed");
        let mut miner = Miner::default();
        let ids = names.map(|name| learn(&mut miner, &text(name)));
        miner.regroup();
        assert!(ids.iter().all(|id| miner.root(*id) == ids[0]));
        assert_eq!(miner.pattern(ids[0]).unwrap().text(), "Queue <*> was flushed");
        assert_eq!(miner.take_regrouped().len(), names.len() - 1);
        assert_eq!(miner.patterns().iter().filter(|pattern| pattern.stands()).count(), 1);
        let another = learn(&mut miner, &text("willow"));
        assert_eq!(miner.root(another), another);
        miner.regroup();
        assert_eq!(miner.root(another), ids[0]);
    }

    #[test]
    fn phrases_and_lists_of_any_length_are_one_variable() {
        let phrases = [
            "red stone",
            "big old river",
            "lotus",
            "maple tree",
            "far away from here",
            "nimbus",
            "a hill",
            "two doors",
        ];
        for (before, after) in [
            ("INFO The view ", " was built anew"),
            ("INFO Built views [", "] anew for all"),
        ] {
            let texts = phrases.map(|phrase| format!("{before}{phrase}{after}"));
            let mut miner = Miner::default();
            let roots = roots(&mut miner, &texts.each_ref().map(String::as_str));
            assert!(roots.iter().all(|root| *root == roots[0]), "{texts:?} are {roots:?}");
        }
    }

    #[test]
    fn a_merge_on_thin_evidence_is_undone() {
        let mut miner = Miner::default();
        let one = learn(&mut miner, "INFO removed the file from disk");
        let many = learn(&mut miner, "INFO removed the files from disk");
        miner.regroup();
        assert_eq!(miner.take_regrouped(), [Regrouped { leaf: many, root: one }]);
        // Not one word and its plural after all.
        learn(&mut miner, "INFO removed the links from disk");
        miner.regroup();
        assert_eq!(miner.take_regrouped(), [Regrouped { leaf: many, root: many }]);
        assert_eq!(miner.pattern(many).unwrap().text(), "removed the files from disk");
    }

    #[test]
    fn what_tells_why_is_never_a_name() {
        differ(&[
            "ERROR cannot reach db: connection refused",
            "ERROR cannot reach db: i/o timeout",
            "ERROR cannot reach db: no route to host",
            "ERROR cannot reach db: no such host",
        ]);
        differ(&["WARN call failed with ECONNREFUSED", "WARN call failed with ETIMEDOUT"]);
        differ(&["WARN step was killed by signal 9", "WARN step was killed by signal 11"]);
        differ(&[
            "WARN rpc error: code = Unavailable desc = backend is away",
            "WARN rpc error: code = NotFound desc = backend is away",
        ]);
        differ(&["INFO Completed 200 OK in 5ms", "INFO Completed 404 Not Found in 5ms"]);
    }

    #[test]
    fn errors_beside_the_message_tell_apart() {
        let klog = |why: &str| {
            format!("E0304 08:01:48.322676    3291 queue.go:592] \"Binding failed\" pod=\"a/b\" err=\"{why}\"")
        };
        differ(&[&klog("conflict on version"), &klog("leader changed")]);
        check(
            &[&klog("conflict on version 1"), &klog("conflict on version 2")],
            "Binding failed\nconflict on version <*>",
        );
    }

    #[test]
    fn a_blank_line_has_a_text() {
        check(&["", "  "], "(blank line)");
    }

    #[test]
    fn one_word_and_its_plural_are_one() {
        check(
            &["INFO removed 1 file from disk", "INFO removed 2 files from disk"],
            "removed <*> file from disk",
        );
        check(
            &["INFO removed the file from disk", "INFO removed the files from disk"],
            "removed the <*> from disk",
        );
    }

    #[test]
    fn a_source_of_ever_new_text_is_taken_coarser() {
        let mut miner = Miner::default();
        let mut guard = Guard::new();
        let word = |n: u32| {
            (0..4)
                .map(|k| char::from(b'a' + u8::try_from(n >> (4 * k) & 15).unwrap()))
                .collect::<String>()
        };
        for n in 0..4_000 {
            learn_from(
                &mut miner,
                &format!("INFO say and hear {} {}", word(n), word(n * 7)),
                &mut guard,
            );
        }
        assert!(guard.is_coarse());
        assert!(miner.patterns().len() < 3_500, "{}", miner.patterns().len());
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
        miner.regroup();
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

    /// The records in an order in which each source keeps its own, and the pattern of each.
    fn grouped(sources: &[Vec<String>], order: &[usize]) -> BTreeMap<(usize, usize), String> {
        let mut miner = Miner::default();
        let mut guards: Vec<_> = sources.iter().map(|_| Guard::new()).collect();
        let mut next = vec![0; sources.len()];
        let mut ids = BTreeMap::new();
        let all = (0..sources.len()).flat_map(|source| std::iter::repeat_n(source, sources[source].len()));
        for source in order.iter().map(|n| n % sources.len()).chain(all) {
            let Some(record) = sources[source].get(next[source]) else {
                continue;
            };
            ids.insert(
                (source, next[source]),
                learn_from(&mut miner, record, &mut guards[source]),
            );
            next[source] += 1;
        }
        miner.regroup();
        let first_of_root = |root| *ids.iter().find(|(_, id)| miner.root(**id) == root).unwrap().0;
        ids.iter()
            .map(|(at, id)| {
                let root = miner.root(*id);
                (
                    *at,
                    format!("{:?} {}", first_of_root(root), miner.pattern(root).unwrap().text()),
                )
            })
            .collect()
    }

    proptest! {
        #[test]
        fn what_is_known_at_a_glance_is_what_a_scan_finds(
            picks in prop::collection::vec((0_usize..10, any::<[u8; 3]>()), 1..60),
        ) {
            let texts = [
                "took # ms", "sent # of #", "exited with code #", "GET /a/# 200", "status: #", "# Not Found here",
                "port # open", "it #=x is", "Http#Error: no", "ERROR read # failed: exit #",
            ];
            let mut miner = Miner::default();
            let mut scanning = Miner::default();
            for (text, numbers) in picks {
                let mut text = texts[text].to_owned();
                for number in numbers {
                    // Three digits, so that many look alike, and some are statuses.
                    text = text.replacen('#', &(100 + 5 * (u16::from(number) % 100)).to_string(), 1);
                }
                let id = learn(&mut miner, &text);
                scanning.glances = Glances::new();
                prop_assert_eq!(id, learn(&mut scanning, &text), "{}", text);
            }
            let shown = |miner: &Miner| miner.patterns().iter().map(|p| p.text().to_owned()).collect::<Vec<_>>();
            prop_assert_eq!(shown(&miner), shown(&scanning));
        }

        /// The same patterns with the same texts, however sources interleave.
        #[test]
        fn patterns_do_not_depend_on_how_sources_interleave(
            words in prop::collection::vec(prop::collection::vec(
                ("(get|put|drop) (item|list|big box)", 0_u8..4, "(ok|failed|INFO [a-j]{2}|ERROR y|WARN [a-d] [a-d]: [a-c])"), 1..60), 1..5),
            order in prop::collection::vec(0_usize..60, 0..200),
        ) {
            let sources: Vec<Vec<String>> = words
                .iter()
                .map(|words| words.iter().map(|(a, n, b)| format!("{b} {a} {n} at 'v{n}' of {a}")).collect())
                .collect();
            prop_assert_eq!(grouped(&sources, &order), grouped(&sources, &[]));
        }
    }
}
