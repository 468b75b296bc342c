//! The signals that ask a terminal program to end, to stop, or to go on.

use std::io;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT from outside; in raw mode ctrl-c is a key, not a signal.
    Interrupt,
    /// SIGTERM, or SIGHUP: the terminal is gone or the session is ending.
    Terminate,
    /// SIGTSTP: give the terminal back and stop.
    Stop,
}

#[cfg(unix)]
pub use unix::{Signals, end_anyway, stop_self};

#[cfg(unix)]
mod unix {
    use std::time::Duration;

    use rustix::process::{self, Signal as Number};
    use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

    use super::{Signal, io};

    /// The signals of this process as a stream.
    #[derive(Debug)]
    pub struct Signals {
        interrupt: Stream,
        terminate: Stream,
        hang_up: Stream,
        stop: Stream,
    }

    impl Signals {
        pub fn listen() -> io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hang_up: signal(SignalKind::hangup())?,
                stop: signal(SignalKind::from_raw(Number::TSTP.as_raw()))?,
            })
        }

        /// The next signal; may be dropped while it waits without losing one.
        pub async fn next(&mut self) -> Signal {
            tokio::select! {
                _ = self.interrupt.recv() => Signal::Interrupt,
                _ = self.terminate.recv() => Signal::Terminate,
                _ = self.hang_up.recv() => Signal::Terminate,
                _ = self.stop.recv() => Signal::Stop,
            }
        }
    }

    /// How long a program that was asked to end has for it.
    const PATIENCE: Duration = Duration::from_secs(3);

    /// Ends this process some seconds after it was asked to, if it has not ended by then: a terminal that takes no more
    /// (ctrl-s, a hung emulator) keeps whoever writes to it from hearing the signal.
    #[expect(clippy::exit, reason = "whoever could return from main hears nothing")]
    pub async fn end_anyway() -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let number = tokio::select! {
            _ = terminate.recv() => Number::TERM,
            _ = hang_up.recv() => Number::HUP,
        };
        tokio::time::sleep(PATIENCE).await;
        // The screen cannot be left, but the shell gets its line discipline back.
        drop(crossterm::terminal::disable_raw_mode());
        std::process::exit(128 + number.as_raw());
    }

    /// Stops this process and whatever was started in the foreground with it (`cargo run`, a pager), until SIGCONT.
    /// SIGSTOP, because a handler for SIGTSTP is installed and would be called again.
    pub fn stop_self() -> io::Result<()> {
        process::kill_current_process_group(Number::STOP).map_err(io::Error::from)
    }
}

#[cfg(not(unix))]
pub use other::{Signals, end_anyway, stop_self};

#[cfg(not(unix))]
mod other {
    use super::{Signal, io};

    /// Where there are no signals, only ctrl-c.
    #[derive(Debug)]
    pub struct Signals;

    impl Signals {
        pub fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        /// The next ctrl-c, as long as anybody can still be told of one.
        pub async fn next(&mut self) -> Signal {
            match tokio::signal::ctrl_c().await {
                Ok(()) => Signal::Interrupt,
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// Nothing stops a process here; it simply goes on.
    pub fn stop_self() -> io::Result<()> {
        Ok(())
    }

    /// Nothing asks a process to end here.
    pub async fn end_anyway() -> io::Result<()> {
        Ok(())
    }
}
