//! Reads of a socket, gathered: a log comes one line per record and frame, and a read for each of them costs more than
//! all that is done with the line. While lines come fast a socket is left alone for a moment after each read that
//! emptied it, so that the next read takes many at once. A backlog is read without pause; a line after a silence, and
//! the answers to requests and pings, are read the moment they come.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a line may lie unread in the socket. Under a third of a frame of the screen.
pub(super) const BEAT: Duration = Duration::from_millis(5);
/// Reads that follow each other within this are a flow of lines; others are not held up.
const FLOW: Duration = Duration::from_millis(12);
/// What is taken from the socket at once. TLS alone would take 4 KiB.
const TAKEN: usize = 64 << 10;

/// The beats to which the sockets of one context are read, together: each waking of the program costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beats {
    begun: Instant,
}

/// A socket, read as it comes or gathered.
#[derive(Debug)]
pub(super) struct Socket {
    io: TokioIo<TcpStream>,
    gathering: Option<Box<Gathering>>,
}

#[derive(Debug)]
struct Gathering {
    beats: Beats,
    taken: Box<[u8]>,
    /// What of it has not been handed out.
    from: usize,
    to: usize,
    read_at: Option<Instant>,
    /// The socket is left alone until then.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Beats {
    pub(super) fn start() -> Self {
        Self { begun: Instant::now() }
    }

    /// The first beat after `now`.
    fn next(self, now: Instant) -> Instant {
        let beat = BEAT.as_nanos();
        let beats = now.saturating_duration_since(self.begun).as_nanos() / beat + 1;
        self.begun + Duration::from_nanos(u64::try_from(beats * beat).unwrap_or(u64::MAX))
    }
}

impl Socket {
    pub(super) const fn plain(io: TokioIo<TcpStream>) -> Self {
        Self { io, gathering: None }
    }

    pub(super) fn gathered(io: TokioIo<TcpStream>, beats: Beats) -> Self {
        let gathering = Gathering {
            beats,
            taken: vec![0; TAKEN].into(),
            from: 0,
            to: 0,
            read_at: None,
            pause: None,
        };
        Self {
            io,
            gathering: Some(Box::new(gathering)),
        }
    }
}

impl Gathering {
    /// Waits until something is there to be handed out, or the end.
    fn poll_taken(&mut self, io: &mut TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.from < self.to {
            return Poll::Ready(Ok(()));
        }
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let mut room = ReadBuf::new(&mut self.taken);
        ready!(Pin::new(io).poll_read(cx, &mut room))?;
        (self.from, self.to) = (0, room.filled().len());
        if (1..TAKEN).contains(&self.to) {
            self.emptied(Instant::now());
        }
        Poll::Ready(Ok(()))
    }

    /// Nothing is left in the socket.
    fn emptied(&mut self, now: Instant) {
        let flows = self.read_at.is_some_and(|at| now.saturating_duration_since(at) < FLOW);
        self.read_at = Some(now);
        if flows {
            self.pause = Some(Box::pin(sleep_until(self.beats.next(now))));
        }
    }

    fn hand_out(&mut self, buf: &mut ReadBufCursor<'_>) {
        let there = self.taken.get(self.from..self.to).unwrap_or_default();
        let (now, _) = there.split_at(there.len().min(buf.remaining()));
        buf.put_slice(now);
        self.from += now.len();
    }
}

impl Read for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let Self { io, gathering } = &mut *self;
        let Some(gathering) = gathering else {
            return Pin::new(io).poll_read(cx, buf);
        };
        ready!(gathering.poll_taken(io.inner_mut(), cx))?;
        gathering.hand_out(&mut buf);
        Poll::Ready(Ok(()))
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        self.io.connected()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{Strategy, any, proptest};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (client.unwrap(), server.unwrap().0)
    }

    #[test]
    fn all_sockets_of_a_context_have_their_beats_together() {
        let beats = Beats::start();
        for after in [0, 1, 4_999_999, 5_000_000, 7_000_000] {
            let now = beats.begun + Duration::from_nanos(after);
            let next = beats.next(now);
            assert!(next > now && next <= now + BEAT);
            assert_eq!((next - beats.begun).as_nanos() % BEAT.as_nanos(), 0);
        }
    }

    /// What the socket does after reads at these moments (in milliseconds): each true is a pause.
    async fn check(reads: &[(u64, bool)]) {
        let (client, _server) = pair().await;
        let beats = Beats::start();
        let mut socket = Socket::gathered(TokioIo::new(client), beats);
        let gathering = socket.gathering.as_mut().unwrap();
        for (at, pauses) in reads {
            gathering.pause = None;
            gathering.emptied(beats.begun + Duration::from_millis(*at));
            assert_eq!(gathering.pause.is_some(), *pauses, "at {at}");
        }
    }

    #[tokio::test]
    async fn only_a_flow_of_lines_is_gathered() {
        check(&[(0, false), (100, false), (200, false)]).await;
        check(&[(0, false), (5, true), (10, true), (300, false), (301, true)]).await;
    }

    #[tokio::test]
    async fn a_line_after_a_silence_is_not_held_up_and_the_next_ones_come_together() {
        let (client, mut server) = pair().await;
        let mut socket = TokioIo::new(Socket::gathered(TokioIo::new(client), Beats::start()));
        let mut buf = [0; 16];
        server.write_all(b"one").await.unwrap();
        assert_eq!(socket.read(&mut buf).await.unwrap(), 3);
        assert!(socket.inner().gathering.as_ref().unwrap().pause.is_none());
        server.write_all(b"two").await.unwrap();
        assert_eq!(socket.read(&mut buf).await.unwrap(), 3);
        let until = socket
            .inner()
            .gathering
            .as_ref()
            .unwrap()
            .pause
            .as_ref()
            .unwrap()
            .deadline();
        server.write_all(b"three").await.unwrap();
        server.write_all(b"four").await.unwrap();
        assert_eq!(socket.read(&mut buf).await.unwrap(), 9);
        assert!(Instant::now() >= until);
    }

    proptest! {
        /// Every byte comes once and in order, whatever the sizes of writes and reads.
        #[test]
        fn nothing_is_lost(sent in vec(vec(any::<u8>(), 0..300), 0..40), size in (1_usize..200).boxed()) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (client, mut server) = pair().await;
                let mut socket = TokioIo::new(Socket::gathered(TokioIo::new(client), Beats::start()));
                let expected = sent.concat();
                let writing = async {
                    for part in &sent {
                        server.write_all(part).await.unwrap();
                    }
                    drop(server);
                };
                let reading = async {
                    let mut came = Vec::new();
                    let mut buf = vec![0; size];
                    loop {
                        match socket.read(&mut buf).await.unwrap() {
                            0 => return came,
                            read => came.extend_from_slice(&buf[..read]),
                        }
                    }
                };
                assert_eq!(tokio::join!(writing, reading).1, expected);
            });
        }
    }
}
