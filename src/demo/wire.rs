//! A connection that can be cut, held silent or half closed from outside, between TLS and HTTP.
#![expect(
    clippy::disallowed_types,
    reason = "a fault changes the state that the connection's task polls; the lock is never held across an await"
)]

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// FIN, after what has been written.
    Fin,
    /// RST.
    Reset,
    /// FIN, and the server goes on reading until the client goes; what it would write is thrown away.
    HalfClose,
}

/// The outside's hold on a connection. A cheap handle.
#[derive(Clone, Default)]
pub struct Hold(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_silent: bool,
    /// It ends so, after this many bytes more.
    ending: Option<(End, usize)>,
    ended: Option<End>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Hold {
    /// Nothing is read and nothing written while it is silent.
    pub fn set_silent(&self, is_silent: bool) {
        self.change(|state| state.is_silent = is_silent);
    }

    /// Ends it when so many more bytes have been written; at once for 0. A connection ends once.
    pub fn end(&self, end: End, after: usize) {
        self.change(|state| {
            if state.ended.is_none() && state.ending.is_none() {
                state.ending = Some((end, after));
            }
        });
    }

    /// Whether there is nobody left to cut off.
    pub fn is_dropped(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection as the HTTP server uses it.
pub struct Wire {
    stream: TlsStream<TcpStream>,
    hold: Hold,
    /// FIN has been sent.
    is_shut: bool,
}

impl Wire {
    pub fn new(stream: TlsStream<TcpStream>, hold: Hold) -> Self {
        Self {
            stream,
            hold,
            is_shut: false,
        }
    }

    /// What may be written now: all, so many bytes, or nothing in one of the ways of an end.
    fn leave(&mut self, context: &Context<'_>) -> Leave {
        let mut state = self.hold.lock();
        if state.is_silent {
            state.writer = Some(context.waker().clone());
            return Leave::Wait;
        }
        if let Some((end, 0)) = state.ending {
            state.ending = None;
            state.ended = Some(end);
        }
        match (state.ended, state.ending) {
            (Some(end), _) => Leave::End(end),
            (None, Some((_, bytes))) => Leave::Bytes(bytes),
            (None, None) => {
                state.writer = Some(context.waker().clone());
                Leave::Bytes(usize::MAX)
            }
        }
    }

    fn wrote(&self, bytes: usize) {
        if let Some((_, left)) = &mut self.hold.lock().ending {
            *left = left.saturating_sub(bytes);
        }
    }

    fn end(&mut self, end: End, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match end {
            End::Reset => {
                // If the option cannot be set the client sees a FIN, which is an end too.
                drop(self.stream.get_ref().0.set_zero_linger());
            }
            End::Fin | End::HalfClose if !self.is_shut => {
                let shut = Pin::new(&mut self.stream).poll_shutdown(context);
                if shut.is_pending() {
                    return Poll::Pending;
                }
                self.is_shut = true;
            }
            End::Fin | End::HalfClose => {}
        }
        Poll::Ready(match end {
            End::HalfClose => Ok(()),
            End::Fin | End::Reset => Err(io::ErrorKind::ConnectionAborted.into()),
        })
    }
}

enum Leave {
    Wait,
    Bytes(usize),
    End(End),
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.hold.lock();
        state.reader = Some(context.waker().clone());
        let (is_silent, ended) = (state.is_silent, state.ended);
        let is_due = matches!(state.ending, Some((_, 0)));
        drop(state);
        if is_silent {
            return Poll::Pending;
        }
        if is_due || ended.is_some() {
            // The end is noticed here too: a server that only waits for requests writes nothing.
            if let Leave::End(end) = self.leave(context) {
                std::task::ready!(self.end(end, context))?;
            }
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.leave(context) {
            Leave::Wait => Poll::Pending,
            Leave::End(end) => {
                std::task::ready!(self.end(end, context))?;
                Poll::Ready(Ok(bytes.len()))
            }
            Leave::Bytes(most) => {
                let bytes = bytes.get(..most.min(bytes.len())).unwrap_or(bytes);
                let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
                self.wrote(written);
                Poll::Ready(Ok(written))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.leave(context) {
            Leave::Wait => Poll::Pending,
            Leave::End(end) => self.end(end, context),
            Leave::Bytes(_) => Pin::new(&mut self.stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_shut {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
