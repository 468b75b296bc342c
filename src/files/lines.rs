//! Files of any size as lines: read in large blocks, cut into slices of them without a copy. Bytes, not text.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use bytes::{Buf as _, Bytes, BytesMut};

/// Bytes read at once.
pub const BLOCK: usize = 256 * 1024;
/// A longer line keeps its head, as one from a stream does.
const MOST_BYTES: usize = 256 * 1024;

/// A reader as blocks, each full but the last: what is seen of the beginning does not depend on how it trickles in.
#[derive(Debug)]
pub struct Blocks<R> {
    reader: R,
    size: usize,
    /// The blocks given out last; a buffer is used again when nothing holds a slice of it any more.
    given: [Option<Bytes>; 2],
}

impl<R: Read> Blocks<R> {
    /// `size` is in bytes, more than none.
    pub fn new(reader: R, size: usize) -> Self {
        Self {
            reader,
            size,
            given: [None, None],
        }
    }

    /// The next block; none at the end.
    pub fn read(&mut self) -> io::Result<Option<Bytes>> {
        let mut block = self.buffer();
        let mut filled = 0;
        while filled < self.size {
            match self.reader.read(&mut block[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        block.truncate(filled);
        if filled == 0 {
            return Ok(None);
        }
        let block = block.freeze();
        self.given.swap(0, 1);
        self.given[1] = Some(block.clone());
        Ok(Some(block))
    }

    fn buffer(&mut self) -> BytesMut {
        let spent = self.given[0].take().and_then(|block| block.try_into_mut().ok());
        match spent {
            Some(mut block) => {
                block.resize(self.size, 0);
                block
            }
            None => BytesMut::zeroed(self.size),
        }
    }
}

/// Blocks to lines.
#[derive(Debug, Default)]
pub struct Cutter {
    block: Bytes,
    /// The beginning of a line whose end is in a later block, cut at the limit.
    begun: Vec<u8>,
}

impl Cutter {
    /// Takes the next block. All lines of the one before have been taken.
    pub fn feed(&mut self, block: Bytes) {
        self.begin_with_rest();
        self.block = block;
    }

    /// The next line that has its end, without it.
    pub fn line(&mut self) -> Option<Bytes> {
        let Some(end) = memchr::memchr(b'\n', &self.block) else {
            self.begin_with_rest();
            return None;
        };
        let line = self.block.split_to(end);
        self.block.advance(1);
        if self.begun.is_empty() {
            return Some(if line.len() > MOST_BYTES {
                line.slice(..MOST_BYTES)
            } else {
                line
            });
        }
        self.begin(&line);
        Some(std::mem::take(&mut self.begun).into())
    }

    /// The end of the file: what is left is a line without its end.
    pub fn finish(&mut self) -> Option<Bytes> {
        self.begin_with_rest();
        (!self.begun.is_empty()).then(|| std::mem::take(&mut self.begun).into())
    }

    fn begin_with_rest(&mut self) {
        let rest = std::mem::take(&mut self.block);
        self.begin(&rest);
    }

    fn begin(&mut self, bytes: &[u8]) {
        let room = MOST_BYTES.saturating_sub(self.begun.len());
        self.begun.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// The lines at the front of a file's first block that are surely whole: all of them if the block is not full.
pub fn whole_lines(block: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    let end = match memchr::memrchr(b'\n', block) {
        Some(end) if block.len() >= size => end,
        None if block.len() >= size => 0,
        Some(_) | None => block.len(),
    };
    block[..end].split(|byte| *byte == b'\n')
}

/// A file that is open only while a block of it is read, so that any number of them can be read at the same time.
#[derive(Debug)]
pub struct Reopened {
    path: PathBuf,
    at: u64,
}

impl Reopened {
    pub fn new(path: PathBuf) -> Self {
        Self { path, at: 0 }
    }
}

impl Read for Reopened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.at))?;
        let count = file.read(buffer)?;
        self.at += u64::try_from(count).unwrap_or(u64::MAX);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &[u8], block: usize) -> Vec<Bytes> {
        let mut blocks = Blocks::new(text, block);
        let mut cutter = Cutter::default();
        let mut found = Vec::new();
        while let Some(block) = blocks.read().unwrap() {
            cutter.feed(block);
            found.extend(std::iter::from_fn(|| cutter.line()));
        }
        found.extend(cutter.finish());
        found
    }

    #[test]
    fn a_long_line_keeps_its_head_and_spoils_no_other() {
        let text = [&b"a\n"[..], &vec![b'x'; MOST_BYTES + 7], b"\nb\n"].concat();
        for block in [1000, MOST_BYTES, 4 * MOST_BYTES] {
            let sizes: Vec<_> = lines(&text, block).iter().map(Bytes::len).collect();
            assert_eq!(sizes, [1, MOST_BYTES, 1], "blocks of {block}");
        }
    }

    #[test]
    fn only_whole_lines_tell_about_a_file() {
        let seen = |text: &'static str, size| whole_lines(text.as_bytes(), size).map(<[u8]>::len).collect::<Vec<_>>();
        assert_eq!(seen("ab\ncde", 6), [2]);
        assert_eq!(seen("ab\ncde", 7), [2, 3]);
        assert_eq!(seen("abcdef", 6), [0]);
    }

    #[test]
    fn a_file_is_read_on_where_it_was_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "one\ntwo\nthree").unwrap();
        let mut blocks = Blocks::new(Reopened::new(path), 5);
        let mut all = Vec::new();
        while let Some(block) = blocks.read().unwrap() {
            all.extend_from_slice(&block);
        }
        assert_eq!(all, b"one\ntwo\nthree");
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_the_blocks(text in "[a\n\0\u{fffd}]{0,60}", block in 1..70usize) {
            let mut expected: Vec<&[u8]> = text.as_bytes().split(|b| *b == b'\n').collect();
            if expected.last().is_some_and(|last| last.is_empty()) {
                expected.pop();
            }
            prop_assert_eq!(lines(text.as_bytes(), block), expected);
        }
    }
}
