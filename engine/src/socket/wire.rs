//! A connection: who is at its other end, and how long to wait for it.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::time::{Instant, Sleep, sleep};

/// How long to wait before a connection is tried again that the other side had no room for.
const AGAIN: Duration = Duration::from_millis(10);

/// Connects. Waits while the other side has no room for another connection.
pub(super) async fn connect(path: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(AGAIN).await,
            result => return result,
        }
    }
}

/// True if the error of a connect says that nobody listens there.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
}

/// True if this process and the user `uid` may speak: the same user, or the administrator. Each may do to
/// the other what it likes anyway.
pub(super) fn may_speak(uid: u32) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    uid == ours || uid == 0
}

/// A stream that fails when the other side has taken nothing for too long.
#[derive(Debug)]
pub(super) struct Patient {
    stream: UnixStream,
    patience: Duration,
    /// When it ends, while something waits to be taken.
    end: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    pub(super) fn new(stream: UnixStream, patience: Duration) -> Self {
        Self { stream, patience, end: None }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(taken) = Pin::new(&mut self.stream).poll_write(cx, bytes) {
            self.end = None;
            return Poll::Ready(taken);
        }
        let until = Instant::now() + self.patience;
        let end = self.end.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        end.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
