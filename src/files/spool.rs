//! Bytes that are written once and read back once, in memory while they are few and then in a temporary file without a
//! name, which is gone when the program is, however it ends.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes kept in memory before they go to the file.
const IN_MEMORY: usize = 1024 * 1024;

/// How many names are tried that others may have taken.
const TRIES: u32 = 100;

/// What was written so far.
#[derive(Debug, Default)]
pub struct Spool {
    recent: Vec<u8>,
    file: Option<File>,
}

impl Spool {
    /// Keeps what `append` appends to the bytes it is given.
    pub fn write(&mut self, append: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        append(&mut self.recent);
        if self.recent.len() < IN_MEMORY {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(unnamed()?),
        };
        file.write_all(&self.recent)?;
        self.recent.clear();
        Ok(())
    }

    /// Everything, from the beginning.
    pub fn into_reader(self) -> io::Result<impl Read> {
        let Self { recent, file } = self;
        let older: Box<dyn Read + Send> = match file {
            Some(mut file) => {
                file.seek(SeekFrom::Start(0))?;
                Box::new(BufReader::with_capacity(IN_MEMORY, file))
            }
            None => Box::new(io::empty()),
        };
        Ok(older.chain(Cursor::new(recent)))
    }
}

/// A new file in the system's folder for temporary files that only this process can reach.
fn unnamed() -> io::Result<File> {
    let dir = env::temp_dir();
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..TRIES {
        let path = dir.join(format!("kontrast-{}-{:016x}", std::process::id(), fastrand::u64(..)));
        match create(&path) {
            Ok(file) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // `create_new` is O_EXCL: a link planted at this name is refused, not followed.
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

#[cfg(windows)]
fn create(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    /// The file goes with its last handle.
    const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .custom_flags(FILE_FLAG_DELETE_ON_CLOSE)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_comes_back_in_order_and_leaves_nothing() {
        for count in [0, 10, 3 * IN_MEMORY / 4 + 1] {
            let mut spool = Spool::default();
            for n in 0..count {
                spool
                    .write(|out| out.extend_from_slice(&u32::try_from(n).unwrap().to_le_bytes()))
                    .unwrap();
            }
            assert!(spool.recent.len() < IN_MEMORY);
            let mut bytes = Vec::new();
            spool.into_reader().unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes.len(), 4 * count);
            let numbers = bytes.chunks(4).map(|four| u32::from_le_bytes(four.try_into().unwrap()));
            assert!(numbers.zip(0..).all(|(read, written)| read == written));
        }
        let mine = format!("kontrast-{}-", std::process::id());
        let left = std::fs::read_dir(env::temp_dir()).unwrap();
        assert!(
            left.flatten()
                .all(|entry| !entry.file_name().to_string_lossy().starts_with(&mine))
        );
    }
}
