//! What becomes of a request's body that is not read to its end.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use bytes::Bytes;
use futures::StreamExt as _;
use http_body::{Body, Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How much of it is read and thrown away at the least, in bytes; of a larger file that might be taken, all.
const BYTES: u64 = 16 * 1024 * 1024;
/// How long that may take.
const TIME: Duration = Duration::from_secs(30);

/// A body whose rest is drained once it is dropped. Otherwise the connection would be reset while its client sends, and
/// most clients then report that instead of the answer that is there.
pub(crate) struct Drained<B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static> {
    /// Until it has ended, or failed.
    body: Option<B>,
    /// The client sends nothing before it is asked to (`Expect: 100-continue`), which reading does.
    awaits_continue: bool,
    /// How much is read and thrown away, in bytes.
    most: u64,
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static> Drained<B> {
    /// `largest` is the largest request that is taken, in bytes.
    pub(crate) fn new(body: B, awaits_continue: bool, largest: u64) -> Self {
        Self { body: Some(body), awaits_continue, most: BYTES.max(largest) }
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static> Body for Drained<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.awaits_continue = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static> Drop for Drained<B> {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !self.awaits_continue && !body.is_end_stream()) else { return };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(TIME, drain(body, self.most)));
        }
    }
}

async fn drain<B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static>(body: B, most: u64) {
    let mut chunks = axum::body::Body::new(body).into_data_stream();
    let mut read = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
        read += chunk.len() as u64;
        if read > most {
            break;
        }
    }
}
