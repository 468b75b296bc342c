//! Raw mode and the alternate screen, and the promise that the terminal is given back as it was.

use std::io::{self, Write};
use std::panic;
use std::thread;

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{self, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute};

/// While it lives the terminal is ours; dropped, it is as it was.
#[derive(Debug)]
pub struct Guard {
    entered: bool,
    /// The line discipline as it was when the terminal was last given back.
    #[cfg(unix)]
    found: Option<rustix::termios::Termios>,
}

impl Guard {
    /// Takes the terminal. From now on a panic of this thread gives it back before its message
    /// is printed, and a panic of another prints nothing over the screen.
    pub fn enter() -> io::Result<Self> {
        let mut guard = Self {
            entered: false,
            #[cfg(unix)]
            found: None,
        };
        let print = panic::take_hook();
        let owner = thread::current().id();
        panic::set_hook(Box::new(move |info| {
            // A task that panics elsewhere ends by itself: the screen goes on, and its owner says so there.
            if thread::current().id() == owner {
                restore();
                print(info);
            }
        }));
        guard.resume()?;
        Ok(guard)
    }

    /// Gives the terminal back for a while: to a shell after ctrl-z, or to a login that needs a person.
    pub fn suspend(&mut self) {
        if std::mem::take(&mut self.entered) {
            restore();
            #[cfg(unix)]
            {
                self.found = rustix::termios::tcgetattr(io::stdin()).ok();
            }
        }
    }

    /// Takes the terminal again after a program that may have been ended in the middle of a password: the echo that it
    /// took away must not stay away when we leave. Keys that it did not read are not for us.
    pub fn resume_as_it_was(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        if let Some(found) = &self.found {
            use rustix::termios::{OptionalActions, tcsetattr};
            tcsetattr(io::stdin(), OptionalActions::Flush, found)?;
        }
        self.resume()
    }

    /// Takes the terminal again after `suspend`.
    pub fn resume(&mut self) -> io::Result<()> {
        if self.entered {
            return Ok(());
        }
        // Set first: a failure half-way must be undone too.
        self.entered = true;
        terminal::enable_raw_mode()?;
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            EnableBracketedPaste,
            EnableMouseCapture,
            cursor::Hide
        )
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.suspend();
    }
}

/// Undoes everything that `resume` did, each part even if another fails: there is nobody left to tell.
fn restore() {
    let mut out = io::stdout();
    drop(execute!(
        out,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    ));
    drop(out.flush());
    drop(terminal::disable_raw_mode());
}
