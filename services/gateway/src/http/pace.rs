//! How long a request's body may take.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep};

/// So long, and a second more for so many bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) grace: Duration,
    pub(crate) bytes_per_s: u64,
}

impl Pace {
    /// How long so many bytes may take.
    fn time_for(self, bytes: u64) -> Duration {
        self.grace + Duration::from_millis(bytes.saturating_mul(1_000) / self.bytes_per_s.max(1))
    }
}

/// The body came more slowly than it may.
#[derive(Debug, Error)]
#[error("The body comes too slowly")]
struct TooSlow;

/// Whether that is why a body could not be read.
pub(super) fn is_too_slow(error: &(dyn Error + 'static)) -> bool {
    error.is::<TooSlow>() || error.source().is_some_and(is_too_slow)
}

/// A body that fails once it is behind its pace.
pub(crate) struct Paced<B> {
    body: B,
    pace: Pace,
    began: Instant,
    bytes: u64,
    /// Made once the body has to be waited for: most are there at once.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<B> Paced<B> {
    pub(crate) fn new(body: B, pace: Pace) -> Self {
        Self { body, pace, began: Instant::now(), bytes: 0, deadline: None }
    }
}

impl<B> Body for Paced<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(Frame::data_ref) {
                this.bytes += data.remaining() as u64;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let due = this.began + this.pace.time_for(this.bytes);
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if deadline.deadline() != due {
            deadline.as_mut().reset(due);
        }
        match deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(TooSlow.into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::poll_fn;

    use super::*;

    const PACE: Pace = Pace { grace: Duration::from_secs(10), bytes_per_s: 100 };

    /// So many bytes at a time, so far from each other, so many times.
    struct Drip {
        bytes: usize,
        every: Duration,
        left: usize,
        next: Pin<Box<Sleep>>,
    }

    impl Drip {
        fn new(bytes: usize, every: Duration, left: usize) -> Self {
            Self { bytes, every, left, next: Box::pin(tokio::time::sleep(every)) }
        }
    }

    impl Body for Drip {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            std::task::ready!(self.next.as_mut().poll(cx));
            self.left -= 1;
            self.next = Box::pin(tokio::time::sleep(self.every));
            Poll::Ready(Some(Ok(Frame::data(vec![0; self.bytes].into()))))
        }
    }

    /// How many bytes come until the body ends or fails, and which of both it does after how long.
    async fn read(drip: Drip) -> (u64, bool, Duration) {
        let mut body = Paced::new(drip, PACE);
        let began = Instant::now();
        loop {
            match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                Some(Ok(_)) => {}
                end => return (body.bytes, end.is_none(), began.elapsed()),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_ends() {
        let (bytes, is_whole, took) = read(Drip::new(1, Duration::from_secs(1), 1_000)).await;
        assert!(!is_whole && bytes == 10 && took < Duration::from_secs(11), "{bytes} bytes in {took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_ends() {
        let (bytes, is_whole, took) = read(Drip::new(1_000, Duration::from_secs(3_600), 2)).await;
        assert!(!is_whole && bytes == 0 && took < Duration::from_secs(11), "{bytes} bytes in {took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_is_fast_enough() {
        let (bytes, is_whole, took) = read(Drip::new(110, Duration::from_secs(1), 600)).await;
        assert!(is_whole && bytes == 66_000 && took >= Duration::from_secs(600), "{bytes} bytes in {took:?}");
    }
}
