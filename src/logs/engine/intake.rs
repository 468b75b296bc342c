//! From the lines of a source to kept records: joined, counted under their patterns, and handed on.

use std::sync::Arc;

use crate::contrast::exposure::LaneId;
use crate::contrast::{Evidence, Occurrence};
use crate::logs::pattern::{Entry, Guard};
use crate::logs::record::{Content, Record};
use crate::model::{Gap, Line, SourceId, Time};
use crate::text::join::Joined;

use super::Engine;

/// A source whose records are taken in, for as long as that takes.
struct Writer {
    source: SourceId,
    lane: LaneId,
    guard: Guard,
    /// When the first line of the next record came.
    arrived: Time,
}

impl Engine {
    pub(super) fn read(&mut self, source: SourceId, lines: Vec<Line>, now: Time) {
        let tally = self.tallies.entry(source.context).or_default();
        let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        tally.lines += count;
        for line in &lines {
            tally.bytes += u64::try_from(line.bytes.len()).unwrap_or(u64::MAX);
        }
        self.rates.add(source.context, count, now);
        self.news.any = true;
        let mut joined = std::mem::take(&mut self.joined);
        if let Some(stream) = self.streams.get_mut(&source) {
            stream.followed = stream.followed.min(now);
            if stream.joiner.due().is_none() {
                stream.begun = now;
            }
            for line in lines {
                stream.joiner.push(line, now, &mut joined);
            }
        }
        self.take_in(source, &mut joined, now);
        self.joined = joined;
        self.wait_for(source);
    }

    pub(super) fn gap_found(&mut self, source: SourceId, gap: Gap, now: Time) {
        self.close_record(source, now);
        let lost = Gap {
            from: self.ours(source, gap.from),
            to: self.ours(source, gap.to),
            cause: gap.cause.clone(),
        };
        self.ledger.gap_found(source, &lost);
        self.tallies.entry(source.context).or_default().gaps += 1;
        let record = Record {
            id: self.new_id(),
            source,
            time: gap.from,
            content: Content::Gap(gap),
        };
        self.keep(record, now);
        self.news_of_exposure();
    }

    /// The open record of a source is complete.
    pub(super) fn close_record(&mut self, source: SourceId, now: Time) {
        let mut joined = std::mem::take(&mut self.joined);
        if let Some(stream) = self.streams.get_mut(&source) {
            stream.joiner.flush(&mut joined);
        }
        self.take_in(source, &mut joined, now);
        self.joined = joined;
        self.wait_for(source);
    }

    /// Keeps the list of streams with an open record in step.
    pub(super) fn wait_for(&mut self, source: SourceId) {
        let Some(stream) = self.streams.get_mut(&source) else {
            return;
        };
        let due = stream.joiner.due();
        if stream.due == due {
            return;
        }
        if let Some(before) = stream.due {
            self.due.remove(&(before, source));
        }
        if let Some(due) = due {
            self.due.insert((due, source));
        }
        stream.due = due;
    }

    /// Of the records that were finished now the first is the one that was open; the others came whole.
    pub(super) fn take_in(&mut self, source: SourceId, joined: &mut Vec<Joined>, now: Time) {
        let Some(stream) = self.streams.get_mut(&source).filter(|_| !joined.is_empty()) else {
            joined.clear();
            self.records.shrink_to(self.config.memory);
            return;
        };
        let mut writer = Writer {
            source,
            lane: stream.lane,
            guard: std::mem::take(&mut stream.guard),
            arrived: std::mem::replace(&mut stream.begun, now),
        };
        // What is the same for all of them is noted once.
        let tally = self.tallies.entry(source.context).or_default();
        tally.records += u64::try_from(joined.len()).unwrap_or(u64::MAX);
        for record in joined.iter() {
            tally.errors += u64::from(record.level.is_error());
        }
        if let Some(latest) = joined.iter().map(|record| record.time).max() {
            let at = self.ours(source, latest);
            self.ledger.wrote(source, at);
        }
        self.news.counts = true;
        for record in joined.drain(..) {
            self.take_in_one(&mut writer, record);
            writer.arrived = now;
        }
        if let Some(stream) = self.streams.get_mut(&source) {
            stream.guard = writer.guard;
        }
        self.records.shrink_to(self.config.memory);
    }

    fn take_in_one(&mut self, writer: &mut Writer, joined: Joined) {
        let (source, lane) = (writer.source, writer.lane);
        let at = self.ours(source, joined.time);
        let entry = Entry {
            level: joined.level,
            header: &joined.header,
            lines: &joined.lines,
        };
        let was_coarse = writer.guard.is_coarse();
        let pattern = self.miner.learn(&entry, &mut writer.guard);
        if writer.guard.is_coarse() != was_coarse {
            let coarse = Arc::make_mut(&mut self.coarse);
            if was_coarse {
                coarse.remove(&source);
            } else {
                coarse.insert(source);
            }
        }
        let is_new_here = self.counts.add(Occurrence {
            pattern,
            source,
            lane,
            at,
            age: self.ledger.age_class(source, at),
        });
        self.news.urgent |= is_new_here && self.judge.contradicts(self.miner.root(pattern), source.context);
        let record = Record {
            id: self.new_id(),
            source,
            time: joined.time,
            content: Content::Text {
                level: joined.level,
                pattern,
                bytes: joined.lines.into_text(),
            },
        };
        self.examples.note(pattern, record.position());
        if self.config.evidence == Evidence::Frozen {
            self.firsts.entry((pattern, lane)).or_insert(record.id);
        }
        self.keep(record, writer.arrived);
    }
}
