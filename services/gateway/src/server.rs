//! The listening server, from its first connection to its last.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::middleware;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sinaesta_contracts::ServerEvent as _;
use sinaesta_contracts::session::{GatewayAlive, ServerClosing};
use sinaesta_settings::GatewaySettings;
use sinaesta_telemetry::{Readiness, Unready};
use socketioxide::SocketIo;
use socketioxide::handler::ConnectHandler as _;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{Instant, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::admission::http::{Admitting, admit};
use crate::sockets::expiry::Expiring;
use crate::sockets::{accounts, expiry, handshake};
use crate::{Gateway, connections, http};

/// Connections that wait to be accepted: a school's worth of students who come back at once.
const BACKLOG: u32 = 4_096;
/// How often a gateway says that it lives.
const ALIVE: Duration = Duration::from_secs(3);
/// After not being heard for this long it says anew who is here, for it may have been given up.
const GIVEN_UP: Duration = Duration::from_secs(10);
/// How long it may take to hand over what the last connections leave behind.
const LAST: Duration = Duration::from_millis(500);
/// Within this time clients come back to a closing gateway's successor; milliseconds.
const RETURN_MS: u64 = 2_000;

/// By how much a socket's buffer is larger with what it asked for than with what it is told.
const ANSWERS: usize = 4;

/// A gateway whose port is open.
pub struct Bound {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) listener: TcpListener,
    pub(crate) health: TcpListener,
    pub(crate) expiring: Expiring,
}

/// Opens the port.
pub(crate) fn listen(settings: &GatewaySettings) -> anyhow::Result<TcpListener> {
    let place = (settings.host.as_str(), settings.port);
    let address = place.to_socket_addrs().context("gateway.host")?.next().context("gateway.host has no address")?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    let open = socket.bind(address).and_then(|()| socket.listen(BACKLOG));
    open.with_context(|| format!("port {address} can't be opened: choose another by gateway.port"))
}

impl Bound {
    /// Where clients connect.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown`. Then clients are told to come back elsewhere, what was taken is finished, and the
    /// connections are closed.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let Self { gateway, listener, health, expiring } = self;
        let (layer, io) = build(&gateway.settings.gateway);
        let inner = Arc::clone(&gateway);
        let authenticate = {
            let gateway = Arc::clone(&gateway);
            async move |socket, auth| handshake::authenticate(&gateway, socket, auth).await
        };
        io.ns("/", (async move |socket| handshake::welcome(&inner, socket)).with(authenticate));
        let admitting = Admitting { admission: Arc::clone(&gateway.admission), io: io.clone() };
        let app = http::router(&gateway).layer(layer).layer(middleware::from_fn_with_state(admitting, admit));
        let app = http::guard(app, &gateway.settings.gateway.cors_origins);
        let background = CancellationToken::new();
        // Until the end: a balancer reads there that this gateway closes.
        tokio::spawn(sinaesta_telemetry::serve_on(health, readiness(&gateway), background.clone()));
        tokio::spawn(expiry::run(Arc::clone(&gateway), io.clone(), expiring, background.clone()));
        tokio::spawn(accounts::run(Arc::clone(&gateway), io.clone(), background.clone()));
        tokio::spawn({
            let (gateway, background) = (Arc::clone(&gateway), background.clone());
            async move { gateway.entries.run(background).await }
        });
        tokio::spawn(say_alive(Arc::clone(&gateway), background.clone()));
        tracing::info!(at = %listener.local_addr()?, "the gateway serves");
        let close = {
            let gateway = Arc::clone(&gateway);
            async move {
                shutdown.cancelled().await;
                close(&gateway, &io).await;
            }
        };
        let admission = Arc::clone(&gateway.admission);
        let largest = http::largest(gateway.settings.files.max_bytes);
        connections::serve(listener, app, admission, (&gateway.settings.gateway, largest), close).await;
        background.cancel();
        // Those who went last are still to be told of.
        timeout(LAST, gateway.tasks.wait()).await.ok();
        gateway.bus.close().await;
        gateway.pool.close().await;
        tracing::info!("the gateway has finished what it began");
        Ok(())
    }
}

fn build(settings: &GatewaySettings) -> (socketioxide::layer::SocketIoLayer, SocketIo) {
    SocketIo::builder()
        .ping_interval(Duration::from_millis(settings.ping_interval_ms))
        .ping_timeout(Duration::from_millis(settings.ping_timeout_ms))
        .connect_timeout(Duration::from_millis(settings.connect_timeout_ms))
        .max_connects(1)
        .max_unconfirmed_bytes(settings.max_unsigned_bytes)
        .discard_attachments()
        .max_buffer_size(settings.max_buffer)
        .max_buffer_bytes(settings.socket_buffer_bytes.saturating_mul(ANSWERS))
        .max_payload(settings.max_message_bytes as u64)
        .max_payload_packets(settings.max_payload_packets)
        .ws_max_message_size(settings.max_message_bytes)
        .ws_max_frame_size(settings.max_message_bytes)
        .ws_read_buffer_size(4 * 1024)
        .build_layer()
}

/// Every connection is a file: allows as many as this process may have, and gives how many these are.
pub(crate) fn allow_many_files() -> usize {
    let limits = getrlimit(Resource::RLIMIT_NOFILE);
    let raised = limits.and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most).map(|()| most));
    let files = raised.unwrap_or_else(|error| {
        tracing::warn!(%error, "the limit on open files stays as it is");
        limits.map_or(u64::MAX, |(now, _)| now)
    });
    usize::try_from(files).unwrap_or(usize::MAX)
}

/// Whether clients may be sent here.
fn readiness(gateway: &Arc<Gateway>) -> Readiness {
    let gateway = Arc::clone(gateway);
    Readiness::new(move || {
        let gateway = Arc::clone(&gateway);
        async move { check(&gateway).await }
    })
}

async fn check(gateway: &Gateway) -> Result<(), Unready> {
    if gateway.closing.is_cancelled() {
        return Err(Unready::new("shutting down"));
    }
    sinaesta_store::reachable(&gateway.bus, &gateway.pool).await
}

async fn close(gateway: &Gateway, io: &SocketIo) {
    gateway.closing.cancel();
    let notice = ServerClosing { reconnect_after_ms: RETURN_MS };
    io.emit(ServerClosing::NAME, &notice).await.ok();
    let limit = Duration::from_millis(gateway.settings.gateway.shutdown_ms) / 2;
    gateway.tasks.close();
    if timeout(limit, gateway.tasks.wait()).await.is_err() {
        tracing::warn!("some events were not answered in time");
    }
    if timeout(limit, io.close()).await.is_err() {
        tracing::warn!("some connections did not close in time");
    }
}

/// Tells chat that this gateway lives, and who is here if it may have been given up.
async fn say_alive(gateway: Arc<Gateway>, background: CancellationToken) {
    let mut tick = interval(ALIVE);
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            () = background.cancelled() => return,
            _ = tick.tick() => {}
        }
        if gateway.bus.check().await.is_err() {
            continue;
        }
        gateway.bus.signal(&GatewayAlive { gateway_id: gateway.bus.id() }).await;
        if heard.elapsed() > GIVEN_UP {
            gateway.presence.announce_all(&gateway).await;
            gateway.participation.announce_all(&gateway).await;
        }
        heard = Instant::now();
    }
}
