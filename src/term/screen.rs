//! Frames to the terminal: only the cells that changed, in one synchronised write.

use std::io::{self, BufWriter, Stdout, Write};

use crossterm::clipboard::CopyToClipboard;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;

/// The most that is handed to the terminal's clipboard at once, in bytes; some terminals drop more than 75,000
/// encoded bytes, others crash.
const CLIPBOARD_MOST: usize = 74_000 / 4 * 3;

/// The terminal as a place to paint on.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    pub fn new() -> io::Result<Self> {
        let out = BufWriter::with_capacity(1 << 16, io::stdout());
        Ok(Self {
            terminal: Terminal::new(CrosstermBackend::new(out))?,
        })
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Lets `paint` fill a buffer and writes what changed; `paint` tells where the cursor is to be seen, if anywhere.
    pub fn draw(&mut self, paint: impl FnOnce(&mut Buffer) -> Option<(u16, u16)>) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| {
            if let Some(cursor) = paint(frame.buffer_mut()) {
                frame.set_cursor_position(cursor);
            }
        })?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Forgets what is on the screen, so that the next frame paints every cell: after a suspension or ctrl-l.
    /// A new terminal rather than a cleared one: clearing asks the terminal where its cursor is, and the answer would
    /// go to whoever reads the keys.
    pub fn forget(&mut self) -> io::Result<()> {
        *self = Self::new()?;
        execute!(self.terminal.backend_mut(), Clear(ClearType::All))
    }

    /// Hands text to the terminal's clipboard (OSC 52). False if it is too long for that.
    pub fn copy(&mut self, text: &str) -> io::Result<bool> {
        if text.len() > CLIPBOARD_MOST {
            return Ok(false);
        }
        execute!(self.terminal.backend_mut(), CopyToClipboard::to_clipboard_from(text)).map(|()| true)
    }

    pub fn ring(&mut self) -> io::Result<()> {
        let backend = self.terminal.backend_mut();
        backend.write_all(b"\x07")?;
        Write::flush(backend)
    }
}
