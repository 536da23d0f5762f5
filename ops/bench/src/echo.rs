//! A bare Socket.IO server: acknowledges and broadcasts, checks and keeps nothing. What the library alone costs.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use axum::serve::ListenerExt as _;
use serde::{Deserialize, Serialize};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::handler::ConnectHandler as _;
use tokio::net::TcpSocket;

/// As many packets as the gateway keeps for one slow reader.
const MAX_BUFFER: usize = 4096;
const BACKLOG: u32 = 4096;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JoinRoom {
    room_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SendMessage {
    room_id: String,
    message: String,
}

#[derive(Serialize)]
struct ReceiveMessage {
    room_id: String,
    message: String,
}

#[derive(Serialize)]
struct Done {
    ok: bool,
}

/// Serves until it is ended; the first line of its output is its address.
pub(crate) async fn serve(port: u16) -> anyhow::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let listener = socket.listen(BACKLOG)?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;

    let (layer, io) = SocketIo::builder().max_buffer_size(MAX_BUFFER).ws_read_buffer_size(4 * 1024).build_layer();
    io.ns("/", (async |_: SocketRef| {}).with(register));
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    // Made into a service once: done for each connection, each would have sessions of its own.
    axum::serve(listener, axum::Router::new().layer(layer).into_make_service()).await?;
    Ok(())
}

/// Before the client is told that it is connected, for its first event may follow at once.
async fn register(socket: SocketRef) -> Result<(), std::convert::Infallible> {
    socket.on("join-room", async |socket: SocketRef, Data(event): Data<JoinRoom>, ack: AckSender| {
        socket.join(event.room_id);
        ack.send(&Done { ok: true }).ok();
    });
    socket.on("send-message", async |socket: SocketRef, Data(event): Data<SendMessage>, ack: AckSender| {
        let SendMessage { room_id, message } = event;
        ack.send(&Done { ok: true }).ok();
        let delivery = ReceiveMessage { room_id: room_id.clone(), message };
        socket.within(room_id).emit("receive-message", &delivery).await.ok();
    });
    Ok(())
}
