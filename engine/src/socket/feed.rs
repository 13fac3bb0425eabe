//! Records or messages as they come, as the body of an answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::sleep;

use super::routes::blocking;
use super::{Lines, Shown};
use crate::channels::Pattern;

/// Records read at a time.
const MOST: usize = 256;

/// What a feed is made of.
pub(super) enum What {
    /// All records.
    Records,
    /// The messages of these channels.
    Messages(Arc<Pattern>),
}

/// What a feed is made from.
pub(super) struct Source {
    pub(super) shown: Arc<dyn Shown>,
    pub(super) what: What,
    /// Go on when there are no more, until the run is over.
    pub(super) follow: bool,
    /// How long to wait before looking for new records.
    pub(super) pause: Duration,
    /// Turns true when the server goes.
    pub(super) stop: watch::Receiver<bool>,
    /// The place among those who may be fed.
    pub(super) _place: OwnedSemaphorePermit,
}

/// A body that others fill.
pub(super) struct Feed {
    pieces: mpsc::Receiver<Piece>,
    over: bool,
}

enum Piece {
    Lines(Bytes),
    /// All was said. Without it the body was cut, and the reader must see that.
    End,
}

/// The body was cut.
#[derive(Debug, thiserror::Error)]
#[error("the records cannot be read further")]
pub(super) struct Broken;

impl Feed {
    /// Starts to give the records from seq `from` on. An error is one of the first read.
    pub(super) async fn start(source: Source, from: u64) -> Result<Self, String> {
        let first = source.read(from).await?;
        let (to, pieces) = mpsc::channel(1);
        tokio::spawn(source.pour((from, first), to));
        Ok(Self { pieces, over: false })
    }
}

impl Body for Feed {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.over {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.pieces.poll_recv(cx)) {
            Some(Piece::Lines(lines)) => Some(Ok(Frame::data(lines))),
            Some(Piece::End) => {
                self.over = true;
                None
            }
            None => Some(Err(Broken)),
        })
    }
}

impl Source {
    async fn read(&self, from: u64) -> Result<Lines, String> {
        let shown = Arc::clone(&self.shown);
        match &self.what {
            What::Records => blocking(move || shown.events(from, MOST)).await?,
            What::Messages(pattern) => {
                let pattern = Arc::clone(pattern);
                blocking(move || shown.messages(from, MOST, &pattern)).await?
            }
        }
    }

    /// Gives lines until there are no more to give, or nobody takes them. Each read waits until what was
    /// read before is taken.
    async fn pour(mut self, (mut at, mut lines): (u64, Lines), to: mpsc::Sender<Piece>) {
        let (mut over, mut last_look) = (false, false);
        loop {
            let (next, count) = (lines.next, lines.lines.len());
            over |= lines.over;
            if count > 0 && to.send(Piece::Lines(joined(&lines))).await.is_err() {
                return;
            }
            // Records that are left out were read, too.
            let none_left = next == std::mem::replace(&mut at, next);
            if none_left && (!self.follow || over || last_look) {
                let _ = to.send(Piece::End).await;
                return;
            }
            if none_left && !self.wait(&to).await {
                return;
            }
            // Taken before the read: what was written before the server goes is still told.
            last_look = *self.stop.borrow();
            match self.read(next).await {
                Ok(read) => lines = read,
                Err(_) => return,
            }
        }
    }

    /// Waits a moment. False if nobody listens any more.
    async fn wait(&mut self, to: &mpsc::Sender<Piece>) -> bool {
        tokio::select! {
            () = to.closed() => false,
            _ = self.stop.wait_for(|stop| *stop) => true,
            () = sleep(self.pause) => true,
        }
    }
}

fn joined(lines: &Lines) -> Bytes {
    let len = lines.lines.iter().map(|line| line.len() + 1).sum();
    let mut text = String::with_capacity(len);
    for line in &lines.lines {
        text.push_str(line);
        text.push('\n');
    }
    text.into()
}
