//! Tests of what a client may make the server do and keep: packets and bytes received, and bytes buffered for it.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use engineioxide::{
    Str,
    config::{EngineIoConfig, EngineIoConfigBuilder},
    handler::EngineIoHandler,
    service::EngineIoService,
    socket::{DisconnectReason, Socket},
};
use futures_util::{SinkExt, StreamExt};
use http::{Method, Request, StatusCode};
use http_body_util::{Either, Full, StreamBody};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_tungstenite::tungstenite::Message;

mod fixture;

use fixture::{create_polling_connection, create_ws_connection, send_req_raw};

#[derive(Debug)]
struct TestHandler {
    sockets: mpsc::UnboundedSender<Arc<Socket<()>>>,
    disconnects: mpsc::UnboundedSender<DisconnectReason>,
    messages: AtomicUsize,
}
impl EngineIoHandler for TestHandler {
    type Data = ();

    fn on_connect(self: Arc<Self>, socket: Arc<Socket<()>>) {
        self.sockets.send(socket).unwrap();
    }
    fn on_disconnect(&self, _: Arc<Socket<()>>, reason: DisconnectReason) {
        self.disconnects.send(reason).ok();
    }
    fn on_message(self: &Arc<Self>, _: Str, _: Arc<Socket<()>>) {
        self.messages.fetch_add(1, Ordering::SeqCst);
    }
    fn on_binary(self: &Arc<Self>, _: Bytes, _: Arc<Socket<()>>) {}
}

struct Server {
    svc: EngineIoService<TestHandler>,
    handler: Arc<TestHandler>,
    sockets: mpsc::UnboundedReceiver<Arc<Socket<()>>>,
    disconnects: mpsc::UnboundedReceiver<DisconnectReason>,
}
impl Server {
    fn new(config: EngineIoConfigBuilder) -> Self {
        let (sockets_tx, sockets) = mpsc::unbounded_channel();
        let (disconnects_tx, disconnects) = mpsc::unbounded_channel();
        let handler = Arc::new(TestHandler {
            sockets: sockets_tx,
            disconnects: disconnects_tx,
            messages: AtomicUsize::new(0),
        });
        let config = config
            .ping_interval(Duration::from_secs(60))
            .ping_timeout(Duration::from_secs(60))
            .build();
        let svc = EngineIoService::with_config(handler.clone(), config);
        Self {
            svc,
            handler,
            sockets,
            disconnects,
        }
    }

    fn messages(&self) -> usize {
        self.handler.messages.load(Ordering::SeqCst)
    }

    async fn post(&mut self, sid: &str, body: impl Into<String>) -> StatusCode {
        post(&mut self.svc, sid, body.into()).await
    }

    async fn poll(&mut self, sid: &str) -> String {
        let params = format!("transport=polling&sid={sid}");
        let res = send_req_raw(&mut self.svc, params, Method::GET, None);
        within(res).await
    }

    async fn closed(&mut self) -> DisconnectReason {
        within(self.disconnects.recv()).await.unwrap()
    }
}

type Chunks = StreamBody<
    UnboundedReceiverStream<Result<http_body::Frame<VecDeque<u8>>, std::convert::Infallible>>,
>;

fn post_req(
    sid: &str,
    body: Either<Full<VecDeque<u8>>, Chunks>,
) -> Request<Either<Full<VecDeque<u8>>, Chunks>> {
    Request::builder()
        .method(Method::POST)
        .uri(format!(
            "http://127.0.0.1/engine.io/?EIO=4&transport=polling&sid={sid}"
        ))
        .body(body)
        .unwrap()
}

fn post(
    svc: &mut EngineIoService<TestHandler>,
    sid: &str,
    body: String,
) -> impl Future<Output = StatusCode> + 'static {
    use tower_service::Service;
    let res = svc.call(post_req(
        sid,
        Either::Left(Full::new(VecDeque::from(body.into_bytes()))),
    ));
    async move { res.await.unwrap().status() }
}

async fn within<F: Future>(fut: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(5), fut)
        .await
        .expect("timed out")
}

fn packets(n: usize) -> String {
    vec!["4x"; n].join("\x1e")
}

#[tokio::test]
async fn a_payload_may_have_so_many_packets() {
    let mut server = Server::new(EngineIoConfig::builder().max_payload_packets(3));
    let sid = create_polling_connection(&mut server.svc).await;

    assert_eq!(server.post(&sid, packets(3)).await, StatusCode::OK);
    assert_eq!(server.post(&sid, packets(3)).await, StatusCode::OK);
    assert_eq!(server.messages(), 6);

    assert_eq!(server.post(&sid, packets(4)).await, StatusCode::BAD_REQUEST);
    assert_eq!(server.messages(), 9);
    assert_eq!(server.closed().await, DisconnectReason::PacketParsingError);
    // The session is gone.
    assert_eq!(server.post(&sid, packets(1)).await, StatusCode::BAD_REQUEST);
    assert_eq!(server.messages(), 9);
}

/// The control: without the yield, the other task finds all the packets handled.
#[tokio::test(flavor = "current_thread")]
async fn a_payload_does_not_keep_others_from_running() {
    let mut server = Server::new(EngineIoConfig::builder());
    let sid = create_polling_connection(&mut server.svc).await;
    let handler = server.handler.clone();
    let posted = tokio::spawn(post(&mut server.svc, &sid, packets(1000)));
    let mut seen = Vec::new();
    while handler.messages.load(Ordering::SeqCst) < 1000 {
        seen.push(handler.messages.load(Ordering::SeqCst));
        tokio::task::yield_now().await;
    }
    assert!(
        seen.len() >= 1000,
        "the other task ran {} times",
        seen.len()
    );
    assert_eq!(posted.await.unwrap(), StatusCode::OK);
}

#[tokio::test]
async fn only_one_payload_at_a_time() {
    use tower_service::Service;
    let mut server = Server::new(EngineIoConfig::builder());
    let sid = create_polling_connection(&mut server.svc).await;

    // The first one does not end.
    let (chunks, rx) = mpsc::unbounded_channel();
    let body = StreamBody::new(UnboundedReceiverStream::new(rx));
    let first = tokio::spawn(server.svc.call(post_req(&sid, Either::Right(body))));
    let chunk = http_body::Frame::data(VecDeque::from(b"4x\x1e".to_vec()));
    chunks.send(Ok(chunk)).unwrap();
    within(async {
        while server.messages() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;

    assert_eq!(server.post(&sid, "4x").await, StatusCode::BAD_REQUEST);
    assert_eq!(
        server.closed().await,
        DisconnectReason::MultipleHttpPollingError
    );
    drop(chunks);
    within(first).await.unwrap().unwrap();
    assert_eq!(server.messages(), 1);
}

#[tokio::test]
async fn polling_bytes_before_the_session_is_confirmed() {
    let mut server = Server::new(EngineIoConfig::builder().max_unconfirmed_bytes(10));
    let sid = create_polling_connection(&mut server.svc).await;
    let socket = server.sockets.recv().await.unwrap();

    assert_eq!(server.post(&sid, "4aaaaa").await, StatusCode::OK);
    assert_eq!(
        server.post(&sid, "4aaaaa").await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(server.closed().await, DisconnectReason::PacketParsingError);
    assert_eq!(server.messages(), 1);
    assert!(within(socket.closed()).await == ());

    let sid = create_polling_connection(&mut server.svc).await;
    let socket = server.sockets.recv().await.unwrap();
    socket.set_confirmed(true);
    for _ in 0..10 {
        assert_eq!(server.post(&sid, "4aaaaa").await, StatusCode::OK);
    }
    socket.set_confirmed(false);
    assert_eq!(server.post(&sid, "4aaaaa").await, StatusCode::OK);
    assert_eq!(
        server.post(&sid, "4aaaaa").await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn websocket_bytes_before_the_session_is_confirmed() {
    let mut server = Server::new(EngineIoConfig::builder().max_unconfirmed_bytes(200));
    let mut ws = create_ws_connection(&mut server.svc).await;
    let socket = within(server.sockets.recv()).await.unwrap();
    socket.set_confirmed(true);
    for _ in 0..10 {
        ws.send(Message::text(format!("4{}", "x".repeat(100))))
            .await
            .unwrap();
    }
    within(async {
        while server.messages() < 10 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    socket.set_confirmed(false);
    // A message that does not end is not waited for.
    ws.send(Message::text(format!("4{}", "x".repeat(1000))))
        .await
        .unwrap();
    assert_eq!(server.closed().await, DisconnectReason::TransportError);
    assert_eq!(server.messages(), 10);
}

#[tokio::test]
async fn a_buffer_has_so_many_bytes() {
    let mut server = Server::new(EngineIoConfig::builder().max_buffer_bytes(10));
    let sid = create_polling_connection(&mut server.svc).await;
    let socket = server.sockets.recv().await.unwrap();

    socket.emit("aaaaa").unwrap();
    assert_eq!(socket.buffered_bytes(), 5);
    // It is not full, and takes a message of any size.
    socket.emit("aaaaaaaaaa").unwrap();
    assert_eq!(socket.buffered_bytes(), 15);
    assert!(matches!(socket.emit("a"), Err(TrySendError::Full(_))));
    assert!(matches!(socket.reserve(), Err(TrySendError::Full(_))));
    assert_eq!(server.poll(&sid).await, "4aaaaa\x1e4aaaaaaaaaa");
    assert_eq!(socket.buffered_bytes(), 0);
    socket.emit("a").unwrap();
    socket.reserve().unwrap().emit("bb".into());
    assert_eq!(socket.buffered_bytes(), 3);
    assert_eq!(server.poll(&sid).await, "4a\x1e4bb");
    assert_eq!(socket.buffered_bytes(), 0);

    socket.close(DisconnectReason::TransportClose);
    within(socket.closed()).await;
    assert!(matches!(socket.reserve(), Err(TrySendError::Closed(_))));
}

#[tokio::test]
async fn what_is_written_to_a_websocket_is_no_longer_buffered() {
    let mut server = Server::new(EngineIoConfig::builder().max_buffer_bytes(10));
    let mut ws = create_ws_connection(&mut server.svc).await;
    let socket = within(server.sockets.recv()).await.unwrap();
    within(ws.next()).await.unwrap().unwrap();
    for _ in 0..10 {
        socket.emit("aaaaaaaaaaaaaaa").unwrap();
        let message = within(ws.next()).await.unwrap().unwrap();
        assert_eq!(message, Message::text("4aaaaaaaaaaaaaaa"));
        within(async {
            while socket.buffered_bytes() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn the_first_ping_comes_after_an_interval() {
    let mut server = Server::new(EngineIoConfig::builder());
    let mut ws = create_ws_connection(&mut server.svc).await;
    let open = within(ws.next()).await.unwrap().unwrap();
    assert!(open.to_text().unwrap().starts_with('0'));
    let socket = within(server.sockets.recv()).await.unwrap();
    socket.emit("x").unwrap();
    // Nothing comes before it.
    let message = within(ws.next()).await.unwrap().unwrap();
    assert_eq!(message, Message::text("4x"));
}
