//! Tests of what a client may make the server do: connect packets, attachments, and connections that stay.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use engineioxide::service::NotFoundService;
use futures_util::{SinkExt, StreamExt};
use socketioxide::{
    ConnectErrorData, SocketIo, SocketIoBuilder,
    extract::{SocketRef, TryData},
    handler::ConnectHandler,
    service::SocketIoService,
};
use tokio::sync::{Semaphore, mpsc};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

mod fixture;

use fixture::{StreamImpl, create_ws_connection};

type Ws = WebSocketStream<StreamImpl>;

fn builder() -> SocketIoBuilder {
    SocketIo::builder()
        .ping_interval(Duration::from_secs(60))
        .ping_timeout(Duration::from_secs(60))
}

async fn within<F: Future>(fut: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(5), fut)
        .await
        .expect("timed out")
}

/// The next text, or `None` when the connection is closed.
async fn read(ws: &mut Ws) -> Option<String> {
    match within(ws.next()).await {
        Some(Ok(Message::Text(text))) if text != "1" => Some(text.to_string()),
        _ => None,
    }
}

async fn send(ws: &mut Ws, text: &str) {
    ws.send(Message::text(text)).await.unwrap();
}

/// A connection that was opened, and on which "40{}" was sent.
async fn open(svc: &SocketIoService<NotFoundService>) -> Ws {
    let mut ws = create_ws_connection(svc).await;
    assert!(read(&mut ws).await.unwrap().starts_with('0'));
    ws
}

/// The control: without `max_connects`, each of them starts the handlers, or a task that finds them running.
#[tokio::test]
async fn a_pending_connect_is_the_only_one() {
    let (svc, io) = builder().max_connects(1).build_svc();
    let (tries, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let middleware = {
        let (tries, gate) = (tries.clone(), gate.clone());
        async move |_: SocketRef| {
            tries.fetch_add(1, Ordering::SeqCst);
            gate.acquire().await.unwrap().forget();
            Ok::<(), &'static str>(())
        }
    };
    io.ns("/", (async || {}).with(middleware));

    // The second one is ignored, and the third one closes the connection.
    let mut ws = open(&svc).await;
    send(&mut ws, "40{}").await;
    gate.add_permits(1);
    assert!(read(&mut ws).await.unwrap().starts_with("40"));
    send(&mut ws, "40{}").await;
    assert_eq!(read(&mut ws).await, None);
    assert_eq!(tries.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_connect_is_the_last_one() {
    for (max, answers) in [(1, 1), (3, 3)] {
        let (svc, io) = builder().max_connects(max).build_svc();
        let middleware = async |s: SocketRef| {
            s.extensions
                .insert(ConnectErrorData(r#"{"code":"auth/no-token"}"#.into()));
            Err::<(), _>("No \"token\"")
        };
        io.ns("/", (async || {}).with(middleware));

        let mut ws = open(&svc).await;
        for _ in 0..answers {
            assert_eq!(
                read(&mut ws).await.unwrap(),
                r#"44{"message":"No \"token\"","data":{"code":"auth/no-token"}}"#
            );
            send(&mut ws, "40{}").await;
        }
        assert_eq!(read(&mut ws).await, None);
    }
}

#[tokio::test]
async fn an_unknown_namespace_is_refused_once() {
    let (svc, io) = builder().max_connects(1).build_svc();
    io.ns("/", async || {});
    let mut ws = open(&svc).await;
    assert!(read(&mut ws).await.unwrap().starts_with("40"));
    send(&mut ws, "40/unknown,").await;
    assert_eq!(
        read(&mut ws).await.unwrap(),
        r#"44/unknown,{"message":"Invalid namespace"}"#
    );
    send(&mut ws, "40/other,").await;
    assert_eq!(read(&mut ws).await, None);
}

#[tokio::test]
async fn an_event_to_an_unknown_namespace_closes_the_connection() {
    let (svc, io) = builder().build_svc();
    io.ns("/", async || {});
    let mut ws = open(&svc).await;
    assert!(read(&mut ws).await.unwrap().starts_with("40"));
    send(&mut ws, r#"42/unknown,["x"]"#).await;
    assert_eq!(read(&mut ws).await, None);
}

#[tokio::test]
async fn attachments_are_discarded() {
    let (svc, io) = builder().discard_attachments().build_svc();
    let (events_tx, mut events) = mpsc::unbounded_channel();
    io.ns("/", async move |socket: SocketRef| {
        socket.on_fallback(async move |TryData(data): TryData<serde_json::Value>| {
            events_tx.send(data.map_err(|_| ())).unwrap();
        });
    });
    let mut ws = open(&svc).await;
    assert!(read(&mut ws).await.unwrap().starts_with("40"));

    // It does not wait for them.
    let event = r#"452-["file",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    send(&mut ws, event).await;
    let placeholder = serde_json::json!({ "_placeholder": true, "num": 0 });
    assert_eq!(within(events.recv()).await, Some(Ok(placeholder.clone())));
    for _ in 0..2 {
        ws.send(Message::binary(vec![0; 1000])).await.unwrap();
    }
    send(&mut ws, r#"42["text","after"]"#).await;
    assert_eq!(within(events.recv()).await.unwrap().unwrap(), "after");

    // Nothing but attachments may follow.
    send(&mut ws, event).await;
    assert_eq!(within(events.recv()).await, Some(Ok(placeholder)));
    send(&mut ws, r#"42["text","in between"]"#).await;
    assert_eq!(read(&mut ws).await, None);
}

#[tokio::test]
async fn attachments_of_an_event_before_the_connection() {
    let (svc, io) = builder().discard_attachments().build_svc();
    let gate = Arc::new(Semaphore::new(0));
    let wait = async move |_: SocketRef| {
        gate.acquire().await.unwrap().forget();
        Ok::<(), &'static str>(())
    };
    io.ns("/", (async || {}).with(wait));
    let mut ws = open(&svc).await;
    send(&mut ws, r#"451-["file",{"_placeholder":true,"num":0}]"#).await;
    assert_eq!(read(&mut ws).await, None);
}

#[tokio::test]
async fn who_leaves_has_to_connect_again_in_time() {
    let (svc, io) = builder()
        .connect_timeout(Duration::from_millis(200))
        .build_svc();
    io.ns("/", async || {});
    let mut ws = open(&svc).await;
    assert!(read(&mut ws).await.unwrap().starts_with("40"));
    // It is connected, and stays.
    tokio::time::sleep(Duration::from_millis(400)).await;
    send(&mut ws, "41").await;
    send(&mut ws, "40{}").await;
    assert!(read(&mut ws).await.unwrap().starts_with("40"));
    tokio::time::sleep(Duration::from_millis(400)).await;
    send(&mut ws, "41").await;
    assert_eq!(read(&mut ws).await, None);
}

#[tokio::test]
async fn bytes_before_the_connection() {
    let (svc, io) = builder().max_unconfirmed_bytes(500).build_svc();
    io.ns("/", async |socket: SocketRef| {
        socket.on_fallback(async |s: SocketRef| s.emit("ok", &()).unwrap());
    });
    let mut ws = open(&svc).await;
    assert!(read(&mut ws).await.unwrap().starts_with("40"));
    send(&mut ws, &format!(r#"42["x","{}"]"#, "x".repeat(2000))).await;
    assert_eq!(read(&mut ws).await.unwrap(), r#"42["ok",null]"#);
    send(&mut ws, "41").await;
    send(&mut ws, &format!(r#"40{{"token":"{}"}}"#, "x".repeat(2000))).await;
    assert_eq!(read(&mut ws).await, None);
}

/// A client that does not read can't be told, and is disconnected all the same.
#[tokio::test]
async fn disconnecting_with_a_full_buffer() {
    let (svc, io) = builder().max_buffer_bytes(100).build_svc();
    let (sockets_tx, mut sockets) = mpsc::unbounded_channel();
    io.ns("/", async move |socket: SocketRef| {
        sockets_tx.send(socket).unwrap()
    });
    for drop_connection in [false, true] {
        let sid = fixture::create_polling_connection(&svc).await;
        let socket = within(sockets.recv()).await.unwrap();
        while socket.emit("x", "aaaaaaaaaaaaaaaaaaaa").is_ok() {}
        assert!(socket.buffered_bytes() >= 100);
        if drop_connection {
            socket.drop_connection();
        } else {
            socket.disconnect().unwrap();
        }
        let params = format!("transport=polling&sid={sid}");
        let answer = fixture::send_req(&svc, params, http::Method::GET, None).await;
        assert!(answer.contains("Session ID unknown"), "{answer}");
    }
}
