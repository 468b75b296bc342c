//! Words that were found to be names somewhere are names elsewhere too: where two keys differ in such words only, no
//! further evidence is needed. Each family of keys says which of its words are names and which are constants, judged by
//! itself alone, so that the vocabulary is a pure function of the set of keys.

use hashbrown::{HashMap, HashSet};

/// What one family of keys says of its words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// Words that stand alone in the place of a variable; each once.
    pub(super) names: Vec<u64>,
    /// Words that several keys of one pattern have in common; each once.
    pub(super) constants: Vec<u64>,
}

/// What all families say, by the hash of the word.
#[derive(Clone, Debug, Default)]
pub(super) struct Vocabulary {
    words: HashMap<u64, Votes>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Votes {
    name: u32,
    constant: u32,
}

impl Votes {
    const fn is_name(self) -> bool {
        self.name > self.constant
    }
}

impl Vocabulary {
    pub(super) fn is_name(&self, word: u64) -> bool {
        self.words.get(&word).is_some_and(|votes| votes.is_name())
    }

    /// Replaces what a family said; adds the words that are names from now on, or no more, to `changed`.
    pub(super) fn replace(&mut self, old: &Evidence, new: &Evidence, changed: &mut HashSet<u64>) {
        if old == new {
            return;
        }
        let touched: HashSet<u64> = [&old.names, &old.constants, &new.names, &new.constants]
            .into_iter()
            .flatten()
            .copied()
            .collect();
        let before: HashSet<u64> = touched.iter().copied().filter(|word| self.is_name(*word)).collect();
        for word in &old.names {
            self.vote(*word, |votes| votes.name = votes.name.saturating_sub(1));
        }
        for word in &old.constants {
            self.vote(*word, |votes| votes.constant = votes.constant.saturating_sub(1));
        }
        for word in &new.names {
            self.vote(*word, |votes| votes.name += 1);
        }
        for word in &new.constants {
            self.vote(*word, |votes| votes.constant += 1);
        }
        for word in touched {
            if self.is_name(word) != before.contains(&word) && !changed.remove(&word) {
                changed.insert(word);
            }
            if self
                .words
                .get(&word)
                .is_some_and(|votes| votes.name + votes.constant == 0)
            {
                self.words.remove(&word);
            }
        }
    }

    fn vote(&mut self, word: u64, change: impl Fn(&mut Votes)) {
        change(self.words.entry(word).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(names: &[u64], constants: &[u64]) -> Evidence {
        Evidence {
            names: names.to_vec(),
            constants: constants.to_vec(),
        }
    }

    #[test]
    fn more_must_call_it_a_name_than_a_constant() {
        let mut vocabulary = Vocabulary::default();
        let mut changed = HashSet::new();
        vocabulary.replace(&said(&[], &[]), &said(&[1, 2], &[3]), &mut changed);
        assert!(vocabulary.is_name(1) && vocabulary.is_name(2) && !vocabulary.is_name(3));
        vocabulary.replace(&said(&[], &[]), &said(&[], &[1]), &mut changed);
        assert!(!vocabulary.is_name(1));
        assert_eq!(changed, HashSet::from_iter([2]));
        vocabulary.replace(&said(&[1, 2], &[3]), &said(&[], &[]), &mut changed);
        vocabulary.replace(&said(&[], &[1]), &said(&[], &[]), &mut changed);
        assert!(changed.is_empty() && vocabulary.words.is_empty());
    }
}
