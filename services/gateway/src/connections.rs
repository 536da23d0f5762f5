//! TCP connections: how many there are, and how long one may take over what it sends.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use sinaesta_settings::GatewaySettings;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::admission::{Admission, Connection, ConnectionRef, TurnedAway};
use crate::http::{Drained, Pace, Paced};

/// The most bytes that the head of a request may have, and the most headers.
const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;
/// How many of those who are turned away are told so at once; the others are cut off.
const TOLD: usize = 256;
/// How long telling them may take, and until they have read it.
const TELLING: Duration = Duration::from_secs(1);
/// How long connections may take to end once the server closes.
const ENDING: Duration = Duration::from_secs(5);

/// Serves connections until `close` is done, and then those that are left. `largest` is the largest request that is taken, in bytes.
pub(crate) async fn serve(
    mut listener: TcpListener,
    app: Router,
    admission: Arc<Admission>,
    (settings, largest): (&GatewaySettings, u64),
    close: impl Future<Output = ()>,
) {
    // Not hyper-util's builder: for its first bytes a connection could take as long as it likes.
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(settings.header_timeout_ms))
        .max_buf_size(MAX_HEAD)
        .max_header_size(MAX_HEAD)
        .max_headers(MAX_HEADERS);
    let patience = Duration::from_millis(settings.ping_timeout_ms);
    let pace =
        Pace { grace: Duration::from_millis(settings.body_grace_ms), bytes_per_s: settings.min_body_bytes_per_s };
    // Made once here: otherwise the routes, and with them the Socket.IO sessions, would be made for each connection.
    let app = app.with_state::<()>(());
    let (connections, closing) = (TaskTracker::new(), CancellationToken::new());
    let told = Arc::new(Semaphore::new(TOLD));
    let mut close = pin!(close);
    loop {
        let (stream, peer): (TcpStream, SocketAddr) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut close => break,
        };
        prepare(&stream, patience);
        let connection = match admission.connect(peer.ip()) {
            Ok(connection) => Arc::new(connection),
            Err(turned_away) => {
                if let Ok(place) = Arc::clone(&told).try_acquire_owned() {
                    tokio::spawn(async move {
                        timeout(TELLING, tell(stream, turned_away)).await.ok();
                        drop(place);
                    });
                }
                continue;
            }
        };
        let of = ConnectionRef(Arc::downgrade(&connection));
        let service = app.clone().map_request(move |request: Request<Incoming>| {
            let awaits_continue = request.headers().contains_key(header::EXPECT);
            let mut request =
                request.map(|body| Body::new(Drained::new(Paced::new(body, pace), awaits_continue, largest)));
            request.extensions_mut().insert(of.clone());
            request
        });
        let io = TokioIo::new(Counted { stream, _connection: connection });
        let served = http.serve_connection(io, TowerToHyperService::new(service)).with_upgrades();
        let closing = closing.clone();
        connections.spawn(async move {
            let mut served = pin!(served);
            let result = tokio::select! {
                result = served.as_mut() => result,
                () = closing.cancelled() => {
                    served.as_mut().graceful_shutdown();
                    served.await
                }
            };
            if let Err(error) = result {
                tracing::debug!(%error, %peer, "connection closed");
            }
        });
    }
    drop(listener);
    closing.cancel();
    connections.close();
    if timeout(ENDING, connections.wait()).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
}

/// A message is sent when it is written, and a peer that takes nothing for too long is disconnected.
fn prepare(stream: &TcpStream, patience: Duration) {
    let set = stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_tcp_user_timeout(Some(patience)));
    if let Err(error) = set {
        tracing::debug!(%error, "a connection's options could not be set");
    }
}

/// Answers whatever is asked first, and reads what comes until they have gone: a connection with unread bytes would be
/// reset, and the answer lost.
async fn tell(mut stream: TcpStream, turned_away: TurnedAway) -> io::Result<()> {
    let seconds = turned_away.retry_after.as_secs().max(1);
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: {seconds}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    if stream.read(&mut [0; 4096]).await? == 0 {
        return Ok(());
    }
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
}

/// A stream that counts as a connection for as long as it is there, which after an upgrade is longer than HTTP.
struct Counted {
    stream: TcpStream,
    _connection: Arc<Connection>,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
